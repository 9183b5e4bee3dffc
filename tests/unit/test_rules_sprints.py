"""What an admin says about sprints: read, checked at its place, inherited key by key."""

# The tables read better with a case to a line.
# ruff: noqa: E501

from __future__ import annotations

from datetime import date, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar import Calendar
from rules.fields import Mode
from rules.load import RuleBook, load_rules
from rules.problems import BadFile
from rules.sprint_rules import Away, Measure, SprintRules

FIXTURES = Path(__file__).parent / "rules_fixtures"
MARK = "▸"


def book(text: str) -> RuleBook:
    return load_rules(text.encode(), "rules.yaml")


def said(sprints: str) -> SprintRules:
    """What holds when this is all that is said."""
    return book(f"version: 1\ndefaults: {{sprints: {{{sprints}}}}}").sprints("acme", "12", "ABC")


def told(marked: str) -> str:
    """The message of the only problem, which must stand at the mark."""
    before = marked[: marked.index(MARK)]
    place = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    with pytest.raises(BadFile) as caught:
        book(marked.replace(MARK, ""))
    found = caught.value.problems
    assert [(problem.line, problem.column) for problem in found] == [place], list(map(str, found))
    return found[0].message


def test_without_a_word_about_them_sprints_are_watched_by_the_defaults() -> None:
    assert book("version: 1").sprints("acme", "12", None) == SprintRules()


def test_every_key_is_heard() -> None:
    rules = said(
        """
      enabled: false, mode: suggest, measure: issues, unestimated: 2, min_history: 0,
      overcommit: {enabled: false, warn_below: 0.5, done_share: 100%, grace: 2h},
      scope_creep: {enabled: false, budget: 7.5%, grace: 0, label: too-late},
      requirements: false, stalled: false,
      notify: {tracking_issue: OPS-12, mention: "[~accountid:1]", again: true, comment_outside: true, snooze_label: quiet},
      quiet_hours: {zone: Europe/Oslo, from: "18:00", to: "08:00"}, working_days: [mon, sun], holidays: [2026-12-25],
      people: 6, away: [{who: Dana, from: 2026-07-06, to: 2026-07-24}, {from: 2026-07-13, to: 2026-07-13}],
      wording: {how_advice: Advice.}"""
    )
    assert rules == SprintRules(
        enabled=False,
        mode=Mode.SUGGEST,
        measure=Measure.ISSUES,
        unestimated=2.0,
        min_history=0,
        overcommit=False,
        warn_below=0.5,
        done_share=1.0,
        overcommit_grace=timedelta(hours=2),
        scope_creep=False,
        budget=0.075,
        scope_grace=timedelta(0),
        requirements=False,
        stalled=False,
        tracking_issue="OPS-12",
        mention="[~accountid:1]",
        again=True,
        comment_outside=True,
        calendar=Calendar(
            "Europe/Oslo", time(18), time(8), frozenset({0, 6}), frozenset({date(2026, 12, 25)})
        ),
        people=6,
        away=(
            Away(date(2026, 7, 6), date(2026, 7, 24), "Dana"),
            Away(date(2026, 7, 13), date(2026, 7, 13)),
        ),
        scope_label="too-late",
        snooze_label="quiet",
        wording={"how_advice": "Advice."},
    )


def test_the_whole_of_the_small_example() -> None:
    rules = book(
        """version: 1
defaults:
  sprints:
    overcommit: {warn_below: 0.5}
    scope_creep: {budget: 15%, grace: 24h}
    notify: {tracking_issue: OPS-12}
    quiet_hours: {zone: Europe/Oslo, from: "18:00", to: "08:00"}
"""
    ).sprints("acme", "12", None)
    assert rules == SprintRules(
        warn_below=0.5,
        tracking_issue="OPS-12",
        calendar=Calendar("Europe/Oslo", time(18), time(8)),
    )


LAYERS = """
version: 1
defaults:
  mode: suggest
  sprints:
    measure: issues
    overcommit: {warn_below: 40%, grace: 1h}
    scope_creep: {budget: 30%, label: true}
    notify: {tracking_issue: OPS-12, mention: "@dana", again: true}
    quiet_hours: {zone: Europe/Oslo, from: "18:00", to: "08:00"}
    holidays: [2026-12-25]
    away: [{from: 2026-07-06, to: 2026-07-24}]
    people: 6
    unestimated: 2
    wording: {how_advice: Advice., deleted: "{sprint} is gone."}
connections:
  acme:
    sprints: {overcommit: {warn_below: 30%}, zone: America/New_York}
projects:
  ABC:
    mode: apply
    sprints: {scope_creep: {budget: 20%}, wording: {how_advice: Only advice.}}
  acme/ABC:
    sprints: {notify: {tracking_issue: ABC-1}}
  ENG:
    sprints: {away: [], holidays: [], quiet_hours: {from: "20:00", to: "06:00"}}
boards:
  12:
    sprints: {mode: dry_run, scope_creep: {label: false}, quiet_hours: false}
  acme/12:
    sprints: {measure: auto, notify: {tracking_issue: false, mention: false}, people: false, unestimated: false}
"""


def test_groups_are_inherited_key_by_key_from_the_outermost_to_the_innermost() -> None:
    rules = book(LAYERS).sprints("acme", "7", "ABC")
    assert (rules.warn_below, rules.overcommit_grace) == (0.3, timedelta(hours=1))
    assert (rules.budget, rules.scope_label) == (0.2, "scope-added")
    assert (rules.tracking_issue, rules.mention, rules.again) == ("ABC-1", "@dana", True)
    assert rules.wording == {"how_advice": "Only advice.", "deleted": "{sprint} is gone."}
    assert rules.mode is Mode.APPLY


def test_a_board_has_the_last_word_and_its_connections_own_the_very_last() -> None:
    rules = book(LAYERS).sprints("acme", "12", "ABC")
    assert rules.measure is Measure.AUTO
    assert rules.budget == 0.2
    assert (rules.scope_label, rules.tracking_issue, rules.mention) == (None, None, None)
    assert (rules.people, rules.unestimated) == (None, None)
    elsewhere = book(LAYERS).sprints("other", "12", None)
    assert (elsewhere.measure, elsewhere.tracking_issue, elsewhere.people) == (Measure.ISSUES, "OPS-12", 6)


def test_lists_and_quiet_hours_take_the_inherited_ones_place() -> None:
    rules = book(LAYERS).sprints("acme", "ENG", "ENG")
    assert (rules.away, rules.calendar.holidays) == ((), frozenset())
    assert (rules.calendar.quiet_from, rules.calendar.quiet_to) == (time(20), time(6))


def test_quiet_hours_can_be_taken_away() -> None:
    calendar = book(LAYERS).sprints("other", "12", None).calendar
    assert (calendar.quiet_from, calendar.quiet_to) == (None, None)
    assert calendar.holidays == {date(2026, 12, 25)}


def test_the_zone_is_the_one_said_last_wherever_it_stands() -> None:
    rules = book(LAYERS)
    assert rules.sprints("other", "7", None).calendar.zone == "Europe/Oslo"
    assert rules.sprints("acme", "7", None).calendar.zone == "America/New_York"
    assert rules.sprints("acme", "ENG", "ENG").calendar.zone == "America/New_York"


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("{}", Mode.DRY_RUN),
        ("{mode: apply}", Mode.APPLY),
        ("{mode: apply, sprints: {mode: suggest}}", Mode.SUGGEST),
        ("{mode: apply}\nprojects: {ABC: {mode: suggest}}", Mode.SUGGEST),
        ("{sprints: {mode: suggest}}\nprojects: {ABC: {mode: apply}}", Mode.SUGGEST),
        ("{mode: apply}\nboards: {12: {sprints: {mode: suggest}}}", Mode.SUGGEST),
    ],
)
def test_a_mode_said_of_sprints_comes_before_one_said_of_everything(text: str, mode: Mode) -> None:
    assert book(f"version: 1\ndefaults: {text}").sprints("acme", "12", "ABC").mode is mode


def test_rules_are_put_together_once() -> None:
    rules = book(LAYERS)
    assert rules.sprints("acme", "7", "ABC") is rules.sprints("acme", "7", "abc")
    assert rules.sprints("acme", "7", "XYZ") is rules.sprints("acme", "8", None)
    assert rules.sprints("acme", "12", "ABC") is not rules.sprints("acme", "7", "ABC")


@pytest.mark.parametrize("grace", ["0", "0s", "0h", '"0"'])
def test_no_grace_at_all(grace: str) -> None:
    assert said(f"scope_creep: {{grace: {grace}}}").scope_grace == timedelta(0)


@pytest.mark.parametrize(
    ("written", "budget"),
    [("15%", 0.15), ('"15 %"', 0.15), ("0.15", 0.15), (".5", 0.5), ("0", 0.0), ("1", 1.0), ("100%", 1.0), ("0.5%", 0.005)],
)  # fmt: skip
def test_two_ways_to_write_a_share(written: str, budget: float) -> None:
    assert said(f"scope_creep: {{budget: {written}}}").budget == budget


@given(st.integers(0, 100))
def test_both_ways_give_the_very_same_number(percent: int) -> None:
    assert said(f"scope_creep: {{budget: {percent}%}}").budget == percent / 100


@pytest.mark.parametrize("label", ["true", "scope-added"])
def test_the_label_of_what_was_added(label: str) -> None:
    assert said(f"scope_creep: {{label: {label}}}").scope_label == "scope-added"


def in_sprints(sprints: str) -> str:
    return f"version: 1\nprojects:\n  ABC:\n    sprints: {{{sprints}}}\n"


SHARE = "a share is a number with % behind it, such as 15%, or a part of one, such as 0.15"
DURATION = "a duration is a whole number with s, m, h or d behind it, such as 90s, 15m, 1h or 2d"
TIME = 'a time of day is hours and minutes in quotes, from "00:00" to "23:59"'
DATE = "a date is written as year, month and day, such as 2026-12-24"
BOARD = (
    "a board is named by its number, as seen in its address (rapidView=12 or boards/12), or by its connection "
    "and that, such as acme-jira/12; a Linear team stands under projects"
)


@pytest.mark.parametrize(
    ("marked", "message"),
    [
        (in_sprints("enabled: ▸yes"), '"enabled" must be true or false'),
        (in_sprints("mode: ▸aply"), '"mode" must be dry_run, suggest or apply, not "aply" (did you mean "apply"?)'),
        (in_sprints("measure: ▸estimate"), '"measure" must be auto, estimates or issues, not "estimate" (did you mean "estimates"?)'),
        (in_sprints("unestimated: ▸-1"), '"unestimated" must be 0 or more'),
        (in_sprints("unestimated: ▸1e999"), '"unestimated" must be 1000 or less'),
        (in_sprints("unestimated: ▸true"), '"unestimated" must be a number'),
        (in_sprints("min_history: ▸21"), '"min_history" must be 20 or less'),
        (in_sprints("min_history: ▸-1"), '"min_history" must be 0 or more'),
        (in_sprints("min_history: ▸2.5"), '"min_history" must be a whole number'),
        (in_sprints("people: ▸0"), '"people" must be 1 or more'),
        (in_sprints("scope_creep: {budget: ▸15}"), "this is more than the whole (did you mean 15% or 0.15?)"),
        (in_sprints("scope_creep: {budget: ▸1.5}"), "this is more than the whole (did you mean 1.5% or 0.015?)"),
        (in_sprints("scope_creep: {budget: ▸-0.1}"), "a share is between 0% and 100%"),
        (in_sprints("scope_creep: {budget: ▸101%}"), "a share is between 0% and 100%"),
        (in_sprints("scope_creep: {budget: ▸1500}"), "a share is between 0% and 100%"),
        (in_sprints('scope_creep: {budget: ▸"15"}'), SHARE),
        (in_sprints("scope_creep: {budget: ▸true}"), SHARE),
        (in_sprints("scope_creep: {budget: ▸15% of it}"), SHARE),
        (in_sprints("scope_creep: {grace: ▸24}"), DURATION),
        (in_sprints("scope_creep: {grace: ▸00h}"), DURATION),
        (in_sprints("scope_creep: {label: ▸3}"), '"label" must be text: put it in quotes'),
        (in_sprints("scope_creep: {label: ▸''}"), "a label must not be empty"),
        (in_sprints("overcommit: {warn_below: ▸50}"), "this is more than the whole (did you mean 50% or 0.5?)"),
        (in_sprints("overcommit: {warn_below: ▸0}"), 'this must be more than 0; "enabled: false" switches the warning off'),
        (in_sprints("overcommit: {done_share: ▸0%}"), 'this must be more than 0; "enabled: false" switches the warning off'),
        (in_sprints("overcommit: {grace: ▸false}"), DURATION),
        (in_sprints("overcommit: {▸warn_bellow: 1}"), 'unknown key "warn_bellow" (did you mean "warn_below"?)'),
        (in_sprints("overcommit: ▸false"), '"overcommit" must be a mapping of keys to values'),
        (in_sprints("▸warn_below: 1"), '"warn_below" does not stand here: put it under overcommit'),
        (in_sprints("▸grace: 1h"), '"grace" does not stand here: put it under overcommit or scope_creep'),
        (in_sprints("▸from: 1h"), '"from" does not stand here: put it under quiet_hours'),
        (in_sprints("▸tracking_issue: OPS-12"), '"tracking_issue" does not stand here: put it under notify'),
        (in_sprints("▸holyday: []"), 'unknown key "holyday" (did you mean "holidays"?)'),
        (in_sprints("notify: {tracking_issue: ▸ops-12}"), 'an issue is named by its key, such as OPS-12 (did you mean "OPS-12"?)'),
        (in_sprints("notify: {tracking_issue: ▸OPS}"), "an issue is named by its key, such as OPS-12"),
        (in_sprints("notify: {tracking_issue: ▸OPS-0}"), "an issue is named by its key, such as OPS-12"),
        (in_sprints("notify: {tracking_issue: ▸12}"), '"tracking_issue" must be text: put it in quotes'),
        (in_sprints("notify: {tracking_issue: ▸true}"), '"tracking_issue" must be text: put it in quotes'),
        (in_sprints('notify: {mention: ▸"a\\nb"}'), "a mention must not contain control characters or line breaks"),
        (in_sprints(f"notify: {{mention: ▸{'x' * 201}}}"), "a mention can have at most 200 characters; this one has 201"),
        (in_sprints("notify: {snooze_label: ▸false}"), '"snooze_label" must be text: put it in quotes'),
        (in_sprints('▸quiet_hours: {from: "18:00"}'), 'the key "to" is missing'),
        (in_sprints("quiet_hours: ▸true"), '"quiet_hours" must be a mapping of keys to values'),
        (in_sprints('quiet_hours: {from: ▸"8:00", to: "18:00"}'), f'{TIME} (did you mean "08:00"?)'),
        (in_sprints('quiet_hours: {from: "08:00", to: ▸"24:00"}'), f'{TIME} (did you mean "00:00"?)'),
        (in_sprints('quiet_hours: {from: "08:00", to: ▸"12:60"}'), TIME),
        (in_sprints('quiet_hours: {from: "08:00", to: ▸1080}'), TIME),
        (in_sprints('quiet_hours: {from: "08:00", to: ▸"08:00"}'), "quiet hours that end when they begin would be all day or none: change one of them"),
        (in_sprints('quiet_hours: {zone: ▸Europe/Olso, from: "18:00", to: "08:00"}'), 'there is no time zone "Europe/Olso" (did you mean "Europe/Oslo"?): zones are named as in Europe/Oslo'),
        (in_sprints("zone: ▸new york"), 'there is no time zone "new york" (did you mean "America/New_York"?): zones are named as in Europe/Oslo'),
        (in_sprints("zone: ▸/etc/passwd"), 'there is no time zone "/etc/passwd": zones are named as in Europe/Oslo'),
        (in_sprints("zone: ▸''"), 'there is no time zone "": zones are named as in Europe/Oslo'),
        (in_sprints('▸zone: UTC, quiet_hours: {zone: UTC, from: "18:00", to: "08:00"}'), "the zone is said here and under quiet_hours: keep one of them"),
        (in_sprints("working_days: ▸[]"), '"working_days" is an empty list: name at least one'),
        (in_sprints("working_days: ▸mon"), '"working_days" must be a list, even of one: [...]'),
        (in_sprints("working_days: [▸Monday]"), 'an entry of "working_days" must be mon, tue, wed, thu, fri, sat or sun, not "Monday" (did you mean "mon"?)'),
        (in_sprints("working_days: [mon, ▸mon]"), '"mon" is listed twice'),
        (in_sprints("holidays: [▸2026-02-30]"), "there is no such day as 2026-02-30"),
        (in_sprints("holidays: [▸25.12.2026]"), DATE),
        (in_sprints("holidays: [▸20261225]"), DATE),
        (in_sprints("holidays: [2026-12-25, ▸2026-12-25]"), '"2026-12-25" is listed twice'),
        (in_sprints("away: [{from: 2026-07-24, to: ▸2026-07-06}]"), "this absence ends before it begins on 2026-07-24"),
        (in_sprints("away: [▸{who: Dana, from: 2026-07-24}]"), 'the key "to" is missing'),
        (in_sprints("away: [{who: ▸'', from: 2026-07-06, to: 2026-07-06}]"), "a name must not be empty"),
        (in_sprints("away: [{from: ▸tomorrow, to: 2026-07-06}]"), DATE),
        (in_sprints("wording: {▸how_advise: x}"), 'there is no sentence "how_advise" (did you mean "how_advice"?)'),
        (in_sprints('wording: {snooze: ▸"Add {lable}."}'), 'unknown placeholder "lable" (did you mean "label"?)'),
        (in_sprints("wording: {snooze: ▸Be quiet.}"), "the placeholder {label} is missing"),
        (in_sprints('wording: {snooze: ▸"Add {label."}'), "a brace stands only around a placeholder"),
        (in_sprints("wording: {how_advice: ▸3}"), '"how_advice" must be text: put it in quotes'),
        ("version: 1\nboards: {▸ENG: {}}", BOARD),
        ("version: 1\nboards: {▸012: {}}", BOARD),
        ("version: 1\nboards: {▸Acme/12: {}}", BOARD),
        ("version: 1\nboards: {12: {▸mode: apply}}", 'a board\'s mode is said of its sprints: "sprints: {mode: ...}"'),
        ("version: 1\nboards: {12: {▸tagging: {}}}", 'unknown key "tagging": only sprints can stand here'),
        ("version: 1\nboards: {12: {sprints: {working_days: [mon, ▸mon]}}}", '"mon" is listed twice'),
        ("version: 1\n▸board: {}", 'unknown key "board" (did you mean "boards"?)'),
    ],
)  # fmt: skip
def test_every_mistake_is_told_at_its_place(marked: str, message: str) -> None:
    assert told(marked).startswith(message)


def test_many_mistakes_are_told_at_once() -> None:
    with pytest.raises(BadFile) as caught:
        load_rules((FIXTURES / "sprint_mistakes.yaml").read_bytes(), "rules.yaml")
    assert f"{caught.value}\n" == (FIXTURES / "sprint_mistakes.txt").read_text(encoding="utf-8")


def test_every_label_for_what_joined_late_is_known() -> None:
    text = """\
version: 1
defaults: {sprints: {scope_creep: {label: true}}}
projects: {ABC: {sprints: {scope_creep: {label: came-late}}}, OPS: {sprints: {scope_creep: {label: false}}}}
"""
    assert load_rules(text.encode(), "rules.yaml").scope_labels == {"scope-added", "came-late"}
