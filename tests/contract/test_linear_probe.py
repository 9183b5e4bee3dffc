"""What the probe finds out about a Linear workspace, and the webhooks it makes there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.conftest import CONTEXT, LinearRig, MakeLinear, closed_port
from tests.contract.linear_toy import KEY
from trackers.errors import Forbidden, Gone, Unauthorized
from trackers.linear import webhook
from trackers.linear.probe import LinearProbe, open_probe
from trackers.model import Identity, IgnoredBecause, Scope
from trackers.probe import BoardPlace, Finding, HookWish, Level, Place

PRIVATE = {"visibility": "private"}


def probe(linear: LinearRig) -> LinearProbe:
    return LinearProbe(linear.client)


def team(linear: LinearRig, key: str, settings: Mapping[str, Any]) -> None:
    linear.toy.control("PATCH", f"/linear/teams/{key}", settings)


def levels(findings: Sequence[Finding]) -> dict[str, Level]:
    return {finding.about: finding.level for finding in findings}


def test_site_tells_whose_key_it_is(make_linear: MakeLinear) -> None:
    app, person = make_linear(), make_linear(dedicated_app=False)
    found = probe(app).site()
    assert (found.name, found.kind) == ("Sandbox", "Linear")
    assert found.identity == app.service.identity() and found.identity.is_app
    assert probe(person).site().identity == Identity(person.tracker.key_user.id, "robin.person", False)


@pytest.mark.parametrize(
    "credentials", [{"key": KEY}, {"client": ("sandbox-client", "sandbox-client-secret")}]
)
def test_probe_opens_with_a_key_or_a_client(linear: LinearRig, credentials: Any) -> None:
    opened = open_probe(linear.url, linear.gate, **credentials, context=CONTEXT)
    assert opened.site().identity.is_app and opened.expires() is None


def test_wrong_key_is_told_as_such(linear: LinearRig) -> None:
    with pytest.raises(Unauthorized):
        open_probe(linear.url, linear.gate, key="lin_api_other", context=CONTEXT).site()


def test_places_are_the_teams_and_boards_those_with_cycles(linear: LinearRig) -> None:
    team(linear, "OPS", {"issue_estimation_type": "notUsed"})
    asked = probe(linear)
    assert asked.places() == (Place("ENG", "Eng team"), Place("OPS", "Ops team"))
    assert asked.boards(["OPS", "ENG", "XYZ"]) == (
        BoardPlace("ENG", "Eng team", "ENG", "points (fibonacci)"),
        BoardPlace("OPS", "Ops team", "OPS", "no estimates"),
    )
    assert linear.requests == 1
    team(linear, "OPS", {"cycles_enabled": False})
    assert [board.id for board in probe(linear).boards(["ENG", "OPS"])] == ["ENG"]


def test_teams_are_read_to_the_last_page(make_linear: MakeLinear) -> None:
    linear = make_linear(teams=tuple(f"T{n}" for n in range(101)))
    assert len(probe(linear).places()) == 101
    assert linear.requests == 2


def test_everything_fit_is_told_as_such(linear: LinearRig) -> None:
    findings = probe(linear).fitness(["ENG"], ["ENG"])
    assert levels(findings) == dict.fromkeys(["credentials", "team ENG", "cycles of ENG"], Level.OK)
    assert all(finding.fix is None for finding in findings)


def test_key_that_may_only_read_is_found_without_a_write(make_linear: MakeLinear) -> None:
    linear = make_linear(may_write=False)
    (found,) = probe(linear).fitness([], [])
    assert found.level is Level.FAIL and "Invalid scope" in found.sentence and found.fix


def test_answer_that_tells_nothing_about_writing_is_a_warning(linear: LinearRig) -> None:
    body = {"errors": [{"message": "Argument Validation Error", "path": ["issueUpdate"]}]}
    linear.fault("issueUpdate", "status", status=200, body=json.dumps(body))
    (found,) = probe(linear).fitness([], [])
    assert found.level is Level.WARN


@pytest.mark.parametrize(
    ("settings", "about", "level"),
    [
        ({"cycles_enabled": False}, "cycles of ENG", Level.FAIL),
        ({"issue_estimation_type": "notUsed"}, "cycles of ENG", Level.WARN),
        ({"label_management": "owner"}, "team ENG", Level.WARN),
    ],
)
def test_what_is_unfit_has_a_way_to_mend_it(
    linear: LinearRig, settings: Mapping[str, Any], about: str, level: Level
) -> None:
    team(linear, "ENG", settings)
    findings = probe(linear).fitness(["ENG"], ["ENG"])
    bad = [finding for finding in findings if finding.level is not Level.OK]
    assert levels(bad) == {about: level} and all(finding.fix for finding in bad)


def test_team_that_is_not_seen_is_told_once(linear: LinearRig) -> None:
    findings = probe(linear).fitness(["XYZ"], ["XYZ"])
    assert [finding.about for finding in findings if finding.level is Level.FAIL] == ["team XYZ"]


def test_private_team_is_mentioned(linear: LinearRig) -> None:
    team(linear, "ENG", PRIVATE)
    (_, found) = probe(linear).fitness(["ENG"], [])
    assert found.level is Level.OK and "webhook of its own" in found.sentence


@pytest.mark.parametrize(
    ("places", "private", "names"),
    [
        (["ENG"], [], ["Sprintwarden, team ENG"]),
        (["ENG", "OPS"], [], ["Sprintwarden"]),
        ([], [], ["Sprintwarden"]),
        (["ENG", "OPS"], ["OPS"], ["Sprintwarden, team ENG", "Sprintwarden, team OPS"]),
        ([], ["OPS"], ["Sprintwarden", "Sprintwarden, team OPS"]),
        (["ENG", "OPS"], ["ENG", "OPS"], ["Sprintwarden, team ENG", "Sprintwarden, team OPS"]),
    ],
)
def test_webhooks_are_as_few_as_reach_all_the_teams(
    linear: LinearRig, places: list[str], private: list[str], names: list[str]
) -> None:
    for key in private:
        team(linear, key, PRIVATE)
    url = f"http://127.0.0.1:{closed_port()}/webhooks/acme"
    made = probe(linear).register(url, "a secret of ours", places, True)
    assert [hook.name for hook in made] == names
    assert all((hook.url, hook.events, hook.signed) == (url, ("Issue", "Cycle"), True) for hook in made)
    assert sorted(probe(linear).hooks() or (), key=str) == sorted(made, key=str)
    for key in places or ["ENG", "OPS"]:
        linear.toy.issue(project=key)
    told = [delivery for delivery in linear.tracker.sender.deliveries() if delivery.event == "Issue"]
    assert len(told) == len(places or ["ENG", "OPS"])


def test_a_webhook_for_all_public_teams_is_for_no_private_one(linear: LinearRig) -> None:
    team(linear, "OPS", PRIVATE)
    made = probe(linear).register("http://127.0.0.1:9/", "s", ["ENG", "OPS"], True)
    assert {hook.covers for hook in made} == {frozenset({"ENG"}), frozenset({"OPS"})}
    (public, _) = probe(linear).register("http://127.0.0.1:9/", "s", [], True)
    assert public.covers == frozenset({"ENG"})


def test_without_sprints_cycles_are_not_asked_for(linear: LinearRig) -> None:
    (hook,) = probe(linear).register("http://127.0.0.1:9/", "s", ["ENG"], False)
    assert hook.events == ("Issue",)


def test_webhook_that_was_switched_off_is_woken(linear: LinearRig) -> None:
    asked = probe(linear)
    (hook,) = asked.register("http://127.0.0.1:9/", "s", [], True)
    linear.toy.control("PATCH", "/linear/webhook", {"enabled": False})
    assert [found.enabled for found in asked.hooks() or ()] == [False]
    asked.enable(hook)
    assert asked.hooks() == (hook,)


def test_account_that_may_not_see_webhooks_is_told_what_to_click(make_linear: MakeLinear) -> None:
    linear = make_linear(webhook_access=False)
    asked = probe(linear)
    assert asked.hooks() is None
    with pytest.raises(Forbidden):
        asked.register("http://127.0.0.1:9/", "s", ["ENG"], True)
    wish = HookWish("https://warden.example/webhooks/acme", ("ENG",), True, "the content of f")
    steps = asked.by_hand(wish)
    assert "it must become the content of f." in steps
    assert "https://warden.example/webhooks/acme" in steps.splitlines()[2] and "Cycles" in steps
    assert "Cycles" not in asked.by_hand(replace(wish, sprints=False))


def test_an_issue_that_is_not_there_cannot_be_nudged(linear: LinearRig) -> None:
    with pytest.raises(Gone, match=r"^Linear has no issue ENG-999, or the account may not see it\.$"):
        probe(linear).nudge("ENG-999")


def test_nudge_sends_events_that_nobody_acts_on_and_leaves_the_issue_as_it_was(linear: LinearRig) -> None:
    issue = linear.issue()
    place = linear.tracker.state.issues[issue.id].sort_order
    linear.toy.control("POST", "/webhook", {"url": f"http://127.0.0.1:{closed_port()}/", "secret": "s"})
    assert probe(linear).nudge(issue.key) == issue.id
    bodies = [json.loads(delivery.body) for delivery in linear.tracker.sender.deliveries()]
    assert [body["updatedFrom"].keys() for body in bodies] == [{"sortOrder", "updatedAt"}] * 2
    assert bodies[-1]["data"]["sortOrder"] == place != bodies[0]["data"]["sortOrder"]
    for body in bodies:
        event = webhook.parse(body, connection="acme", digest="0" * 64, scope=Scope())
        assert event.hints == () and event.ignored is IgnoredBecause.NO_WATCHED_FIELD


def test_nudging_an_issue_that_is_not_there_is_told(linear: LinearRig) -> None:
    with pytest.raises(Gone):
        probe(linear).nudge("ENG-99")
