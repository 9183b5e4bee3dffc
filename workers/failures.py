"""One table from what went wrong to what becomes of the run: ignore, again at, or dead letter."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from redis.exceptions import RedisError
from rq.timeouts import JobTimeoutException

from trackers import errors
from workers.apply import LeaseLost
from workers.breaker import WritingHeld, WrittenTooOften
from workers.decide import Because


class NoRules(Exception):
    """There are no rules to work by yet: no good file has been seen."""


class UnknownConnection(Exception):
    """The subject's connection is not in this worker's connections file: not yet, or not any more."""


NEVER_OURS: Final = (RedisError,)
"""Raised through: with Redis gone nothing can be kept, and the lease brings the subject back."""

NOT_OF_A_PART: Final = (*NEVER_OURS, JobTimeoutException)
"""Raised through by whoever lets one part of a job fail alone: the whole job has to end. It is said
once only, so that a job which swallows it would go on without any limit."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """Nothing can or need be done about it."""

    because: Because


@dataclass(frozen=True, slots=True)
class Again:
    """Another run after ``delay``; ``free`` spends no attempt."""

    delay: timedelta
    cause: str
    free: bool


@dataclass(frozen=True, slots=True)
class Bury:
    """People must look at it: it goes to the dead letters."""

    cause: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The subject is another run's now; this one just ends."""


Fate = Ignore | Again | Bury | Leave

ATTEMPTS: Final = 8
"""With the delays below, the last attempt comes more than a day after the first."""
_SPACING: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1_800, 7_200, 21_600, 64_800))
_BLAMELESS: Final = 2
"""So many runs may begin before deaths are held against a subject."""
_SILENCE: Final = "The last run of it ended without a word: the worker died or hung, or Redis was away."
_MINUTE: Final = timedelta(minutes=1)
_MINUTES: Final = timedelta(minutes=5)
_SOON: Final = timedelta(seconds=1)
_LATER: Final = timedelta(seconds=5)
_UNKNOWN_FOR: Final = timedelta(days=1)
_WALLED_FOR: Final = timedelta(days=1)
_STALE_FOR: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a subject stands when a run of it ends early."""

    attempts: int
    """This run included."""
    waited: timedelta
    """Since the subject's first hint came."""


def _stale(error: errors.Stale, at: Standing) -> Fate:
    # Reading again soon is free for a while; a tracker that never catches up must not be asked for ever.
    return Again(_SOON, str(error), free=at.waited < _STALE_FOR)


def _limited(error: errors.LimitReached, _: Standing) -> Fate:
    length = max(pause.length for pause in error.pauses)
    return Again(length + _jitter(_SOON), str(error), free=True)


def _walled(error: errors.Walled, at: Standing) -> Fate:
    # For as long as an outage may last all of the tracker may be walled off; after that it may be this alone,
    # as where a firewall dislikes a word.
    if at.waited > _WALLED_FOR:
        return _spaced(at.attempts, str(error))
    return Again(_MINUTES + _jitter(_LATER), str(error), free=True)


def _unknown(error: UnknownConnection, at: Standing) -> Fate:
    # Processes are restarted one by one: the newer file is a matter of minutes, and of a day at most.
    if at.waited > _UNKNOWN_FOR:
        return Bury(str(error))
    return Again(_MINUTES, str(error), free=True)


_TABLE: Final[tuple[tuple[type[Exception], Callable[[Any, Standing], Fate]], ...]] = (
    (LeaseLost, lambda error, at: Leave()),
    (errors.Gone, lambda error, at: Ignore(Because.GONE)),
    (errors.Paused, lambda error, at: Again(error.left + _jitter(_SOON), str(error), free=True)),
    (errors.LimitReached, _limited),
    (errors.Unauthorized, lambda error, at: Again(_MINUTES + _jitter(_LATER), str(error), free=True)),
    (errors.Unreachable, lambda error, at: Again(_LATER + _jitter(_LATER), str(error), free=True)),
    (errors.Stale, _stale),
    (errors.Rejected, lambda error, at: Bury(str(error))),
    (errors.Forbidden, lambda error, at: Bury(str(error))),
    (errors.Conflict, lambda error, at: _spaced(at.attempts, str(error))),
    (errors.Walled, _walled),
    (errors.ServerFault, lambda error, at: _spaced(at.attempts, str(error))),
    (UnknownConnection, _unknown),
    (WritingHeld, lambda error, at: Again(_MINUTE + _jitter(_LATER), str(error), free=True)),
    (WrittenTooOften, lambda error, at: Again(error.left + _jitter(_MINUTE), str(error), free=True)),
    (NoRules, lambda error, at: Again(_LATER, str(error), free=True)),
    (
        JobTimeoutException,
        lambda error, at: _spaced(at.attempts, "The run took longer than it may and was stopped."),
    ),
)


def fate(error: Exception, at: Standing) -> Fate:
    """What becomes of a run that ended with ``error``.

    An error the table does not name is a fault of ours: it is tried again, spaced, and ends among
    the dead letters.
    """
    for kind, decide in _TABLE:
        if isinstance(error, kind):
            return decide(error, at)
    return _spaced(at.attempts, f"The run failed: {type(error).__name__}. The worker's log has the place.")


def is_ours(error: Exception) -> bool:
    """Whether ``error`` is a fault of ours, to be logged with its place, and not one the table names."""
    return not isinstance(error, tuple(kind for kind, _ in _TABLE))


def died(attempts: int, cause: str, *, silent: bool) -> Fate | None:
    """Asked when a run begins; None lets it go on.

    A subject whose runs never come to an end (``silent``: the one before this did not) is poison to its
    workers: spaced as any failure is, and in the end given up. The first such death is followed by a run
    at once: the lease that had to end has spaced it enough, and most often the subject is not to blame.
    """
    if attempts > ATTEMPTS:
        return Bury(cause if cause and not silent else _SILENCE)
    if silent and attempts > _BLAMELESS:
        delay = _SPACING[attempts - _BLAMELESS - 1]
        # Free, because beginning has spent the attempt already that then comes.
        return Again(delay + _jitter(delay / 5), _SILENCE, free=True)
    return None


def _spaced(attempts: int, cause: str) -> Fate:
    if attempts >= ATTEMPTS:
        return Bury(cause)
    delay = _SPACING[min(attempts, len(_SPACING)) - 1]
    return Again(delay + _jitter(delay / 5), cause, free=False)


def _jitter(most: timedelta) -> timedelta:
    # Spreads runs that failed together; nothing here guards a secret.
    return most * random.random()  # noqa: S311
