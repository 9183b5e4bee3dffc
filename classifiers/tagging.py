"""Which labels fit an issue, each with its reasons. The admin's rules speak first, then what was learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from classifiers import reasons
from classifiers.examples import Filed, Target
from classifiers.head import Term
from classifiers.tagger import ABSTAINED, Answer, Asked, Scored
from rules.matching import ProjectRules, Verdict, match
from trackers.model import COMPONENT, Issue

LEARNED: Final = "learned"
MOST_HELD_BACK: Final = 3
"""Of what a model nearly said, this many are worth telling."""
LEAST_HELD_BACK: Final = 0.1
"""A chance under this was never near."""

Answers = Mapping[Target, Answer]
"""What the models that serve say of one issue."""
NO_ANSWERS: Final[Answers] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Chance:
    """How sure a model is of a proposal."""

    p: float
    threshold: float | None
    """The chance needed; None when none would do for the asked precision."""
    runner_up: tuple[str, float] | None
    terms: tuple[Term, ...]
    """What speaks loudest for it, strongest first."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A label that fits, by whose word, and why in plain sentences without a full stop."""

    label: str
    """As the rules or the past name it; each tracker finds or makes its own form of it. A component
    begins with ``trackers.model.COMPONENT``."""
    source: str
    """``rule <name>`` or ``learned``."""
    because: tuple[str, ...]
    """In full, for the record and whoever tends the rules."""
    chance: Chance | None = None
    """Of a learned one."""
    target: Target = Target.LABELS
    told: tuple[str, ...] = ()
    """For a comment: what was found, without what the rule looked for in vain; empty when that is all."""

    @property
    def learned(self) -> bool:
        return self.chance is not None


@dataclass(frozen=True, slots=True)
class Silent:
    """A rule that did not speak, and what it lacked."""

    source: str
    labels: tuple[str, ...]
    lacking: tuple[str, ...]
    alternatives: int = 0
    """How many it offers, where one would be enough; else 0."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What a model nearly proposed, and why it did not, as a sentence without a full stop."""

    proposal: Proposal
    why: str


@dataclass(frozen=True, slots=True)
class Reserve:
    """What the model of one target keeps to itself about an issue."""

    target: Target
    abstained: str = ""
    """Why it says nothing at all, as a sentence without a full stop; empty when it had a say."""
    held_back: tuple[HeldBack, ...] = ()
    """Best first."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What fits, what went over the limit, and why the rest is silent."""

    proposals: tuple[Proposal, ...]
    """In the order of the rules, then learned labels, then components, each best first."""
    over_limit: tuple[Proposal, ...]
    silent: tuple[Silent, ...]
    reserves: tuple[Reserve, ...] = ()
    reads_like: Proposal | None = None
    """Another type than the issue has. Only ever a remark: types are never changed."""


def filed(issue: Issue) -> Filed:
    """An issue as models read it."""
    return Filed(issue.project, issue.title, issue.body)


def asked(rules: ProjectRules, target: Target) -> Asked:
    """What an admin asks of the model of a target."""
    learned = rules.learned
    if target is Target.COMPONENTS:
        return Asked(learned.components_precision, learned.max_labels, learned.never)
    # Labels that the rules propose as well take no room from the others; ``judge`` keeps to the limit.
    return Asked(learned.precision, rules.max_labels + learned.max_labels, learned.never)


def judge(rules: ProjectRules, issue: Issue, answers: Answers = NO_ANSWERS) -> Judgement:
    """Hold the rules against an issue and add what was learnt.

    A label proposed twice keeps its first reasons, so a rule's word goes before a model's.
    """
    verdicts = match(rules, issue)
    ruled: dict[str, Proposal] = {}
    for verdict in verdicts:
        if verdict.matched:
            for label in verdict.labels:
                ruled.setdefault(label.casefold(), _ruled(label, verdict))
    most = rules.learned.max_labels
    said = reasons.plain_words(f"{issue.title}\n{issue.body}") if answers else ""
    views = [
        _view(target, answer, _known(target, issue, ruled), most, said) for target, answer in answers.items()
    ]
    fitting = {view.reserve.target: view.fitting for view in views}
    labels = (*ruled.values(), *fitting.get(Target.LABELS, ()))
    return Judgement(
        proposals=labels[: rules.max_labels] + fitting.get(Target.COMPONENTS, ()),
        over_limit=labels[rules.max_labels :],
        silent=tuple(_silent(verdict) for verdict in verdicts if not verdict.matched),
        reserves=tuple(view.reserve for view in views),
        reads_like=next(iter(fitting.get(Target.TYPE, ())), None) if issue.type else None,
    )


def _ruled(label: str, verdict: Verdict) -> Proposal:
    found = [fact for fact in verdict.because if fact.present or not fact.negated]
    return Proposal(
        label,
        f"rule {verdict.rule}",
        because=tuple(fact.sentence() for fact in verdict.because),
        told=tuple(dict.fromkeys(fact.plainly() for fact in found)),
    )


def _silent(verdict: Verdict) -> Silent:
    lacking = tuple(fact.sentence() for fact in verdict.lacking)
    return Silent(f"rule {verdict.rule}", verdict.labels, lacking, verdict.alternatives)


@dataclass(frozen=True, slots=True)
class _View:
    """A model's answer, split into what fits and what it keeps to itself."""

    fitting: tuple[Proposal, ...]
    reserve: Reserve


def _known(target: Target, issue: Issue, ruled: Mapping[str, Proposal]) -> frozenset[str]:
    """What is no news, in lower case: what a rule proposed, and the type the issue has already."""
    if target is Target.LABELS:
        return frozenset(ruled)
    return frozenset({(issue.type or "").casefold()}) if target is Target.TYPE else frozenset()


def _view(target: Target, answer: Answer, known: frozenset[str], most: int, said: str) -> _View:
    if answer.abstained is not None:
        return _View((), Reserve(target, ABSTAINED[answer.abstained]))
    news = [scored for scored in answer.proposals if scored.tag.casefold() not in known]
    applied = [scored for scored in news if scored.applied]
    unsaid = [(scored, "enough others fit better") for scored in applied[most:]]
    near = [scored for scored in news if not scored.applied and scored.p >= LEAST_HELD_BACK]
    unsaid += [(scored, scored.withheld or reasons.too_unsure(scored)) for scored in near]
    held_back = tuple(
        HeldBack(_proposal(target, scored, said), why) for scored, why in unsaid[:MOST_HELD_BACK]
    )
    fitting = tuple(_proposal(target, scored, said) for scored in applied[:most])
    return _View(fitting, Reserve(target, held_back=held_back))


def _proposal(target: Target, scored: Scored, said: str) -> Proposal:
    prefix = COMPONENT if target is Target.COMPONENTS else ""
    terms = reasons.strongest(scored.because)
    likely = scored.applied or bool(scored.withheld)
    return Proposal(
        label=prefix + scored.tag,
        source=LEARNED,
        because=(reasons.because(scored, said),) if likely else (),
        chance=Chance(scored.p, scored.threshold, scored.runner_up, terms),
        target=target,
    )
