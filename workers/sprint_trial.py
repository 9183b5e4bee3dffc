"""What another rules file would say differently of a running sprint, from one reading of it. Pure.

As a check does it, but for what changes nothing: labels of issues, home and words of the comment are
decided on, and not written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from classifiers.sprint_judgement import SprintJudgement
from rules.schema import Mode
from rules.sprint_rules import SprintRules
from store.reasons import why
from trackers.spans import in_utc
from trackers.sprints import Board, Finished, SprintReading, Unit
from workers.decide import Because
from workers.forecasters import Forecasters
from workers.roster import begin, follow
from workers.sprint_book import Home, SprintBook
from workers.sprint_home import as_listed, candidates, has_left, wears
from workers.sprint_measure import comparable, measure
from workers.sprint_outlook import judged
from workers.sprint_plan import worth_saying
from workers.wording import and_list


@dataclass(frozen=True, slots=True)
class Seen:
    """A running sprint with all that is known of it."""

    connection: str
    board: Board
    reading: SprintReading
    """With the past of its issues where there is no ``book``."""
    finished: Sequence[Finished]
    """Of this board, this sprint itself left out."""
    book: SprintBook | None
    """What the service remembers; None when it has not looked yet."""
    key: bytes
    """Of the hashes in the book."""
    now: datetime
    projects: frozenset[str] | None = None
    """Where a comment may stand; None: everywhere."""
    snoozed: bool = False
    """By the command; the label is looked for."""
    deleted: bool = False
    """A person deleted our comment."""
    label_name: Callable[[str], str] = str
    """A label's name as the tracker would have it."""


@dataclass(frozen=True, slots=True)
class SprintVerdict:
    """What one rules file has to say of a sprint."""

    mode: Mode
    because: Because | None = None
    """Why nothing is said; None when something is. Of a dry run as if it were none."""
    concerns: tuple[str, ...] = ()
    p_enough: float | None = None
    """The chance (0..1) that at least ``done_share`` of the commitment gets done."""
    done_share: float = 0.8
    warn_below: float = 0.25
    home: str | None = None
    """Key of the issue that the comment would stand on."""
    until: datetime | None = None
    """When it is quiet hours: until then nothing is written."""
    labelled: tuple[str, ...] = ()
    """Keys of issues that would bear the label for having come late."""

    @property
    def speaks(self) -> bool:
        return self.because is None

    @property
    def effect(self) -> tuple[object, ...]:
        """All that people would notice: a chance may move without another word."""
        return self.mode, self.because, self.concerns, self.home, self.until, self.labelled


@dataclass(frozen=True, slots=True)
class SprintChange:
    """One sprint under both files."""

    sprint: str
    name: str
    board: str
    now: SprintVerdict
    new: SprintVerdict

    @property
    def differs(self) -> bool:
        return self.now.effect != self.new.effect


def compare_sprint(seen: Seen, now: SprintRules, new: SprintRules, forecasters: Forecasters) -> SprintChange:
    """Hold ``new`` against ``now`` over one sprint, which is as it was read for both."""
    sprint = seen.reading.sprint
    before, after = (verdict(seen, rules, forecasters) for rules in (now, new))
    return SprintChange(sprint.id, sprint.name, seen.board.id, before, after)


def in_words(verdict: SprintVerdict) -> str:
    """A verdict as a sentence without a full stop."""
    told = _said(verdict)
    if verdict.labelled:
        told += f"; labelled for coming late: {', '.join(verdict.labelled)}"
    if verdict.p_enough is not None:
        told += (
            f"; the chance that {verdict.done_share:.0%} of the commitment gets done is "
            f"{verdict.p_enough:.0%}, and below {verdict.warn_below:.0%} it warns"
        )
    return told


def _said(verdict: SprintVerdict) -> str:
    if not verdict.speaks:
        return f"silent, because {why(verdict.because)}"
    concerns = and_list([concern.replace("_", " ") for concern in verdict.concerns])
    until = f", not before {in_utc(verdict.until)} (quiet hours)" if verdict.until else ""
    only = ", in the record alone (dry_run)" if verdict.mode is Mode.DRY_RUN else ""
    return f"a warning ({concerns}) on {verdict.home}{only}{until}"


def verdict(seen: Seen, rules: SprintRules, forecasters: Forecasters) -> SprintVerdict:
    """What would be said of a sprint by ``rules``, or why nothing."""
    if not seen.board.has_sprints:
        return SprintVerdict(rules.mode, Because.BOARD_WITHOUT_SPRINTS)
    if not rules.enabled:
        return SprintVerdict(rules.mode, Because.SPRINTS_OFF)
    book = remembered(seen, rules)
    found = judged(
        seen.connection,
        seen.board,
        seen.reading,
        book,
        rules,
        seen.finished,
        forecasters,
        seen.key,
        seen.now,
    )
    home = _home(seen, book, rules, found)
    because = _why_silent(seen, rules, found, home)
    until = rules.calendar.speaks_at(seen.now, seen.board.zone)
    marks = rules.scope_label is not None and rules.mode is Mode.APPLY
    return SprintVerdict(
        rules.mode,
        because,
        tuple(sorted(found.concerns)),
        1 - found.forecast.p_overcommitted,
        rules.done_share,
        rules.warn_below,
        home.key if home is not None and because is None else None,
        until if because is None and until > seen.now else None,
        tuple(item.key for item in found.scope.added) if marks else (),
    )


def remembered(seen: Seen, rules: SprintRules) -> SprintBook:
    """What a check would remember of a sprint now."""
    if seen.book is not None:
        memory = follow(seen.book.memory, seen.reading, (), seen.now, seen.finished)
        unit = seen.book.unit if comparable(seen.book.unit, seen.board.unit) else Unit.ISSUES
        return replace(seen.book, memory=memory, unit=unit)
    memory = begin(seen.reading, (), seen.now, seen.finished, seen.key)
    unit = measure(memory, seen.board, rules, seen.finished)
    return SprintBook(memory, unit, seen.board.id, seen.reading.sprint.name)


def _home(seen: Seen, book: SprintBook, rules: SprintRules, found: SprintJudgement) -> Home | None:
    """Where a comment stands already it stays, unless that issue has left."""
    if book.home is not None and not has_left(book.home, seen.reading):
        return book.home
    return next(candidates(seen.reading, found, rules.tracking_issue, seen.projects), None)


def _why_silent(seen: Seen, rules: SprintRules, found: SprintJudgement, home: Home | None) -> Because | None:
    if seen.deleted:
        return Because.COMMENT_DELETED
    if not worth_saying(found):
        return Because.ALL_WELL
    if found.past.sprints < rules.min_history:
        return Because.TOO_FEW_SPRINTS
    if home is None:
        return Because.NO_HOME
    listed = as_listed(home, seen.reading)
    snooze = seen.label_name(rules.snooze_label)
    if seen.snoozed or (listed is not None and wears(listed.reading.issue, snooze)):
        return Because.SNOOZED
    return None
