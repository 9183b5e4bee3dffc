"""The toy Jira as an administrator meets it: webhooks by REST, the gateway, thousands of issues at once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.remote import Remote
from tests.contract import jira_site
from tests.contract.jira_site import TOKEN, Make, Site

make, site, server = jira_site.make, jira_site.site, jira_site.server

OLD, NEW = "/rest/webhooks/1.0/webhook", "/rest/jira-webhook/1.0/webhooks"
SECTION = "issue-related-events-section"


def hook(site: Site, path: str = OLD, **more: Any) -> httpx.Response:
    body = {"name": "Ours", "url": site.hook, "events": ["jira:issue_created"], "secret": "s3"} | more
    return site.api.post(path, json=body)


def test_a_registered_webhook_gets_its_events_beside_the_one_made_by_hand(site: Site) -> None:
    assert hook(site, filters={SECTION: "project = OPS"}).status_code == 201
    for project in ("ABC", "OPS"):
        site.issue(project=project)
    site.control("PATCH", "issues/OPS-1", {"title": "Other"})
    assert site.names() == ["jira:issue_created"] * 3 + ["jira:issue_updated"]
    assert [one["name"] for one in site.api.get(OLD).json()] == ["Made by hand", "Ours"]


def test_a_webhook_may_leave_out_bodies_and_goes_when_it_is_deleted(site: Site) -> None:
    site.control("DELETE", "webhook")
    made = hook(site, excludeBody=True).json()
    site.issue()
    site.settle()
    assert site.got[0][1] == b""
    assert site.api.delete(made["self"]).status_code == 204
    assert site.api.get(OLD).json() == []


def test_the_one_made_by_hand_can_be_switched_off_and_on(site: Site) -> None:
    address = f"{OLD}/1"
    for enabled in (False, True):
        shown = site.api.put(address, json={"enabled": enabled}).json()
        assert shown["enabled"] is enabled
        site.issue()
    assert len(site.events()) == 1


@pytest.mark.parametrize(
    "body", [{"events": ["nonsense"]}, {"name": ""}, {"colour": "red"}, {"filters": {SECTION: "a ="}}]
)
def test_a_webhook_that_makes_no_sense_is_refused(site: Site, body: dict[str, Any]) -> None:
    assert hook(site, **body).status_code == 400


def test_each_release_has_its_own_address(make: Make) -> None:
    for release, path, other in (("9.12.2", OLD, NEW), ("10.3.5", NEW, OLD)):
        site = make(deployment="data_center", release=release)
        assert site.api.get(path).status_code == 200
        assert site.api.get(other).status_code == 404
        assert site.api.get(f"{path}/77").status_code == 404


def test_a_secret_in_the_wrong_place_is_passed_over_from_release_10_on(server: Site) -> None:
    server.control("DELETE", "webhook")
    assert hook(server, NEW, secret="s3").status_code == 201
    assert hook(server, NEW, configuration={"SECRET": "s3"}).status_code == 201
    server.issue()
    server.events()
    assert ["X-Hub-Signature" in headers for headers, _, _ in server.got].count(True) == 1
    assert len(server.got) == 2


def test_who_is_no_administrator_may_not_see_them(make: Make) -> None:
    site = make(may_webhooks=False)
    assert site.api.get(OLD).status_code == 403
    assert hook(site).status_code == 403


def test_a_scoped_token_is_nobody_at_the_site_itself(make: Make) -> None:
    site = make(scoped=True)
    site.issue()
    assert site.api.get("/rest/api/2/issue/ABC-1").status_code == 404
    assert site.api.get("/rest/api/2/myself").status_code == 401
    id_ = httpx.get(f"{site.url}/_edge/tenant_info").json()["cloudId"]
    assert site.api.get(f"/ex/jira/{id_}/rest/api/2/issue/ABC-1").json()["key"] == "ABC-1"
    assert site.api.get("/ex/jira/another/rest/api/2/issue/ABC-1").status_code == 404


def test_the_gateway_is_cloud_only(server: Site) -> None:
    assert server.api.get("/_edge/tenant_info").status_code == 404
    assert server.api.get(f"/ex/jira/{server.config.cloud_id}/rest/api/2/myself").status_code == 404


def test_thousands_of_issues_are_filed_at_once_and_nobody_hears(site: Site) -> None:
    remote = Remote(site.url)
    remote.create_many([{"project": "ABC", "title": f"Problem {n}", "labels": ["old"]} for n in range(2_000)])
    assert remote.issue("ABC-2000")["labels"] == ["old"]
    assert remote.deliveries() == []
    with pytest.raises(ValueError, match="unknown keys: colour"):
        remote.create_many([{"project": "ABC", "title": "Problem", "colour": "red"}])
    remote.close()


def test_bulk_work_that_makes_no_sense_is_refused(site: Site) -> None:
    site.issue()
    label = {"fieldId": "labels", "labels": [{"name": "a b"}], "bulkEditMultiSelectFieldOption": "ADD"}
    body = {
        "selectedIssueIdsOrKeys": ["ABC-1"],
        "selectedActions": ["labels"],
        "editedFieldsInput": {"labelsFields": [label]},
    }
    wrong: list[dict[str, Any]] = [
        {},
        {"selectedActions": []},
        {"selectedIssueIdsOrKeys": ["ABC-1"] * 1_001},
        {"colour": "red"},
    ]
    for change in wrong:
        answer = site.api.post("/rest/api/3/bulk/issues/fields", json=body | change)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"]
    assert site.api.get("/rest/api/3/bulk/queue/10000").status_code == 400
    assert site.api.get("/rest/api/3/task/10000").status_code == 404
    assert TOKEN not in site.api.get(OLD).text
