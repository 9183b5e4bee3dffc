"""What we did to an issue and what people made of it: the memory behind promises P3 to P6.

One Redis hash per issue. An *intent* is written before a write and cleared by the record of its
outcome, so that a run that died in between is known to the next one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from time import time
from typing import Any, Final, cast

from redis import Redis
from redis.client import Pipeline

from store import keys
from store.watch import Sighting, count
from trackers.model import Subject

_LOOKED: Final = "looked_updated"
_WHOLE: Final = "whole"
"""Set by who asked the tracker what our record lacks. What is noted without, by an event alone or by a run in
whose midst Redis lost its memory, must not pass for all there is."""


class CommentState(StrEnum):
    POSTED = "posted"
    SETTLED = "settled"
    """Its condition has cleared; the comment says so."""
    DELETED = "deleted"
    """A person deleted it: we neither edit nor repeat it."""


@dataclass(frozen=True, slots=True)
class CommentRecord:
    """One comment of ours: where it is and the digest of the text we last put there."""

    id: str
    digest: str
    state: CommentState = CommentState.POSTED


@dataclass(frozen=True, slots=True)
class Intent:
    """What a run was about to write. Its presence means that the outcome is not known."""

    labels: tuple[str, ...] = ()
    comment: str | None = None
    """The comment's topic."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a model answered about one tag of an issue."""

    tag: str
    """As the model names it."""
    label: str
    """The id under which ``Journal.applied`` has it once it is put on; else the tag again will do."""
    p: float
    """The chance as the model gave it (0..1), before any shift: shifts are learnt from it."""
    applied: bool
    """Put on by the learned tagger, and by nobody else before."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a model answered about an issue, to be held against what people make of it."""

    model: str
    target: str
    """``labels``, ``components`` or ``type``."""
    project: str
    guesses: tuple[Guess, ...]


@dataclass(frozen=True, slots=True)
class Journal:
    """All we remember of one issue."""

    known: bool = False
    """False when there may be more to know: the issue is new, or Redis lost what there was."""
    applied: Mapping[str, str] = field(default_factory=dict)
    """Label id → name, of every label we ever put on."""
    vetoed: Mapping[str, str] = field(default_factory=dict)
    """Label id → how we know that a person took it off."""
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    """Label id → name, of every label we put on and took off again ourselves: no person's no."""
    held: Mapping[str, str] = field(default_factory=dict)
    """Label id → id of the sprint that a label of ours tells of, and that alone takes it off."""
    comments: Mapping[str, CommentRecord] = field(default_factory=dict)
    doubted: Mapping[str, datetime] = field(default_factory=dict)
    """Topic → when its comment was posted though an earlier attempt might still get through."""
    intent: Intent | None = None
    read_updated: datetime | None = None
    """The issue's ``updated`` as of the last reading that a run was carried through with."""
    looked_updated: datetime | None = None
    """Its ``updated`` as of the last reading that led to nothing, or as an event of our own write told."""
    text: str | None = None
    """Digest of what the issue said when labels were last judged."""
    write_updated: datetime | None = None
    """The issue's ``updated`` as our last write returned it."""
    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    """What models answered, by target."""
    taught: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Target and tag → the verdict already counted (``store.outcomes.Verdict``)."""

    @property
    def seen_updated(self) -> datetime | None:
        """The newest state of the issue that any run has seen."""
        seen = [at for at in (self.read_updated, self.looked_updated) if at is not None]
        return max(seen, default=None)


class Journals:
    """The journals of all issues. Every method is one round trip."""

    def __init__(self, redis: Redis, together: Pipeline | None = None) -> None:
        """``together`` collects what is written, in place of sending it."""
        self._redis = redis
        self._together = together

    @contextmanager
    def together(self) -> Iterator[Journals]:
        """Journals whose writes are kept all at once, in one round trip, when the block ends well."""
        pipe = self._redis.pipeline()
        yield Journals(self._redis, pipe)
        pipe.execute()

    def read(self, subject: Subject) -> Journal:
        return _journal(cast("dict[str, str]", self._redis.hgetall(keys.journal(subject))))

    def is_kept(self, subject: Subject) -> bool:
        """Whether anything is remembered of it."""
        return bool(self._redis.exists(keys.journal(subject)))

    def read_many(self, subjects: Iterable[Subject]) -> list[Journal]:
        """The journals of ``subjects``, in their order."""
        pipe = self._redis.pipeline(transaction=False)
        for subject in subjects:
            pipe.hgetall(keys.journal(subject))
        return [_journal(raw) for raw in cast("list[dict[str, str]]", pipe.execute())]

    def intend(self, subject: Subject, intent: Intent) -> None:
        """Said before a write, so that a run that dies in it is not taken for one that never began."""
        text = json.dumps({"labels": intent.labels, "comment": intent.comment})
        self._write(subject, {"intent": text})

    def note_vetoes(self, subject: Subject, vetoed: Mapping[str, str]) -> None:
        """Labels that people took off, as events told or a reading showed."""
        if vetoed:
            self._write(subject, _vetoes(vetoed))

    def note_held(
        self,
        subject: Subject,
        sprint: str,
        labels: Iterable[str],
        *,
        applied: Mapping[str, str] | None = None,
    ) -> None:
        """Have ``sprint`` answer for ``labels`` (ids) of ours, in place of any other sprint.

        ``applied`` are those among them that our record had lost, id → name. An open intent stays open.
        """
        fields = {f"held:{label}": sprint for label in labels}
        fields |= {f"applied:{label}": name for label, name in (applied or {}).items()}
        self._write(subject, fields)

    def note_read(
        self,
        subject: Subject,
        *,
        vetoed: Mapping[str, str],
        applied: Iterable[str],
        comments: Mapping[str, CommentRecord] | None,
    ) -> None:
        """What a reading showed. It settles an open intent: what was written is now known.

        ``applied`` are ids of labels the tracker remembers as ours, ``comments`` those of ours, by
        topic, that were found without a record; None where nobody looked for them.
        """
        fields = _vetoes(vetoed) | {f"applied:{label}": label for label in applied}
        fields |= _comments(comments or {})
        if comments is not None:
            fields[_WHOLE] = "1"
        self._write(subject, fields, remove=["intent"])

    def note_doubted(self, subject: Subject, topic: str, at: datetime) -> None:
        """That the comment on ``topic`` may come to be there twice."""
        self._write(subject, {f"doubted:{topic}": at.isoformat()})

    def note_sure(self, subject: Subject, topic: str) -> None:
        """That no earlier attempt at the comment on ``topic`` is under way any more."""
        self._write(subject, {}, remove=[f"doubted:{topic}"])

    def note_answered(self, subject: Subject, updated: datetime, text: str | None = None) -> None:
        """All that a reading of that time called for was done; said no earlier, or a run that died would
        leave its hints looking answered. ``text`` is the digest of what the issue said."""
        fields = {"read_updated": updated.isoformat()}
        self._write(subject, fields | ({"text": text} if text is not None else {}))

    def note_looked(self, subject: Subject, updated: datetime) -> None:
        """A state of that time was seen and called for nothing; an event yet to come still may."""
        self._write(subject, {_LOOKED: updated.isoformat()})

    def note_written(
        self,
        subject: Subject,
        *,
        labels: Mapping[str, str] | None = None,
        withdrawn: Mapping[str, str] | None = None,
        comments: Mapping[str, CommentRecord] | None = None,
        updated: datetime | None = None,
    ) -> None:
        """The outcome of a write: clears the intent and remembers what is now there.

        ``labels`` were put on, ``withdrawn`` are labels of ours that we took off again.
        """
        on, off = labels or {}, withdrawn or {}
        fields = {f"applied:{label}": name for label, name in on.items()}
        fields |= {f"withdrawn:{label}": name for label, name in off.items()}
        fields |= _comments(comments or {})
        if updated is not None:
            fields["write_updated"] = updated.isoformat()
        undone = [f"withdrawn:{label}" for label in on]
        undone += [f"{what}:{label}" for label in off for what in ("applied", "held")]
        # A comment may also be noted because a person was found to have deleted it.
        posted = any(one.state is not CommentState.DELETED for one in (comments or {}).values())
        wrote = bool(on or off or posted or updated is not None)
        self._write(subject, fields, remove=["intent", *undone], wrote=wrote)

    def note_forecast(
        self, subject: Subject, *forecasts: Forecast, sightings: Collection[Sighting] = ()
    ) -> None:
        """What models answered; each takes the place of an earlier answer about the same target.

        ``sightings`` are counted in the same transaction: an answer that is remembered was counted.
        """
        fields = {f"forecast:{one.target}": _forecast_text(one) for one in forecasts}
        self._write(subject, fields, sightings=sightings)

    def last_write(self, connection: str) -> datetime | None:
        """When a connection's tracker was last written to; None before the first time."""
        at = cast("str | None", self._redis.hget(keys.LAST_WRITE, connection))
        return datetime.fromtimestamp(int(at) / 1000, UTC) if at is not None else None

    def purge(self, subject: Subject) -> None:
        """Forget the issue, and how often it was written to."""
        self._redis.delete(keys.journal(subject), keys.issue_writes(subject.connection, subject.id))

    def _write(
        self,
        subject: Subject,
        fields: Mapping[str, str],
        remove: Sequence[str] = (),
        sightings: Collection[Sighting] = (),
        *,
        wrote: bool = False,
    ) -> None:
        name = keys.journal(subject)
        pipe = self._redis.pipeline() if self._together is None else self._together
        if remove:
            pipe.hdel(name, *remove)
        if fields:
            pipe.hset(name, items=list(chain.from_iterable(fields.items())))
        pipe.expire(name, keys.JOURNAL_LIFE)
        for seen in sightings:
            count(pipe, subject.connection, seen)
        if wrote:
            pipe.hset(keys.LAST_WRITE, subject.connection, int(time() * 1000))
        if self._together is None:
            pipe.execute()


def _journal(raw: Mapping[str, str]) -> Journal:
    if not raw:
        return Journal()
    return Journal(
        known=_WHOLE in raw,
        applied=_under(raw, "applied:"),
        vetoed=_under(raw, "vetoed:"),
        withdrawn=_under(raw, "withdrawn:"),
        held=_under(raw, "held:"),
        comments={name: _comment(text) for name, text in _under(raw, "comment:").items()},
        doubted={topic: datetime.fromisoformat(text) for topic, text in _under(raw, "doubted:").items()},
        intent=_intent(raw["intent"]) if "intent" in raw else None,
        read_updated=_moment(raw.get("read_updated")),
        looked_updated=_moment(raw.get(_LOOKED)),
        text=raw.get("text"),
        write_updated=_moment(raw.get("write_updated")),
        forecasts={target: _forecast(target, text) for target, text in _under(raw, "forecast:").items()},
        taught={_tag_of(name): text.split(" ", 1)[0] for name, text in _under(raw, "taught:").items()},
    )


def _forecast_text(forecast: Forecast) -> str:
    guesses = [[guess.tag, guess.label, guess.p, guess.applied] for guess in forecast.guesses]
    return json.dumps([forecast.model, forecast.project, guesses])


def taught_field(target: str, tag: str) -> str:
    """Where an issue's journal keeps what was counted of a tag."""
    return f"taught:{target}:{tag}"


def _vetoes(vetoed: Mapping[str, str]) -> dict[str, str]:
    return {f"vetoed:{label}": why for label, why in vetoed.items()}


def _comments(records: Mapping[str, CommentRecord]) -> dict[str, str]:
    return {
        f"comment:{topic}": json.dumps([comment.id, comment.digest, str(comment.state)])
        for topic, comment in records.items()
    }


def _under(raw: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name[len(prefix) :]: value for name, value in raw.items() if name.startswith(prefix)}


def _comment(text: str) -> CommentRecord:
    id_, digest, state = json.loads(text)
    return CommentRecord(id_, digest, CommentState(state))


def _forecast(target: str, text: str) -> Forecast:
    model, project, guesses = json.loads(text)
    return Forecast(model, target, project, tuple(Guess(*guess) for guess in guesses))


def _tag_of(name: str) -> tuple[str, str]:
    target, _, tag = name.partition(":")
    return target, tag


def _intent(text: str) -> Intent:
    raw: dict[str, Any] = json.loads(text)
    return Intent(tuple(raw.get("labels") or ()), raw.get("comment"))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
