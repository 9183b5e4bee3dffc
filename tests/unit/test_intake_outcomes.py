"""What becomes of a proven delivery: its age, what is stored, noted, counted and told."""

from __future__ import annotations

import orjson
import pytest
from structlog.typing import EventDict

from tests.unit import front_door
from tests.unit.front_door import HOUR_MS, MINUTE_MS, House, digest, jira_body, linear_body, signed
from trackers.model import HintKind

server, redis, house, lines = front_door.server, front_door.redis, front_door.house, front_door.lines

LINEAR_ISSUE = "linear:issue:f3a1"


def test_what_is_queued_waits_in_the_inbox(house: House) -> None:
    house.jira(jira_body("501"))
    (hint,) = house.hints("jira:issue:501")
    assert hint.kind is HintKind.ISSUE_CREATED
    assert house.pending() == 1


def test_an_event_about_several_subjects_is_stored_whole(house: House) -> None:
    sprint = {"fieldId": "customfield_1", "field": "Sprint", "from": "", "to": "31", "toString": "S"}
    fields = {"project": {"key": "ABC"}, "customfield_1": [{"id": 31, "boardId": 12, "state": "active"}]}
    body = jira_body(
        webhookEvent="jira:issue_updated",
        issue={"id": "501", "key": "ABC-7", "fields": fields},
        changelog={"items": [sprint, {"field": "summary", "fromString": "a", "toString": "b"}]},
    )
    told = house.jira(body).told
    assert told["status"] == "queued"
    assert told["hints"] == house.pending()


def test_a_fresh_linear_delivery_is_not_late(house: House) -> None:
    assert house.linear(linear_body(age_ms=30_000)).told == {"status": "queued", "hints": 1}
    assert [hint.late for hint in house.hints(LINEAR_ISSUE)] == [False]


@pytest.mark.fault(4)
def test_a_late_linear_delivery_is_taken_and_flagged(house: House) -> None:
    answer = house.linear(linear_body(age_ms=6 * HOUR_MS))
    assert (answer.status, answer.told["status"], answer.told["reason"]) == (200, "queued", "late")
    assert [hint.late for hint in house.hints(LINEAR_ISSUE)] == [True]


def test_a_late_linear_delivery_is_refused_where_the_setting_says_so(house: House) -> None:
    answer = house.linear(linear_body(age_ms=2 * MINUTE_MS), "strict")
    assert (answer.status, answer.told["reason"]) == (401, "too_old")
    assert house.stored() == []


@pytest.mark.fault(4)
def test_a_delivery_older_than_the_claims_kept_is_refused(house: House) -> None:
    answer = house.linear(linear_body(age_ms=49 * HOUR_MS))
    assert (answer.status, answer.told["reason"]) == (401, "too_old")


@pytest.mark.fault(4)
def test_a_delivery_from_the_future_is_refused(house: House) -> None:
    answer = house.linear(linear_body(age_ms=-2 * MINUTE_MS))
    assert (answer.status, answer.told["reason"]) == (401, "in_future")


def test_a_clock_that_is_a_little_ahead_is_borne(house: House) -> None:
    assert house.linear(linear_body(age_ms=-5_000)).told["status"] == "queued"


@pytest.mark.fault(4)
@pytest.mark.parametrize("stamp", [None, "now", True, 1e30, {}, -1e308])
def test_a_linear_delivery_without_a_usable_time_is_refused(house: House, stamp: object) -> None:
    answer = house.linear(linear_body(webhookTimestamp=stamp))
    assert (answer.status, answer.told["reason"]) == (401, "no_timestamp")


def test_the_same_bytes_twice_are_stored_once(house: House) -> None:
    body = jira_body()
    assert [house.jira(body).told["status"] for _ in range(3)] == ["queued", "duplicate", "duplicate"]
    assert len(house.hints("jira:issue:501")) == 1


def test_the_same_bytes_for_another_connection_are_no_duplicate(house: House) -> None:
    body = jira_body()
    assert house.jira(body, "other", "OTHER_HOOK").told["status"] == "queued"
    assert house.jira(body, "turned", "NEW_HOOK").told["status"] == "queued"


@pytest.mark.fault(4)
def test_a_late_delivery_seen_before_is_a_duplicate(house: House) -> None:
    body = linear_body(age_ms=2 * HOUR_MS)
    assert house.linear(body).told["reason"] == "late"
    assert house.linear(body).told == {"status": "duplicate"}


IGNORED = {
    "unknown_event": jira_body(webhookEvent="jira:moon_landed"),
    "unused_event": jira_body(webhookEvent="comment_created"),
    "project_not_named": jira_body(project="XYZ"),
    "no_watched_field": jira_body(
        webhookEvent="jira:issue_updated", changelog={"items": [{"field": "priority"}]}
    ),
}


@pytest.mark.parametrize("reason", IGNORED)
def test_what_is_ignored_names_its_reason_and_is_noted(house: House, reason: str) -> None:
    answer = house.jira(IGNORED[reason])
    assert (answer.status, answer.told["status"], answer.told["reason"]) == (200, "ignored", reason)
    assert answer.told["detail"]
    (note,) = house.notes("jira")
    assert (note["outcome"], note["reason"]) == ("ignored", reason)
    assert note["event"].startswith(("jira:", "comment"))
    assert house.stored() == []


def test_an_event_of_a_kind_we_use_without_its_id_is_refused(house: House) -> None:
    body = jira_body(issue={"key": "ABC-1"})
    answer = house.jira(body)
    assert (answer.status, answer.told["reason"]) == (400, "wrong_shape")
    (note,) = house.notes("jira:refused")
    assert note["digest"] != ""


def test_notes_are_bounded_and_end(house: House) -> None:
    for number in range(3):
        house.jira(jira_body(project=f"P{number}"))
    assert house.notes("jira")[0]["detail"].startswith("project P2")
    life = house.redis.ttl("sw:door:jira")
    assert isinstance(life, int)
    assert 0 < life <= 7 * 24 * 3600


def test_every_answer_is_counted_once_by_outcome_and_reason(house: House) -> None:
    body, late = jira_body(), linear_body(age_ms=HOUR_MS)
    house.receive("jira", body, X_Hub_Signature=signed(body))
    house.receive("jira", body, X_Hub_Signature=signed(body))
    house.receive("jira", body, X_Hub_Signature=signed(b""))
    house.receive("jira", b"", X_Hub_Signature=signed(b""))
    house.receive("jira", IGNORED["unused_event"], X_Hub_Signature=signed(IGNORED["unused_event"]))
    house.receive("linear", late, Linear_Signature=digest(late, "LINEAR_HOOK"))
    house.receive("basic", body)
    house.receive("nobody", body)
    assert house.counted == [
        ("jira", "queued", ""),
        ("jira", "duplicate", ""),
        ("jira", "refused", "bad_signature"),
        ("jira", "refused", "empty_body"),
        ("jira", "ignored", "unused_event"),
        ("linear", "queued", "late"),
        ("basic", "refused", "missing_credentials"),
        ("unknown", "refused", "unknown_connection"),
    ]


@pytest.mark.fault(8)
def test_events_unknown_and_events_unwanted_are_counted_apart(house: House) -> None:
    for reason in ("unknown_event", "unused_event", "unused_event"):
        body = IGNORED[reason]
        assert house.receive("jira", body, X_Hub_Signature=signed(body)).status == 200
    told = [("jira", "ignored", "unknown_event"), *[("jira", "ignored", "unused_event")] * 2]
    assert house.counted == told


def test_the_log_tells_of_a_delivery_by_its_digest(house: House, lines: list[EventDict]) -> None:
    house.jira(jira_body())
    (line,) = [line for line in lines if line["event"] == "delivery"]
    (hint,) = house.hints("jira:issue:501")
    assert line["digest"] == hint.digest[:12]
    assert (line["outcome"], line["name"]) == ("queued", "jira:issue_created")


def test_a_stored_hint_holds_no_text_of_the_issue(house: House) -> None:
    house.jira(jira_body(title="Zanzibar"))
    assert "Zanzibar" not in str(house.redis.lrange("sw:hints:jira:issue:501", 0, -1))
    (hint,) = house.hints("jira:issue:501")
    assert b"Zanzibar" not in orjson.dumps(hint.to_json())
