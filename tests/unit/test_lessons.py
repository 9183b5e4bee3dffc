"""What people made of an answer: from events and one reading to verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from store.journal import Forecast, Guess, Journal
from tests.conftest import T0, changed, hint, issue, later, relabelled
from trackers.model import Hint, HintKind, Issue, Label
from workers.lessons import Us, lessons, may_teach

US = Us("me", only_ours=True)
PERSON_TOKEN = Us("me", only_ours=False)
LATER = later(minutes=5)

UI = Guess("ui", "l1", 0.9, applied=True)
DOCS = Guess("Docs", "l2", 0.3, applied=False)
FORECAST = Forecast("m1", "labels", "ABC", (UI, DOCS))
OURS = Journal(known=True, applied={"l1": "ui"}, write_updated=T0, forecasts={"labels": FORECAST})


def by(actor: str | None, told: Hint, *, automated: bool = False) -> Hint:
    return replace(told, actor=actor, automated=automated)


def status(actor: str = "robin") -> Hint:
    return by(actor, changed("status", updated=LATER))


def edit(actor: str | None = "robin", *, automated: bool = False) -> Hint:
    return by(actor, changed("title", updated=LATER), automated=automated)


def taken_off(actor: str | None = "robin", *, automated: bool = False) -> Hint:
    return by(actor, relabelled(removed=["l1"], updated=LATER), automated=automated)


def now(*names: str, resolved: bool = False) -> Issue:
    known = {"ui": Label("l1", "ui"), "docs": Label("l2", "docs"), "other": Label("l9", "other")}
    return replace(issue(updated=LATER), labels=tuple(known[name] for name in names), resolved=resolved)


def told(
    hints: Sequence[Hint], seen: Issue | None = None, journal: Journal = OURS, us: Us = US
) -> dict[str, tuple[str, bool]]:
    """Tag → verdict, and whether it was right."""
    found = lessons(hints, journal, us, LATER, seen)
    return {lesson.row.tag: (str(lesson.verdict), lesson.row.right) for lesson in found}


RIGHT, WRONG = ("confirmed", True), ("corrected", False)


@pytest.mark.parametrize(
    ("why", "hints", "seen", "expected"),
    [
        ("resolved with it", [status()], now("ui", resolved=True), {"ui": RIGHT, "Docs": ("seen", False)}),
        (
            "resolved with both, whatever the case",
            [status()],
            now("ui", "docs", resolved=True),
            {"ui": RIGHT, "Docs": ("seen", True)},
        ),
        ("resolved without it", [status()], now(resolved=True), {"ui": WRONG, "Docs": ("seen", False)}),
        (
            "resolved by an app: the labels are final all the same",
            [by("bot", status(), automated=True)],
            now("ui", resolved=True),
            {"ui": RIGHT, "Docs": ("seen", False)},
        ),
        ("moved on", [status()], now("ui"), {}),
        ("cancelled, which is not resolved", [status()], now("ui"), {}),
        ("edited by a person", [edit()], now("ui", "docs"), {"ui": RIGHT}),
        ("another label put on", [by("robin", relabelled(["l9"], updated=LATER))], now("ui"), {"ui": RIGHT}),
        ("edited by an app", [edit("bot", automated=True)], now("ui"), {}),
        ("edited by us", [edit("me")], now("ui"), {}),
        ("edited by nobody known", [edit(None)], now("ui"), {}),
        ("edited before our write", [by("robin", changed("title", updated=T0))], now("ui"), {}),
        ("edited at no known time", [by("robin", changed("title"))], now("ui"), {}),
        ("created", [by("robin", hint(updated=LATER))], now("ui"), {}),
        ("taken off, as the event tells", [taken_off()], None, {"ui": WRONG}),
        ("taken off, as the state tells", [edit()], now(), {"ui": WRONG}),
        ("taken off and put back", [taken_off(), by("robin", relabelled(["l1"]))], None, {}),
        ("taken off and there again", [taken_off()], now("ui"), {"ui": RIGHT}),
        ("taken off by an app", [taken_off("bot", automated=True)], None, {"ui": ("void", False)}),
        ("taken off by nobody known", [taken_off(None)], None, {"ui": ("void", False)}),
        ("taken off by our account", [taken_off("me")], None, {"ui": ("void", False)}),
        (
            "gone with a move",
            [replace(taken_off(), changed=("labels", "project"))],
            now(),
            {"ui": ("void", False)},
        ),
        ("no reading, no removal", [edit(), status()], None, {}),
        (
            "a reading older than our write",
            [status()],
            replace(now(resolved=True), updated=later(minutes=-1)),
            {},
        ),
    ],
)
def test_what_events_and_a_reading_teach(
    why: str, hints: list[Hint], seen: Issue | None, expected: dict[str, tuple[str, bool]]
) -> None:
    assert told(hints, seen) == expected, why


@pytest.mark.parametrize(
    ("why", "hint_", "expected"),
    [
        ("an edit of the title", edit("me"), {"ui": RIGHT}),
        ("a label put on may be our own", by("me", relabelled(["l9"], updated=LATER)), {}),
    ],
)
def test_who_lends_us_a_token_is_still_a_person(why: str, hint_: Hint, expected: object) -> None:
    assert told([hint_], now("ui"), us=PERSON_TOKEN) == expected, why


def test_a_removal_under_a_borrowed_token_is_its_owners() -> None:
    assert told([taken_off("me")], us=PERSON_TOKEN) == {"ui": WRONG}


@pytest.mark.parametrize(
    ("counted", "hints", "seen", "expected"),
    [
        ("confirmed", [status()], now("ui", resolved=True), {}),
        ("confirmed", [taken_off()], None, {"ui": WRONG}),
        ("confirmed", [taken_off("bot", automated=True)], None, {"ui": ("void", False)}),
        ("corrected", [status()], now("ui", resolved=True), {}),
        ("corrected", [taken_off()], None, {}),
        ("void", [edit()], now(), {}),
    ],
)
def test_only_a_confirmation_is_ever_withdrawn(
    counted: str, hints: list[Hint], seen: Issue | None, expected: object
) -> None:
    journal = replace(OURS, taught={("labels", "ui"): counted, ("labels", "Docs"): "seen"})
    assert told(hints, seen, journal) == expected


def test_a_label_that_could_not_be_written_was_taken_off_by_nobody() -> None:
    journal = replace(OURS, applied={})
    assert told([edit()], now(), journal) == {}
    assert told([status()], now(resolved=True), journal)["ui"] == ("seen", False)


def test_each_target_is_held_against_its_own_part_of_the_issue() -> None:
    cart = Guess("Cart", "component Cart", 0.8, applied=True)
    journal = Journal(
        known=True,
        applied={"component Cart": "component Cart"},
        write_updated=T0,
        forecasts={
            "components": Forecast("m2", "components", "ABC", (cart, Guess("Pay", "Pay", 0.2, False))),
            "type": Forecast("m3", "type", "ABC", (Guess("Bug", "Bug", 0.7, False),)),
        },
    )
    seen = replace(now("ui", resolved=True), components=("Cart",), type="bug")
    assert told([status()], seen, journal) == {
        "Cart": RIGHT,
        "Pay": ("seen", False),
        "Bug": ("seen", True),
    }
    assert told([edit()], replace(seen, components=(), resolved=False), journal) == {"Cart": WRONG}


def test_what_an_admin_renamed_or_deleted_was_taken_off_by_nobody() -> None:
    asked: list[str] = []

    def known(name: str) -> bool:
        asked.append(name)
        return False

    def verdicts(hints: list[Hint], seen: Issue, journal: Journal = OURS) -> list[str]:
        return [str(found.verdict) for found in lessons(hints, journal, US, LATER, seen, known)]

    assert verdicts([status()], now("ui", resolved=True)) == ["confirmed", "seen"]
    assert verdicts([taken_off()], now()) == ["corrected"]
    assert asked == [], "who has all that it had, or tells who took it off, needs no asking"
    assert verdicts([edit()], now()) == ["void"]
    cart = Guess("Cart", "component Cart", 0.8, applied=True)
    forecasts = {"components": Forecast("m2", "components", "ABC", (cart,))}
    journal = Journal(applied={"component Cart": ""}, write_updated=T0, forecasts=forecasts)
    assert verdicts([status()], now(resolved=True), journal) == ["void"]
    assert asked == ["ui", "component Cart"]
    assert verdicts([edit()], now(), replace(OURS, taught={("labels", "ui"): "corrected"})) == []
    assert asked == ["ui", "component Cart"], "what is settled needs no asking either"


def test_a_row_says_what_was_answered() -> None:
    (lesson,) = lessons([taken_off()], OURS, US, LATER)
    row = lesson.row
    assert (row.model, row.target, row.project, row.p, row.applied) == ("m1", "labels", "ABC", 0.9, True)
    assert row.at == "2026-03-02T09:05:00+00:00"


CONFIRMED = replace(OURS, taught={("labels", "ui"): "confirmed"})


@pytest.mark.parametrize(
    ("why", "hints", "journal", "us", "expected"),
    [
        ("a status, all open", [status()], OURS, US, True),
        ("a status, one open", [status()], CONFIRMED, US, True),
        ("a status, ours taken off and the rest open", [taken_off(), status()], OURS, US, True),
        ("an edit, ours open", [edit()], OURS, US, True),
        ("an edit, ours settled", [edit()], CONFIRMED, US, False),
        ("an edit of an app", [edit("bot", automated=True)], OURS, US, False),
        ("ours taken off: the event tells all", [taken_off()], OURS, US, False),
        ("nothing answered", [status(), edit()], replace(OURS, forecasts={}), US, False),
        ("nobody knows who we are", [status()], OURS, None, False),
        ("deleted", [hint(HintKind.ISSUE_DELETED)], OURS, US, False),
    ],
)
def test_a_reading_is_worth_making_where_something_is_open(
    why: str, hints: list[Hint], journal: Journal, us: Us | None, expected: bool
) -> None:
    assert may_teach(hints, journal, us) is expected, why
