"""Sprints made up for tests of what is forecast about sprints."""

from __future__ import annotations

import random

from classifiers.sprint_rows import Count, Moment, SprintRow

MOMENTS = (0.0, 0.3, 0.5, 0.8)


def moment(
    t: float,
    committed: float,
    done: float = 0.0,
    doing: float = 0.0,
    added: float = 0.0,
    removed: float = 0.0,
    team: float | None = 4.0,
) -> Moment:
    """As points, and as many issues."""
    todo = max(committed + added - removed - done - doing, 0.0)
    amounts = {"added": added, "removed": removed, "todo": todo, "doing": doing, "done": done}
    return Moment(t, **{name: Count(amount, amount) for name, amount in amounts.items()}, team=team)


def sprint(
    order: float,
    committed: float,
    delivered: float | None = None,
    *,
    added: float = 0.0,
    board: str = "1",
    project: str = "SHOP",
    days: float | None = 14.0,
) -> SprintRow:
    """A sprint that got done what it delivered, and was added to, evenly over its time."""
    done = delivered or 0.0
    return SprintRow(
        id=f"{project}-{board}-{order:g}",
        project=project,
        board=board,
        order=order,
        planned_days=days,
        start=Count(committed, committed),
        moments=tuple(moment(t, committed, t * done, added=t * added / 0.8) for t in MOMENTS),
        delivered=Count(delivered, delivered),
    )


def team(sprints: int, seed: int = 1, *, board: str = "1", project: str = "SHOP") -> list[SprintRow]:
    """A team that delivers about 20 points, whatever it commits to."""
    dice = random.Random(seed)
    return [
        sprint(
            float(order),
            float(dice.randint(8, 45)),
            float(max(0, round(dice.gauss(20, 4)))),
            added=float(dice.choice((0, 0, 2, 5, 9))),
            board=board,
            project=project,
        )
        for order in range(sprints)
    ]
