"""From judgement to operations: what would be written, what is withheld, and why. Pure.

Dry run, ``explain``, ``replay`` and the record all show this same plan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from classifiers.examples import Target
from classifiers.tagging import Judgement, Proposal, Reserve, Silent
from rules.matching import ProjectRules
from rules.schema import Mode
from store.journal import CommentRecord, CommentState
from trackers.model import Comment, Issue, Label, Memory
from trackers.prose import Prose
from trackers.protocol import LABELS_TOPIC, AddLabels, CreateLabel, Operation, Palette, PutComment
from workers import told, wording
from workers.decide import Because, Situation

Render = Callable[[Prose], str]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A proposal with the tracker's own label for it; ``label`` is None when it is still to be made."""

    proposal: Proposal
    label: Label | None

    @property
    def name(self) -> str:
        return self.label.path if self.label else self.proposal.label


@dataclass(frozen=True, slots=True)
class Withheld:
    """A proposal that is not carried out, and why, as a sentence without a full stop."""

    proposal: Proposal
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run means to do about an issue's labels."""

    mode: Mode
    chosen: tuple[Chosen, ...] = ()
    already: tuple[Chosen, ...] = ()
    """What fits and is on the issue."""
    withheld: tuple[Withheld, ...] = ()
    silent: tuple[Silent, ...] = ()
    reserves: tuple[Reserve, ...] = ()
    """What models keep to themselves."""
    reads_like: Proposal | None = None
    """A remark on the issue's type, whether or not a comment makes it."""
    operations: tuple[Operation, ...] = ()
    """What is written in this mode; in a dry run, what would be."""
    missing: tuple[str, ...] = ()
    """Names no label of the tracker has."""
    because: Because | None = None
    """Why there is nothing to write; None when there is."""

    def _operation_json(self, operation: Operation) -> Mapping[str, Any]:
        found = told.operation_json(operation)
        if isinstance(operation, AddLabels):
            return {**found, "because": {item.name: list(item.proposal.because) for item in self.chosen}}
        return found

    @property
    def dry(self) -> bool:
        """Nothing of it is written."""
        return self.mode is Mode.DRY_RUN

    def to_json(self) -> dict[str, Any]:
        """The plan as the record, ``explain --json`` and ``replay`` show it."""
        return {
            "mode": str(self.mode),
            "labels": [told.proposal_json(item.proposal) | {"label": item.name} for item in self.chosen],
            "already": [item.name for item in self.already],
            "withheld": [told.proposal_json(item.proposal) | {"why": item.why} for item in self.withheld],
            "operations": [self._operation_json(operation) for operation in self.operations],
            "because": str(self.because) if self.because else None,
            "reads_like": told.proposal_json(self.reads_like) if self.reads_like else None,
            "models": [told.reserve_json(reserve) for reserve in self.reserves],
        }


@dataclass(slots=True)
class _Sorting:
    """Proposals on their way into chosen, already there and withheld."""

    chosen: list[Chosen] = field(default_factory=list)
    already: list[Chosen] = field(default_factory=list)
    fitting: list[Chosen] = field(default_factory=list)
    """Chosen and already there, in the order of the judgement, each label once."""
    withheld: list[Withheld] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def choose(self, item: Chosen) -> None:
        self.chosen.append(item)
        self.fitting.append(item)

    def pass_over(self, item: Chosen) -> None:
        self.already.append(item)
        self.fitting.append(item)


def plan(judgement: Judgement, at: Situation, rules: ProjectRules, palette: Palette, render: Render) -> Plan:
    """Turn what fits into the operations that bring it about in this project's mode."""
    sorting = _Sorting()
    for proposal in judgement.proposals:
        _sort(proposal, sorting, at, rules, palette)
    for proposal in judgement.over_limit:
        most = "one label is" if rules.max_labels == 1 else f"{rules.max_labels} labels are"
        sorting.withheld.append(Withheld(proposal, f"at most {most} put on an issue"))
    remark = _remark(judgement)
    operations = _operations(sorting, remark, at, rules, render)
    return Plan(
        mode=rules.mode,
        chosen=tuple(sorting.chosen),
        already=tuple(sorting.already),
        withheld=tuple(sorting.withheld),
        silent=judgement.silent,
        reserves=judgement.reserves,
        reads_like=judgement.reads_like,
        operations=operations,
        missing=tuple(sorting.missing),
        because=None if operations else _why_nothing(judgement, sorting),
    )


def _sort(
    proposal: Proposal, sorting: _Sorting, at: Situation, rules: ProjectRules, palette: Palette
) -> None:
    label = palette.find(proposal.label)
    if label is None:
        sorting.missing.append(proposal.label)
        # What the past had and the tracker has no more was given up on purpose.
        if rules.create_labels and not proposal.learned and palette.creatable(proposal.label):
            sorting.choose(Chosen(proposal, None))
        else:
            kind = "component" if _is_component(proposal) else "label"
            sorting.withheld.append(Withheld(proposal, f"the tracker has no such {kind}, and none is made"))
    elif any(label == item.label for item in sorting.fitting):
        # Two names mean one label: its first reasons stand.
        return
    elif proposal.learned and _never(label, rules):
        sorting.withheld.append(Withheld(proposal, "the rules say never to apply it"))
    elif _present(label, at.issue):
        sorting.pass_over(Chosen(proposal, label))
    elif (why := _hindrance(proposal, label, sorting, at, rules)) is not None:
        sorting.withheld.append(Withheld(proposal, why))
    else:
        sorting.choose(Chosen(proposal, label))


def _hindrance(
    proposal: Proposal, label: Label, sorting: _Sorting, at: Situation, rules: ProjectRules
) -> str | None:
    """Why a label that fits and is not there is not put on all the same."""
    if at.unsure:
        return "its history is too long to know whether a person took it off before"
    if _vetoed(label, at):
        return "a person took it off this issue"
    if (rival := _rival(label, at.issue, sorting)) is not None:
        return f"the issue has {rival} of the same group, and only one may be set"
    if proposal.learned and _enough(proposal.target, sorting, at, rules):
        return "enough others were put on before"
    return None


def _never(label: Label, rules: ProjectRules) -> bool:
    # A model knows a label by its whole path; an admin may have named it without its group.
    return not rules.learned.never.isdisjoint((label.name.casefold(), label.path.casefold()))


def _vetoed(label: Label, at: Situation) -> bool:
    # Who took "security" off does not want "Security" either.
    return label.id.casefold() in {vetoed.casefold() for vetoed in at.vetoed}


def _present(label: Label, issue: Issue) -> bool:
    # A label that differs only in case says the same to a reader, so it is not added beside it.
    return any(has.id == label.id or has.path.casefold() == label.path.casefold() for has in issue.tags)


def _rival(label: Label, issue: Issue, sorting: _Sorting) -> str | None:
    if label.group is None:
        return None
    taken = [*issue.labels, *(item.label for item in sorting.chosen if item.label is not None)]
    return next((other.path for other in taken if other.group == label.group), None)


def _enough(target: Target, sorting: _Sorting, at: Situation, rules: ProjectRules) -> bool:
    """Whether models have put as many on the issue as they may: what earlier runs did counts as well."""
    held = at.journal.forecasts.get(target)
    there = {label.id for label in at.issue.tags}
    before = [guess for guess in held.guesses if guess.applied and guess.label in there] if held else []
    now = [item for item in sorting.chosen if item.proposal.learned and item.proposal.target is target]
    return len(before) + len(now) >= rules.learned.max_labels


def _operations(
    sorting: _Sorting, remark: Prose, at: Situation, rules: ProjectRules, render: Render
) -> tuple[Operation, ...]:
    operations: list[Operation] = []
    if sorting.chosen and rules.mode is not Mode.SUGGEST:
        operations.append(_add(sorting.chosen, at))
    comment = _comment(sorting, remark, at, rules, render)
    if comment is not None:
        operations.append(comment)
    return tuple(operations)


def _add(chosen: list[Chosen], at: Situation) -> AddLabels:
    labels = tuple(item.label for item in chosen if item.label is not None)
    new = tuple(CreateLabel(item.proposal.label) for item in chosen if item.label is None)
    applied = at.applied | {label.id for label in labels}
    return AddLabels(labels, new, Memory(applied, frozenset(at.vetoed)))


def _comment(
    sorting: _Sorting, remark: Prose, at: Situation, rules: ProjectRules, render: Render
) -> PutComment | None:
    held = at.comments.get(LABELS_TOPIC)
    id_ = held.id if held else None
    if held is not None and held.state is CommentState.DELETED:
        return None
    prose = _prose(sorting, remark, at, rules)
    settles = prose is None
    if prose is None:
        prose = _settled(at, rules)
        if id_ is None or prose is None:
            return None
    elif id_ is None and not _speaks(at.issue, rules):
        # What was once said is kept true all the same.
        return None
    body = render(prose)
    if held is not None and held.digest == digest(body):
        return None
    return PutComment(LABELS_TOPIC, body, id_, settles)


def _prose(sorting: _Sorting, remark: Prose, at: Situation, rules: ProjectRules) -> Prose | None:
    """What the comment should say as things stand; None when there is nothing to tell."""
    if rules.mode is Mode.SUGGEST:
        labels = wording.suggested(_reasons(sorting.chosen)) if sorting.chosen else ()
        return (*labels, *remark) or None
    # Labels of an earlier run belong in it too, also those whose comment a crash kept from being written.
    # All in the rules' order, so that a run that adds nothing finds the same text and leaves it.
    ours = [
        item
        for item in sorting.fitting
        if item in sorting.chosen or (item.label is not None and item.label.id in at.applied)
    ]
    earlier = _earlier(ours, at)
    if ours:
        return (*wording.labelled(_reasons(ours), earlier), *remark)
    # A remark alone is no reason to speak where nobody asked for suggestions. What was said before
    # stays, unless it tells of labels that are there no more.
    taken_off = _by_tagging(at) - {label.id for label in at.issue.tags}
    untrue = LABELS_TOPIC in at.comments and taken_off
    return wording.still_there(earlier) if earlier and untrue else None


def _earlier(told: Sequence[Chosen], at: Situation) -> list[str]:
    """What we put on and is still there, though nothing calls for it any more; always in one order."""
    ids = {item.label.id for item in told if item.label is not None}
    return sorted(label.path for label in at.issue.tags if label.id in _by_tagging(at) - ids)


def _settled(at: Situation, rules: ProjectRules) -> Prose | None:
    """How a comment ends whose matter is closed; None while what it says is still so."""
    if rules.mode is Mode.SUGGEST:
        return wording.suggestions_settled()
    # Labels of ours may stay though no rule calls for them any more: what was said of them stays true.
    ours = _by_tagging(at)
    still_there = any(label.id in ours for label in at.issue.tags)
    return wording.labels_taken_off() if ours and not still_there else None


def _by_tagging(at: Situation) -> frozenset[str]:
    """Labels we put on for what the issue says, not for the sprint it is in."""
    return at.applied - at.journal.held.keys()


def _reasons(items: Sequence[Chosen]) -> list[wording.Reason]:
    return [_reason(item.proposal, item.name) for item in items]


def _reason(proposal: Proposal, name: str) -> wording.Reason:
    return wording.Reason(name, proposal.told or proposal.because, proposal.learned, _is_component(proposal))


def _remark(judgement: Judgement) -> Prose:
    found = judgement.reads_like
    return wording.reads_like(_reason(found, found.label)) if found else ()


def _is_component(proposal: Proposal) -> bool:
    return proposal.target is Target.COMPONENTS


def _speaks(issue: Issue, rules: ProjectRules) -> bool:
    if issue.synced_outside and not rules.comment_outside:
        return False
    return rules.comment or rules.mode is Mode.SUGGEST


def _why_nothing(judgement: Judgement, sorting: _Sorting) -> Because:
    if not judgement.proposals:
        return Because.NOTHING_FITS
    return Because.ALL_WITHHELD if sorting.withheld else Because.ALL_THERE


def digest(body: str) -> str:
    """By which a comment's text is known to be unchanged.

    Of letters and digits only: a tracker may give a text back with other marks and spaces than it got.
    """
    return hashlib.sha256("".join(filter(str.isalnum, body)).encode()).hexdigest()


def records(found: Iterable[Comment]) -> dict[str, CommentRecord]:
    """Comments of ours as found on the tracker, by topic, as the journal keeps them."""
    return {comment.topic: CommentRecord(comment.id, digest(comment.body)) for comment in found}
