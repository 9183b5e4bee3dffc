"""The part of the demo's story in which each tracker runs a sprint that holds too much."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.iterations import Iteration

Missing = Iterator[str]

_PAST = (3.0, 5.0, 2.0, 3.0, 5.0, 2.0, 3.0, 1.0)
"""Points of each issue that the team committed to in sprints gone by: 24 in all."""
_DELIVERED = (14, 16, 11, 15, 13, 16)
_PLAN = (5.0, 8.0, 5.0, 3.0, 8.0, 5.0, 8.0, 5.0, 3.0, 8.0)
"""The new sprint's: 58, more than the team ever finished."""
_BODY = """The weekly report goes out as a PDF.

* It lists the orders of the week
* It goes to the owner of the shop"""
_MORE = """
* Send a mail to the owner when the job fails
* The export must contain the archived orders too
* Let the owner choose the day on which it is sent"""


@dataclass(slots=True)
class Play:
    """One tracker's sprint, with the issues in it."""

    tracker: str
    work: Iteration
    keys: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def comments(self) -> list[str]:
        """What we wrote about the sprint, on whichever issue it stands."""
        return [
            str(comment["body"])
            for key in (*self.keys, *self.late)
            for comment in self.work.toy.issue(key)["comments"]
            if comment["author"] == "Sprintwarden"
        ]


@dataclass(frozen=True, slots=True)
class SprintAct:
    """One thing that happens in a sprint, and what must have come of it."""

    title: str
    do: Callable[[Play], None]
    missing: Callable[[Play], Missing]


def sprint_acts() -> tuple[SprintAct, ...]:
    """A sprint in its order."""
    return (
        SprintAct("a sprint is planned, and planned full", _plan, _silent),
        SprintAct("the sprint is started over capacity", _start, _warned),
        SprintAct("two issues are added to it", _add, _grown),
        SprintAct("one of its issues is described further", _describe, _described),
        SprintAct("the sprint is cut back until it is well again", _cut_back, _settled),
    )


def past_of_the_team(work: Iteration) -> None:
    """Give the team six finished sprints."""
    for number, delivered in enumerate(_DELIVERED):
        work.remember(_PAST, delivered, ended_days_ago=14.0 * (len(_DELIVERED) - number) - 13)


def _plan(play: Play) -> None:
    for number, points in enumerate(_PLAN):
        body: dict[str, Any] = {"body": _BODY} if number == 0 else {}
        play.keys.append(play.work.plan(f"Planned work {number + 1}", points, **body))


def _silent(play: Play) -> Missing:
    if play.comments():
        yield "planning made a comment"


def _start(play: Play) -> None:
    play.work.start()


def _warned(play: Play) -> Missing:
    yield from _one_comment(play, "holds more than this team usually finishes", "58 points", "Moving")


def _add(play: Play) -> None:
    play.late += [play.work.add(f"Came later {number}", 5.0) for number in (1, 2)]


def _grown(play: Play) -> Missing:
    yield from _one_comment(play, "68 points", *play.late)


def _describe(play: Play) -> None:
    play.work.toy.edit(play.keys[0], body=_BODY + _MORE)


def _described(play: Play) -> Missing:
    yield from _one_comment(play, play.keys[0], "in its description")


def _cut_back(play: Play) -> None:
    for key in (*play.late, *reversed(play.keys[2:])):
        play.work.take_out(key)
    play.work.toy.edit(play.keys[0], body=_BODY)


def _settled(play: Play) -> Missing:
    yield from _one_comment(play, "no longer holds")


def _one_comment(play: Play, *words: str) -> Missing:
    found = play.comments()
    # A tracker's markup may put marks into what we wrote.
    plain = [body.replace("\\", "") for body in found]
    if len(plain) != 1:
        yield f"{play.tracker}: {len(plain)} comments about the sprint, expected one"
    for word in words:
        if not any(word in body for body in plain):
            yield f"{play.tracker}: the comment does not say {word!r}"
