"""The model that serves a connection and target, for one worker process: switched, never half-loaded."""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog

from classifiers.head import Head, Packed
from classifiers.model_files import MOST_PACKED, BadModel, Content, open_head, read_packed
from classifiers.tagger_files import tagger_of
from store.models import ModelShelf, Place, Refusal, Slots

log = structlog.get_logger("models")

LOOK_EVERY_S: Final = 5.0
"""How long a process goes by what it knows before it asks Redis again."""
_LEFT_OVER_S: Final = 3_600.0
"""A file that is half-written for so long was left by a process that died."""
_ID: Final = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready to answer."""

    id: str
    head: Head
    manifest: Mapping[str, Any]


@dataclass(slots=True)
class _Held:
    """What a process knows of one place."""

    asked: float = float("-inf")
    generation: int | None = None
    loaded: Loaded | None = None
    refusal: Refusal | None = None


class LiveModels:
    """The models in force, for one worker process."""

    def __init__(
        self,
        shelf: ModelShelf,
        cache: Path,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        opener: Callable[[Packed], Head] = open_head,
    ) -> None:
        """``cache`` is a folder that the processes of one machine may share. Nothing is opened yet."""
        self._shelf = shelf
        self._cache = ModelCache(cache)
        self._monotonic = monotonic
        self._opener = opener
        self._places: dict[Place, _Held] = {}

    def now(self, connection: str, target: str) -> Loaded | None:
        """The model to answer with; None when there is none, and the rules alone label.

        Redis is asked at most every ``LOOK_EVERY_S``. A model that cannot be used leaves the one
        before it at work, and health is told. Raises what a failing Redis raises.
        """
        place = (connection, target)
        held = self._places.setdefault(place, _Held())
        if self._monotonic() - held.asked >= LOOK_EVERY_S:
            self._look(place, held)
            held.asked = self._monotonic()
        return held.loaded

    def _look(self, place: Place, held: _Held) -> None:
        slots = self._shelf.slots(place)
        # A flushed Redis knows of no models; that is no reason to forget ours.
        if slots is not None and slots.generation != held.generation:
            self._follow(place, held, slots)
        elif held.refusal is not None:
            self._shelf.note_refusal(place, held.refusal)

    def _follow(self, place: Place, held: _Held, slots: Slots) -> None:
        serving, refused = slots.serving, held.refusal
        held.refusal = None
        if serving is None:
            held.loaded = None
        elif held.loaded is None or held.loaded.id != serving.id:
            try:
                held.loaded = self._load(place, serving.id)
                self._shelf.settle_refusal(place)
            except BadModel as error:
                if self._shelf.slots(place) != slots:
                    # A switch came in between, and may have dropped the file.
                    return self._look(place, held)
                instead = self._stand_in(place, held, slots)
                held.refusal = Refusal(serving.id, str(error), datetime.now(UTC), instead)
                self._shelf.note_refusal(place, held.refusal)
                if refused is None or refused.id != serving.id:
                    _log(place, held.refusal)
        held.generation = slots.generation
        return None

    def _stand_in(self, place: Place, held: _Held, slots: Slots) -> str | None:
        """See to it that the model before serves, if there is one; its id."""
        if held.loaded is None and slots.previous is not None:
            # A process that has just started holds nothing yet.
            with contextlib.suppress(BadModel):
                held.loaded = self._load(place, slots.previous.id)
        return held.loaded.id if held.loaded else None

    def _load(self, place: Place, id_: str) -> Loaded:
        content = self._cache.read(id_) or self._fetch(id_)
        if (target := content.manifest["target"]) != place[1]:
            raise BadModel(f"It was trained for {target}, and is put to {place[1]}.")
        head = self._opener(content.packed)
        # A manifest that does not say when to speak is noticed here, not in the middle of a run.
        tagger_of(head, content.manifest)
        return Loaded(id_, head, content.manifest)

    def _fetch(self, id_: str) -> Content:
        file = self._shelf.file(id_)
        if file is None:
            raise BadModel("Redis holds no file of it: stage it anew.")
        content = read_packed(file)
        if content.id != id_:
            raise BadModel(f"Its file in Redis is another model's ({content.id[:12]}): stage it anew.")
        self._cache.keep(id_, file, _named(self._shelf.all().values()))
        return content


class ModelCache:
    """Model files on this machine's disk, so that a restart need not fetch them. Only a help: a disk
    that fails costs a line in the log."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, id_: str) -> Content | None:
        """The model if it is here and sound, held against its id."""
        if not _ID.match(id_):
            raise BadModel("Its id is no SHA-256: stage it anew.")
        try:
            with self._path(id_).open("rb") as stream:
                content = read_packed(stream.read(MOST_PACKED + 1))
        except FileNotFoundError:
            return None
        except (OSError, BadModel) as error:
            log.warning("cached model not read", model=id_[:12], error=_said(error))
            return None
        return content if content.id == id_ else None

    def keep(self, id_: str, file: bytes, wanted: Collection[str]) -> None:
        """Write a model's file, whole or not at all, and drop those that are not ``wanted`` any more."""
        beside = self._folder / f"{secrets.token_hex(8)}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(file)
            beside.rename(self._path(id_))
            self._tidy({self._path(one).name for one in (id_, *wanted)})
        except OSError as error:
            log.warning("model not cached", model=id_[:12], error=_said(error))
            with contextlib.suppress(OSError):
                beside.unlink()

    def _tidy(self, wanted: Collection[str]) -> None:
        """Another process may be at the same work: what is gone already is well gone."""
        for path in self._folder.glob("*.zip"):
            if path.name not in wanted:
                path.unlink(missing_ok=True)
        for path in self._folder.glob("*.part"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _LEFT_OVER_S:
                    path.unlink()

    def _path(self, id_: str) -> Path:
        return self._folder / f"{id_}.zip"


def _log(place: Place, refusal: Refusal) -> None:
    log.error(
        "model refused",
        connection=place[0],
        target=place[1],
        model=refusal.id[:12],
        why=refusal.why,
        serves=refusal.instead[:12] if refusal.instead else "the rules alone",
    )


def _named(every: Collection[Slots]) -> set[str]:
    return {entry.id for slots in every for entry in slots.models.values()}


def _said(error: Exception) -> str:
    """An operating system's error by its reason: its own words hold a path."""
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else str(error)
