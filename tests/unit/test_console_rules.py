"""The page Rules: what holds where, the file in force, and trials of an edited one."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from rules.load import load_rules
from rules.origins import effective, in_yaml
from rules.source import MAX_BYTES
from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.connect import now_ms
from store.rulebook import RulebookShelf
from store.trials import MOST, Trials, Wish
from tests.conftest import CONNECTION
from tests.unit.console_scene import TOKEN, console_app, csrf_of, log_in
from trackers.model import TrackerKind
from webhook_app.console.trials import _CHECKING

HOSTILE = "<script>alert('1')</script>"
TEXT = f"""\
version: 1
defaults:
  mode: dry_run
  tagging:
    rules:
      - name: "{HOSTILE}"
        label: "{HOSTILE}"
        title: {{words: ["{HOSTILE}"]}}
      - {{label: gone, title: {{words: [xss]}}}}
projects:
  ABC:
    mode: apply
    tagging:
      without: [gone]
boards:
  "12":
    sprints: {{mode: suggest}}
"""
LINEAR = replace(CONNECTION, name="lin", tracker=TrackerKind.LINEAR, projects=("ENG", "OPS"), boards=())


@pytest.fixture
def browser(redis: Redis, redis_server: EmbeddedRedis) -> FlaskClient:
    """Somebody logged in at a console of a Jira and a Linear."""
    return log_in(console_app(redis_server.url, [CONNECTION, LINEAR]))


@pytest.fixture
def held(redis: Redis) -> str:
    """The version of the rules that are in force."""
    version = load_rules(TEXT.encode(), "rules.yaml").version_id
    RulebookShelf(redis).publish(version, TEXT.encode())
    return version


def rules(browser: FlaskClient, **query: str) -> dict[str, Any]:
    answer = browser.get("/api/v1/rules", query_string=query)
    assert answer.status_code == 200
    told: dict[str, Any] = answer.get_json()
    return told


def page(browser: FlaskClient, path: str = "/console/rules", **query: str) -> str:
    answer = browser.get(path, query_string=query)
    assert answer.status_code == 200
    return answer.text


def values(told: dict[str, Any]) -> dict[str, tuple[str, int | None]]:
    return {one["path"]: (one["value"], one["line"]) for one in told["settings"]}


def ask(browser: FlaskClient, text: str, **more: str) -> TestResponse:
    """Send the form as a browser does."""
    csrf = csrf_of(page(browser, "/console/rules/try"))
    sent = {"csrf": csrf, "text": text.replace("\n", "\r\n"), "connection": "acme", "last": "50"} | more
    return browser.post("/console/rules/trials", data=sent)


def trial(browser: FlaskClient, id_: str) -> dict[str, Any]:
    answer = browser.get(f"/api/v1/trials/{id_}")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.get_json()
    return told


def test_before_the_first_good_file_the_page_teaches(browser: FlaskClient) -> None:
    assert "sprintwarden clock" in page(browser)
    assert rules(browser)["version"] is None
    assert browser.get("/console/rules/file").status_code == 404


def test_what_holds_has_its_value_and_its_line(browser: FlaskClient, held: str) -> None:
    told = rules(browser)
    assert (told["version"], told["place"]) == (held, "acme/ABC")
    assert values(told) == {"mode": ("apply", 12), "sprints.mode": ("apply", 12)}
    assert [(rule["name"], rule["line"]) for rule in told["rules"]] == [(HOSTILE, 6)]
    (dropped,) = told["dropped"]
    assert (dropped["name"], dropped["instead"]) == ("gone", "left out by line 14 (projects ABC)")
    assert all(one["line"] is None for one in told["defaults"])


def test_a_board_may_have_settings_of_its_own(browser: FlaskClient, held: str) -> None:
    assert rules(browser)["boards"] == ["12"]
    assert values(rules(browser, board="12"))["sprints.mode"] == ("suggest", 17)
    assert '<option value="12" selected>' in page(browser, board="12")
    assert "selected" not in page(browser, board="99").partition('name="board"')[2]


def test_a_project_is_chosen_with_its_connection(browser: FlaskClient, held: str) -> None:
    assert rules(browser)["places"] == ["acme/ABC", "lin/ENG", "lin/OPS"]
    told = rules(browser, place="lin/OPS")
    assert (told["place"], told["boards"]) == ("lin/OPS", [])
    assert values(told)["mode"] == ("dry_run", 3)
    assert rules(browser, connection="lin")["place"] == "lin/ENG"
    for unknown, instead in ((f"lin/{HOSTILE}", "lin/ENG"), (HOSTILE, "acme/ABC")):
        assert f'<option value="{instead}" selected>' in page(browser, place=unknown)


@pytest.mark.parametrize(
    ("place", "board"), [("acme/ABC", ""), ("acme/ABC", "12"), ("lin/ENG", ""), ("lin/OPS", "")]
)
def test_the_page_and_explain_config_tell_the_same(
    browser: FlaskClient, held: str, place: str, board: str
) -> None:
    """Of a project that the file names and of one that only the connection does."""
    told = rules(browser, place=place, board=board)
    connection, project = place.split("/")
    said = effective(TEXT.encode(), "rules.yaml", connection, project, board or None)
    by_page = {one["path"]: (one["value"], one["line"]) for one in told["settings"] + told["defaults"]}
    assert by_page == {
        one.path: (in_yaml(one.value), one.origin.line if one.origin else None) for one in said.settings
    }
    assert [(one["name"], one["line"]) for one in told["rules"]] == [
        (one.name, one.origin.line) for one in said.rules
    ]
    assert len(told["dropped"]) == len(said.dropped)


def test_names_out_of_the_file_are_escaped(browser: FlaskClient, held: str) -> None:
    for path in ("/console/rules", "/console/rules/file", "/console/rules/try"):
        text = page(browser, path)
        assert HOSTILE not in text
        assert HOSTILE in unescape(text)


def test_the_file_is_shown_with_a_place_for_each_line(browser: FlaskClient, held: str) -> None:
    told = browser.get("/api/v1/rules/file").get_json()
    assert (told["version"], told["lines"]) == (held, TEXT.splitlines())
    assert '<span id="L3">  mode: dry_run' in page(browser, "/console/rules/file")
    assert 'href="/console/rules/file#L6"' in page(browser)


def test_a_file_that_is_refused_tells_all_that_is_wrong(
    browser: FlaskClient, held: str, redis: Redis
) -> None:
    RulebookShelf(redis).refuse("host:/rules.yaml", "v2", [f"rules.yaml:3:5: {HOSTILE}", "two"])
    (file,) = rules(browser)["files"]
    assert (file["place"], file["problems"]) == ("host:/rules.yaml", [f"rules.yaml:3:5: {HOSTILE}", "two"])
    text = page(browser)
    assert "rules.yaml:3:5: &lt;script&gt;" in text
    assert f"Version <code>{held}</code> stays in force" in text


def test_versions_that_made_way_are_listed_newest_first(
    browser: FlaskClient, redis: Redis, held: str
) -> None:
    for version in ("v2", "v3"):
        RulebookShelf(redis).publish(version, b"version: 1")
    assert rules(browser)["past"] == ["v2", held]


def test_rules_that_this_release_cannot_read_are_said_to_be_so(browser: FlaskClient, redis: Redis) -> None:
    RulebookShelf(redis).publish("v9", b"version: 1\nnew_in_a_later_release: 1\n")
    assert rules(browser)["settings"] == []
    assert "This release cannot read the rules in force" in page(browser)


def test_an_edited_file_is_asked_to_be_tried_and_not_put_in_force(
    browser: FlaskClient, redis: Redis, held: str
) -> None:
    answer = ask(browser, TEXT.replace("dry_run", "suggest"))
    assert answer.status_code == 303
    (asked,) = Trials(redis).listed()
    assert answer.headers["Location"] == f"/console/rules/trials/{asked.id}"
    assert (asked.connection, asked.last, asked.by) == ("acme", 50, "ada")
    # As a file has it: browsers send other ends of lines.
    trial = Trials(redis).find(asked.id)
    assert trial is not None
    assert trial.text == TEXT.replace("dry_run", "suggest")
    assert RulebookShelf(redis).version() == held


def test_a_bad_file_is_told_at_once_with_all_its_errors_and_kept_for_mending(
    browser: FlaskClient, redis: Redis, held: str
) -> None:
    answer = ask(browser, f'version: 1\ndefaults:\n  mod: apply\n  tagging: {{window: "{HOSTILE}"}}\n')
    assert answer.status_code == 422
    assert "rules.yaml:3:3" in answer.text
    assert "rules.yaml:4:" in answer.text
    assert HOSTILE not in answer.text
    assert "mod: apply" in answer.text
    assert Trials(redis).listed() == []


def test_a_file_that_is_too_large_is_refused_before_it_is_read(browser: FlaskClient, held: str) -> None:
    answer = ask(browser, "#" * (MAX_BYTES + 1))
    assert answer.status_code == 422
    assert "at most 1,048,576 are read" in answer.text


@pytest.mark.parametrize(
    ("given", "asked"), [("0", 1), ("5000", 1000), ("many", 200), ("-3", 200), ("", 200)]
)
def test_how_many_issues_is_held_within_bounds(
    browser: FlaskClient, redis: Redis, held: str, given: str, asked: int
) -> None:
    assert ask(browser, TEXT, last=given).status_code == 303
    assert Trials(redis).listed()[0].last == asked


def test_only_a_connection_that_is_there_can_be_tried_on(
    browser: FlaskClient, redis: Redis, held: str
) -> None:
    assert ask(browser, TEXT, connection="elsewhere").status_code == 422
    assert Trials(redis).listed() == []


def test_too_many_at_once_are_put_off(browser: FlaskClient, redis: Redis, held: str) -> None:
    for _ in range(MOST):
        assert ask(browser, TEXT).status_code == 303
    answer = ask(browser, TEXT)
    assert answer.status_code == 409
    assert "under way already" in answer.text


def test_one_file_is_checked_at_a_time(browser: FlaskClient, redis: Redis, held: str) -> None:
    with _CHECKING:
        answer = ask(browser, TEXT)
    assert answer.status_code == 409
    assert "Another file is being checked" in answer.text
    assert "xss" in answer.text
    assert Trials(redis).listed() == []
    assert ask(browser, TEXT.replace("version: 1", "version: none")).status_code == 422
    assert ask(browser, TEXT).status_code == 303


def test_nothing_is_asked_for_without_the_token_of_a_form(
    browser: FlaskClient, redis: Redis, held: str
) -> None:
    sent = {"text": TEXT, "connection": "acme", "last": "5"}
    assert browser.post("/console/rules/trials", data=sent).status_code == 403
    machine = browser.application.test_client()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert machine.post("/console/rules/trials", data=sent, headers=headers).status_code == 303
    assert Trials(redis).listed() == []


def test_a_trial_that_waits_says_what_is_missing(browser: FlaskClient, redis: Redis, held: str) -> None:
    id_ = Trials(redis).ask(Wish("acme", TEXT, 5, HOSTILE)).id
    told = trial(browser, id_)
    assert (told["state"], told["is_under_way"], told["hindered"]) == ("waiting", True, [])
    asked_long_ago(redis, id_)
    told = trial(browser, id_)
    assert [said.rpartition("`sprintwarden ")[2] for said in told["hindered"]] == ["clock`.", "work bulk`."]
    text = page(browser, f"/console/rules/trials/{id_}")
    assert 'data-refresh="2"' in text
    assert '<noscript><meta http-equiv="refresh"' in text
    assert HOSTILE not in text


def test_a_trial_whose_worker_died_says_what_to_do(browser: FlaskClient, redis: Redis, held: str) -> None:
    id_ = Trials(redis).ask(Wish("acme", TEXT, 5, "ada")).id
    Trials(redis).begin(id_)
    assert trial(browser, id_)["state"] == "running"
    redis.hset(keys.trial(id_), "began", 1)
    told = trial(browser, id_)
    assert (told["state"], told["is_under_way"]) == ("lost", False)
    assert "send it again" in told["why"]
    assert told["why"] in unescape(page(browser, f"/console/rules/trials/{id_}"))


def test_a_trial_on_a_connection_that_is_gone_meanwhile_is_still_told(
    browser: FlaskClient, redis: Redis, held: str
) -> None:
    id_ = Trials(redis).ask(Wish("gone", TEXT, 5, "ada")).id
    Trials(redis).keep(id_, result())
    assert "ABC-1" in page(browser, f"/console/rules/trials/{id_}")
    assert f'href="/console/rules/trials/{id_}"' in page(browser)
    assert "xss" in page(browser, "/console/rules/try", again=id_)


def asked_long_ago(redis: Redis, id_: str) -> None:
    redis.hset(keys.trial(id_), "asked", now_ms(redis.time()) - 60_000)


def test_a_bulk_worker_at_other_work_is_waited_for(browser: FlaskClient, redis: Redis, held: str) -> None:
    redis.set(keys.beat("clock"), "now")
    redis.sadd("rq:workers:bulk", "rq:worker:one")
    redis.hset("rq:worker:one", "state", "busy")
    redis.expire("rq:worker:one", 90)
    id_ = Trials(redis).ask(Wish("acme", TEXT, 5, "ada")).id
    asked_long_ago(redis, id_)
    (said,) = trial(browser, id_)["hindered"]
    assert said.startswith("Every bulk worker is at a training, a backfill or another trial")


def test_how_far_a_trial_is_and_why_it_waits_is_told(browser: FlaskClient, redis: Redis, held: str) -> None:
    id_ = Trials(redis).ask(Wish("acme", TEXT, 50, "ada")).id
    Trials(redis).begin(id_)
    Trials(redis).note(id_, 20, f"Waiting: {HOSTILE}.")
    text = page(browser, f"/console/rules/trials/{id_}")
    assert "20 of at most 50 issues" in text
    assert HOSTILE not in text
    assert HOSTILE in unescape(text)


def test_a_trial_that_failed_says_why_and_is_read_no_more(
    browser: FlaskClient, redis: Redis, held: str
) -> None:
    id_ = Trials(redis).ask(Wish("acme", TEXT, 50, "ada")).id
    Trials(redis).fail(id_, f"The tracker says {HOSTILE}.")
    text = page(browser, f"/console/rules/trials/{id_}")
    assert "data-refresh" not in text
    assert HOSTILE not in text
    assert trial(browser, id_)["why"] == f"The tracker says {HOSTILE}."


def test_what_came_of_a_trial_is_shown_whole_and_escaped(
    browser: FlaskClient, redis: Redis, held: str
) -> None:
    id_ = Trials(redis).ask(Wish("acme", TEXT, 50, "ada")).id
    Trials(redis).keep(id_, result())
    text = page(browser, f"/console/rules/trials/{id_}")
    assert HOSTILE not in text
    for said in (
        "ABC-1",
        "ABC-2",
        "because of",
        "not so any more",
        "is withheld",
        "dry_run: 1 label on 1 of 9",
        "line 4",
        '<td data-label="Now">at its place</td>',
        "earlier or later in the order",
        "a warning (overcommitted)",
        "Nothing was saved.",
    ):
        assert said in text
    assert unescape(text).count(HOSTILE) >= 6
    assert trial(browser, id_)["result"] == result()


def test_the_very_same_text_differs_in_nothing(browser: FlaskClient, redis: Redis, held: str) -> None:
    id_ = Trials(redis).ask(Wish("acme", TEXT, 50, "ada")).id
    Trials(redis).keep(id_, result() | {"same_text": True})
    assert "Nothing differs" in page(browser, f"/console/rules/trials/{id_}")


@pytest.mark.parametrize("differs", [{}, {"same_text": True}])
def test_what_check_says_of_a_tried_file_stands_with_what_came_of_it(
    browser: FlaskClient, redis: Redis, held: str, differs: dict[str, Any]
) -> None:
    warning = {"line": 4, "column": 7, "message": f"It names {HOSTILE}.", "name": "unknown-label"}
    id_ = Trials(redis).ask(Wish("acme", TEXT, 50, "ada")).id
    Trials(redis).keep(id_, result() | {"new_labels": ["One label is new."], "warnings": [warning]} | differs)
    text = page(browser, f"/console/rules/trials/{id_}")
    assert HOSTILE not in text
    for said in ("One label is new.", "line 4, column 7", f"It names {HOSTILE}."):
        assert said in unescape(text)


def test_what_is_surely_not_meant_is_told_beside_mistakes(browser: FlaskClient, held: str) -> None:
    dubious = TEXT.replace("words: [xss]", "phrases: [ui]").replace("mode: apply", "mode: aply")
    text = unescape(ask(browser, dubious).text)
    assert 'rules.yaml:12:11: "mode"' in text
    assert '"ui" is found inside of other words' in text


def test_a_trial_may_be_edited_further(browser: FlaskClient, redis: Redis, held: str) -> None:
    id_ = Trials(redis).ask(Wish("lin", "version: 1 # mine", 7, "ada")).id
    text = page(browser, "/console/rules/try", again=id_)
    assert "version: 1 # mine" in text
    assert '<option value="lin" selected>' in text
    assert f'href="/console/rules/trials/{id_}"' in page(browser)


def test_a_trial_that_is_over_is_said_to_be_so(browser: FlaskClient) -> None:
    for path in ("/console/rules/trials/none", "/api/v1/trials/none"):
        answer = browser.get(path)
        assert answer.status_code == 404
        assert "try the file again" in answer.text


def test_strangers_learn_nothing(redis: Redis, redis_server: EmbeddedRedis, held: str) -> None:
    stranger = console_app(redis_server.url, [CONNECTION]).test_client()
    id_ = Trials(redis).ask(Wish("acme", TEXT, 5, "ada")).id
    for path in ("rules", "rules/file", f"trials/{id_}"):
        assert stranger.get(f"/api/v1/{path}").status_code == 401
    for path in ("rules", "rules/file", "rules/try", f"rules/trials/{id_}"):
        assert stranger.get(f"/console/{path}").status_code == 303


def result() -> dict[str, Any]:
    """What a worker might have found, with markup wherever a tracker or a file has a name."""
    example = {"key": "ABC-1", "source": f"rule {HOSTILE}", "because": [f"because of {HOSTILE}"]}
    reach = {"mode": "apply", "labels": 2, "issues": 2}
    verdict = f"a warning (overcommitted) on {HOSTILE}"
    rules_of = {"version": "abc", "file": "rules.yaml", "since": None}
    label = {
        "label": HOSTILE, "now": 1, "new": 1, "gained": 1, "lost": 1, "gained_on": ["ABC-1"],
        "lost_on": ["ABC-2"], "gain": example, "loss": example | {"because": ["not so any more"]},
        "withheld": [{"why": f"{HOSTILE} is withheld", "issues": 1, "examples": ["ABC-3"]}],
    }  # fmt: skip
    return {
        "over": "x", "in_force": rules_of, "new": rules_of, "same_text": False, "issues": 9, "changed": 2,
        "labels": [label],
        "projects": [{"project": HOSTILE, "issues": 9, "now": reach,
                      "new": {"mode": "dry_run", "labels": 1, "issues": 1}}],
        "settings": [{"path": "mode", "now": None, "new": HOSTILE, "places": ["ABC"], "line": 4}],
        "rules": [{"name": HOSTILE, "change": "moved", "places": ["ABC"]}],
        "sprints": [{"sprint": "7", "name": HOSTILE, "board": "12", "differs": True, "now_said": "silent",
                     "new_said": verdict}],
        "remarks": [f"{HOSTILE} was left out."],
    }  # fmt: skip


@pytest.mark.parametrize("last", ["9" * 5_000, "-1", "٣", "1e3", ""])
def test_a_number_that_is_none_asks_for_as_many_issues_as_ever(
    browser: FlaskClient, redis: Redis, held: str, last: str
) -> None:
    assert ask(browser, TEXT, last=last).status_code == 303
    (head,) = Trials(redis).listed()
    assert head.last == 200
