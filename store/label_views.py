"""What the console shows of labels: how often they are put on, how often that was right, and by what line.

A clock, who can judge, works the views out; the web process, which cannot, only reads them. They hold counts
and names of labels and projects; no issue and no text, so nothing here has to be purged with an issue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, cast

from pydantic import TypeAdapter
from redis import Redis

from store import keys
from store.models import Place
from store.watch import Rate
from trackers.model import TrackerKind

TARGETS: Final[Mapping[TrackerKind, tuple[str, ...]]] = {
    TrackerKind.JIRA: ("labels", "components", "type"),
    # Linear has neither components nor types of issue.
    TrackerKind.LINEAR: ("labels",),
}

_HEAD: Final = "head"
_ROWS: Final = "rows"
_STAMP: Final = "stamp"
_LABEL: Final = "label:"


class State(StrEnum):
    """Whether a model puts a label on. People's mutes are not in it: they hold at once."""

    DOUBTFUL = "doubtful"
    """Put on, and so far right less often than is asked."""
    SERVING = "serving"
    UNPROVEN = "unproven"
    """Put on, with too few outcomes to judge it by."""
    SILENT = "silent"
    """No chance would be enough for the precision that is asked."""
    RARE = "rare"
    """Used too seldom in the past to be put on."""
    NEVER = "never"
    """By word of the rules, in every project that asks the model."""
    UNASKED = "unasked"
    """No project's rules ask the model."""
    REMARK = "remark"
    """Types are never changed; a comment may remark on them."""
    RULES = "rules"
    """The model does not know it; rules put it on."""
    UNKNOWN = "unknown"
    """The model that serves does not know it, or none serves."""


@dataclass(frozen=True, slots=True)
class Line:
    """The chance from which on a label is put on."""

    asked: float
    """The precision (0..1) that projects ask for."""
    chance: float | None
    """As comments tell it; None where none would do."""
    unmoved: float | None = None
    """The same as the model gives it, before what people taught it, where that makes a difference."""
    right: int = 0
    """Of the ``total`` answers at or above it in the model's trial."""
    total: int = 0
    why_not: str = ""
    """Why there is no chance that would do; a sentence without a full stop."""


@dataclass(frozen=True, slots=True)
class Serving:
    """The model that serves."""

    id: str
    since: datetime
    created: str
    """When it was trained; ISO 8601."""
    issues: int
    """That it learnt from."""
    readable: bool = True
    """Whether its file tells what is shown of it."""
    lines: tuple[Line, ...] = ()
    """One for each precision that projects ask for, in rising order."""
    shift: str = ""
    """What people taught it, as a sentence."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose chance lay between ``low`` and ``high``."""

    low: float
    high: float
    said: float
    """The mean chance, as models gave it."""
    got: Rate
    """How many of them were right."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was said against what was so."""

    bins: tuple[Bin, ...] = ()
    """In rising order; those with answers."""
    reading: str = ""
    """What that means, as a sentence."""


@dataclass(frozen=True, slots=True)
class Head:
    """A connection's labels, components or types as a whole."""

    connection: str
    target: str
    at: datetime
    """When this was worked out."""
    week: date
    """The Monday of the newest of the weeks that are told."""
    issues: int = 0
    """New ones since the first of these weeks, or since they are counted."""
    outcomes: int = 0
    """Kept, put on or not."""
    serving: Serving | None = None
    staged: bool = False
    """A model waits to be promoted."""
    calibration: Calibration = Calibration()
    labels: int = 0
    """How many there are; not all of them may have a row."""
    doubtful: int = 0
    muted: int = 0


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label in short."""

    name: str
    state: State
    by_rules: int = 0
    """New issues of these weeks that rules put it on."""
    by_model: int = 0
    confirmed: int = 0
    corrected: int = 0
    live: Rate | None = None
    """Of what models put on, how much people left; None before the first outcome that counts."""
    missing: int = 0
    """Outcomes until it can be judged."""
    weeks: tuple[tuple[int, int], ...] = ()
    """Right, of how many; a pair for each week, oldest first."""


@dataclass(frozen=True, slots=True)
class WeekRate:
    """What became known in one week of what was put on."""

    start: date
    """Its Monday."""
    rate: Rate


@dataclass(frozen=True, slots=True)
class Judged:
    """One issue that a model put the label on, and what people made of it."""

    at: str
    """When that became known; ISO 8601, UTC."""
    project: str
    p: float
    right: bool
    model: str


@dataclass(frozen=True, slots=True)
class Trial:
    """How the model that serves fared with the label on issues it had not learnt."""

    uses: int
    """In the issues it learnt from."""
    true: int
    put_on: Rate | None
    """Of what it would have put on, how much was right; None of nothing."""


@dataclass(frozen=True, slots=True)
class LabelView:
    """One label in full."""

    row: LabelRow
    weeks: tuple[WeekRate, ...] = ()
    """Oldest first; those in which anything became known."""
    calibration: Calibration = Calibration()
    newest: tuple[Judged, ...] = ()
    trial: Trial | None = None
    forgotten: int = 0
    """Outcomes that count no more, because the label was muted and returned."""


class LabelViews:
    """The views of every connection and target. Each method is one round trip."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def keep(self, head: Head, labels: Sequence[LabelView], stamp: str) -> None:
        """Show these from now on; ``stamp`` stands for all they were made from."""
        name = keys.label_view(head.connection, head.target)
        rows = _ROW_LIST.dump_json([one.row for one in labels], exclude_defaults=True).decode()
        items = [_STAMP, stamp, _HEAD, _HEAD_FORM.dump_json(head).decode(), _ROWS, rows]
        for one in labels:
            items += [_LABEL + one.row.name, _VIEW.dump_json(one, exclude_defaults=True).decode()]
        pipe = self._redis.pipeline()
        pipe.delete(name)
        pipe.hset(name, items=items)
        pipe.expire(name, keys.LABEL_VIEW_LIFE)
        pipe.execute()

    def renew(self, place: Place, stamp: str) -> bool:
        """Let a view live on if it was made from the same; False when it must be made anew."""
        name = keys.label_view(*place)
        pipe = self._redis.pipeline()
        pipe.hget(name, _STAMP)
        pipe.expire(name, keys.LABEL_VIEW_LIFE)
        return bool(pipe.execute()[0] == stamp)

    def heads(self, places: Iterable[Place]) -> dict[Place, Head]:
        """Of these places, those that have a view."""
        wanted = list(places)
        pipe = self._redis.pipeline(transaction=False)
        for place in wanted:
            pipe.hget(keys.label_view(*place), _HEAD)
        texts = cast("list[str | None]", pipe.execute())
        found = zip(wanted, texts, strict=True)
        return {place: _HEAD_FORM.validate_json(text) for place, text in found if text is not None}

    def rows(self, place: Place) -> tuple[LabelRow, ...]:
        """All labels of a place in short, by name; none where there is no view."""
        text = cast("str | None", self._redis.hget(keys.label_view(*place), _ROWS))
        return tuple(_ROW_LIST.validate_json(text)) if text is not None else ()

    def label(self, place: Place, name: str) -> LabelView | None:
        """One label in full; None where it is not known."""
        text = cast("str | None", self._redis.hget(keys.label_view(*place), _LABEL + name))
        return _VIEW.validate_json(text) if text is not None else None


_HEAD_FORM: Final = TypeAdapter(Head)
_ROW_LIST: Final = TypeAdapter(list[LabelRow])
_VIEW: Final = TypeAdapter(LabelView)
