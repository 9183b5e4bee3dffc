"""What another rules file would do differently, over issues as if each were filed just now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from classifiers.examples import Target
from classifiers.tagger import Answer, Scored
from classifiers.tagging import Answers
from rules.load import RuleBook, load_rules
from rules.matching import ProjectRules
from rules.schema import Mode
from tests.conftest import ToyPalette, issue
from trackers.model import Issue, Label
from workers.trial import Comparison, LabelChange, Reach, compare

OLD = """\
version: 1
defaults:
  tagging:
    rules:
      - {label: security, title: {words: [xss]}}
      - {label: slow, title: {words: [slow]}}
"""


def book(text: str) -> RuleBook:
    return load_rules(text.encode(), "rules.yaml")


def filed(*titles: str, project: str = "ABC") -> list[Issue]:
    return [
        replace(issue(title), id=str(number), key=f"{project}-{number}", project=project)
        for number, title in enumerate(titles, 1)
    ]


def tried(
    new: str, issues: Sequence[Issue], old: str = OLD, labels: Sequence[Label] | None = None
) -> Comparison:
    return compare(issues, "acme", book(old), book(new), lambda _issue: ToyPalette(labels))


def label(found: Comparison, name: str) -> LabelChange:
    (one,) = [one for one in found.labels if one.label == name]
    return one


def test_what_a_new_word_gains_is_counted_with_examples_and_its_reason() -> None:
    issues = filed("XSS here", "csrf 1", "csrf 2", "csrf 3", "csrf 4", "nothing")
    found = tried(OLD.replace("[xss]", "[xss, csrf]"), issues)
    assert (found.issues, found.changed, found.gained, found.lost) == (6, 4, 4, 0)
    one = label(found, "security")
    assert (one.now, one.new, one.gained, one.lost) == (1, 5, 4, 0)
    assert one.gained_on == ("ABC-2", "ABC-3", "ABC-4")
    assert one.gain is not None
    assert (one.gain.key, one.gain.source) == ("ABC-2", "rule security")
    assert one.gain.because == ('the title has the word "csrf"',)


@pytest.mark.parametrize(
    ("why", "new", "source", "because"),
    [
        (
            "it lacks",
            OLD.replace("[xss]", "[csrf]"),
            "rule security",
            'the word "csrf" is not in the title',
        ),
        ("no rule", OLD.replace("label: security", "label: other"), "", "no rule puts it on"),
        (
            "over the limit",
            OLD.replace(
                "    rules:", "    max_labels: 1\n    rules:\n      - {label: a, title: {words: [xss]}}"
            ),
            "rule security",
            "at most one label is put on an issue",
        ),
    ],
)
def test_what_is_lost_is_told_with_what_it_lacks(why: str, new: str, source: str, because: str) -> None:
    one = label(tried(new, filed("XSS")), "security")
    assert (one.lost, one.lost_on) == (1, ("ABC-1",)), why
    assert one.loss is not None
    assert (one.loss.source, one.loss.because) == (source, (because,)), why


def test_labels_the_issue_bears_by_now_hide_nothing() -> None:
    bearing = replace(filed("csrf")[0], labels=(Label("security", "security"),))
    found = tried(OLD.replace("[xss]", "[csrf]"), [bearing])
    assert label(found, "security").gained == 1


def test_a_label_that_differs_in_case_alone_is_the_same() -> None:
    found = tried(OLD.replace("label: security", "label: Security"), filed("XSS"))
    assert found.changed == 0


def test_what_fits_and_is_withheld_is_told_with_why() -> None:
    found = tried(
        OLD.replace("label: slow", "label: sluggish"),
        filed("slow", "slow again"),
        labels=[Label("l1", "slow")],
    )
    one = label(found, "sluggish")
    assert (one.now, one.new, one.gained) == (0, 0, 0)
    (held,) = one.withheld
    assert (held.why, held.issues) == ("the tracker has no such label, and none is made", 2)
    assert held.examples == ("ABC-1", "ABC-2")


def test_a_mode_that_changes_is_told_by_project_with_what_it_would_write() -> None:
    new = OLD + "projects:\n  ABC: {mode: apply}\n"
    issues = [*filed("XSS", "slow XSS", "nothing"), *filed("XSS", project="OPS")]
    found = tried(new, issues)
    assert found.changed == 0
    abc, ops = found.projects
    assert (abc.project, abc.issues) == ("ABC", 3)
    assert (abc.now, abc.new) == (Reach(Mode.DRY_RUN, 3, 2), Reach(Mode.APPLY, 3, 2))
    assert (ops.project, ops.now) == ("OPS", ops.new)


def test_the_connections_own_layer_holds() -> None:
    new = (
        OLD
        + "connections:\n  acme: {tagging: {without: [slow]}}\n  other: {tagging: {without: [security]}}\n"
    )
    found = tried(new, filed("slow XSS"))
    assert [one.label for one in found.labels if one.lost] == ["slow"]


def test_models_are_asked_by_each_files_own_rules() -> None:
    asked: list[float] = []

    def ask(_issue: Issue, rules: ProjectRules) -> Answers:
        asked.append(rules.learned.precision)
        sure = rules.learned.precision < 0.9
        scored = Scored("checkout", 0.8, 0.7 if sure else 0.9, sure, ())
        return {Target.LABELS: Answer((scored,))}

    strict = OLD + "    learned: {precision: 0.95}\n"
    found = compare(filed("Cart"), "acme", book(OLD), book(strict), lambda _issue: ToyPalette(), ask)
    assert asked == [0.85, 0.95]
    one = label(found, "checkout")
    assert one.lost == 1
    assert one.loss is not None
    assert one.loss.source == "learned"


def test_what_changes_most_comes_first() -> None:
    found = tried(OLD.replace("[slow]", "[late]"), filed("XSS", "xss", "slow"))
    assert [one.label for one in found.labels] == ["slow", "security"]


def test_without_issues_there_is_nothing_to_tell() -> None:
    assert tried(OLD, []) == Comparison(0, 0, (), ())
