"""Rounds over the boards: which are due, and what a look at one leads to.

A board is looked at every few minutes, and at each start and end its sprints have planned: so a lost
webhook costs minutes, and Linear, which tells of no start, needs none.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from rules.load import RuleBook
from store.inbox import Batch, Inbox
from store.sprints import Sprints
from trackers.errors import Paused
from trackers.model import Hint, HintKind, Subject, SubjectKind
from trackers.sprints import Board, Sprint, SprintState
from workers.decide import Because
from workers.record import Ending, Outcome
from workers.shop import Desk, Shop

log = structlog.get_logger("rounds")
_AGAIN: Final = timedelta(minutes=5)
"""When a board is due again should its look come to nothing."""
_SELDOM: Final = timedelta(days=1)
_SOON: Final = timedelta(seconds=2)
_BUSY: Final = timedelta(seconds=30)
_AFTER: Final = timedelta(seconds=5)
"""After a planned start or end: clocks differ a little."""
_AT_ONCE: Final = timedelta(0)


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
    """Look at a board: learn finished sprints, and have every running one checked."""
    now = datetime.now(UTC)
    board = batch.subject
    if board.id not in (desk.connection.scope().boards or ()):
        shop.sprints.unwatch(board)
        return Ending(Outcome.IGNORED, Because.BOARD_NOT_NAMED)
    found = desk.tracker.board(board.id)
    rules = book.sprints(desk.connection.name, board.id, found.project)
    if not found.has_sprints or not rules.enabled:
        shop.sprints.next_look(board, now + (_SELDOM if not found.has_sprints else shop.look_every))
        return Ending(
            Outcome.IGNORED, Because.BOARD_WITHOUT_SPRINTS if rules.enabled else Because.SPRINTS_OFF
        )
    listed = desk.tracker.open_sprints(board.id)
    learnt = _learn(shop, desk, board, found)
    _have_checked(shop, board, listed, now)
    shop.sprints.next_look(board, _next(listed, now, shop.look_every, learnt))
    return Ending(Outcome.NOTHING, Because.LOOKED)


def _learn(shop: Shop, desk: Desk, board: Subject, found: Board) -> timedelta:
    """Read a few finished sprints that are not known yet; in how long it is worth going on."""
    known = shop.sprints.finished(board.connection, board.id)
    try:
        fresh = desk.tracker.finished(found, known.keys())
    except Paused:
        return _BUSY
    if not fresh:
        return shop.look_every
    shop.sprints.add_finished(board.connection, board.id, fresh)
    log.info("finished sprints read", board=str(board), count=len(fresh))
    return _SOON


def _have_checked(shop: Shop, board: Subject, listed: Iterable[Sprint], now: datetime) -> None:
    """Every active sprint, and every one that was watched and is not listed any more: it has ended."""
    active = {sprint.id for sprint in listed if sprint.state is SprintState.ACTIVE}
    watched = {id_ for id_, where in shop.sprints.running(board.connection).items() if where == board.id}
    for sprint in sorted(active | watched):
        subject = Subject(board.connection, SubjectKind.SPRINT, sprint)
        have_checked(shop.inbox, subject, now, _AT_ONCE)


def have_checked(inbox: Inbox, sprint: Subject, now: datetime, settle: timedelta) -> None:
    """Have a sprint checked by the clock's word."""
    hint = Hint(sprint, HintKind.SPRINT_DUE, f"clock {int(now.timestamp() * 1000)}", at=now)
    digest = f"{sprint}@{now.timestamp()}"
    inbox.offer(sprint.connection, digest, [hint], settle=settle, ceiling=settle)


def _next(listed: Iterable[Sprint], now: datetime, every: timedelta, learnt: timedelta) -> datetime:
    planned = [at + _AFTER for sprint in listed for at in (sprint.start, sprint.end) if at is not None]
    return min([now + min(every, learnt), *(at for at in planned if at > now)])
