"""Rules held against issues: what matches, what does not, why, and how long it takes."""

# The tables read better with a case to a line.
# ruff: noqa: E501

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.load import RuleBook, load_rules
from rules.matching import MAX_FOUND_CHARS, MAX_TEXT_BYTES, Verdict, match, readable
from rules.schema import Mode
from trackers.model import AuthorKind, Issue, Label

ISSUE = Issue(
    id="10001", key="ABC-1", project="ABC", title="", body="", type="Bug", priority="High",
    components=("Web Shop", "API"), labels=(Label("1", "Urgent"), Label("2", "ios", group="Platform")),
    author=AuthorKind.PERSON, created=None, updated=None,
)  # fmt: skip


def book(rules: str) -> RuleBook:
    return load_rules(f"version: 1\ndefaults: {{tagging: {{rules: [{rules}]}}}}".encode(), "rules.yaml")


def verdict(condition: str, **fields: Any) -> Verdict:
    rules = book(f"{{label: x, {condition}}}").effective("c", "ABC")
    (only,) = match(rules, replace(ISSUE, **fields))
    return only


def sentences(found: Verdict) -> list[str]:
    return [fact.sentence() for fact in (found.because if found.matched else found.lacking)]


@pytest.mark.parametrize(
    ("words", "title", "found"),
    [
        ("[xss]", "An XSS hole", "XSS"),
        ("[xss]", "xss", "xss"),
        ("[xss]", "(xss)", "xss"),
        ("[xss]", "axss xssb", None),
        ("[xss]", "xss_test", None),
        ("[xss]", "xss2", None),
        ("[xss]", "éxss", None),
        ("[open]", "re-open", "open"),
        ("[sql injection]", "a SQL\u00a0 \n injection", "SQL injection"),
        ("[sql injection]", "sqlinjection", None),
        ("[crash*]", "It crashed", "crashed"),
        ("[crash*]", "crash", "crash"),
        ("[crash*]", "a recrash", None),
        ("[c++]", "In C++ code", "C++"),
        ("[c++]", "c+++", "c++"),
        ("['.net']", "the .NET part", ".NET"),
        ("['.net']", "asp.net", None),
        ("[größe]", "Die GRÖSSE", None),
        ("[größe]", "Die GRÖßE", "GRÖßE"),
        ("[café]", "Cafe\u0301 menu", "Café"),
        ("[doesn't]", "it doesn\u2019t", "doesn\u2019t"),
        ("[падает]", "Приложение ПАДАЕТ!", "ПАДАЕТ"),
        ("[падает]", "падаете", None),
        ("[חיפוש]", "שגיאה בחיפוש חיפוש", "חיפוש"),
        ("[崩溃]", "应用程序崩溃了", "崩溃"),
        ("[xss]", "XSSがある", "XSS"),
        ("[🔥]", "down 🔥🔥", "🔥"),
        ("['a.c']", "abc", None),
        ("[a, 'b*', c]", "zzz bee", "bee"),
    ],
)  # fmt: skip
def test_words(words: str, title: str, found: str | None) -> None:
    result = verdict(f"title: {{words: {words}}}", title=title)
    assert result.matched is (found is not None)
    assert [fact.found for fact in result.because] == ([found] if found else [])


def test_the_admins_own_word_is_told() -> None:
    rule = "text: {words: [csrf, 'Vulner*', \"sql injection\"]}"
    assert verdict(rule, title="VULNERABLE").because[0].wanted == "Vulner*"
    assert verdict(rule, body="a SQL  Injection").because[0].wanted == "sql injection"


@pytest.mark.parametrize(
    ("condition", "title", "matched"),
    [
        ("title: {phrases: ['docs:']}", "Mydocs: x", True),
        ("title: {phrases: ['a b']}", "a \t b", True),
        ("title: {regex: 'cve-[0-9]+'}", "CVE-12", True),
        ("title: {regex: 'cve-[0-9]+', case_sensitive: true}", "CVE-12", False),
        ("title: {words: [CI], case_sensitive: true}", "ci", False),
        ("title: {words: [CI], case_sensitive: true}", "the CI", True),
        ("title: {words: [a], phrases: [b]}", "a b", True),
        ("title: {words: [a], phrases: [b]}", "a", False),
        ("title: {regex: '^a$'}", "a", True),
        ("title: {regex: '^$'}", "", True),
        ("title: {regex: '^$'}", "a", False),
    ],
)
def test_phrases_patterns_and_case(condition: str, title: str, matched: bool) -> None:
    assert verdict(condition, title=title).matched is matched


@pytest.mark.parametrize(
    ("condition", "matched", "told"),
    [
        ("type: [bug]", True, ["the type is Bug"]),
        ("type: [Story, Epic]", False, ["the type is Bug, not Story or Epic"]),
        ("priority: [HIGH]", True, ["the priority is High"]),
        ("component: [api]", True, ["the component is API"]),
        ("component: [Docs]", False, ["the component is Web Shop, API, not Docs"]),
        ("project: [abc]", True, ["the project is ABC"]),
        ("team: [ENG, ABC]", True, ["the team is ABC"]),
        ("author: [app, person]", True, ["the author is a person of the team"]),
        ("author: [app, customer]", False, ["the author is a person of the team, not an app or a customer"]),
        ("all: [{labels: [urgent]}]", True, ["the issue has the label urgent"]),
        ("all: [{labels: [platform/IOS]}]", True, ["the issue has the label platform/IOS"]),
        ("all: [{labels: [a, b, c]}]", False, ["the issue does not have the label a, b or c"]),
        ("not: {type: [Epic]}", True, ["the type is Bug, not Epic"]),
        ("not: {type: [Bug]}", False, ["the type is Bug, which this rule excludes"]),
        ("not: {not: {type: [Bug]}}", True, ["the type is Bug"]),
        ("type: [Bug], priority: [Low], component: [Docs]", False,
         ["the priority is High, not Low", "the component is Web Shop, API, not Docs"]),
        ("any: [{type: [Epic]}, {priority: [High]}, {team: [ABC]}]", True, ["the priority is High", "the team is ABC"]),
        ("not: {any: [{type: [Epic]}, {priority: [High]}]}", False, ["the priority is High, which this rule excludes"]),
    ],
)  # fmt: skip
def test_values_and_logic(condition: str, matched: bool, told: list[str]) -> None:
    result = verdict(condition)
    assert (result.matched, sentences(result)) == (matched, told)


@pytest.mark.parametrize(
    ("condition", "fields", "told"),
    [
        ("text: {words: [xss]}", {"title": "Stored XSS"}, 'the title has the word "XSS"'),
        ("text: {words: [xss]}", {"body": "Stored XSS"}, 'the description has the word "XSS"'),
        ("text: {words: [xss]}", {}, 'the word "xss" is not in the title or description'),
        ("body: {words: [a, b, c]}", {}, 'the word "a", "b" or "c" is not in the description'),
        ("body: {words: [a, b, c, d, e, f]}", {}, 'the word "a", "b", "c", "d", "e" or "f" is not in the description'),
        ("body: {words: [a, b, c, d, e, f, g]}", {}, 'the word "a", "b", "c", "d", "e" or 2 more is not in the description'),
        ("title: {phrases: ['docs:']}", {"title": "DOCS: x"}, 'the title has the words "DOCS:"'),
        ("title: {phrases: ['docs:']}", {}, 'the words "docs:" are not in the title'),
        (r"title: {regex: 'CVE-\d{4}'}", {"title": "see cve-2024-1"}, r'the title matches the pattern CVE-\d{4}: "cve-2024"'),
        (r"title: {regex: 'CVE-\d{4}'}", {}, r"nothing in the title matches the pattern CVE-\d{4}"),
        ("not: {title: {words: [x]}}", {"title": "x"}, 'the title has the word "x", which this rule excludes'),
        ("type: [Bug]", {"type": None}, "the issue has no type, so it is not Bug"),
    ],
)  # fmt: skip
def test_sentences(condition: str, fields: dict[str, Any], told: str) -> None:
    assert sentences(verdict(condition, **fields)) == [told]


def test_one_verdict_for_each_rule_in_order() -> None:
    rules = book("{label: a, type: [Bug]}, {labels: [b, c], type: [Epic]}, {name: n, label: d, type: [Bug]}")
    found = match(rules.effective("c", "ABC"), ISSUE)
    assert [(v.rule, v.labels, v.matched) for v in found] == [
        ("a", ("a",), True),
        ("b", ("b", "c"), False),
        ("n", ("d",), True),
    ]
    assert all(bool(v.because) is v.matched and bool(v.lacking) is not v.matched for v in found)


LAYERS = b"""
version: 1
defaults:
  mode: suggest
  tagging:
    window: 2h
    max_labels: 3
    rules:
      - {label: a, type: [Bug]}
      - {label: b, type: [Bug]}
connections:
  one:
    tagging: {comment: true, rules: [{label: c, type: [Bug]}, {name: A, label: a2, type: [Bug]}]}
projects:
  ABC: {mode: apply, tagging: {without: [B], window: 90s, rules: [{label: d, type: [Bug]}]}}
  one/ABC: {tagging: {create_labels: true, max_labels: 9, without: [d]}}
"""


@pytest.mark.parametrize(
    ("connection", "project", "mode", "window", "switches", "most", "labels"),
    [
        ("two", "XYZ", Mode.SUGGEST, timedelta(hours=2), (False, False), 3, ["a", "b"]),
        ("one", "XYZ", Mode.SUGGEST, timedelta(hours=2), (True, False), 3, ["a2", "b", "c"]),
        ("two", "ABC", Mode.APPLY, timedelta(seconds=90), (False, False), 3, ["a", "d"]),
        ("one", "ABC", Mode.APPLY, timedelta(seconds=90), (True, True), 9, ["a2", "c"]),
        ("one", "abc", Mode.APPLY, timedelta(seconds=90), (True, True), 9, ["a2", "c"]),
    ],
)
def test_inheritance(
    connection: str,
    project: str,
    mode: Mode,
    window: timedelta,
    switches: tuple[bool, bool],
    most: int,
    labels: list[str],
) -> None:
    rules = load_rules(LAYERS, "rules.yaml").effective(connection, project)
    assert (rules.mode, rules.window, rules.max_labels) == (mode, window, most)
    assert (rules.comment, rules.create_labels) == switches
    assert [rule.labels[0] for rule in rules.rules] == labels


def test_effective_rules_are_made_once_whatever_projects_are_asked_for() -> None:
    rules = load_rules(LAYERS, "rules.yaml")
    assert rules.effective("one", "ABC") is rules.effective("one", "ABC")
    assert rules.effective("one", "P1") is rules.effective("one", "P2")


def test_the_smallest_file_does_nothing_and_only_tells() -> None:
    rules = load_rules(b"version: 1\n", "rules.yaml")
    found = rules.effective("c", "ABC")
    assert (found.mode, found.window, found.rules) == (Mode.DRY_RUN, timedelta(hours=1), ())
    assert (found.comment, found.create_labels, found.max_labels) == (False, False, 5)


def test_the_version_is_that_of_the_text() -> None:
    first, second = load_rules(b"version: 1\n", "a"), load_rules(b"version: 1\n", "b")
    assert first.version_id == second.version_id
    assert len(first.version_id) == 12
    assert load_rules(b"version: 1 \n", "a").version_id != first.version_id


def test_what_was_found_is_made_fit_to_read() -> None:
    assert readable("a\n\tb\x00\x1bc") == "a bc"
    assert readable("\u202eevil\u202c") == "evil"
    assert readable("x" * 100) == "x" * (MAX_FOUND_CHARS - 1) + "…"
    assert readable("👩\u200d👩\u200d👧") == "👩\u200d👩\u200d👧"
    assert readable("\ud800a") == "a"


@given(st.text(max_size=200))
def test_what_was_found_is_always_one_short_line(text: str) -> None:
    shown = readable(text)
    assert len(shown) <= MAX_FOUND_CHARS
    assert shown == " ".join(shown.split())
    assert not any(ord(character) < 32 for character in shown)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_can_be_looked_at(title: str, body: str) -> None:
    rule = r"text: {words: [a, 'b*', é], regex: '\w+', phrases: [x]}"
    assert len(verdict(rule, title=title, body=body).rule) == 1


@given(
    st.from_regex(r"[a-zA-Z0-9éßЖ]{1,12}", fullmatch=True),
    st.sampled_from([" ", ".", "\n", "(", "—", "\u3000"]),
)
def test_a_word_is_found_between_any_edges(word: str, edge: str) -> None:
    rules = book(f'{{label: x, title: {{words: ["{word}"]}}}}').effective("c", "ABC")
    assert match(rules, replace(ISSUE, title=f"zz{edge}{word}{edge}zz"))[0].matched
    assert not match(rules, replace(ISSUE, title=f"zz{word}zz"))[0].matched


def test_only_the_first_part_of_a_text_is_looked_at() -> None:
    assert verdict("title: {words: [x]}", title=" " * (MAX_TEXT_BYTES - 2) + "x ").matched
    assert not verdict("title: {words: [x]}", title=" " * MAX_TEXT_BYTES + "x").matched


HOSTILE = {
    "one megabyte": "a" * 1_000_000,
    "nested quantifiers": "a" * 60_000 + "!",
    "spaces": " " * 100_000,
    "accents on one letter": "a" + "\u0301\u0316" * 100_000,
    "half characters": "\ud800" * 100_000,
    "control characters": "\x00\x07\x1b" * 50_000,
    "right to left": "\u202eאבג " * 20_000,
    "emoji": "👩\u200d👩\u200d👧\u200d👦" * 10_000,
}


def test_who_never_saw_the_rules_is_told_what_was_found() -> None:
    rules = book("{label: a, text: {regex: 'cr[ae]sh(es)? with'}}, {label: b, title: {words: [boom]}}")
    first, second = match(rules.effective("c", "ABC"), replace(ISSUE, title="It crashes with a boom"))
    assert first.because[0].plainly() == 'the title says "crashes with"'
    assert second.because[0].plainly() == second.because[0].sentence()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.fault(42)
def test_hostile_text_is_matched_to_its_end(name: str) -> None:
    rules = book(
        "{label: a, text: {regex: '(a+)+$'}}, {label: b, text: {regex: '(a|aa)+b'}}, "
        "{label: c, text: {words: [sql injection, 'crash*']}}, {label: d, text: {regex: '(.*,){9}z'}}"
    ).effective("c", "ABC")
    # It takes milliseconds; a pattern that blows up would not be done within the hour.
    assert len(match(rules, replace(ISSUE, title=HOSTILE[name], body=HOSTILE[name]))) == 4
