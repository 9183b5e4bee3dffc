"""What is asked of Jira once, through the ``jira`` library: fields, boards, history, permissions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import JiraRig, closed_port, operations
from tests.contract.jira_site import TOKEN
from trackers.errors import (
    Forbidden,
    Gone,
    LimitReached,
    ServerFault,
    TrackerError,
    Unauthorized,
    Unreachable,
    Walled,
)
from trackers.jira import setup
from trackers.jira.setup import Fields, connect_with

ROOT = Path(__file__).parents[2]
FLOAT = "com.atlassian.jira.plugin.system.customfieldtypes:float"
OWN_POINTS = "com.pyxis.greenhopper.jira:jsw-story-points"
SPRINT = "com.pyxis.greenhopper.jira:gh-sprint"


def field(id: str, name: str, custom: str | None = None) -> dict[str, Any]:
    return {"id": id, "name": name, "schema": {"type": "any"} | ({"custom": custom} if custom else {})}


def fields_of(jira: JiraRig, *listed: dict[str, Any]) -> Fields:
    """What is made of a site's fields."""
    jira.fault("GET field", "status", status=200, body=json.dumps(listed))
    return jira.service.setup.fields()


def test_the_library_is_not_loaded_with_the_service() -> None:
    script = "import sys, trackers.jira.service; sys.exit('jira' in sys.modules or 'requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_the_library_neither_retries_nor_waits_nor_asks_on_its_own(jira: JiraRig) -> None:
    client = connect_with(jira.site.url, basic=None, bearer=TOKEN)()
    session: Any = client._session
    assert session.max_retries == 0 and session.timeout == (5, 15)
    assert client._options["check_update"] is False and client.deploymentType is None
    assert jira.calls == []


def test_setup_connects_at_its_first_question(jira: JiraRig) -> None:
    assert jira.service.setup._jira is None
    jira.service.setup.fields()
    assert operations(jira.calls) == ["GET field"]


def test_sprint_and_points_fields_are_found(jira: JiraRig) -> None:
    points = ("customfield_10016", "customfield_10026") if jira.cloud else ("customfield_10106",)
    sprint = "customfield_10020" if jira.cloud else "customfield_10104"
    assert jira.service.setup.fields() == Fields(sprint, points)


def test_sprint_field_is_known_by_its_kind_whatever_its_name(cloud: JiraRig) -> None:
    listed = field("customfield_1", "Спринт", SPRINT), field("customfield_2", "Sprint", FLOAT)
    found = fields_of(cloud, *listed)
    assert (found.sprint, found.sprint_name) == ("customfield_1", "Спринт")


def test_site_without_sprints_has_no_sprint_field(cloud: JiraRig) -> None:
    assert fields_of(cloud, field("labels", "Labels")) == Fields(None, ())


def test_every_field_that_may_hold_points_is_a_candidate_the_certain_one_first(cloud: JiraRig) -> None:
    listed = (
        field("customfield_1", "Story Points", FLOAT),
        field("customfield_2", "story points", FLOAT),
        field("customfield_3", "Estimation des story points", OWN_POINTS),
        field("customfield_4", "Story Points", "other:text"),
    )
    assert fields_of(cloud, *listed).points == ("customfield_3", "customfield_1", "customfield_2")


def test_number_field_of_a_translated_name_is_no_candidate(cloud: JiraRig) -> None:
    assert fields_of(cloud, field("customfield_1", "Punkty historyjek", FLOAT)).points == ()


def test_every_status_has_a_category(jira: JiraRig) -> None:
    assert jira.service.setup.categories() == {"10000": "new", "10001": "indeterminate", "10002": "done"}


def test_server_tells_what_it_is(jira: JiraRig) -> None:
    assert jira.service.setup.deployment() == jira.site.config.deployment


def test_permission_is_asked_once_for_each_project(jira: JiraRig) -> None:
    for project in ("ABC", "ABC", "OPS"):
        assert jira.service.setup.may_edit_quietly(project)
        assert jira.another().setup.may_edit_quietly(project)
    assert operations(jira.calls) == ["GET mypermissions"] * 2


@pytest.mark.parametrize("ask", ["identity", "fields", "deployment", "categories"])
def test_answers_are_shared_through_the_cache(jira: JiraRig, ask: str) -> None:
    def answers() -> list[Any]:
        return [getattr(service.setup, ask)() for service in (jira.service, jira.another(), jira.another())]

    assert len(set(map(repr, answers()))) == 1 and len(jira.calls) == 1


def test_identity_without_an_account_is_a_matter_of_credentials(jira: JiraRig) -> None:
    jira.fault("GET myself", "status", status=200, body='{"displayName": "Nobody"}')
    with pytest.raises(Unauthorized):
        jira.service.identity()


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (401, {}, Unauthorized),
        (403, {}, Walled),
        (403, {"X-Authentication-Denied-Reason": "CAPTCHA_CHALLENGE"}, Unauthorized),
        (404, {}, Walled),
        (429, {"Retry-After": "7"}, LimitReached),
        (503, {"Retry-After": "7"}, LimitReached),
        (500, {}, ServerFault),
        (502, {}, Unreachable),
        (503, {}, Unreachable),
        (504, {"Retry-After": "7"}, Unreachable),
    ],
)
def test_each_status_has_its_meaning_in_set_up_too(
    jira: JiraRig, status: int, headers: dict[str, str], kind: type[TrackerError]
) -> None:
    jira.fault("GET field", "status", status=status, headers=headers, body="<html>")
    with pytest.raises(TrackerError) as caught:
        jira.service.setup.fields()
    assert type(caught.value) is kind
    assert len(jira.calls) == 1 and "fields" not in jira.cache.held
    assert jira.gate.failures == (kind is Unreachable)
    if kind is LimitReached:
        assert jira.gate.paused == [("all", timedelta(seconds=7))]


@pytest.mark.parametrize(("status", "kind"), [(403, Forbidden), (404, Gone)])
def test_a_refusal_in_jiras_own_form_is_jiras_in_set_up_too(
    jira: JiraRig, status: int, kind: type[TrackerError]
) -> None:
    jira.fault("GET field", "status", status=status, body='{"errorMessages": []}')
    with pytest.raises(kind):
        jira.service.setup.fields()


@pytest.mark.parametrize("when", ["Sun, 06 Nov 2094 08:49:37 GMT", "0", "soon"])
def test_time_to_return_in_any_form_is_read_in_set_up_too(jira: JiraRig, when: str) -> None:
    jira.fault("GET field", "rate_limit", headers={"Retry-After": when})
    with pytest.raises(LimitReached):
        jira.service.setup.fields()
    assert len(jira.gate.pauses) == 1


def test_page_in_place_of_json_is_a_server_fault_in_set_up_too(
    jira: JiraRig, caplog: pytest.LogCaptureFixture
) -> None:
    jira.fault("GET field", "status", status=200, body="<html>Log in</html>")
    with pytest.raises(ServerFault):
        jira.service.setup.fields()
    assert jira.gate.failures == 0 and "Log in" not in caplog.text


@pytest.mark.parametrize("kind", ["reset", "reset_after", "delay_after"])
def test_no_answer_in_set_up_is_told_as_unreachable(
    jira: JiraRig, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "_TIMEOUT", (1, 0.1))
    jira.fault("GET field", kind, seconds=0.3)
    with pytest.raises(Unreachable):
        jira.service.setup.fields()
    assert operations(jira.calls) == ["GET field"] and jira.gate.failures == 1


def test_refused_connection_in_set_up_is_told_as_unreachable(jira: JiraRig) -> None:
    ask: Callable[[], Fields] = jira.another(url=f"http://127.0.0.1:{closed_port()}").setup.fields
    with pytest.raises(Unreachable):
        ask()
    assert jira.gate.failures == 1


def test_library_uses_no_proxy_of_the_environment_and_follows_no_redirect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    client = connect_with("http://127.0.0.1:9", basic=("a@example.invalid", "token"), bearer=None)()
    session: Any = client._session
    assert session.trust_env is False
    assert session.max_redirects == 0
