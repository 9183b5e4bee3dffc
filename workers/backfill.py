"""Label the issues that were there before: read page by page, plan, write many at once, on a bulk worker.

The rules of one version hold for the whole of a backfill. When they change while it reads, it reads anew:
reading is cheap, and half a plan by other rules is of no use. When they change later it writes no more: a
person saw the plan of the old ones, and nobody that of the new.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from typing import Any, Final, TypeVar

import structlog

from rules.load import RuleBook
from store.backfills import Backfill, Phase, Progress, Tally, Todo, Wish
from store.journal import Journal
from trackers.errors import Gone, Paused, Rejected, TrackerError
from trackers.protocol import BulkStep, Found, Glimpse, Marked
from workers import failures
from workers.backfill_reading import read_page
from workers.backfill_writing import (
    Sifted,
    Wanted,
    came_to,
    intend,
    mark_of,
    note,
    records,
    send,
    sift,
    subject_of,
    written_after_all,
)
from workers.breaker import WritingHeld
from workers.holding import holding
from workers.patience import PASSING, Pace, Patience, patiently
from workers.shop import Desk, Shop

log = structlog.get_logger("backfill")

APART_S: Final = 0.2
"""Between two requests: five a second are gentle on a tracker that takes one for each issue."""
_STARTS: Final = 5
"""How often a backfill is taken up that does not get on."""
_SLICE_S: Final = 1.0
"""A wait is broken into these, to hear of a wish to stop."""
_SEEN_TOGETHER: Final = 100
"""Issues looked at with one request before they are written to one by one."""
_UNKNOWN: Final = "The bulk worker does not know the connection; restart it if connections.yaml has changed."
T = TypeVar("T")


class _Ended(Exception):
    """This worker goes on no further; the message is a sentence for people."""

    def __init__(self, phase: Phase, sentence: str) -> None:
        super().__init__(sentence)
        self.phase = phase


class _Lost(Exception):
    """Somebody else is at it now."""


class _Left(Exception):
    """This worker is told to end; another goes on."""


def backfill(
    shop: Shop,
    connection: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    apart_s: float = APART_S,
    leaving: Event | None = None,
) -> None:
    """Carry a connection's backfill on as far as it goes, unless somebody else is at it.

    What goes wrong with the tracker ends it with a sentence. Only what ends the whole process, such as a
    failing Redis, is raised; then it is taken up again. So it is when ``leaving`` is set: the write in hand
    is finished, and no other begun.
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
        pace = Pace(apart_s, sleep)
        worker = _Worker(shop, desk, standing.backfill, lost, leaving or Event(), sleep, pace)
        worker.work(standing.wishes)


@dataclass
class _Worker:
    """One worker at one backfill."""

    shop: Shop
    desk: Desk
    state: Backfill
    lost: Event
    leaving: Event
    sleep: Callable[[float], None]
    pace: Pace

    def work(self, wishes: frozenset[Wish]) -> None:
        try:
            self._count_start()
            patiently(self._settle, self._wait)
            if self.state.steps is None:
                wishes = self._read()
            if Wish.APPLY in wishes:
                self._write()
        except _Lost:
            log.warning("backfill taken over", connection=self._name)
        except _Left:
            self._leave()
        except _Ended as ended:
            self._end_settled(ended)
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
        self._keep(phase=Phase.WRITING, said="")
        # No write before we know whose name it is under.
        self._asking(self.desk.tracker.identity)
        patience = Patience(self._wait)
        while self.state.phase is Phase.WRITING:
            try:
                self._settle()
                todo = self._allowed(self._todo())
                if todo:
                    self._write_to(todo, patience)
                elif self.state.phase is Phase.WRITING:
                    self._end(Phase.DONE, "")
            except PASSING as error:
                # While we wait, people change their minds: what comes after it begins with a look.
                patience.wait_out(error)

    def _allowed(self, todo: list[Todo]) -> list[Todo]:
        """What of it may be written before a person is asked; nothing of it where one is asked now."""
        wishes = self._keep(said="")
        if Wish.SURE in wishes:
            if self.state.owed:
                self._keep(owed="", progress=replace(self.state.progress, lately=()))
            return todo
        limit = self._rules().writes(self._name)
        room = limit.most - self._written_within(limit.window)
        if todo and (self.state.owed or room <= 0):
            asked = self.state.owed or self._question()
            self._keep(phase=Phase.ASKS, said=asked, owed=asked)
            return []
        return todo[:room]

    def _write_to(self, todo: Sequence[Todo], patience: Patience) -> None:
        items = {item.issue: item for item in todo}
        steps = self._asking(partial(self._steps, todo))
        if not steps:
            raise _Ended(Phase.FAILED, "The tracker has no way to write what is left.")
        for some in _seen_together(steps):
            self._keep(said="")
            ids = [mark.issue for step in some for mark in step.marks]
            seen = self._once(partial(self.desk.tracker.glimpse, ids))
            for step in some:
                self._step(step, items, seen)
                patience.restore()

    def _step(self, step: BulkStep, items: Mapping[str, Todo], seen: Mapping[str, Glimpse]) -> None:
        """Write what of a step is still to be written. Nothing is waited for between these checks and it."""
        self._check()
        listed = [items[mark.issue] for mark in step.marks]
        sifted = sift(listed, self._journals(listed), seen)
        if sifted.needless or sifted.changed:
            self._leave_out(sifted)
        marks = tuple(one.mark for one in sifted.found)
        if marks == step.marks:
            self._send(step, sifted.found)
        elif marks:
            for part in self._once(partial(self.desk.tracker.bulk_steps, marks)):
                self._step(part, items, seen)

    def _check(self) -> None:
        """Raises where nothing is to be written any more, or not now."""
        self._keep(said="")
        if self._rules().version_id != self.state.rules:
            raise _Ended(
                Phase.STOPPED,
                "The rules have changed since this was planned: run it again to see what the new ones say.",
            )
        if self.desk.applier.breaker is not None:
            self.desk.applier.breaker.require_writing()

    def _send(self, step: BulkStep, found: Sequence[Wanted]) -> None:
        ids = [one.item.issue for one in found]
        self._hold(*self.state.in_hand, *ids)
        intend(self.shop, self._name, found)
        self.shop.checkpoint("intended")
        before = self._requests()
        try:
            marked = self._once(partial(send, step))
        except Paused:
            if self._requests() != before:
                raise
            # Nothing was asked: what turns up on these issues meanwhile is not ours.
            self._hold(*(issue for issue in self.state.in_hand if issue not in ids))
            raise
        self.shop.checkpoint("written")
        self._came_to(found, marked, ids)

    def _hold(self, *issues: str) -> None:
        """Keep which issues are being written to; with no eye to wishes, which have just been looked at."""
        self._become(in_hand=tuple(dict.fromkeys(issues)))
        self.state = self.shop.backfills.keep(self._name, self.state).backfill

    def _came_to(self, found: Sequence[Wanted], marked: Marked, ids: Sequence[str]) -> None:
        note(self.shop, self._name, found, marked)
        self.shop.checkpoint("noted")
        before = self.state.progress
        after = came_to(before, found, marked, self._window())
        self._keep_step(ids, after, records(self.state, found, marked), after.labels - before.labels)
        self.shop.checkpoint("recorded")

    def _settle(self) -> None:
        """Look what came of a write that nobody saw the end of: what is there is noted and counted as ours.

        The rest stays on the list, to be looked at like all others before it is written to.
        """
        held = frozenset(self.state.in_hand)
        if not held:
            return
        items = [item for item in self._todo() if item.issue in held]
        seen = self._once(partial(self.desk.tracker.glimpse, [item.issue for item in items]))
        found = written_after_all(items, self._journals(items), seen)
        self._once(partial(self.desk.tracker.remember, [one.mark for one in found]))
        # Of a list that is about to be made anew nothing is left over.
        ids = [one.item.issue for one in found] if self.state.steps is not None else list(held)
        if ids:
            self._came_to(found, Marked({one.item.issue: None for one in found}), ids)
        self._hold()

    def _leave_out(self, sifted: Sifted) -> None:
        before = self.state.progress
        after = replace(
            before,
            passed_over=before.passed_over + len(sifted.needless),
            changed=before.changed + len(sifted.changed),
        )
        self._keep_step([*sifted.needless, *sifted.changed], after, {}, 0)

    def _keep_step(
        self, ids: Sequence[str], progress: Progress, told: Mapping[str, Mapping[str, Any]], labels: int
    ) -> None:
        in_hand = tuple(issue for issue in self.state.in_hand if issue not in set(ids))
        self._become(progress=progress, in_hand=in_hand, starts=0, said="")
        counted = {f"labels|{self._name}": labels} if labels else {}
        self.shop.backfills.keep_step(self._name, self.state, ids, told, counted)

    def _journals(self, items: Sequence[Todo]) -> list[Journal]:
        return self.shop.journals.read_many(subject_of(self._name, item) for item in items)

    def _window(self) -> timedelta:
        book = self.shop.rules.now()
        return book.writes(self._name).window if book else timedelta.max

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
        """The answer, waited for."""
        return patiently(partial(self._once, ask), self._wait)

    def _once(self, ask: Callable[[], T]) -> T:
        """The answer, at our pace; what it took is counted."""
        before = self._requests()
        try:
            return ask()
        finally:
            spent = self._requests() - before
            self.state = replace(self.state, requests=self.state.requests + spent)
            self.pace.spent(spent)

    def _requests(self) -> int:
        return self.desk.gate.requests if self.desk.gate else 0

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
        kept = self.shop.backfills.keep(self._name, self.state)
        self.state = kept.backfill
        if Wish.STOP in kept.wishes:
            raise _Ended(Phase.STOPPED, "It was stopped as somebody asked.")
        if self.leaving.is_set():
            raise _Left
        return kept.wishes

    def _leave(self) -> None:
        # A worker that is told to end has not died of it.
        if not self.lost.is_set():
            self._become(starts=max(0, self.state.starts - 1))
            self.shop.backfills.keep(self._name, self.state)
        log.info("backfill left to the next worker", connection=self._name)

    def _end_settled(self, ended: _Ended) -> None:
        if ended.phase is Phase.STOPPED:
            # What cannot be looked at now is kept, and looked at by the next backfill.
            with suppress(TrackerError, _Lost):
                self._settle()
        self._end(ended.phase, str(ended))

    def _end(self, phase: Phase, said: str) -> None:
        if not self.lost.is_set():
            self._become(phase=phase, said=said)
            self.shop.backfills.end(self._name, self.state)
        log.info("backfill", connection=self._name, phase=str(phase), said=said or None)

    @property
    def _name(self) -> str:
        return self.desk.connection.name


def _seen_together(steps: Sequence[BulkStep]) -> Iterator[list[BulkStep]]:
    """Steps that are few issues together, or one alone."""
    some: list[BulkStep] = []
    for step in steps:
        if some and sum(len(one.marks) for one in [*some, step]) > _SEEN_TOGETHER:
            yield some
            some = []
        some.append(step)
    if some:
        yield some
