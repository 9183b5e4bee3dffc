"""What goes wrong with a stage while people work: something else every few seconds, at random."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sprintwarden.stage import Stage
from tests.integration.scene import TRACKERS, Side

_OPERATIONS: Final = {
    "jira": ("GET issue", "PUT issue", "POST comment", "PUT comment", ".*"),
    "linear": ("issue", "issueUpdate", "commentCreate", "commentUpdate", ".*"),
}


class Chaos:
    """Causes faults of a stage's own processes, of its Redis and of its trackers."""

    def __init__(self, stage: Stage, chance: random.Random, lease_s: float) -> None:
        self.done: Counter[str] = Counter()
        self._stage = stage
        self._chance = chance
        self._lease_s = lease_s
        self._frozen: list[tuple[float, int]] = []

    def strike(self) -> None:
        """Let one thing go wrong."""
        acts: dict[Callable[[], None], int] = {
            self._kill_a_worker: 5,
            self._freeze_a_worker: 2,
            self._end_the_workers: 1,
            self._kill_the_pool: 1,
            self._kill_the_clock: 2,
            self._kill_a_web_process: 2,
            self._kill_the_web_server: 1,
            self._crash_redis: 1,
            self._fail_requests: 4,
            self._cut_after_acceptance: 5,
            self._limit: 2,
        }
        act = self._chance.choices(list(acts), list(acts.values()))[0]
        self.done[act.__name__.strip("_").replace("_", " ")] += 1
        act()

    def tend(self) -> None:
        """Restart what died, and wake what has been frozen for long enough."""
        self._stage.supervisor.check()
        now = time.monotonic()
        for until, pid in [one for one in self._frozen if one[0] <= now]:
            self._frozen.remove((until, pid))
            _signal(pid, signal.SIGCONT)

    def cease(self) -> None:
        """Let all be well from now on."""
        for _, pid in self._frozen:
            _signal(pid, signal.SIGCONT)
        self._frozen.clear()
        for tracker in TRACKERS:
            Side(self._stage, tracker).toy.no_faults()

    def _kill_a_worker(self) -> None:
        self._to_one_below("worker", signal.SIGKILL)

    def _freeze_a_worker(self) -> None:
        pid = self._to_one_below("worker", signal.SIGSTOP)
        if pid is not None:
            self._frozen.append((time.monotonic() + 2 * self._lease_s, pid))

    def _end_the_workers(self) -> None:
        self._to("worker", signal.SIGTERM)

    def _kill_the_pool(self) -> None:
        self._to("worker", signal.SIGKILL)

    def _kill_the_clock(self) -> None:
        self._to("clock", signal.SIGKILL)

    def _kill_a_web_process(self) -> None:
        self._to_one_below("web", signal.SIGKILL)

    def _kill_the_web_server(self) -> None:
        self._to("web", signal.SIGKILL)

    def _crash_redis(self) -> None:
        self._stage.redis_server.kill()
        time.sleep(self._chance.uniform(0, 3))
        self._stage.redis_server.start()

    def _fail_requests(self) -> None:
        side = self._side()
        status = self._chance.choice((500, 502, 503, 504))
        side.toy.fault(self._operation(side), "status", status=status, times=self._chance.randint(1, 5))

    def _cut_after_acceptance(self) -> None:
        side = self._side()
        side.toy.fault(self._operation(side), "reset_after", times=self._chance.randint(1, 3))

    def _limit(self) -> None:
        side = self._side()
        side.toy.fault(self._operation(side), "rate_limit", headers={"Retry-After": "2"})

    def _side(self) -> Side:
        return Side(self._stage, self._chance.choice(TRACKERS))

    def _operation(self, side: Side) -> str:
        return self._chance.choice(_OPERATIONS[side.tracker])

    def _to(self, program: str, number: signal.Signals) -> None:
        _signal(self._stage.supervisor.pids()[program], number)

    def _to_one_below(self, program: str, number: signal.Signals) -> int | None:
        below = children(self._stage.supervisor.pids()[program])
        if not below:
            return None
        pid = self._chance.choice(below)
        _signal(pid, number)
        return pid


def children(pid: int) -> list[int]:
    """The processes that ``pid`` started."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _signal(pid: int, number: signal.Signals) -> None:
    # It may have died of something else meanwhile.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
