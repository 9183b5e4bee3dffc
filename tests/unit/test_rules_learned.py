"""What an admin asks of models: read, checked at its place, inherited key by key."""

from __future__ import annotations

import pytest

from rules.load import load_rules
from rules.matching import LearnedRules
from rules.problems import BadFile
from rules.schema import LearnedTarget

NO_SHARE = "a share is a number with % behind it, such as 15%, or a part of one, such as 0.15"
INHERITED = b"""\
version: 1
defaults:
  tagging:
    learned: {precision: 0.9, max_labels: 2, never: [Blocker]}
connections:
  acme:
    tagging:
      learned: {components_precision: 0.75, targets: [labels]}
projects:
  ABC:
    tagging:
      learned: {enabled: false, max_labels: 4}
  OPS:
    tagging:
      learned: {never: []}
"""


def learned(text: bytes, connection: str = "acme", project: str = "ABC") -> LearnedRules:
    return load_rules(text, "rules.yaml").effective(connection, project).learned


def test_without_a_word_about_it_models_are_heard() -> None:
    found = learned(b"version: 1")
    assert found == LearnedRules()
    assert (found.precision, found.components_precision, found.max_labels) == (0.85, 0.8, 3)
    assert all(found.asks(target) for target in ("labels", "components", "type"))


def test_each_key_is_inherited_by_itself() -> None:
    found = learned(INHERITED)
    assert found == LearnedRules(
        enabled=False,
        targets=frozenset({LearnedTarget.LABELS}),
        precision=0.9,
        components_precision=0.75,
        max_labels=4,
        never=frozenset({"blocker"}),
    )
    assert not found.asks("labels"), "it is switched off"


def test_a_layer_that_says_less_gets_the_rest_from_outside() -> None:
    found = learned(INHERITED, "other", "XYZ")
    assert (found.enabled, found.max_labels, found.components_precision) == (True, 2, 0.8)
    assert found.asks("components")


def test_targets_not_named_are_not_heard() -> None:
    found = learned(INHERITED, "acme", "XYZ")
    assert found.asks("labels")
    assert not found.asks("components")


def test_a_list_takes_the_inherited_ones_place_and_may_be_empty() -> None:
    assert learned(INHERITED, "acme", "OPS").never == frozenset()


def test_a_precision_is_a_share_as_any_other() -> None:
    text = b"version: 1\ndefaults: {tagging: {learned: {precision: 85%, components_precision: 0.75}}}"
    assert (learned(text).precision, learned(text).components_precision) == (0.85, 0.75)


@pytest.mark.parametrize(
    ("value", "column", "message"),
    [
        ("precision: 0.3", 0, "this must be from 50% to 99%"),
        ("precision: 100%", 0, "this must be from 50% to 99%"),
        ("precision: 1", 0, "this must be from 50% to 99%"),
        ("components_precision: 0.995", 0, "this must be from 50% to 99%"),
        ("precision: high", 0, NO_SHARE),
        ("precision: .nan", 0, NO_SHARE),
        ("max_labels: 0", 0, '"max_labels" must be 1 or more'),
        ("max_labels: 11", 0, '"max_labels" must be 10 or less'),
        ("never: [a, b, A]", 7, '"A" is listed twice'),
        ("targets: [type, type]", 7, '"type" is listed twice'),
        ("targets: []", 0, '"targets" is an empty list: name at least one'),
        (
            "targets: [label]",
            1,
            'an entry of "targets" must be labels, components or type, not "label" (did you mean "labels"?)',
        ),
        ("enabled: yes", 0, '"enabled" must be true or false (did you mean true?)'),
    ],
)
def test_every_mistake_is_told_at_its_place(value: str, column: int, message: str) -> None:
    line = f"    learned: {{{value}}}"
    with pytest.raises(BadFile) as caught:
        load_rules(f"version: 1\ndefaults:\n  tagging:\n{line}\n".encode(), "rules.yaml")
    at = line.index(": ", line.index("{")) + 3 + column
    assert [str(problem) for problem in caught.value.problems] == [f"rules.yaml:4:{at}: {message}"]


def test_an_unknown_key_is_told_with_the_one_that_was_meant() -> None:
    with pytest.raises(BadFile) as caught:
        load_rules(b"version: 1\ndefaults: {tagging: {learned: {precison: 0.9}}}", "rules.yaml")
    assert 'unknown key "precison" (did you mean "precision"?)' in str(caught.value)
