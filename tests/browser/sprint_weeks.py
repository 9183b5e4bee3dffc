"""A team's sprints, each issue with the days on which it came and was done, checked as a worker does."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from redis import Redis

from rules.connections import Connection
from rules.load import RuleBook
from rules.schema import Mode
from store.decisions import count, put
from store.inbox import Batch
from store.journal import CommentRecord, CommentState
from store.sprint_views import SprintView, SprintViews
from store.sprints import Sprints
from tests.browser.team import APPS, SHOP
from trackers.jira.markup import render
from trackers.model import Comment, Hint, HintKind, Subject, SubjectKind
from trackers.prose import Prose
from trackers.protocol import PutComment, Written
from trackers.sprints import (
    Amount,
    Board,
    Finished,
    IssuePast,
    Sprint,
    SprintIssue,
    SprintReading,
    SprintState,
    Stage,
    Unit,
    sprint_topic,
)
from workers.apply import Applied
from workers.decide import Because
from workers.forecasters import Forecasters
from workers.record import Ending, Outcome, counters, outcome_of, record
from workers.roster import begin, follow
from workers.sprint_book import Home, SprintBook
from workers.sprint_measure import counting
from workers.sprint_outlook import judged
from workers.sprint_plan import SprintPlan, is_news, said_of, worth_saying
from workers.sprint_view import Sight, over, seen, told
from workers.sprint_wording import AS_SHIPPED, ended, sprint_comment

DAY: Final = timedelta(days=1)
DAYS: Final = 14
STOREFRONT: Final = Board("12", "Storefront", "SHOP", has_sprints=True, unit=Unit.POINTS)
PAYMENTS: Final = Board("14", "Payments", "PAY", has_sprints=True, unit=Unit.POINTS)
CYCLES: Final = Board("APP", "Apps", "APP", has_sprints=True, unit=Unit.POINTS)
HOSTILE_NAME: Final = "<img src=x onerror=alert(1)>"
RIGHT_TO_LEFT: Final = "ספרינט 12: לפני החג"
LONG_KEY: Final = "AVERYLONGPROJECTKEYOFTHIRTYFOURCHS-12345"
_SNOOZE: Final = "sprintwarden-snooze"
_AT_ONCE: Final = 0.005
"""Some minutes after the start."""


@dataclass(frozen=True, slots=True)
class Work:
    """An issue in a sprint; days count from its start."""

    number: int
    points: float
    done: float | None = None
    begun: float | None = None
    joined: float | None = None
    """None: it was planned."""
    left: float | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """A sprint as it went."""

    connection: str
    board: Board
    id: str
    name: str
    start: datetime
    work: tuple[Work, ...]
    checks: tuple[float, ...]
    """Days on which it is looked at; the last is today, or the last before its end."""
    is_over: bool = False

    @property
    def end(self) -> datetime:
        return self.start + DAYS * DAY

    def at(self, day: float) -> datetime:
        return self.start + day * DAY

    def read(self, day: float) -> SprintReading:
        """As its tracker has it then."""
        present = [
            one for one in self.work if (one.joined or 0) <= day and (one.left is None or day < one.left)
        ]
        state = SprintState.CLOSED if day >= DAYS else SprintState.ACTIVE
        sprint = Sprint(self.id, self.name, self.board.id, state, self.start, self.end, url=self._url())
        return SprintReading(sprint, tuple(self._issue(one, day) for one in present))

    def finished(self) -> Finished:
        """The same in numbers."""
        planned = [one.points for one in self.work if one.joined is None]
        came = [one.points for one in self.work if one.joined is not None]
        done = [one.points for one in self.work if one.done is not None]
        amounts = (Amount(len(some), sum(some)) for some in (planned, done, came))
        committed, delivered, added = amounts
        return Finished(
            self.id, self.board.id, self.start, self.end, DAYS, committed, delivered, added, 1.0,
            (("doing", 28.0), ("doing", 51.0)),
        )  # fmt: skip

    def _url(self) -> str:
        if self.connection == APPS:
            return f"https://linear.app/fernwood/team/APP/cycle/{self.id}"
        return f"https://fernwood.example/jira/software/projects/{self.board.project}/boards/{self.board.id}"

    def _issue(self, one: Work, day: float) -> SprintIssue:
        is_done = one.done is not None and one.done <= day
        is_begun = one.begun is not None and one.begun <= day
        stage = Stage.DONE if is_done else Stage.DOING if is_begun else Stage.TODO
        since = one.done if is_done else one.begun if is_begun else None
        return SprintIssue(
            id=f"{self.id}{one.number}",
            key=one.key or f"{self.board.project}-{one.number}",
            project=self.board.project or "",
            type="Task",
            points=one.points,
            stage=stage,
            state=str(stage),
            rank=one.number,
            since=self.at(since) if since is not None else None,
            joined=self.at(one.joined) if one.joined is not None else None,
            created=self.start - 9 * DAY,
            assignee=f"person {one.number % 5}",
            past=IssuePast(),
        )


def stories(now: datetime, *, hostile: bool) -> list[Story]:
    """The sprints of the last months, oldest first; with ``hostile`` ones whose names are not kind."""
    dice, shop, apps = random.Random(23), now - 8.3 * DAY, now - 9.4 * DAY
    found = []
    for back in range(10, 0, -1):
        work, id_, name = (
            _usual(dice, back, dice.choice((25, 28, 31)), 24),
            f"{131 - back}",
            f"Storefront {32 - back}",
        )
        checks = (_AT_ONCE, 7.0) if back <= 6 else ()
        found.append(Story(SHOP, STOREFRONT, id_, name, shop - back * DAYS * DAY, work, checks, is_over=True))
    for back in range(6, 0, -1):
        work, id_, name = _usual(dice, back + 20, 22, 20), f"c{31 - back}", f"Cycle {31 - back}"
        checks = (_AT_ONCE, 7.0) if back <= 3 else ()
        found.append(Story(APPS, CYCLES, id_, name, apps - back * DAYS * DAY, work, checks, is_over=True))
    often, new = (_AT_ONCE, 2.2, 3.4, 4.4, 6.3, 8.2, 8.3), _usual(dice, 60, 18, 6)[:6]
    found += [
        Story(SHOP, STOREFRONT, "131", "Storefront 32: basket and vouchers", shop, _CROWDED, often),
        Story(APPS, CYCLES, "c31", "Cycle 31", apps, _STEADY, (_AT_ONCE, 3.0, 7.0, 9.367)),
        Story(SHOP, PAYMENTS, "140", "Payments 3", now - 2.2 * DAY, new, (_AT_ONCE, 2.2)),
    ]
    if hostile:
        bad = (replace(_CROWDED[6], number=1399, key=LONG_KEY, joined=3.0), *_CROWDED)
        once, long_ago = (_AT_ONCE, 7.0), now - 40 * DAY
        found += [
            Story(SHOP, STOREFRONT, "901", HOSTILE_NAME, now - 7 * DAY, bad, once),
            Story(SHOP, STOREFRONT, "902", RIGHT_TO_LEFT, now - 7 * DAY, _CROWDED, once),
            Story(SHOP, STOREFRONT, "903", "M" * 190, long_ago, _CROWDED, once, is_over=True),
        ]
    return found


_CROWDED: Final = tuple(
    Work(*one)
    for one in (
        (1301, 3, 1.4, 0.2), (1302, 2, 2.3, 0.4), (1303, 8, None, 1.5), (1304, 3, 6.1, 2.4),
        (1305, 3, 5.2, 3.3), (1306, 3, None, 6.2), (1307, 2), (1308, 5), (1309, 5),
        (1310, 2, None, None, None, 4.3), (1316, 5, None, None, 3.3), (1319, 2, 7.2, 4.4, 4.2),
        (1322, 3, None, None, 6.2),
    )
)  # fmt: skip
_STEADY: Final = tuple(
    Work(*one)
    for one in (
        (701, 3, 1.2, 0.1), (702, 2, 2.1, 0.3), (703, 5, 4.4, 1.3), (704, 3, 6.2, 2.2), (705, 2, 8.1, 4.5),
        (706, 3, 9.1, 7.2), (707, 2, None, 9.2), (711, 1, 7.2, 5.4, 5.1),
    )
)  # fmt: skip


def _usual(dice: random.Random, number: int, planned: float, able: float) -> tuple[Work, ...]:
    """About as much as ``planned`` points, of which about ``able`` are done, one after another."""
    able, points = dice.gauss(able, 2.5), list[float]()
    while sum(points) < planned + dice.randint(-3, 2):
        points.append(dice.choice((2, 3, 3, 5, 5, 8)))
    made, reached = [], 0.0
    for turn, size in enumerate(points):
        reached += size
        done = DAYS * reached / able - 0.3 if reached <= able else None
        begun = max(0.1, done - 1.7) if done is not None else None
        made.append(Work(100 * number + turn, size, done, begun))
    if dice.random() < 0.6:
        made.append(Work(100 * number + 50, 3, None, None, round(dice.uniform(2, 9), 1)))
    return tuple(made)


@dataclass(slots=True)
class Teller:
    """Checks sprints as a worker would have, at the times when it would have."""

    redis: Redis
    rules: RuleBook
    known: Sequence[Connection]
    forecasters: Forecasters = field(default_factory=Forecasters)
    past: dict[str, list[Finished]] = field(default_factory=dict)
    """Board → sprints that are over, oldest first."""

    def tell(self, story: Story) -> None:
        """Have one sprint watched from its start to its end, or until today."""
        finished = self.past.setdefault(story.board.id, [])
        view, book = None, None
        for day in story.checks:
            view, book = self._check(story, day, finished, view, book)
        if view is not None and book is not None:
            self._keep(story, view, book)
        if story.is_over:
            finished.append(story.finished())
            Sprints(self.redis).add_finished(story.connection, story.board.id, [story.finished()])

    def _keep(self, story: Story, view: SprintView, book: SprintBook) -> None:
        subject, sprints = _subject(story), Sprints(self.redis)
        if story.is_over:
            sprint = replace(story.read(DAYS).sprint, completed=story.end)
            delivered = story.finished().delivered.points
            view = over(view, sprint, delivered, story.end)
            if book.home:
                view = self._settled(story, view, book, sprint, delivered)
            sprints.close(subject, replace(book, closed=True).to_text())
        else:
            sprints.keep(subject, story.board.id, book.to_text())
        SprintViews(self.redis).keep(view)

    def _settled(
        self, story: Story, view: SprintView, book: SprintBook, sprint: Sprint, delivered: float
    ) -> SprintView:
        prose = ended(sprint, view.unit, view.committed, delivered, AS_SHIPPED, noun=view.noun)
        made = self._put(story, prose, SprintPlan(Mode.APPLY, home=book.home), settles=True)
        return told(
            view, book, CommentRecord(_comment(story), "", CommentState.SETTLED), made, self._base(story)
        )

    def _put(self, story: Story, prose: Prose, made: SprintPlan, *, settles: bool = False) -> Ending:
        """The ending of a check that wrote this."""
        topic, id_ = sprint_topic(story.id), _comment(story)
        put_ = PutComment(topic, render(prose), id_ if made.home else None, settles)
        made = replace(made, operations=(put_,), prose=prose)
        return outcome_of(made, Applied((Written(comment=Comment(id_, topic)),)))

    def _base(self, story: Story) -> str | None:
        """Of a tracker whose comments have an address made of their issue's."""
        found = (one.url for one in self.known if one.name == story.connection)
        return None if story.connection == APPS else next(found)

    def _check(
        self,
        story: Story,
        day: float,
        finished: Sequence[Finished],
        before: SprintView | None,
        book: SprintBook | None,
    ) -> tuple[SprintView, SprintBook]:
        now, reading, board = story.at(day), story.read(day), story.board
        rules = self.rules.sprints(story.connection, board.id, board.project)
        secret = Sprints(self.redis).secret()
        if book is None:
            memory = begin(reading, (), now, finished, secret)
            book = SprintBook(memory, board.unit, board.id, story.name)
        else:
            book = replace(book, memory=follow(book.memory, reading, _left(story, day), now, finished))
        found = judged(story.connection, board, reading, book, rules, finished, self.forecasters, secret, now)
        noun = "cycle" if story.connection == APPS else "sprint"
        count_, subject = counting(board.unit, board, rules), _subject(story)
        sight = Sight(
            subject,
            noun,
            board,
            reading.sprint,
            book.memory,
            count_,
            rules.scope_grace,
            found,
            finished,
            _SNOOZE,
        )
        view = seen(sight, before)
        said = said_of(found, now)
        if worth_saying(found) and len(finished) < rules.min_history:
            ending = self._silent(SprintPlan(rules.mode, found, because=Because.TOO_FEW_SPRINTS))
        elif worth_saying(found) and is_news(book.said, said):
            home = book.home or Home(reading.issues[0].id, reading.issues[0].key)
            prose = sprint_comment(found, AS_SHIPPED, snooze_label=_SNOOZE, noun=noun)
            ending = self._put(story, prose, SprintPlan(rules.mode, found, home=book.home))
            book = replace(book, home=home, said=said)
        else:
            because = Because.NOTHING_NEW if book.home else Because.ALL_WELL
            ending = self._silent(SprintPlan(rules.mode, found, home=book.home, because=because))
        posted = CommentRecord(_comment(story), "") if book.home else None
        self._note(story, now, ending)
        return told(view, book, posted, ending, self._base(story)), book

    def _silent(self, made: SprintPlan) -> Ending:
        return Ending(Outcome.NOTHING, made.because, plan=made)

    def _note(self, story: Story, now: datetime, ending: Ending) -> None:
        subject = _subject(story)
        due = Hint(subject, HintKind.SPRINT_DUE, f"due {now}", at=now)
        ending = replace(ending, rules=self.rules.version_id)
        batch = Batch(subject, 1, (due,), 1, 0, "", timedelta(seconds=2))
        kept = record(batch, ending, timedelta(milliseconds=840))
        kept["at"] = now.isoformat(timespec="milliseconds")
        pipe = self.redis.pipeline()
        put(pipe, subject, kept)
        count(pipe, counters(story.connection, ending))
        pipe.execute()


def _left(story: Story, day: float) -> list[Hint]:
    """What told of the issues that had left by then, and when."""
    gone = ((one.number, one.left) for one in story.work if one.left is not None and one.left <= day)
    return [
        Hint(_subject(story), HintKind.SPRINT_LEFT, "left", at=story.at(left), issue=f"{story.id}{number}")
        for number, left in gone
    ]


def _comment(story: Story) -> str:
    """The id of the one about it."""
    return f"10{story.id}"


def _subject(story: Story) -> Subject:
    return Subject(story.connection, SubjectKind.SPRINT, story.id)
