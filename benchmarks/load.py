"""Load on the whole service: new issues, a storm of edits, and a burst at the front door.

``python -m benchmarks.load issues [--seconds 300] [--rate 10]``: people file so many issues a second.
``python -m benchmarks.load events [--seconds 300] [--rate 100]``: so many edits a second of 200 issues.
``python -m benchmarks.load burst [--seconds 10] [--rate 1000]``: signed Jira deliveries about 200 issues,
driven by wrk (of Debian's package of that name), then worked off.

The service runs as it is shipped, settle times included, with two workers; both toy trackers, Redis and
whoever drives it share the machine. What came of it is asked of the toys.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, Self

from benchmarks.measuring import quantile
from benchmarks.receiver import jira_body
from sprintwarden.stage import JIRA, Script, Stage
from store import keys
from store.inbox import depth
from tests.faults.crowd import BIRDS, BOT, rules
from tests.integration.scene import TRACKERS, Side

_ISSUES = 200
_CONNECTIONS = 32
_SCRIPT = """\
local requests, at = {}, 0
init = function(arguments)
  local file = assert(io.open(arguments[1], 'rb'))
  while true do
    local length = file:read('*l')
    if not length then break end
    requests[#requests + 1] = file:read(tonumber(length))
    file:read(1)
  end
end
delay = function() return %d end
request = function()
  at = at + 1
  if at >= #requests then wrk.thread:stop() end
  return requests[math.min(at, #requests)]
end
done = function(summary, latency)
  io.write(string.format('{"requests": %%d, "bad": %%d, "seconds": %%f, "p50": %%f, "p99": %%f}\\n',
    summary.requests, summary.errors.status + summary.errors.read + summary.errors.timeout
    + summary.errors.connect, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3))
end
"""


@dataclass
class Told:
    """What a person did and what is to come of it."""

    issue: str
    at: float
    """Seconds since 1970."""
    birds: frozenset[str]


@dataclass
class Watch:
    """The depth of the inbox while a load lasts."""

    stage: Stage
    oldest: timedelta = timedelta()
    most: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(1):
            now = depth(self.stage.redis)
            self.oldest = max(self.oldest, now.oldest_overdue)
            self.most = max(self.most, now.pending)


@contextmanager
def service() -> Iterator[Stage]:
    """The whole service with rules of five labels."""
    script = Script(rules({}), workers=2, without=frozenset({"bulk"}))
    with tempfile.TemporaryDirectory(prefix="load-") as name, Stage(Path(name), script) as stage:
        yield stage


def at_rate(rate: float, seconds: float, act: Callable[[int], object]) -> float:
    """Act at an even rate; the seconds it really took."""
    begun = time.perf_counter()
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        act(number)
    return time.perf_counter() - begun


def both(act: Callable[[Side], None], sides: Sequence[Side]) -> None:
    """Let the people of both trackers work at once."""
    threads = [threading.Thread(target=act, args=(side,)) for side in sides]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def settle(stage: Stage) -> float:
    """Wait until all is worked; the seconds it took."""
    begun, quiet = time.perf_counter(), 0
    while quiet < 5:
        quiet = quiet + 1 if stage.idle() else 0
        time.sleep(0.2)
    return time.perf_counter() - begun


def issues(stage: Stage, rate: float, seconds: float) -> None:
    """New issues, half of them in each tracker."""
    told: dict[str, list[Told]] = {tracker: [] for tracker in TRACKERS}

    def work(side: Side) -> None:
        def file(number: int) -> None:
            bird, at = BIRDS[number % len(BIRDS)], time.time()
            told[side.tracker].append(Told(side.file(f"a {bird} at {number}"), at, frozenset({bird})))

        at_rate(rate / 2, seconds, file)

    run(stage, work, told)


def events(stage: Stage, rate: float, seconds: float) -> None:
    """Edits of titles, of 100 issues in each tracker."""
    told: dict[str, list[Told]] = {tracker: [] for tracker in TRACKERS}
    filed = {
        tracker: [Side(stage, tracker).file("nothing yet", quiet=True) for _ in range(_ISSUES // 2)]
        for tracker in TRACKERS
    }

    def work(side: Side) -> None:
        def edit(number: int) -> None:
            key = filed[side.tracker][number % (_ISSUES // 2)]
            bird = BIRDS[number // (_ISSUES // 2) % len(BIRDS)]
            told[side.tracker].append(Told(key, time.time(), frozenset({bird})))
            side.toy.edit(key, title=f"a {bird} at {number}")

        took = at_rate(rate / 2, seconds, edit)
        print(f"{side.tracker}: {len(told[side.tracker]) / took:.0f} edits a second", flush=True)

    run(stage, work, told)


def run(stage: Stage, work: Callable[[Side], None], told: dict[str, list[Told]]) -> None:
    """One load on both trackers, and what came of it."""
    sides = [Side(stage, tracker) for tracker in TRACKERS]
    for side in sides:
        side.toy.forget_calls()
    before = memory(stage)
    with Watch(stage) as watch:
        both(work, sides)
    calm = settle(stage)
    print(f"inbox: {watch.most} subjects at most, {watch.oldest.total_seconds():.1f} s overdue at most")
    print(f"all worked {calm:.1f} s after the last")
    print(f"Redis: {(memory(stage) - before) / 1e6:.1f} MB more")
    for side in sides:
        outcome(side, told[side.tracker], put_off(stage, side))


def put_off(stage: Stage, side: Side) -> set[str]:
    """The ids of issues that still wait: for the tracker's limits, once all else is worked."""
    names = (str(name).split(":", 2) for name in stage.redis.zrange(keys.PENDING, 0, -1))
    return {id_ for connection, _, id_ in names if connection == side.name}


def outcome(side: Side, told: Sequence[Told], waiting: set[str]) -> None:
    """How soon and how well one tracker's people were served; ``waiting`` are ids still in the inbox."""
    took = [delivery["took"] * 1000 for delivery in side.toy.deliveries() if delivery["status"] == 200]
    refused = sum(delivery["status"] != 200 for delivery in side.toy.deliveries())
    calls = side.toy.calls()
    first: dict[str, float] = {}
    for call in calls:
        if call["write"] and call["operation"] in ("PUT issue", "issueUpdate"):
            first.setdefault(call["issue"], call["at"])
    begun: dict[str, float] = {}
    wanted: dict[str, frozenset[str]] = {}
    for one in told:
        begun.setdefault(one.issue, one.at)
        wanted[one.issue] = one.birds
    waits = [first[key] - at for key, at in begun.items() if key in first]
    views = {view["key"]: view for view in side.toy.issues()}
    bare = [key for key, birds in wanted.items() if not birds <= set(views[key]["labels"])]
    waits_still = sum(str(views[key]["id"]) in waiting for key in bare)
    twice = sum(sum(comment["author"] == BOT for comment in views[key]["comments"]) > 1 for key in wanted)
    print(
        f"{side.tracker}: {len(took)} deliveries, acknowledged p50 {quantile(took, 0.5):.1f} ms, "
        f"p99 {quantile(took, 0.99):.1f} ms, {refused} refused; first write "
        f"p50 {quantile(waits, 0.5):.2f} s, p95 {quantile(waits, 0.95):.2f} s; {len(calls)} requests, "
        f"{len(calls) / len(told):.2f} an event; {waits_still} wait for the "
        f"tracker's limit, lost {len(bare) - waits_still}, twice {twice}"
    )


@dataclass(frozen=True, slots=True)
class Burst:
    """What came of a burst."""

    answered: int
    bad: int
    """Of these, answered with anything but 200, or not at all."""
    seconds: float
    p50_ms: float
    p99_ms: float
    stored: int
    overdue: timedelta
    """How late the oldest subject was at most."""
    calm: float
    """Seconds until all was worked, after the last delivery."""
    labelled: int
    writes: int
    """Of labels."""
    requests: int
    """To the tracker."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds

    @property
    def lost(self) -> int:
        """Deliveries answered with 200 that were not stored."""
        return max(0, self.answered - self.bad - self.stored)


def burst(stage: Stage, rate: float, seconds: float) -> None:
    """Deliveries as fast as ``rate``, each new; then how long they take to be worked."""
    came = burst_of(stage, rate, seconds)
    print(
        f"wrk: {came.answered} answered in {came.seconds:.1f} s, {came.rate:.0f} a second; "
        f"p50 {came.p50_ms:.1f} ms, p99 {came.p99_ms:.1f} ms; {came.bad} not 200"
    )
    print(f"stored: {came.stored}, lost {came.lost}")
    late = came.overdue.total_seconds()
    print(f"{late:.1f} s overdue at most, all worked {came.calm:.1f} s after the last")
    print(f"labelled {came.labelled} of {_ISSUES} issues by {came.writes} writes, {came.requests} requests")


def burst_of(stage: Stage, rate: float, seconds: float) -> Burst:
    """Drive a burst and let it be worked off. Raises SystemExit where wrk is not installed."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("wrk is not installed; Debian has a package of that name.")
    side = Side(stage, "jira")
    made = [side.toy.create("ABC", f"a {BIRDS[n % 5]} at {n}", quiet=True) for n in range(_ISSUES)]
    file, script = stage.folder / "requests", stage.folder / "burst.lua"
    write_requests(file, stage, made, int(rate * seconds * 1.3))
    script.write_text(_SCRIPT % round(_CONNECTIONS / rate * 1000 * 0.85))
    side.toy.forget_calls()
    before = claims(stage)
    with Watch(stage) as watch:
        how = ["-t1", f"-c{_CONNECTIONS}", f"-d{seconds:.0f}s", "-s", str(script)]
        command = [wrk, *how, stage.url, "--", str(file)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = json.loads(told.splitlines()[-1])
        calm = settle(stage)
    return Burst(
        answered=found["requests"],
        bad=found["bad"],
        seconds=found["seconds"],
        p50_ms=found["p50"],
        p99_ms=found["p99"],
        stored=claims(stage) - before,
        overdue=watch.oldest,
        calm=calm,
        labelled=sum(bool(side.toy.issue(issue["key"])["labels"]) for issue in made),
        writes=sum(call["operation"] == "PUT issue" for call in side.toy.writes()),
        requests=len(side.toy.calls()),
    )


def write_requests(file: Path, stage: Stage, made: Sequence[dict[str, Any]], number: int) -> None:
    """Raw HTTP requests, each after a line with its length in bytes."""
    secret = stage.environ["DEMO_JIRA_HOOK"].encode()
    numbers = count()
    with file.open("wb") as out:
        for n in (next(numbers) for _ in range(number)):
            issue = made[n % len(made)]
            told = jira_body(n)
            told["issue"]["id"], told["issue"]["key"] = issue["id"], issue["key"]
            told["issue"]["fields"] |= {"created": issue["created"], "updated": issue["updated"]}
            body = json.dumps(told).encode()
            signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
            request = (
                f"POST /webhooks/{JIRA} HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\n"
                f"X-Hub-Signature: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode() + body
            out.write(b"%d\n%s\n" % (len(request), request))


def claims(stage: Stage) -> int:
    """How many bodies were taken."""
    return sum(1 for _ in stage.redis.scan_iter(f"{keys.CLAIM}{JIRA}:*", count=5_000))


def memory(stage: Stage) -> int:
    """Bytes that Redis uses."""
    return int(stage.redis.info("memory")["used_memory"])


def main() -> None:
    """One load."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    loads = {
        "issues": (issues, 10.0, 300.0),
        "events": (events, 100.0, 300.0),
        "burst": (burst, 1000.0, 10.0),
    }
    parser.add_argument("load", choices=loads)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--rate", type=float)
    options = parser.parse_args()
    load, rate, seconds = loads[options.load]
    with service() as stage:
        load(stage, options.rate or rate, options.seconds or seconds)


if __name__ == "__main__":
    main()
