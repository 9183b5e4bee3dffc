"""Rules edited while events stream in: none is handled by wrong ones. Too many writes: all waits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any, Final, cast

import httpx
import pytest

from rules.load import load_rules
from sandbox.remote import Remote
from sprintwarden.stage import Script, Stage
from store import keys
from store.decisions import Decisions
from store.rulebook import RulebookShelf
from store.writes import Writes
from tests.integration import scene
from tests.integration.scene import TRACKERS, Side, until

pytestmark = pytest.mark.process

IN_FORCE_S: Final = 5
SOON_S: Final = 20
ROUNDED: Final = timedelta(milliseconds=5)
HEAD: Final = """\
version: 1
defaults:
  mode: apply
  tagging:
    create_labels: true
    rules:
"""
RULE: Final = "      - {{label: {}, title: {{words: [basket]}}}}\n"
OLD: Final = HEAD + RULE.format("old")
HALF: Final = HEAD + RULE.format("new")
NEW: Final = HALF + RULE.format("newer")
MEANT: Final = {"old": {"old"}, "new": {"new", "newer"}}
BAD: Final = {
    "an unknown key": OLD.replace("label: old", "lable: wrong, label: wrong"),
    "broken syntax": OLD.replace("old", "wrong") + "      - {label: [\n",
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    script = Script(OLD, environ=scene.QUICK, workers=2)
    with Stage(tmp_path_factory.mktemp("stage"), script) as made:
        yield made


def version(text: str) -> str:
    return load_rules(text.encode(), "rules.yaml").version_id


@contextmanager
def load(stage: Stage) -> Iterator[dict[str, list[str]]]:
    """People file issues all the while in both trackers; their keys."""
    filed: dict[str, list[str]] = {tracker: [] for tracker in TRACKERS}
    stop = Event()

    def file(side: Side) -> None:
        toy, project = Remote(side.toy.url), "ABC" if side.tracker == "jira" else "ENG"
        while not stop.wait(0.3):
            filed[side.tracker].append(toy.create(project, f"Basket {len(filed[side.tracker])}")["key"])
        toy.close()

    threads = [Thread(target=file, args=(Side(stage, tracker),)) for tracker in TRACKERS]
    for thread in threads:
        thread.start()
    try:
        yield filed
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def save_bad(stage: Stage, text: str) -> None:
    """Save it, and wait until readiness and metrics tell of this one."""
    stage.write_rules(text)
    told = RulebookShelf(stage.redis)

    def is_told() -> bool:
        turned = told.turned()
        return turned is not None and turned.problems[0] in scene.ready(stage)["newest rules file"]["detail"]

    before = told.turned()
    until(stage, lambda: told.turned() != before, IN_FORCE_S)
    until(stage, is_told, IN_FORCE_S)
    page = httpx.get(f"{stage.url}/metrics", timeout=5, trust_env=False).text
    assert "sprintwarden_rules_file_refused 1.0" in page
    assert f'sprintwarden_rules_info{{version="{version(OLD)}"}} 1.0' in page


def save_in_two_halves(stage: Stage, first: str, whole: str) -> None:
    """Save as an editor that writes in place, and is interrupted where the first half is good rules too."""
    with (stage.folder / "config" / "rules.yaml").open("w", encoding="utf-8") as file:
        file.write(first)
        file.flush()
        time.sleep(0.5)
        file.write(whole.removeprefix(first))


def restart(stage: Stage) -> None:
    """Every process of the service anew; Redis goes on."""
    stage.supervisor.stop()
    stage.supervisor.start()

    def answers() -> bool:
        try:
            return "newest rules file" in scene.ready(stage)
        except httpx.HTTPError:
            return False

    until(stage, answers, SOON_S)


def deliver_what_was_missed(side: Side) -> None:
    """What came while no front door was open; the real senders try for hours."""
    missed = {one["body"]: one for one in side.toy.deliveries() if one["status"] != 200}
    taken = {one["body"] for one in side.toy.deliveries() if one["status"] == 200}
    for body, one in missed.items():
        if body not in taken:
            side.toy.deliver_again(one["n"])


def applied(side: Side, key: str) -> list[dict[str, Any]]:
    return [run for run in side.runs(key) if run["outcome"] == "applied"]


@pytest.mark.fault(43)
def test_under_load_no_event_is_handled_by_wrong_rules_also_across_a_restart(stage: Stage) -> None:
    sides = [Side(stage, tracker) for tracker in TRACKERS]
    with load(stage) as filed:
        for text in BAD.values():
            save_bad(stage, text)
        restart(stage)
        assert RulebookShelf(stage.redis).version() == version(OLD)
        before = {side.tracker: len(filed[side.tracker]) for side in sides}
        until(stage, lambda: all(len(filed[name]) > count + 2 for name, count in before.items()), SOON_S)
        save_in_two_halves(stage, HALF, NEW)
        until(stage, lambda: RulebookShelf(stage.redis).version() == version(NEW), IN_FORCE_S)
        saved = {side.tracker: len(filed[side.tracker]) for side in sides}
        until(stage, lambda: all(len(filed[name]) > count + 4 for name, count in saved.items()), SOON_S)
    for side in sides:
        until(stage, lambda side=side: not side.toy.pending(), SOON_S)  # type: ignore[misc]
        deliver_what_was_missed(side)
    scene.settle(stage)
    assert "newest rules file" not in scene.ready(stage)
    since = RulebookShelf(stage.redis).since()
    assert since is not None
    names = {version(OLD): "old", version(NEW): "new"}
    used: dict[str, int] = {"old": 0, "new": 0}
    for side in sides:
        for number, key in enumerate(filed[side.tracker]):
            (run,) = applied(side, key)
            by = names[run["rules"]]
            used[by] += 1
            assert side.labels(key) == MEANT[by]
            assert side.writes(key) == {"labels": 1}
            ended = datetime.fromisoformat(run["at"])
            if by == "old":
                assert ended - timedelta(milliseconds=run["took_ms"]) - ROUNDED <= since
            else:
                assert since <= ended + ROUNDED
            assert by == "new" or number <= saved[side.tracker], "soon by the new rules everywhere"
    assert min(used.values()) > 5


@pytest.mark.fault(50)
def test_over_the_limit_writing_stops_all_waits_and_after_resume_each_is_labelled_once(stage: Stage) -> None:
    side, writes = Side(stage, "linear"), Writes(stage.redis)
    writes.lift(side.name)
    scene.put_in_force(stage, OLD.replace("  tagging:", "  writes: {most: 5, window: 10m}\n  tagging:"))
    issues = [side.file(f"Basket of {number}") for number in range(12)]
    until(stage, lambda: all(set(side.outcomes(key)) & {"applied", "postponed"} for key in issues), SOON_S)
    assert sum(bool(side.writes(key)) for key in issues) == 5
    until(stage, lambda: stage.redis.zcard(keys.PENDING) == 7, SOON_S)
    told = scene.ready(stage)[f"writing to {side.name}"]
    assert (told["ok"], told["vital"]) == (False, False)
    assert "5 issues were written to within 10 minutes" in told["detail"]
    scene.put_in_force(stage, OLD)
    before = postponed(side)
    let_the_minute_pass(stage)
    until(stage, lambda: postponed(side) == before + 7, SOON_S)
    assert sum(bool(side.writes(key)) for key in issues) == 5, "a higher limit alone lifts nothing"
    assert resume(stage, side)["issues_written"] == 5
    let_the_minute_pass(stage)
    until(stage, lambda: all(applied(side, key) for key in issues), SOON_S)
    scene.settle(stage)
    assert [side.writes(key) for key in issues] == [{"labels": 1}] * 12
    assert [side.labels(key) for key in issues] == [{"old"}] * 12
    assert scene.ready(stage)[f"writing to {side.name}"]["ok"]


def postponed(side: Side) -> int:
    """Runs of the connection that ended so."""
    return Decisions(side.stage.redis).counters()[f"runs|{side.name}|postponed|"]


def resume(stage: Stage, side: Side) -> Any:
    """The command, as a person types it."""
    code = "import typer; from sprintwarden.cli_writes import resume; typer.run(resume)"
    command = [sys.executable, "-c", code, side.name, "--json"]
    environ = {**os.environ, **stage.environ}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def let_the_minute_pass(stage: Stage) -> None:
    """After which what waits is looked at again."""
    waiting = cast("list[str]", stage.redis.zrange(keys.PENDING, 0, -1))
    stage.redis.zadd(keys.PENDING, dict.fromkeys(waiting, 0), xx=True)
