"""The feed: decisions of all subjects in order of time, kept and forgotten with their records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from store import feed, keys
from store.decisions import Decisions
from store.feed import Feed, Place, Wanted
from tests.conftest import ISSUE, Floor, hint
from trackers.model import HintKind, Subject, SubjectKind
from workers.run import run

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SPRINT = Subject("acme", SubjectKind.SPRINT, "37")


def issue(number: int, connection: str = "acme") -> Subject:
    return Subject(connection, SubjectKind.ISSUE, str(number))


def record(minute: float = 0, outcome: str = "applied", key: str = "", **more: Any) -> dict[str, Any]:
    at = (NOW + timedelta(minutes=minute)).isoformat(timespec="milliseconds")
    told = {"at": at, "outcome": outcome, "because": None, "cause": ""}
    return told | ({"issue": key} if key else {}) | more


def written(*labels: str) -> dict[str, Any]:
    operations = [{"do": "add_labels", "labels": list(labels)}, {"do": "post_comment"}]
    return {
        "plan": {"labels": [{"label": label} for label in labels], "operations": operations},
        "written": {"labels": list(labels), "comment": "1"},
    }


def keep(redis: Redis, subject: Subject, kept: dict[str, Any]) -> None:
    Decisions(redis).add(subject, kept, {})


def subjects(lines: tuple[feed.Line, ...]) -> list[str]:
    return [line.subject.rpartition(":")[2] for line in lines]


def test_lines_of_all_subjects_come_newest_first(redis: Redis) -> None:
    for number, minute in ((1, 3), (2, 1), (3, 2)):
        keep(redis, issue(number), record(minute))
    assert subjects(Feed(redis).slice(9).lines) == ["1", "3", "2"]
    assert [line.at for line in Feed(redis).newest(2)] == [feed.milliseconds(record(m)["at"]) for m in (3, 2)]


def test_a_line_tells_what_was_written(redis: Redis) -> None:
    keep(redis, ISSUE, record(key="ABC-1", **written("security", "ünïcode ☃")))
    (line,) = Feed(redis).slice(9).lines
    assert (line.key, line.project, line.labels) == ("ABC-1", "ABC", ("security", "ünïcode ☃"))
    assert line.did == ("post_comment",)


def test_a_line_of_a_dry_run_tells_what_was_meant() -> None:
    kept = record(outcome="dry_run", key="ABC-1", **written("security")) | {"written": {}}
    line = feed.line_of(ISSUE, kept)
    assert (line.labels, line.did) == (("security",), ("post_comment",))


def test_what_the_tracker_refused_is_not_told_as_done() -> None:
    kept = record(outcome="partly_refused", **written("security"))
    kept["written"] = {"labels": [], "comment": None}
    line = feed.line_of(ISSUE, kept)
    assert (line.labels, line.did) == ((), ())


def test_a_line_of_a_sprint_names_no_issue() -> None:
    plan = {
        "home": "ABC-7",
        "operations": [],
        "marked": {"ABC-8": "labelled"},
        "sprint": {"concerns": ["scope_creep"]},
    }
    line = feed.line_of(SPRINT, record(plan=plan, written={"labels": [], "comment": None}))
    assert (line.key, line.project, line.marked, line.concerns) == ("", "ABC", 1, ("scope_creep",))


def test_half_a_character_is_kept_as_a_sign_that_there_was_one(redis: Redis) -> None:
    keep(redis, ISSUE, record(**written("broken \ud83d")))
    assert Feed(redis).newest(1)[0].labels == ("broken ?",)


@pytest.mark.parametrize("at_once", [False, True])
def test_pages_meet_without_a_gap_or_a_double(redis: Redis, at_once: bool) -> None:
    for number in range(700):
        keep(redis, issue(1_000 + number), record(0 if at_once else number))
    found, seen, before = Feed(redis), [], None
    while (page := found.slice(50, before=before)).lines:
        seen += subjects(page.lines)
        before = page.lines[-1].place
    assert seen == [str(1_699 - number) for number in range(700)]
    back = found.slice(50, after=Place(page_at(redis, 599), "acme:issue:1100"))
    assert subjects(back.lines) == [str(1_150 - number) for number in range(50)]
    assert (back.newer, back.older) == (back.lines[0].place, back.lines[-1].place)


def page_at(redis: Redis, rank: int) -> int:
    return Feed(redis).newest(rank + 1)[rank].at


def test_the_first_page_is_whole_whatever_one_turns_back_from(redis: Redis) -> None:
    for number in range(60):
        keep(redis, issue(number), record(number))
    found = Feed(redis)
    page = found.slice(50, after=found.newest(5)[4].place)
    assert (len(page.lines), page.newer) == (50, None)
    assert subjects(page.lines)[0] == "59"


def test_a_place_whose_line_is_gone_still_tells_where_to_go_on(redis: Redis) -> None:
    for number in range(3):
        keep(redis, issue(number), record())
    found = Feed(redis)
    place = found.newest(2)[1].place
    found.purge(issue(1))
    assert subjects(found.slice(9, before=place).lines) == ["0"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(connection="other"), ["3"]),
        (Wanted(project="OPS"), ["2"]),
        (Wanted(label="slow"), ["2", "1"]),
        (Wanted(label="low"), []),
        (Wanted(label='"]}'), []),
        (Wanted(outcomes=frozenset({"nothing", "dead"})), ["3"]),
        (Wanted(subjects=frozenset({"acme:issue:1", "acme:issue:2"})), ["2", "1"]),
        (Wanted(subjects=frozenset()), []),
        (Wanted(connection="acme", label="slow", project="ABC"), ["1"]),
    ],
)
def test_lines_are_chosen(redis: Redis, wanted: Wanted, found: list[str]) -> None:
    keep(redis, issue(1), record(1, key="ABC-1", **written("slow")))
    keep(redis, issue(2), record(2, key="OPS-1", **written("slow", "security")))
    keep(redis, issue(3, "other"), record(3, "nothing", key="ABC-3"))
    assert subjects(Feed(redis).slice(9, wanted).lines) == found


def test_an_issue_is_found_by_every_key_it_had(redis: Redis) -> None:
    keep(redis, issue(1), record(1, key="ABC-1"))
    keep(redis, issue(1), record(2, key="OPS-9"))
    keep(redis, issue(11), record(3, key="ABC-11"))
    assert Feed(redis).subjects_of("ABC-1") == Feed(redis).subjects_of("OPS-9") == {"acme:issue:1"}
    assert Feed(redis).subjects_of("ABC") == frozenset()


def test_a_record_is_found_by_its_place(redis: Redis) -> None:
    for minute in range(3):
        keep(redis, ISSUE, record(minute, n=minute))
    place = Feed(redis).newest(2)[1].place
    assert Place.parse(str(place)) == place
    kept = Decisions(redis).at(place)
    assert kept is not None
    assert kept["n"] == 1
    assert Decisions(redis).at(Place(place.at + 1, place.subject)) is None


@pytest.mark.parametrize(
    "text", ["", "acme:issue:1", "acme:issue:1@", "acme:issue:1@-5", "a@5", "acme:x:1@5"]
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Place.parse(text)


def test_only_so_many_lines_are_kept_and_none_for_too_long(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "FEED_KEPT", 3)
    for number in range(5):
        keep(redis, issue(number), record(number))
    assert subjects(Feed(redis).slice(9).lines) == ["4", "3", "2"]
    later = keys.DECISIONS_LIFE / timedelta(minutes=1)
    keep(redis, issue(9), record(later + 3.5))
    assert subjects(Feed(redis).slice(9).lines) == ["9", "4"]
    assert 0 < redis.ttl(keys.FEED) <= keys.DECISIONS_LIFE.total_seconds()


def test_nothing_is_left_of_a_deleted_issue_and_others_stay(floor: Floor) -> None:
    floor.rules()
    lately = {"at": datetime.now(UTC).isoformat(timespec="milliseconds")}
    for number in range(300):
        keep(floor.redis, issue(number), record(key=f"ABC-{number}") | lately)
    floor.offer(hint())
    run(floor.shop, ISSUE, floor.token())
    assert Feed(floor.redis).newest(1)[0].subject == str(ISSUE)
    floor.offer(hint(HintKind.ISSUE_DELETED))
    run(floor.shop, ISSUE, floor.token())
    left = Feed(floor.redis).newest(999)
    assert len(left) == 300
    assert str(ISSUE) not in {line.subject for line in left}


def test_purging_takes_nobody_elses_lines(redis: Redis) -> None:
    for id_ in ("1", "11", "*", "[1]", "?"):
        keep(redis, Subject("acme", SubjectKind.ISSUE, id_), record())
    for id_ in ("*", "[1]", "?", "1"):
        Decisions(redis).purge(Subject("acme", SubjectKind.ISSUE, id_))
    assert subjects(Feed(redis).slice(9).lines) == ["11"]


def test_a_masked_key_is_in_no_line(redis: Redis) -> None:
    keep(redis, SPRINT, record(1, "partly_refused", cause="ABC-1 and ABC-12 would not have it."))
    keep(redis, SPRINT, record(2))
    Decisions(redis).mask(SPRINT, "ABC-1", "a deleted issue")
    newest, oldest = Feed(redis).newest(9)
    assert oldest.cause == "a deleted issue and ABC-12 would not have it."
    assert newest.at > oldest.at


def test_a_line_is_kept_together_with_its_record(redis: Redis) -> None:
    pipe = redis.pipeline()
    feed.put(pipe, ISSUE, record())
    assert Feed(redis).newest(1) == []
    pipe.execute()
    assert len(Feed(redis).newest(1)) == 1
