"""``backfill`` from a person's side: ask for one, follow it, end it. A bulk worker does the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Final

from redis import Redis
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import LockError
from redis.exceptions import TimeoutError as RedisSilent

from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import named, read_connections
from store.backfills import Backfill, Backfills, Phase, Question, Standing, Wish
from store.connect import connect, connect_for_rq
from store.crew import BULK, Crew
from store.rulebook import RulebookShelf
from workers.backfill_calls import revive
from workers.clock import queue
from workers.rules_in_force import LiveRules

FRESH: Final = timedelta(hours=1)
"""An older plan is not written: people will have edited the issues."""
_LOOK_S: Final = 0.3
_WORKERS_EVERY_S: Final = 5.0
_AT_FIRST_S: Final = 1.0
"""For a worker to take it."""
_STOPS_WITHIN_S: Final = 60.0
NO_WORKER: Final = "No bulk worker is alive. Start one with `sprintwarden work bulk`; this waits for it."
BUSY: Final = "The bulk workers are busy with other work; it begins when one is free."
_REDIS_BACK_S: Final = 60.0
AWAY: Final = "Redis does not answer; waiting for it."
NO_REDIS: Final = (
    "Redis does not answer any more. The backfill is kept there and goes on once it is back: the same "
    "command follows it again, and with --stop it ends."
)
GOES_ON: Final = (
    "The backfill goes on without you: the same command follows it again, and with --stop it ends."
)

Tell = Callable[[Standing, str], None]
"""Shows how a backfill stands, and what hinders it, if anything does."""


@dataclass(frozen=True, slots=True)
class Office:
    """Where backfills are asked for."""

    redis: Redis
    raw: Redis
    """Answers bytes, as RQ wants it."""
    backfills: Backfills
    connection: str

    @classmethod
    def open(cls, settings: Settings, name: str) -> Office:
        """Raises Complaint when there is no such connection or no Redis."""
        connection = named(read_connections(settings.connections_file), name)
        redis = connect(settings.redis())
        return cls(redis, connect_for_rq(settings.redis()), Backfills(redis), connection.name)

    def standing(self) -> Standing | None:
        return self.backfills.standing(self.connection)

    def ask(self, question: Question, wishes: frozenset[Wish]) -> None:
        """Ask for a backfill, or for more of the one there is: an order is taken up where it stands.

        What was planned less than an hour ago by the rules still in force is not read again. Raises
        Complaint while another question is worked on.
        """
        book = LiveRules(RulebookShelf(self.redis)).now()
        if book is None:
            raise Complaint(
                "No rules are in force yet: start the service once, so that its clock reads rules.yaml."
            )
        standing = self.standing()
        if standing is not None and standing.is_under_way:
            self._join(standing.backfill, question, wishes)
            return
        with self._lease():
            # Another command may have been first.
            self._order(self.standing(), question, wishes, book.version_id)

    def _order(
        self, standing: Standing | None, question: Question, wishes: frozenset[Wish], rules: str
    ) -> None:
        held = standing.backfill if standing else None
        if standing is not None and standing.is_under_way:
            self._join(standing.backfill, question, wishes)
        elif held is None or held.question != question or not _is_fresh(held, rules):
            self.backfills.begin(self.connection, question, wishes)
        elif held.phase is Phase.ASKS and Wish.APPLY in wishes and Wish.SURE not in wishes:
            # The answer is still owed.
            return
        elif held.phase in (Phase.PLANNED, Phase.ASKS) and Wish.APPLY in wishes:
            self.backfills.take_up(self.connection, replace(held, said=""), wishes)
        elif held.phase is Phase.FAILED and (held.steps is None or Wish.APPLY in wishes):
            phase = Phase.READING if held.steps is None else Phase.PLANNED
            self.backfills.take_up(self.connection, replace(held, phase=phase, said="", starts=0), wishes)
        else:
            self.backfills.begin(self.connection, question, wishes)

    def _join(self, held: Backfill, question: Question, wishes: frozenset[Wish]) -> None:
        if held.question != question:
            query = f"--query {held.question.query!r}" if held.question.query else "no --query"
            raise Complaint(
                f"A backfill of {self.connection} with another question is under way ({query}, --most "
                f"{held.question.most}). Wait for it, or end it with `sprintwarden backfill "
                f"{self.connection} --stop`."
            )
        self.backfills.wish(self.connection, wishes)

    @contextmanager
    def _lease(self) -> Iterator[None]:
        lease = self.backfills.lease(self.connection, patient=True)
        if not lease.acquire():
            raise Complaint(f"Somebody else is at the backfill of {self.connection} just now; try again.")
        try:
            yield
        finally:
            with suppress(LockError):
                lease.release()

    def stop(self) -> str:
        """End the backfill there is; what came of it, in a sentence. Raises Complaint when there is none."""
        standing = self.standing()
        idle = (Phase.DONE, Phase.STOPPED, Phase.FAILED)
        if standing is None or standing.backfill.phase in idle:
            raise Complaint(f"There is no backfill of {self.connection} to stop.")
        self.backfills.wish(self.connection, [Wish.STOP])
        until = monotonic() + _STOPS_WITHIN_S
        while monotonic() < until:
            standing = self.standing()
            if standing is None or standing.backfill.phase in idle:
                return f"The backfill of {self.connection} is stopped."
            if standing.backfill.in_hand:
                # Only a worker can look at the tracker what came of the write.
                revive(queue(BULK, self.raw), self.backfills, [self.connection])
            elif not standing.is_held:
                self._end(standing.backfill)
            sleep(_LOOK_S)
        return "It stops when a bulk worker has seen what came of the write in hand; nothing more is written."

    def _end(self, held: Backfill) -> None:
        lease = self.backfills.lease(self.connection)
        if lease.acquire(blocking=False):
            ended = replace(held, phase=Phase.STOPPED, said="It was stopped as somebody asked.")
            self.backfills.end(self.connection, ended)
            lease.release()

    def follow(self, tell: Tell) -> Standing:
        """Tell how it gets on until there is nothing to wait for; how it stands then."""
        bulk = queue(BULK, self.raw)
        looked, hindrance = monotonic() + _AT_FIRST_S - _WORKERS_EVERY_S, ""
        answered, seen = monotonic(), None
        while True:
            try:
                standing = self.standing()
                if standing is None:
                    raise Complaint("Redis knows nothing of the backfill any more; was it emptied?")
                if not standing.is_under_way:
                    tell(standing, "")
                    return standing
                # Where no clock runs, nobody else would.
                revive(bulk, self.backfills, [self.connection])
                if standing.is_held:
                    looked, hindrance = monotonic(), ""
                elif monotonic() - looked > _WORKERS_EVERY_S:
                    looked, hindrance = monotonic(), self._hindrance()
                answered, seen = monotonic(), standing
                tell(standing, hindrance)
            except (RedisAway, RedisSilent):
                # Such as while it is restarted.
                if monotonic() - answered > _REDIS_BACK_S:
                    raise Complaint(NO_REDIS) from None
                if seen is not None:
                    tell(seen, AWAY)
            sleep(_LOOK_S)

    def _hindrance(self) -> str:
        workers = Crew(self.redis).alive(BULK)
        if not workers:
            return NO_WORKER
        return BUSY if all(worker.busy for worker in workers) else ""


def _is_fresh(held: Backfill, rules: str) -> bool:
    return held.rules == rules and datetime.now(UTC) - held.at < FRESH
