"""What goes wrong between us and Jira, and what each case becomes: never a doubt, never a leak."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from tests.contract.conftest import (
    SECRET,
    JiraRig,
    MakeJira,
    closed_port,
    found,
    jira_labels,
    operations,
    said_by,
    say,
)
from tests.contract.jira_site import TOKEN
from trackers import http
from trackers.errors import (
    Conflict,
    Forbidden,
    Gone,
    LimitReached,
    Paused,
    Rejected,
    ServerFault,
    TrackerError,
    Unauthorized,
    Unreachable,
    Walled,
)
from trackers.limits import CEILING, DEFAULT, FLOOR
from trackers.model import Issue
from trackers.protocol import LABELS_TOPIC, Recall

LOGIN_PAGE = "<html><title>Log in</title></html>"
LABELS = "PUT issue"


def failing(jira: JiraRig, issue: Issue) -> TrackerError:
    """The error that adding a label ends with."""
    with pytest.raises(TrackerError) as caught:
        jira.send(issue, jira_labels("security"))
    return caught.value


def ready(jira: JiraRig) -> Issue:
    issue = jira.issue()
    jira.warm()
    return issue


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Unauthorized),
        (403, Forbidden),
        (404, Gone),
        (409, Conflict),
        (410, Gone),
        (413, Rejected),
        (415, ServerFault),
        (422, Rejected),
        (500, ServerFault),
        (502, Unreachable),
        (503, Unreachable),
        (504, Unreachable),
    ],
)
@pytest.mark.fault(32, 33)
def test_each_status_has_its_meaning(jira: JiraRig, status: int, kind: type[TrackerError]) -> None:
    issue = ready(jira)
    jira.service.setup.must_mail("ABC")
    jira.fault(LABELS, "status", status=status, body='{"errorMessages": ["No."]}')
    error = failing(jira, issue)
    assert type(error) is kind
    assert operations(jira.calls).count(LABELS) == 1
    assert jira.gate.failures == (kind is Unreachable)


@pytest.mark.fault(33)
def test_what_is_not_in_jiras_form_is_not_jiras_word(cloud: JiraRig) -> None:
    issue = ready(cloud)
    for status in (400, 403, 404, 409, 410, 422):
        for body in (LOGIN_PAGE, "", "[]", "not found"):
            cloud.fault(LABELS, "status", status=status, body=body)
            assert type(failing(cloud, issue)) is Walled
    assert cloud.gate.paused == [] and cloud.cache.held.keys() >= {"quiet:ABC"}


def test_edit_that_is_forbidden_with_and_without_mail_stays_forbidden(jira: JiraRig) -> None:
    issue = ready(jira)
    jira.fault(LABELS, "status", status=403, times=2)
    assert type(failing(jira, issue)) is Forbidden
    assert jira.service.setup.may_edit_quietly("ABC") is True


@pytest.mark.parametrize("status", [502, 504])
def test_gateway_error_with_a_hint_when_to_return_is_no_answer_either(cloud: JiraRig, status: int) -> None:
    issue = ready(cloud)
    cloud.fault(LABELS, "status", status=status, headers={"Retry-After": "5"})
    assert type(failing(cloud, issue)) is Unreachable


@pytest.mark.fault(33)
def test_refused_credentials_pause_everything(jira: JiraRig) -> None:
    issue = ready(jira)
    jira.fault(LABELS, "status", status=401)
    failing(jira, issue)
    assert jira.gate.paused == [("all", timedelta(minutes=5))]
    with pytest.raises(Paused):
        jira.service.read(issue.id, Recall())


@pytest.mark.fault(33)
def test_captcha_after_failed_logins_is_a_matter_of_credentials(data_center: JiraRig) -> None:
    issue = ready(data_center)
    denied = {"X-Authentication-Denied-Reason": "CAPTCHA_CHALLENGE; login-url=http://x/login.jsp"}
    data_center.fault(LABELS, "status", status=403, headers=denied)
    assert type(failing(data_center, issue)) is Unauthorized


@pytest.mark.fault(33)
def test_refusal_tells_jiras_own_reason_shortened(jira: JiraRig) -> None:
    issue = ready(jira)
    body = (
        '{"errorMessages": ["Nope."], "errors": {"labels": "Field is not on the screen.' + "x" * 999 + '"}}'
    )
    jira.fault(LABELS, "status", status=400, body=body)
    told = str(failing(jira, issue))
    assert "Nope.; labels: Field is not on the screen." in told and len(told) < 400


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("reason", "scope"),
    [
        ("jira-per-issue-on-write", "issue:{id}"),
        ("jira-burst-based", "endpoint:PUT /rest/api/2/issue/{{issue}}"),
        ("jira-quota-global-based", "all"),
        ("jira-quota-tenant-based", "all"),
        ("something-new", "all"),
    ],
)
def test_limit_pauses_what_it_covers(cloud: JiraRig, reason: str, scope: str) -> None:
    issue = ready(cloud)
    cloud.fault(LABELS, "rate_limit", reason=reason, headers={"Retry-After": "7"})
    error = failing(cloud, issue)
    assert isinstance(error, LimitReached)
    assert cloud.gate.paused == [(scope.format(id=issue.id), timedelta(seconds=7))]
    assert [(pause.scope, pause.length) for pause in error.pauses] == cloud.gate.paused


def test_limit_on_one_issue_leaves_the_others_alone(cloud: JiraRig) -> None:
    issue, other = cloud.issue(), ready(cloud)
    cloud.fault(LABELS, "rate_limit", reason="jira-per-issue-on-write", headers={"Retry-After": "7"})
    failing(cloud, issue)
    cloud.send(other, jira_labels("security"))
    cloud.forget_calls()
    assert isinstance(failing(cloud, issue), Paused) and cloud.calls == []


def test_limit_on_one_endpoint_leaves_the_others_alone(cloud: JiraRig) -> None:
    issue = ready(cloud)
    cloud.fault("GET issue", "rate_limit", reason="jira-burst-based")
    with pytest.raises(LimitReached):
        cloud.service.read(issue.id, Recall())
    cloud.send(issue, jira_labels("security"))


def test_data_center_limit_pauses_everything(data_center: JiraRig) -> None:
    issue = ready(data_center)
    data_center.fault(LABELS, "rate_limit", headers={"Retry-After": "0"})
    failing(data_center, issue)
    assert data_center.gate.paused == [("all", FLOOR)]


def test_the_toys_own_write_limit_is_obeyed(cloud: JiraRig) -> None:
    issue = ready(cloud)
    for n in range(20):
        cloud.site.labels(issue.key, {"add": f"label-{n}"})
    assert isinstance(failing(cloud, issue), LimitReached)
    ((scope, length),) = cloud.gate.paused
    assert scope == f"issue:{issue.id}" and FLOOR <= length <= timedelta(seconds=3)


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ({"Retry-After": "90"}, timedelta(seconds=90)),
        ({"Retry-After": "0"}, FLOOR),
        ({"Retry-After": "0.2"}, FLOOR),
        ({"Retry-After": "999999999"}, CEILING),
        ({"Retry-After": "1e400"}, DEFAULT),
        ({"Retry-After": "-5"}, DEFAULT),
        ({"Retry-After": "soon"}, DEFAULT),
        ({"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}, FLOOR),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, CEILING),
        ({"X-RateLimit-Reset": "2020-01-01T00:00:00Z"}, FLOOR),
        ({"X-RateLimit-Reset": "nonsense"}, DEFAULT),
        ({}, DEFAULT),
    ],
)
def test_length_of_a_pause_is_what_the_headers_say_within_reason(
    cloud: JiraRig, headers: dict[str, str], length: timedelta
) -> None:
    issue = ready(cloud)
    cloud.fault(LABELS, "rate_limit", headers=headers)
    failing(cloud, issue)
    assert [told for _, told in cloud.gate.paused] == [length]


@pytest.mark.parametrize("header", ["Retry-After", "X-RateLimit-Reset"])
def test_pause_until_a_moment_is_counted_from_now(cloud: JiraRig, header: str) -> None:
    issue = ready(cloud)
    then = datetime.now(UTC) + timedelta(minutes=2)
    told = format_datetime(then, usegmt=True) if header == "Retry-After" else then.isoformat()
    cloud.fault(LABELS, "rate_limit", headers={header: told})
    failing(cloud, issue)
    ((_, length),) = cloud.gate.paused
    assert timedelta(seconds=110) < length <= timedelta(minutes=2)


def test_overload_that_says_when_to_return_is_a_limit(jira: JiraRig) -> None:
    issue = ready(jira)
    jira.fault(LABELS, "status", status=503, headers={"Retry-After": "11"}, body=LOGIN_PAGE)
    assert isinstance(failing(jira, issue), LimitReached)
    assert jira.gate.paused == [("all", timedelta(seconds=11))] and jira.gate.failures == 0


def test_page_in_place_of_json_is_a_server_fault(jira: JiraRig) -> None:
    issue = ready(jira)
    jira.fault("GET issue", "status", status=200, body=LOGIN_PAGE)
    with pytest.raises(ServerFault, match="other than JSON"):
        jira.service.read(issue.id, Recall())


def test_redirect_is_not_followed(jira: JiraRig, make_jira: MakeJira) -> None:
    issue, other = ready(jira), make_jira()
    jira.fault("GET issue", "status", status=302, headers={"Location": f"{other.site.url}/rest/api/2/myself"})
    with pytest.raises(ServerFault, match="redirect"):
        jira.service.read(issue.id, Recall())
    assert other.calls == []


def test_refused_connection_is_told_as_unreachable(jira: JiraRig) -> None:
    away = jira.another(url=f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(Unreachable):
        away.read("ABC-1", Recall())
    assert jira.gate.failures == 1 and jira.gate.answers == 0


def test_connection_cut_before_the_write_leaves_nothing_done(jira: JiraRig) -> None:
    issue = ready(jira)
    jira.fault(LABELS, "reset")
    assert isinstance(failing(jira, issue), Unreachable)
    assert jira.view(issue)["labels"] == []


@pytest.mark.fault(32)
def test_labels_cut_off_after_the_write_are_found_done_and_change_nothing_again(jira: JiraRig) -> None:
    issue = ready(jira)
    jira.fault(LABELS, "reset_after")
    assert isinstance(failing(jira, issue), Unreachable)
    again = jira.service.read(issue.id, Recall())
    assert [label.name for label in again.issue.labels] == ["security"]
    assert again.memory.applied == {"security"}
    jira.send(again.issue, jira_labels("security"))
    assert [call.detail["changed"] for call in jira.calls if call.write] == [True, False]


def test_comment_cut_off_after_the_write_is_found_and_edited_not_doubled(jira: JiraRig) -> None:
    issue = ready(jira)
    jira.fault("POST comment", "reset_after")
    with pytest.raises(Unreachable):
        jira.send(issue, say("one"))
    ((topic, id_),) = found(jira.service.read(issue.id, Recall(comments=(LABELS_TOPIC,))).comments)
    assert topic == LABELS_TOPIC
    jira.send(issue, say("two", id=id_))
    assert [comment["body"] for comment in jira.view(issue)["comments"]] == ["two"]


@pytest.mark.fault(32)
def test_slow_answer_is_not_waited_for(jira: JiraRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT", httpx.Timeout(0.1))
    issue = ready(jira)
    jira.http.timeout = http.TIMEOUT
    jira.fault(LABELS, "delay_after", seconds=0.4)
    assert isinstance(failing(jira, issue), Unreachable)
    assert jira.view(issue)["labels"] == ["security"]


def test_time_outs_end_before_a_run_would(jira: JiraRig) -> None:
    assert jira.http.timeout == http.TIMEOUT
    limits = [http.TIMEOUT.connect, http.TIMEOUT.read, http.TIMEOUT.write, http.TIMEOUT.pool]
    assert all(limit is not None and limit <= 15 for limit in limits)


FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": status, "body": SECRET}
    for status in (200, 302, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503)
] + [{"kind": "reset"}, {"kind": "rate_limit", "reason": "jira-burst-based"}]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['kind']}-{fault.get('status', '')}")
def test_no_error_tells_the_token_or_the_issues_text(jira: JiraRig, fault: dict[str, Any]) -> None:
    issue = ready(jira)
    jira.cache.drop("identity")
    jira.fault(".*", times=9, **fault)
    for ask in (lambda: failing(jira, issue), lambda: jira.service.setup.identity()):
        jira.gate.pauses.clear()
        try:
            error = ask()
        except TrackerError as raised:
            error = raised
        assert isinstance(error, TrackerError)
        assert TOKEN not in said_by(error) and SECRET not in said_by(error)
    assert TOKEN not in repr(jira.service.__dict__) and TOKEN not in repr(jira.service.setup.__dict__)
