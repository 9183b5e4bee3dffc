"""Which labels fit an issue, each with its reasons. The admin's rules speak first."""

from __future__ import annotations

from dataclasses import dataclass

from rules.matching import ProjectRules, Verdict, match
from trackers.model import Issue


@dataclass(frozen=True, slots=True)
class Proposal:
    """A label that fits, by whose word, and why in plain sentences without a full stop."""

    label: str
    """As the rules name it; each tracker finds or makes its own form of it."""
    source: str
    """``rule <name>``."""
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Silent:
    """A rule that did not speak, and what it lacked."""

    source: str
    labels: tuple[str, ...]
    lacking: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What fits, in the order of the rules, what went over the limit, and why the rest is silent."""

    proposals: tuple[Proposal, ...]
    over_limit: tuple[Proposal, ...]
    silent: tuple[Silent, ...]


def judge(rules: ProjectRules, issue: Issue) -> Judgement:
    """Hold the rules against an issue. A label proposed twice keeps its first reasons."""
    verdicts = match(rules, issue)
    proposals: dict[str, Proposal] = {}
    for verdict in verdicts:
        if verdict.matched:
            for label in verdict.labels:
                proposals.setdefault(label.casefold(), _proposal(label, verdict))
    every = tuple(proposals.values())
    silent = tuple(_silent(verdict) for verdict in verdicts if not verdict.matched)
    return Judgement(every[: rules.max_labels], every[rules.max_labels :], silent)


def _proposal(label: str, verdict: Verdict) -> Proposal:
    return Proposal(label, f"rule {verdict.rule}", tuple(because.sentence() for because in verdict.because))


def _silent(verdict: Verdict) -> Silent:
    return Silent(f"rule {verdict.rule}", verdict.labels, tuple(fact.sentence() for fact in verdict.lacking))
