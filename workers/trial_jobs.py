"""Trials that people ask for in the console: the clock calls a bulk worker to each, which carries it out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any, Final, TypeVar

import orjson
import structlog
from redis.exceptions import RedisError
from rq import Queue

from rules.checking import Finding, check_text, folded
from rules.lint_connection import lint_for
from rules.load import load_rules
from rules.problems import MOST_PROBLEMS, BadFile
from rules.source import Source
from store import keys
from store.trials import Trial, Trials
from trackers.errors import TrackerError
from workers import failures
from workers.patience import patiently
from workers.rules_in_force import NAME
from workers.shop import Desk, Shop
from workers.tasks import FAILED_JOBS_KEPT_S, TRY_RULES

log = structlog.get_logger("trial")

LIMIT: Final = timedelta(minutes=15)
"""A trial is stopped after this. Nobody looks at a page for longer."""
_PATIENCE_S: Final = 300.0
"""In all, for a tracker that wants to be left alone."""
_BEAT_S: Final = 5.0
"""So often it says that it lives, whatever it is at."""
_AGAIN: Final = timedelta(seconds=30)
"""After this another worker is called, where nothing waits for one any more."""
T = TypeVar("T")


class NotTried(Exception):
    """A trial came to nothing; the text is a sentence."""


def call(bulk: Queue, trials: Trials) -> None:
    """Enqueue a job for each trial to which no worker was called yet, or one that died before it began. Any
    number of clocks may: the worker that begins with it first is the only one."""
    for id_, called in trials.waiting().items():
        if called is not None and (called < _AGAIN or bulk.count):
            continue
        job = Queue.prepare_data(
            TRY_RULES,
            args=(id_,),
            timeout=int(LIMIT.total_seconds()),
            ttl=int(keys.TRIAL_LIFE.total_seconds()),
            result_ttl=0,
            failure_ttl=FAILED_JOBS_KEPT_S,
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
        with _living(shop.trials, id_):
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

    name = trial.head.connection
    desk, held = shop.desks.get(name), shop.rules.text()
    if desk is None:
        raise NotTried(
            f"The bulk worker knows no connection {name}: connections.yaml names it no more, or did not yet "
            "when the worker started. Start it again, then try the file again."
        )
    if held is None:
        raise NotTried("No rules are in force to hold it against: start the clock, and mend rules.yaml.")
    new = trial.text.encode()
    try:
        books = load_rules(held.text, NAME), load_rules(new, NAME)
    except BadFile as error:
        raise NotTried(f"This worker's release cannot read these rules. {error}") from None
    watch = _Watch(shop.trials, trial.head.id, sleep)
    memory = Memory(shop.journals, shop.models, shop.outcomes, shop.sprints)
    found = try_rules(
        desk.connection,
        desk.tracker,
        Rules(books[0], held.text, NAME, held.since),
        Rules(books[1], new, NAME),
        trial.head.last,
        memory,
        asking=watch.ask,
        looked=watch.looked,
    )
    told, untold = _checked(shop, desk, new, watch)
    remarks = [*found.remarks, *untold]
    result = trial_json(replace(found, remarks=tuple(remarks))) | told
    shop.trials.keep(trial.head.id, orjson.loads(orjson.dumps(result)))
    log.info("tried", trial=trial.head.id, connection=name, issues=trial.head.last)


def _checked(shop: Shop, desk: Desk, text: bytes, watch: _Watch) -> tuple[dict[str, Any], Iterable[str]]:
    """What ``sprintwarden check --connection`` says of a good text, and in sentences what it leaves out."""
    from workers.check_rules import HeldAgainst

    every, name = [one.connection for one in shop.desks.values()], desk.connection.name
    untold: dict[str, None] = {}

    def beside(source: Source) -> Iterable[Finding]:
        against = HeldAgainst(source, desk.connection, every, desk.tracker)
        try:
            return watch.ask(lambda: tuple(against.findings(untold.setdefault)))
        except (NotTried, TrackerError) as error:
            untold[f"Labels, boards and issues that {name} does not have were not looked for. {error}"] = None
            return map(Finding.warning, lint_for(source, desk.connection, every))

    new_labels, found = folded(check_text(text, NAME, datetime.now(UTC).date(), beside))
    if len(found) > MOST_PROBLEMS:
        left_out = (
            f"{len(found) - MOST_PROBLEMS} more warnings are left out: `sprintwarden check` tells them."
        )
        untold[left_out] = None
    return {"new_labels": new_labels, "warnings": [one.to_json() for one in found[:MOST_PROBLEMS]]}, untold


@contextmanager
def _living(trials: Trials, id_: str) -> Iterator[None]:
    """Tells that this worker lives, also while it computes for long without a word."""
    done = Event()

    def beat() -> None:
        while not done.wait(_BEAT_S):
            # It may be back at the next one.
            with suppress(RedisError):
                trials.note_alive(id_)

    thread = Thread(target=beat, name="trial", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@dataclass(slots=True)
class _Watch:
    """Tells how far a trial is, and how long it was made to wait."""

    trials: Trials
    id: str
    sleep: Callable[[float], None]
    issues: int = 0
    waited: float = 0.0
    """Seconds in all."""

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
        self.trials.note(self.id, self.issues, why)
        self.sleep(seconds)
