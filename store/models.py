"""The trained models of each connection and target, shared by all machines: staged → serving → previous.

All slots stand in one hash, so that one transaction sees and changes everything: it moves models,
puts a new file beside them and drops the files that no slot names any more. A model's file is
stored as it is: our clients answer text, but a single reply can be left undecoded, as redis-py
itself does for ``DUMP``. That costs neither a third more bytes (base64) nor a second client.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, cast

from redis import Redis
from redis.client import NEVER_DECODE, Pipeline

from store import keys

MOST_BYTES: Final = 10_000_000
"""Of one model's file. Who writes such files holds itself to the same."""

Place = tuple[str, str]
"""Connection and target."""


class Slot(StrEnum):
    """Where a model stands."""

    STAGED = "staged"
    SERVING = "serving"
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate said of a model, and why, in sentences."""

    passed: bool
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in a slot."""

    id: str
    since: datetime
    """When it came into this slot."""
    facts: Mapping[str, Any]
    """JSON: what a list shows of it."""
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """A change of a place's slots."""

    did: str
    """``stage``, ``refuse``, ``promote`` or ``rollback``."""
    at: datetime
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Slots:
    """The models of one place."""

    generation: int = 0
    """Another number after every switch, also when Redis was flushed in between."""
    models: Mapping[Slot, Entry] = field(default_factory=dict)
    switch: Switch | None = None
    """The newest."""

    @property
    def staged(self) -> Entry | None:
        return self.models.get(Slot.STAGED)

    @property
    def serving(self) -> Entry | None:
        return self.models.get(Slot.SERVING)

    @property
    def previous(self) -> Entry | None:
        return self.models.get(Slot.PREVIOUS)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A worker cannot use the model that should serve."""

    id: str
    why: str
    since: datetime
    instead: str | None
    """The model that serves in its stead; None when the rules alone label."""


class NotSwitched(Exception):
    """The slots were left as they were; the text is a sentence that says why."""


_Move = Callable[[Slots, datetime], Mapping[Slot, Entry]]


class ModelShelf:
    """Where models stand. Reading is one round trip; a switch is one transaction, tried again when
    another one came in between."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def slots(self, place: Place) -> Slots | None:
        """The models of a place; None where none ever was, or Redis was flushed."""
        raw = cast("str | None", self._redis.hget(keys.MODELS, _field(place)))
        return None if raw is None else _slots(raw)

    def all(self) -> dict[Place, Slots]:
        """Every place that has, or had, a model."""
        return _places(cast("dict[str, str]", self._redis.hgetall(keys.MODELS)))

    def file(self, id_: str) -> bytes | None:
        """The file of a model that stands in a slot, byte for byte."""
        return cast(
            "bytes | None",
            self._redis.execute_command("GET", keys.model(id_), **{NEVER_DECODE: True}),  # type: ignore[no-untyped-call]
        )

    def stage(
        self,
        place: Place,
        id_: str,
        file: bytes,
        facts: Mapping[str, Any],
        verdict: Verdict | None = None,
    ) -> Slots:
        """Put a model beside the serving one, in place of what was staged before.

        Raises NotSwitched when the file is too large.
        """
        if len(file) > MOST_BYTES:
            raise NotSwitched(f"The model has {len(file):,} bytes, and at most {MOST_BYTES:,} are kept.")

        def move(old: Slots, now: datetime) -> Mapping[Slot, Entry]:
            return {**old.models, Slot.STAGED: Entry(id_, now, facts, verdict)}

        return self._switch(place, "stage", verdict.because if verdict else (), move, {keys.model(id_): file})

    def refuse(self, place: Place, id_: str, because: Sequence[str]) -> Slots:
        """Note that the gate refuses the staged model, which stays there to be looked at.

        Raises NotSwitched when another one, or none, is staged.
        """

        def move(old: Slots, _: datetime) -> Mapping[Slot, Entry]:
            staged = _staged(place, old, id_)
            return {**old.models, Slot.STAGED: replace(staged, verdict=Verdict(False, tuple(because)))}

        return self._switch(place, "refuse", because, move)

    def promote(self, place: Place, id_: str, because: Sequence[str] = (), *, force: bool = False) -> Slots:
        """Let the staged model serve; what served becomes the previous one, what that was is dropped.

        Raises NotSwitched when another one, or none, is staged, or the gate refused it and ``force``
        is not given.
        """

        def move(old: Slots, now: datetime) -> Mapping[Slot, Entry]:
            staged = _staged(place, old, id_)
            if staged.verdict and not staged.verdict.passed and not force:
                said = " ".join(staged.verdict.because)
                raise NotSwitched(f"The gate refused the model staged for {_called(place)}: {said}")
            again = old.serving is not None and old.serving.id == id_
            before = old.previous if again else old.serving and replace(old.serving, since=now)
            models = {Slot.SERVING: replace(staged, since=now)}
            return {**models, Slot.PREVIOUS: before} if before else models

        return self._switch(place, "promote", because, move)

    def rollback(self, place: Place, serving: str | None, because: Sequence[str] = ()) -> Slots:
        """Swap the serving and the previous model. Where none was before, the rules alone label.

        ``serving`` is the model to be taken back (None: none serves), so that two people who take
        back the same one do not undo each other.

        Raises NotSwitched when another one serves, or there is nothing to swap.
        """

        def move(old: Slots, now: datetime) -> Mapping[Slot, Entry]:
            if (old.serving.id if old.serving else None) != serving:
                raise NotSwitched(f"Another model serves {_called(place)} by now; look again.")
            swapped = {Slot.SERVING: old.previous, Slot.PREVIOUS: old.serving}
            models = {slot: replace(entry, since=now) for slot, entry in swapped.items() if entry}
            if not models:
                raise NotSwitched(f"No model serves {_called(place)}, and none did before.")
            return {**models, Slot.STAGED: old.staged} if old.staged else models

        return self._switch(place, "rollback", because, move)

    def note_refusal(self, place: Place, refusal: Refusal) -> None:
        """Tell health that a worker cannot use a model. Ends by itself unless noted again."""
        note = json.dumps(asdict(refusal) | {"since": refusal.since.isoformat()})
        self._redis.set(keys.model_refused(_field(place)), note, px=keys.MODEL_REFUSED_LIFE)

    def settle_refusal(self, place: Place) -> None:
        """The model that should serve does."""
        self._redis.delete(keys.model_refused(_field(place)))

    def refusal(self, place: Place) -> Refusal | None:
        """What a worker could not use, if one noted so."""
        raw = cast("str | None", self._redis.get(keys.model_refused(_field(place))))
        if raw is None:
            return None
        data = json.loads(raw)
        return Refusal(data["id"], data["why"], datetime.fromisoformat(data["since"]), data["instead"])

    def _switch(
        self,
        place: Place,
        did: str,
        because: Sequence[str],
        move: _Move,
        files: Mapping[str, bytes] | None = None,
    ) -> Slots:
        def attempt(pipe: Pipeline) -> Slots:
            places = _places(cast("dict[str, str]", pipe.hgetall(keys.MODELS)))
            seconds, micros = pipe.time()
            now = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
            old = places.get(place, Slots())
            # Never smaller than the clock: a flushed Redis must not give a number twice.
            generation = max(old.generation + 1, seconds * 1_000_000 + micros)
            new = Slots(generation, move(old, now), Switch(did, now, tuple(because)))
            dropped = _ids([old]) - _ids((places | {place: new}).values())
            pipe.multi()
            pipe.hset(keys.MODELS, _field(place), _json(new))
            pipe.delete(keys.model_refused(_field(place)))
            for name, data in (files or {}).items():
                pipe.set(name, data)
            for id_ in dropped:
                pipe.unlink(keys.model(id_))
            return new

        # What it is given back is typed for callables that give nothing.
        done = self._redis.transaction(attempt, keys.MODELS, value_from_callable=True)  # type: ignore[arg-type]
        return cast("Slots", done)


def _staged(place: Place, old: Slots, id_: str) -> Entry:
    if old.staged is None:
        raise NotSwitched(f"No model is staged for {_called(place)}.")
    if old.staged.id != id_:
        raise NotSwitched(f"Another model is staged for {_called(place)} by now; look again.")
    return old.staged


def _called(place: Place) -> str:
    return f"{place[1]} of {place[0]}"


def _ids(every: Iterable[Slots]) -> set[str]:
    return {entry.id for slots in every for entry in slots.models.values()}


def _field(place: Place) -> str:
    return ":".join(place)


def _places(raw: Mapping[str, str]) -> dict[Place, Slots]:
    return {(name.rpartition(":")[0], name.rpartition(":")[2]): _slots(text) for name, text in raw.items()}


def _json(slots: Slots) -> str:
    return json.dumps(asdict(slots), default=datetime.isoformat)


def _slots(text: str) -> Slots:
    data = json.loads(text)
    # A newer release may know slots that this one has no name for.
    models = {slot: _entry(data["models"][slot]) for slot in Slot if slot in data["models"]}
    switch = data["switch"]
    return Slots(
        data["generation"],
        models,
        Switch(switch["did"], datetime.fromisoformat(switch["at"]), tuple(switch["because"])),
    )


def _entry(data: Mapping[str, Any]) -> Entry:
    verdict = data["verdict"] and Verdict(data["verdict"]["passed"], tuple(data["verdict"]["because"]))
    return Entry(data["id"], datetime.fromisoformat(data["since"]), data["facts"], verdict)
