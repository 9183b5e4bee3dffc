"""How a model fares where it serves, as a page: what it answered, what people made of it. Markdown.

It follows the model's card, whose figures come from its trial. Counts and names of tags and
projects, never a word of an issue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Final

from classifiers.evaluate import surely_under_the_rest
from classifiers.figures import percent, with_interval
from classifiers.intervals import Share
from classifiers.markdown import bullets, cell, section, table
from classifiers.shifts import Shift

SPOKEN: Final = 0.8
"""The chance by which a shift is told."""
FELT: Final = 0.01
"""A shift that moves it by less is not worth a word."""
MOST_MOVED: Final = 20


@dataclass(frozen=True, slots=True)
class Replies:
    """New issues by how they were answered."""

    tagged: int = 0
    silent: int = 0
    abstained: int = 0

    @property
    def issues(self) -> int:
        return self.tagged + self.silent + self.abstained

    def __add__(self, other: Replies) -> Replies:
        return Replies(
            self.tagged + other.tagged, self.silent + other.silent, self.abstained + other.abstained
        )


@dataclass(frozen=True, slots=True)
class Met:
    """The new issues of one week."""

    start: date
    """Its Monday."""
    projects: Mapping[str, Replies]

    @property
    def replies(self) -> Replies:
        return sum(self.projects.values(), Replies())


@dataclass(frozen=True, slots=True)
class InUse:
    """All the page tells."""

    weeks: tuple[Met, ...]
    """Newest first."""
    tags: Mapping[str, Share]
    """What was put on, by whichever model served: how often people left it on."""
    projects: Mapping[str, Share]
    muted: Mapping[str, str]
    """Tag → since when and why."""
    drift: tuple[str, ...]
    """Sentences without a full stop; empty when nobody has looked yet."""
    shift: Shift


def render(use: InUse) -> str:
    """The page as Markdown."""
    parts = (
        section("In use", ["What this model has answered here, and what people made of what was put on."]),
        _weeks(use),
        _projects(use),
        _tags(use),
        section("Muted", bullets(_muted(use) or ["No tag is muted."]), 3),
        section("Drift", bullets(_drift(use)), 3),
        section("What people taught it", bullets(_moved(use.shift)), 3),
    )
    return "\n".join(chain.from_iterable(parts)).rstrip() + "\n"


def _weeks(use: InUse) -> list[str]:
    if not use.weeks:
        return section("New issues by week", ["It has not been asked about any new issue."], 3)
    rows = [(week.start.isoformat(), *_replies(week.replies)) for week in use.weeks]
    return section("New issues by week", table(("week of", *_HEAD), rows), 3)


_HEAD: Final = ("issues", "tagged", "silent", "abstained")


def _replies(found: Replies) -> tuple[str, ...]:
    shares = (found.tagged, found.silent, found.abstained)
    return str(found.issues), *(percent(Share(one, found.issues)) for one in shares)


def _projects(use: InUse) -> list[str]:
    met: dict[str, Replies] = {}
    for week in use.weeks:
        for project, own in week.projects.items():
            met[project] = met.get(project, Replies()) + own
    served = {project: Share(found.tagged, found.issues) for project, found in met.items()}
    rows = []
    for project in sorted(met.keys() | use.projects.keys()):
        got = use.projects.get(project, Share(0, 0))
        worse = []
        if project in use.projects and surely_under_the_rest(project, use.projects):
            worse.append("less precise than the others")
        if project in served and surely_under_the_rest(project, served):
            worse.append("fewer issues tagged than in the others")
        replies = _replies(met.get(project, Replies()))
        rows.append((project, *replies, str(got.total), with_interval(got), " and ".join(worse) or "-"))
    if not rows:
        return []
    return section("By project", table(("project", *_HEAD, "outcomes", "precision", "surely"), rows), 3)


def _tags(use: InUse) -> list[str]:
    if not use.tags:
        return section("Live precision", ["People have neither confirmed nor undone anything yet."], 3)
    order = sorted(use.tags, key=lambda tag: (-use.tags[tag].total, tag))
    rows = [(tag, str(use.tags[tag].total), with_interval(use.tags[tag])) for tag in order]
    told = (
        "Of what was put on, by this model and those before it, what people confirmed; the interval holds "
        "95 % (Wilson). Outcomes from before a muted tag returned are left out."
    )
    return section("Live precision", [told, "", *table(("tag", "outcomes", "precision"), rows)], 3)


def _muted(use: InUse) -> list[str]:
    return [f"{cell(tag)}: {cell(why)}." for tag, why in use.muted.items()]


def _drift(use: InUse) -> list[str]:
    return [f"{cell(said)[:1].upper()}{cell(said)[1:]}." for said in use.drift] or [
        "Nobody has compared its issues with its training window yet."
    ]


def _moved(shift: Shift) -> list[str]:
    told = [f"Chances are {_by(shift, '')}."]
    own = {name: shift.move(SPOKEN, name) - shift.move(SPOKEN, "") for name in shift.projects}
    felt = sorted((name for name in own if abs(own[name]) >= FELT), key=lambda name: (-abs(own[name]), name))
    told += [f"In {cell(name)} they are {_by(shift, name)}." for name in felt[:MOST_MOVED]]
    if len(felt) > MOST_MOVED:
        told.append(f"{len(felt) - MOST_MOVED} more projects differ by less.")
    return told


def _by(shift: Shift, project: str) -> str:
    moved = shift.move(SPOKEN, project)
    if abs(moved - SPOKEN) < FELT:
        return "taken as the model gives them"
    return f"{'raised' if moved > SPOKEN else 'lowered'}: {SPOKEN:.2f} counts as {moved:.2f}"
