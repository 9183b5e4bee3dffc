"""Label the issues that were there before: read page by page, plan, write many at once, on a bulk worker.

The rules of one version hold for the whole of a backfill. When they change while it reads, it reads anew:
reading is cheap, and half a plan by other rules is of no use. When they change later it writes no more: a
person saw the plan of the old ones, and nobody that of the new.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from typing import Any, Final, TypeVar

import structlog

from rules.load import RuleBook
from store.backfills import Backfill, Phase, Progress, Tally, Todo, Wish
from trackers.errors import Gone, Rejected, TrackerError
from trackers.protocol import BulkStep, Found
from workers import failures
from workers.backfill_reading import read_page
from workers.backfill_writing import (
    Wanted,
    came_to,
    intend,
    mark_of,
    note,
    records,
    send,
    subject_of,
    wanted,
)
from workers.breaker import WritingHeld
from workers.holding import holding
from workers.patience import Pace, patiently
from workers.shop import Desk, Shop

log = structlog.get_logger("backfill")

APART_S: Final = 0.2
"""Between two requests: five a second are gentle on a tracker that takes one for each issue."""
_STARTS: Final = 5
"""How often a backfill is taken up that does not get on."""
_SLICE_S: Final = 1.0
"""A wait is broken into these, to hear of a wish to stop."""
_UNKNOWN: Final = "The bulk worker does not know the connection; restart it if connections.yaml has changed."
T = TypeVar("T")


class _Ended(Exception):
    """This worker goes on no further; the message is a sentence for people."""

    def __init__(self, phase: Phase, sentence: str) -> None:
        super().__init__(sentence)
        self.phase = phase


class _Lost(Exception):
    """Somebody else is at it now."""


def backfill(
    shop: Shop, connection: str, *, sleep: Callable[[float], None] = time.sleep, apart_s: float = APART_S
) -> None:
    """Carry a connection's backfill on as far as it goes, unless somebody else is at it.

    What goes wrong with the tracker ends it with a sentence. Only what ends the whole process, such as a
    failing Redis, is raised; then it is taken up again.
    """
    desk = shop.desks.get(connection)
    with holding(shop.backfills.lease(connection), shop.backfills.beat) as lost:
        if lost is None:
            return
        shop.backfills.answer(connection)
        standing = shop.backfills.standing(connection)
        if standing is None or not standing.is_under_way:
            return
        if desk is None:
            shop.backfills.end(connection, replace(standing.backfill, phase=Phase.FAILED, said=_UNKNOWN))
            return
        worker = _Worker(shop, desk, standing.backfill, lost, sleep, Pace(apart_s, sleep))
        worker.work(standing.wishes)


@dataclass
class _Worker:
    """One worker at one backfill."""

    shop: Shop
    desk: Desk
    state: Backfill
    lost: Event
    sleep: Callable[[float], None]
    pace: Pace

    def work(self, wishes: frozenset[Wish]) -> None:
        try:
            self._count_start()
            if self.state.steps is None:
                wishes = self._read()
            if Wish.APPLY in wishes:
                self._write()
        except _Lost:
            log.warning("backfill taken over", connection=self._name)
        except _Ended as ended:
            self._end(ended.phase, str(ended))
        except (TrackerError, WritingHeld) as error:
            self._end(Phase.FAILED, str(error))
        except failures.NOT_OF_A_PART:
            raise
        except Exception as error:
            log.exception("backfill failed", connection=self._name)
            said = f"It failed: {type(error).__name__}. The worker's log has the place."
            self._end(Phase.FAILED, said)

    def _count_start(self) -> None:
        if self.state.starts >= _STARTS:
            raise _Ended(Phase.FAILED, f"{_STARTS} workers in a row died of it.")
        self._keep(starts=self.state.starts + 1)
        self.shop.checkpoint("begun")

    def _read(self) -> frozenset[Wish]:
        book = self._rules()
        resumed = self.state.cursor is not None
        while not self.state.all_read:
            self._keep()
            book = self._rules()
            if self.state.rules != book.version_id:
                self._read_anew(book)
            try:
                page = self._asking(self._page)
            except (Rejected, Gone):
                if not resumed or self.state.cursor is None:
                    raise
                # The tracker has forgotten the place.
                self._read_anew(book)
            else:
                self.shop.checkpoint("loaded")
                self._take(book, page)
                self.shop.checkpoint("planned")
            resumed = False
        steps = self._asking(lambda: self._steps(self._todo()))
        return self._keep(phase=Phase.PLANNED, steps=len(steps), starts=0)

    def _page(self) -> Found:
        connection, state = self.desk.connection, self.state
        return self.desk.tracker.search(connection.projects, state.question.query, state.cursor)

    def _take(self, book: RuleBook, page: Found) -> None:
        state = self.state
        if page.next is not None and page.next == state.cursor:
            raise _Ended(Phase.FAILED, "The tracker gives the same page again and again.")
        read = self._asking(lambda: read_page(self.shop, self.desk, book, state.question, state.tally, page))
        self._become(tally=read.tally, cursor=page.next, all_read=page.next is None, starts=0, said="")
        self.shop.backfills.keep_page(self._name, self.state, read.todo)

    def _read_anew(self, book: RuleBook) -> None:
        self._become(rules=book.version_id, cursor=None, tally=Tally())
        self.shop.backfills.read_anew(self._name, self.state)

    def _write(self) -> None:
        wishes = self._keep(phase=Phase.WRITING, said="")
        # No write before we know whose name it is under.
        self._asking(self.desk.tracker.identity)
        limit = self._rules().writes(self._name)
        while todo := self._todo():
            if Wish.SURE not in wishes:
                room = limit.most - self._written_within(limit.window)
                if room <= 0:
                    self._keep(phase=Phase.ASKS, said=self._question())
                    return
                todo = todo[:room]
            items = {item.issue: item for item in todo}
            steps = self._asking(partial(self._steps, todo))
            if not steps:
                raise _Ended(Phase.FAILED, "The tracker has no way to write what is left.")
            for step in steps:
                wishes = self._keep(said="")
                self._step(step, [items[mark.issue] for mark in step.marks], limit.window)
        self._end(Phase.DONE, "")

    def _step(self, step: BulkStep, items: Sequence[Todo], window: timedelta) -> None:
        if self._rules().version_id != self.state.rules:
            raise _Ended(
                Phase.STOPPED,
                "The rules have changed since this was planned: run it again to see what the new ones say.",
            )
        if self.desk.applier.breaker is not None:
            self.desk.applier.breaker.require_writing()
        journals = self.shop.journals.read_many(subject_of(self._name, item) for item in items)
        found = wanted(items, journals, frozenset(self.state.in_hand))
        left = {one.item.issue for one in found}
        if len(left) < len(items):
            self._pass_over([item.issue for item in items if item.issue not in left])
        marks = tuple(one.mark for one in found)
        by_issue = {one.item.issue: one for one in found}
        steps = (step,) if marks == step.marks else self._asking(partial(self.desk.tracker.bulk_steps, marks))
        for part in steps:
            self._send(part, [by_issue[mark.issue] for mark in part.marks], window)

    def _send(self, step: BulkStep, found: Sequence[Wanted], window: timedelta) -> None:
        ids = [one.item.issue for one in found]
        self._keep(in_hand=tuple(dict.fromkeys([*self.state.in_hand, *ids])))
        intend(self.shop, self._name, found)
        self.shop.checkpoint("intended")
        marked = self._asking(partial(send, step))
        self.shop.checkpoint("written")
        note(self.shop, self._name, found, marked)
        self.shop.checkpoint("noted")
        before = self.state.progress
        after = came_to(before, found, marked, window)
        self._keep_step(ids, after, records(self.state, found, marked), after.labels - before.labels)
        self.shop.checkpoint("recorded")

    def _pass_over(self, ids: Sequence[str]) -> None:
        before = self.state.progress
        self._keep_step(ids, replace(before, passed_over=before.passed_over + len(ids)), {}, 0)

    def _keep_step(
        self, ids: Sequence[str], progress: Progress, told: Mapping[str, Mapping[str, Any]], labels: int
    ) -> None:
        in_hand = tuple(issue for issue in self.state.in_hand if issue not in set(ids))
        self._become(progress=progress, in_hand=in_hand, starts=0, said="")
        counted = {f"labels|{self._name}": labels} if labels else {}
        self.shop.backfills.keep_step(self._name, self.state, ids, told, counted)

    def _written_within(self, window: timedelta) -> int:
        now = datetime.now(UTC)
        return sum(count for at, count in self.state.progress.lately if now - at < window)

    def _question(self) -> str:
        progress = self.state.progress
        begun = min(at for at, _ in progress.lately)
        seconds = max(1, round((datetime.now(UTC) - begun).total_seconds()))
        issues = sum(count for _, count in progress.lately)
        return f"{issues} issues were labelled in {seconds} s. Look at a few: {', '.join(progress.latest)}."

    def _steps(self, todo: Sequence[Todo]) -> tuple[BulkStep, ...]:
        return self.desk.tracker.bulk_steps([mark_of(item) for item in todo])

    def _todo(self) -> list[Todo]:
        return self.shop.backfills.todo(self._name)

    def _rules(self) -> RuleBook:
        book = self.shop.rules.now()
        if book is None:
            raise _Ended(Phase.FAILED, "No good rules file was found yet; mend config/rules.yaml.")
        return book

    def _asking(self, ask: Callable[[], T]) -> T:
        """The answer, waited for, at our pace; what it took is counted."""
        gate = self.desk.gate
        before = gate.requests if gate else 0
        try:
            return patiently(ask, self._wait)
        finally:
            spent = gate.requests - before if gate else 0
            self.state = replace(self.state, requests=self.state.requests + spent)
            self.pace.spent(spent)

    def _wait(self, seconds: float, why: str) -> None:
        while seconds > 0:
            self._keep(said=why)
            self.sleep(min(seconds, _SLICE_S))
            seconds -= _SLICE_S

    def _become(self, **changes: Any) -> None:
        if self.lost.is_set():
            raise _Lost
        self.state = replace(self.state, **changes)

    def _keep(self, **changes: Any) -> frozenset[Wish]:
        self._become(**changes)
        wishes = self.shop.backfills.keep(self._name, self.state)
        if Wish.STOP in wishes:
            raise _Ended(Phase.STOPPED, "It was stopped as somebody asked.")
        return wishes

    def _end(self, phase: Phase, said: str) -> None:
        if not self.lost.is_set():
            self._become(phase=phase, said=said)
            self.shop.backfills.end(self._name, self.state)
        log.info("backfill", connection=self._name, phase=str(phase), said=said or None)

    @property
    def _name(self) -> str:
        return self.desk.connection.name
