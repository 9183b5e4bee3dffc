"""One check of a sprint on a real Redis: baseline, one comment, edits for news alone, settled at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rules.load import load_rules
from store.journal import CommentState
from store.rulebook import RulebookShelf
from tests.conftest import Floor
from tests.unit.sprint_scene import BOARD, DAY, SPRINT, over, reading, told, work
from trackers.errors import Forbidden, LimitReached, ServerFault, Unreachable
from trackers.limits import Pause
from trackers.model import Comment, Hint, HintKind, Label, Subject, SubjectKind
from trackers.protocol import PutComment
from trackers.sprints import OwnComment, SprintIssue, SprintReading, SprintState, Stage, sprint_topic
from workers.decide import Because
from workers.record import Ending, Outcome
from workers.run import run
from workers.sprint_book import SprintBook, forget_issue

NOW = datetime.now(UTC)
STARTED = NOW - timedelta(hours=2)
RULES = """\
version: 1
defaults:
  mode: {mode}
  sprints:
    scope_creep: {{grace: 0s, label: {label}}}
    {more}
"""
FULL = [work(number, 8) for number in range(1, 9)]
"""64 points for a team that finishes about 15."""
FITTING = [work(number, 2) for number in range(1, 5)]


def lay_rules(floor: Floor, mode: str = "apply", label: str = "false", more: str = "min_history: 3") -> None:
    text = RULES.format(mode=mode, label=label, more=more).encode()
    RulebookShelf(floor.redis).publish(load_rules(text, "rules.yaml").version_id, text)


@pytest.fixture
def board(floor: Floor) -> Floor:
    """A board with six finished sprints of about 15 points and a sprint that has just begun."""
    lay_rules(floor)
    floor.tracker.boards["12"] = BOARD
    past = [over(number, 24, delivered) for number, delivered in enumerate((14, 16, 11, 15, 13, 16))]
    floor.shop.sprints.add_finished("acme", "12", [replace(one, id=f"p{n}") for n, one in enumerate(past)])
    show(floor, FULL)
    return floor


def show(floor: Floor, issues: Sequence[SprintIssue], state: SprintState = SprintState.ACTIVE) -> None:
    """What the tracker has in the sprint now."""
    found = reading(*issues, state=state, start=STARTED)
    floor.tracker.sprints["37"] = found


def check(floor: Floor, *hints: Hint) -> Ending:
    """The sprint is checked because of ``hints``, or by the clock."""
    floor.offer(*(hints or (told(HintKind.SPRINT_DUE, NOW),)))
    ending = run(floor.shop, SPRINT, floor.token(SPRINT))
    assert ending is not None
    return ending


def again(floor: Floor) -> Ending:
    """The check that the last one asked for."""
    ending = run(floor.shop, SPRINT, floor.token(SPRINT))
    assert ending is not None
    return ending


def comments(floor: Floor) -> list[str]:
    return [body.replace("\\", "") for body in floor.tracker.comments.values()]


def book(floor: Floor) -> SprintBook:
    text = floor.shop.sprints.book(SPRINT)
    assert text is not None
    return SprintBook.from_text(text)


def test_a_sprint_over_capacity_gets_one_comment_with_a_way_out(board: Floor) -> None:
    ending = check(board)
    assert (ending.outcome, ending.because) == (Outcome.APPLIED, None)
    (body,) = comments(board)
    assert "holds more than this team usually finishes" in body
    assert "64 points in 8 issues" in body
    assert "Moving" in body


def test_the_next_look_finds_nothing_new_and_reads_the_sprint_once(board: Floor) -> None:
    check(board)
    board.tracker.sprint_reads.clear()
    board.tracker.reads.clear()
    ending = check(board)
    assert (ending.outcome, ending.because) == (Outcome.NOTHING, Because.NOTHING_NEW)
    assert board.tracker.sprint_reads == [("37", False)]
    assert board.tracker.reads == []
    assert len(board.tracker.writes) == 1


def test_an_addition_is_news_and_edits_the_one_comment(board: Floor) -> None:
    check(board)
    show(board, [*FULL, work(20, 5)])
    check(board, told(HintKind.SPRINT_JOINED, NOW, 20))
    (body,) = comments(board)
    assert "ABC-20" in body
    assert "69 points" in body
    assert [write.id for write in board.tracker.writes if isinstance(write, PutComment)] == [None, "c1"]


def test_cutting_the_sprint_back_settles_the_comment_and_nothing_more_is_said(board: Floor) -> None:
    check(board)
    show(board, FULL[:1])
    check(board)
    (body,) = comments(board)
    assert "no longer holds" in body
    assert board.shop.journals.read(SPRINT).comments[sprint_topic("37")].state is CommentState.SETTLED
    assert check(board).because is Because.ALL_WELL


def test_it_warns_again_in_the_same_comment_when_it_is_bad_again(board: Floor) -> None:
    check(board)
    show(board, FULL[:1])
    check(board)
    show(board, FULL)
    check(board)
    (body,) = comments(board)
    assert "holds more than" in body


def test_a_sprint_that_is_well_is_left_alone(board: Floor) -> None:
    show(board, FITTING)
    ending = check(board)
    assert (ending.outcome, ending.because) == (Outcome.NOTHING, Because.ALL_WELL)
    assert board.tracker.reads == []
    assert not comments(board)


def test_planning_a_sprint_that_has_not_begun_makes_nothing(board: Floor) -> None:
    show(board, FULL, SprintState.FUTURE)
    ending = check(board, told(HintKind.SPRINT_JOINED, NOW, 1))
    assert (ending.outcome, ending.because) == (Outcome.IGNORED, Because.SPRINT_NOT_STARTED)
    assert board.shop.sprints.book(SPRINT) is None


def test_nothing_is_said_before_the_board_has_finished_enough_sprints(board: Floor) -> None:
    lay_rules(board, more="min_history: 7")
    ending = check(board)
    assert (ending.outcome, ending.because) == (Outcome.NOTHING, Because.TOO_FEW_SPRINTS)
    assert ending.plan is not None
    assert ending.plan.to_json()["sprint"]["forecast"]["p_overcommitted"] > 0.5


def test_a_dry_run_records_what_would_be_said_once(board: Floor) -> None:
    lay_rules(board, mode="dry_run")
    ending = check(board)
    assert (ending.outcome, ending.because) == (Outcome.DRY_RUN, Because.DRY_RUN)
    assert ending.plan is not None
    assert ending.plan.to_json()["operations"][0]["do"] == "post_comment"
    assert check(board).because is Because.NOTHING_NEW
    assert not board.tracker.writes


def test_the_first_real_run_after_a_dry_run_speaks(board: Floor) -> None:
    lay_rules(board, mode="dry_run")
    check(board)
    lay_rules(board, mode="apply")
    check(board)
    assert len(comments(board)) == 1


def test_in_quiet_hours_it_waits_and_then_speaks(board: Floor) -> None:
    begin = (NOW - timedelta(hours=1)).strftime("%H:%M")
    end = (NOW + timedelta(hours=2)).strftime("%H:%M")
    lay_rules(board, more=f'quiet_hours: {{zone: UTC, from: "{begin}", to: "{end}"}}')
    ending = check(board)
    assert (ending.outcome, ending.because) == (Outcome.POSTPONED, Because.QUIET)
    assert book(board).memory.stays.keys() == {issue.id for issue in FULL}
    assert not comments(board)
    assert not board.shop.inbox.take(10)
    lay_rules(board)
    board.redis.zadd("sw:pending", {str(SPRINT): 0})
    run(board.shop, SPRINT, board.token(SPRINT))
    assert len(comments(board)) == 1


def test_a_comment_that_a_person_deleted_is_not_written_again(board: Floor) -> None:
    check(board)
    board.tracker.gone_comments.add("c1")
    show(board, [*FULL, work(20, 5)])
    assert check(board).outcome is Outcome.PARTLY_REFUSED
    show(board, [*FULL, work(20, 5), work(21, 5)])
    ending = check(board)
    assert (ending.outcome, ending.because) == (Outcome.NOTHING, Because.COMMENT_DELETED)
    assert len(board.tracker.comments) == 1


def test_the_label_on_its_issue_silences_a_sprint_until_it_is_taken_off(board: Floor) -> None:
    check(board)
    home = book(board).home
    assert home is not None
    label = Label("x", "Sprintwarden-Snooze")
    silenced = [replace(issue, labels=(label,)) if issue.key == home.key else issue for issue in FULL]
    show(board, [*silenced, work(20, 5)])
    check(board)
    (body,) = comments(board)
    assert "69 points" not in body
    assert "snooze" in body
    show(board, [*silenced, work(20, 5), work(21, 5)])
    assert check(board).because is Because.NOTHING_NEW
    show(board, [*FULL, work(20, 5), work(21, 5)])
    check(board)
    assert "74 points" in comments(board)[0]


def test_the_label_on_a_tracking_issue_silences_too(board: Floor) -> None:
    lay_rules(board, more="notify: {tracking_issue: OPS-1}")
    check(board)
    board.tracker.now = replace(board.tracker.now, labels=(Label("x", "sprintwarden-snooze"),))
    show(board, [*FULL, work(20, 5)])
    check(board)
    assert "69 points" not in comments(board)[0]


def test_the_command_silences_a_sprint_before_it_was_spoken_of(board: Floor) -> None:
    board.shop.sprints.snooze(SPRINT, on=True)
    ending = check(board)
    assert (ending.outcome, ending.because) == (Outcome.NOTHING, Because.SNOOZED)
    assert not comments(board)


def test_a_mention_stands_on_what_is_posted_anew_only(board: Floor) -> None:
    lay_rules(board, more='notify: {mention: "[~dana]"}')
    check(board)
    assert comments(board)[0].startswith("[~dana]")
    show(board, [*FULL, work(20, 5)])
    check(board)
    assert "[~dana]" not in comments(board)[0]


def test_a_graver_warning_is_posted_anew_where_the_admin_asked_for_it(board: Floor) -> None:
    lay_rules(board, more='notify: {again: true, tracking_issue: OPS-1, mention: "[~dana]"}')
    show(board, [work(number, 3) for number in range(1, 11)])
    lone = check(board)
    assert lone.outcome is Outcome.APPLIED
    show(board, [*(work(number, 3) for number in range(1, 11)), *(work(30 + n, 8) for n in range(5))])
    check(board)
    again(board)
    first, second = comments(board)
    assert "now stands on" in first
    assert second.startswith("[~dana]")
    assert book(board).round == 1
    assert not board.shop.inbox.take(5)


def test_the_home_that_leaves_the_sprint_points_to_the_new_one(board: Floor) -> None:
    check(board)
    home = book(board).home
    assert home is not None
    show(board, [issue for issue in FULL if issue.key != home.key])
    check(board)
    again(board)
    old, new = comments(board)
    heir = book(board).home
    assert heir is not None
    assert heir.key != home.key
    assert f"now stands on {heir.key}" in old
    assert "holds more than" in new


def test_a_comment_deleted_on_the_issue_that_left_is_not_written_anew_elsewhere(board: Floor) -> None:
    check(board)
    home = book(board).home
    board.tracker.gone_comments.add("c1")
    show(board, [issue for issue in FULL if home and issue.key != home.key])
    check(board)
    ending = again(board)
    assert ending.because is Because.COMMENT_DELETED
    assert len(board.tracker.comments) == 1


@pytest.mark.parametrize("how", ["dry_run", "over", "refused"])
def test_a_succession_that_was_broken_off_is_carried_through_or_left(board: Floor, how: str) -> None:
    check(board)
    home = book(board).home
    assert home is not None
    left = [issue for issue in FULL if issue.key != home.key]
    show(board, left)
    board.tracker.fails["comment"] = ServerFault("Jira answered 503.")
    assert check(board).outcome is Outcome.POSTPONED
    assert book(board).retired == home
    del board.tracker.fails["comment"]
    before = comments(board)
    if how == "dry_run":
        lay_rules(board, mode="dry_run")
        board.redis.zadd("sw:pending", {str(SPRINT): 0})
        again(board)
        assert comments(board) == before
    elif how == "over":
        show(board, left, SprintState.CLOSED)
        board.redis.zadd("sw:pending", {str(SPRINT): 0})
        again(board)
        (body,) = comments(board)
        assert "is over" in body
    else:
        board.tracker.fails["comment"] = Forbidden("Not yours.")
        board.redis.zadd("sw:pending", {str(SPRINT): 0})
        assert again(board).outcome is Outcome.PARTLY_REFUSED
        del board.tracker.fails["comment"]
        again(board)
        assert len(comments(board)) == 2


def test_a_settled_comment_on_an_issue_that_left_is_never_edited_from_another(board: Floor) -> None:
    check(board)
    home = book(board).home
    assert home is not None
    others = [issue for issue in FULL if issue.key != home.key]
    show(board, others[:1])
    check(board)
    show(board, [*others, work(60, 8), work(61, 8)])
    check(board)
    old, new = comments(board)
    assert "no longer holds" in old
    assert "holds more than" in new


def test_a_run_that_died_after_posting_is_followed_by_no_second_comment(board: Floor) -> None:
    died = SystemExit("killed")

    def die(place: str) -> None:
        if place == "written":
            raise died

    desk = board.shop.desks["acme"]
    dying = replace(desk, applier=replace(desk.applier, checkpoint=die))
    board.shop.desks["acme"] = dying
    with pytest.raises(SystemExit):
        check(board)
    assert len(board.tracker.comments) == 1
    board.shop.desks["acme"] = desk
    board.tracker.comments_topic = sprint_topic("37")
    board.redis.zadd("sw:pending", {str(SPRINT): 0})
    again(board)
    assert len(board.tracker.comments) == 1


@pytest.mark.fault(32)
def test_a_first_attempt_that_gets_through_late_leaves_one_comment(board: Floor) -> None:
    board.tracker.posts_once = False
    board.tracker.fails["comment"] = Unreachable("No answer.")
    check(board)
    del board.tracker.fails["comment"]
    board.redis.zadd("sw:pending", {str(SPRINT): 0})
    assert again(board).outcome is Outcome.APPLIED
    ((known, text),) = board.tracker.comments.items()
    board.tracker.comments = {"late": text, known: text}
    board.tracker.comments_topic = sprint_topic("37")
    board.redis.zadd("sw:pending", {str(SPRINT): 0})
    again(board)
    assert list(board.tracker.comments) == [known]


@pytest.mark.fault(31, 32)
@pytest.mark.parametrize("where", ["sprint", "board", "comment"])
@pytest.mark.parametrize(
    ("error", "free"),
    [
        (LimitReached("Wait.", (Pause("all", timedelta(seconds=5), "429"),)), True),
        (Unreachable("No answer."), True),
        (ServerFault("Jira answered something other than JSON."), False),
    ],
)
def test_whatever_goes_wrong_with_the_tracker_leads_to_one_comment_later(
    board: Floor, where: str, error: Exception, free: bool
) -> None:
    board.tracker.fails[where] = error
    assert check(board).outcome is Outcome.POSTPONED
    assert not comments(board)
    del board.tracker.fails[where]
    board.redis.zadd("sw:pending", {str(SPRINT): 0})
    batch_attempts = int(str(board.redis.hget(f"sw:subject:{SPRINT}", "attempts") or 0))
    assert batch_attempts == (0 if free else 1)
    assert again(board).outcome is Outcome.APPLIED
    assert len(comments(board)) == 1


def test_an_end_that_could_not_be_told_is_told_later(board: Floor) -> None:
    check(board)
    show(board, FULL, SprintState.CLOSED)
    board.tracker.fails["comment"] = ServerFault("Jira answered 503.")
    assert check(board).outcome is Outcome.POSTPONED
    del board.tracker.fails["comment"]
    board.redis.zadd("sw:pending", {str(SPRINT): 0})
    again(board)
    assert "is over" in comments(board)[0]


def test_a_comment_the_tracker_will_not_have_is_tried_again_only_for_news(board: Floor) -> None:
    board.tracker.fails["comment"] = Forbidden("Comments are closed here.")
    ending = check(board)
    assert (ending.outcome, ending.cause) == (Outcome.PARTLY_REFUSED, "Comments are closed here.")
    assert check(board).because is Because.NOTHING_NEW
    show(board, [*FULL, work(20, 5)])
    assert check(board).outcome is Outcome.PARTLY_REFUSED


def test_before_its_past_is_read_again_what_was_said_is_left_alone(board: Floor) -> None:
    check(board)
    said = comments(board)[0]
    board.redis.delete("sw:finished:acme:12")
    show(board, [*FULL, work(20, 5)])
    assert check(board).because is Because.TOO_FEW_SPRINTS
    assert comments(board)[0] == said


def test_a_sprint_put_off_is_settled_and_begins_anew(board: Floor) -> None:
    check(board)
    show(board, FULL, SprintState.FUTURE)
    check(board)
    assert "put off" in comments(board)[0]
    assert board.shop.sprints.book(SPRINT) is None


def test_a_deleted_issue_is_forgotten_by_the_sprint_and_its_records(board: Floor) -> None:
    check(board)
    show(board, FULL[1:])
    forget_issue(board.shop.inbox, board.shop.sprints, Subject("acme", SubjectKind.ISSUE, "1"), NOW)
    again(board)
    text = board.shop.sprints.book(SPRINT)
    assert text is not None
    assert '"ABC-1"' not in text
    assert '"ABC-1"' not in str(board.redis.lrange("sw:decisions:acme:sprint:37", 1, -1))
    assert sum(stay.first or 0 for stay in book(board).memory.stays.values() if stay.committed) == 64


def test_after_a_loss_of_memory_the_comment_is_found_on_its_issue(board: Floor) -> None:
    check(board)
    board.redis.delete("sw:sprint:acme:sprint:37", "sw:journal:acme:sprint:37")
    ours = OwnComment("1", "ABC-1", Comment("c1", sprint_topic("37"), body=board.tracker.comments["c1"]))
    shown = board.tracker.sprints["37"]
    board.tracker.sprints["37"] = SprintReading(shown.sprint, shown.issues, (ours,))
    check(board)
    assert len(comments(board)) == 1


def test_at_its_end_the_comment_says_what_came_of_it_and_the_board_is_asked(board: Floor) -> None:
    check(board)
    board.shop.sprints.watch([Subject("acme", SubjectKind.BOARD, "12")])
    board.shop.sprints.next_look(Subject("acme", SubjectKind.BOARD, "12"), NOW + DAY)
    done = [replace(issue, stage=Stage.DONE) for issue in FULL[:2]]
    show(board, [*done, *FULL[2:]], SprintState.CLOSED)
    check(board)
    (body,) = comments(board)
    assert "64 points" in body
    assert "16 points" in body
    assert board.shop.sprints.due(datetime.now(UTC) + timedelta(seconds=1))
    assert check(board).because is Because.SPRINT_OVER


def test_a_sprint_that_is_opened_again_goes_on_from_its_own_baseline(board: Floor) -> None:
    check(board)
    show(board, FULL, SprintState.CLOSED)
    check(board)
    board.shop.sprints.add_finished("acme", "12", [replace(over(0), id="37")])
    show(board, [*FULL, work(20, 5)])
    check(board)
    assert "69 points" in comments(board)[0]
    assert "37" not in board.shop.sprints.finished("acme", "12")
    assert not book(board).closed


def test_one_that_is_opened_again_and_well_no_longer_reads_as_over(board: Floor) -> None:
    check(board)
    show(board, FULL, SprintState.CLOSED)
    check(board)
    over_text = comments(board)[0]
    show(board, FULL[:1])
    check(board)
    (body,) = comments(board)
    assert body != over_text
    assert "open again" in body or "opened again" in body or "goes on" in body
    assert check(board).because is Because.ALL_WELL


def test_a_deleted_sprint_is_settled_and_forgotten(board: Floor) -> None:
    check(board)
    del board.tracker.sprints["37"]
    check(board)
    (body,) = comments(board)
    assert "holds more" not in body
    assert board.shop.sprints.book(SPRINT) is None


def test_a_sprint_of_a_board_that_is_not_named_is_passed_over(board: Floor) -> None:
    shown = board.tracker.sprints["37"]
    board.tracker.sprints["37"] = replace(shown, sprint=replace(shown.sprint, board="99"))
    assert check(board).because is Because.BOARD_NOT_NAMED


def test_a_kanban_board_and_one_that_is_switched_off_are_passed_over(board: Floor) -> None:
    board.tracker.boards["12"] = replace(BOARD, has_sprints=False)
    assert check(board).because is Because.BOARD_WITHOUT_SPRINTS
    board.tracker.boards["12"] = BOARD
    lay_rules(board, more="enabled: false")
    assert check(board).because is Because.SPRINTS_OFF


def test_a_reading_that_lags_behind_its_events_is_asked_for_again(board: Floor) -> None:
    ending = check(board, told(HintKind.SPRINT_JOINED, datetime.now(UTC), 99))
    assert ending.outcome is Outcome.POSTPONED
    assert not comments(board)


def test_added_issues_bear_the_label_asked_for_and_lose_it_when_they_leave(board: Floor) -> None:
    lay_rules(board, label="true")
    check(board)
    show(board, [*FULL, work(20, 5)])
    check(board)
    assert [label.name for label in board.tracker.now.labels] == ["scope-added"]
    assert "scope-added" in board.shop.journals.read(Subject("acme", SubjectKind.ISSUE, "20")).applied
    show(board, FULL)
    check(board)
    assert not board.tracker.now.labels
    kept = board.shop.journals.read(Subject("acme", SubjectKind.ISSUE, "20"))
    assert (set(kept.applied), set(kept.withdrawn)) == (set(), {"scope-added"})


def test_no_label_is_put_on_where_nobody_asked_for_it(board: Floor) -> None:
    check(board)
    show(board, [*FULL, work(20, 5)])
    check(board)
    assert all(isinstance(write, PutComment) for write in board.tracker.writes)


def test_a_look_at_a_board_learns_its_past_and_has_running_sprints_checked(board: Floor) -> None:
    subject = Subject("acme", SubjectKind.BOARD, "12")
    board.shop.sprints.watch([subject])
    board.tracker.over = [replace(over(9), id="old")]
    board.offer(Hint(subject, HintKind.BOARD_DUE, "d"))
    ending = run(board.shop, subject, board.token(subject))
    assert ending is not None
    assert ending.because is Because.LOOKED
    assert "old" in board.shop.sprints.finished("acme", "12")
    assert [item.subject for item in board.shop.inbox.take(5)] == [SPRINT]


def test_a_sprint_that_is_listed_no_more_is_checked_once_more(board: Floor) -> None:
    check(board)
    del board.tracker.sprints["37"]
    subject = Subject("acme", SubjectKind.BOARD, "12")
    board.offer(Hint(subject, HintKind.BOARD_DUE, "d"))
    run(board.shop, subject, board.token(subject))
    assert [item.subject for item in board.shop.inbox.take(5)] == [SPRINT]


def test_issues_without_estimates_are_counted_one_by_one(board: Floor) -> None:
    show(board, [work(number, None) for number in range(1, 41)])
    check(board)
    (body,) = comments(board)
    assert "40 issues" in body
    assert "points" not in body
