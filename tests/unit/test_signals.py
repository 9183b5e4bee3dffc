"""Form fields, openings and counts, from Markdown and Jira wiki text alike."""

from __future__ import annotations

import pytest

from classifiers.signals import form_fields, numbers, phrase, prose, title_opening

MARKDOWN = """<!-- Please search before you file -->
### Issue type

Bug

### Steps to reproduce

Open the export and press "Save".

### Version

_No response_

- [x] I searched for duplicates
- [ ] I can send a patch

**Platform**: Linux 6.8
"""
WIKI = """h3. Issue type
Bug
h3. Environment
h3. Steps
# Open the export
*Severity*: high
"""


def test_a_markdown_form_tells_its_headings_answers_boxes_and_notes() -> None:
    found = form_fields(MARKDOWN)
    assert "heading=issue type" in found
    assert "answer=issue type=bug" in found
    assert "empty=version" in found
    assert "ticked=i searched for duplicates" in found
    assert "open=i can send a patch" in found
    assert "value=platform=linux 0.0" in found
    assert "comment=please search before you file" in found


def test_a_wiki_form_tells_the_same() -> None:
    found = form_fields(WIKI)
    assert "heading=issue type" in found
    assert "answer=issue type=bug" in found
    assert "empty=environment" in found
    assert "value=severity=high" in found


def test_each_field_is_told_once() -> None:
    assert form_fields("### Log\n\nnone\n\n### Log\n\nnone") == ["heading=log", "empty=log"]


def test_prose_is_what_stands_between_the_forms_own_lines() -> None:
    said = prose(MARKDOWN)
    assert 'press "Save"' in said
    assert "Issue type" not in said
    assert "duplicates" not in said
    assert "Please search" not in said


@pytest.mark.parametrize(
    ("title", "token"),
    [
        ("[Docs] How do I export?", "bracket=docs"),
        ("[Docs] How do I export?", "first two=how do"),
        ("[Docs] How do I export?", "asks=first"),
        ("[Docs] How do I export?", "asks=mark"),
        ("export: add CSV", "prefix=export"),
        ("export: add CSV", "after=add"),
        ("Export crashes on Windows", "failure=title"),
    ],
)
def test_the_opening_of_a_title(title: str, token: str) -> None:
    assert token in title_opening(title)


def test_a_plain_title_neither_asks_nor_fails() -> None:
    assert title_opening("Add CSV export") == ["first=add", "first two=add csv"]


def test_counts_grow_in_powers_of_two() -> None:
    trace = "  at app.Main.run(Main.java:3)\n"
    assert "trace=0" in numbers("Export", "It stops.")
    assert "trace=1" in numbers("Export", trace)
    assert "trace=3" in numbers("Export", trace * 5)
    assert "please=1" in numbers("Export", "Can somebody help")


def test_words_inside_code_are_not_said_by_the_reporter() -> None:
    assert "please=0" in numbers("Export", "```\nplease help\n```")
    assert "please=0" in numbers("Export", "{code:java}\nplease help\n{code}")


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("answer=issue type=bug", 'the form says "issue type: bug"'),
        ("first=add", 'the title begins with "add"'),
        ("asks=mark", "the title asks a question"),
        ("trace=2", "a stack trace"),
        ("trace=0", ""),
        ("body=9", ""),
        ("capitals=3", ""),
    ],
)
def test_tokens_are_told_in_plain_words(token: str, said: str) -> None:
    assert phrase(token) == said


def test_every_token_has_a_phrase_or_none() -> None:
    tokens = [*form_fields(MARKDOWN), *title_opening("[Docs] export: how?"), *numbers("Export", MARKDOWN)]
    assert all("=" not in phrase(token) for token in tokens)


@pytest.mark.parametrize(
    "piece", ["*", "#", "[", "<!--", "```", "{code", "a:", "- [", "a.", "!a.", "\n*", " "]
)
@pytest.mark.timeout(20)
def test_a_body_of_one_piece_repeated_is_read_to_its_end(piece: str) -> None:
    # A pattern that looks back over all of it again and again would not be done within the hour.
    body = piece * 200_000
    form_fields(body)
    prose(body)
    title_opening(body)
    assert numbers(body[:200], body)
