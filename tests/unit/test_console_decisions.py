"""The page of decisions and that of one: what they tell, and that nobody's text gets out of hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from flask.testing import FlaskClient
from redis import Redis

from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.decisions import Decisions
from store.feed import Feed
from store.journal import CommentRecord, CommentState, Forecast, Guess, Journals
from store.outcomes import Lesson, Outcomes, Row, Verdict
from store.sprint_views import SprintViews
from store.sprints import Sprints
from tests.conftest import CONNECTION, ISSUE, Floor, hint, relabelled
from tests.unit.console_scene import console_app, log_in
from tests.unit.sprint_scene import SPRINT
from tests.unit.view_scene import view
from trackers.model import HintKind, Subject, SubjectKind, TrackerKind
from webhook_app.app import WebSettings
from webhook_app.console.decisions import gather, gather_one
from webhook_app.console.house import House
from webhook_app.console.wording import did
from workers.run import run

HOSTILE = '<img src=x onerror="alert(1)">'
LINEAR = replace(CONNECTION, name="lin", tracker=TrackerKind.LINEAR, url="https://api.linear.app")


@pytest.fixture
def house(redis: Redis) -> House:
    connections = (CONNECTION, LINEAR)
    return House(redis, connections, WebSettings(redis_url="", connections=connections))


@pytest.fixture
def browser(redis: Redis, redis_server: EmbeddedRedis) -> FlaskClient:
    return log_in(console_app(redis_server.url, [CONNECTION, LINEAR]))


def issue(number: int, connection: str = "acme") -> Subject:
    return Subject(connection, SubjectKind.ISSUE, str(number))


def record(ago: float = 0, outcome: str = "applied", key: str = "ABC-1", **more: Any) -> dict[str, Any]:
    """A record from so many minutes ago."""
    at = (datetime.now(UTC) - timedelta(minutes=ago)).isoformat(timespec="milliseconds")
    told: dict[str, Any] = {
        "at": at,
        "outcome": outcome,
        "because": None,
        "cause": "",
        "issue": key,
        "hints": [],
        "attempt": 1,
        "waited_ms": 3_000,
        "took_ms": 40,
        "rules": "abc123",
    }
    return told | more


def planned(*labels: str, put_on: bool = True, **more: Any) -> dict[str, Any]:
    plan = {
        "mode": "apply",
        "labels": [
            {"label": one, "source": f"rule {one}", "because": [f"the title has {one}"]} for one in labels
        ],
        "operations": [{"do": "add_labels", "labels": list(labels)}],
    }
    return {"plan": plan | more, "written": {"labels": list(labels) if put_on else [], "comment": None}}


def keep(redis: Redis, subject: Subject, kept: dict[str, Any]) -> str:
    """Keep a record; the decision's id."""
    Decisions(redis).add(subject, kept, {})
    return next(str(line.place) for line in Feed(redis).newest(99) if line.subject == str(subject))


def shown(browser: FlaskClient, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return unescape(answer.text)


def test_a_real_run_stands_on_the_page_and_opens(floor: Floor, house: House, browser: FlaskClient) -> None:
    floor.rules(comment=True)
    floor.offer(hint(actor="someone's-id", digest="0123456789abcdef"))
    run(floor.shop, ISSUE, floor.token())
    (row,) = gather(house, {}).rows
    assert (row.name, row.url, row.labels) == ("ABC-1", "https://acme.example/browse/ABC-1", ("security",))
    assert row.did == "Put a label on, commented"
    page = shown(browser, f"/console/decisions/{row.id}")
    for text in ("rule security", "Issue created", "0123456789ab", "Put on", "someone's-id", "took "):
        assert text in page, text
    assert "sprintwarden explain acme ABC-1" in page
    assert "Stored XSS" not in page


def test_runs_without_an_effect_are_there_for_whoever_asks(redis: Redis, house: House) -> None:
    keep(redis, issue(1), record(3, "nothing", because="nothing_fits"))
    keep(redis, issue(2), record(2, "ignored", because="echo_of_our_own_write"))
    keep(redis, issue(3), record(1, **planned("slow")))
    assert [row.outcome for row in gather(house, {}).rows] == ["applied"]
    everything = gather(house, {"outcome": "everything"}).rows
    assert [row.outcome for row in everything] == ["applied", "ignored", "nothing"]
    assert everything[2].headline == "No rule fits"
    assert [row.outcome for row in gather(house, {"outcome": "nothing"}).rows] == ["nothing"]


def test_filters_choose_and_are_filled_from_what_occurs(redis: Redis, house: House) -> None:
    keep(redis, issue(1), record(2, key="ABC-1", **planned("slow")))
    keep(redis, issue(2, "lin"), record(1, key="ENG-1", **planned("Bug/crash", "slow")))
    keep(redis, issue(3, "gone"), record(0, key="OLD-1", **planned("old")))

    def found(**query: str) -> list[str]:
        return [row.name for row in gather(house, query).rows]

    assert found() == ["OLD-1", "ENG-1", "ABC-1"]
    assert found(connection="lin") == ["ENG-1"]
    assert found(project="ABC") == ["ABC-1"]
    assert found(label="slow") == ["ENG-1", "ABC-1"]
    assert found(label="slow", connection="acme") == ["ABC-1"]
    assert found(key=" eng-1 ") == ["ENG-1"]
    assert found(subject="acme:issue:1") == ["ABC-1"]
    assert found(subject="acme:issue:1", key="ABC-1") == ["ABC-1"]
    assert found(subject="acme:issue:1", key="ENG-1") == []
    assert found(outcome="dead") == []
    assert found(outcome="no such outcome") == found()
    choices = gather(house, {}).choices
    assert choices.connections == ("acme", "gone", "lin")
    assert choices.projects == ("ABC", "ENG", "OLD")
    assert choices.labels == ("Bug/crash", "old", "slow")


def test_an_issue_is_sought_with_the_runs_that_could_not_read_it(redis: Redis, house: House) -> None:
    keep(redis, issue(1), record(3, "nothing", because="nothing_fits"))
    keep(redis, issue(1), record(2, "postponed", key="", cause="It did not answer."))
    keep(redis, issue(2), record(1, key="ABC-2", **planned("slow")))
    rows = gather(house, {"key": "ABC-1"}).rows
    assert [(row.name, row.outcome) for row in rows] == [("ABC-1", "postponed"), ("ABC-1", "nothing")]
    assert rows[0].why == "It did not answer."


def test_pages_lead_to_each_other(redis: Redis, browser: FlaskClient) -> None:
    for number in range(120):
        keep(redis, issue(number), record(120 - number, key=f"ABC-{number}", **planned("slow")))
    house = House(redis, (CONNECTION,), WebSettings(redis_url="", connections=()))
    first = gather(house, {"label": "slow"})
    assert (len(first.rows), first.newer) == (50, None)
    second = gather(house, {"label": "slow", "before": str(first.older)})
    third = gather(house, {"before": str(second.older)})
    assert [row.name for row in (*first.rows, *second.rows, *third.rows)] == [
        f"ABC-{119 - number}" for number in range(120)
    ]
    assert third.older is None
    assert gather(house, {"after": str(second.newer)}).rows == first.rows
    page = shown(browser, "/console/decisions?label=slow")
    assert f"/console/decisions?label=slow&before={quote(str(first.older), safe='')}" in page


@pytest.mark.parametrize(
    "query", ["before=x", "after=1@2", "before=acme:issue:1@99999999999999999999", "label=%00"]
)
def test_what_makes_no_sense_in_an_address_is_passed_over(browser: FlaskClient, query: str) -> None:
    assert browser.get(f"/console/decisions?{query}").status_code == 200


@pytest.mark.parametrize(
    "id_", ["x", "acme:issue:1@5", "acme:issue:10001@1772442000123", "a:b:c@5", "acme:issue:1@" + "9" * 30]
)
def test_a_decision_that_is_not_kept_is_not_found(browser: FlaskClient, id_: str) -> None:
    answer = browser.get(f"/console/decisions/{id_}")
    assert answer.status_code == 404
    assert "not kept any more" in answer.text


def test_links_lead_where_the_issue_is_and_nowhere_else(redis: Redis, house: House) -> None:
    told = "https://linear.app/acme/issue/ENG-1"
    keep(redis, issue(1, "lin"), record(4, key="ENG-1", url=told, **planned("a")))
    keep(redis, issue(2, "lin"), record(3, key="ENG-2", url="javascript:alert(1)//ENG-2", **planned("a")))
    keep(redis, issue(3, "gone"), record(2, key="OLD-1", url=told, **planned("a")))
    keep(redis, issue(4), record(1, key="../../evil?x=1", **planned("a")))
    urls = [row.url for row in gather(house, {}).rows]
    assert urls == ["https://acme.example/browse/..%2F..%2Fevil%3Fx%3D1", None, None, told]


def test_an_address_that_is_none_spoils_no_page(redis: Redis, browser: FlaskClient) -> None:
    keep(redis, issue(1, "lin"), record(1, key="ENG-1", url="https://[", **planned("a")))
    keep(redis, issue(2, "lin"), record(2, key="ENG-2", url="//[", **planned("a")))
    assert "ENG-1" in shown(browser, "/console/decisions")


def test_a_record_of_linear_holds_the_address_without_the_title(floor: Floor) -> None:
    floor.rules()
    floor.tracker.kind = TrackerKind.LINEAR
    floor.tracker.now = replace(floor.tracker.now, url="https://linear.app/acme/issue/ABC-1/stored-xss")
    floor.offer(hint())
    run(floor.shop, ISSUE, floor.token())
    assert floor.shop.decisions.of(ISSUE)[0]["url"] == "https://linear.app/acme/issue/ABC-1"
    assert Feed(floor.redis).newest(1)[0].url == "https://linear.app/acme/issue/ABC-1"


def test_nothing_a_tracker_says_becomes_part_of_the_page(redis: Redis, browser: FlaskClient) -> None:
    told = [{"label": HOSTILE, "source": HOSTILE, "because": [HOSTILE], "why": HOSTILE}]
    kept = record(
        cause=HOSTILE,
        outcome="partly_refused",
        key=HOSTILE,
        refused=[HOSTILE],
        hints=[
            {
                "kind": HOSTILE,
                "digest": HOSTILE,
                "actor": HOSTILE,
                "changed": [HOSTILE],
                "labels_added": [HOSTILE],
            }
        ],
        **planned(HOSTILE, withheld=told, already=[HOSTILE], reads_like=told[0]),
    )
    id_ = keep(redis, ISSUE, kept)
    for path in (
        "/console/decisions",
        f"/console/decisions/{id_}",
        f"/console/decisions?key={quote(HOSTILE)}",
    ):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert "<img" not in answer.text
        assert "&lt;img" in answer.text


def test_a_command_to_paste_holds_no_second_one(redis: Redis, house: House) -> None:
    id_ = keep(redis, ISSUE, record(key="ABC-1; rm -rf ~", **planned("a")))
    found = gather_one(house, id_)
    assert found.explain == "sprintwarden explain acme 'ABC-1; rm -rf ~'"


def test_half_a_character_spoils_no_page(redis: Redis, browser: FlaskClient) -> None:
    id_ = keep(redis, ISSUE, record(cause="broken \ud83d", **planned("broken \ud83d")))
    assert "broken ?" in shown(browser, "/console/decisions")
    assert "broken ?" in shown(browser, f"/console/decisions/{id_}")


def test_a_decision_tells_of_labels_that_did_not_come(redis: Redis, house: House) -> None:
    chance = {
        "p": 0.31,
        "threshold": 0.7,
        "runner_up": {"label": "ui", "p": 0.2},
        "terms": [{"text": "button", "weight": 0.4}],
    }
    held = {
        "label": "crash",
        "source": "learned",
        "because": [],
        "chance": chance,
        "why": "31 in 100, 70 are needed",
    }
    models = [
        {"target": "labels", "abstained": None, "held_back": [held]},
        {"target": "components", "abstained": "the issue is empty", "held_back": []},
    ]
    withheld = [
        {"label": "slow", "source": "rule slow", "because": ["x"], "why": "a person took it off this issue"}
    ]
    found = gather_one(
        house, keep(redis, ISSUE, record(**planned("security", withheld=withheld, models=models)))
    )
    assert [(one.label, one.became) for one in found.withheld] == [
        ("slow", "A person took it off this issue")
    ]
    (near,) = found.held_back
    assert (near.p, near.threshold, near.runner_up, near.terms[0].text) == (0.31, 0.7, "ui, 20%", "button")
    assert found.abstained == (("components", "the issue is empty"),)


def test_a_decision_tells_what_people_made_of_it_later(floor: Floor, house: House) -> None:
    floor.rules(comment=True)
    floor.offer(hint())
    run(floor.shop, ISSUE, floor.token())
    (row,) = gather(house, {}).rows
    before = gather_one(house, row.id)
    floor.offer(relabelled(removed=["security"]))
    run(floor.shop, ISSUE, floor.token())
    after = gather_one(house, row.id)
    assert (before.labels[0].became, before.labels[0].later) == ("Put on", "")
    assert after.labels[0].later.startswith("A person took it off")


def test_a_decision_tells_what_an_answer_taught(redis: Redis, house: House) -> None:
    id_ = keep(redis, ISSUE, record(**planned("security", "slow")))
    journals = Journals(redis)
    journals.note_written(ISSUE, labels={"l1": "security", "l2": "slow"}, withdrawn={"l2": "slow"})
    guess = Guess("security", "l1", 0.9, applied=True)
    journals.note_forecast(ISSUE, Forecast("m1", "labels", "ABC", (guess,)))
    row = Row(datetime.now(UTC).isoformat(), "m1", "labels", "ABC", "security", 0.9, applied=True, right=True)
    Outcomes(redis).settle(ISSUE, [Lesson(Verdict.CONFIRMED, row)])
    found = gather_one(house, id_)
    assert [one.later for one in found.labels] == [
        "A person worked on the issue and left it",
        "Taken off again by us, when what it told of was over",
    ]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (CommentState.POSTED, "stands"),
        (CommentState.SETTLED, "its matter is over"),
        (CommentState.DELETED, "deleted it"),
    ],
)
def test_a_decision_tells_what_became_of_its_comment(
    redis: Redis, house: House, state: CommentState, said: str
) -> None:
    kept = record(**planned("security"))
    kept["written"]["comment"] = "c1"
    id_ = keep(redis, ISSUE, kept)
    Journals(redis).note_written(ISSUE, comments={"labels": CommentRecord("c1", "d", state)})
    found = gather_one(house, id_)
    assert said in str(found.comment)


def test_a_decision_about_a_sprint_tells_its_figures(redis: Redis, browser: FlaskClient) -> None:
    forecast = {"expected": 28.4, "low": 20.0, "high": 35.0, "p_all_done": 0.1, "p_overcommitted": 0.8}
    figures = {
        "unit": "points", "committed": 30.0, "now": 36.0, "done": 4.0, "share": 0.2, "budget": 0.15,
        "added": ["ABC-8"], "removed": [], "concerns": ["scope_creep"],
        "forecast": {**forecast, "p_scope_creep": 0.9},
    }  # fmt: skip
    plan = {"mode": "apply", "sprint": figures, "home": "ABC-7", "operations": [{"do": "post_comment"}]}
    kept = record(plan=plan, written={"labels": [], "comment": "c"}, hints=[{"kind": "sprint_due"}])
    del kept["issue"]
    Sprints(redis).keep(SPRINT, "12", orjson.dumps({"name": "The <b>37th</b>"}).decode())
    id_ = keep(redis, SPRINT, kept)
    assert "The <b>37th</b>" in shown(browser, "/console/decisions")
    page = shown(browser, f"/console/decisions/{id_}")
    for text in (
        "scope creep",
        "36 points, 4 of them done",
        "20\N{NO-BREAK SPACE}% of the plan; the limit is 15\N{NO-BREAK SPACE}%",
        "20–35 points done",
        "Chance of enough of the plan</dt><dd>20\N{NO-BREAK SPACE}%",
        "Sprint due",
    ):
        assert text in page, text
    assert "sprintwarden explain acme sprint:37" in page


def test_a_sprint_and_what_was_decided_about_it_lead_to_each_other(
    redis: Redis, browser: FlaskClient
) -> None:
    other = Subject("acme", SubjectKind.SPRINT, "3")
    keep(redis, other, record(2, outcome="nothing", key=""))
    id_ = keep(redis, SPRINT, record(1, outcome="nothing", key="", because="all_well"))
    assert browser.get(f"/api/v1/decisions/{id_}").get_json()["page"] is None
    SprintViews(redis).keep(view())
    Sprints(redis).keep(SPRINT, "12", orjson.dumps({"name": "Sprint 37"}).decode())
    way = browser.get("/api/v1/sprints/acme/37").get_json()["decisions"]
    assert browser.get(way).status_code == 200
    listed = browser.get(way.replace("/console", "/api/v1")).get_json()
    assert [row["subject"] for row in listed["rows"]] == [str(SPRINT)]
    assert (listed["about"], listed["sprint"]) == ("Sprint 37", "/console/sprints/acme/37")
    assert browser.get(f"/api/v1/decisions/{id_}").get_json()["page"] == listed["sprint"]
    assert browser.get(listed["sprint"]).status_code == 200


@pytest.mark.parametrize(
    ("outcome", "where", "now", "later"),
    [
        ("dead", keys.DEAD, "put it back on the page Queue", "not among the dead letters any more"),
        ("postponed", keys.PENDING, "The queue tells when", "tried again since"),
    ],
)
def test_what_is_to_be_done_is_told_while_it_is_so(
    redis: Redis, house: House, outcome: str, where: str, now: str, later: str
) -> None:
    id_ = keep(redis, ISSUE, record(outcome=outcome, cause="It did not answer."))
    assert later in gather_one(house, id_).todo
    redis.zadd(where, {str(ISSUE): 1})
    assert now in gather_one(house, id_).todo


def test_of_a_subject_that_is_none_nothing_is_told(house: House, browser: FlaskClient) -> None:
    for text in ("acme", "acme:galaxy:1", "acme:issue:", ":::"):
        assert gather(house, {"subject": text}).rows == ()
        assert browser.get("/console/decisions", query_string={"subject": text}).status_code == 200
        assert browser.get("/api/v1/decisions", query_string={"subject": text}).status_code == 400


def test_all_kinds_of_subjects_have_a_name(redis: Redis, house: House) -> None:
    for kind in SubjectKind:
        keep(redis, Subject("acme", kind, "9"), record(1, "dead", key="", cause="x"))
    names = {row.name for row in gather(house, {}).rows}
    assert names == {"Issue 9", "Sprint 9", "Board 9", "Catch-up"}


def test_an_empty_page_teaches(browser: FlaskClient) -> None:
    assert "Nothing was decided yet" in shown(browser, "/console/decisions")
    assert "No decision about ABC-9" in shown(browser, "/console/decisions?key=ABC-9")
    assert "Nothing fits these filters" in shown(browser, "/console/decisions?label=none")


def test_of_a_deleted_issue_nothing_is_shown(floor: Floor, browser: FlaskClient) -> None:
    floor.rules()
    floor.offer(hint())
    run(floor.shop, ISSUE, floor.token())
    assert "ABC-1<" in browser.get("/console/decisions").text
    floor.offer(hint(HintKind.ISSUE_DELETED))
    run(floor.shop, ISSUE, floor.token())
    assert "ABC-1<" not in browser.get("/console/decisions?outcome=everything").text
    assert not floor.redis.exists(keys.FEED)


def test_what_is_gathered_is_ready_for_machines(redis: Redis, house: House) -> None:
    id_ = keep(redis, ISSUE, record(hints=[{"kind": "issue_created"}], **planned("security")))
    assert orjson.loads(orjson.dumps(gather(house, {})))["rows"][0]["labels"] == ["security"]
    assert orjson.loads(orjson.dumps(gather_one(house, id_)))["labels"][0]["label"] == "security"


@pytest.mark.parametrize(
    ("outcome", "labels", "operations", "marked", "said"),
    [
        ("applied", 1, ["post_comment"], 0, "Put a label on, commented"),
        ("applied", 2, [], 0, "Put 2 labels on"),
        ("applied", 0, ["settle_comment"], 2, "Closed the comment, brought the label of 2 issues in step"),
        ("suggested", 2, ["post_comment"], 0, "Suggested 2 labels"),
        ("suggested", 1, ["edit_comment"], 0, "Suggested a label, edited the comment"),
        ("dry_run", 1, ["post_comment"], 0, "Would put a label on, comment"),
        ("nothing", 0, [], 0, ""),
    ],
)
def test_what_was_done_is_told_in_words(
    outcome: str, labels: int, operations: list[str], marked: int, said: str
) -> None:
    assert did(outcome, labels, operations, marked) == said
