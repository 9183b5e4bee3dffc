"""Every fault of a rules file is told at its place; the mark ▸ in a text shows where that is."""

# The tables read better with a case to a line.
# ruff: noqa: E501

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import source as source_module
from rules.fields import MAX_LIST_CHARS, MAX_WORDS
from rules.load import load_rules
from rules.patterns import words_finder
from rules.problems import MOST_PROBLEMS, BadFile, Problem
from rules.source import MAX_BYTES, read_source

FIXTURES = Path(__file__).parent / "rules_fixtures"
MARK = "▸"


def problems(text: str | bytes) -> list[Problem]:
    held = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    with pytest.raises(BadFile) as caught:
        load_rules(held, "rules.yaml")
    return list(caught.value.problems)


def told(marked: str) -> str:
    """The message of the only problem, which must stand at the mark."""
    before = marked[: marked.index(MARK)]
    place = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    found = problems(marked.replace(MARK, ""))
    assert [(problem.line, problem.column) for problem in found] == [place], list(map(str, found))
    return found[0].message


@pytest.mark.parametrize(
    ("marked", "part"),
    [
        ("▸", "the file is empty"),
        ("▸\n# only a comment\n", "the file is empty"),
        ("▸- version: 1", "must be a mapping"),
        ("▸just text", "must be a mapping"),
        ("version: 1\n▸---\nversion: 1", "a second document"),
        ("%YAML 1.1\n▸---\nversion: 1", "only YAML 1.2"),
        ("▸\ufeffversion: 1", "byte order mark"),
        ("version: 1\ndefaults:\n▸\tmode: apply", "a tab is used to indent"),
        ("version: 1\ndefaults:\n  ▸\tmode: apply", "a tab is used to indent"),
        ("version: 1 # ▸\x07", "the character U+0007 is not allowed: remove it"),
        ("version: 1\ndefaults: {mode: apply▸", "not closed"),
        ('version: 1\ndefaults: ▸"apply', "closing quote"),
        (
            'version: 1\ndefaults: {mode: "\\\\U00110000▸\\U00110000"}',
            r"there is no character \U00110000: remove it",
        ),
        (
            'version: 1\ndefaults:\n  mode: "apply"▸, \n  tagging: {max_labels: 3}',
            "this comma is in no list: remove it",
        ),
        ("version: 1\ndefaults: {zone: ^foo▸: bar}", "put the whole text in quotes"),
        (
            "version: 1\ndefaults: {▸\nprojects: {}",
            "a value is missing here, or a list or mapping in brackets",
        ),
        ("▸\t", "a tab is used to indent"),
        ("version: 1\ndefaults: mode▸: apply", 'a ":" stands where none can be'),
        ("version: 1\ndefaults:\n    mode: apply\n   ▸tagging: {}", "not indented like"),
        ("version: 1\ndefaults: ▸@x", "cannot start with this character"),
        ('version: 1\ndefaults: "\\▸d"', "use single quotes"),
        ("version: 1\ndefaults: ▸*nothing", "refers to nothing above"),
        ("version: 1\ndefaults: &self {mode: apply, tagging: ▸*self}", "refers to nothing above"),
        ("version: 1\n▸<<: {mode: apply}", 'merge keys ("<<") are not supported: use defaults'),
        ("version: 1\ndefaults: ▸!secret {mode: apply}", "tags"),
        ("version: 1\n? ▸[a]\n: b", "a key must be plain text"),
        ("version: 1\ndefaults: {}\n▸defaults: {}", "set twice: it was set before in line 2"),
        ("version: 1\n▸defaults:\n", "there is no value here"),
        ("version: 1\ndefaults: {▸mode: ~}", "there is no value here"),
    ],
)
@pytest.mark.fault(41)
def test_text_that_cannot_be_read(marked: str, part: str) -> None:
    assert part in told(marked)


def test_invalid_utf8_is_told_at_its_byte() -> None:
    (only,) = problems("version: 1\n#ä ".encode() + b"\xff")
    assert (only.line, only.column) == (2, 4)
    assert "UTF-8" in only.message


@pytest.mark.fault(41)
def test_too_large_a_file_is_not_even_read() -> None:
    (only,) = problems(b"#" * (MAX_BYTES + 1))
    assert "1,048,577 bytes long; at most 1,048,576 are read" in only.message


def test_too_deep_a_file_is_refused_quickly() -> None:
    (only,) = problems("[" * 100_000)
    assert "32 levels deep" in only.message
    assert (only.line, only.column) == (1, 34)


def test_too_many_values_are_refused() -> None:
    (only,) = problems("a: [" + "1," * source_module.MAX_NODES + "]")
    assert "more than 50,000 values" in only.message


@pytest.mark.fault(41)
def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (only,) = problems("\n".join(lines))
    assert "aliases repeat more than 5,000 values" in only.message


def test_small_aliases_are_fine() -> None:
    book = load_rules(b"version: 1\nprojects:\n  ABC: &same {mode: apply}\n  OPS: *same\n", "rules.yaml")
    assert book.effective("c", "OPS").mode == "apply"


@pytest.mark.fault(41)
def test_every_tabbed_line_is_told() -> None:
    assert [
        problem.line for problem in problems("version: 1\ndefaults:\n\tmode: apply\n\ttagging: {}\n")
    ] == [3, 4]


def test_half_a_character_is_refused() -> None:
    found = problems('version: 1\ndefaults: {tagging: {window: "\\ud800"}}')
    assert "this text holds half a character: write it whole" in found[-1].message
    assert (found[-1].line, found[-1].column) == (2, 30)


def in_rule(rule: str) -> str:
    return "version: 1\ndefaults:\n  tagging:\n    rules:\n      - " + rule + "\n"


@pytest.mark.parametrize(
    ("marked", "message"),
    [
        ("▸defaults: {}", 'the key "version" is missing'),
        ("version: ▸2", 'the only version there is so far is "version: 1"'),
        ("version: ▸true", 'the only version there is so far is "version: 1"'),
        ('version: ▸"1"', 'the only version there is so far is "version: 1"'),
        ("version: 1\n▸default: {}", 'unknown key "default" (did you mean "defaults"?)'),
        ("version: 1\n▸learned: {}", 'unknown key "learned": only boards, connections, defaults, projects, version can stand here'),
        ("version: 1\ndefaults: {mode: ▸aply}", '"mode" must be dry_run, suggest or apply, not "aply" (did you mean "apply"?)'),
        ("version: 1\ndefaults: ▸all", '"defaults" must be a mapping of keys to values'),
        ("version: 1\nprojects: {ABC: ▸apply}", "a layer is a mapping: did you mean ABC: {mode: apply}?"),
        ("version: 1\nboards: {12: ▸suggest}", "a layer is a mapping: did you mean 12: {sprints: {mode: suggest}}?"),
        ("version: 1\ndefaults: ▸mode:apply", 'a space is missing after the colon: did you mean "mode: apply"?'),
        ("version: 1\ndefaults: ▸mode:\u00a0apply", "behind the colon a no-break space (U+00A0) stands here: type a plain space"),
        ("version: 1\ndefaults: {tagging: {comment: ▸yes}}", '"comment" must be true or false'),
        ("version: 1\ndefaults: {tagging: {max_labels: ▸0}}", '"max_labels" must be 1 or more'),
        ("version: 1\ndefaults: {tagging: {max_labels: ▸21}}", '"max_labels" must be 20 or less'),
        ("version: 1\ndefaults: {tagging: {max_labels: ▸2.5}}", '"max_labels" must be a whole number'),
        ("version: 1\ndefaults: {tagging: {max_labels: ▸true}}", '"max_labels" must be a whole number'),
        ("version: 1\ndefaults: {tagging: {window: ▸1 hour}}", "a duration is a whole number with s, m, h or d behind it, such as 90s, 15m, 1h or 2d"),
        ("version: 1\ndefaults: {tagging: {window: ▸60}}", "a duration is a whole number with s, m, h or d behind it, such as 90s, 15m, 1h or 2d"),
        ("version: 1\ndefaults: {tagging: {window: ▸1 Day}}", "a duration is a whole number with s, m, h or d behind it, such as 90s, 15m, 1h or 2d (did you mean 1d?)"),
        ("version: 1\ndefaults: {tagging: {window: ▸90 min}}", "a duration is a whole number with s, m, h or d behind it, such as 90s, 15m, 1h or 2d (did you mean 90m?)"),
        ("version: 1\ndefaults: {tagging: {window: ▸2w}}", "a duration is a whole number with s, m, h or d behind it, such as 90s, 15m, 1h or 2d (did you mean 14d?)"),
        ("version: 1\ndefaults: {tagging: {window: ▸60}}", "a duration is a whole number with s, m, h or d behind it, such as 90s, 15m, 1h or 2d (did you mean 60s or 60m?)"),
        ("version: 1\ndefaults: {tagging: {window: ▸24}}", "a duration is a whole number with s, m, h or d behind it, such as 90s, 15m, 1h or 2d (did you mean 24m or 24h?)"),
        ("version: 1\ndefaults: {tagging: {window: ▸367d}}", "a duration can be at most 366d"),
        ("version: 1\ndefaults: {tagging: {rules: ▸[]}}", '"rules" is an empty list: name at least one'),
        ("version: 1\nprojects: {▸abc: {}}", 'project and team keys are written in capitals (did you mean "ABC"?)'),
        ("version: 1\nprojects: {▸A B: {}}", "this is not a project or team key such as ABC, nor a connection with one such as acme-jira/ABC"),
        ("version: 1\nconnections: {▸Acme: {}}", "a connection's name is up to 63 small letters, digits and hyphens, such as acme-jira"),
        (in_rule("▸bug"), 'an entry of "rules" must be a mapping of keys to values'),
        (in_rule("▸type: [Bug]"), 'this rule puts no label on: add "label" or "labels"'),
        (in_rule("{label: a, ▸labels: [b], type: [Bug]}"), 'this rule has both "label" and "labels": keep one of them'),
        (in_rule("▸label: a"), "this rule has no condition, so it would match every issue: add text, type, any ..."),
        (in_rule("{label: ▸'', type: [Bug]}"), "a label must not be empty"),
        (in_rule("{label: ▸' a', type: [Bug]}"), "a label must not begin or end with a space"),
        (in_rule('{label: ▸"a\\tb", type: [Bug]}'), "a label must not contain control characters or line breaks"),
        (in_rule(f"{{label: ▸{'x' * 256}, type: [Bug]}}"), "a label can have at most 255 characters; this one has 256"),
        (in_rule("{label: ▸404, type: [Bug]}"), '"label" must be text: put it in quotes'),
        (in_rule("{labels: [a, ▸a], type: [Bug]}"), 'the label "a" is listed twice'),
        (in_rule("{labels: ▸[], type: [Bug]}"), '"labels" is an empty list: name at least one'),
        (in_rule("{name: ▸' ', label: a, type: [Bug]}"), "a name must not be empty"),
        (in_rule("{label: a, type: ▸Bug}"), '"type" must be a list, even of one: [...]'),
        (in_rule("{label: a, author: [▸custmer]}"), 'an entry of "author" must be person, app, customer or unknown, not "custmer" (did you mean "customer"?)'),
        (in_rule("{label: a, any: ▸{type: [Bug]}}"), '"any" must be a list, even of one: begin each entry with "- ", or write [{...}]'),
        ("version: 1\ndefaults: {tagging: {rules: ▸{-label: a}}}", "a space is missing after the dash"),
        (in_rule("{label: ▸[security, 'se, c'], type: [Bug]}"), 'several labels go under "labels": labels: [security, "se, c"]'),
        (in_rule("{label: a, title: ▸xss}"), "say what to look for: title: {words: [xss]}"),
        (in_rule("{label: a, any: [{text: ▸[xss, csrf]}]}"), "say what to look for: text: {words: [xss, csrf]}"),
        (in_rule("{label: a, ▸description: x}"), 'unknown key "description" (did you mean "body"?)'),
        (in_rule("{label: a, ▸summary: x}"), 'unknown key "summary" (did you mean "title"?)'),
        (in_rule("{label: a, ▸reporter: x}"), 'unknown key "reporter" (did you mean "author"?)'),
        (in_rule("{label: a, any: [{▸creator: x}]}"), 'unknown key "creator" (did you mean "author"?)'),
        (in_rule("{label: a, ▸or: []}"), 'unknown key "or" (did you mean "any"?)'),
        (in_rule("{label: a, ▸and: []}"), 'unknown key "and" (did you mean "all"?)'),
        (in_rule("{label: a, ▸status: Open}"), '"status" cannot be asked for: only all, any, author'),
        (in_rule("{label: a, not: {▸assignee: x}}"), '"assignee" cannot be asked for: only all, any, author'),
        (in_rule("{label: a, ▸keywords: [x]}"), '"keywords" does not say where to look: did you mean text: {words: ...}, or title or body in place of text?'),
        (in_rule("{label: a, title: {▸contains: [x]}}"), 'unknown key "contains" (did you mean "words"?)'),
        (in_rule("{▸label:docs, type: [Bug]}"), 'a space is missing after the colon: did you mean "label: docs"?'),
        (in_rule("{label: a, type: [Bug], ▸-title: x}"), 'a space is missing after the dash: did you mean "- title"?'),
        (in_rule("{label: a, any: ▸[]}"), '"any" is an empty list: name at least one'),
        (in_rule("{label: a, any: [▸{}]}"), "this condition is empty: say what must hold"),
        (in_rule("{label: a, not: ▸{}}"), "this condition is empty: say what must hold"),
        (in_rule("{label: a, type: [Bug], ▸words: [x]}"), '"words" does not say where to look: put it under title, body or text'),
        (in_rule("{label: a, any: [{▸label: x}]}"), 'a condition on labels already there is written "labels: [...]"'),
        (in_rule("{label: a, title: ▸{}}"), '"title" says nothing to look for: add words, phrases or regex'),
        (in_rule("{label: a, title: ▸{case_sensitive: true}}"), '"title" says nothing to look for: add words, phrases or regex'),
        (in_rule("{label: a, title: {▸word: [x]}}"), 'unknown key "word" (did you mean "words"?)'),
        (in_rule("{label: a, title: {words: ▸[]}}"), '"words" is an empty list: name at least one'),
        (in_rule("{label: a, title: {words: [▸'*']}}"), "a star alone would match every word: put letters before it"),
        (in_rule("{label: a, title: {words: [▸a*b]}}"), "a star can only stand at the end of a word; use regex for anything else"),
        (in_rule("{label: a, title: {words: [▸'a *']}}"), "a star must follow its word without a space"),
        (in_rule("{label: a, title: {words: [▸404]}}"), 'an entry of "words" must be text: put it in quotes'),
        (in_rule("{label: a, title: {phrases: [▸'']}}"), "a phrase must not be empty"),
        (in_rule(f"{{label: a, title: {{phrases: [▸{'x' * 101}]}}}}"), "a word or phrase can have at most 100 characters; this one has 101"),
        (in_rule(f"{{label: a, title: {{words: ▸[{'x, ' * 301}]}}}}"), '"words" has 301 entries; at most 300 are allowed'),
        (in_rule(f"{{label: a, title: {{words: ▸[{('x' * 99 + ', ') * 61}]}}}}"), "this list has 6,039 characters in all, more than 6,000: use several conditions"),
        (in_rule("{label: a, title: {regex: ▸'(a'}}"), "a closing ) is missing in this regular expression; a ( meant as it stands is written \\("),
        (in_rule("{label: a, title: {regex: ▸'a)'}}"), "a ) closes nothing in this regular expression; one meant as it stands is written \\)"),
        (in_rule("{label: a, title: {regex: ▸'[a'}}"), "a closing ] is missing in this regular expression; a [ meant as it stands is written \\["),
        (in_rule("{label: a, title: {regex: ▸'*a'}}"), "in this regular expression a *, + or ? has nothing before it to repeat"),
        (in_rule("{label: a, title: {regex: ▸'a\\'}}"), "this regular expression ends with a single \\: a backslash as it stands is written \\\\"),
        (in_rule(r"{label: a, title: {regex: ▸'\y'}}"), r"re2 refuses this regular expression: invalid escape sequence: \y"),
        (in_rule("{label: a, title: {regex: ▸'(?<=a)b'}}"), "this regular expression looks ahead or behind, which re2 cannot do: use all, any and not instead"),
        (in_rule(r"{label: a, title: {regex: ▸'(a)\1'}}"), r"this regular expression refers back to a group, which re2 cannot do (invalid escape sequence: \1)"),
        (in_rule("{label: a, title: {regex: ▸'((a{100}){100}){100}'}}"), "this regular expression is too large"),
        (in_rule(f"{{label: a, title: {{regex: ▸{'x' * 1001}}}}}"), "this regular expression has 1,001 characters, more than 1,000"),
        (in_rule("{label: a, title: {regex: ▸''}}"), "this regular expression also finds an empty text, so it would match every issue"),
        (in_rule("{label: a, title: {regex: ▸'a*'}}"), "this regular expression also finds an empty text, so it would match every issue"),
        (in_rule("{label: a, title: {regex: ▸'x|'}}"), "this regular expression also finds an empty text, so it would match every issue"),
        (in_rule(r"{label: a, title: {regex: ▸'\b'}}"), "this regular expression also finds an empty text, so it would match every issue"),
        (in_rule("{label: a, type: [Bug], not: {▸type: [bug, Epic]}}"), "no issue can match this rule: this contradicts what stands beside it"),
        (in_rule("{label: a, all: [{type: [Bug]}, {▸type: [Epic]}]}"), "no issue can match this rule: this contradicts"),
        (in_rule("{label: a, priority: [High], any: [{▸priority: [Low]}, {priority: [Lowest]}]}"), "no issue can match this rule"),
        (in_rule("{label: a, not: {▸author: [person, app, customer, unknown]}}"), "no issue can match this rule"),
        (in_rule("{label: a, all: [{labels: [x]}], not: {any: [{▸labels: [X, y]}]}}"), "no issue can match this rule"),
        (in_rule("{label: a, text: {words: [crash, crashes]}, not: {text: {▸words: [crash*]}}}"), "no issue can match this rule"),
        (in_rule("{label: a, title: {phrases: ['the data loss']}, not: {text: {▸phrases: [Data  loss]}}}"), "no issue can match this rule"),
        (in_rule("{label: a, title: {regex: x+}, not: {title: {▸regex: x+}}}"), "no issue can match this rule"),
        (in_rule("{label: a, type: [Bug],\n         not: {▸type: [Bug]}}"), "no issue can match this rule: this contradicts line 5"),
        ("version: 1\nprojects: {c/ABC: {tagging: {rules: [{label: a, ▸team: [DEF]}]}}}", "no issue can match this rule: every issue in the layer it stands in is of ABC"),
        (in_rule("{label: a, title: {regex: ▸'more than $[0-9]+'}}"), "no text can match this regular expression: it goes on after its end"),
        (in_rule("{label: a, title: {regex: ▸'C^2|C^3'}}"), "no text can match this regular expression"),
        (in_rule('{label: a, title: {regex: ▸"\\bcrash"}}'), "in double quotes \\b is a backspace"),
        (in_rule('{label: a, title: {words: [x, ▸"\\bcrash"]}}'), "in double quotes \\b is a backspace"),
        ("version: 1\ndefaults: {▸max_labels: 3}", '"max_labels" does not stand here: put it under "tagging"'),
        ("version: 1\ndefaults: {tagging: {▸precision: 0.9}}", '"precision" does not stand here: put it under "learned"'),
        ("version: 1\n▸mode: apply", '"mode" does not stand here: put it under "defaults"'),
        ("version: 1\ndefaults: {tagging: {learned: {precision: ▸85}}}", "this is more than the whole (did you mean 85% or 0.85?)"),
        ("version: 1\ndefaults: {tagging: {learned: {precision: 0,▸85}}}", "a decimal point, not a comma: did you mean precision: 0.85?"),
        ("version: 1\ndefaults: {sprints: {overcommit: {warn_below: 0,▸25}}}", "a decimal point, not a comma: did you mean warn_below: 0.25?"),
        ("version: 1\ndefaults: {sprints: {scope_creep: {grace: 1h, budget: 0,▸15}}}", "a decimal point, not a comma: did you mean budget: 0.15?"),
        ("version: 1\ndefaults:\n  sprints:\n    unestimated: ▸0,5", '"unestimated" must be a number (a decimal point, not a comma: did you mean 0.5?)'),
        (in_rule("{label: a, not: " + "{not: " * 7 + "▸{type: [Bug]}" + "}" * 8), "conditions are nested more than 8 levels deep here"),
        (in_rule("{label: a, type: [Bug]}\n      - ▸{label: A, type: [Epic]}"), 'a rule named "A" stands already in line 5: give this one a name of its own'),
        ("version: 1\ndefaults: {tagging: {rules: [{label: a, type: [Bug]}, ▸{label: A, type: [Epic]}]}}", 'a rule named "A" stands already in line 2: give this one a name of its own'),
        ("version: 1\ndefaults: {tagging: {without: [▸bug]}}", 'no rule named "bug" is inherited here'),
        (in_rule("{label: bug, type: [Bug]}") + "projects: {ABC: {tagging: {without: [▸bugg]}}}", 'no rule named "bugg" is inherited here (did you mean "bug"?)'),
    ],
)  # fmt: skip
@pytest.mark.fault(41)
def test_meaning_that_cannot_be_used(marked: str, message: str) -> None:
    assert told(marked).startswith(message)


@pytest.mark.parametrize(
    ("marked", "message"),
    [
        (in_rule("label:▸docs\n        title: {words: [x]}"), "a space is missing after the colon"),
        (in_rule("title: {words: [x]}\n        label:▸docs"), "a space is missing after the colon"),
        (in_rule("title: {words: [x]}\n        label:▸docs\n        type: [Bug]"), "a space is missing after the colon"),
        ("version: 1\ndefaults:\n  tagging:\n    rules:\n      -▸label: a\n        type: [Bug]", "a space is missing after the dash"),
        ("version:▸1\ndefaults: {}", "a space is missing after the colon"),
        ("version: 1\ndefaults:\n  mode:▸\u00a0apply\n  tagging: {}", "a no-break space (U+00A0) stands here: type a plain space"),
        (in_rule("label: a\n        type: [Bug]\n      ▸label: b\n      type: [Epic]"), 'a dash is missing: this begins like the entry in line 5, "- label: ..."'),
        (in_rule("label: a\n        type: [Bug]\n      ▸label: b\n        type: [Epic]"), 'a dash is missing: this begins like the entry in line 5, "- label: ..."'),
        ("version: 1\ndefaults:\n▸\u00a0\u00a0mode: apply\n", "a no-break space (U+00A0) stands here: type a plain space"),
        ("version: 1\ndefaults:\n  mode: apply\n ▸\u2003tagging: {}\n", "a special space (U+2003) stands here: type a plain space"),
        ("version: 1\ndefaults:\n  ▸\u200bmode: apply\n", "a zero-width space (U+200B) stands here: remove it"),
        (in_rule("label: a\n        type:\n       ▸\u3000- Bug"), "a wide space (U+3000) stands here: type a plain space"),
        ("version: 1\ndefaults:\n  tagging:\n    rules:\n      -▸\u00a0label: a\n        type: [Bug]", "a no-break space (U+00A0) stands here: type a plain space"),
    ],
)  # fmt: skip
def test_what_is_hardly_seen_is_told_where_it_stands(marked: str, message: str) -> None:
    assert told(marked) == message


def test_an_odd_space_right_after_a_block_of_text_is_told() -> None:
    text = "version: 1\ndefaults:\n  sprints:\n    wording:\n      how_advice: |-\n        Advice.\n▸\u00a0 tagging: {}\n"
    assert told(text).startswith("a no-break space")


def test_an_empty_line_of_odd_spaces_is_told() -> None:
    assert told("version: 1\n▸\u00a0\u00a0\ndefaults: {}\n").startswith("a no-break space")


def test_a_key_beside_that_of_a_list_misses_no_dash() -> None:
    rule = "label: a\n        any:\n        - labels: [x]\n        labels: [y▸"
    assert "a list or mapping in brackets" in told(in_rule(rule))
    rule = "any:\n        - labels: [x]\n        labels: [y▸"
    assert "a list or mapping in brackets" in told(in_rule(rule))


def test_two_spaces_that_are_missing_are_both_told() -> None:
    found = problems(
        in_rule("title: {words: [x]}\n        label:docs\n        name:docs\n        type: [Bug]")
    )
    assert [(one.line, one.column) for one in found] == [(6, 15), (7, 14)]


@pytest.mark.parametrize(
    "text",
    [
        in_rule("label: a\n        title:\n          phrases:\n            - |\n             \u00a0text: x"),
        in_rule('label: a\n        title:\n          phrases: ["x\n              \u00a0text: y"]'),
        in_rule("label: a\n        # \u00a0\n        type: [Bug\u00a0fix]"),
    ],
)
def test_an_odd_space_in_a_text_may_be_meant(text: str) -> None:
    load_rules(text.encode(), "rules.yaml")


@pytest.mark.parametrize("line", ["window 1h", "- 12:30", "from: x: y"])
def test_what_more_than_a_space_would_mend_is_told_as_before(line: str) -> None:
    found = problems(f"version: 1\ndefaults:\n  mode: apply\n  {line}\n  tagging: {{}}\n")
    assert not any("is missing after the colon" in one.message for one in found)


@pytest.mark.parametrize(
    ("marked", "message"),
    [
        ("scope_creep: {label: ▸yes}", '"yes" is text here: did you mean true? For a label of that name write it in quotes'),
        ("scope_creep: {label: ▸Off}", '"Off" is text here: did you mean false? For a label of that name write it in quotes'),
        ("notify: {mention: ▸no}", '"no" is text here: did you mean false? For a mention of that name write it in quotes'),
        ("quiet_hours: ▸no", '"no" does not fit here (did you mean false?)'),
        ("people: ▸off", '"off" does not fit here (did you mean false?)'),
        ("notify: {tracking_issue: ▸no}", '"no" does not fit here (did you mean false?)'),
        ('quiet_hours: ▸"18:00-8:00"', '"quiet_hours" has two ends, such as {from: "18:00", to: "08:00"}'),
        ("notify: {tracking_issue: ▸https://acme.atlassian.net/browse/OPS-12?focused=1}", 'an issue is named by its key, such as OPS-12 (did you mean "OPS-12"?)'),
        ("notify: {tracking_issue: ▸https://linear.app/acme/issue/ENG-7/a-title}", 'an issue is named by its key, such as OPS-12 (did you mean "ENG-7"?)'),
        ("scope_creep: {grace: ▸1 day}", "a duration is a whole number with s, m, h or d behind it, such as 90s, 15m, 1h or 2d (did you mean 1d?)"),
        ("away: [{from: 2026-12-01, to: 2026-12-03, ▸until: 2026-12-03}]", 'unknown key "until" (did you mean "to"?)'),
    ],
)  # fmt: skip
def test_what_was_meant_of_sprints_is_told(marked: str, message: str) -> None:
    assert told(f"version: 1\ndefaults:\n  sprints:\n    {marked}\n") == message


def test_a_label_in_quotes_may_be_called_yes() -> None:
    load_rules(b"version: 1\ndefaults: {sprints: {scope_creep: {label: 'yes'}, notify: {mention: on}}}", "f")


@pytest.mark.fault(41)
def test_many_mistakes_are_told_at_once() -> None:
    found = problems((FIXTURES / "mistakes.yaml").read_bytes())
    assert "\n".join(map(str, found)) + "\n" == (FIXTURES / "mistakes.txt").read_text(encoding="utf-8")


def test_what_stands_in_broken_text_is_told_but_nothing_that_comes_of_it() -> None:
    name = "broken_text"
    with pytest.raises(BadFile) as caught:
        load_rules((FIXTURES / f"{name}.yaml").read_bytes(), f"{name}.yaml")
    assert str(caught.value) + "\n" == (FIXTURES / f"{name}.txt").read_text(encoding="utf-8")


GOOD = """\
version: 1
defaults:
  mode: apply
  sprints:
    holidays: [2026-12-24, 2026-12-25]
  tagging:
    window: 2h
    rules:
      - label: security
        any:
          - text: {words: [xss, "sql injection"]}
          # Names, and "numbers".
          - title: {regex: '(?m)^CVE-[0-9]{4}'}
        not:
          type: [Epic]
      - labels: [
          docs,
          writing
        ]
        title: {words: [readme]}
projects:
  ABC:
    tagging: {without: [security], comment: true}
  "OPS": {mode: suggest}
"""
SIGNS = [place for place, sign in enumerate(GOOD) if sign in "[]{}'\":"]
OVER_LINES = range(16, 21)
"""The rule whose list of labels goes over several lines."""


def near(place: int) -> set[int]:
    """The line of a sign and the next one that says something, where a key that is none is noticed."""
    lines = GOOD.split("\n")
    line = GOOD[:place].count("\n") + 1
    if line in OVER_LINES:
        return {*OVER_LINES}
    after = (n for n in range(line + 1, len(lines)) if not lines[n - 1].lstrip().startswith("#"))
    return {line, next(after, line)}


@pytest.mark.parametrize("place", SIGNS, ids=lambda place: f"{GOOD[:place].count(chr(10)) + 1}:{place}")
def test_a_sign_left_out_is_told_where_it_stood_and_nowhere_else(place: int) -> None:
    text = (GOOD[:place] + GOOD[place + 1 :]).encode()
    found: tuple[Problem, ...] = ()
    try:
        load_rules(text, "rules.yaml")
    except BadFile as error:
        found = error.problems
    assert {problem.line for problem in found} <= near(place), "\n".join(map(str, found))


def test_utf_16_is_named_and_the_rest_told() -> None:
    text = "version: 1\ndefaults: {mode: aply}\n"
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        first, second = problems(text.encode(encoding))
        assert (first.line, first.column) == (1, 1)
        assert first.message.startswith(
            f"this is UTF-16{encoding[6:].upper()} text, as some editors on Windows"
        )
        assert (second.line, second.column) == (2, 18)


def test_every_line_of_latin_1_is_told_with_what_it_would_be_and_the_rest_too() -> None:
    found = problems("version: 1\n# Größe\ndefaults: {mode: aply} # für\n".encode("latin-1"))
    assert [(one.line, one.column) for one in found] == [(2, 5), (3, 18), (3, 27)]
    assert found[0].message.endswith('(it would be "ö" in Latin-1): save the file as UTF-8')


@pytest.mark.fault(41)
def test_a_byte_order_mark_hides_nothing() -> None:
    assert [one.line for one in problems(b"\xef\xbb\xbfversion: 1\ndefaults: {mode: aply}\n")] == [1, 2]


@pytest.mark.fault(41)
def test_ten_megabytes_are_not_even_read() -> None:
    (only,) = problems(b"version: 1\n" + b"#" * (10 * 1024 * 1024))
    assert "10,485,771 bytes" in only.message


def test_without_looks_at_the_layers_it_can_inherit_from() -> None:
    text = """
version: 1
defaults: {tagging: {rules: [{label: a, type: [Bug]}]}}
connections:
  one: {tagging: {rules: [{label: b, type: [Bug]}], without: [a]}}
projects:
  ABC: {tagging: {without: [a, b]}}
  one/ABC: {tagging: {without: [a, b]}}
  two/ABC: {tagging: {without: [a, b]}}
"""
    assert [(p.line, p.column) for p in problems(text)] == [(9, 36)]


@pytest.mark.parametrize("pattern", ["^$", "a+", r"\S", "^[a-z]+$", "(?m)^x", "[^a]", "."])
def test_patterns_that_find_something_are_taken(pattern: str) -> None:
    load_rules(in_rule(f"{{label: a, title: {{regex: '{pattern}'}}}}").encode(), "rules.yaml")


def test_the_longest_word_lists_still_compile() -> None:
    for piece in ("θẞßǅ", "kK\u212a", "日本"):
        size = MAX_LIST_CHARS // MAX_WORDS
        words_finder(tuple(f"{(piece * size)[: size - 1]}*" for _ in range(MAX_WORDS)))


def test_problems_beyond_the_most_are_counted() -> None:
    found = problems("version: 1\n" + "".join(f"k{n}: 1\n" for n in range(150)))
    assert len(found) == MOST_PROBLEMS + 1
    assert found[-1].message == "50 more problems follow from here"


def test_of_a_text_that_is_broken_all_over_the_first_faults_are_told() -> None:
    found = problems("version: 1\n" + "a: 'x\n" * 1_000)
    assert len(found) == MOST_PROBLEMS
    assert [problem.line for problem in found[:-1]] == list(range(2, MOST_PROBLEMS + 1))
    assert found[-1].message.startswith("from here on nothing was looked at")


def test_what_is_quoted_from_the_file_is_short_and_on_one_line() -> None:
    (only,) = problems('version: 1\n"' + "x\\n" * 500 + '": 1')
    assert len(only.message) < 200
    assert "\n" not in str(only)


def test_a_bad_file_prints_and_pickles_with_all_problems() -> None:
    error = BadFile([Problem("f", 2, 1, "b"), Problem("f", 1, 5, "a"), Problem("f", 2, 1, "b")])
    assert str(error) == "f:1:5: a\nf:2:1: b"
    assert pickle.loads(pickle.dumps(error)).problems == error.problems


def test_places_of_keys_and_values() -> None:
    source = read_source(b"a:\n  - b: 1\n    'c d': [x, y]\n", "f")
    assert source.data == {"a": [{"b": 1, "c d": ["x", "y"]}]}
    assert source.locate(()) == (1, 1)
    assert source.locate(("a", 0, "b")) == (2, 8)
    assert source.locate(("a", 0, "c d", 1)) == (3, 16)
    assert source.locate_key(("a", 0, "c d")) == (3, 5)
    assert source.locate(("a", 0, "missing")) == (2, 5)


def test_plain_values_are_those_of_yaml_1_2() -> None:
    text = b"{a: yes, b: 0x1F, c: 0o17, d: 017, e: 1e3, f: 'true', g: True, h: 12:30, i: 2026-01-01, j: -3}"
    assert read_source(text, "f").data == {
        "a": "yes", "b": 31, "c": 15, "d": 17, "e": 1000.0, "f": "true", "g": True, "h": "12:30",
        "i": "2026-01-01", "j": -3,
    }  # fmt: skip


@given(
    st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@?, \n\t\\01<", max_size=80).map(str.encode)
)
@pytest.mark.fault(41)
def test_no_text_raises_anything_but_bad_file(text: bytes) -> None:
    found: tuple[Problem, ...] | None = None
    try:
        load_rules(text, "f")
    except BadFile as error:
        found = error.problems
    assert found is None or (found and all(problem.line >= 1 and problem.column >= 1 for problem in found))
