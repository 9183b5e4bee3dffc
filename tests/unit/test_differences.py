"""In which settings and rules two rules files differ, and where."""

from __future__ import annotations

import pytest

from rules.differences import Place, RuleChange, SettingChange, differences

OLD = b"""\
version: 1
defaults:
  tagging:
    rules:
      - {label: security, title: {words: [xss]}}
      - {label: slow, title: {words: [slow]}}
"""
ABC, OPS = Place("ABC", "ABC"), Place("OPS", "OPS")


def test_a_setting_is_told_once_with_every_place_and_its_line() -> None:
    new = OLD + b"    max_labels: 2\n"
    found = differences(OLD, new, "new.yaml", "acme", [ABC, OPS])
    assert found.settings == (SettingChange("tagging.max_labels", 5, 2, ("ABC", "OPS"), 7),)
    assert found.rules == ()


def test_one_places_own_value_is_told_of_it_alone() -> None:
    new = OLD + b"projects:\n  ABC:\n    tagging: {max_labels: 2}\n"
    (change,) = differences(OLD, new, "new.yaml", "acme", [ABC, OPS]).settings
    assert change.places == ("ABC",)


def test_the_same_value_said_elsewhere_is_no_difference() -> None:
    new = OLD + b"projects:\n  ABC: {mode: dry_run}\n"
    assert differences(OLD, new, "new.yaml", "acme", [ABC]) == differences(OLD, OLD, "n", "acme", [ABC])


def test_a_sprint_setting_is_told_by_its_path_where_it_matters() -> None:
    new = OLD + b"boards:\n  12: {sprints: {overcommit: {warn_below: 0.4}}}\n"
    board = Place("board 12", "ABC", "12", ("sprints",))
    tagging = Place("ABC", "ABC", parts=("tagging",))
    (change,) = differences(OLD, new, "new.yaml", "acme", [tagging, board]).settings
    assert (change.path, change.now, change.new) == ("sprints.overcommit.warn_below", "25%", 0.4)
    assert change.places == ("board 12",)


def test_a_setting_that_is_taken_out_falls_back_and_has_no_line() -> None:
    (change,) = differences(OLD + b"    max_labels: 2\n", OLD, "new.yaml", None, [ABC]).settings
    assert (change.now, change.new, change.line) == (2, 5, None)


def test_rules_are_added_changed_and_removed() -> None:
    new = OLD.replace(b"[xss]", b"[csrf]").replace(b"label: slow", b"label: sluggish")
    assert differences(OLD, new, "new.yaml", None, [ABC]).rules == (
        RuleChange("security", "changed", ("ABC",)),
        RuleChange("sluggish", "added", ("ABC",)),
        RuleChange("slow", "removed", ("ABC",)),
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("type: [Bug, Task]", "type: [Bug or Task]"),
        ("title: {words: [x, y]}", 'title: {words: ["x\\" or \\"y"]}'),
        ("title: {words: [x], case_sensitive: true}", "title: {words: [x]}"),
        ("title: {regex: a}", "title: {regex: A}"),
    ],
)
def test_rules_differ_by_what_they_look_for_and_not_by_how_it_is_told(one: str, other: str) -> None:
    now, new = (OLD + f"      - {{label: a, {text}}}\n".encode() for text in (one, other))
    assert differences(now, new, "new.yaml", None, [ABC]).rules == (RuleChange("a", "changed", ("ABC",)),)


def test_the_order_of_conditions_is_no_difference() -> None:
    now, new = (
        OLD + b"      - {label: a, " + text + b"}\n"
        for text in (b"title: {words: [x]}, type: [Bug]", b"type: [Bug], title: {words: [x]}")
    )
    assert differences(now, new, "new.yaml", None, [ABC]).rules == ()


def test_the_order_of_rules_is_told_where_it_leaves_labels_out() -> None:
    head, rules = OLD.split(b"    rules:\n")
    lines = rules.splitlines(keepends=True)
    turned = head + b"    rules:\n" + b"".join(reversed(lines))
    assert differences(OLD, turned, "new.yaml", None, [ABC]).rules == ()
    now, new = (text.replace(b"tagging:\n", b"tagging:\n    max_labels: 1\n") for text in (OLD, turned))
    (change,) = differences(now, new, "new.yaml", None, [ABC]).rules
    assert (change.change, change.places) == ("moved", ("ABC",))


@pytest.mark.parametrize(
    ("written", "otherwise"),
    [
        (b"sprints: {overcommit: {warn_below: 25%}}", b"sprints: {overcommit: {warn_below: 0.25}}"),
        (b"tagging: {window: 60m}", b"tagging: {window: 1h}"),
        (b"sprints: {scope_creep: {grace: 24h}}", b"mode: dry_run"),
    ],
)
def test_the_same_written_otherwise_is_no_difference(written: bytes, otherwise: bytes) -> None:
    one, other = (b"version: 1\ndefaults:\n  " + text + b"\n" for text in (written, otherwise))
    assert differences(one, other, "new.yaml", None, [ABC]).settings == ()
