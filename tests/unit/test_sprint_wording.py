"""What is said about a sprint: whatever people named it, whatever an admin wrote, however many there are."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.sprint_judgement import Concern, Forecast, Grown, Item, SprintJudgement, Stalled, WayOut
from rules.wording import TEMPLATES, check_template
from sprintwarden.comment_examples import BOTH, CROSSED, EVERYTHING, NOTHING_TO_MOVE, PLANNED, STALLED
from trackers.jira.markup import render as wiki
from trackers.linear.markup import render as markdown
from trackers.prose import Bullets, Paragraph, Prose, Span, Style, plain, raw
from trackers.sprints import Unit
from workers import sprint_figures as figures
from workers.sprint_wording import (
    deleted,
    ended,
    moved,
    reopened,
    snoozed,
    sprint_comment,
    well_again,
)

SNOOZE = "sprintwarden-snooze"
HOSTILE = [
    "{code}x{code}",
    "[~admin] hello",
    "<script>alert(1)</script>",
    "@everyone look",
    "[click|https://evil.example] ![x](https://evil.example/p.png)",
    "*a* **b** _c_ `d` {{e}} {sprint} {noun} {0.__class__}",
    "\\",
    "one\n\nh1. two\r\n- three\u2028# four",
    "\u202eevil\u200b\x00",
]
CHANCES = st.floats(0, 1)


def spans_of(prose: Prose) -> list[Span]:
    found: list[Span] = []
    for block in prose:
        match block:
            case Paragraph(spans):
                found += spans
            case Bullets(items):
                found += itertools.chain.from_iterable(items)
    return found


def read(prose: Prose) -> str:
    """``prose`` as people read it."""
    return re.sub(r"\\([^\w\s])", r"\1", markdown(prose))


def comment(judgement: SprintJudgement, **wording: str) -> str:
    return read(sprint_comment(judgement, wording, snooze_label=SNOOZE))


def named(name: str) -> SprintJudgement:
    return replace(PLANNED, sprint=replace(PLANNED.sprint, name=name))


def every_comment(name: str) -> list[Prose]:
    judgement = named(name)
    sprint = judgement.sprint
    return [
        sprint_comment(judgement, snooze_label=SNOOZE),
        well_again(judgement),
        ended(sprint, Unit.POINTS, 3, 2),
        snoozed(sprint, SNOOZE),
        moved(sprint, "ABC-1"),
        deleted(sprint),
        reopened(sprint),
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_means_nothing(name: str) -> None:
    for prose in every_comment(name):
        for span in spans_of(prose):
            assert span.style is not Style.RAW or re.fullmatch(r"ABC-\d+", span.text)
        plainly = len(wiki(every_comment("x")[0]).split("\n"))
        assert len(wiki(every_comment(name)[0]).split("\n")) == plainly
        jira, linear = wiki(prose), markdown(prose)
        assert not re.search(r"(?<!\\)[\[\]<>]", linear.replace("`", ""))
        assert not re.search(r"@(?!\u2060)", linear)
        assert not re.search(r"(?<!\\)\[|(?<!\\)\{(?!\{)(?<!\{\{)", jira.replace("{{sprintwarden", ""))
        assert "://" not in jira + linear


def test_a_name_of_a_megabyte_is_cut() -> None:
    for prose in every_comment("Sprint " * 150_000):
        assert len(wiki(prose)) < 2_000
        assert "…" in wiki(prose)


@pytest.mark.parametrize("name", ["", "  ", "\u200b"])
def test_a_sprint_without_a_name_is_this_one(name: str) -> None:
    assert comment(named(name)).startswith("**This sprint holds")
    assert read(deleted(named(name).sprint, noun="cycle")).startswith("**This cycle is not there any more.**")


def test_an_admins_mention_is_in_force_and_first() -> None:
    said = sprint_comment(PLANNED, snooze_label=SNOOZE, mention="[~accountid:5b10:a-b] @team")
    assert wiki(said).startswith("[~accountid:5b10:a-b] @team\n\n*Sprint 14 ")
    assert markdown(said).startswith("[~accountid:5b10:a-b] @team\n\n**Sprint 14 ")


def test_a_raw_span_stays_on_its_line_and_is_the_only_one_in_force() -> None:
    prose = [Paragraph((raw("[~a]\n\nh1. *b*\u202e"), plain(" [~c]")))]
    assert wiki(prose) == "[~a] h1. *b* \\[\\~c\\]"
    assert markdown(prose) == "[~a] h1. *b* \\[\\~c\\]"


@pytest.mark.parametrize("key", ["[~admin]-1", "ABC-1]", "abc-1", "ABC-1\n*", "*ABC-1*", "ABC-१"])
def test_what_is_no_key_is_not_let_through(key: str) -> None:
    assert figures.key(key).style is Style.PLAIN
    assert figures.key("ABC_2-17") == raw("ABC_2-17")


def test_a_snooze_label_is_shown_as_it_is() -> None:
    said = sprint_comment(PLANNED, snooze_label="{code} `x` *quiet*")
    assert "{{\\{code\\} `x` \\*quiet\\*}}" in wiki(said)
    assert markdown(said).count("`") == 2


def test_own_words_take_the_place_of_those_shipped() -> None:
    text = comment(
        PLANNED,
        head_overcommitted="**{sprint}: too much** in this {noun} [~all].",
        past="",
        how_advice="",
        snooze="",
    )
    assert text.startswith("**Sprint 14: too much** in this sprint [~all]. It was planned")
    assert "usually about" not in text
    assert "advice" not in text
    assert text.endswith("below 25 %.")


def test_everything_optional_may_be_left_out() -> None:
    nothing = {name: "" for name, template in TEMPLATES.items() if template.optional}
    assert all(check_template(name, text) is None for name, text in nothing.items())
    text = comment(EVERYTHING, **nothing)
    assert text.split("\n\n")[0] == "**Sprint 14 holds more than this team usually finishes.**"
    assert re.sub(r"- ABC-\d+: .*\n?", "", text.split("\n\n", 1)[1]).strip() == ""


@pytest.mark.parametrize(
    ("concerns", "head"),
    [
        ({Concern.OVERCOMMITTED}, "holds more than this team usually finishes"),
        ({Concern.SCOPE_CREEP}, "has grown past its limit for added work"),
        ({Concern.SCOPE_CREEP, Concern.GROWN, Concern.STALLED}, "has grown past its limit for added work"),
        ({Concern.GROWN, Concern.STALLED}, "holds work that asks for more than it did at the start"),
        ({Concern.STALLED}, "holds work that is not moving"),
    ],
)
def test_the_head_tells_the_gravest(concerns: set[Concern], head: str) -> None:
    text = comment(replace(EVERYTHING, concerns=frozenset(concerns)))
    assert text.startswith(f"**Sprint 14 {head}.**")
    assert ("Not moving:" in text) == (Concern.STALLED in concerns and len(concerns) > 1)


def test_less_than_usual_is_not_called_more() -> None:
    little = replace(PLANNED, scope=replace(PLANNED.scope, committed=20, now=20))
    assert comment(little).startswith("**Sprint 14 may finish less than was planned.**")
    unknown = replace(PLANNED, past=replace(PLANNED.past, last=0, usual=0))
    assert comment(unknown).startswith("**Sprint 14 may finish less than was planned.**")


def test_a_share_of_all_is_told_once() -> None:
    text = comment(replace(PLANNED, done_share=1.0))
    assert "finishing all of the 42 points planned" in text
    assert "For all of it" not in text
    assert "finishing all of the rest" in text


@given(before=CHANCES, after=CHANCES, reaches=st.booleans())
def test_a_way_out_is_told_only_where_words_get_better(before: float, after: float, reaches: bool) -> None:
    judgement = replace(
        PLANNED,
        forecast=replace(PLANNED.forecast, p_overcommitted=1 - before),
        way_out=WayOut((Item("ABC-1", 3),), after, 0.0, reaches),
    )
    text = comment(judgement)
    told = [hit for hit in re.findall(r"(?:is|to|be) (about \d in \d+|very \w+ \([^)]*\))", text) if hit]
    if "Moving ABC-1 " in text:
        assert told[0] != told[-1]
        assert after > before
        assert ("not enough" in text) is not reaches
    else:
        assert "would change little" in text
        assert after <= before or figures.about(1 - (1 - before)) == figures.about(after)


def test_without_a_way_out_none_is_spoken_of() -> None:
    assert "oving" not in comment(replace(PLANNED, way_out=None))
    assert "Moving single issues to a later sprint would change little" in comment(NOTHING_TO_MOVE)


@given(CHANCES, CHANCES)
def test_a_higher_chance_never_reads_lower(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert worth(figures.about(low)) <= worth(figures.about(high))


@given(CHANCES)
def test_a_chance_in_words_is_near(chance: float) -> None:
    words = figures.about(chance)
    if words.startswith("about"):
        assert abs(worth(words) - chance) <= 0.085 + 1e-9
    else:
        assert chance < 0.05 or chance > 0.95


@pytest.mark.parametrize(
    ("chance", "words"),
    [
        (0.0, "very low (less than 1 in 20)"),
        (0.1, "about 1 in 10"),
        (0.25, "about 1 in 4"),
        (0.5, "about 1 in 2"),
        (0.75, "about 3 in 4"),
        (0.9, "about 9 in 10"),
        (1.0, "very high (more than 19 in 20)"),
    ],
)
def test_chances_in_words(chance: float, words: str) -> None:
    assert figures.about(chance) == words


def worth(words: str) -> float:
    if words.startswith("very"):
        return 0.0 if "low" in words else 1.0
    of, among = map(int, re.findall(r"\d+", words))
    return of / among


def test_a_chance_that_wavers_within_its_words_leaves_the_text() -> None:
    forecast = PLANNED.forecast
    other = Forecast(forecast.p_all_done - 0.02, forecast.p_overcommitted + 0.02, 0.5, 29.9, 19.4, 40.4)
    assert comment(replace(PLANNED, forecast=other)) == comment(PLANNED)


@given(st.floats(0, 1e6))
def test_numbers_have_no_needless_decimals(value: float) -> None:
    told = figures.number(value)
    assert re.fullmatch(r"\d+(\.[1-9])?", told)
    assert abs(float(told) - value) <= 0.05 + 1e-6


@given(st.floats(0, 1e5), st.sampled_from(Unit))
def test_one_is_singular_and_nothing_else(value: float, unit: Unit) -> None:
    figure, word = figures.amount(value, unit).split(" ")
    assert word == (unit.value[:-1] if figure == "1" else unit.value)
    assert figures.roughly(value).replace(".5", "").isdigit()


@given(st.integers(0, 1000))
def test_counts_agree_with_their_word(many: int) -> None:
    assert figures.count(many, "issue") == (f"{many} issue" if many == 1 else f"{many} issues")


@given(st.lists(st.integers(1, 99), max_size=30))
def test_issues_in_a_row_are_all_accounted_for(numbers: list[int]) -> None:
    text = read([Paragraph(figures.keys([f"ABC-{number}" for number in numbers]))])
    named_keys = re.findall(r"ABC-\d+", text)
    more = re.search(r" and (\d+) more$", text)
    assert len(named_keys) + (int(more[1]) if more else 0) == len(numbers)
    assert len(named_keys) <= figures.MOST_LISTED


@given(st.floats(0.001, 2), st.floats(0.001, 1))
def test_a_share_over_the_limit_never_reads_as_the_limit(share: float, limit: float) -> None:
    told, line = figures.beyond(share, limit), figures.percent(limit)
    assert share <= limit or told != line


def test_no_less_is_foreseen_than_is_done() -> None:
    done = EVERYTHING.scope.done
    assert done > 2
    low = replace(EVERYTHING.forecast, low=done / 2, expected=done + 5.0, high=done + 10.0)
    told = comment(replace(EVERYTHING, forecast=low))
    assert f"8 times in 10 between {figures.roughly(done)} and {figures.roughly(done + 10)} points" in told


def test_how_long_an_issue_stands_is_told_by_a_date_that_stays_true() -> None:
    stalled = (Stalled("ABC-1", 8.0, 3.9),)
    found = replace(EVERYTHING, stalled=stalled, concerns=frozenset({Concern.STALLED}))
    later = replace(found, at=found.at + timedelta(days=3), stalled=(Stalled("ABC-1", 11.0, 3.9),))
    since = "in its present state since"
    first, second = (comment(one).split(since)[1].split(";")[0] for one in (found, later))
    assert first == second
    assert "leave it within 4 days" in comment(found)
    assert figures.days(1.0) == "1 day" and figures.days(1.26) == "1.3 days"


@pytest.mark.parametrize(
    ("ago", "told"),
    [
        (timedelta(0), "Wednesday, 3 June"),
        (timedelta(days=6), "Thursday, 28 May"),
        (timedelta(days=7), "27 May"),
        (timedelta(days=200), "15 November"),
        (timedelta(days=400), "29 April 2025"),
        (timedelta(days=-2), "5 June"),
    ],
)
def test_dates(ago: timedelta, told: str) -> None:
    now = datetime(2026, 6, 3, 12, tzinfo=UTC)
    assert figures.day(now - ago, now, "UTC") == told


def test_dates_are_told_in_the_boards_zone() -> None:
    at = datetime(2026, 6, 3, 23, 30, tzinfo=UTC)
    assert figures.day(at, at, "Europe/Oslo") == "Thursday, 4 June"
    assert figures.day(at, at, "America/Lima") == "Wednesday, 3 June"
    assert figures.day(at, at, "No/Such") == figures.day(at, at, "../etc") == "Wednesday, 3 June"


def test_long_lists_end() -> None:
    many = replace(STALLED, stalled=tuple(Stalled(f"ABC-{number}", 9, 2) for number in range(1, 501)))
    text = comment(many)
    assert text.count("\n- ") + text.startswith("- ") == 11
    assert "- and 490 issues more" in text
    grown = replace(
        BOTH,
        scope=replace(BOTH.scope, added=tuple(Item(f"ABC-{n}", 3) for n in range(1, 1001)), now=3033),
    )
    assert "and 994 more (1000 issues, 3000 points)" in comment(grown)
    assert len(comment(grown)) < 3_000


def test_an_issue_with_nothing_to_tell_is_not_listed() -> None:
    judgement = replace(
        CROSSED,
        grown=(Grown("ABC-1", 0, 0, 3, 3), Grown("ABC-2", 0, 0, None, 5)),
        concerns=frozenset({Concern.GROWN}),
    )
    text = comment(judgement)
    assert "ABC-1:" not in text
    assert "ABC-2: an estimate of 5 points (none at the start)" in text


def test_what_is_not_a_concern_is_not_told() -> None:
    quiet = replace(EVERYTHING, concerns=frozenset({Concern.OVERCOMMITTED}))
    text = comment(quiet)
    assert "Not moving" not in text
    assert "Asking for more" not in text
    assert "It was crossed with" not in text


def test_growth_to_come_is_told_where_it_is_likely_watched_and_not_there_yet() -> None:
    likely = replace(PLANNED, forecast=replace(PLANNED.forecast, p_scope_creep=0.7))
    sentence = "passes this board's limit of 15 % before the end is about 2 in 3"
    assert sentence in comment(likely)
    assert "before the end" not in comment(PLANNED)
    assert "before the end" not in comment(replace(likely, watches_scope=False))
    assert "before the end" not in comment(replace(CROSSED, forecast=likely.forecast))


def test_of_a_sprints_own_texts_only_its_name_is_told() -> None:
    sprint = replace(PLANNED.sprint, id="its-id", board="Kari's board", url="https://tracker.example/kari")
    for judgement in (replace(EVERYTHING, sprint=sprint), replace(PLANNED, sprint=sprint)):
        text = comment(judgement) + read(well_again(judgement)) + read(deleted(sprint))
        assert sprint.name in text
        assert not re.search("its-id|kari|tracker", text, re.IGNORECASE)
