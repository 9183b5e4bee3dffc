"""``/metrics``: the counts of one process and of several, and what is read from the store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import httpx
import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.stage import free_port
from store import keys
from store.budget import Budget
from store.inbox import Inbox
from store.models import ModelShelf, Refusal, Verdict
from store.rulebook import RulebookShelf
from store.watch import Moved, Rate, Report, Watch
from store.writes import Writes
from tests.unit import front_door
from tests.unit.front_door import SECRETS, House, jira_body, signed
from tests.unit.hired import hire
from trackers.http import tls_context
from webhook_app.store_metrics import MOST_LABELS

server, redis, house = front_door.server, front_door.redis, front_door.house

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found[f"sprintwarden_{name}", frozenset(labels.items())]


def scrape(house: House) -> Samples:
    return samples(house.client.get("/metrics").get_data(as_text=True))


def test_deliveries_are_counted_by_connection_outcome_and_reason(house: House) -> None:
    house.jira(jira_body("1"))
    house.jira(jira_body("1"))
    house.jira(jira_body("2"))
    house.jira(b"")
    found = scrape(house)
    assert value(found, "deliveries_total", connection="jira", outcome="queued", reason="") == 2
    assert value(found, "deliveries_total", connection="jira", outcome="duplicate", reason="") == 1
    assert value(found, "deliveries_total", connection="jira", outcome="refused", reason="empty_body") == 1


def test_what_waits_is_told(house: House) -> None:
    house.jira(jira_body("1"))
    found = scrape(house)
    assert value(found, "inbox_pending") == 1
    assert value(found, "dead_letters") == 0
    assert value(found, "redis_up") == 1


def test_what_was_handed_out_to_nobody_still_grows_older(house: House, redis: Redis) -> None:
    house.jira(jira_body("1"))
    seconds, _ = redis.time()
    redis.zadd(keys.PENDING, {"jira:issue:1": (seconds - 75) * 1000})
    assert len(Inbox(redis, lease=timedelta(minutes=1)).take(1)) == 1
    found = scrape(house)
    assert value(found, "inbox_due") == 0
    assert value(found, "inbox_waiting") == 1
    assert value(found, "inbox_oldest_overdue_seconds") >= 74


def test_workers_are_counted_by_queue_even_where_there_are_none(house: House, server: EmbeddedRedis) -> None:
    found = scrape(house)
    assert [value(found, "workers", queue=name) for name in ("live", "bulk")] == [0, 0]
    for _ in range(2):
        hire(server.url, "live")
    found = scrape(house)
    assert [value(found, "workers", queue=name) for name in ("live", "bulk")] == [2, 0]


def test_series_are_there_at_zero(house: House) -> None:
    found = scrape(house)
    assert value(found, "labels_added_total", connection="jira") == 0
    assert value(found, "comments_written_total", connection="linear") == 0
    assert value(found, "rules_file_refused") == 0


def test_what_workers_did_is_told(house: House, redis: Redis) -> None:
    redis.hset(keys.COUNTERS, mapping={"runs|jira|applied|": 3, "labels|jira": 5})
    found = scrape(house)
    assert value(found, "runs_total", connection="jira", outcome="applied", because="") == 3
    assert value(found, "labels_added_total", connection="jira") == 5


def test_outcomes_are_told_by_label(house: House, redis: Redis) -> None:
    counts = {
        "outcomes|jira|labels|ui|confirmed": 4,
        "outcomes|jira|labels|ui|corrected": 1,
        "mutes|jira|labels": 2,
    }
    redis.hset(keys.COUNTERS, items=list(chain.from_iterable(counts.items())))
    found = scrape(house)
    ui = {"connection": "jira", "target": "labels", "label": "ui"}
    assert value(found, "label_outcomes_total", **ui, outcome="confirmed") == 4
    assert value(found, "label_outcomes_total", **ui, outcome="corrected") == 1
    assert value(found, "labels_muted_total", connection="jira", target="labels") == 2


def test_only_the_labels_used_most_have_series_of_their_own(house: House, redis: Redis) -> None:
    counts = {f"outcomes|jira|labels|l{number}|confirmed": 2 for number in range(MOST_LABELS)}
    counts |= {f"outcomes|jira|labels|rare{number}|corrected": 1 for number in range(3)}
    redis.hset(keys.COUNTERS, items=list(chain.from_iterable(counts.items())))
    found = {
        dict(labels)["label"]: count for (name, labels), count in scrape(house).items() if "outcomes" in name
    }
    assert len(found) == MOST_LABELS + 1
    assert (found["other"], found["l7"]) == (3, 2)


def test_answers_are_told_by_project_and_begin_at_zero(house: House, redis: Redis) -> None:
    redis.hset(keys.COUNTERS, "answers|jira|labels|ABC|tagged", 7)
    found, where = scrape(house), {"connection": "jira", "target": "labels", "project": "ABC"}
    assert [
        value(found, "model_answers_total", **where, outcome=outcome)
        for outcome in ("tagged", "silent", "abstained")
    ] == [7, 0, 0]


def test_projects_that_are_asked_about_seldom_share_a_series(house: House, redis: Redis) -> None:
    counts = {f"answers|jira|labels|P{number}|silent": 2 for number in range(MOST_LABELS)}
    counts |= {f"answers|jira|labels|Q{number}|tagged": 1 for number in range(3)}
    redis.hset(keys.COUNTERS, items=list(chain.from_iterable(counts.items())))
    found = scrape(house)
    other = {"connection": "jira", "target": "labels", "project": "other"}
    assert value(found, "model_answers_total", **other, outcome="tagged") == 3
    assert len([name for name, _ in found if "model_answers_total" in name]) == 3 * (MOST_LABELS + 1)


MOVED = (Moved("best", "much", 0.4, "much"), Moved("words", "unknown", 0.9, "few"))
WATCHED = Report(
    "a" * 64,
    datetime(2026, 3, 2, tzinfo=UTC),
    MOVED,
    {"ui": Rate(9, 10, 0.6, 0.98)},
    {"ABC": Rate(1, 4, 0, 1)},
)


def test_drift_and_live_precision_of_the_serving_model_are_told(house: House, redis: Redis) -> None:
    shelf, place = ModelShelf(redis), ("jira", "labels")
    shelf.stage(place, "a" * 64, b"file", {})
    Watch(redis).keep(place, WATCHED)
    names = ("model_drift", "label_precision", "project_precision")
    assert [name for name, _ in scrape(house) if name.endswith(names)] == [], "it does not serve yet"
    shelf.promote(place, "a" * 64)
    found, where = scrape(house), {"connection": "jira", "target": "labels"}
    drift = {
        dict(labels)["measure"]: n for (name, labels), n in found.items() if name.endswith("model_drift")
    }
    assert drift == {"best": 0.4}, "of few issues nothing is told"
    assert [
        value(found, "label_precision", **where, label="ui", bound=bound) for bound in ("got", "low", "high")
    ] == [0.9, 0.6, 0.98]
    assert value(found, "project_precision", **where, project="ABC", bound="got") == 0.25
    shelf.stage(place, "b" * 64, b"file", {})
    shelf.promote(place, "b" * 64)
    assert [name for name, _ in scrape(house) if name.endswith(names)] == [], "a new model begins anew"


def test_a_count_of_a_newer_version_is_passed_over(house: House, redis: Redis) -> None:
    redis.hset(keys.COUNTERS, mapping={"moons|jira": 3, "labels|jira": 5})
    assert value(scrape(house), "labels_added_total", connection="jira") == 5


def test_pauses_are_told(house: House, redis: Redis) -> None:
    Budget(redis, "host", "me").pause("search", timedelta(seconds=30), "too many requests")
    assert 25 < value(scrape(house), "pause_seconds", scope="host:me:search") <= 30


def test_pauses_of_issues_are_one_series(house: House, redis: Redis) -> None:
    for number in range(30):
        Budget(redis, "host", "me").pause(f"issue:{number}", timedelta(seconds=30), "too many writes")
    paused = [dict(labels) for name, labels in scrape(house) if name == "sprintwarden_pause_seconds"]
    assert paused == [{"scope": "host:me:issue"}]


def test_how_full_redis_is_is_told(house: House, redis: Redis) -> None:
    found = scrape(house)
    assert value(found, "redis_memory_bytes") > 100_000
    assert value(found, "redis_memory_limit_bytes") == 0
    redis.config_set("maxmemory", "1gb")
    found = scrape(house)
    redis.config_set("maxmemory", "0")
    assert value(found, "redis_memory_limit_bytes") == 1024**3


def test_a_redis_that_does_not_tell_of_itself_costs_no_other_series(
    server: EmbeddedRedis, redis: Redis
) -> None:
    redis.acl_setuser(
        "limited", enabled=True, passwords=["+pass-word"], commands=["+@all", "-info"], keys=["*"]
    )
    found = scrape(House(server.url.replace("unix://", "unix://limited:pass-word@")))
    redis.acl_deluser("limited")
    assert value(found, "redis_up") == 1
    assert value(found, "workers", queue="live") == 0
    assert [name for name, _ in found if "memory" in name] == []


RULES_SERIES = (
    "rules_in_force_timestamp_seconds",
    "rules_file_refused",
    "rules_file_problems",
    "rules_file_refused_timestamp_seconds",
    "rules_files_behind",
)


def test_the_rules_in_force_and_what_is_wrong_with_the_newest_are_told(house: House, redis: Redis) -> None:
    found = scrape(house)
    assert value(found, "rules_info", version="") == 1
    assert [value(found, name) for name in RULES_SERIES] == [0] * 5, "they are there from the beginning"
    shelf, began = RulebookShelf(redis), time.time()
    shelf.publish("v2", b"good")
    shelf.accept("web-1:/rules.yaml", "v2")
    shelf.accept("web-2:/rules.yaml", "v1")
    shelf.refuse("web-3:/rules.yaml", "bad", ["wrong", "worse"])
    found = scrape(house)
    since, refused, problems, refused_since, behind = (value(found, name) for name in RULES_SERIES)
    assert value(found, "rules_info", version="v2") == 1
    assert (refused, problems, behind) == (1, 2, 1)
    assert began - 1 < since <= refused_since <= time.time() + 1
    shelf.accept("web-3:/rules.yaml", "v2")
    assert [value(scrape(house), name) for name in RULES_SERIES[1:4]] == [0, 0, 0]


def test_when_a_tracker_was_last_heard_and_whether_writing_is_held_are_told(
    house: House, redis: Redis
) -> None:
    found = scrape(house)
    assert value(found, "last_delivery_timestamp_seconds", connection="jira") == 0
    assert value(found, "writing_held", connection="linear") == 0
    began = time.time()
    house.jira(jira_body("1"))
    house.post("linear", b"{}", Linear_Signature="wrong")
    for issue in ("1", "2"):
        Writes(redis).ask("jira", issue, 1, timedelta(minutes=1))
    found = scrape(house)
    assert began - 1 < value(found, "last_delivery_timestamp_seconds", connection="jira") < time.time() + 1
    assert value(found, "last_delivery_timestamp_seconds", connection="linear") == 0, "it was no genuine one"
    assert value(found, "writing_held", connection="jira") == 1
    assert value(found, "writing_held", connection="linear") == 0


def test_a_delivery_that_is_ignored_is_a_sign_of_life_too(house: House, redis: Redis) -> None:
    assert house.jira(jira_body("1", webhookEvent="user_created")).told["status"] == "ignored"
    assert value(scrape(house), "last_delivery_timestamp_seconds", connection="jira") > 0


def test_models_are_told_by_slot_and_refusals_by_who_refuses(house: House, redis: Redis) -> None:
    shelf, place = ModelShelf(redis), ("jira", "labels")
    for id_ in ("a" * 64, "b" * 64):
        shelf.stage(place, id_, b"file", {})
        shelf.promote(place, id_)
    found, where = scrape(house), {"connection": "jira", "target": "labels"}
    assert value(found, "model_info", **where, slot="serving", id="b" * 12) == 1
    assert value(found, "model_info", **where, slot="previous", id="a" * 12) == 1
    assert value(found, "model_refused", **where, by="gate") == 0
    assert value(found, "model_refused", **where, by="worker") == 0
    shelf.stage(place, "c" * 64, b"file", {}, Verdict(False, ("Worse.",)))
    shelf.note_refusal(place, Refusal("b" * 64, "damaged", datetime.now(UTC), None))
    found = scrape(house)
    assert value(found, "model_info", **where, slot="staged", id="c" * 12) == 1
    assert value(found, "model_refused", **where, by="gate") == 1
    assert value(found, "model_refused", **where, by="worker") == 1


def test_counting_goes_on_without_redis(tmp_path: Path) -> None:
    lonely = House(f"unix://{tmp_path}/none.sock")
    lonely.jira(jira_body())
    found = scrape(lonely)
    assert value(found, "redis_up") == 0
    assert value(found, "deliveries_total", connection="jira", outcome="refused", reason="not_stored") == 1


def test_a_count_that_cannot_be_kept_costs_no_delivery(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(prometheus_client.Counter, "labels", full)
    assert house.jira(jira_body()).told["status"] == "queued"


@contextmanager
def web(folder: Path, redis_url: str, environ: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """The real web process with two of gunicorn's own; its address and process id."""
    (folder / "connections.yaml").write_bytes(front_door.connections_text())
    port = free_port()
    ours = {
        "REDIS_URL": redis_url,
        "SPRINTWARDEN_CONFIG": str(folder),
        "SPRINTWARDEN_PORT": str(port),
        "TMPDIR": str(folder),
    }
    command = [sys.executable, "-m", "sprintwarden", "serve"]
    process = subprocess.Popen(command, env={**os.environ, **SECRETS, **ours, **environ})
    url = f"http://127.0.0.1:{port}"
    try:
        _until(lambda: _alive(url))
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(15)


def _alive(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", trust_env=False, verify=tls_context()).is_success
    except httpx.HTTPError:
        return False


def _until(true: object, within: float = 15) -> None:
    assert callable(true)
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _post(url: str, body: bytes) -> int:
    headers = {"X-Hub-Signature": signed(body), "Content-Type": "application/json"}
    return httpx.post(f"{url}/webhooks/jira", content=body, headers=headers, trust_env=False).status_code


def _queued(url: str) -> float:
    found = samples(httpx.get(f"{url}/metrics", trust_env=False).text)
    return value(found, "deliveries_total", connection="jira", outcome="queued", reason="")


@pytest.mark.process
def test_the_counts_of_two_web_processes_are_one_sum(
    server: EmbeddedRedis, redis: Redis, tmp_path: Path
) -> None:
    shared = tmp_path / "metrics"
    shared.mkdir()
    with web(tmp_path, server.url, {"PROMETHEUS_MULTIPROC_DIR": str(shared)}) as (url, _):
        sent = 0
        while len(list(shared.glob("counter_*.db"))) < 2 and sent < 400:
            with ThreadPoolExecutor(16) as pool:
                bodies = [jira_body(str(sent + number)) for number in range(40)]
                assert set(pool.map(lambda body: _post(url, body), bodies)) == {200}
            sent += 40
        assert len(list(shared.glob("counter_*.db"))) == 2
        assert [_queued(url) for _ in range(8)] == [sent] * 8


@pytest.mark.process
def test_deliveries_and_counts_survive_the_end_of_a_web_process(
    server: EmbeddedRedis, redis: Redis, tmp_path: Path
) -> None:
    with web(tmp_path, server.url, {}) as (url, pid):
        assert _post(url, jira_body("1")) == 200
        _until(lambda: len(_children(pid)) == 2)
        before = _children(pid)
        for child in before:
            os.kill(child, signal.SIGTERM)
        _until(lambda: len(_children(pid) - before) == 2)
        assert [_post(url, jira_body(str(number))) for number in range(2, 12)] == [200] * 10
        assert _queued(url) == 11
    assert not list(tmp_path.glob("sprintwarden-metrics-*"))


def _children(pid: int) -> set[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(child) for child in text.split()}
