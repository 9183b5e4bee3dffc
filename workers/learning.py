"""What a process knows of what people taught us, and how the clock works it out.

Numpy is loaded by the first shift, not by this module: a clock with nothing to learn never needs it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from store.journal import Forecast, Guess, Journal, Journals
from store.outcomes import Outcomes, Row, Spent, still_counts
from store.watch import Sighting
from trackers.model import Subject

if TYPE_CHECKING:
    from classifiers.shifts import Live, Muted, Shift
    from store.models import ModelShelf
    from workers.rules_in_force import LiveRules

log = structlog.get_logger("learning")

ASKED: Final = 0.85
"""The precision asked of what is put on, where nothing else is said."""
LEAST_NEWS: Final = 10
"""New outcomes worth working out everything anew."""
EVERY_S: Final = 30.0
_LEAST_P: Final = 0.05
_MOST_GUESSES: Final = 10
_OLDER_WEIGHT: Final = 0.5
"""Of an outcome of a model before the one that serves: it errs much like that, not just like it."""
_MOST_OLDER: Final = 50.0
"""Outcomes of the serving model that all those of others together weigh at most: a thousand of theirs
would move a successor that has learnt better, and go on doing so for months."""

Asked = Callable[[str, str, Collection[str]], float]
"""Connection, target and projects → the precision asked there."""
Serving = Callable[[str, str], str | None]
"""Connection and target → the id of the model that serves; None where none does."""


def remember(
    journals: Journals,
    subject: Subject,
    *forecasts: Forecast,
    journal: Journal | None = None,
    sightings: Collection[Sighting] = (),
) -> None:
    """Keep in the issue's journal what models answered, to be held against what people make of it.

    Of the guesses those put on, then the likeliest. What an earlier answer put on stays in it. To be
    called when the labels are written: what was not written cannot be taken off. ``sightings`` are
    counted along with it. One round trip with the ``journal`` as the run has read it, one more without.
    """
    if not forecasts:
        return
    held = (journal or journals.read(subject)).forecasts
    joined = (_joined(held.get(one.target), one) for one in forecasts)
    journals.note_forecast(subject, *joined, sightings=sightings)


def _joined(held: Forecast | None, forecast: Forecast) -> Forecast:
    before = [guess for guess in held.guesses if guess.applied] if held else []
    return replace(forecast, guesses=kept([*before, *forecast.guesses]))


def kept(guesses: Sequence[Guess]) -> tuple[Guess, ...]:
    """Of a model's guesses those worth remembering: put on, or the likeliest, each tag once."""
    first: dict[str, Guess] = {}
    for guess in guesses:
        first.setdefault(guess.tag, replace(guess, p=round(guess.p, 3)))
    worth = [guess for guess in first.values() if guess.applied or guess.p >= _LEAST_P]
    worth.sort(key=lambda guess: (not guess.applied, -guess.p))
    return tuple(worth[:_MOST_GUESSES])


@dataclass(frozen=True, slots=True)
class _Held:
    until: float
    shift: Shift
    muted: frozenset[str]


class Learnt:
    """The shifts and muted labels in force, read from Redis at most every ``every`` seconds."""

    def __init__(
        self, outcomes: Outcomes, *, every: float = EVERY_S, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._outcomes = outcomes
        self._every = every
        self._now = now
        self._held: dict[tuple[str, str], _Held] = {}

    def shift(self, connection: str, target: str) -> Shift:
        """By how much chances are moved."""
        return self._look(connection, target).shift

    def muted(self, connection: str, target: str) -> frozenset[str]:
        """The tags that are not to be put on."""
        return self._look(connection, target).muted

    def _look(self, connection: str, target: str) -> _Held:
        from classifiers.shifts import Shift

        held = self._held.get((connection, target))
        if held is None or self._now() >= held.until:
            standing = self._outcomes.standing(connection, target)
            shift = Shift(**standing.shift) if standing.shift else Shift()
            held = _Held(self._now() + self._every, shift, frozenset(standing.muted))
            self._held[connection, target] = held
        return held


def live(rows: Sequence[Row], spent: Spent | None = None) -> dict[str, Live]:
    """How often each tag that was put on was right, over ``rows`` but for those that are ``spent``."""
    from classifiers.shifts import Live

    counted = [row for row in rows if row.applied and still_counts(row, spent or {})]
    total = Counter(row.tag for row in counted)
    right = Counter(row.tag for row in counted if row.right)
    return {tag: Live(right[tag], total[tag]) for tag in sorted(total)}


def relearn(
    outcomes: Outcomes,
    asked: Asked = lambda _connection, _target, _projects: ASKED,
    serving: Serving = lambda _connection, _target: None,
) -> None:
    """Learn the shift anew and mute what is wrong too often, wherever enough has come in since or
    another model serves now.

    Where nobody knows what serves, the model of the newest outcome is taken for it. Any number of clocks
    may do so: a label is muted, and the admin told, by one of them. Raises what a failing Redis raises.
    """
    for (connection, target), ever in outcomes.ever().items():
        standing = outcomes.standing(connection, target)
        model = serving(connection, target) or ""
        switched = standing.shift is not None and model not in ("", standing.learnt_for)
        if ever - standing.learnt_from < LEAST_NEWS and not switched:
            continue
        from classifiers.shifts import muted

        rows = outcomes.rows(connection, target)
        line = asked(connection, target, {row.project for row in rows})
        wrong = muted(live(rows, standing.spent), line)
        for found in wrong:
            _mute(outcomes, connection, target, found, line)
        held = standing.muted.keys() | {found.tag for found in wrong}
        # What is held back is wrong no more: the others are not to be silenced for it as well.
        counted = [row for row in rows if row.tag not in held and still_counts(row, standing.spent)]
        outcomes.keep_shift(connection, target, _shift(counted, model), ever, model)


def _mute(outcomes: Outcomes, connection: str, target: str, found: Muted, asked: float) -> None:
    right, total = found.live.right, found.live.total
    why = f"{right} of {total} were right, and {asked:.0%} are asked"
    if outcomes.mute(connection, target, found.tag, why):
        log.warning(
            "label muted",
            connection=connection,
            target=target,
            label=found.tag,
            right=right,
            total=total,
            at_best=round(found.interval.high, 3),
            asked=asked,
        )


def _shift(rows: Sequence[Row], model: str) -> dict[str, Any]:
    """The shift that ``rows``, newest first, teach for ``model``; JSON-ready."""
    from classifiers.shifts import OutcomeRow, learn_shift

    model = model or (rows[0].model if rows else "")
    older = sum(row.model != model for row in rows)
    weight = min(_OLDER_WEIGHT, _MOST_OLDER / older) if older else _OLDER_WEIGHT
    weights = [1.0 if row.model == model else weight for row in rows]
    learnt = learn_shift(
        [
            OutcomeRow(row.project, row.tag, row.p, row.right, weight)
            for row, weight in zip(rows, weights, strict=True)
        ]
    )
    projects = {name: round(by, 4) for name, by in learnt.projects.items()}
    return {"shared": round(learnt.shared, 4), "projects": projects}


def serving_by(models: ModelShelf) -> Serving:
    """What serves by the registry."""

    def serving(connection: str, target: str) -> str | None:
        slots = models.slots((connection, target))
        return slots.serving.id if slots and slots.serving else None

    return serving


def asked_by(rules: LiveRules) -> Asked:
    """What the rules in force ask of a model; of several projects, the least.

    A label is muted for all projects of a connection, so it must fail by the mildest measure.
    """

    def asked(connection: str, target: str, projects: Collection[str]) -> float:
        from classifiers.examples import Target
        from classifiers.tagging import asked as asked_of

        book = rules.now()
        lines = (
            [asked_of(book.effective(connection, name), Target(target)) for name in projects] if book else []
        )
        return min((line.precision for line in lines), default=ASKED)

    return asked


def returning(muted: Collection[str], precision: Mapping[str, float | None], asked: float) -> frozenset[str]:
    """Which muted labels a retrained model may put on again.

    ``precision`` is the new model's own honest precision for each label at its line; None, or no
    entry, where it would not have proposed the label at all.
    """
    good = {label for label, got in precision.items() if got is not None and got >= asked}
    return frozenset(muted) & good


def bring_back(
    outcomes: Outcomes,
    connection: str,
    target: str,
    precision: Mapping[str, float | None],
    asked: float = ASKED,
) -> frozenset[str]:
    """Unmute what a newly serving model is good at, unless a person muted it; the labels that return."""
    held = outcomes.standing(connection, target).muted
    back = returning([label for label, mute in held.items() if not mute.by], precision, asked)
    for label in sorted(back):
        if outcomes.unmute(connection, target, label, anew=True):
            log.info("label returns", connection=connection, target=target, label=label)
    return back
