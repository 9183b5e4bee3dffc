"""Writes ``docs/comments.md``: every kind of comment about a sprint as it reads on either tracker.

Run it as ``python -m sprintwarden.comment_examples`` after a change of wording.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from classifiers.sprint_judgement import (
    Concern,
    Forecast,
    Grown,
    Item,
    Past,
    Reestimate,
    Scope,
    SprintJudgement,
    Stalled,
    WayOut,
)
from rules.wording import EVERYWHERE, MAX_TEMPLATE_CHARS, TEMPLATES, Template
from trackers.jira import markup as jira
from trackers.linear import markup as linear
from trackers.prose import Prose
from trackers.sprints import Sprint, SprintState, Unit
from workers import sprint_wording as wording

PAGE: Final = Path(__file__).parents[1] / "docs" / "comments.md"
SNOOZE: Final = "sprintwarden-snooze"
ZONE: Final = "Europe/Oslo"

_START: Final = datetime(2026, 5, 11, 9, tzinfo=UTC)
_END: Final = _START + timedelta(days=14)
_SPRINT: Final = Sprint("14", "Sprint 14", "7", SprintState.ACTIVE, _START, _END)


@dataclass(frozen=True, slots=True)
class Example:
    """A situation, and what is said in it of a "sprint" or a "cycle"."""

    title: str
    situation: str
    say: Callable[[str], Prose]


def _at(day: int) -> datetime:
    return _START + timedelta(days=day)


PLANNED: Final = SprintJudgement(
    sprint=_SPRINT,
    unit=Unit.POINTS,
    at=_at(0),
    t=0.0,
    activated=_START,
    rebuilt=False,
    scope=Scope(committed=42, committed_issues=14, now=42, done=0, doing=5, todo=37),
    forecast=Forecast(0.04, 0.78, 0.3, expected=29.6, low=19.3, high=40.2),
    past=Past(sprints=24, low=18, high=46, usual=30, last=8),
    budget=0.15,
    done_share=0.8,
    warn_below=0.25,
    way_out=WayOut((Item("ABC-118", 8), Item("ABC-131", 5)), 0.51, 0.2, reaches=True),
    concerns=frozenset({Concern.OVERCOMMITTED}),
)

OUT_OF_REACH: Final = replace(
    PLANNED,
    forecast=Forecast(0.01, 0.96, 0.68, expected=26.1, low=15.4, high=37.7),
    scope=Scope(committed=61, committed_issues=19, now=61, done=0, doing=13, todo=48, unestimated=3),
    way_out=WayOut((Item("ABC-118", 8), Item("ABC-131", 5), Item("ABC-127", 5)), 0.15, 0.03, reaches=False),
    unestimated_as=2,
)

NOTHING_TO_MOVE: Final = replace(
    PLANNED,
    sprint=replace(_SPRINT, name=""),
    at=_at(9),
    t=9 / 14,
    scope=Scope(committed=28, committed_issues=9, now=28, done=6, doing=21, todo=1),
    forecast=Forecast(0.02, 0.81, 0.05, expected=18.2, low=12.7, high=24.4),
    past=Past(sprints=4, low=21, high=33, usual=27, last=4),
    way_out=WayOut((), 0.19, 0.02, reaches=False),
)

CROSSED: Final = replace(
    PLANNED,
    at=_at(3),
    t=3 / 14,
    scope=Scope(
        committed=26,
        committed_issues=9,
        now=33,
        done=5,
        doing=8,
        todo=20,
        added=(Item("ABC-140", 3), Item("ABC-141", 2)),
        removed=(Item("ABC-99", 2),),
        reestimated=(Reestimate("ABC-101", 3, 5), Reestimate("ABC-104", 8, 7)),
        not_counted={"late_planning": 1, "subtask": 2},
        grown_by=6,
        share=6 / 26,
        crossing="ABC-141",
    ),
    forecast=Forecast(0.55, 0.18, 0.7, expected=26.8, low=19.9, high=33.6),
    way_out=None,
    concerns=frozenset({Concern.SCOPE_CREEP}),
)

BOTH: Final = replace(
    PLANNED,
    at=_at(4),
    t=4 / 14,
    scope=Scope(
        committed=33,
        committed_issues=11,
        now=57,
        done=3,
        doing=8,
        todo=46,
        added=tuple(Item(f"ABC-{number}", 3) for number in range(140, 148)),
        grown_by=24,
        share=24 / 33,
        crossing="ABC-141",
    ),
    forecast=Forecast(0.06, 0.77, 0.95, expected=21.2, low=14.1, high=29.8),
    way_out=WayOut((Item("ABC-146", 3), Item("ABC-147", 3)), 0.36, 0.14, reaches=True),
    concerns=frozenset({Concern.OVERCOMMITTED, Concern.SCOPE_CREEP}),
)

GROWN: Final = replace(
    CROSSED,
    scope=Scope(
        committed=26,
        committed_issues=9,
        now=28,
        done=5,
        doing=8,
        todo=15,
        reestimated=(Reestimate("ABC-101", 3, 5),),
        grown_by=2,
        share=2 / 26,
    ),
    grown=(
        Grown("ABC-101", new_demands=3, subtasks=2, before=3, after=5),
        Grown("ABC-109", new_demands=1, subtasks=0),
    ),
    concerns=frozenset({Concern.GROWN}),
)

STALLED: Final = replace(
    CROSSED,
    at=_at(9),
    t=9 / 14,
    scope=Scope(committed=26, committed_issues=9, now=26, done=14, doing=8, todo=4),
    stalled=(
        Stalled("ABC-103", days=8.2, usual=3.6),
        Stalled("ABC-106", days=4.1, usual=3.6, blockers=("ABC-88",)),
        Stalled("ABC-107", days=1.0, usual=None, blockers=("OPS-12", "OPS-15")),
    ),
    concerns=frozenset({Concern.STALLED}),
)

IN_ISSUES: Final = replace(
    PLANNED,
    unit=Unit.ISSUES,
    at=_at(5),
    t=5 / 14,
    scope=Scope(
        committed=14,
        committed_issues=14,
        now=17,
        done=1,
        doing=3,
        todo=13,
        added=(Item("ABC-140", 1), Item("ABC-141", 1), Item("ABC-142", 1)),
        removed=(Item("ABC-99", 1),),
        not_counted={"carried_over": 1, "undone": 2},
        grown_by=3,
        share=3 / 14,
        crossing="ABC-142",
    ),
    forecast=Forecast(0.08, 0.8, 0.8, expected=9.1, low=5.8, high=12.6),
    past=Past(sprints=12, low=6, high=13, usual=10, last=12),
    way_out=WayOut((Item("ABC-142", 1),), 0.3, 0.12, reaches=True),
    concerns=frozenset({Concern.OVERCOMMITTED, Concern.SCOPE_CREEP}),
)

IN_HOURS: Final = replace(
    PLANNED,
    unit=Unit.HOURS,
    at=_at(8),
    t=8 / 14,
    scope=Scope(committed=96, committed_issues=21, now=100.5, done=22.5, doing=18, todo=60),
    forecast=Forecast(0.05, 0.88, 0.2, expected=64.3, low=49.5, high=80.9),
    past=Past(sprints=3, low=72, high=101, usual=88, last=3),
    way_out=WayOut((Item("ABC-131", 12.5), Item("ABC-118", 6)), 0.26, 0.1, reaches=True),
)

REBUILT: Final = replace(
    CROSSED,
    rebuilt=True,
    scope=replace(
        CROSSED.scope,
        reestimated=(Reestimate("ABC-101", 0, 5), Reestimate("ABC-104", 8, 7)),
        not_counted={"undone": 1},
        grown_by=5,
        share=5 / 26,
    ),
    at=_at(4),
    t=4 / 14,
    forecast=Forecast(0.11, 0.77, 0.8, expected=17.2, low=11.2, high=24.1),
    past=Past(sprints=0, low=0, high=0, usual=0, last=0),
    away=0.2,
    way_out=WayOut((Item("ABC-112", 5),), 0.34, 0.2, reaches=True),
    concerns=frozenset({Concern.OVERCOMMITTED, Concern.SCOPE_CREEP}),
)

WELL: Final = replace(
    BOTH,
    at=_at(6),
    t=6 / 14,
    scope=Scope(committed=33, committed_issues=11, now=33, done=12, doing=9, todo=12),
    forecast=Forecast(0.28, 0.41, 0.2, expected=27.5, low=20.1, high=34.3),
    way_out=None,
    concerns=frozenset(),
)

EVERYTHING: Final = replace(
    BOTH,
    grown=(Grown("ABC-109", new_demands=0, subtasks=1),),
    stalled=tuple(Stalled(f"ABC-{60 + number}", days=5.0, usual=2.2) for number in range(12)),
    concerns=frozenset(Concern),
)

_CALLS: Final[Mapping[str, str]] = {"sprint": "[~delivery.lead]", "cycle": "@delivery-lead"}
"""As an admin of either tracker writes a mention."""


def _comment(judgement: SprintJudgement, *, calls: bool = False) -> Callable[[str], Prose]:
    return lambda noun: wording.sprint_comment(
        judgement, snooze_label=SNOOZE, mention=_CALLS[noun] if calls else None, noun=noun, zone=ZONE
    )


EXAMPLES: Final[tuple[Example, ...]] = (
    Example("Too much planned, and a way out", "The sprint has just started.", _comment(PLANNED)),
    Example(
        "Too much planned, and moving a few issues is not enough",
        "Three issues have no estimate; the team counts such an issue as 2 points.",
        _comment(OUT_OF_REACH),
    ),
    Example(
        "Behind, with nothing left to move",
        "Nearly everything was begun, and the sprint has no name. The team has finished only four before.",
        _comment(NOTHING_TO_MOVE),
    ),
    Example("Grown past the limit", "The chance of finishing is good nevertheless.", _comment(CROSSED)),
    Example(
        "Grown past the limit, and now too much", "Eight issues were dragged in: one comment.", _comment(BOTH)
    ),
    Example("Issues described further", "Nothing else is wrong.", _comment(GROWN)),
    Example(
        "Issues that do not move",
        "One is slow, one is slow and blocked, one is only blocked.",
        _comment(STALLED),
    ),
    Example("Counted in issues", "The board has no estimates.", _comment(IN_ISSUES)),
    Example(
        "Estimated in hours",
        "As boards of Jira can; what changed is known by its sum only.",
        _comment(IN_HOURS),
    ),
    Example("Seen late, a new team, absences", "The service was set up in mid-sprint.", _comment(REBUILT)),
    Example(
        "Everything at once",
        "The comment is new, and the admin wants somebody called.",
        _comment(EVERYTHING, calls=True),
    ),
    Example(
        "Well again",
        "What had joined was moved out again.",
        lambda noun: wording.well_again(WELL, noun=noun, zone=ZONE),
    ),
    Example(
        "Over",
        "The sprint was completed.",
        lambda noun: wording.ended(_SPRINT, Unit.POINTS, 33, 29, noun=noun),
    ),
    Example(
        "Snoozed", "Somebody put the label on.", lambda noun: wording.snoozed(_SPRINT, SNOOZE, noun=noun)
    ),
    Example(
        "Moved to another issue",
        "The issue that it stood on left the sprint.",
        lambda noun: wording.moved(_SPRINT, "ABC-140", noun=noun),
    ),
    Example(
        "Snoozed by the command",
        "Somebody said `sprintwarden snooze`.",
        lambda noun: wording.snoozed(_SPRINT, None, noun=noun),
    ),
    Example("Put off", "Its start was moved.", lambda noun: wording.put_off(_SPRINT, noun=noun)),
    Example("Deleted", "The sprint is no more.", lambda noun: wording.deleted(_SPRINT, noun=noun)),
    Example(
        "Opened again",
        "A completed sprint goes on, and nothing is wrong so far.",
        lambda noun: wording.reopened(_SPRINT, noun=noun),
    ),
)

_INTRODUCTION: Final = """\
# The comments about sprints

Written by `python -m sprintwarden.comment_examples`; a test holds this page in step with the code.

A sprint gets one comment, which is edited when there is news. Issues are named by key, people never.
Each is shown as it reads on Linear (of a cycle) and as the wiki text that Jira gets (of a sprint).
"""

_TEMPLATES: Final = f"""\
## The sentences

Each can be replaced in `rules.yaml` by its name; `sprintwarden check` tells what is wrong with one. A
placeholder is a bare name in braces, `**two stars**` make text bold, and nothing else means anything.
Placeholders in bold in the list must stand in the sentence; `{{sprint}}` (the sprint's name) and
`{{noun}}` ("sprint" or "cycle") may stand in every one. A sentence can have {MAX_TEMPLATE_CHARS} characters.
An empty text (`""`) leaves it out, but for those marked *always*.

| name | placeholders | text |
| --- | --- | --- |
"""


def page() -> str:
    """The whole of ``docs/comments.md``."""
    examples = "\n".join(map(_section, EXAMPLES))
    rows = "\n".join(_row(name, template) for name, template in TEMPLATES.items())
    return f"{_INTRODUCTION}\n{examples}\n{_TEMPLATES}{rows}\n"


def _section(example: Example) -> str:
    shown = linear.render(example.say("cycle"))
    quote = "\n".join(f"> {line}".rstrip() for line in shown.split("\n"))
    wiki = jira.render(example.say("sprint"))
    return f"## {example.title}\n\n{example.situation}\n\n{quote}\n\n```text\n{wiki}\n```\n"


def _row(name: str, template: Template) -> str:
    own = sorted((template.fields - EVERYWHERE) | template.needs)
    fields = ", ".join(f"**`{field}`**" if field in template.needs else f"`{field}`" for field in own)
    always = "" if template.optional else " *always*"
    return f"| `{name}`{always} | {fields or '–'} | `{template.text}` |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
