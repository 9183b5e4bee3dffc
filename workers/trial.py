"""What another rules file would do differently, over issues as if each were filed just now. Pure.

Both files judge every issue by the same steps as a run does: rules and models, then the plan. What
hides differences is left out: labels the issue bears by now, what people took off, earlier comments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from classifiers.tagging import NO_ANSWERS, Answers, judge
from rules.load import RuleBook
from rules.matching import ProjectRules
from rules.schema import Mode
from store.journal import Journal
from trackers.model import Issue, Memory
from trackers.protocol import Palette
from workers.decide import situation
from workers.plan import Chosen, Plan, plan

EXAMPLES: Final = 3
"""Issues named for each thing that is counted."""

Ask = Callable[[Issue, ProjectRules], Answers]
"""What the models that serve say of an issue when these rules ask them."""
PaletteOf = Callable[[Issue], Palette]


@dataclass(frozen=True, slots=True)
class Example:
    """One issue that would get a label, or would not any more."""

    key: str
    source: str
    """Whose word put it on or does so now: ``rule <name>`` or ``learned``; empty where none is at fault."""
    because: tuple[str, ...]
    """Sentences without a full stop: of a gained label why it fits, of a lost one why it does not."""


@dataclass(frozen=True, slots=True)
class Held:
    """Why a label that fits by the new file would not be put on, and on how many issues."""

    why: str
    issues: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelChange:
    """One label under both files; counts are of issues."""

    label: str
    now: int
    new: int
    gained: int
    lost: int
    gained_on: tuple[str, ...] = ()
    """A few keys."""
    lost_on: tuple[str, ...] = ()
    gain: Example | None = None
    """One of ``gained_on``, with its reasons."""
    loss: Example | None = None
    withheld: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """What one file does in one project."""

    mode: Mode
    """Whether its labels are put on, suggested or only recorded."""
    labels: int
    issues: int
    """Issues that get at least one."""


@dataclass(frozen=True, slots=True)
class ProjectChange:
    """One project or team under both files."""

    project: str
    issues: int
    now: Reach
    new: Reach


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that differs between two rules files over some issues."""

    issues: int
    changed: int
    """Issues that would get other labels."""
    labels: tuple[LabelChange, ...]
    """What changes most first; then those that fit and stay as they are."""
    projects: tuple[ProjectChange, ...]

    @property
    def gained(self) -> int:
        return sum(one.gained for one in self.labels)

    @property
    def lost(self) -> int:
        return sum(one.lost for one in self.labels)


def compare(
    issues: Iterable[Issue],
    connection: str,
    now: RuleBook,
    new: RuleBook,
    palette: PaletteOf,
    ask: Ask = lambda _issue, _rules: NO_ANSWERS,
) -> Comparison:
    """Hold ``new`` against ``now`` over ``issues`` of a connection, each of which is looked at once.

    ``palette`` gives the labels that may be put on an issue, ``ask`` the models' answers. Conditions on
    labels that are there already see those that ``issues`` have: leave out what we put on ourselves.
    """
    tally = _Tally()
    for issue in issues:
        colours = palette(issue)
        books = (now, new)
        before, after = (
            _planned(issue, book.effective(connection, issue.project), colours, ask) for book in books
        )
        tally.add(issue, before, after)
    return tally.comparison()


def _planned(issue: Issue, rules: ProjectRules, palette: Palette, ask: Ask) -> Plan:
    judgement = judge(rules, issue, ask(issue, rules))
    bare = replace(issue, labels=(), components=())
    at = situation(bare, Journal(), Memory(), {}, {})
    # What a comment would say is not looked at, so it need not be put in a tracker's markup.
    return plan(judgement, at, rules, palette, render=lambda _prose: "")


@dataclass(slots=True)
class _Label:
    """One label, while issues are counted."""

    name: str
    now: int = 0
    new: int = 0
    gained: int = 0
    lost: int = 0
    gained_on: list[str] = field(default_factory=list)
    lost_on: list[str] = field(default_factory=list)
    gain: Example | None = None
    loss: Example | None = None
    held: Counter[str] = field(default_factory=Counter)
    held_on: dict[str, list[str]] = field(default_factory=dict)

    def change(self) -> LabelChange:
        return LabelChange(
            self.name,
            self.now,
            self.new,
            self.gained,
            self.lost,
            tuple(self.gained_on),
            tuple(self.lost_on),
            self.gain,
            self.loss,
            tuple(Held(why, count, tuple(self.held_on[why])) for why, count in self.held.most_common()),
        )


@dataclass(slots=True)
class _Tally:
    """Counts as they grow: of the issues only a few keys are kept."""

    issues: int = 0
    changed: int = 0
    labels: dict[str, _Label] = field(default_factory=dict)
    projects: dict[str, ProjectChange] = field(default_factory=dict)

    def add(self, issue: Issue, before: Plan, after: Plan) -> None:
        fits, would = _by_name(before), _by_name(after)
        self.issues += 1
        self.changed += fits.keys() != would.keys()
        for name, item in (fits | would).items():
            label = self._label(name, item.name)
            label.now += name in fits
            label.new += name in would
            if name not in fits:
                label.gained += 1
                note(label.gained_on, issue.key)
                label.gain = label.gain or _gain(issue.key, item)
            elif name not in would:
                label.lost += 1
                note(label.lost_on, issue.key)
                label.loss = label.loss or _loss(issue.key, item, after)
        for name, why in _withheld(after):
            label = self._label(name.casefold(), name)
            label.held[why] += 1
            note(label.held_on.setdefault(why, []), issue.key)
        self._count(issue.project, before, after)

    def comparison(self) -> Comparison:
        changes = [label.change() for label in self.labels.values()]
        changes.sort(key=lambda one: (-(one.gained + one.lost), -one.new, one.label))
        projects = sorted(self.projects.values(), key=lambda one: one.project)
        return Comparison(self.issues, self.changed, tuple(changes), tuple(projects))

    def _label(self, folded: str, name: str) -> _Label:
        return self.labels.setdefault(folded, _Label(name))

    def _count(self, project: str, before: Plan, after: Plan) -> None:
        none = ProjectChange(project, 0, Reach(before.mode, 0, 0), Reach(after.mode, 0, 0))
        held = self.projects.get(project, none)
        self.projects[project] = ProjectChange(
            project, held.issues + 1, _further(held.now, before), _further(held.new, after)
        )


def note(keys: list[str], key: str) -> None:
    """Keep ``key`` among a few examples, if there is room."""
    if len(keys) < EXAMPLES and key not in keys:
        keys.append(key)


def _by_name(made: Plan) -> dict[str, Chosen]:
    return {item.name.casefold(): item for item in made.chosen}


def _withheld(made: Plan) -> Iterator[tuple[str, str]]:
    for held in made.withheld:
        yield held.proposal.label, held.why


def _further(reach: Reach, made: Plan) -> Reach:
    return Reach(reach.mode, reach.labels + len(made.chosen), reach.issues + bool(made.chosen))


def _gain(key: str, item: Chosen) -> Example:
    return Example(key, item.proposal.source, item.proposal.because)


def _loss(key: str, item: Chosen, after: Plan) -> Example:
    """Why a label is not put on by the plan ``after``."""
    names = {item.name.casefold(), item.proposal.label.casefold()}
    for held in after.withheld:
        if held.proposal.label.casefold() in names:
            return Example(key, held.proposal.source, (held.why,))
    for silent in after.silent:
        if not names.isdisjoint(label.casefold() for label in silent.labels):
            return Example(key, silent.source, silent.lacking)
    for reserve in after.reserves:
        for nearly in reserve.held_back:
            if nearly.proposal.label.casefold() in names:
                return Example(key, nearly.proposal.source, (nearly.why,))
    gone = "models are not asked for it" if item.proposal.learned else "no rule puts it on"
    return Example(key, "", (gone,))
