"""Rules against an issue: what is proposed, what goes over the limit, what stays silent."""

from __future__ import annotations

from classifiers.tagging import Judgement, judge
from rules.load import load_rules
from tests.conftest import issue


def judged(rules: str, title: str, most: int = 5) -> Judgement:
    text = f"version: 1\ndefaults: {{tagging: {{max_labels: {most}, rules: [{rules}]}}}}"
    return judge(load_rules(text.encode(), "rules.yaml").effective("acme", "ABC"), issue(title))


XSS = "{label: security, title: {words: [xss]}}"
SLOW = "{name: speed, labels: [slow, backend], title: {words: [slow]}}"


def test_a_rule_that_matches_proposes_its_label_with_its_reason() -> None:
    (proposal,) = judged(XSS, "An XSS hole").proposals
    assert (proposal.label, proposal.source) == ("security", "rule security")
    assert proposal.because == ('the title has the word "XSS"',)


def test_a_rule_may_propose_several_labels() -> None:
    found = judged(SLOW, "slow page").proposals
    assert [(item.label, item.source) for item in found] == [
        ("slow", "rule speed"),
        ("backend", "rule speed"),
    ]


def test_proposals_come_in_the_order_of_the_rules() -> None:
    assert [item.label for item in judged(f"{SLOW}, {XSS}", "xss, slow").proposals] == [
        "slow",
        "backend",
        "security",
    ]


def test_a_label_proposed_twice_keeps_its_first_reasons() -> None:
    again = "{name: other, label: SECURITY, title: {words: [hole]}}"
    (proposal,) = judged(f"{XSS}, {again}", "An XSS hole").proposals
    assert (proposal.label, proposal.source) == ("security", "rule security")


def test_what_is_over_the_limit_is_told_apart() -> None:
    found = judged(f"{XSS}, {SLOW}", "xss, slow", most=2)
    assert [item.label for item in found.proposals] == ["security", "slow"]
    assert [item.label for item in found.over_limit] == ["backend"]


def test_a_silent_rule_says_what_it_lacked() -> None:
    found = judged(f"{XSS}, {SLOW}", "slow page")
    (silent,) = found.silent
    assert (silent.source, silent.labels) == ("rule security", ("security",))
    assert silent.lacking == ('the word "xss" is not in the title',)
    assert silent.alternatives == 0


def test_a_silent_rule_says_of_how_many_alternatives_one_would_do() -> None:
    rule = "{label: security, any: [{title: {words: [xss]}}, {title: {words: [a], phrases: [b c]}}]}"
    (silent,) = judged(rule, "slow page").silent
    assert (silent.alternatives, len(silent.lacking)) == (2, 3)


def test_without_rules_nothing_is_said() -> None:
    rules = load_rules(b"version: 1", "rules.yaml").effective("acme", "ABC")
    assert judge(rules, issue("xss")) == Judgement((), (), ())


def test_a_comment_tells_what_was_found_and_the_record_everything() -> None:
    rules = "{label: crash, title: {regex: 'crash(es)? with'}, not: {title: {regex: '^add '}}}"
    (found,) = judged(rules, "It crashes with a dump").proposals
    assert found.told == ('the title says "crashes with"',)
    assert any("nothing in the title matches" in sentence for sentence in found.because)
    (bare,) = judged("{label: x, not: {title: {words: [boom]}}}", "Quiet").proposals
    assert bare.told == () and bare.because
