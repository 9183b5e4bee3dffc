"""The files as shipped load and say what they should."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from rules.connection_schema import connections_schema
from rules.connections import load_connections
from rules.load import WriteLimit, load_rules
from rules.matching import match
from rules.schema import Mode
from rules.source import read_source
from rules.sprint_rules import SprintRules
from trackers.model import AuthorKind, Issue

CONFIG = Path(__file__).parents[2] / "config"
RULES = load_rules((CONFIG / "rules.yaml").read_bytes(), "config/rules.yaml").effective("acme", "ABC")
ISSUE = Issue("1", "ABC-1", "ABC", "", "", None, None, (), (), AuthorKind.PERSON, None, None)


def labels(title: str, body: str = "", **fields: Any) -> set[str]:
    issue = replace(ISSUE, title=title, body=body, **fields)
    return {label for verdict in match(RULES, issue) if verdict.matched for label in verdict.labels}


@pytest.mark.parametrize(
    ("title", "body", "expected"),
    [
        ("Stored XSS in the comment field", "Any user can post a script tag.", {"security"}),
        ("Update lodash because of CVE-2021-23337", "", {"security"}),
        ("Search is very slow with 10k projects", "", {"performance"}),
        ("Slow down the loading animation", "It moves too fast for the eye.", set()),
        ("Report takes 40 seconds to open", "", {"performance"}),
        ("Fix the typo in README", "", {"bug", "documentation"}),
        ("App crashes when a photo is rotated", "panic: runtime error: index out of range", {"bug", "crash"}),
        ("Crash course for new colleagues", "", set()),
        ("Please add support for passkeys", "", {"feature"}),
        ("Allow users to sort by date", "", {"feature"}),
        ("Add button does nothing", "", set()),
        ("Allow list is ignored", "", set()),
        ("Add tests for the support page", "", set()),
        ("How do I change the currency?", "", {"question"}),
        ("Remove the old API?", "", set()),
        ("Screen reader does not announce the error", "VoiceOver stays silent.", {"accessibility"}),
        ("Improve the error message of the log-in form", "The password token has expired.", set()),
        ("Bump express from 4.17.1 to 4.18.2", "", {"dependencies"}),
        ("Upgrade to Django 5", "", {"dependencies"}),
        ("Move from plan A to plan B", "", set()),
        ("Sync loses data when two people edit", "", {"data-loss"}),
        ("Prevent data loss on power failure", "", set()),
        ("Split the Dockerfile into two stages", "", {"infrastructure"}),
        ("CI runs twice on tags", "", {"infrastructure"}),
        ("Decide the colours of the new logo", "See the docs and the test of last week.", set()),
        ("Missing German translations in the footer", "", {"translation"}),
        ("Wrong total", "Steps to reproduce: 1. open. Expected behavior: 5. Actual result: 6.", {"bug"}),
        ("Upgrade to Rails 7.1", "", {"dependencies"}),
        ("Update lodash from v4.16 to v4.17", "", {"dependencies"}),
        ("Bump actions/checkout from 3 to 4", "", {"dependencies"}),
        ("chore(deps): update dependency vite to v5", "", {"dependencies"}),
        ("Bump date-fns from 2.29.3 to 2.30.0 in /web", "", {"dependencies"}),
        ("Update dependencies", "", {"dependencies"}),
        ("Upgrade lodash to 4.17.21", "", {"dependencies"}),
        ("Car list crashes when filtered", "", {"bug", "crash"}),
        ("Prevent XSS in comments", "", {"security"}),
        ("SQL injection in the report export", "Version 2 is not affected.", {"security"}),
        ("Replace the image parser", "Our scanner reports CVE-2024-12345 in it.", {"security"}),
        ("Vulnerability in the upload endpoint", "", {"security"}),
        ("Regression: search finds nothing since 2.3", "", {"bug"}),
        ("Save button stopped working", "", {"bug"}),
        ("Upload does not work for car photos", "", {"bug"}),
        ("Editor freezes when a table is pasted", "", {"crash"}),
        ("White screen after log-in", "", {"crash"}),
        ("Worker runs out of memory", "", {"crash"}),
        ("Importer stops", "Segmentation fault (core dumped)", {"crash"}),
        ("Memory leak in the websocket client", "", {"performance"}),
        ("Improve page performance", "", {"performance"}),
        ("Update the API docs", "", {"documentation"}),
        ("Broken link in the docs", "", {"documentation"}),
        ("Write a tutorial for webhooks", "", {"documentation"}),
        ("Low color contrast of links", "", {"accessibility"}),
        ("VoiceOver reads the price twice", "", {"accessibility"}),
        ("Build fails on Jenkins", "", {"infrastructure"}),
        ("Pin the compiler version in CI", "", {"infrastructure"}),
        ("Data loss after merging two boards", "", {"data-loss"}),
        ("Sync trouble", "I lost all my notes yesterday.", {"data-loss"}),
        ("Add an option to hide closed issues", "", {"feature"}),
        ("Feature request: dark mode", "", {"feature"}),
        ("Calendar is wrong in RTL layout", "", {"translation"}),
    ],
)  # fmt: skip
def test_shipped_rules_on_small_issues(title: str, body: str, expected: set[str]) -> None:
    assert labels(title, body) == expected


DONE = "Definition of done: no memory leak, no XSS, screen reader tested"
OWASP = "We follow the OWASP checklist: no XSS, CSRF, SSRF or SQL injection."


@pytest.mark.parametrize(
    ("title", "body", "unwanted"),
    [
        # from a review
        ("Update VAT rate from 19 to 21", "", "dependencies"),
        ("Update price from 10 to 12 euros", "", "dependencies"),
        ("Update from 10 to 12 seats", "", "dependencies"),
        ("Upgrade to Premium 2 plan flow", "", "dependencies"),
        ("Migrate to Plan 3 pricing", "", "dependencies"),
        ("Renovate office in Oslo", "", "dependencies"),
        ("New order form", DONE, "security"),
        ("New order form", DONE, "performance"),
        ("New order form", DONE, "accessibility"),
        ("New order form", OWASP, "security"),
        ("XSS size missing in T-shirt dropdown", "", "security"),
        ("Exploit new API for better caching", "", "security"),
        ("Linear regression chart", "", "bug"),
        ("Regression model for churn prediction", "", "bug"),
        ("Remove typo tolerance from search", "", "bug"),
        ("Do not crash when offline", "", "bug"),
        ("Customer freezes subscription", "", "crash"),
        ("Freezes account after 3 failed logins", "", "crash"),
        ("Stack Overflow link in footer", "", "crash"),
        ("Write crash recovery runbook", "", "crash"),
        ("Add white screen option to presenter", "", "crash"),
        ("Employee performance module: add filters", "", "performance"),
        ("Performance goals for Q3", "", "performance"),
        ("Meeting takes 30 minutes by default", "", "performance"),
        ("Customer cannot upload docs to claim", "", "documentation"),
        ("Onboarding tutorial skips step 3", "", "documentation"),
        ("Sign docs with DocuSign", "", "documentation"),
        ("CI color palette (corporate identity)", "", "infrastructure"),
        ("Jenkins as family name fails validation", "", "infrastructure"),
        ("Prevent lost data on save", "", "data-loss"),
        ('Add "Data loss" category to incident form', "", "data-loss"),
        # more of the kind
        ("Bump price from 9.99 to 12.99", "", "dependencies"),
        ("Update DNS record from 10.0.0.1 to 10.0.0.2", "", "dependencies"),
        ("Update release date from 1.12.2026 to 8.12.2026", "", "dependencies"),
        ("Update dependencies when a task moves", "", "dependencies"),
        ("Open redirect settings in a new tab", "", "security"),
        ("Speed up directory traversal", "", "security"),
        ("Show number of vulnerabilities found", "", "security"),
        ("Check the image", "We are not affected by CVE-2024-12345.", "security"),
        ("Employee no longer works here option", "", "bug"),
        ("Mark not working days in the calendar", "", "bug"),
        ("Alert when the backup fails to start", "", "bug"),
        ("Run regression tests every night", "", "bug"),
        ("Fix typo-tolerant search", "", "bug"),
        ("Update dependency arrows to 2 colours", "", "dependencies"),
        ("Update the store text to 1.2.3 wording", "", "dependencies"),
        ("Employee runs out of memory cards", "", "crash"),
        ("Car crash claims form", "", "crash"),
        ("Stock crash in 1929 is missing", "", "crash"),
        ("Upload photos of a car crash", "", "crash"),
        ("Play the video in an infinite loop", "", "crash"),
        ("Cannot build", "fatal error: stdio.h: No such file or directory", "crash"),
        ("Show CPU usage on the status page", "", "performance"),
        ("Board meeting takes 2 hours", "", "performance"),
        ("Show a hint when the connection is slow", "", "performance"),
        ("Add docs upload to the claim form", "", "documentation"),
        ("Employee documentation is incomplete", "", "documentation"),
        ("Show release notes in the app", "", "documentation"),
        ("Record voiceover for the promo video", "", "accessibility"),
        ("Color contrast slider in the photo editor", "", "accessibility"),
        ("Letter to Mr Jenkins is not printed", "", "infrastructure"),
        ("Steer with the helm display", "", "infrastructure"),
        ("Warn about data loss before leaving the page", "", "data-loss"),
        ("New import", "Make sure no data was lost.", "data-loss"),
        ("Add support phone number to footer", "", "feature"),
        ("Let customers know about the price change", "", "feature"),
        ("Customer lost the ability to log in", "", "feature"),
        ("Question 3 of the survey has no answers", "", "question"),
        ("Question mark icon is misaligned", "", "question"),
        ("RTL campaign tracking", "", "translation"),
        ("Translation of the model along an axis", "", "translation"),
    ],
)  # fmt: skip
def test_shipped_rules_leave_alone_what_only_sounds_like_it(title: str, body: str, unwanted: str) -> None:
    assert unwanted not in labels(title, body)


def test_the_issue_type_says_bug_already() -> None:
    assert "bug" in labels("Upload does not work")
    assert "bug" not in labels("Upload does not work", type="Bug")


def test_a_customer_is_told_apart() -> None:
    assert labels("Hello", author=AuthorKind.CUSTOMER) == {"customer-report"}


def test_nothing_is_written_as_shipped() -> None:
    assert (RULES.mode, RULES.comment, RULES.create_labels) == (Mode.DRY_RUN, False, False)


def test_the_shipped_connections_are_none() -> None:
    assert load_connections((CONFIG / "connections.yaml").read_bytes(), "config/connections.yaml", {}) == ()


def test_the_commented_connections_are_good_ones() -> None:
    lines = (CONFIG / "connections.yaml").read_text(encoding="utf-8").splitlines()
    start = lines.index("connections: {}")
    bare = (re.sub(r"^( +)# (?=[a-z_]+: )", r"\1", line.removeprefix("#")) for line in lines[start + 1 :])
    text = "\n".join(["version: 1", "connections:", *bare])
    names = ("ACME_JIRA_TOKEN", "ACME_JIRA_HOOK", "ACME_LINEAR_KEY", "ACME_LINEAR_HOOK")
    found = load_connections(text.encode(), "connections.yaml", dict.fromkeys(names, "long-enough"))
    assert [connection.name for connection in found] == ["acme-jira", "acme-linear"]
    assert found[0].api_url.startswith("https://api.atlassian.com/ex/jira/")
    assert found[0].expires is not None
    schema = connections_schema()
    jsonschema.validate(read_source(text.encode(), "connections.yaml").data, schema)


def test_the_commented_refinements_are_good_ones() -> None:
    text = (CONFIG / "rules.yaml").read_text(encoding="utf-8")
    head, tail = re.split(r"#\n# connections:.*\n", text)
    refined = "connections:\n" + "\n".join(
        line.removeprefix("# ").removeprefix("#") for line in tail.splitlines()
    )
    book = load_rules((head + refined).encode(), "rules.yaml")
    rules = book.effective("acme-linear", "ABC")
    assert (rules.mode, rules.comment) == (Mode.APPLY, True)
    assert rules.rules[-1].name == "billing"
    sprints = book.sprints("acme-jira", "12", "ABC")
    assert (sprints.mode, sprints.budget, sprints.tracking_issue) == (Mode.SUGGEST, 0.25, "ABC-12")
    assert book.writes("acme-linear") == WriteLimit(2000, timedelta(hours=1))


def test_the_commented_limit_of_writes_is_the_default() -> None:
    text = (CONFIG / "rules.yaml").read_text(encoding="utf-8")
    assert "\n  # writes: " in text
    book = load_rules(text.replace("\n  # writes: ", "\n  writes: ").encode(), "rules.yaml")
    assert book.writes("acme") == WriteLimit()


def test_the_shipped_sprint_settings_are_the_defaults_they_explain() -> None:
    book = load_rules((CONFIG / "rules.yaml").read_bytes(), "rules.yaml")
    assert book.sprints("acme", "12", "ABC") == SprintRules()


def test_the_commented_sprint_settings_are_good_ones() -> None:
    text = (CONFIG / "rules.yaml").read_text(encoding="utf-8")
    head, rest = text.split("\n  sprints:\n")
    block, tail = rest.split("\n  tagging:\n")
    said = re.sub(r"^( +)# (?=[a-z_]+: |[a-z_]+:$|  )", r"\1", block, flags=re.MULTILINE)
    book = load_rules(f"{head}\n  sprints:\n{said}\n  tagging:\n{tail}".encode(), "rules.yaml")
    found, bare = book.sprints("acme", "12", "ABC"), SprintRules()
    same = {field.name for field in fields(found) if getattr(found, field.name) == getattr(bare, field.name)}
    assert not same & {
        "mode", "unestimated", "tracking_issue", "mention", "calendar", "people", "away", "wording"
    }  # fmt: skip
    assert (len(found.away), len(found.calendar.holidays), len(found.calendar.working_days)) == (2, 2, 5)
