"""What of a rules file comes to nothing on one connection, as far as the files tell."""

# The table reads better with a case to a line.
# ruff: noqa: E501

from __future__ import annotations

import pytest

from rules.connections import Connection, load_connections
from rules.lint_connection import labels_for, lint_for, lint_watched, settings_for
from rules.source import read_source
from rules.watched import watched

CONNECTIONS = """\
version: 1
connections:
  site:
    tracker: jira
    url: https://acme.example
    auth: {email: bot@acme.example, token: {env: SECRET}}
    webhook: {secrets: [{env: SECRET}]}
    projects: [ABC, WEB]
    boards: [12]
  space:
    tracker: linear
    auth: {key: {env: SECRET}}
    webhook: {secrets: [{env: SECRET}]}
    teams: [ENG]
"""
RULE = "tagging: {rules: [{label: a, %s}]}"
CASES = [
    ("unknown-connection", "connections: {▸sit: {mode: apply}}", 'no connection "sit" (did you mean "site"?)'),
    ("unknown-connection", "projects: {▸siet/ABC: {mode: apply}}", '(did you mean "site"?)'),
    ("unknown-project", "projects: {▸WEBB: {mode: apply}}", 'no connection watches the project or team WEBB (did you mean "WEB"?)'),
    ("unknown-project", "projects: {▸space/WEB: {mode: apply}}", "space does not watch the project or team WEB"),
    ("unknown-board", "boards: {▸21: {}}", "no connection watches board 21"),
    ("unknown-board", "boards: {▸site/7: {}}", "site does not watch board 7"),
    ("never-here", "projects: {ENG: {" + RULE % "▸type: [Bug]" + "}}", "Linear's have no type"),
    ("never-here", "connections: {space: {" + RULE % "all: [{▸component: [UI]}]" + "}}", "Linear's have no component"),
    ("never-here", "connections: {space: {" + RULE % "▸team: [OPS]" + "}}", "it watches ENG"),
    ("one-of-a-group", "projects: {ENG: {tagging: {rules: [{labels: [Type/Bug, x, ▸type/Feature], author: [app]}]}}}", 'one label of a group: this or "Type/Bug"'),
]  # fmt: skip
OF_TRACKERS = frozenset(
    {
        "unknown-board",
        "unknown-issue",
        "unwatched-issue",
        "unknown-never",
        "unknown-label",
        "unknown-snooze-label",
    }
)
"""Only a tracker can tell of these: see ``test_cli_check``."""
NAMES = frozenset(name for name, _, _ in CASES) | OF_TRACKERS


@pytest.fixture(scope="module")
def connections() -> dict[str, Connection]:
    found = load_connections(CONNECTIONS.encode(), "connections.yaml", {"SECRET": "long-enough"})
    return {connection.name: connection for connection in found}


def told(connections: dict[str, Connection], text: str, name: str) -> list[tuple[str, int, str]]:
    source = read_source(f"version: 1\n{text}\n".encode(), "rules.yaml")
    found = lint_for(source, connections[name], list(connections.values()))
    return [(one.name, one.problem.column, one.problem.message) for one in found]


@pytest.mark.parametrize(("name", "marked", "part"), CASES)
def test_what_no_connection_has_is_told(
    connections: dict[str, Connection], name: str, marked: str, part: str
) -> None:
    (only,) = told(connections, marked.replace("▸", ""), "space")
    assert only[:2] == (name, marked.index("▸") + 1)
    assert part in only[2]


@pytest.mark.parametrize(("name", "marked", "part"), [case for case in CASES if case[0] != "never-here"])
def test_the_text_of_the_connections_is_enough_for_layers_that_hold_nowhere(
    name: str, marked: str, part: str
) -> None:
    source = read_source(f"version: 1\n{marked.replace('▸', '')}\n".encode(), "rules.yaml")
    (only,) = lint_watched(source, watched(CONNECTIONS.encode(), "connections.yaml"))
    assert (only.name, only.problem.column) == (name, marked.index("▸") + 1)
    assert part in only.problem.message


@pytest.mark.parametrize(
    "text",
    [
        "defaults: {" + RULE % "type: [Bug]" + "}",
        "projects: {ABC: {" + RULE % "type: [Bug]" + "}, ENG: {" + RULE % "not: {type: [Bug]}" + "}}",
        "connections: {site: {" + RULE % "team: [ENG]" + "}, space: {mode: apply}}",
        "connections: {space: {" + RULE % "any: [{type: [Bug]}, {title: {words: [x]}}]" + "}}",
        "boards: {12: {}, site/12: {}}",
        "projects: {ENG: {tagging: {rules: [{labels: [Type/Bug, Area/UI, bug], author: [app]}]}}}",
        "projects: {ABC: {tagging: {rules: [{labels: [Type/Bug, Type/Feature], author: [app]}]}}}",
    ],
)
def test_what_holds_elsewhere_is_let_be(connections: dict[str, Connection], text: str) -> None:
    assert told(connections, text, "space") == []


def test_what_holds_for_jira_too_is_told_to_who_asks_for_linear(connections: dict[str, Connection]) -> None:
    text = "defaults: {tagging: {rules: [{labels: [Type/Bug, Type/Feature], author: [app]}]}}"
    assert [name for name, _, _ in told(connections, text, "space")] == ["one-of-a-group"]
    assert told(connections, text, "site") == []
    source = read_source(f"version: 1\n{text}\n".encode(), "rules.yaml")
    assert lint_watched(source, watched(CONNECTIONS.encode(), "connections.yaml")) == ()


def test_only_labels_of_layers_that_hold_are_asked_for(connections: dict[str, Connection]) -> None:
    text = b"""\
defaults: {tagging: {rules: [{label: a, type: [Bug]}, {labels: [b, c], type: [Bug]}]}}
connections: {space: {sprints: {scope_creep: {label: true}, notify: {snooze_label: hush}}}}
projects:
  WEB: {tagging: {rules: [{label: web, type: [Bug]}]}}
  ENG: {tagging: {rules: [{label: eng, type: [Bug]}]}}
"""
    source = read_source(text, "rules.yaml")
    assert [label for _, label in labels_for(source, connections["space"])] == [
        "a", "b", "c", "scope-added", "eng",
    ]  # fmt: skip
    assert [label for _, label in labels_for(source, connections["site"])] == ["a", "b", "c", "web"]


@pytest.mark.parametrize(
    ("layers", "in_force"),
    [
        ("defaults: {mode: a}\nprojects: {ABC: {mode: b}}", ["a", "b"]),
        ("defaults: {mode: a}\nprojects: {ABC: {mode: b}, WEB: {mode: c}}", ["b", "c"]),
        ("defaults: {mode: a}\nconnections: {site: {mode: b}}", ["b"]),
        ("defaults: {mode: a}\nconnections: {space: {mode: b}}", ["a"]),
        ("defaults: {mode: a}\nprojects: {ENG: {mode: b}}", ["a"]),
    ],
)
def test_what_is_replaced_everywhere_is_not_in_force(
    connections: dict[str, Connection], layers: str, in_force: list[str]
) -> None:
    source = read_source(layers.encode(), "rules.yaml")
    assert [value for _, value in settings_for(source, connections["site"], "mode")] == in_force
