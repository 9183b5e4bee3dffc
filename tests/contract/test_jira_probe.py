"""What can be found out about a Jira and our account there: ``connect`` and ``doctor`` live on it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import flask
import pytest

from sandbox.server import start
from tests.contract.conftest import CONTEXT, JiraRig, MakeJira, MemoryGate, operations
from tests.contract.jira_site import TOKEN
from trackers.errors import Forbidden, Gone, ServerFault, Unauthorized
from trackers.jira.probe import NUDGE, JiraProbe, open_probe
from trackers.probe import BoardPlace, Finding, HookWish, Level, Place, Probe

URL = "https://we.example.invalid/webhooks/acme"
SPRINTS = ("sprint_created", "sprint_updated", "sprint_started", "sprint_closed", "sprint_deleted")


def probe(jira: JiraRig, token: str = TOKEN, **other: Any) -> JiraProbe:
    site = jira.site
    access: dict[str, Any] = {"basic": (site.config.email, token)} if jira.cloud else {"bearer": token}
    access |= {"cloud": jira.cloud, "context": CONTEXT} | other
    return open_probe(site.url, MemoryGate(), **access)


def about(found: tuple[Finding, ...], what: str, level: Level | None = None) -> list[str]:
    return [one.sentence for one in found if one.about == what and level in (None, one.level)]


def worst(found: tuple[Finding, ...]) -> list[tuple[str, Level]]:
    return [(one.about, one.level) for one in found if one.level is not Level.OK]


def test_it_fits_the_protocol(cloud: JiraRig) -> None:
    asked: Probe = probe(cloud)
    assert asked.wanted_events(sprints=False) == (
        "jira:issue_created",
        "jira:issue_updated",
        "jira:issue_deleted",
    )
    assert asked.wanted_events(sprints=True)[3:] == SPRINTS


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({}, "Jira Cloud"),
        ({"deployment": "data_center"}, "Jira Data Center 10.3.5"),
        ({"deployment": "data_center", "release": "9.12.2"}, "Jira Data Center 9.12.2"),
    ],
)
def test_site_says_who_and_where_we_are(make_jira: MakeJira, config: dict[str, Any], kind: str) -> None:
    site = probe(make_jira(bot_is_app=True, **config)).site()
    assert (site.identity.name, site.name, site.kind) == ("Sprintwarden", "Toy Jira", kind)


def test_credentials_that_do_not_hold_are_told(jira: JiraRig) -> None:
    with pytest.raises(Unauthorized, match="check the token"):
        probe(jira, token="expired").site()


def test_a_site_of_the_other_kind_is_told(cloud: JiraRig, data_center: JiraRig) -> None:
    with pytest.raises(Unauthorized, match=r"is Jira Cloud .* says deployment: data_center"):
        probe(cloud, cloud=False, basic=None, bearer=TOKEN).site()
    with pytest.raises(Unauthorized):
        probe(data_center, cloud=True, bearer=None, basic=("a@b.invalid", TOKEN)).site()
    (finding,) = probe(data_center, cloud=True).fitness(["ABC"], [])
    assert (finding.about, finding.level) == ("deployment", Level.FAIL)
    assert "is Jira Data Center 10.3.5" in finding.sentence


def test_a_scoped_token_is_good_at_the_gateway_alone(make_jira: MakeJira) -> None:
    jira = make_jira(scoped=True)
    with pytest.raises(Unauthorized, match="gateway"):
        probe(jira).site()
    gateway = f"{jira.site.url}/ex/jira/{jira.site.config.cloud_id}"
    asked = probe(jira, api_url=gateway)
    assert asked.site().kind == "Jira Cloud"
    assert asked.places()[0] == Place("ABC", "Abc project")
    assert jira.another(url=gateway, kept=False).identity().name == "Sprintwarden"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("<html>", 404, {"Content-Type": "text/html"}), "What answers there is no Jira"),
        (("<html>", 403, {"Content-Type": "text/html"}), "or something stands before it"),
        (("{}", 403, {"Content-Type": "application/json"}), "Something before Jira refuses"),
        (("{}", 200, {"Content-Type": "application/json"}), "does not say that it is a Jira"),
        (("null", 200, {"Content-Type": "application/json"}), "does not say that it is a Jira"),
        (("plain", 200, {"Content-Encoding": "gzip"}), "not in the encoding it names"),
    ],
)
def test_what_is_no_jira_is_no_matter_of_names_and_permissions(
    answer: tuple[str, int, dict[str, str]], said: str
) -> None:
    other = flask.Flask("other")
    other.add_url_rule("/<path:asked>", view_func=lambda asked: answer)
    with start(other) as server:
        asked = open_probe(server.url, MemoryGate(), cloud=True, basic=("a@b.example", TOKEN))
        with pytest.raises(ServerFault, match=said):
            asked.site()


def test_the_end_of_the_only_access_token_is_ours(make_jira: MakeJira) -> None:
    end = "2031-05-06T07:08:09.000+0000"
    jira = make_jira(deployment="data_center", token_expires=end)
    assert probe(jira).expires() == datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)


def test_which_of_two_tokens_is_ours_is_not_known(make_jira: MakeJira) -> None:
    later = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    jira = make_jira(deployment="data_center", token_expires=later, other_tokens=1)
    assert probe(jira).expires() is None


def test_a_token_that_ended_is_not_the_one_in_use(make_jira: MakeJira) -> None:
    jira = make_jira(deployment="data_center", token_expires="2020-01-01T00:00:00.000+0000", other_tokens=1)
    assert probe(jira).expires() == datetime(2030, 1, 1, tzinfo=UTC)


def test_where_the_end_is_not_told_none_is(make_jira: MakeJira) -> None:
    jira = make_jira(deployment="data_center")
    assert probe(jira).expires() is None
    jira.fault("GET access tokens", "status", status=404)
    assert probe(jira).expires() is None
    assert probe(make_jira()).expires() is None


def test_all_projects_are_listed_page_by_page(make_jira: MakeJira) -> None:
    for deployment in ("cloud", "data_center"):
        jira = make_jira(deployment=deployment, page_size=2)
        assert probe(jira).places() == (
            Place("ABC", "Abc project"),
            Place("HELP", "Help project"),
            Place("OPS", "Ops project"),
        )


def test_boards_with_sprints_say_what_they_estimate_in(make_jira: MakeJira) -> None:
    jira = make_jira(projects=("ABC", "OPS", "TEAM"), team_managed=("TEAM",))
    board = {"project": "ABC", "name": "By time", "type": "scrum", "estimation": "time"}
    jira.site.control("POST", "boards", board)
    jira.site.control("POST", "boards", {"project": "ABC", "name": "Flow", "type": "kanban"})
    jira.site.control(
        "POST", "boards", {"project": "ABC", "name": "Plain", "type": "scrum", "estimation": "none"}
    )
    assert probe(jira).boards(["ABC", "TEAM"]) == (
        BoardPlace("1", "ABC board", "ABC", "Story Points"),
        BoardPlace("4", "By time", "ABC", "Original Time Estimate"),
        BoardPlace("6", "Plain", "ABC", "no estimate, issues are counted"),
        BoardPlace("3", "TEAM board", "TEAM", "Story point estimate"),
    )


def test_team_managed_board_whose_sprints_are_off_is_left_out(make_jira: MakeJira) -> None:
    jira = make_jira(projects=("TEAM",), team_managed=("TEAM",))
    jira.fault("GET sprints", "status", status=400, times=2)
    assert probe(jira).boards(["TEAM"]) == ()
    assert ("board 1", Level.FAIL) in worst(probe(jira).fitness(["TEAM"], ["1"]))


def test_an_account_that_may_everything_is_fit(jira: JiraRig) -> None:
    jira.site.issue()
    jira.site.sprint(start=True)
    found = probe(jira).fitness(["ABC", "OPS"], ["1"])
    assert worst(found) == []
    assert about(found, "project ABC") == [
        "The account may see the project, edit issues, comment and edit its own comments."
    ]
    assert about(found, "board 1") == ["ABC board has sprints, estimated in: Story Points."]
    assert about(found, "sprint field")[0].startswith("Sprint (customfield_")


def test_each_missing_permission_is_told_with_its_fix(make_jira: MakeJira) -> None:
    jira = make_jira(lacking=("EDIT_ISSUES", "ADD_COMMENTS"), may_suppress_mail=False, may_bulk=False)
    found = probe(jira).fitness(["ABC"], [])
    assert worst(found) == [
        ("project ABC", Level.FAIL),
        ("project ABC", Level.WARN),
        ("bulk change", Level.WARN),
    ]
    assert about(found, "project ABC", Level.FAIL) == ["The account may not edit issues and comment."]
    assert all(one.fix for one in found if one.level is not Level.OK)


def test_project_and_board_that_are_not_seen_are_told(jira: JiraRig) -> None:
    found = probe(jira).fitness(["NONE"], ["99"])
    assert worst(found) == [("project NONE", Level.FAIL), ("board 99", Level.FAIL)]


def test_labels_that_are_on_no_screen_are_told(make_jira: MakeJira) -> None:
    for deployment in ("cloud", "data_center"):
        jira = make_jira(deployment=deployment, without_labels=("ABC",))
        jira.site.issue()
        found = probe(jira).fitness(["ABC"], [])
        assert worst(found) == [("project ABC", Level.FAIL)]
        assert "Labels cannot be edited" in about(found, "project ABC", Level.FAIL)[0]


def test_boards_that_do_not_fit_are_told(make_jira: MakeJira) -> None:
    jira = make_jira(projects=("ABC", "TEAM"), team_managed=("TEAM",))
    jira.site.control("POST", "boards", {"project": "ABC", "name": "Flow", "type": "kanban"})
    found = probe(jira).fitness(["ABC"], ["2", "3"])
    assert about(found, "board 2") == ["TEAM board is of project TEAM, which the connection does not name."]
    assert about(found, "board 3") == ["Flow has no sprints."]
    (points,) = about(found, "points field", Level.WARN)
    assert "There are 2: Story point estimate (customfield_10016); Story Points (customfield_10026)" in points


def test_site_without_the_fields_is_told(cloud: JiraRig) -> None:
    cloud.fault("GET field", "status", status=200, body="[]")
    found = probe(cloud).fitness(["ABC"], ["1"])
    assert worst(found) == [("sprint field", Level.FAIL), ("points field", Level.WARN)]


RELEASES: tuple[dict[str, Any], ...] = (
    {},
    {"deployment": "data_center", "release": "9.12.2"},
    {"deployment": "data_center"},
)


@pytest.mark.parametrize("config", RELEASES)
def test_a_webhook_is_registered_sends_and_is_switched_on_again(
    make_jira: MakeJira, config: dict[str, Any]
) -> None:
    jira = make_jira(**config)
    jira.site.control("DELETE", "webhook")
    asked = probe(jira)
    assert asked.hooks() == ()
    (made,) = asked.register(jira.site.hook, "a-long-secret", ["ABC"], sprints=True)
    assert (made.url, made.enabled, made.events[3:]) == (jira.site.hook, True, SPRINTS)
    assert (made.covers, made.remark, made.bodiless) == (frozenset({"ABC"}), None, False)
    assert asked.hooks() == (made,)
    jira.site.control("PATCH", f"hooks/{made.id}", {"enabled": False})
    jira.site.issue()
    (off,) = asked.hooks() or ()
    assert not off.enabled
    asked.enable(off)
    assert asked.hooks() == (made,)
    jira.site.issue(project="OPS")
    jira.site.issue(title="Heard")
    jira.site.sprint()
    assert jira.site.names() == ["jira:issue_created", "sprint_created"], "of the named projects alone"
    headers = jira.site.got[0][0]
    assert headers["X-Hub-Signature"].startswith("sha256=")


@pytest.mark.parametrize("config", RELEASES)
@pytest.mark.parametrize(
    ("query", "covers"),
    [
        ("project in (ABC, OPS)", {"ABC", "OPS"}),
        ('PROJECT in( "ABC" ,OPS )', {"ABC", "OPS"}),
        ("project = ABC", None),
        ("project in (ABC) AND issuetype = Bug", None),
        ("project in (abc)", None),
    ],
)
def test_what_a_filter_lets_through_is_read_or_shown(
    make_jira: MakeJira, config: dict[str, Any], query: str, covers: set[str] | None
) -> None:
    jira = make_jira(**config)
    jira.site.control("DELETE", "webhook")
    asked = probe(jira)
    filters = {"issue-related-events-section": query}
    body = {"name": "By hand", "url": URL, "events": ["jira:issue_created"], "filters": filters}
    release = config.get("release")
    new = bool(config) and not release
    leave_out = {"configuration": {"EXCLUDE_BODY": "true"}} if new else {"excludeBody": True}
    path = "/rest/jira-webhook/1.0/webhooks" if new else "/rest/webhooks/1.0/webhook"
    asked._call("POST", path, body=body | leave_out)
    (found,) = asked.hooks() or ()
    assert found.covers == covers
    assert found.remark == (None if covers else f"its JQL is “{query}”")
    assert found.bodiless


def test_a_webhook_without_a_filter_is_for_all(make_jira: MakeJira) -> None:
    (found,) = probe(make_jira()).hooks() or ()
    assert (found.covers, found.remark) == (None, None)


def test_cloud_tells_whether_deliveries_are_signed(make_jira: MakeJira) -> None:
    signed, bare = make_jira(), make_jira()
    bare.site.listen(secret="")
    assert [hook.signed for jira in (signed, bare) for hook in probe(jira).hooks() or ()] == [True, False]
    assert [hook.signed for hook in probe(make_jira(deployment="data_center")).hooks() or ()] == [None]


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_who_may_not_see_webhooks_is_told_what_to_click(make_jira: MakeJira, deployment: str) -> None:
    jira = make_jira(deployment=deployment, may_webhooks=False)
    asked = probe(jira)
    assert asked.hooks() is None
    with pytest.raises(Forbidden):
        asked.register(URL, "a-long-secret", ["ABC"], sprints=True)
    wish = HookWish(URL, ("OPS", "ABC"), True, "the value of $ACME_HOOK")
    lines = asked.by_hand(wish).splitlines()
    assert lines[0].startswith(f"1. Open {jira.site.url}/plugins/servlet/webhooks")
    assert any(line.endswith(f"URL: {URL}") for line in lines)
    assert lines[2].startswith("3. Secret: the value of $ACME_HOOK.")
    assert lines[3] == '4. Issue related events, JQL: project in ("ABC", "OPS")'
    assert sum("Sprint: tick" in line for line in lines) == 1
    assert "Sprint: tick" not in asked.by_hand(replace(wish, sprints=False))
    assert ("Before release 10" in "".join(lines)) == (deployment == "data_center")


@pytest.mark.parametrize(
    ("proof", "address"),
    [
        ("token", "https://hooks.example/webhooks/acme?token=SECRET"),
        ("basic", "https://jira:SECRET@hooks.example/webhooks/acme"),
    ],
)
def test_what_cannot_sign_gets_its_secret_in_the_address(
    make_jira: MakeJira, proof: Literal["basic", "token"], address: str
) -> None:
    wish = HookWish(
        "https://hooks.example/webhooks/acme", ("ABC",), False, "the content of f", proof=proof, user="jira"
    )
    asked = probe(make_jira(deployment="data_center"))
    lines = asked.by_hand(wish).splitlines()
    assert lines[1].endswith(f"URL: {address}")
    assert lines[2].startswith("3. For SECRET in that address write the content of f.")
    unready = asked.by_hand(replace(wish, there=False)).splitlines()
    assert "write a secret of your choice that becomes the content of f." in unready[2]


def test_an_issue_that_is_not_there_cannot_be_nudged(cloud: JiraRig) -> None:
    with pytest.raises(Gone, match=r"^Jira has no issue ABC-999, or the account may not see it\.$"):
        probe(cloud).nudge("ABC-999")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_webhooks_that_are_refused_are_not_known(cloud: JiraRig, status: int) -> None:
    asked = probe(cloud)
    asked.site()
    cloud.fault("GET webhooks", "status", status=status)
    assert asked.hooks() is None


def test_no_refusal_about_webhooks_holds_up_the_work_on_events(jira: JiraRig) -> None:
    gate = MemoryGate()
    access: dict[str, Any] = {"basic": (jira.site.config.email, TOKEN)} if jira.cloud else {"bearer": TOKEN}
    asked = open_probe(jira.site.url, gate, cloud=jira.cloud, context=CONTEXT, **access)
    (hook,) = asked.hooks() or ()
    jira.fault("GET webhooks?", "status", status=401, times=2)
    assert asked.hooks() is None
    with pytest.raises(Forbidden):
        asked.enable(hook)
    assert gate.pauses == []


def test_a_nudge_makes_jira_tell_and_leaves_the_issue_as_it_was(make_jira: MakeJira) -> None:
    jira = make_jira(may_suppress_mail=False)
    jira.site.issue(labels=["theirs"])
    id_ = probe(jira).nudge("ABC-1")
    view = jira.site.control("GET", "issues/ABC-1")
    assert view["labels"] == ["theirs"]
    assert id_ == view["id"]
    wait_for(jira, 3)
    logs = [event["changelog"]["items"][0]["toString"] for event in jira.site.events()[1:]]
    assert logs == [f"theirs {NUDGE}", "theirs"]
    with pytest.raises(Gone):
        probe(jira).nudge("ABC-9")


def wait_for(jira: JiraRig, count: int) -> None:
    end = time.monotonic() + 5
    while len(jira.site.got) < count:
        assert time.monotonic() < end
        time.sleep(0.005)


def test_what_is_asked_once_is_not_asked_again(cloud: JiraRig) -> None:
    asked = probe(cloud)
    cloud.forget_calls()
    asked.site()
    asked.hooks()
    asked.boards(["ABC", "OPS"])
    asked.fitness(["ABC"], ["1", "2"])
    assert operations(cloud.calls).count("GET serverInfo") == 1
    assert operations(cloud.calls).count("GET field") == 1
