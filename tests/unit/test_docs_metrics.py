"""docs/metrics.md against what ``/metrics`` tells: names, types, labels, and what is there at first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from store import keys
from store.budget import Budget
from store.models import ModelShelf
from store.watch import Watch
from tests.unit import front_door
from tests.unit.front_door import House, jira_body
from tests.unit.test_web_metrics import WATCHED
from trackers.model import IgnoredBecause, RefusedBecause
from webhook_app.store_metrics import ENDINGS
from workers.record import Outcome

server, redis, house = front_door.server, front_door.redis, front_door.house

PAGE: Final = Path(__file__).parents[2] / "docs" / "metrics.md"
_ROW: Final = re.compile(r"^\| `(sprintwarden_\w+)` \| (\w+) \| (.+?) \| (0|now|–) \| \S", re.MULTILINE)


class Told(NamedTuple):
    """A metric as the page tells it."""

    type: str
    labels: frozenset[str]
    at_first: str


class Emitted(NamedTuple):
    """A metric as it is emitted; of each sample its labels and its value."""

    type: str
    samples: list[tuple[dict[str, str], float]]


def documented() -> dict[str, Told]:
    text = PAGE.read_text(encoding="utf-8")
    rows = _ROW.findall(text)
    assert len(rows) == text.count("\n| `sprintwarden_"), "a row is not of the form of the others"
    told = {
        name: Told(type_, frozenset(re.findall(r"`(\w+)`", labels)), at_first)
        for name, type_, labels, at_first in rows
    }
    assert len(told) == len(rows), "a name stands there twice"
    return told


def emitted(house: House) -> dict[str, Emitted]:
    text = house.client.get("/metrics").get_data(as_text=True)
    return dict(_families(text))


def _families(text: str) -> Iterator[tuple[str, Emitted]]:
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        yield name, Emitted(family.type, [(sample.labels, sample.value) for sample in family.samples])


@pytest.fixture
def used(house: House, redis: Redis) -> House:
    """A front door over a Redis in which everything that is counted has happened."""
    for number in range(5):
        assert house.jira(jira_body(str(number))).told["status"] == "queued"
    redis.hset(
        keys.COUNTERS,
        mapping={
            "answers|jira|labels|ABC|tagged": 7,
            "outcomes|jira|labels|ui|confirmed": 4,
            "runs|jira|ignored|gone": 1,
        },
    )
    Budget(redis, "host", "me").pause("search", timedelta(seconds=30), "too many requests")
    shelf, place = ModelShelf(redis), ("jira", "labels")
    shelf.stage(place, WATCHED.model, b"file", {})
    shelf.promote(place, WATCHED.model)
    Watch(redis).keep(place, WATCHED)
    return house


def test_the_page_names_what_is_emitted_with_its_type(used: House) -> None:
    found = emitted(used)
    assert {name: told.type for name, told in documented().items()} == {
        name: one.type for name, one in found.items()
    }


def test_the_page_names_each_label(used: House) -> None:
    labels = {name: {frozenset(labels) for labels, _ in one.samples} for name, one in emitted(used).items()}
    assert labels == {name: {told.labels} for name, told in documented().items()}


def test_on_an_empty_redis_each_is_there_as_the_page_says(house: House) -> None:
    found, told = emitted(house), documented()
    assert found.keys() == told.keys()
    for name, one in told.items():
        values = [value for _, value in found[name].samples]
        if one.at_first == "0":
            assert set(values) == {0}, name
        else:
            assert bool(values) == (one.at_first == "now"), name


def test_what_is_told_of_connections_is_there_for_each_from_the_beginning(house: House) -> None:
    connections = {connection.name for connection in front_door.all_connections()}
    found, told = emitted(house), documented()
    for name, one in told.items():
        if "connection" in one.labels and one.at_first == "0":
            named = {labels["connection"] for labels, _ in found[name].samples}
            assert named - {"unknown"} == connections, name


def test_every_answer_of_the_front_door_and_every_end_of_a_run_is_there_at_zero(house: House) -> None:
    found = emitted(house)
    answers = {
        (labels["outcome"], labels["reason"])
        for labels, _ in found["sprintwarden_deliveries_total"].samples
        if labels["connection"] == "jira"
    }
    refused = set(RefusedBecause) - {RefusedBecause.UNKNOWN_CONNECTION}
    assert answers == {
        ("queued", ""),
        ("queued", "late"),
        ("duplicate", ""),
        *(("ignored", str(reason)) for reason in IgnoredBecause),
        *(("refused", str(reason)) for reason in refused),
    }
    assert set(ENDINGS) == set(Outcome)
    ends = {labels["outcome"] for labels, _ in found["sprintwarden_runs_total"].samples}
    assert ends == set(Outcome)


def test_without_redis_the_page_says_what_is_left(tmp_path: Path) -> None:
    found = emitted(House(f"unix://{tmp_path}/none.sock"))
    assert {name for name, one in found.items() if one.samples} == {
        "sprintwarden_deliveries_total",
        "sprintwarden_ready",
        "sprintwarden_check_ok",
        "sprintwarden_redis_up",
    }
    assert found["sprintwarden_ready"].samples == [({}, 0)]


def test_checks_have_names_of_their_own(used: House) -> None:
    names = [labels["check"] for labels, _ in emitted(used)["sprintwarden_check_ok"].samples]
    assert len(set(names)) == len(names)
    assert "clock" in names
