"""Every warning of a rules file, at its place and by its name; and what only looks like one.

The mark ▸ in a text shows where the warning stands.
"""

# The tables read better with a case to a line.
# ruff: noqa: E501

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from rules.fields import MAX_WORDS
from rules.lint import lint
from rules.load import load_rules
from rules.source import read_source
from rules.warning_names import WARNINGS
from tests.unit import test_lint_connection

ROOT = Path(__file__).parents[2]
MARK = "▸"
TODAY = date(2026, 11, 22)


def rules(*lines: str, more: str = "") -> str:
    """A file with these rules under defaults, one to a line."""
    return (
        "version: 1\ndefaults:\n  tagging:\n    rules:\n"
        + "".join(f"      - {one}\n" for one in lines)
        + more
    )


def sprints(line: str) -> str:
    return f"version: 1\ndefaults:\n  sprints:\n    {line}\n"


def tagging(line: str) -> str:
    return f"version: 1\ndefaults:\n  tagging:\n    {line}\n"


def warnings(text: str) -> list[tuple[str, int, int]]:
    load_rules(text.encode(), "rules.yaml")  # a warning is of a file that is taken
    found = lint(read_source(text.encode(), "rules.yaml"), TODAY)
    return [(one.name, one.problem.line, one.problem.column) for one in found]


def place(marked: str) -> tuple[int, int]:
    before = marked[: marked.index(MARK)]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


RULES = "{label: a, title: {words: [x]}}"
CASES = [
    ("always-matches", rules("▸{label: a, any: [{type: [Bug]}, {not: {type: [Bug]}}]}")),
    ("always-matches", rules("▸{label: a, author: [person, app, customer, unknown]}")),
    ("always-matches", rules("▸{label: a, not: {type: [Bug], any: [{not: {type: [Bug, Epic]}}]}}")),
    ("dead-alternative", rules("{label: a, type: [Bug], any: [▸{type: [Epic]}, {title: {words: [x]}}]}")),
    ("dead-alternative", rules("{label: a, title: {regex: ▸'refund|costs $[0-9]+'}}")),
    ("dead-alternative", "version: 1\nprojects:\n  ABC:\n    tagging: {rules: [{label: a, any: [▸{team: [DEF]}, {type: [Bug]}]}]}"),
    ("same-conditions", rules(RULES, "▸{label: b, title: {words: [x]}}")),
    ("asks-for-its-label", rules("▸{label: a, all: [{labels: [A]}, {type: [Bug]}]}")),
    ("too-many-labels", rules("{▸labels: [a, b, c, d, e, f], type: [Bug]}")),
    ("too-many-labels", tagging("max_labels: 1") + "projects:\n  ABC: {tagging: {rules: [{▸labels: [a, b], type: [Bug]}]}}"),
    ("needless-entry", rules("{label: a, title: {words: [crash*, ▸crashes]}}")),
    ("needless-entry", rules("{label: a, title: {words: [crash, ▸Crash]}}")),
    ("needless-entry", rules("{label: a, title: {phrases: [data loss, ▸the data loss of]}}")),
    ("needless-entry", rules("{label: a, any: [{not: {component: [UI, ▸ui]}}]}")),
    ("short-phrase", rules("{label: a, title: {phrases: [▸ui]}}")),
    ("short-phrase", rules("{label: a, title: {phrases: [▸e], case_sensitive: true}}")),
    ("list-in-one-text", rules("{label: a, title: {words: [▸'xss, csrf']}}")),
    ("list-in-one-text", rules("{label: a, type: [▸'Bug,Epic']}")),
    ("doubled-backslash", rules(r"{label: a, title: {regex: ▸'\\bcrash\\b'}}")),
    ("doubled-backslash", rules(r"{label: a, title: {regex: ▸'build \\d+'}}")),
    ("star-of-words", rules("{label: a, title: {regex: ▸'crash*'}}")),
    ("label-spelling", rules(RULES, "{name: b, label: ▸A, type: [Bug]}")),
    ("label-clash", rules("{label: ▸sprintwarden-snooze, type: [Bug]}")),
    ("label-clash", rules("{label: ▸scope-added, type: [Bug]}", more="  sprints: {scope_creep: {label: true}}")),
    ("no-effect", sprints("{enabled: false, ▸notify: {tracking_issue: OPS-12}}")),
    ("no-effect", sprints("overcommit: {enabled: false, ▸grace: 2d}")),
    ("no-effect", sprints("{requirements: false, ▸requirement_lines: [{line: x, kind: demand}]}")),
    ("no-effect", sprints("{measure: issues, ▸unestimated: 2}")),
    ("no-effect", tagging("learned: {enabled: false, ▸precision: 0.9}")),
    ("no-effect", tagging("learned: {targets: [labels], ▸components_precision: 0.9}")),
    ("no-effect", tagging("learned: {targets: [components], ▸precision: 0.9}")),
    ("no-difference", "version: 1\ndefaults: {mode: apply, tagging: {comment: true}}\nprojects:\n  ▸ABC: {mode: apply, tagging: {comment: true}}"),
    ("no-difference", "version: 1\nconnections: {one: {tagging: {max_labels: 2}}}\nprojects:\n  ▸one/ABC: {tagging: {max_labels: 2}}"),
    ("replaced-anyway", rules(RULES) + "projects:\n  ABC: {tagging: {without: [▸a], rules: [{label: a, type: [Bug]}]}}"),
    ("nothing-to-do", "version: 1\ndefaults: {mode: ▸apply, tagging: {learned: {enabled: false}}, sprints: {enabled: false}}"),
    ("learned-over-limit", tagging("{max_labels: 2, learned: {targets: [labels], max_labels: ▸3}}")),
    ("no-time-to-speak", sprints('▸quiet_hours: {from: "08:00", to: "07:30"}')),
    ("quiet-by-day", sprints('▸quiet_hours: {from: "08:00", to: "18:00"}')),
    ("weekend-only", sprints("working_days: ▸[sat, sun]")),
    ("past-absence", sprints("away: [▸{from: 2026-07-06, to: 2026-07-24}]")),
    ("long-absence", sprints("away: [▸{from: 2026-12-24, to: 2028-01-03}]")),
    ("past-holidays", sprints("▸holidays: [2025-12-25, 2026-01-01]")),
    ("yes-or-no", rules("{label: ▸on, type: [Bug]}")),
    ("yes-or-no", rules("{labels: [a, ▸No], type: [Bug]}")),
    ("yes-or-no", rules("{label: a, name: ▸off, type: [Bug]}")),
    ("yes-or-no", tagging("learned: {never: [▸off]}")),
    ("yes-or-no", sprints("notify: {snooze_label: ▸yes}")),
    ("typographic-quotes", rules("{label: ▸“bug”, type: [Bug]}")),
    ("typographic-quotes", rules("{label: a, title: {words: [x, ▸„xss“]}}")),
    ("typographic-quotes", rules("{label: a, any: [{body: {phrases: [broken, ▸‘data loss’]}}]}")),
    ("typographic-quotes", sprints("scope_creep: {label: ▸“late”}")),
    ("whole-share", sprints("scope_creep: {budget: ▸1}")),
    ("always-warns", sprints("overcommit: {warn_below: ▸99%}")),
    ("label-snoozes", sprints("{scope_creep: {label: ▸Quiet}, notify: {snooze_label: quiet}}")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "marked"), CASES)
def test_what_is_surely_not_meant_is_told_at_its_place(name: str, marked: str) -> None:
    assert warnings(marked.replace(MARK, "")) == [(name, *place(marked))]


def test_every_warning_has_a_case() -> None:
    assert {name for name, _ in CASES} | test_lint_connection.NAMES == set(WARNINGS)


@pytest.mark.parametrize(
    "text",
    [
        # Conditions that may hold, though they look like others that may not.
        rules("{label: a, type: [Bug, Epic], not: {type: [Bug]}}"),
        rules("{label: a, title: {words: [crash]}, not: {body: {words: [crash]}}}"),
        rules("{label: a, text: {words: [crash]}, not: {title: {words: [crash]}}}"),
        rules("{label: a, title: {words: [crash*]}, not: {title: {words: [crash]}}}"),
        rules("{label: a, title: {phrases: [crash]}, not: {title: {words: [crash]}}}"),
        rules("{label: a, title: {words: [it]}, not: {title: {words: [IT], case_sensitive: true}}}"),
        rules("{labels: [a], not: {any: [{labels: [a]}]}}"),
        rules("{label: a, any: [{labels: [x]}], not: {labels: [y]}}"),
        rules("{label: a, all: [{labels: [x]}, {labels: [y]}]}"),
        rules("{label: a, all: [{component: [x]}], not: {component: [y]}}"),
        rules("{label: a, any: [{type: [Bug]}, {not: {type: [Epic]}, title: {words: [x]}}]}"),
        rules("{label: a, type: [Bug], not: {type: [Bug], title: {words: [x]}}}"),
        rules("{label: a, author: [person, app, customer]}"),
        # Patterns.
        rules(r"{label: a, title: {regex: 'costs \$[0-9]+'}}"),
        rules("{label: a, title: {regex: '(?m)^x$|y$'}}"),
        rules(r"{label: a, title: {regex: 'C:\\build|\\\\server\\share'}}"),
        rules("{label: a, title: {regex: 'a[$]b|[^^]^?c'}}"),
        rules("{label: a, title: {regex: 'crash.*'}}"),
        rules(r"{label: a, title: {regex: 'crash$\x0a?|down\z\pL?|up$\012*|it\z\x{41}?'}}"),
        rules(r"{label: a, title: {regex: '^\x20*\x41?^x|a\P{L}?^b|x$\PL*'}}"),
        # Lists.
        rules("{label: a, title: {words: [crash, crashes, crashed]}}"),
        rules("{label: a, title: {words: [CI, ci], case_sensitive: true}}"),
        rules("{label: a, title: {phrases: [UI], case_sensitive: true}}"),
        rules("{label: a, title: {words: ['1,000', 'a/b', 'n+1 query']}}"),
        # Two rules for one thing, of which one can be left out.
        rules(RULES, "{label: b, title: {words: [x]}}") + "projects: {ABC: {tagging: {without: [b]}}}",
        rules(RULES, "{label: b, title: {words: [x]}}") + "projects: {ABC: {tagging: {rules: [{label: b, type: [Bug]}]}}}",
        # The same label on two trackers, and in two projects.
        "version: 1\nconnections: {one: {tagging: {rules: [{label: bug, type: [Bug]}]}}, two: {tagging: {rules: [{label: Bug, type: [Bug]}]}}}",
        # Labels that one project may have all of.
        rules("{labels: [a, b, c, d, e, f], type: [Bug]}") + "projects: {ABC: {tagging: {max_labels: 6}}}",
        # What an inner layer makes use of.
        sprints("{enabled: false, people: 3}") + "projects: {ABC: {sprints: {enabled: true}}}",
        sprints("{measure: issues, unestimated: 2}") + "projects: {ABC: {sprints: {measure: auto}}}",
        sprints("{enabled: false, scope_creep: {label: late}}"),
        sprints("overcommit: {enabled: false, done_share: 70%}"),
        tagging("learned: {enabled: false, precision: 0.9}") + "projects: {ABC: {tagging: {learned: {enabled: true}}}}",
        tagging("{max_labels: 2, learned: {max_labels: 3}}"),
        # A mode that holds on to what is inherited, and values that another connection may have otherwise.
        "version: 1\ndefaults: {mode: dry_run}\nprojects: {ABC: {mode: dry_run}}",
        "version: 1\nconnections: {one: {tagging: {max_labels: 2}}}\nprojects: {ABC: {tagging: {max_labels: 2}}}",
        "version: 1\ndefaults: {tagging: {max_labels: 2}}\nconnections: {one: {tagging: {max_labels: 3}}}\nprojects: {ABC: {tagging: {max_labels: 2}}}",
        rules(RULES, more="connections: {one: {tagging: {without: [a]}}}\n") + "projects: {ABC: {tagging: {rules: [" + RULES + "]}}}",
        'version: 1\ndefaults: {sprints: {quiet_hours: {from: "18:00", to: "08:00"}}}\nconnections: {one: {sprints: {quiet_hours: false}}}\nprojects: {ABC: {sprints: {quiet_hours: {from: "18:00", to: "08:00"}}}}',
        # A mode that writes without a rule: sprints are watched.
        "version: 1\ndefaults: {mode: apply, tagging: {learned: {enabled: false}}}",
        "version: 1\ndefaults: {mode: apply}",
        "version: 1\nprojects: {ABC: {mode: apply}}",
        # Names and texts in plain quotes are meant as they stand; so are apostrophes, and words looked for.
        rules("{label: 'on', type: [Bug]}", "{labels: [\"no\", 'yes'], type: [Epic]}"),
        rules("{label: y, title: {words: [yes, no, users’], phrases: [24” screen]}}"),
        rules("{label: a, title: {phrases: ['“urgent”']}}"),
        # Sprints.
        sprints('quiet_hours: {from: "18:00", to: "08:00"}'),
        sprints('quiet_hours: {from: "12:00", to: "13:00"}'),
        sprints("working_days: [sun, mon, tue, wed, thu]"),
        sprints("holidays: [2025-12-25, 2026-12-25]"),
        sprints("away: [{from: 2026-10-20, to: 2026-11-01}, {from: 2026-12-24, to: 2027-12-20}]"),
        sprints("{overcommit: {warn_below: 90%, done_share: 100%}, scope_creep: {budget: 100%}}"),
        sprints("scope_creep: {label: true}"),
        sprints("scope_creep: {label: quiet}") + "projects: {ABC: {sprints: {notify: {snooze_label: quiet}}}}",
    ],
)  # fmt: skip
def test_what_may_be_meant_is_let_be(text: str) -> None:
    assert warnings(text) == []


@pytest.mark.parametrize("name", ["config/rules.yaml", "sprintwarden/demo_rules.yaml"])
def test_our_own_files_get_no_warning(name: str) -> None:
    assert warnings((ROOT / name).read_text(encoding="utf-8")) == []


def test_the_examples_of_the_readme_get_no_warning() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        text = block if "version:" in block else f"version: 1\n{block}"
        assert warnings(text) == []


def test_of_a_file_with_errors_the_rest_is_warned_of_too() -> None:
    source = read_source(
        tagging("comment: yes").replace("defaults", "defaults").encode()
        + b"    rules: [{label: a, title: {phrases: [ui, 4]}}, 7]\n",
        "f",
    )
    assert [one.name for one in lint(source, TODAY)] == ["short-phrase"]


def test_of_a_list_that_is_too_long_the_end_is_not_compared() -> None:
    """It is refused for its length; held pair by pair, tens of thousands would take minutes."""
    words = [f"x{number}y" for number in range(MAX_WORDS - 2)] + ["crash*", "crashes", "slow*", "slower"]
    source = read_source(
        rules(f"{{label: a, title: {{words: [{', '.join(words)}]}}}}").encode(), "rules.yaml"
    )
    assert [one.name for one in lint(source, TODAY)] == ["needless-entry"]


def test_a_file_that_cannot_be_read_whole_is_not_judged() -> None:
    source = read_source(b"version: 1\ndefaults: {\nprojects: {ABC: {sprints: {working_days: [sat]}}}\n", "f")
    assert source.problems
    assert lint(source, TODAY) == ()


@pytest.mark.parametrize(
    "text",
    [
        "defaults: []",
        "defaults: {tagging: 3, sprints: [1]}",
        "projects: {1: {}}",
        "defaults: {tagging: {rules: {a: b}, without: x, learned: {targets: 4}}}",
        "defaults: {tagging: {rules: [3, {title: 4, any: {}, all: [5], not: [6], label: 7, labels: 8}]}}",
        "defaults: {tagging: {rules: [{label: a, not: {author: [robot], team: 3}, text: {words: ['*', 5]}}]}}",
        "defaults: {sprints: {away: [1, {from: 3}], holidays: 4, quiet_hours: {from: x}, overcommit: 1}}",
    ],
)
def test_what_has_no_shape_is_passed_over(text: str) -> None:
    assert lint(read_source(f"version: 1\n{text}\n".encode(), "f"), TODAY) == ()
