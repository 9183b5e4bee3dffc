"""An hour of people at work while processes die, Redis crashes and trackers fail.

``python -m tests.faults.soak [--minutes 60] [--events 0] [--rate 8] [--seed 1] [--lease 10]``

The whole service runs with both toy trackers. People file, rename, label and delete issues, events are
sent twice or forged; every few seconds something breaks. When the time is over (or so many events were
sent) all is let be well, a catch-up looks for what no webhook told, and the trackers are asked what they
hold: what is missing there was lost, what is there twice was done twice. Exits with 1 if anything was.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import pss_mb, tree
from sprintwarden.stage import Script, Stage
from tests.faults.chaos import Chaos
from tests.faults.crowd import PROJECTS, Crowd, judge, rules
from tests.integration import scene
from tests.integration.scene import TRACKERS, Side

_WARM_UP_S = 300
_CALM_S = 240


@dataclass(frozen=True, slots=True)
class Sizes:
    """Memory at one moment, in MB."""

    service: float
    redis: float


def main() -> int:
    """Run the soak; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="how long people work")
    parser.add_argument("--events", type=int, default=0, help="end once so many events were sent")
    parser.add_argument("--rate", type=float, default=8, help="things that people do in a second")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--lease", type=float, default=10, help="seconds; the service's own is 45")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    environ = {
        "SPRINTWARDEN_LEASE_S": str(options.lease),
        "SPRINTWARDEN_SETTLE_ISSUE_S": "1",
        "SPRINTWARDEN_SETTLE_SPRINT_S": "5",
        "SPRINTWARDEN_SPRINT_LOOK_S": "60",
    }
    script = Script(rules({}), environ=environ, workers=2, without=frozenset({"bulk"}))
    with tempfile.TemporaryDirectory(prefix="soak-") as name, Stage(Path(name), script) as stage:
        return soak(stage, options)


def soak(stage: Stage, options: argparse.Namespace) -> int:
    """People and chaos on a stage, then the verdict."""
    chance = random.Random(options.seed)
    sides = [Side(stage, tracker) for tracker in TRACKERS]
    tracking = {PROJECTS[side.tracker]: side.file("sprints are told here") for side in sides}
    scene.put_in_force(stage, rules(tracking), within=20)
    crowds = [Crowd(side, chance) for side in sides]
    for crowd in crowds:
        crowd.begin()
    chaos = Chaos(stage, chance, options.lease)
    sizes = work(stage, crowds, chaos, chance, options)
    chaos.cease()
    calm = settle(stage, chaos, sides)
    catch_up(stage)
    calm += settle(stage, chaos, sides)
    report(stage, crowds, chaos, sizes, calm)
    for crowd in crowds:
        print(f"about the sprint in {crowd.side.tracker}: {told(crowd, tracking)}")
    verdicts = [judge(crowd) for crowd in crowds]
    lost = [line for verdict in verdicts for line in verdict.lost]
    twice = [line for verdict in verdicts for line in verdict.twice]
    for line in lost + twice:
        print(f"  {line}")
    print(f"lost {len(lost)}, done twice {len(twice)}", flush=True)
    return 1 if lost or twice else 0


def work(
    stage: Stage, crowds: Sequence[Crowd], chaos: Chaos, chance: random.Random, options: argparse.Namespace
) -> list[tuple[float, Sizes]]:
    """People work and things break until it is enough; what memory was taken, by the seconds since."""
    begun = time.monotonic()
    strikes, looks = begun + 5, begun
    sizes: list[tuple[float, Sizes]] = []
    while (now := time.monotonic()) - begun < options.minutes * 60:
        chance.choice(crowds).step()
        if now >= strikes:
            chaos.strike()
            strikes = time.monotonic() + chance.uniform(3, 12)
        chaos.tend()
        if now >= looks:
            looks = now + 60
            sizes.append((now - begun, measured(stage)))
            sent = sum(crowd.side.toy.sent() for crowd in crowds)
            print(f"{(now - begun) / 60:4.0f} min  {sent} events  {sizes[-1][1]}", flush=True)
            if options.events and sent >= options.events:
                break
        time.sleep(chance.expovariate(options.rate))
    return sizes


def measured(stage: Stage) -> Sizes:
    """What the service's processes and Redis take now."""
    pids = [pid for root in stage.supervisor.pids().values() for pid in tree(root)]
    service = 0.0
    for pid in pids:
        try:
            service += pss_mb(pid)
        except OSError:
            continue
    used = int(stage.redis.info("memory")["used_memory"])
    return Sizes(round(service, 1), round(used / 1e6, 1))


def settle(stage: Stage, chaos: Chaos, sides: Sequence[Side]) -> float:
    """Wait until nothing waits any more; the seconds it took. Raises TimeoutError when it never does."""
    begun, quiet = time.monotonic(), 0
    while quiet < 10:
        chaos.tend()
        waits = not stage.idle() or any(side.toy.pending() for side in sides)
        quiet = 0 if waits else quiet + 1
        if time.monotonic() - begun > _CALM_S:
            left = stage.redis.zrange("sw:pending", 0, 20, withscores=True)
            raise TimeoutError(f"still not idle {_CALM_S} s after the last fault: {left}")
        time.sleep(0.2)
    return time.monotonic() - begun


def catch_up(stage: Stage) -> None:
    """Look for what the trackers told in vain: their toys give an event up after seconds, not hours."""
    command = [sys.executable, "-m", "sprintwarden", "catch-up", "--since", "2h"]
    subprocess.run(command, env={**os.environ, **stage.environ}, check=True, timeout=_CALM_S)


def told(crowd: Crowd, tracking: Mapping[str, str]) -> list[str]:
    """The first lines of what was written where sprints are told."""
    comments = crowd.side.comments(tracking[PROJECTS[crowd.side.tracker]])
    return [comment.splitlines()[0] for comment in comments]


def report(
    stage: Stage,
    crowds: Sequence[Crowd],
    chaos: Chaos,
    sizes: Sequence[tuple[float, Sizes]],
    calm: float,
) -> None:
    """What was done, by whom."""
    for crowd in crowds:
        refused = [one for one in crowd.side.toy.deliveries() if one["status"] != 200]
        print(f"{crowd.side.tracker}: {crowd.side.toy.sent()} events, {len(refused)} of them never taken")
        print(f"  people: {dict(crowd.done)}")
    print(f"went wrong: {dict(chaos.done)}")
    print(f"dead letters: {stage.redis.zcard('sw:dead')}; quiet after {calm:.0f} s")
    warm = [size for at, size in sizes if at >= _WARM_UP_S] or [size for _, size in sizes[-1:]]
    print(f"memory after warm-up: {warm[0]} … {warm[-1]}")


if __name__ == "__main__":
    sys.exit(main())
