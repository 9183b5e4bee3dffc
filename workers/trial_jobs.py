"""Trials that people ask for in the console: the clock calls a bulk worker to each, which carries it out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

import orjson
import structlog
from rq import Queue

from rules.load import load_rules
from rules.problems import BadFile
from store import keys
from store.trials import Trial, Trials
from trackers.errors import TrackerError
from workers import failures
from workers.patience import patiently
from workers.rules_in_force import NAME
from workers.shop import Shop
from workers.tasks import TRY_RULES

log = structlog.get_logger("trial")

LIMIT: Final = timedelta(minutes=15)
"""A trial is stopped after this. Nobody looks at a page for longer."""
_PATIENCE_S: Final = 300.0
"""In all, for a tracker that wants to be left alone."""
_BEAT_S: Final = 5.0
"""While it waits it says so this often, so that it is not taken for dead."""
_FAILED_JOBS_KEPT_S: Final = 24 * 3600
T = TypeVar("T")


class NotTried(Exception):
    """A trial came to nothing; the text is a sentence."""


def call(bulk: Queue, trials: Trials) -> None:
    """Enqueue a job for each trial to which no worker was called yet. Any number of clocks may: the worker
    that begins with it first is the only one."""
    for id_ in trials.uncalled():
        job = Queue.prepare_data(
            TRY_RULES,
            args=(id_,),
            timeout=int(LIMIT.total_seconds()),
            ttl=int(keys.TRIAL_LIFE.total_seconds()),
            result_ttl=0,
            failure_ttl=_FAILED_JOBS_KEPT_S,
            description="try an edited rules file",
        )
        bulk.enqueue_many([job])
        # A clock that dies here has it called twice, which costs a look.
        trials.note_called(id_)


def carry_out(shop: Shop, id_: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """Carry a trial out and keep what came of it, or why nothing did."""
    trial = shop.trials.begin(id_)
    if trial is None:
        return
    try:
        _try(shop, trial, sleep)
    except (NotTried, TrackerError) as error:
        shop.trials.fail(id_, str(error))
    except failures.NEVER_OURS:
        raise
    except BaseException:
        # Also of the job's own limit: whoever waits for it should not wait on.
        shop.trials.fail(id_, f"It was stopped by a fault, or after {LIMIT}; the worker's log tells more.")
        raise


def _try(shop: Shop, trial: Trial, sleep: Callable[[float], None]) -> None:
    from workers.try_rules import Memory, Rules, trial_json, try_rules

    desk, held = shop.desks.get(trial.wish.connection), shop.rules.text()
    if desk is None:
        raise NotTried(f"This worker does not know the connection {trial.wish.connection}: restart it.")
    if held is None:
        raise NotTried("No rules are in force to hold it against: start the clock, and mend rules.yaml.")
    new = trial.wish.text.encode()
    try:
        books = load_rules(held.text, NAME), load_rules(new, NAME)
    except BadFile as error:
        raise NotTried(f"This worker's release cannot read these rules. {error}") from None
    watch = _Watch(shop.trials, trial.id, sleep)
    memory = Memory(shop.journals, shop.models, shop.outcomes, shop.sprints)
    found = try_rules(
        desk.connection,
        desk.tracker,
        Rules(books[0], held.text, NAME, held.since),
        Rules(books[1], new, NAME),
        trial.wish.last,
        memory,
        asking=watch.ask,
        looked=watch.looked,
    )
    shop.trials.keep(trial.id, orjson.loads(orjson.dumps(trial_json(found))))
    log.info("tried", trial=trial.id, connection=trial.wish.connection, issues=trial.wish.last)


@dataclass(slots=True)
class _Watch:
    """Tells how far a trial is, and how long it was made to wait."""

    trials: Trials
    id: str
    sleep: Callable[[float], None]
    issues: int = 0
    waited: float = field(default=0.0)

    def looked(self, issues: int) -> None:
        self.issues = issues
        self.trials.note(self.id, issues, "")

    def ask(self, ask: Callable[[], T]) -> T:
        answer = patiently(ask, self._wait)
        self.trials.note(self.id, self.issues, "")
        return answer

    def _wait(self, seconds: float, why: str) -> None:
        """Raises NotTried when it would be too long."""
        self.waited += seconds
        if self.waited > _PATIENCE_S:
            raise NotTried(f"The tracker leaves no room for it now. {why} Try it again later.")
        while seconds > 0:
            self.trials.note(self.id, self.issues, why)
            self.sleep(min(seconds, _BEAT_S))
            seconds -= _BEAT_S
