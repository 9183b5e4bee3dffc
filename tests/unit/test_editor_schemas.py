"""The schemas that editors use and the reference are in step with the models, and as strict as can be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings

from rules.connection_schema import connections_schema
from rules.connections import Connection, load_connections
from rules.load import load_rules
from rules.problems import BadFile
from rules.reference import reference
from rules.schema import json_schema
from rules.source import read_source
from tests.unit.made_rules import files

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
SCHEMAS = {
    "rules": (json_schema, "rules.schema"),
    "connections": (connections_schema, "rules.connection_schema"),
}
SECRET = {"env": "ACME_TOKEN"}
CLOUD: dict[str, Any] = {
    "tracker": "jira",
    "url": "https://acme.atlassian.net",
    "auth": {"email": "bot@acme.example", "token": SECRET},
    "webhook": {"secrets": [SECRET]},
    "projects": ["ABC"],
}
DATA_CENTER = {**CLOUD, "deployment": "data_center", "auth": {"token": SECRET}}
LINEAR = {
    "tracker": "linear",
    "auth": {"key": SECRET},
    "webhook": {"secrets": [SECRET]},
    "teams": ["ENG"],
}

POLLED = {key: value for key, value in LINEAR.items() if key != "webhook"}


def faults(schema: dict[str, Any], data: Any) -> list[Any]:
    return list(jsonschema.Draft202012Validator(schema).iter_errors(data))


def connected(connection: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "connections": {"acme": connection}}


def read(connection: dict[str, Any], folder: Path) -> tuple[Connection, ...]:
    """The connections of a file with one, whose secrets are there."""
    (folder / "secret").write_text("long-enough", encoding="utf-8")
    text = json.dumps(connected(connection)).encode()
    return load_connections(text, str(folder / "connections.yaml"), {"ACME_TOKEN": "long-enough"})


def described(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Every key of a schema with what an editor shows for it."""
    for name, part in [("", schema), *schema["$defs"].items()]:
        for key, field in part.get("properties", {}).items():
            if (name, key) not in {("Connection", "tracker"), ("Connection", "deployment")}:
                referred = schema["$defs"].get(field.get("$ref", "").removeprefix("#/$defs/"), {})
                yield f"{name}.{key}", field, {**referred, **field}.get("description", "")


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_file_names_its_schema_in_the_first_line(name: str) -> None:
    first = (CONFIG / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema=./{name}.schema.json"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_file_is_in_step(name: str) -> None:
    made, module = SCHEMAS[name]
    written = json.loads((CONFIG / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert written == made(), f"run: python -m {module} > config/{name}.schema.json"


def test_the_reference_is_in_step() -> None:
    written = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert written == reference(), "run: python -m rules.reference > docs/rules.md"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_is_valid_and_takes_the_shipped_file(name: str) -> None:
    schema = SCHEMAS[name][0]()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert faults(schema, read_source((CONFIG / f"{name}.yaml").read_bytes(), name).data) == []


def test_an_editor_marks_nothing_in_the_rules_of_the_demo() -> None:
    text = (ROOT / "sprintwarden" / "demo_rules.yaml").read_bytes()
    assert faults(json_schema(), read_source(text, "demo_rules.yaml").data) == []


def test_an_editor_marks_nothing_in_the_files_of_the_guide() -> None:
    guide = (ROOT / "docs" / "admin.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```yaml\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    assert examples
    for example in examples:
        whole = example if "version:" in example else f"version: 1\n{example}"
        schema = connections_schema() if "tracker:" in whole else json_schema()
        assert faults(schema, read_source(whole.encode(), "docs/admin.md").data) == [], example


@settings(deadline=None, max_examples=25)
@given(files())
def test_an_editor_marks_nothing_in_a_good_file(text: str) -> None:
    assert faults(json_schema(), json.loads(text)) == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_key_is_described(name: str) -> None:
    schema = SCHEMAS[name][0]()
    assert [key for key, _, description in described(schema) if not description] == []
    groups = [name for name, part in schema["$defs"].items() if "properties" in part and name != "Connection"]
    assert [group for group in groups if not schema["$defs"][group].get("description")] == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_default_is_the_one_that_the_description_tells(name: str) -> None:
    for key, field, description in described(SCHEMAS[name][0]()):
        told = re.search(r" Default (.+?)(: .*)?\.$", description)
        if "default" in field:
            default = field["default"]
            text = (", ".join(default) or "none") if isinstance(default, list) else str(default)
            assert told, key
            assert told[1] == (text.lower() if isinstance(default, bool) else text), key
        else:
            assert not told or told[1] == "none", key


def test_the_reference_has_a_table_for_every_group_of_keys() -> None:
    page = reference()
    for made, _ in SCHEMAS.values():
        for name, part in made()["$defs"].items():
            if "properties" in part and name != "Connection":
                assert f"\n{part['description']}\n" in page, name
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in page.splitlines()
        if line.startswith("#")
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= headings


def rules_of(rule: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "defaults": {"tagging": {"rules": [rule]}}}


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"version": 2},
        {"version": 1, "defaults": None},
        {"version": 1, "defaults": {"mode": "aply"}},
        {"version": 1, "defaults": {"tagging": {"window": "1 hour"}}},
        {"version": 1, "defaults": {"tagging": {"rules": [{"type": ["Bug"]}]}}},
        {"version": 1, "defaults": {"tagging": {"rules": [{"label": "a", "titel": {}}]}}},
        {"version": 1, "defaults": {"tagging": {"rules": [{"label": "a", "any": [{}]}]}}},
        {"version": 1, "defaults": {"sprints": {"budget": 0.15}}},
        {"version": 1, "defaults": {"sprints": {"scope_creep": {"budget": 15}}}},
        {"version": 1, "defaults": {"sprints": {"scope_creep": {"budget": "15"}}}},
        {"version": 1, "defaults": {"sprints": {"quiet_hours": {"from": "8:00", "to": "18:00"}}}},
        {"version": 1, "defaults": {"sprints": {"working_days": []}}},
        {"version": 1, "defaults": {"sprints": {"notify": {"tracking_issue": True}}}},
        {"version": 1, "defaults": {"sprints": {"wording": {"how_advise": "Advice."}}}},
        {"version": 1, "boards": {"12": {"mode": "apply"}}},
        {"version": 1, "boards": {"board": {}}},
        {"version": 1, "projects": {"abc": {}}},
        {"version": 1, "connections": {"Acme": {}}},
        {"version": 1, "projects": {"ABC": {"writes": {"most": 5}}}},
        {"version": 1, "defaults": {"writes": {"most": 0}}},
        {"version": 1, "defaults": {"writes": {"window": "0s"}}},
        {"version": 1, "defaults": {"tagging": {"learned": {"precision": 0.3}}}},
        {"version": 1, "defaults": {"tagging": {"learned": {"precision": "49%"}}}},
        {"version": 1, "defaults": {"tagging": {"learned": {"precision": "99.5%"}}}},
        {"version": 1, "defaults": {"sprints": {"zone": "Europe/Oslo "}}},
        {"version": 1, "defaults": {"sprints": {"holidays": ["24.12.2026"]}}},
        {"version": 1, "defaults": {"sprints": {"overcommit": {"grace": "1 day"}}}},
        {"version": 1, "defaults": {"tagging": {"without": [" bug"]}}},
        rules_of({"label": "a"}),
        rules_of({"label": "a", "labels": ["b"], "type": ["Bug"]}),
        rules_of({"label": "", "type": ["Bug"]}),
        rules_of({"label": "a", "title": {"case_sensitive": True}}),
        rules_of({"label": "a", "title": {"words": ["*"]}}),
        rules_of({"label": "a", "title": {"words": ["a*b"]}}),
        rules_of({"label": "a", "author": ["nobody"]}),
    ],
)
def test_an_editor_sees_the_same_mistakes_in_rules(bad: dict[str, Any]) -> None:
    assert faults(json_schema(), bad)
    with pytest.raises(BadFile):
        load_rules(json.dumps(bad).encode(), "rules.yaml")


@pytest.mark.parametrize(
    "good",
    [
        CLOUD,
        {
            **CLOUD,
            "deployment": "cloud",
            "api_url": "https://api.atlassian.com/ex/jira/1",
            "boards": [12, "13"],
        },
        {**CLOUD, "webhook": {"auth": "basic", "user": "hook", "secrets": [SECRET], "max_body": 4096}},
        {**CLOUD, "auth": {**CLOUD["auth"], "expires": "2027-03-01"}},
        {**DATA_CENTER, "url": "http://jira.acme.example:8080/jira/@home"},
        DATA_CENTER,
        LINEAR,
        {**LINEAR, "auth": {"client_id": "x", "client_secret": {"file": "secret"}}, "cycles": True},
        {**LINEAR, "webhook": {"secrets": [SECRET], "max_age": "90s", "late": "refuse", "max_body": "1MiB"}},
        {**LINEAR, "webhook": {"secrets": [SECRET], "keep_enabled": False}, "catch_up": "off"},
        {**CLOUD, "catch_up": "5s"},
        POLLED,
        {**POLLED, "catch_up": "1d"},
    ],
)
def test_an_editor_takes_every_kind_of_connection(good: dict[str, Any], tmp_path: Path) -> None:
    assert faults(connections_schema(), connected(good)) == []
    assert len(read(good, tmp_path)) == 1


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {**CLOUD, "tracker": "jirra"},
        {**CLOUD, "deployment": "clowd"},
        {**CLOUD, "url": "acme.atlassian.net"},
        {**CLOUD, "url": "https://me:secret@acme.atlassian.net"},
        {**CLOUD, "projects": []},
        {**CLOUD, "projects": ["abc"]},
        {**CLOUD, "teams": ["ENG"]},
        {**CLOUD, "boards": ["board"]},
        {**CLOUD, "auth": {"token": SECRET}},
        {**CLOUD, "auth": {"email": "bot@acme.example", "token": "s3cret"}},
        {**CLOUD, "auth": {"email": "bot@acme.example", "token": {"env": "A", "file": "b"}}},
        {**CLOUD, "auth": {"email": "bot@acme.example", "token": {}}},
        {**CLOUD, "auth": {**CLOUD["auth"], "expires": "soon"}},
        {**CLOUD, "webhook": {"secrets": []}},
        {**CLOUD, "webhook": {"secrets": [SECRET], "auth": "basic"}},
        {**CLOUD, "webhook": {"secrets": [SECRET], "user": "hook"}},
        {**CLOUD, "webhook": {"secrets": [SECRET], "max_age": "60s"}},
        {**CLOUD, "webhook": {"secrets": [SECRET], "max_body": "5MB"}},
        {**DATA_CENTER, "auth": CLOUD["auth"]},
        {**DATA_CENTER, "api_url": "https://api.atlassian.com/ex/jira/1"},
        {**LINEAR, "projects": ["ABC"]},
        {**LINEAR, "auth": {}},
        {**LINEAR, "auth": {"client_id": "x"}},
        {**LINEAR, "auth": {"key": SECRET, "client_id": "x", "client_secret": SECRET}},
        {**LINEAR, "deployment": "cloud"},
        {**LINEAR, "webhook": None},
        {**POLLED, "catch_up": "off"},
        {**CLOUD, "catch_up": 60},
        {**CLOUD, "catch_up": "2d"},
        {**CLOUD, "catch_up": "never"},
        {**CLOUD, "webhook": {"secrets": [SECRET], "keep_enabled": True}},
    ],
)
def test_an_editor_sees_the_same_mistakes_in_connections(bad: dict[str, Any], tmp_path: Path) -> None:
    assert faults(connections_schema(), connected(bad))
    with pytest.raises(BadFile):
        read(bad, tmp_path)
