"""Where a setting comes from: the values are those the workers use, and the lines are the right ones."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.load import RuleBook, load_rules
from rules.origins import Effective, Explained, Origin, effective
from rules.origins import settings as every_setting
from rules.problems import BadFile
from rules.schema import json_schema
from rules.wording import TEMPLATES
from tests.unit.made_rules import LAYERS, SAMPLES, files, nested


def told(text: str, connection: str | None = "acme", board: str | None = "12") -> Explained:
    return effective(text.encode(), "rules.yaml", connection, "ABC", board)


def load(text: str) -> RuleBook:
    return load_rules(text.encode(), "rules.yaml")


def as_one_layer(explained: Explained) -> RuleBook:
    """The rules of a file that says under ``defaults`` what is told, and nothing else."""
    said = nested({one.path: one.value for one in explained.settings if one.value is not None})
    return load(json.dumps({"version": 1, "defaults": said}))


def shipped(wording: Any) -> dict[str, str]:
    """All sentences, replaced ones included."""
    return {**{name: template.text for name, template in TEMPLATES.items()}, **wording}


def test_every_setting_has_samples() -> None:
    paths = {".".join(path) for path, _ in every_setting()}
    wording = {path for path in paths if path.startswith("sprints.wording.")}
    assert paths - wording == {path for path in SAMPLES if not path.startswith("sprints.wording.")}
    assert len(wording) == len(TEMPLATES)


def test_every_key_that_an_editor_offers_is_told() -> None:
    definitions = json_schema()["$defs"]

    def keys(name: str, above: str) -> set[str]:
        found: set[str] = set()
        for key, field in definitions[name]["properties"].items():
            inner = field.get("$ref", "").removeprefix("#/$defs/")
            group = "properties" in definitions.get(inner, {})
            found |= keys(inner, f"{above}{key}.") if group else {above + key}
        return found

    listed = {".".join(path) for path, _ in every_setting() if path[:2] != ("sprints", "wording")}
    rules_and_wording = {"tagging.rules", "tagging.without", "sprints.wording"}
    assert keys("WideLayer", "") - rules_and_wording == listed


@settings(deadline=None, max_examples=80)
@given(files(), st.sampled_from(["acme", "other", None]), st.sampled_from(["12", None]))
def test_what_is_told_is_what_the_workers_use(text: str, connection: str | None, board: str | None) -> None:
    explained, book = told(text, connection, board), load(text)
    name = connection or "nobody"
    one = as_one_layer(explained)
    used, again = book.effective(name, "ABC"), one.effective(name, "ABC")
    assert replace(again, rules=()) == replace(used, rules=())
    sprints, sprints_again = book.sprints(name, board or "0", "ABC"), one.sprints(name, board or "0", "ABC")
    assert replace(sprints_again, wording={}) == replace(sprints, wording={})
    assert shipped(sprints_again.wording) == shipped(sprints.wording)
    assert one.writes(name) == book.writes(name)
    assert [(rule.name, rule.labels) for rule in explained.rules] == [
        (rule.name, rule.labels) for rule in used.rules
    ]


@settings(deadline=None, max_examples=40)
@given(files())
def test_each_value_stands_where_it_is_said_to(text: str) -> None:
    lines = text.splitlines()
    explained = told(text)
    for one in explained.settings:
        if one.origin is not None:
            key = one.path.rpartition(".")[2]
            assert lines[one.origin.line - 1].strip().startswith(f'"{key}":')
            assert one.origin.layer in LAYERS
    for rule in (*explained.rules, *(dropped.rule for dropped in explained.dropped)):
        assert rule.labels == (f"{rule.name} of {rule.origin.layer}",)
        assert lines[rule.origin.line].strip() == f'"name": "{rule.name}",'


def test_nobody_says_anything() -> None:
    explained = told("version: 1")
    assert {one.origin for one in explained.settings} == {None}
    assert as_one_layer(explained).effective("acme", "ABC") == load("version: 1").effective("acme", "ABC")
    assert (explained.rules, explained.dropped) == ((), ())


FILE = """\
version: 1
defaults:
  mode: suggest
  sprints:
    quiet_hours: {from: "18:00", to: "08:00", zone: Europe/Oslo}
    notify: {tracking_issue: OPS-1}
    scope_creep:
      label: true
    wording:
      how_advice: Advice.
      crossing: ""
  tagging:
    rules:
      - {label: bug, type: [Bug]}
      - label: crash
        title: {words: [crash*, hangs]}
connections:
  acme:
    sprints: {mode: apply}
projects:
  ABC:
    mode: dry_run
    tagging:
      without:
        - bug
      rules:
        - name: Crash
          labels: [crash, urgent]
          any: [{title: {regex: '^boom'}}, {author: [customer]}]
          not: {labels: [later]}
    sprints:
      zone: Asia/Tokyo
      notify: {tracking_issue: false}
      wording:
        how_advice: ""
boards:
  12:
    sprints: {quiet_hours: false}
"""


@pytest.mark.parametrize(
    ("path", "value", "layer", "line"),
    [
        ("mode", "dry_run", "projects ABC", 22),
        # Said of sprints, however far out, it rules over what is said of everything.
        ("sprints.mode", "apply", "connections acme", 19),
        ("sprints.zone", "Asia/Tokyo", "projects ABC", 32),
        ("sprints.quiet_hours", False, "boards 12", 38),
        ("sprints.notify.tracking_issue", False, "projects ABC", 33),
        ("sprints.scope_creep.label", True, "defaults", 8),
        ("sprints.wording.how_advice", "", "projects ABC", 35),
        ("sprints.wording.crossing", "", "defaults", 11),
    ],
)
def test_the_innermost_layer_that_speaks_is_named(path: str, value: Any, layer: str, line: int) -> None:
    found = {one.path: one for one in told(FILE).settings}
    assert found[path] == Effective(path, value, Origin(layer, "rules.yaml", line))


def test_the_zone_of_quiet_hours_holds_for_the_whole_calendar() -> None:
    file = (
        "version: 1\ndefaults:\n  sprints:\n    quiet_hours: {zone: Asia/Tokyo, from: '18:00', to: '08:00'}"
    )
    found = {one.path: one for one in told(file).settings}
    assert found["sprints.zone"] == Effective(
        "sprints.zone", "Asia/Tokyo", Origin("defaults", "rules.yaml", 4)
    )
    assert found["sprints.quiet_hours"].value == {"from": "18:00", "to": "08:00"}


def test_sprints_have_the_mode_of_everything_unless_they_have_their_own() -> None:
    found = {one.path: one for one in told(FILE, connection=None).settings}
    assert found["sprints.mode"] == replace(found["mode"], path="sprints.mode")


def test_rules_that_are_left_out_or_replaced_are_told_with_the_place() -> None:
    explained = told(FILE)
    assert [(rule.name, rule.labels, rule.origin.line) for rule in explained.rules] == [
        ("Crash", ("crash", "urgent"), 27)
    ]
    assert [
        (one.rule.name, one.rule.origin.line, one.replaced, one.by.line) for one in explained.dropped
    ] == [
        ("bug", 14, False, 25),
        ("crash", 15, True, 27),
    ]


@pytest.mark.parametrize(
    ("conditions", "line"),
    [
        ("type: [Bug]", "type is Bug"),
        ("type: [Bug, Epic, Task]", "type is Bug, Epic or Task"),
        ("title: {words: [crash*, hangs]}", 'title has "crash*" or "hangs"'),
        (
            "body: {phrases: [segfault], regex: 'sig\\w+', case_sensitive: true}",
            'description contains exactly "segfault" and description matches exactly /sig\\w+/',
        ),
        ("any: [{text: {words: [a]}}, {component: [X], team: [ENG]}]",
         '(title or description has "a" or component is X and team is ENG)'),
        ("not: {any: [{type: [Bug]}, {type: [Epic]}]}", "not (type is Bug or type is Epic)"),
        ("not: {any: [{type: [Bug]}]}", "not (type is Bug)"),
        ("not: {labels: [a], author: [app]}", "not (has the label a and author is app)"),
        ("all: [{type: [Bug]}, {not: {priority: [Low]}}]", "(type is Bug and not (priority is Low))"),
    ],
)  # fmt: skip
def test_conditions_are_told_in_a_line(conditions: str, line: str) -> None:
    (rule,) = told(f"version: 1\ndefaults: {{tagging: {{rules: [{{label: x, {conditions}}}]}}}}").rules
    assert rule.conditions == line


def test_a_bad_file_is_refused_with_all_its_errors() -> None:
    with pytest.raises(BadFile) as caught:
        told("version: 2\ndefaults: {mood: apply}")
    assert len(caught.value.problems) == 2
