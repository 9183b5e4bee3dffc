"""Keeps what the console shows of labels up to date: a part of what the clock does once a minute."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog
from redis import Redis

from rules.connections import Connection
from store import put_on
from store.label_views import TARGETS, LabelViews
from store.models import Entry, ModelShelf, Slots
from store.outcomes import Outcomes
from store.put_on import PutOn
from store.watch import week_of
from trackers.model import COMPONENT
from workers.label_view import Known, Sources, Wanted, views_in_steps

if TYPE_CHECKING:
    from rules.load import RuleBook

log = structlog.get_logger("label_look")

_FORM: Final = 2
"""Raised when views made before must be made anew."""
_LABELS: Final = "labels"
_COMPONENTS: Final = "components"
_TYPE: Final = "type"


class LabelLook:
    """Keeps the views of all connections up to date; for one clock process."""

    def __init__(self, redis: Redis, connections: Sequence[Connection]) -> None:
        self._redis = redis
        self._connections = connections
        self._shelf = ModelShelf(redis)
        self._outcomes = Outcomes(redis)
        self._views = LabelViews(redis)
        self._known: dict[str, Known | None] = {}

    def steps(self, book: RuleBook | None, now: datetime) -> Iterator[None]:
        """Make those views anew that what they are made from no longer fits; a few round trips for each.

        Step by step: there may be many labels, and a clock has more urgent things to do in between. A step
        takes a few milliseconds, but for reading all outcomes of a place, and keeping its views, which take
        some more. Opening a model's file may take a while, once for each model.

        Any number of clocks may do so. Raises what a failing Redis raises.
        """
        shelf, ever = self._shelf.all(), self._outcomes.ever()
        for connection in self._connections:
            put = put_on.read(self._redis, connection.name, week_of(now.astimezone(UTC)))
            yield
            for target in TARGETS[connection.tracker]:
                place = (connection.name, target)
                slots = shelf.get(place, Slots())
                sources = Sources(
                    place,
                    slots,
                    standing=self._outcomes.standing(*place),
                    put_on=_of_target(put, connection, target),
                    wanted=wanted(book, connection, target, serves=slots.serving is not None),
                )
                stamp = _stamp(sources, ever.get(place, 0), now)
                if not self._views.renew(place, stamp):
                    yield from self._make(sources, stamp, now)
                yield
        serving = {slots.serving.id for slots in shelf.values() if slots.serving}
        self._known = {id_: known for id_, known in self._known.items() if id_ in serving}

    def _make(self, sources: Sources, stamp: str, now: datetime) -> Iterator[None]:
        rows = self._outcomes.rows(*sources.place)
        yield
        known = self._read(sources.slots.serving)
        yield
        made = yield from views_in_steps(replace(sources, known=known), rows, now)
        self._views.keep(*made, stamp)

    def _read(self, serving: Entry | None) -> Known | None:
        """What a model's file tells; a file is opened once."""
        if serving is None:
            return None
        if serving.id not in self._known:
            file = self._shelf.file(serving.id)
            self._known[serving.id] = _known(file, serving.id) if file is not None else None
        return self._known[serving.id]


def wanted(book: RuleBook | None, connection: Connection, target: str, *, serves: bool) -> Wanted:
    """What the rules of a connection's projects want of its labels, components or types, and of the model
    of these where one ``serves``."""
    if book is None:
        return Wanted()
    every = [book.effective(connection.name, project) for project in connection.projects]
    labels = {label for rules in every for rule in rules.rules for label in rule.labels}
    ruled = frozenset(labels) if target == _LABELS else frozenset()
    asking = [rules for rules in every if serves and rules.learned.asks(target)]
    if not asking:
        return Wanted(ruled=ruled)
    from classifiers.examples import Target
    from classifiers.tagging import asked

    wishes = [asked(rules, Target(target)) for rules in asking]
    precisions = tuple(sorted({wish.precision for wish in wishes}))
    return Wanted(precisions, frozenset.intersection(*(wish.never for wish in wishes)), ruled)


def _known(file: bytes, id_: str) -> Known | None:
    from classifiers.model_files import BadModel, read_told
    from classifiers.thresholds import Thresholds

    try:
        manifest = read_told(file)
        lines = Thresholds.of_facts(manifest["thresholds"])
    except (BadModel, KeyError, ValueError) as error:
        log.warning("model not read for the console", model=id_[:12], error=str(error))
        return None
    return Known(manifest["tags"], manifest["metrics"].get("tags", {}), lines)


def _of_target(put: PutOn, connection: Connection, target: str) -> PutOn:
    """Of what was put on, what belongs to a target, by the names that models use."""
    if _COMPONENTS not in TARGETS[connection.tracker]:
        return put
    is_component = target == _COMPONENTS

    def own(counts: Mapping[str, int]) -> dict[str, int]:
        return {
            name.removeprefix(COMPONENT) if is_component else name: count
            for name, count in counts.items()
            if name.startswith(COMPONENT) == is_component and target != _TYPE
        }

    return PutOn(put.issues, own(put.by_rules), own(put.by_models))


def _stamp(sources: Sources, ever: int, now: datetime) -> str:
    """What changes when the views do."""
    told = [
        _FORM,
        week_of(now.astimezone(UTC)),
        ever,
        sources.slots.generation,
        asdict(sources.standing),
        asdict(sources.put_on),
        asdict(sources.wanted),
    ]
    return hashlib.sha256(json.dumps(told, default=_plain, sort_keys=True).encode()).hexdigest()


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else str(value)
