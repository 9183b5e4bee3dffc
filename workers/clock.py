"""The clock: turns due subjects into wake-ups, puts the newest good rules in force, learns and watches.

It knows the connections to have their boards looked at and their trackers asked what changed, but asks no
tracker anything itself.

Any number may run: taking a subject is one script in Redis.
"""

from __future__ import annotations

import contextlib
import faulthandler
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from threading import Event
from typing import Final

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from rules.connections import Connection
from store import keys
from store.backfills import Backfills
from store.catch_ups import CatchUps
from store.crew import BULK, LIVE
from store.inbox import Inbox, Taken
from store.models import ModelShelf
from store.outcomes import Outcomes
from store.rulebook import RulebookShelf
from store.sprints import Sprints
from store.trials import Trials
from store.watch import Watch
from workers.backfill_calls import revive
from workers.catch_up import send_catch_ups
from workers.label_look import LabelLook
from workers.learning import asked_by, relearn, serving_by
from workers.retraining import BULK_LIMIT, Retraining
from workers.rounds import send_round, watch_boards
from workers.rules_in_force import LiveRules, RulesFile
from workers.shop import RUN_LIMIT
from workers.tasks import FAILED_JOBS_KEPT_S, RETRAIN, WAKE
from workers.trial_jobs import call as call_to_trials
from workers.watching import look

log = structlog.get_logger("clock")

AHEAD: Final = 20
"""Wake-ups kept in RQ's queue: enough to keep workers busy, few enough that order stays in the inbox."""
TICK_S: Final = 0.2
_BUSY_TICK_S: Final = 0.02
_RULES_EVERY_S: Final = 1.0
_HOUSEKEEPING_EVERY_S: Final = 60.0
_LOOK_S: Final = 0.01
"""Of each tick, for the look at labels."""
_HUNG_S: Final = 60
"""A tick that takes so long never ends: Redis is waited for less, and nothing else is asked."""


def queue(name: str, redis: Redis) -> Queue:
    """An RQ queue of ours. Every queue is made here, so that none ever reads or writes pickle."""
    return Queue(name, connection=redis, serializer=JSONSerializer)


class Clock:
    """One clock. ``tick`` does all that is due and says how long to sleep."""

    def __init__(
        self,
        redis: Redis,
        inbox: Inbox,
        rules: RulesFile,
        retraining: Retraining | None = None,
        connections: Sequence[Connection] = (),
    ) -> None:
        self._redis = redis
        self._inbox = inbox
        self._rules = rules
        self._outcomes = Outcomes(redis)
        self._models = ModelShelf(redis)
        self._watch = Watch(redis)
        self._sprints = Sprints(redis)
        self._backfills = Backfills(redis)
        self._catch_ups = CatchUps(redis)
        self._trials = Trials(redis)
        self._in_force = LiveRules(RulebookShelf(redis))
        self._asked = asked_by(self._in_force)
        self._labels = LabelLook(redis, connections)
        self._queue = queue(LIVE, redis)
        self._bulk = queue(BULK, redis)
        self._retraining = retraining
        self._connections = connections
        self._looking: Iterator[None] | None = None
        self._next_rules = 0.0
        self._next_housekeeping = 0.0

    def tick(self) -> float:
        """Do what is due; the seconds until the next tick. Raises RedisError when Redis is away."""
        now = time.monotonic()
        is_due = now >= self._next_rules
        if is_due:
            self._rules.look()
            self._redis.set(keys.beat("clock"), datetime.now(UTC).isoformat(), ex=keys.BEAT_LIFE)
            send_round(self._inbox, self._sprints, datetime.now(UTC))
            send_catch_ups(self._inbox, self._catch_ups, self._connections)
            self._next_rules = now + _RULES_EVERY_S
        room = AHEAD - self._queue.count
        taken = self._inbox.take(room) if room > 0 else []
        self._wake(taken)
        keeps_house = now >= self._next_housekeeping
        if keeps_house:
            self._next_housekeeping = now + _HOUSEKEEPING_EVERY_S
            self._keep_house()
        if is_due:
            # For the console alone, as is the look at labels: what Redis refuses there stops nothing else.
            call_to_trials(self._bulk, self._trials)
        if not keeps_house:
            self._look_at_labels()
        return _BUSY_TICK_S if taken else TICK_S

    def leave(self) -> None:
        """End: from now on other clocks need not wait for this one. Raises RedisError when Redis is away."""
        self._rules.leave()

    def _keep_house(self) -> None:
        """What is done once a minute. A fault in one part stops neither the others nor the wake-ups."""
        parts: tuple[Callable[[], object], ...] = (
            self._inbox.forget_old_dead,
            lambda: watch_boards(self._sprints, self._connections),
            lambda: relearn(self._outcomes, self._asked, serving_by(self._models)),
            lambda: look(self._models, self._watch, self._outcomes, datetime.now(UTC)),
            self._retrain,
            lambda: revive(self._bulk, self._backfills, [one.name for one in self._connections]),
            self._begin_look_at_labels,
        )
        for part in parts:
            try:
                part()
            except RedisError:
                raise
            except Exception:
                log.exception("housekeeping failed")

    def _begin_look_at_labels(self) -> None:
        # One that is not done yet goes on instead.
        self._looking = self._looking or self._labels.steps(self._in_force.now(), datetime.now(UTC))

    def _look_at_labels(self) -> None:
        """Go on with the look for a moment: whole it would keep due work waiting."""
        until, looking = time.monotonic() + _LOOK_S, self._looking
        self._looking = None
        try:
            for _ in looking or ():
                if time.monotonic() >= until:
                    self._looking = looking
                    return
        except RedisError:
            raise
        except Exception:
            log.exception("housekeeping failed")

    def _retrain(self) -> None:
        for connection in self._retraining.due() if self._retraining else ():
            job = Queue.prepare_data(
                RETRAIN,
                args=(connection,),
                timeout=int(BULK_LIMIT.total_seconds()),
                # By then the connection is due again: without a bulk worker jobs must not pile up.
                ttl=int(keys.RETRAIN_LIFE.total_seconds()),
                result_ttl=0,
                failure_ttl=FAILED_JOBS_KEPT_S,
                description=f"train anew on {connection}",
            )
            self._bulk.enqueue_many([job])

    def _wake(self, taken: list[Taken]) -> None:
        if not taken:
            return
        jobs = [
            Queue.prepare_data(
                WAKE,
                args=(str(item.subject), item.token),
                timeout=int(RUN_LIMIT.total_seconds()),
                result_ttl=0,
                failure_ttl=FAILED_JOBS_KEPT_S,
                description=f"wake {item.subject}",
            )
            for item in taken
        ]
        # A clock that dies here has only leased the subjects: they are due again when the lease ends.
        self._queue.enqueue_many(jobs)


def run_clock(clock: Clock, stop: Event) -> None:
    """Tick until ``stop`` is set, then leave. While Redis is away it waits and says so once.

    A clock that hangs in a tick ends its process, and tells in the log where it hung.
    """
    away = False
    while not stop.is_set():
        faulthandler.dump_traceback_later(_HUNG_S, exit=True)
        try:
            pause = clock.tick()
            if away:
                log.info("redis is back")
                away = False
        except RedisError as error:
            if not away:
                log.warning("redis is away", error=type(error).__name__)
                away = True
            pause = 1.0
        stop.wait(pause)
    faulthandler.cancel_dump_traceback_later()
    with contextlib.suppress(RedisError):
        clock.leave()
