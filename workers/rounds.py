"""Rounds over the boards: which are due, and what a look at one leads to.

A board is looked at every few minutes, and at each start and end its sprints have planned: so a lost
webhook costs minutes, and Linear, which tells of no start, needs none.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from rules.connections import Connection
from rules.load import RuleBook
from store.inbox import Batch, Inbox
from store.sprints import Sprints
from trackers.errors import Gone, LimitReached, Paused
from trackers.model import Hint, HintKind, Subject, SubjectKind
from trackers.sprints import Board, Sprint, SprintState
from workers import failures
from workers.decide import Because
from workers.record import Ending, Outcome
from workers.shop import Desk, Shop, watched_boards
from workers.sprint_book import SprintBook

log = structlog.get_logger("rounds")
_AGAIN: Final = timedelta(minutes=5)
"""When a board is due again should its look come to nothing."""
_SELDOM: Final = timedelta(days=1)
_SOON: Final = timedelta(seconds=2)
_BUSY: Final = timedelta(seconds=30)
_LEARNING_S: Final = 15.0
"""No finished sprint is begun with after this long: a run has 35 seconds, and reading one may take many."""
_AFTER: Final = timedelta(seconds=5)
"""After a planned start or end: clocks differ a little."""
_AT_ONCE: Final = timedelta(0)


def watch_boards(sprints: Sprints, connections: Sequence[Connection]) -> None:
    """Have the boards that ``connections`` name looked at, and those of no other connection.

    The clock's to do, and over and over: it alone always runs, so a Redis that lost everything has them
    back in a minute though no event comes and no worker starts. A board that its connection names no
    longer is let go by its next look, together with its sprints.
    """
    sprints.watch(watched_boards(connections))
    names = {connection.name for connection in connections}
    for board in sprints.watched():
        if board.connection not in names:
            sprints.unwatch(board)


def send_round(inbox: Inbox, sprints: Sprints, now: datetime) -> int:
    """Have due boards looked at; how many. Any number of clocks may do it: each look is claimed once."""
    found = sprints.due(now)
    for board, planned in found:
        hint = Hint(board, HintKind.BOARD_DUE, f"clock {planned}", at=now)
        digest = f"{board}@{planned}"
        inbox.offer(board.connection, digest, [hint], settle=_AT_ONCE, ceiling=_AT_ONCE)
        # The run says when to look next; this holds should it die.
        sprints.next_look(board, now + _AGAIN)
    return len(found)


def look(shop: Shop, desk: Desk, batch: Batch, book: RuleBook) -> Ending:
    """Look at a board: have every running sprint checked, and learn finished ones."""
    now = datetime.now(UTC)
    board = batch.subject
    if board.id not in (desk.connection.scope().boards or ()):
        _have_checked(shop, board, (), now)
        shop.sprints.unwatch(board)
        return Ending(Outcome.IGNORED, Because.BOARD_NOT_NAMED)
    try:
        return _look(shop, desk, batch, book, now)
    except Gone:
        # Whoever deleted it may not have told the admin; it may also be hidden from us for a while.
        _have_checked(shop, board, (), now)
        shop.sprints.next_look(board, now + _SELDOM)
        return Ending(Outcome.IGNORED, Because.GONE)


def _look(shop: Shop, desk: Desk, batch: Batch, book: RuleBook, now: datetime) -> Ending:
    board = batch.subject
    found = desk.tracker.board(board.id)
    rules = book.sprints(desk.connection.name, board.id, found.project)
    if not found.has_sprints or not rules.enabled:
        shop.sprints.next_look(board, now + (_SELDOM if not found.has_sprints else shop.look_every))
        return Ending(
            Outcome.IGNORED, Because.BOARD_WITHOUT_SPRINTS if rules.enabled else Because.SPRINTS_OFF
        )
    listed = desk.tracker.open_sprints(board.id)
    future = [sprint.id for sprint in listed if sprint.state is SprintState.FUTURE]
    shop.sprints.note_planned(board.connection, future, now)
    _have_checked(shop, board, listed, now)
    planned = _next(listed, now, shop.look_every)
    shop.sprints.next_look(board, planned)
    # Running sprints come first, and should learning outlast the run, then the next one does without it.
    if batch.attempts == 1:
        again = _learn(shop, desk, board, found)
        if again is not None and (sooner := datetime.now(UTC) + again) < planned:
            shop.sprints.next_look(board, sooner)
    return Ending(Outcome.NOTHING, Because.LOOKED)


def _learn(shop: Shop, desk: Desk, board: Subject, found: Board) -> timedelta | None:
    """Read a few finished sprints that are not known yet; in how long it is worth going on, if it is.

    Each is kept as soon as it is read. What goes wrong is left for a later look.
    """
    known = shop.sprints.finished(board.connection, board.id)
    until, count = time.monotonic() + _LEARNING_S, 0
    try:
        for sprint in desk.tracker.finished(found, known.keys()):
            shop.sprints.add_finished(board.connection, board.id, [sprint])
            count += 1
            if time.monotonic() > until:
                break
    except failures.NOT_OF_A_PART:
        raise
    except Paused as error:
        return max(_BUSY, error.left)
    except LimitReached:
        return _BUSY
    except Exception as error:
        if failures.is_ours(error):
            log.exception("learning finished sprints failed", board=str(board))
        else:
            log.warning(
                "finished sprints were not read, a later look tries again", board=str(board), cause=str(error)
            )
    if count:
        log.info("finished sprints read", board=str(board), count=count)
    return _SOON if count else None


def _have_checked(shop: Shop, board: Subject, listed: Iterable[Sprint], now: datetime) -> None:
    """Every active sprint, and every one that was watched and is not listed any more: it has ended.

    One of which nothing is kept, or that was settled, needs no such check and is let go.
    """
    active = {sprint.id for sprint in listed if sprint.state is SprintState.ACTIVE}
    watched = {id_ for id_, where in shop.sprints.running(board.connection).items() if where == board.id}
    for sprint in sorted(active | watched):
        subject = Subject(board.connection, SubjectKind.SPRINT, sprint)
        if sprint in active or _is_open(shop, subject):
            have_checked(shop.inbox, subject, now, _AT_ONCE)
        else:
            shop.sprints.let_go(subject)


def _is_open(shop: Shop, sprint: Subject) -> bool:
    text = shop.sprints.book(sprint)
    return text is not None and not SprintBook.from_text(text).closed


def have_checked(inbox: Inbox, sprint: Subject, now: datetime, settle: timedelta) -> None:
    """Have a sprint checked by the clock's word."""
    hint = Hint(sprint, HintKind.SPRINT_DUE, f"clock {int(now.timestamp() * 1000)}", at=now)
    digest = f"{sprint}@{now.timestamp()}"
    inbox.offer(sprint.connection, digest, [hint], settle=settle, ceiling=settle)


def _next(listed: Iterable[Sprint], now: datetime, every: timedelta) -> datetime:
    planned = [at + _AFTER for sprint in listed for at in (sprint.start, sprint.end) if at is not None]
    return min([now + every, *(at for at in planned if at > now)])
