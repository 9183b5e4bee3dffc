"""A Jira changelog read backwards: every dialect of it, and what is odd in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from trackers.jira.past import past_issue
from trackers.model import Memory, PastIssue, component_label

ME, ROBIN = {"accountId": "me", "displayName": "Sprintwarden"}, {"accountId": "r", "displayName": "Robin"}
FIELDS: Mapping[str, Any] = {
    "summary": "Title now",
    "description": "Body now",
    "issuetype": {"name": "Bug"},
    "project": {"id": "10", "key": "ABC"},
    "created": "2026-03-02T09:00:00.000+0000",
    "reporter": {"displayName": "Ada"},
    "assignee": None,
    "labels": ["security"],
}


def issue(**fields: Any) -> dict[str, Any]:
    return {"id": "1", "key": "ABC-1", "fields": {**FIELDS, **fields}}


def item(field: str, before: str | None, after: str | None, **more: Any) -> dict[str, Any]:
    return {"field": field, "fieldtype": "jira", "fromString": before, "toString": after} | more


def entry(*items: Mapping[str, Any], at: Any = "2026-03-03T09:00:00.000+0000", **more: Any) -> dict[str, Any]:
    return {"id": "1", "author": ROBIN, "created": at, "items": list(items)} | more


def past(
    *changelog: Mapping[str, Any], memory: Memory | None = None, me: str | None = "me", **fields: Any
) -> PastIssue:
    found = past_issue(issue(**fields), changelog, memory=memory, me=me, whole=True)
    assert found is not None
    return found


def test_first_value_wins_in_whatever_order_entries_come() -> None:
    entries = [
        entry(item("summary", f"T{n}", f"T{n + 1}"), at=f"2026-03-{3 + n:02d}T09:00:00Z") for n in range(4)
    ]
    assert past(*entries).title == past(*reversed(entries)).title == "T0"


def test_entries_of_one_moment_are_told_apart_by_their_ids() -> None:
    early, late = (entry(item("summary", f"T{id_}", "x"), id=id_) for id_ in ("9", "10"))
    assert past(late, early).title == past(early, late).title == "T9"


def test_time_in_milliseconds_is_understood() -> None:
    early = entry(item("summary", "First", "Second"), at=1_772_528_400_000)
    late = entry(item("summary", "Second", "Third"), at="2026-03-04T09:00:00.000+0000")
    assert past(late, early).title == "First"


@pytest.mark.parametrize(
    "named",
    [
        {"field": "Beskrivelse", "fieldId": "description"},
        {"field": "description"},
        {"field": "Description"},
    ],
)
def test_field_is_known_in_every_dialect(named: dict[str, Any]) -> None:
    assert past(entry(item("", "Body then", "Body now") | named)).body == "Body then"


def test_custom_field_of_the_same_name_is_another_field() -> None:
    custom = item("Summary", "No title", "x", fieldtype="custom")
    assert past(entry(custom), entry(custom | {"fieldId": "customfield_1"})).title == "Title now"


def test_no_text_before_is_an_empty_text() -> None:
    assert past(entry(item("description", None, "Body now"))).body == ""


def move(to: str = "10") -> dict[str, Any]:
    project = item("project", "Operations", "Alphabet", **{"from": "20", "to": to})
    return entry(project, item("Key", "OPS-7", "ABC-1"))


def test_issue_of_another_project_is_told_as_filed_there() -> None:
    found = past(move())
    assert (found.project, found.moved) == ("OPS", True)


def test_issue_that_came_back_was_not_moved() -> None:
    away = item("project", "Alphabet", "Operations", **{"from": "10", "to": "20"})
    found = past(entry(away, item("Key", "ABC-1", "OPS-7"), at="2026-03-02T10:00:00Z"), move())
    assert (found.project, found.moved) == ("ABC", False)


def test_move_without_its_key_is_a_move_all_the_same() -> None:
    bare = item("project", "Operations", "Alphabet", **{"from": "20", "to": "10"})
    found = past(entry(bare))
    assert (found.project, found.moved) == ("ABC", True)


def test_people_are_all_who_were_seen_on_it() -> None:
    assert past(entry(item("status", "a", "b"))).people == {"Ada", "Robin"}


def test_an_app_is_no_person_whose_name_must_be_hidden() -> None:
    scanner = {"accountId": "s", "accountType": "app", "displayName": "Security Scanner"}
    assert past(entry(item("status", "a", "b"), author=scanner), creator=scanner).people == {"Ada"}


def labelled(author: Mapping[str, Any], at: str = "2026-03-03T09:00:00Z") -> dict[str, Any]:
    return entry(item("labels", "old", "old security"), author=author, at=at)


def later(author: Mapping[str, Any] | None) -> dict[str, Any]:
    return entry(item("priority", "Low", "High"), author=author, at="2026-03-05T09:00:00Z")


def test_property_says_what_is_ours_and_authorship_where_there_is_none() -> None:
    assert past(labelled(ME), memory=Memory()).labels_by_us == frozenset()
    assert past(labelled(ME), memory=Memory(frozenset({"x"}))).labels_by_us == {"x"}
    assert past(labelled(ME)).labels_by_us == {"security"}
    assert past(labelled(ROBIN)).labels_by_us == frozenset()
    assert past(labelled(ME), off(ME)).labels_by_us == frozenset()
    assert past(labelled({}), me=None).labels_by_us == frozenset()


def test_component_counts_like_a_label() -> None:
    added = item("Component", None, "API", to="7")
    removed = item("Component", "UI", None, **{"from": "8"})
    found = past(entry(added, removed, author=ME))
    assert found.labels_by_us == {component_label("API").id} and found.taken_off == frozenset()


@pytest.mark.parametrize(
    ("author", "handled"),
    [
        (ROBIN, True),
        ({"name": "robin", "displayName": "Robin"}, True),
        (ME, False),
        ({"accountId": "bot", "accountType": "app"}, False),
        (None, False),
    ],
)
def test_only_a_person_who_comes_later_has_seen_our_label(
    author: Mapping[str, Any] | None, handled: bool
) -> None:
    ours = labelled(ME)
    assert past(ours, later(author)).handled is handled
    assert not past(later(author) | {"created": "2026-03-02T10:00:00Z"}, ours).handled


def test_card_dragged_across_a_board_is_no_look_at_its_labels() -> None:
    moved = entry(item("status", "To Do", "Done"), item("Rank", "", "higher"), at="2026-03-05T09:00:00Z")
    assert not past(labelled(ME), moved).handled


def off(author: Mapping[str, Any] | None, at: str = "2026-03-06T09:00:00Z") -> dict[str, Any]:
    return entry(item("labels", "old security", "old"), author=author, at=at)


def test_only_what_a_person_took_off_and_left_off_is_a_correction() -> None:
    robot = {"accountId": "bot", "accountType": "app"}
    assert past(labelled(ME), off(ROBIN), labels=[]).taken_off == {"security"}
    assert past(labelled(ME), off(ME), labels=[]).taken_off == frozenset()
    ours = Memory(frozenset({"security"}))
    assert past(labelled(ME), off(ME), labels=[], memory=ours).taken_off == {"security"}
    assert past(labelled(ME), off(robot), labels=[]).taken_off == frozenset()
    assert past(labelled(ME), off(None), labels=[]).taken_off == frozenset()
    assert past(labelled(ROBIN), off(ROBIN), labels=[]).taken_off == frozenset()
    assert past(off(ROBIN, "2026-03-02T10:00:00Z"), labelled(ME)).taken_off == frozenset()
    again = labelled(ROBIN, "2026-03-07T09:00:00Z")
    assert past(labelled(ME), off(ROBIN), again).taken_off == frozenset()


def test_component_that_a_person_took_off_is_a_correction() -> None:
    on = entry(item("Component", None, "API"), author=ME)
    gone = entry(item("Component", "API", None), at="2026-03-06T09:00:00Z")
    assert past(on, gone).taken_off == {component_label("API").id}


@pytest.mark.parametrize("odd", [None, {}, {"items": None}, {"items": [None, 3, {}]}, {"created": "soon"}, 7])
def test_odd_entry_does_no_harm(odd: Any) -> None:
    assert past(odd, entry(item("summary", "Title then", "Title now"))).title == "Title then"


@pytest.mark.parametrize("raw", [{}, issue(created=None), {**issue(), "id": "1/2"}, issue(created="soon")])
def test_issue_that_cannot_be_placed_is_passed_over(raw: dict[str, Any]) -> None:
    assert past_issue(raw, [], memory=None, me="me", whole=True) is None
