"""``sprintwarden backfill`` as it is typed: what it asks for, joins, takes up, prints and answers with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import typer
from redis import Redis
from redis.exceptions import ConnectionError as RedisAway
from rq.job import Job
from rq.serializers import JSONSerializer
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from sprintwarden import backfilling, cli_backfill
from sprintwarden.backfill_showing import show_backfill
from sprintwarden.backfilling import AWAY, BUSY, NO_WORKER, Office
from sprintwarden.cli_backfill import backfill
from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.settings import Complaint, read_settings
from store import keys
from store.backfills import Backfills, Phase, Question, Standing, Wish
from store.crew import BULK
from tests.conftest import Floor
from tests.integration.test_gathering import CONNECTIONS
from tests.unit.backfill_scene import RULES, Backfilling
from tests.unit.backfill_scene import backfilling as scene_of
from tests.unit.hired import hire
from trackers.errors import Rejected, Unauthorized
from trackers.model import Subject, SubjectKind
from workers import tasks
from workers.clock import queue

app = typer.Typer()
app.command()(backfill)


@pytest.fixture
def scene(
    floor: Floor, redis_server: EmbeddedRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Backfilling]:
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("SPRINTWARDEN_CONFIG", str(tmp_path))
    monkeypatch.setenv("ACME_TOKEN", "a-token-of-decent-length")
    monkeypatch.setenv("ACME_HOOK", "a-hook-secret-of-decent-length")
    (tmp_path / "connections.yaml").write_text(CONNECTIONS.format(url="https://acme.example"))
    monkeypatch.setattr(backfilling, "_LOOK_S", 0.02)
    # The worker is in our own process here: what it logs is not the command's output.
    with capture_logs():
        yield scene_of(floor)


@pytest.fixture
def raw(redis_server: EmbeddedRedis) -> Iterator[Redis]:
    client = Redis.from_url(redis_server.url)
    yield client
    client.close()


@pytest.fixture
def worker(scene: Backfilling, raw: Redis) -> Iterator[None]:
    """Does the jobs of the bulk queue as they come."""
    stop = Event()

    def work() -> None:
        bulk = queue(BULK, raw)
        while not stop.wait(0.01):
            for job in bulk.jobs:
                bulk.remove(job)
                assert (job.func_name, job.args) == (tasks.BACKFILL, ["acme"])
                scene.work()

    thread = Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


def sprintwarden(*arguments: str) -> Result:
    """``sprintwarden backfill`` with arguments."""
    return CliRunner().invoke(app, list(arguments))


def told(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.usefixtures("worker")
def test_dry_run_prints_a_table_and_apply_writes_just_that(scene: Backfilling) -> None:
    dry = sprintwarden("acme")
    assert dry.exit_code == 0
    assert "Of 8 issues read, 7 would be labelled, in 3 writes." in dry.stdout
    assert "On 1 issue no rule fits." in dry.stdout and "is there already" not in dry.stdout
    assert dry.stderr.splitlines()[-1] == "Read 8 issues." and "ritten" not in dry.stderr
    assert "security       4  ABC-1: " in dry.stdout and "also ABC-3, ABC-5 and ABC-7" in dry.stdout
    assert "held back" not in dry.stdout
    assert scene.tracker.sent == []
    scene.tracker.add(9, "XSS that came later")
    done = sprintwarden("acme", "--apply")
    assert done.exit_code == 0 and "7 issues labelled (7 labels)" in done.stdout
    assert done.stderr.splitlines()[-1] == "Written to 7 of 7 issues."
    assert "ABC-9" not in scene.tracker.labels() and len(scene.tracker.searches) == 4


@pytest.mark.usefixtures("worker")
def test_apply_without_a_dry_run_reads_first(scene: Backfilling) -> None:
    found = told(sprintwarden("acme", "--apply", "--json"))
    assert found["phase"] == "done" and found["progress"]["issues"] == 7
    assert found["labels"][0] == {
        "label": "security",
        "issues": 4,
        "held": 0,
        "examples": found["labels"][0]["examples"],
    }


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("change", ["rules", "age", "question"])
def test_plan_that_may_be_out_of_date_is_made_anew(scene: Backfilling, change: str) -> None:
    sprintwarden("acme")
    arguments = ["acme", "--apply"]
    match change:
        case "rules":
            scene.rules(RULES.replace("label: slow", "label: performance"))
        case "age":
            _age(scene)
        case "question":
            arguments += ["--most", "2"]
    assert sprintwarden(*arguments).exit_code == 0
    assert len(scene.tracker.searches) == 8
    assert len(scene.tracker.labels()) == (2 if change == "question" else 7)


def _age(scene: Backfilling) -> None:
    name = keys.backfill("acme")
    state = json.loads(str(scene.floor.redis.hget(name, "state")))
    scene.floor.redis.hset(name, "state", json.dumps(state | {"at": "2026-01-02T03:04:05Z"}))


@pytest.mark.usefixtures("worker")
def test_all_that_is_not_written_is_told(scene: Backfilling) -> None:
    scene.tracker.add(20, "XSS at night", project="OPS")
    scene.floor.shop.journals.note_vetoes(Subject("acme", SubjectKind.ISSUE, "1"), {"security": "event"})
    found = sprintwarden("acme", "--most", "2").stdout
    assert "1 more would be labelled, but the mode of OPS is dry_run." in found
    assert "4 more would be labelled, but --most is 2." in found
    assert "Withheld once, security: a person took it off this issue." in found
    assert "held back" in found


@pytest.mark.usefixtures("worker")
def test_issues_that_changed_meanwhile_are_told(scene: Backfilling) -> None:
    sprintwarden("acme", "--apply")
    found = scene.now().backfill
    assert "changed since" not in show_backfill("acme", found)
    told = show_backfill("acme", replace(found, progress=replace(found.progress, changed=1)))
    assert "1 issue changed since the reading and got nothing: the same command judges anew." in told


@pytest.mark.usefixtures("worker")
def test_query_that_is_none_is_said_and_nothing_else(scene: Backfilling) -> None:
    scene.tracker.trouble = [Rejected("Jira says: the field 'foo' does not exist.")]
    found = sprintwarden("acme", "--query", "foo = 1")
    assert (found.exit_code, found.stdout) == (1, "acme: Jira says: the field 'foo' does not exist.\n")


@pytest.mark.usefixtures("worker")
def test_it_asks_after_many_writes_and_goes_on_with_yes(scene: Backfilling) -> None:
    scene.rules(RULES.replace("defaults:\n", "defaults:\n  writes: {most: 4}\n"))
    asks = sprintwarden("acme", "--apply")
    assert asks.exit_code == 1
    assert "4 issues were labelled" in asks.stdout and "the same command with --yes goes on" in asks.stdout
    again = sprintwarden("acme", "--apply")
    assert again.exit_code == 1 and len(scene.tracker.labels()) == 4
    assert sprintwarden("acme", "--apply", "--yes").exit_code == 0
    assert len(scene.tracker.labels()) == 7 and len(scene.tracker.searches) == 4


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(("answer", "labelled"), [("y", 7), ("n", 4)])
def test_on_a_terminal_the_question_is_put(
    scene: Backfilling, monkeypatch: pytest.MonkeyPatch, answer: str, labelled: int
) -> None:
    monkeypatch.setattr(cli_backfill, "_may_ask", lambda: True)
    scene.rules(RULES.replace("defaults:\n", "defaults:\n  writes: {most: 4}\n"))
    found = CliRunner().invoke(app, ["acme", "--apply"], input=f"{answer}\n")
    assert "Look at a few: ABC-" in found.stderr and "Go on? [y/N]" in found.stderr
    assert len(scene.tracker.labels()) == labelled
    assert found.exit_code == (0 if answer == "y" else 1)


@pytest.mark.usefixtures("worker")
def test_on_a_terminal_there_is_a_bar(scene: Backfilling, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    found = sprintwarden("acme", "--apply")
    assert "issues written to" in found.stderr and "7/7" in found.stderr and "━" in found.stderr
    assert "━" not in found.stdout


@pytest.mark.usefixtures("worker")
def test_what_failed_goes_on_with_the_same_command(scene: Backfilling) -> None:
    scene.tracker.on_search = lambda: scene.tracker.fails.update(bulk=Unauthorized("The token is refused."))
    failed = sprintwarden("acme", "--apply")
    assert failed.exit_code == 1 and "The token is refused." in failed.stdout
    scene.tracker.fails.clear()
    assert sprintwarden("acme", "--apply").exit_code == 0
    assert len(scene.tracker.searches) == 4 and len(scene.tracker.labels()) == 7


def test_another_question_is_refused_while_one_is_under_way(scene: Backfilling) -> None:
    scene.wish()
    found = sprintwarden("acme", "--query", "labels is EMPTY")
    assert isinstance(found.exception, Complaint)
    assert "another question is under way (no --query, --most 1000)" in str(found.exception)


def test_same_question_joins_what_is_under_way(scene: Backfilling, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.wish()
    monkeypatch.setattr(backfilling, "sleep", lambda _: scene.work())
    assert sprintwarden("acme", "--apply").exit_code == 0
    assert len(scene.tracker.labels()) == 7


def test_without_a_bulk_worker_it_says_what_to_start(
    scene: Backfilling, raw: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfilling, "_AT_FIRST_S", 0.0)
    rounds = iter(range(3))

    def pause(_: float) -> None:
        if next(rounds, None) is None:
            scene.work()

    monkeypatch.setattr(backfilling, "sleep", pause)
    found = sprintwarden("acme")
    assert found.exit_code == 0
    assert found.stderr.splitlines() == [NO_WORKER, "Read 8 issues."]
    (job,) = queue(BULK, raw).jobs
    assert (job.func_name, job.args) == (tasks.BACKFILL, ["acme"])
    assert Job.fetch(job.id, connection=raw, serializer=JSONSerializer).ttl == 60


@pytest.mark.parametrize(
    ("state", "life_s", "said"), [("busy", 90, [BUSY]), ("idle", 90, []), ("busy", 59, [NO_WORKER])]
)
def test_a_bulk_worker_that_died_at_work_is_not_waited_for(
    scene: Backfilling,
    redis_server: EmbeddedRedis,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    life_s: int,
    said: list[str],
) -> None:
    worker = hire(redis_server.url, BULK)
    worker.set_state(state)
    worker.connection.expire(worker.key, life_s)
    monkeypatch.setattr(backfilling, "_AT_FIRST_S", 0.0)
    rounds = iter(range(3))

    def pause(_: float) -> None:
        if next(rounds, None) is None:
            scene.work()

    monkeypatch.setattr(backfilling, "sleep", pause)
    found = sprintwarden("acme")
    assert found.exit_code == 0
    assert [line for line in found.stderr.splitlines() if line in (BUSY, NO_WORKER)] == said


def test_breaking_off_leaves_the_work(scene: Backfilling, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backfilling, "sleep", interrupt)
    found = sprintwarden("acme", "--apply")
    assert found.exit_code == 130 and "goes on without you" in found.stderr
    assert scene.now().is_under_way
    assert scene.work().backfill.phase is Phase.DONE


def test_stop_ends_what_nobody_is_at(scene: Backfilling) -> None:
    scene.wish(Wish.APPLY)
    assert "is stopped" in sprintwarden("acme", "--stop").stderr
    assert scene.now().backfill.phase is Phase.STOPPED and not scene.now().is_under_way
    found = sprintwarden("acme", "--stop")
    assert isinstance(found.exception, Complaint) and "no backfill of acme to stop" in str(found.exception)


def test_unknown_connection_and_missing_rules_are_complaints(scene: Backfilling) -> None:
    assert "There is no connection 'other'" in str(sprintwarden("other").exception)
    scene.floor.redis.delete(keys.RULEBOOK)
    assert "No rules are in force yet" in str(sprintwarden("acme").exception)


def test_yes_without_apply_is_a_complaint(scene: Backfilling) -> None:
    assert "--apply" in str(sprintwarden("acme", "--yes").exception)


def test_worker_that_does_not_know_the_connection_says_so(scene: Backfilling) -> None:
    scene.wish()
    scene.floor.shop = replace(scene.floor.shop, desks={})
    assert "does not know the connection" in scene.work().backfill.said


def test_question_is_asked_as_typed(scene: Backfilling, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfilling, "sleep", lambda _: scene.work())
    sprintwarden("acme", "--query", "labels is EMPTY", "--most", "3")
    assert scene.now().backfill.question == Question("labels is EMPTY", 3)


def test_stop_has_a_worker_look_what_came_of_the_write_in_hand(scene: Backfilling, raw: Redis) -> None:
    scene.wish(Wish.APPLY)
    held = replace(scene.now().backfill, phase=Phase.WRITING, steps=1, in_hand=("1",))
    scene.floor.shop.backfills.keep("acme", held)
    stopping = Thread(target=sprintwarden, args=("acme", "--stop"))
    stopping.start()
    bulk = queue(BULK, raw)
    while stopping.is_alive() and not bulk.jobs:
        stopping.join(0.01)
    assert scene.work().backfill.phase is Phase.STOPPED
    stopping.join()
    assert not scene.now().backfill.in_hand


def test_redis_that_is_restarted_meanwhile_is_waited_for(
    scene: Backfilling, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, answers = Backfills.standing, iter([RedisAway(), RedisAway()])

    def standing(self: Backfills, connection: str) -> Standing | None:
        if error := next(answers, None):
            raise error
        return real(self, connection)

    def work(_: float) -> None:
        if next(rounds, None) is None:
            scene.work()

    rounds = iter(range(2))
    office = Office.open(read_settings(), "acme")
    office.ask(Question(None, 1000), frozenset())
    monkeypatch.setattr(Backfills, "standing", standing)
    monkeypatch.setattr(backfilling, "sleep", work)
    told: list[str] = []
    assert office.follow(lambda _, hindrance: told.append(hindrance)).backfill.phase is Phase.PLANNED


def test_redis_that_stays_away_is_told_with_what_becomes_of_the_work(
    scene: Backfilling, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office.open(read_settings(), "acme")
    office.ask(Question(None, 1000), frozenset())
    told: list[str] = []

    def away(self: Backfills, connection: str) -> Standing | None:
        raise RedisAway

    def show(_: Standing, hindrance: str) -> None:
        told.append(hindrance)
        monkeypatch.setattr(Backfills, "standing", away)

    monkeypatch.setattr(backfilling, "_REDIS_BACK_S", 0.1)
    with pytest.raises(Complaint, match="goes on once it is back"):
        office.follow(show)
    assert told[0] == "" and set(told[1:]) == {AWAY}
