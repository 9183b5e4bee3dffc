"""Whether this machine's clock agrees with the trackers': told by what their deliveries say of the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from redis import Redis

from store import keys
from store.heard import Heard
from tests.unit import front_door
from tests.unit.front_door import HOUR_MS, MINUTE_MS, House, Knock, digest, jira_body, linear_body

server, redis, house = front_door.server, front_door.redis, front_door.house

MANY = keys.SKEW_KEPT
_ids = count()


def linear(house: House, *ages_ms: float) -> list[Knock]:
    """New deliveries that Linear's clock says are this old."""
    return [house.linear(linear_body(f"i{next(_ids)}", age_ms=int(age))) for age in ages_ms]


def jira(house: House, *ages_ms: int, **more: Any) -> list[Knock]:
    now = int(time.time() * 1000)
    return [house.jira(jira_body(str(next(_ids)), timestamp=now - age, **more)) for age in ages_ms]


def ahead(redis: Redis, name: str = "linear") -> int | None:
    """To the second."""
    found = Heard(redis).skew(name)
    return None if found is None else round(found.total_seconds())


def warned(house: House) -> dict[str, str]:
    """What /readyz says of clocks that are out of step; it must be no reason not to be ready."""
    answer = house.client.get("/readyz").json
    assert answer is not None
    told = {check["name"]: check for check in answer["checks"] if check["name"].startswith("time of ")}
    assert not any(check["vital"] or check["ok"] for check in told.values())
    return {name: check["detail"] for name, check in told.items()}


def test_clocks_in_step_are_not_spoken_of(house: House, redis: Redis) -> None:
    linear(house, 400, 900, 200, -20_000, 25_000)
    assert ahead(redis) == 0
    assert warned(house) == {}


def test_few_deliveries_tell_nothing(house: House, redis: Redis) -> None:
    linear(house, 50_000, 50_000)
    assert ahead(redis) is None
    assert warned(house) == {}


@pytest.mark.fault(4)
@pytest.mark.parametrize(
    ("age_ms", "said"),
    [
        (95_000, "Our clock is 1 minute ahead of the tracker's."),
        (-45_900, "45 seconds behind the tracker's."),
    ],
)
def test_a_clock_that_is_wrong_is_told_of_which_way_by_how_much_and_what_to_do(
    house: House, age_ms: int, said: str, seen: Callable[[str], None]
) -> None:
    linear(house, *[age_ms] * 5)
    told = warned(house)
    assert list(told) == ["time of linear"]
    assert said in told["time of linear"]
    assert told["time of linear"].endswith("Set it right by NTP.")
    seen(told["time of linear"].partition(". ")[0].lower())


@pytest.mark.fault(4)
def test_what_is_refused_because_of_the_clock_counts_too(house: House, redis: Redis) -> None:
    answers = linear(house, *[-5.1 * MINUTE_MS] * 3, *[60 * HOUR_MS] * 2)
    assert {answer.told["reason"] for answer in answers} == {"in_future", "too_old"}
    assert ahead(redis) == -306
    assert "5 minutes behind" in warned(house)["time of linear"]


def test_what_is_ignored_counts_too(house: House, redis: Redis) -> None:
    jira(house, *[MINUTE_MS] * 3, project="XYZ")
    assert ahead(redis, "jira") == 60


def test_nobody_can_tell_the_time_without_proof(house: House, redis: Redis) -> None:
    for _ in range(5):
        body = linear_body(age_ms=-HOUR_MS)
        house.post("linear", body, Linear_Signature=digest(body, "JIRA_HOOK"))
    assert ahead(redis) is None


def test_deliveries_that_come_late_after_an_outage_are_no_wrong_clock(house: House, redis: Redis) -> None:
    linear(house, *[HOUR_MS] * MANY, 300)
    assert ahead(redis) == 0
    assert warned(house) == {}


def test_what_was_delivered_before_tells_nothing_of_the_clock(house: House, redis: Redis) -> None:
    body = linear_body(age_ms=-40_000)
    for _ in range(5):
        house.linear(body)
    assert redis.llen(keys.skew("linear")) == 1


def test_one_clock_that_is_off_among_many_is_passed_over(house: House, redis: Redis) -> None:
    linear(house, 100, 100, 100, -50_000, 100)
    assert warned(house) == {}


def test_a_clock_that_was_set_right_is_believed_after_a_few_deliveries(house: House, redis: Redis) -> None:
    linear(house, *[-50_000] * MANY)
    assert ahead(redis) == -50
    linear(house, *[100] * (MANY // 2 + 1))
    assert warned(house) == {}
    assert redis.llen(keys.skew("linear")) == MANY


def test_a_test_of_our_own_tells_only_our_own_time(house: House, redis: Redis) -> None:
    jira(house, *[MINUTE_MS] * 5, webhookEvent="sprintwarden_doctor")
    assert ahead(redis, "jira") is None


@pytest.mark.parametrize("stamp", [None, "soon", [], 1e300, True, 2**63])
def test_a_delivery_that_tells_no_time_tells_none(house: House, redis: Redis, stamp: object) -> None:
    for _ in range(3):
        house.jira(jira_body(str(next(_ids)), timestamp=stamp))
    assert ahead(redis, "jira") is None


def test_times_from_the_ends_of_the_calendar_are_borne(house: House, redis: Redis) -> None:
    for stamp in (-62_135_596_800_000, 253_402_300_799_000, 253_402_300_799_000):
        assert house.jira(jira_body(str(next(_ids)), timestamp=stamp)).status == 200
    assert Heard(redis).skew("jira") is not None
    assert list(warned(house)) == ["time of jira"]


def test_the_skew_is_in_the_metrics_once_it_is_known(house: House) -> None:
    name = 'sprintwarden_clock_skew_seconds{connection="linear"}'
    assert name not in house.client.get("/metrics").text
    linear(house, *[-50_000] * 3)
    (line,) = [line for line in house.client.get("/metrics").text.splitlines() if line.startswith(name)]
    assert timedelta(seconds=float(line.rpartition(" ")[2])) < -timedelta(seconds=40)
