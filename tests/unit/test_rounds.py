"""Looks at boards: running sprints come first, the past is learnt bit by bit, and what is gone is let go."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from rq.timeouts import JobTimeoutException

from classifiers.sprint_past import rows_of
from tests.conftest import Floor
from tests.unit.sprint_scene import BOARD, DAY, SPRINT, over, told
from tests.unit.test_sprint_check import FULL, book, check, lay_rules, show
from trackers.errors import Forbidden, Gone, Paused, Rejected, ServerFault, Unreachable
from trackers.model import Hint, HintKind, Subject, SubjectKind
from trackers.sprints import Board, Finished, SprintState, Unit
from workers.decide import Because
from workers.forecasters import Forecasters
from workers.record import Ending, Outcome
from workers.rounds import have_checked, send_round, watch_boards
from workers.run import run

SUBJECT = Subject("acme", SubjectKind.BOARD, "12")
NONE = timedelta(0)


@pytest.fixture
def board(floor: Floor) -> Floor:
    """A watched board with a sprint that runs."""
    lay_rules(floor)
    floor.tracker.boards["12"] = BOARD
    floor.shop.sprints.watch([SUBJECT])
    show(floor, FULL)
    return floor


def look(floor: Floor) -> Ending:
    floor.offer(Hint(SUBJECT, HintKind.BOARD_DUE, "d"))
    ending = run(floor.shop, SUBJECT, floor.token(SUBJECT))
    assert ending is not None
    return ending


def due(floor: Floor, after: timedelta) -> bool:
    return bool(floor.shop.sprints.due(datetime.now(UTC) + after))


def to_be_checked(floor: Floor) -> list[Subject]:
    return [item.subject for item in floor.shop.inbox.take(9)]


def known(floor: Floor) -> set[str]:
    return set(floor.shop.sprints.finished("acme", "12"))


def tells(floor: Floor, count: int, error: Exception | None = None) -> None:
    """The tracker gives ``count`` finished sprints one by one, and then fails."""

    def finished(board: Board, known: Collection[str], most: int = 5) -> Iterator[Finished]:
        for number in range(count):
            yield over(number)
        if error is not None:
            raise error

    floor.tracker.finished = finished  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("error", [Rejected("no"), Forbidden("no"), ServerFault("500"), Unreachable("away")])
def test_a_past_that_cannot_be_read_stops_no_check_and_is_told_in_a_sentence(
    board: Floor, error: Exception
) -> None:
    tells(board, 0, error)
    with structlog.testing.capture_logs() as logs:
        assert look(board).because is Because.LOOKED
    assert to_be_checked(board) == [SPRINT]
    assert [entry["cause"] for entry in logs if entry["log_level"] == "warning"] == [str(error)]
    assert not due(board, timedelta(minutes=14))
    assert due(board, timedelta(minutes=15))


def test_a_fault_of_ours_in_learning_is_logged_with_its_place_and_stops_no_check(board: Floor) -> None:
    tells(board, 0, KeyError("startDate"))
    with structlog.testing.capture_logs() as logs:
        assert look(board).because is Because.LOOKED
    assert to_be_checked(board) == [SPRINT]
    assert any(entry.get("exc_info") for entry in logs)


def test_what_was_read_before_an_error_is_kept_and_the_rest_is_asked_for_soon(board: Floor) -> None:
    tells(board, 2, ServerFault("500"))
    look(board)
    assert known(board) == {"past 0", "past 1"}
    assert due(board, timedelta(seconds=3))


def test_a_run_that_is_stopped_in_learning_has_had_the_sprints_checked_and_its_successor_does_not_learn(
    board: Floor,
) -> None:
    tells(board, 1, JobTimeoutException("35 s"))
    assert look(board).outcome is Outcome.POSTPONED
    assert to_be_checked(board) == [SPRINT]
    assert known(board) == {"past 0"}
    assert not due(board, timedelta(minutes=14)), "the look that was planned holds"
    board.redis.zadd("sw:pending", {str(SUBJECT): 1})
    ending = run(board.shop, SUBJECT, board.token(SUBJECT))
    assert ending is not None
    assert ending.because is Because.LOOKED


def test_no_sprint_is_begun_with_when_much_time_has_passed(
    board: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.rounds._LEARNING_S", 0.0)
    tells(board, 3)
    look(board)
    assert known(board) == {"past 0"}
    assert due(board, timedelta(seconds=3))


def test_while_bulk_work_is_held_back_no_look_comes_for_its_sake(board: Floor) -> None:
    tells(board, 0, Paused("kept for live events", timedelta(minutes=5)))
    look(board)
    assert not due(board, timedelta(minutes=4))
    assert due(board, timedelta(minutes=6))


def test_a_board_with_nothing_more_to_learn_waits_for_the_next_planned_start_or_end(board: Floor) -> None:
    shown = board.tracker.sprints["37"]
    soon = datetime.now(UTC) + timedelta(minutes=4)
    board.tracker.sprints["37"] = replace(shown, sprint=replace(shown.sprint, end=soon))
    look(board)
    assert not due(board, timedelta(minutes=4))
    assert due(board, timedelta(minutes=5))


@pytest.mark.parametrize("where", ["board", "open_sprints"])
def test_a_board_that_is_gone_is_looked_at_once_a_day_and_its_sprints_are_checked(
    board: Floor, where: str
) -> None:
    check(board)
    board.tracker.fails[where] = Gone("There is no such board.")
    ending = look(board)
    assert (ending.outcome, ending.because) == (Outcome.IGNORED, Because.GONE)
    assert to_be_checked(board) == [SPRINT]
    assert not due(board, timedelta(hours=23))
    assert due(board, DAY)


def test_a_board_that_is_named_no_longer_is_let_go_and_its_sprints_are_asked_for_once_more(
    board: Floor,
) -> None:
    check(board)
    desk = board.shop.desks["acme"]
    board.shop.desks["acme"] = replace(desk, connection=replace(desk.connection, boards=("99",)))
    assert look(board).because is Because.BOARD_NOT_NAMED
    assert not due(board, 2 * DAY)
    assert to_be_checked(board) == [SPRINT]


def test_a_sprint_of_which_nothing_is_kept_is_let_go_unless_it_runs(board: Floor) -> None:
    check(board)
    other = Subject("acme", SubjectKind.SPRINT, "36")
    board.shop.sprints.keep(other, "12", "")
    board.redis.delete("sw:sprint:acme:sprint:36", "sw:sprint:acme:sprint:37")
    look(board)
    assert to_be_checked(board) == [SPRINT]
    assert board.shop.sprints.running("acme") == {"37": "12"}


def test_a_sprint_that_was_settled_is_let_go(board: Floor) -> None:
    check(board)
    text = replace(book(board), closed=True).to_text()
    board.shop.sprints.keep(SPRINT, "12", text)
    show(board, FULL, SprintState.CLOSED)
    look(board)
    assert to_be_checked(board) == []
    assert board.shop.sprints.running("acme") == {}
    assert board.shop.sprints.book(SPRINT) == text


def test_the_clocks_word_neither_cuts_a_burst_short_nor_puts_it_off(board: Floor) -> None:
    now, inbox = datetime.now(UTC), board.shop.inbox
    burst = {"settle": timedelta(seconds=30), "ceiling": timedelta(minutes=5)}
    inbox.offer("acme", "one", [told(HintKind.SPRINT_JOINED, now, 1)], **burst)
    planned = board.redis.zscore("sw:pending", str(SPRINT))
    have_checked(inbox, SPRINT, now, NONE)
    assert board.redis.zscore("sw:pending", str(SPRINT)) == planned
    assert inbox.take(9) == []
    inbox.offer("acme", "two", [told(HintKind.SPRINT_JOINED, now, 2)], **burst)
    assert (board.redis.zscore("sw:pending", str(SPRINT)) or 0) >= (planned or 0)
    assert board.redis.llen("sw:hints:acme:sprint:37") == 3


def test_the_clocks_word_is_at_once_where_nothing_waits(board: Floor) -> None:
    have_checked(board.shop.inbox, SPRINT, datetime.now(UTC), NONE)
    assert to_be_checked(board) == [SPRINT]


def test_boards_of_configured_connections_are_watched_and_those_of_others_let_go(board: Floor) -> None:
    lost = Subject("removed", SubjectKind.BOARD, "7")
    unnamed = Subject("acme", SubjectKind.BOARD, "13")
    board.shop.sprints.unwatch(SUBJECT)
    board.shop.sprints.watch([lost, unnamed])
    watch_boards(board.shop.sprints, [board.shop.desks["acme"].connection])
    assert set(board.shop.sprints.watched()) == {SUBJECT, unnamed}, "its next look lets the unnamed one go"


def test_a_look_is_claimed_once_by_any_number_of_clocks(board: Floor) -> None:
    now = datetime.now(UTC)
    assert send_round(board.shop.inbox, board.shop.sprints, now) == 1
    assert send_round(board.shop.inbox, board.shop.sprints, now) == 0
    assert to_be_checked(board) == [SUBJECT]


def test_a_forecaster_is_adapted_anew_when_the_figures_of_a_sprint_change() -> None:
    held = Forecasters()
    past = [over(number, 24, 15 + number % 3) for number in range(12)]
    one = held.of("acme", "12", Unit.POINTS, rows_of(past, "12"))
    assert held.of("acme", "12", Unit.POINTS, rows_of(past, "12")) is one
    again = [*past[:-1], replace(past[-1], delivered=past[0].committed)]
    assert held.of("acme", "12", Unit.POINTS, rows_of(again, "12")) is not one
