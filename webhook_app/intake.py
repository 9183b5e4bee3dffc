"""What becomes of one delivery: prove, read, store, answer. Called by the view and by tests alike."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, Protocol

import orjson
import structlog
from structlog.contextvars import bind_contextvars

from store.door import Door, NotStored, Skew, Wait
from trackers.model import Event, Hint, Refused, RefusedBecause, SubjectKind
from trackers.reading import json_value
from webhook_app.entrance import Entrance, Environ

log = structlog.get_logger("intake")

OWN_EVENT: Final = "sprintwarden_doctor"
"""What `sprintwarden doctor` sends: proven like any other, but no word of the tracker's."""
RETRY_AFTER_S: Final = 30
"""What a sender is asked to wait when the inbox could not take its delivery."""

_STATUS: Final[Mapping[RefusedBecause, HTTPStatus]] = {
    RefusedBecause.UNKNOWN_CONNECTION: HTTPStatus.NOT_FOUND,
    RefusedBecause.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    RefusedBecause.WRONG_CONTENT_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RefusedBecause.MISSING_CREDENTIALS: HTTPStatus.UNAUTHORIZED,
    RefusedBecause.BAD_SIGNATURE: HTTPStatus.UNAUTHORIZED,
    RefusedBecause.BAD_CREDENTIALS: HTTPStatus.UNAUTHORIZED,
    RefusedBecause.NO_TIMESTAMP: HTTPStatus.UNAUTHORIZED,
    RefusedBecause.IN_FUTURE: HTTPStatus.UNAUTHORIZED,
    RefusedBecause.TOO_OLD: HTTPStatus.UNAUTHORIZED,
    RefusedBecause.EMPTY_BODY: HTTPStatus.BAD_REQUEST,
    RefusedBecause.NOT_JSON: HTTPStatus.BAD_REQUEST,
    RefusedBecause.WRONG_SHAPE: HTTPStatus.BAD_REQUEST,
    RefusedBecause.NOT_STORED: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Pace:
    """How long hints wait for others about the same subject."""

    issue: Wait
    sprint: Wait

    def wait(self, hint: Hint) -> Wait:
        """The wait for this hint's kind of subject."""
        return self.sprint if hint.subject.kind is SubjectKind.SPRINT else self.issue


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told; ``outcome`` and ``reason`` are the metric's labels too."""

    status: int
    outcome: str
    """``queued``, ``duplicate``, ``ignored`` or ``refused``."""
    reason: str = ""
    detail: str = ""
    hints: int = 0

    def body(self) -> bytes:
        """The answer's JSON."""
        told: dict[str, Any] = {"status": self.outcome}
        if self.reason:
            told["reason"] = self.reason
        if self.detail:
            told["detail"] = self.detail
        if self.hints:
            told["hints"] = self.hints
        return orjson.dumps(told)


class Count(Protocol):
    """Told of every answer."""

    def __call__(self, connection: str, outcome: str, reason: str, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Intake:
    """The front door's work, wired once."""

    entrances: Mapping[str, Entrance]
    door: Door
    pace: Pace
    count: Count

    def receive(self, name: str, environ: Environ) -> Answer:
        """Take one delivery for the connection ``name`` and say what became of it. Never raises."""
        entrance = self.entrances.get(name)
        if entrance is None:
            refused = Refused(RefusedBecause.UNKNOWN_CONNECTION, "No connection of that name has a webhook.")
            return self._refused("unknown", refused, "")
        digest, skew = "", None
        bind_contextvars(connection=entrance.name)
        try:
            body = read_body(environ, entrance.max_body)
            entrance.verify(body, environ)
            digest = hashlib.sha256(body).hexdigest()
            bind_contextvars(digest=digest[:12])
            payload = parse_json(body)
            skew = _skew(entrance.name, entrance.told(payload))
            late = entrance.late(payload)
            event = entrance.read(payload, digest)
            return self._take(entrance, event, digest, skew, late=late)
        except Refused as refused:
            return self._refused(entrance.name, refused, digest, skew)

    def _take(
        self, entrance: Entrance, event: Event, digest: str, skew: Skew | None, *, late: bool
    ) -> Answer:
        if event.ignored is not None:
            answer = Answer(HTTPStatus.OK, "ignored", str(event.ignored), event.detail)
            if event.name.startswith(OWN_EVENT):
                self._note(entrance.name, answer, event.name, digest)
            else:
                self._note(entrance.name, answer, event.name, digest, entrance.name, skew)
            return self._told(entrance.name, answer, event.name, digest)
        hints = tuple(replace(hint, late=True) for hint in event.hints) if late else event.hints
        waits = [self.pace.wait(hint) for hint in hints]
        try:
            fresh = self.door.offer(entrance.name, digest, hints, waits, skew)
        except NotStored as error:
            log.error("not stored", error=str(error))
            raise Refused(
                RefusedBecause.NOT_STORED, "The event could not be stored; please send it again later."
            ) from error
        answer = (
            Answer(HTTPStatus.OK, "queued", "late" if late else "", hints=len(hints))
            if fresh
            else Answer(HTTPStatus.OK, "duplicate")
        )
        return self._told(entrance.name, answer, event.name, digest)

    def _refused(self, connection: str, refused: Refused, digest: str, skew: Skew | None = None) -> Answer:
        answer = Answer(_STATUS[refused.reason], "refused", str(refused.reason), refused.sentence)
        if refused.reason not in (RefusedBecause.NOT_STORED, RefusedBecause.UNKNOWN_CONNECTION):
            self._note(f"{connection}:refused", answer, "", digest, skew=skew)
        return self._told(connection, answer, "", digest)

    def _note(
        self,
        book: str,
        answer: Answer,
        event: str,
        digest: str,
        heard: str = "",
        skew: Skew | None = None,
    ) -> None:
        note = {"outcome": answer.outcome, "reason": answer.reason, "detail": answer.detail, "event": event}
        try:
            self.door.note(book, note | {"digest": digest[:12]}, heard, skew)
        except NotStored as error:
            # The delivery led to nothing, so nothing is lost but this note; the log still tells of it.
            log.warning("note not kept", error=str(error))

    def _told(self, connection: str, answer: Answer, event: str, digest: str) -> Answer:
        self.count(connection, answer.outcome, answer.reason)
        log.info(
            "delivery",
            connection=connection,
            name=event,
            outcome=answer.outcome,
            reason=answer.reason,
            digest=digest[:12],
        )
        return answer


def _skew(connection: str, told: datetime | None) -> Skew | None:
    """How far our clock is ahead of the one that told this time, on the delivery's way here included."""
    return None if told is None else Skew(connection, (datetime.now(UTC) - told) // timedelta(milliseconds=1))


def read_body(environ: Environ, limit: int) -> bytes:
    """The raw body, never more than ``limit`` bytes of it. Raises Refused."""
    declared = _declared(environ)
    if declared is not None and declared > limit:
        raise Refused(RefusedBecause.TOO_LARGE, f"The body is over the limit of {limit} bytes.")
    kind = str(environ.get("CONTENT_TYPE") or "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" or environ.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
        raise Refused(
            RefusedBecause.WRONG_CONTENT_TYPE, "The body must be application/json without a content encoding."
        )
    body = _read(environ, limit + 1 if declared is None else declared)
    if len(body) > limit:
        raise Refused(RefusedBecause.TOO_LARGE, f"The body is over the limit of {limit} bytes.")
    return body


def _declared(environ: Environ) -> int | None:
    """The length the sender gives; None where it gives none, or no number."""
    length = str(environ.get("CONTENT_LENGTH") or "")
    if not (length.isascii() and length.isdigit()):
        return None
    # Python converts no more than some thousand digits, and needs no more than these to see the size.
    return int(length[:20])


def _read(environ: Environ, most: int) -> bytes:
    if not environ.get("CONTENT_LENGTH") and not environ.get("wsgi.input_terminated"):
        # Without a length and an end to look for, reading would wait for the sender to hang up.
        return b""
    try:
        body: bytes = environ["wsgi.input"].read(most)
    except OSError as error:
        raise Refused(RefusedBecause.WRONG_SHAPE, "The body did not arrive whole.") from error
    return body


def parse_json(body: bytes) -> object:
    """The body's JSON. Raises Refused when it is empty or none; depth and size are bounded by the parser."""
    if not body:
        raise Refused(
            RefusedBecause.EMPTY_BODY,
            "The body is empty; if the webhook has “Exclude body” switched on, switch it off.",
        )
    try:
        return json_value(body)
    except orjson.JSONDecodeError as error:
        raise Refused(RefusedBecause.NOT_JSON, "The body is not JSON.") from error
