"""What the models that serve say of an issue, and what is kept of it to learn from.

A model is asked only where one serves and the admin's rules want to hear it; with none, or with one
that fails, the rules alone label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

import structlog

from classifiers.drift import Reference, Seen
from classifiers.examples import Target
from classifiers.manifest import BadModel
from classifiers.shifts import Shift
from classifiers.tagger import Answer, Tagger
from classifiers.tagger_files import tagger_of
from classifiers.tagging import Answers, asked, filed
from rules.matching import ProjectRules
from store.journal import Forecast, Guess
from trackers.model import Issue, TrackerKind, component_label
from workers import failures
from workers.apply import Applied
from workers.decide import Situation
from workers.models_in_force import Loaded
from workers.plan import Plan

log = structlog.get_logger("taggers")

TARGETS: Final[Mapping[TrackerKind, tuple[Target, ...]]] = {
    TrackerKind.JIRA: tuple(Target),
    # Linear has neither components nor types of issue.
    TrackerKind.LINEAR: (Target.LABELS,),
}


class Models(Protocol):
    """The models in force: ``workers.models_in_force.LiveModels``."""

    def now(self, connection: str, target: str) -> Loaded | None: ...


class Learnt(Protocol):
    """What people taught us: ``workers.learning.Learnt``."""

    def shift(self, connection: str, target: str) -> Shift: ...

    def muted(self, connection: str, target: str) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Said:
    """One model's answer about one issue."""

    model: str
    """The model's id."""
    answer: Answer
    shift: Shift
    """By which the answer's chances were moved."""
    cells: tuple[str, ...] = ()
    """Of the model's drift reference, where the issue falls in them; none without a reference."""

    def unmoved(self, p: float, project: str) -> float:
        """A chance as the model gave it."""
        back = Shift(-self.shift.shared, {name: -by for name, by in self.shift.projects.items()})
        return back.move(p, project)


@dataclass(frozen=True, slots=True)
class _Ready:
    model: str
    shift: Shift
    muted: frozenset[str]
    tagger: Tagger | None
    """None when the model does not say what serving needs."""
    reference: Reference | None
    """None when the model does not say what its training window was like."""

    def said(self, answer: Answer, project: str) -> Said:
        said = Said(self.model, answer, self.shift)
        if self.reference is None:
            return said
        # What people taught us since must not look like another kind of issue.
        best = said.unmoved(answer.proposals[0].p, project) if answer.proposals else 0.0
        cells = self.reference.cells(Seen(project, best, answer.known, answer.words))
        return replace(said, cells=cells)


class Taggers:
    """The taggers of one process, each made anew when its model, shift or muted labels change."""

    def __init__(self, models: Models, learnt: Learnt) -> None:
        self._models = models
        self._learnt = learnt
        self._ready: dict[tuple[str, Target], _Ready] = {}

    def ask(
        self, connection: str, kind: TrackerKind, issue: Issue, rules: ProjectRules
    ) -> dict[Target, Said]:
        """What each serving model says of ``issue``; nothing of targets without one.

        Raises what a failing Redis raises.
        """
        heard = {}
        for target in TARGETS[kind]:
            if rules.learned.asks(target):
                ready = self._look(connection, target)
                answer = None if ready is None else _answer(ready, issue, rules, target)
                if ready is not None and answer is not None:
                    heard[target] = ready.said(answer, issue.project)
        return heard

    def _look(self, connection: str, target: Target) -> _Ready | None:
        loaded = self._models.now(connection, target)
        if loaded is None:
            return None
        shift, muted = self._learnt.shift(connection, target), self._learnt.muted(connection, target)
        held = self._ready.get((connection, target))
        if held is None or (held.model, held.shift, held.muted) != (loaded.id, shift, muted):
            tagger = _made(loaded, shift, muted)
            same = held is not None and held.model == loaded.id
            reference = held.reference if held and same else _reference(loaded)
            held = _Ready(loaded.id, shift, muted, tagger, reference)
            self._ready[connection, target] = held
        return held


def answers_of(said: Mapping[Target, Said]) -> Answers:
    """The answers alone, as ``classifiers.tagging.judge`` takes them."""
    return {target: one.answer for target, one in said.items()}


def forecasts(said: Mapping[Target, Said], at: Situation, made: Plan, applied: Applied) -> Iterator[Forecast]:
    """What to remember of the answers, once their plan was carried out: one for each model that was
    heard, also when it had nothing to say.

    Left out is what a rule put on: that it stays says nothing about the model.
    """
    put_on = _put_on(at, made, applied)
    ruled = {
        name.casefold()
        for item in made.chosen
        if not item.proposal.learned
        for name in (item.name, item.proposal.label)
    }
    for target, one in said.items():
        guesses = []
        for scored in one.answer.proposals:
            named = component_label(scored.tag).id if target is Target.COMPONENTS else scored.tag
            if target is not Target.LABELS or scored.tag.casefold() not in ruled:
                p = one.unmoved(scored.p, at.issue.project)
                label = put_on.get((target, named))
                guesses.append(Guess(scored.tag, label or named, p, label is not None))
        yield Forecast(one.model, str(target), at.issue.project, tuple(guesses))


def _put_on(at: Situation, made: Plan, applied: Applied) -> dict[tuple[Target, str], str]:
    """The ids of labels put on by a model's word, now or by a run that did not live to remember it."""
    written = {label.id for one in applied.written for label in one.labels}
    items = [(item, written) for item in made.chosen] + [(item, at.applied) for item in made.already]
    return {
        (item.proposal.target, item.proposal.label): item.label.id
        for item, ours in items
        if item.proposal.learned and item.label is not None and item.label.id in ours
    }


def _made(loaded: Loaded, shift: Shift, muted: frozenset[str]) -> Tagger | None:
    try:
        return tagger_of(loaded.head, loaded.manifest, shift, muted)
    except BadModel as error:
        log.error("model not used", model=loaded.id[:12], error=str(error))
        return None


def _reference(loaded: Loaded) -> Reference | None:
    facts = loaded.manifest.get("drift")
    try:
        return Reference.of_facts(facts) if facts else None
    except ValueError as error:
        log.warning("drift not watched", model=loaded.id[:12], error=str(error))
        return None


def _answer(ready: _Ready, issue: Issue, rules: ProjectRules, target: Target) -> Answer | None:
    if ready.tagger is None:
        return None
    try:
        return ready.tagger.answer(filed(issue), asked(rules, target))
    except failures.NOT_OF_A_PART:
        raise
    except Exception:
        # What a model cannot read must not keep the rules from their work.
        log.exception("model failed", model=ready.model[:12], target=str(target))
        return None
