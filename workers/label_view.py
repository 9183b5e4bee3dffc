"""What the console shows of labels, from what models, rules and people did. Pure.

Numpy is loaded where a model serves or something was learnt, not by this module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from store.keys import SEEN_WEEKS
from store.label_views import (
    Bin,
    Calibration,
    Head,
    Judged,
    LabelRow,
    LabelView,
    Line,
    Serving,
    State,
    Trial,
    WeekRate,
)
from store.models import Place, Slots
from store.outcomes import Row, Standing, still_counts
from store.put_on import PutOn
from store.watch import Rate, week_of

if TYPE_CHECKING:
    from classifiers.shifts import Shift
    from classifiers.thresholds import Thresholds

MOST_LABELS: Final = 1_000
"""Of a place; a tracker may have any number, and nobody looks through more."""
MOST_NEWEST: Final = 20
_BINS: Final = 10
_LIKELY: Final = 0.5
"""A chance from which on a label is worth proposing at all."""
_TYPE: Final = "type"
_DOUBT_LEVEL: Final = 0.8
"""Below what is asked is what lies there whole, the interval of this level: of labels that are as good as
asked one in ten would by bad luck. By their bare share half of them would. Muting takes a level of 0.9."""
_NOTHING_LEARNT: Final = Standing(None, 0, "", {}, {})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the rules want of a place."""

    precisions: tuple[float, ...] = ()
    """Asked for by projects that ask the model, each once, in rising order."""
    never: frozenset[str] = frozenset()
    """Names in lower case that all of these rule out."""
    ruled: frozenset[str] = frozenset()
    """Labels that rules put on."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the file of the model that serves tells."""

    tags: Mapping[str, int]
    """Tag → uses in what it learnt from."""
    trial: Mapping[str, Mapping[str, Any]]
    thresholds: Thresholds


@dataclass(frozen=True, slots=True)
class Sources:
    """All that the views of one place are made from."""

    place: Place
    slots: Slots = field(default_factory=Slots)
    known: Known | None = None
    """None where none serves, or its file cannot be read."""
    standing: Standing = _NOTHING_LEARNT
    put_on: PutOn = field(default_factory=PutOn)
    wanted: Wanted = field(default_factory=Wanted)


Views = tuple[Head, tuple[LabelView, ...]]


def views_in_steps(sources: Sources, rows: Sequence[Row], now: datetime) -> Generator[None, None, Views]:
    """What is shown of a place, and of each of its labels; ``rows`` are its outcomes, newest first.

    A step takes a few milliseconds, for whoever has more urgent things to do in between.
    """
    newest = week_of(now.astimezone(UTC))
    lines = _lines(sources)
    own: dict[str, list[Row]] = {}
    for row in rows:
        own.setdefault(row.tag, []).append(row)
    names = _Names.of(sources, own)
    yield
    every: list[LabelView] = []
    for name in names.all:
        every.append(_label(name, names, sources, lines, own.get(name, ()), newest))
        yield
    shown = sorted(every, key=_weight)[:MOST_LABELS]
    shown.sort(key=lambda view: (view.row.name.casefold(), view.row.name))
    head = Head(
        *sources.place,
        at=now,
        week=newest,
        issues=sources.put_on.issues,
        outcomes=len(rows),
        serving=_serving(sources, lines),
        staged=sources.slots.staged is not None,
        calibration=calibration(rows),
        labels=len(every),
        doubtful=sum(
            view.row.state is State.DOUBTFUL and view.row.name not in sources.standing.muted for view in every
        ),
        muted=len(sources.standing.muted),
    )
    yield
    return head, tuple(shown)


def calibration(rows: Iterable[Row]) -> Calibration:
    """Chances as models gave them, held against what was so, in tenths."""
    rows = list(rows)
    if not rows:
        return Calibration()
    tenths: dict[int, list[Row]] = {}
    for row in rows:
        tenths.setdefault(min(int(row.p * _BINS), _BINS - 1), []).append(row)
    bins = tuple(_bin(number, tenths[number]) for number in sorted(tenths))
    return Calibration(bins, _reading(bins))


def _bin(number: int, rows: Sequence[Row]) -> Bin:
    said = sum(row.p for row in rows) / len(rows)
    got = _rate(sum(row.right for row in rows), len(rows))
    return Bin(number / _BINS, (number + 1) / _BINS, round(said, 4), got)


def _reading(bins: Iterable[Bin]) -> str:
    from classifiers.shifts import LEAST_OUTCOMES

    likely = [one for one in bins if one.low >= _LIKELY]
    total, right = sum(one.got.total for one in likely), sum(one.got.right for one in likely)
    if total < LEAST_OUTCOMES:
        return (
            f"Too little is known to read anything from it: {total} answers with a chance of 50 % or more so "
            f"far, and it takes {LEAST_OUTCOMES}."
        )
    said = sum(one.said * one.got.total for one in likely) / total
    got = _rate(right, total)
    told = (
        f"Where the chance was 50 % or more it was {100 * said:.0f} % on average, "
        f"and {right:,} of {total:,} were right ({100 * right / total:.0f} %)"
    )
    if said > got.high:
        return f"{told}: it promises too much."
    if said < got.low:
        return f"{told}: it is more careful than it need be."
    return f"{told}: that fits what it promises."


@dataclass(frozen=True, slots=True)
class _Names:
    """The labels of a place, and where each stands in what was put on and what is ruled."""

    all: tuple[str, ...]
    by_rules: Mapping[str, int]
    by_models: Mapping[str, int]
    ruled: frozenset[str]

    @classmethod
    def of(cls, sources: Sources, seen: Iterable[str]) -> _Names:
        """The model's names are exact, for it is muted by them; a rule may write them in another case."""
        known = sources.known.tags if sources.known else {}
        all_ = dict.fromkeys([*known, *seen, *sources.standing.muted])
        folded = {name.casefold(): name for name in reversed(all_)}

        def named(name: str) -> str:
            found = name if name in all_ else folded.setdefault(name.casefold(), name)
            all_.setdefault(found)
            return found

        by_rules, by_models = Counter[str](), Counter[str]()
        for counts, total in ((sources.put_on.by_rules, by_rules), (sources.put_on.by_models, by_models)):
            for name, count in counts.items():
                total[named(name)] += count
        ruled = frozenset(map(named, sorted(sources.wanted.ruled)))
        return cls(tuple(all_), by_rules, by_models, ruled | by_rules.keys())


def _label(
    name: str, names: _Names, sources: Sources, lines: Sequence[Line], rows: Sequence[Row], newest: date
) -> LabelView:
    put = [row for row in rows if row.applied]
    counted = [row for row in put if still_counts(row, sources.standing.spent)]
    live = _rate(sum(row.right for row in counted), len(counted)) if counted else None
    state, missing = _state(name, names, sources, lines, live)
    by_week: dict[date, list[bool]] = {}
    for row in counted:
        by_week.setdefault(week_of(datetime.fromisoformat(row.at).astimezone(UTC)), []).append(row.right)
    starts = [newest - timedelta(weeks=back) for back in reversed(range(SEEN_WEEKS))]
    weeks = [(start, by_week.get(start, ())) for start in starts]
    confirmed = sum(row.right for row in put)
    short = LabelRow(
        name,
        state,
        names.by_rules.get(name, 0),
        names.by_models.get(name, 0),
        confirmed,
        len(put) - confirmed,
        live,
        missing,
        tuple((sum(told), len(told)) for _, told in weeks) if live else (),
    )
    return LabelView(
        short,
        tuple(WeekRate(start, _rate(sum(told), len(told))) for start, told in weeks if told),
        calibration(rows),
        tuple(Judged(row.at, row.project, row.p, row.right, row.model) for row in put[:MOST_NEWEST]),
        _trial(name, sources.known),
        len(put) - len(counted),
    )


def _state(
    name: str, names: _Names, sources: Sources, lines: Sequence[Line], live: Rate | None
) -> tuple[State, int]:
    """How a label stands, and how many outcomes are missing before that can be judged."""
    known = sources.known
    if known is None or name not in known.tags:
        return (State.RULES if name in names.ruled else State.UNKNOWN), 0
    if sources.place[1] == _TYPE:
        return State.REMARK, 0
    if not lines:
        return State.UNASKED, 0
    if name.casefold() in sources.wanted.never:
        return State.NEVER, 0
    if all(line.chance is None for line in lines):
        return State.SILENT, 0
    if known.tags[name] < known.thresholds.min_uses:
        return State.RARE, 0
    from classifiers.shifts import LEAST_OUTCOMES

    total = live.total if live else 0
    if live is None or total < LEAST_OUTCOMES:
        return State.UNPROVEN, LEAST_OUTCOMES - total
    from classifiers.intervals import wilson

    is_below = wilson(live.right, live.total, _DOUBT_LEVEL).high < lines[0].asked
    return (State.DOUBTFUL if is_below else State.SERVING), 0


def _lines(sources: Sources) -> tuple[Line, ...]:
    if sources.known is None:
        return ()
    shift = _shift(sources.standing)
    return tuple(_line(sources.known.thresholds, asked, shift) for asked in sources.wanted.precisions)


def _line(thresholds: Thresholds, asked: float, shift: Shift) -> Line:
    from classifiers.in_use import FELT
    from classifiers.shifts import Shift

    rung = thresholds.rung(asked)
    if rung is None or rung.line is None:
        return Line(asked, None, why_not=thresholds.silence(asked) or "")
    unmoved = Shift(-shift.shared).move(rung.line, "")
    moved = abs(unmoved - rung.line) >= FELT
    return Line(
        asked, round(rung.line, 4), round(unmoved, 4) if moved else None, rung.got.right, rung.got.total
    )


def _serving(sources: Sources, lines: tuple[Line, ...]) -> Serving | None:
    entry = sources.slots.serving
    if entry is None:
        return None
    return Serving(
        entry.id,
        entry.since,
        str(entry.facts.get("created", "")),
        int(entry.facts.get("issues", 0)),
        sources.known is not None,
        lines,
        _shift_told(sources.standing),
    )


def _trial(name: str, known: Known | None) -> Trial | None:
    if known is None or name not in known.tags:
        return None
    marks = known.trial.get(name, {})
    total = int(marks.get("applied", 0))
    put = _rate(int(marks.get("right", 0)), total) if total else None
    return Trial(known.tags[name], int(marks.get("true", 0)), put)


@lru_cache(maxsize=4096)
def _rate(right: int, total: int) -> Rate:
    """With the ends of its 95 % interval, by Wilson's formula; its source is in ``classifiers.intervals``."""
    from classifiers.intervals import wilson

    ends = wilson(right, total)
    return Rate(right, total, round(ends.low, 4), round(ends.high, 4))


def _shift(standing: Standing) -> Shift:
    from classifiers.shifts import Shift

    return Shift(**standing.shift) if standing.shift else Shift()


def _shift_told(standing: Standing) -> str:
    from classifiers.in_use import FELT, SPOKEN

    moved = _shift(standing).move(SPOKEN, "")
    if abs(moved - SPOKEN) < FELT:
        return "Chances are taken as the model gives them."
    way = "raised" if moved > SPOKEN else "lowered"
    return f"By what people made of its answers, chances are {way}: {SPOKEN:.2f} counts as {moved:.2f}."


def _weight(view: LabelView) -> tuple[int, int, str]:
    """What is in use goes first."""
    row = view.row
    used = row.by_model + row.by_rules + row.confirmed + row.corrected
    return -used, -(view.trial.uses if view.trial else 0), row.name
