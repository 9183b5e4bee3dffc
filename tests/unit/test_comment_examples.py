"""The page of comments: in step with the code, and its arithmetic right, as read from the page itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rules.wording import TEMPLATES, pieces
from sprintwarden.comment_examples import EXAMPLES, PAGE, page
from workers.sprint_wording import Voice

ESCAPED = re.compile(r"\\([^\w\s])")
NUMBER = r"(\d+(?:\.\d+)?)"
UNIT = r"(?:points?|hours?|issues?)"
CHANCES = {"very low (less than 1 in 20)": 0.0, "very high (more than 19 in 20)": 1.0}


def sections(tracker: str) -> dict[str, str]:
    """The comments on the page by title, as people read them."""
    found = {}
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:-1]:
        title, _, rest = part.partition("\n")
        quote, _, wiki = rest.partition("```text\n")
        lines = [line[2:] for line in quote.split("\n") if line.startswith(">")]
        shown = "\n".join(lines) if tracker == "linear" else wiki.partition("\n```")[0]
        found[title] = ESCAPED.sub(r"\1", shown)
    return found


ALL = [(tracker, title, text) for tracker in ("jira", "linear") for title, text in sections(tracker).items()]


def chance(words: str) -> float:
    """What a chance in words comes to."""
    if words in CHANCES:
        return CHANCES[words]
    of, among = re.fullmatch(r"about (\d) in (\d+)", words).groups()  # type: ignore[union-attr]
    return int(of) / int(among)


def chances(text: str) -> list[float]:
    return [
        chance(words)
        for words in re.findall(r"(?:is|to|be) ((?:very \w+ \(.*?\))|about \d in \d+)(?=[.\s])", text)
    ]


def first(pattern: str, text: str) -> float | None:
    hit = re.search(pattern, text)
    return float(hit[1]) if hit else None


def signed(text: str) -> float:
    """The sum of what a line tells as more or less."""
    told = re.findall(rf"{NUMBER} {UNIT} (more|less)\)?(?:$|\n)", text)
    return sum(float(value) * (1 if way == "more" else -1) for value, way in told)


def line(head: str, text: str) -> str:
    return next((line for line in text.split("\n") if line.startswith((f"- {head}", f"* {head}"))), "")


def work_of(head: str, text: str) -> float:
    """The amount that a line of changes tells: of "(2 issues, 9 points)" the 9, of "(2 issues)" the 2."""
    told = line(head, text)
    if not told:
        return 0.0
    issues, _, amount = told[told.rindex("(") + 1 :].rstrip(")").partition(", ")
    named = re.findall(r"[A-Z]+-\d+", told)
    more = first(r"and (\d+) more \(", told)
    assert len(named) + int(more or 0) == int(issues.split()[0])
    return float((amount or issues).split()[0])


def test_the_page_is_in_step() -> None:
    assert Path(PAGE).read_text(encoding="utf-8") == page(), "run: python -m sprintwarden.comment_examples"
    assert len(sections("jira")) == len(sections("linear")) == len(EXAMPLES)


@pytest.mark.parametrize(("tracker", "title", "text"), ALL)
def test_planned_and_changed_come_to_what_there_is_now(tracker: str, title: str, text: str) -> None:
    planned = first(rf"It was planned at {NUMBER} ", text)
    now = first(rf"now stands at {NUMBER} ", text)
    if now is None:
        assert "What has changed" not in text
        return
    assert planned is not None
    told = signed(line("Re-estimated", text))
    each = re.findall(r"from (\S+) to (\S+) (?:points?|hours?)", line("Re-estimated", text))
    assert sum(float(after) - float(before) for before, after in each) == told
    rest = signed(line("Not counted as added", text)) + signed(line("Other changes", text))
    assert planned + work_of("Added", text) - work_of("Taken out", text) + told + rest == now


@pytest.mark.parametrize(("tracker", "title", "text"), ALL)
def test_growth_is_told_as_the_share_of_the_plan_it_is(tracker: str, title: str, text: str) -> None:
    grown = first(rf"come to {NUMBER} ", text)
    if grown is None:
        assert "past its limit" not in text
        return
    planned = first(rf"planned at {NUMBER} ", text)
    share, limit = first(r"(\d+) % of the plan", text), first(r"limit is (\d+) %", text)
    assert planned is not None
    assert share is not None
    assert limit is not None
    assert round(100 * grown / planned) == share > limit
    raised = 0.0 if "first estimate" in text else max(0.0, signed(line("Re-estimated", text)))
    assert work_of("Added", text) + raised == grown
    crossing = re.search(r"crossed with (\S+)\.", text)
    assert crossing is None or crossing[1] in line("Added", text)


@pytest.mark.parametrize(("tracker", "title", "text"), ALL)
def test_the_way_out_is_told_as_one_only_where_it_is(tracker: str, title: str, text: str) -> None:
    told = re.search(r"Moving (.*?) \((\d+) issues?.*?not started\)", text)
    if told is None:
        return
    assert len(re.findall(r"[A-Z]+-\d+", told[1])) == int(told[2])
    before, after = chances(text)[0], chances(text)[-1]
    assert before < after
    line_told = first(r"is below (\d+) %", text)
    assert line_told is not None
    assert ("not enough" in text) == (after < line_told / 100)


@pytest.mark.parametrize(("tracker", "title", "text"), ALL)
def test_chances_and_expectations_are_in_order(tracker: str, title: str, text: str) -> None:
    all_of_it = re.search(r"For all of it the chance is ", text)
    if all_of_it:
        enough, everything = chances(text)[:2]
        assert everything < enough
    expected = re.search(
        rf"about {NUMBER} {UNIT} done by the end, 8 times in 10 between {NUMBER} and {NUMBER}", text
    )
    assert (expected is None) == ("How this was worked out" not in text)
    if expected:
        middle, low, high = map(float, expected.groups())
        assert low < middle < high
    past = re.search(rf"finished {NUMBER} to {NUMBER} {UNIT}, usually about {NUMBER}\.", text)
    if past:
        low, high, usual = map(float, past.groups())
        assert low <= usual <= high
        stands = first(rf"now stands at {NUMBER}", text) or first(rf"planned at {NUMBER}", text)
        assert ("holds more than this team usually" not in text) or (stands or 0) > usual


@pytest.mark.parametrize(("tracker", "title", "text"), ALL)
def test_what_is_not_said(tracker: str, title: str, text: str) -> None:
    """No placeholder left, no number spelled like a machine's, the tracker's own word throughout."""
    assert not re.search(r"[{}]", text.replace("{{sprintwarden-snooze}}", ""))
    assert not re.search(r"\d\.\d\d|\bNone\b|\bnan\b|(?<!\.)\b1 \w+s\b", text)
    assert not re.search(r"\b(?!1 )\d+ (?:point|issue|hour|sprint|cycle|day)\b", text)
    assert ("cycle" if tracker == "jira" else " sprint ") not in text
    assert "  " not in text


def test_every_sentence_has_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[str] = set()
    said = Voice.say

    def noting(voice: Voice, name: str, **values: object) -> object:
        used.add(name)
        return said(voice, name, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(Voice, "say", noting)
    for example in EXAMPLES:
        example.say("sprint")
    assert set(TEMPLATES) - used == set()


def test_the_list_of_sentences_names_every_placeholder() -> None:
    rows = {
        hit[1]: hit[0]
        for hit in re.finditer(r"^\| `(\w+)`.*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert list(rows) == list(TEMPLATES)
    for name, template in TEMPLATES.items():
        own = {piece.text for piece in pieces(template.text) if piece.is_field} - {"sprint", "noun"}
        assert all(f"`{field}`" in rows[name] for field in own)
        assert f"`{template.text}`" in rows[name]
