"""The toy Jira's answers against Atlassian's own OpenAPI documents."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.contract import jira_site
from tests.contract.conftest import MakeJira
from tests.contract.jira_site import Site
from trackers.model import Label, Memory, component_label
from trackers.protocol import Mark

make, site = jira_site.make, jira_site.site

SHARED = Path(__file__).parents[2].parent / "shared"


PLATFORM = (
    ("GET", "serverInfo", None),
    ("GET", "myself", None),
    ("GET", "field", None),
    ("GET", "mypermissions?permissions=EDIT_ISSUES", None),
    ("GET", "project", None),
    ("GET", "project/ABC", None),
    ("GET", "project/search", None),
    ("GET", "label", None),
    ("GET", "issue/ABC-1/editmeta", None),
    ("GET", "issue/ABC-1?expand=changelog&properties=p", None),
    ("GET", "issue/ABC-1/changelog", None),
    ("POST", "issue/bulkfetch", {"issueIdsOrKeys": ["ABC-1", "10999"], "fields": ["labels", "updated"]}),
    ("POST", "changelog/bulkfetch", {"issueIdsOrKeys": ["ABC-1"], "fieldIds": ["summary"]}),
    ("GET", "issue/ABC-1/comment", None),
    ("POST", "issue/ABC-1/comment", {"body": "x"}),
    ("GET", "issue/ABC-1/transitions", None),
    ("GET", "issue/ABC-1/properties/p", None),
    ("POST", "issue", {"fields": {"project": {"key": "ABC"}, "summary": "S", "issuetype": {"name": "Bug"}}}),
    ("GET", "search/jql?jql=project%3DABC&fields=*all", None),
    ("POST", "search/approximate-count", {"jql": "project=ABC"}),
    ("POST", "comment/list", {"ids": [10000]}),
)
AGILE = (
    ("GET", "board", None),
    ("GET", "board/1", None),
    ("GET", "board/1/configuration", None),
)


@functools.cache
def document(name: str) -> dict[str, Any]:
    """One of Atlassian's OpenAPI documents, where they lie beside the checkout."""
    path = SHARED / "reference" / "openapi" / name
    if not path.exists():
        pytest.skip("Atlassian's OpenAPI documents are not beside this checkout.")
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def schema_of(spec: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """The schema of a success answer, found by the document's path template."""
    parts = path.split("?")[0].strip("/").split("/")
    for template, operations in spec["paths"].items():
        names = template.strip("/").split("/")
        same = len(names) == len(parts) and all(
            a == b or a.startswith("{") for a, b in zip(names, parts, strict=True)
        )
        exact = sum(a == b for a, b in zip(names, parts, strict=False))
        if same and method.lower() in operations and exact >= 4 - ("agile" in parts):
            answers = operations[method.lower()]["responses"]
            good = answers.get("200") or answers["201"]
            found: dict[str, Any] = good["content"]["application/json"]["schema"]
            return found
    raise AssertionError(f"the document has no {method} {path}")


@pytest.fixture
def filled(site: Site) -> Site:
    site.sprint(start=True)
    site.issue(labels=["a"], components=["API"], sprint="S1", points=3, body="text")
    site.control("PATCH", "issues/ABC-1", {"title": "Other"})
    site.api.put("/rest/api/2/issue/ABC-1/properties/p", json=1)
    site.api.post("/rest/api/2/issue/ABC-1/comment", json={"body": "hello"})
    return site


@pytest.mark.parametrize(("method", "path", "body"), PLATFORM)
def test_answers_fit_the_platform_document(filled: Site, method: str, path: str, body: Any) -> None:
    """Keys and types of the answers, as the v3 document describes them.

    Left out: formats (v2 and v3 both write times without the colon that ``date-time`` asks for),
    the text fields (v3 has rich text there, and the document leaves the type open), and the
    nulls of changelog items (recorded answers have them, the document says text only).
    """
    spec = document("jira-platform-v3.json")
    answer = filled.api.request(method, f"/rest/api/2/{path}", json=body)
    assert answer.is_success, answer.text
    schema = schema_of(spec, method, f"rest/api/3/{path}")
    validate(spec, schema, without_null_changes(answer.json()))


@pytest.mark.parametrize(("method", "path", "body"), AGILE)
def test_answers_fit_the_agile_document(filled: Site, method: str, path: str, body: Any) -> None:
    """Boards as the agile document types them.

    Left out: sprints and issues of sprints (the document has examples there, no types) and the
    location of a configuration (its own example contradicts its schema).
    """
    spec = document("jira-software-agile.json")
    answer = filled.api.request(method, f"/rest/agile/1.0/{path}", json=body).json()
    answer.pop("location" if "configuration" in path else "", None)
    validate(spec, schema_of(spec, method, f"rest/agile/1.0/{path}"), answer)


def test_the_sprint_has_the_keys_of_the_documents_example(filled: Site) -> None:
    spec = document("jira-software-agile.json")
    content = spec["paths"]["/rest/agile/1.0/sprint/{sprintId}"]["get"]["responses"]["200"]["content"]
    example = json.loads(content["application/json"]["example"])
    sprint = filled.api.get("/rest/agile/1.0/sprint/1").json()
    shared = set(example) & set(sprint)
    assert shared >= {"id", "self", "state", "name", "startDate", "endDate", "originBoardId"}
    assert {key: type(sprint[key]) for key in shared} == {key: type(example[key]) for key in shared}


def test_bulk_work_fits_the_platform_document(filled: Site) -> None:
    """Left out: the times of a task's progress, which the document's own example has as numbers."""
    spec = document("jira-platform-v3.json")
    body = {
        "selectedIssueIdsOrKeys": ["ABC-1"],
        "selectedActions": ["labels"],
        "editedFieldsInput": {
            "labelsFields": [
                {"fieldId": "labels", "labels": [{"name": "x"}], "bulkEditMultiSelectFieldOption": "ADD"}
            ]
        },
    }
    made = filled.api.post("/rest/api/3/bulk/issues/fields", json=body)
    validate(spec, schema_of(spec, "POST", "rest/api/3/bulk/issues/fields"), made.json())
    path = f"rest/api/3/bulk/queue/{made.json()['taskId']}"
    for status in ("RUNNING", "COMPLETE"):
        progress = filled.api.get(f"/{path}").json()
        assert progress["status"] == status
        shown = {
            key: value for key, value in progress.items() if key not in ("created", "started", "updated")
        }
        validate(spec, schema_of(spec, "GET", path), shown)
    refused = filled.api.post("/rest/api/3/bulk/issues/fields", json={})
    assert refused.status_code == 400
    validate(spec, {"$ref": "#/components/schemas/BulkOperationErrorResponse"}, refused.json())
    value = {"value": 1, "filter": {"entityIds": [10000]}}
    answer = filled.api.put("/rest/api/3/issue/properties/p", json=value)
    assert answer.status_code == 303
    task = answer.headers["Location"].removeprefix(filled.url)
    validate(spec, schema_of(spec, "GET", task), filled.api.get(task).json())


def test_what_we_ask_in_bulk_fits_the_platform_document(make_jira: MakeJira) -> None:
    spec = document("jira-platform-v3.json")
    jira = make_jira(may_suppress_mail=False)
    issue = jira.issue()
    asked: list[httpx.Request] = []
    jira.http.event_hooks["request"].append(asked.append)
    memory = Memory(frozenset({"x", "component UI"}))
    mark = Mark(issue.id, "ABC", (Label("x", "x"), component_label("UI")), memory)
    (step,) = jira.service.bulk_steps([mark])
    assert step.send().done.keys() == {issue.id}
    edit, remember = (json.loads(request.content) for request in asked if request.content)
    validate(spec, {"$ref": "#/components/schemas/IssueBulkEditPayload"}, edit)
    validate(spec, {"$ref": "#/components/schemas/BulkIssuePropertyUpdateRequest"}, remember)


def test_errors_fit_the_platform_document(site: Site) -> None:
    spec = document("jira-platform-v3.json")
    validate(
        spec, {"$ref": "#/components/schemas/ErrorCollection"}, site.api.get("/rest/api/2/issue/NO-1").json()
    )


def without_null_changes(answer: Any) -> Any:
    if isinstance(answer, dict):
        change = "fieldtype" in answer
        return {k: without_null_changes(v) for k, v in answer.items() if not (change and v is None)}
    return [*map(without_null_changes, answer)] if isinstance(answer, list) else answer


def validate(spec: dict[str, Any], schema: dict[str, Any], answer: Any) -> None:
    jsonschema.Draft4Validator({**schema, "components": spec["components"]}).validate(answer)
