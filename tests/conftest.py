"""What tests share: a real Redis, hints, and a shop floor whose tracker is a plain object."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings
from redis import Redis

from rules.connection_schema import Deployment, WebhookAuth
from rules.connections import Connection, EmailToken, Webhook
from rules.load import load_rules
from rules.secret import Secret
from sprintwarden.embedded import EmbeddedRedis
from store.backfills import Backfills
from store.catch_ups import CatchUps
from store.connect import connect
from store.decisions import Decisions
from store.inbox import Inbox
from store.journal import Journals
from store.models import ModelShelf
from store.outcomes import Outcomes
from store.rulebook import RulebookShelf
from store.sprint_views import SprintViews
from store.sprints import Sprints
from store.trials import Trials
from tests.at_once import pytest_collection  # noqa: F401 - a hook of pytest's
from tests.reliability import (  # noqa: F401 - hooks of pytest's, and a fixture
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_setup,
    seen,
)
from trackers.errors import Gone
from trackers.jira.markup import render
from trackers.model import (
    AuthorKind,
    Comment,
    Hint,
    HintKind,
    Identity,
    Issue,
    Label,
    Memory,
    PastIssue,
    Subject,
    SubjectKind,
    TrackerKind,
)
from trackers.protocol import (
    BulkStep,
    DropComment,
    Failure,
    Found,
    Glimpse,
    Mark,
    Marked,
    Operation,
    Page,
    PutComment,
    Reading,
    Recall,
    RemoveLabels,
    Step,
    Update,
    Updates,
    Written,
)
from trackers.sprints import Board, Finished, Sprint, SprintReading, SprintState
from workers import checkpoints
from workers.apply import Applier
from workers.forecasters import Forecasters
from workers.learning import Learnt
from workers.models_in_force import LiveModels
from workers.rules_in_force import LiveRules
from workers.shop import Desk, Shop
from workers.taggers import Taggers

T0 = datetime(2026, 3, 2, 9, 0, 0, 123_000, tzinfo=UTC)
"""A moment with a fraction of a second; tests count from it."""
ISSUE = Subject("acme", SubjectKind.ISSUE, "10001")
ME = Identity("me", "Sprintwarden", is_app=True)

# How long an example takes to make or to run tells of the machine alone.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
# structlog's own way draws every local of every frame, which takes seconds for one traceback.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """One embedded Redis for all tests."""
    server = EmbeddedRedis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis(redis_server: EmbeddedRedis) -> Iterator[Redis]:
    """A client on an empty database."""
    client = connect(redis_server.url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def own_redis_server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A server of this test alone, to be starved, cut off or killed."""
    server = EmbeddedRedis(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


def until(ready: Callable[[], object], patience: float = 10.0) -> None:
    """Wait until ``ready`` says something true; fail when it never does."""
    deadline = time.monotonic() + patience
    while not ready():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.005)


def later(**span: float) -> datetime:
    return T0 + timedelta(**span)


def hint(
    kind: HintKind = HintKind.ISSUE_CREATED,
    subject: Subject = ISSUE,
    digest: str = "d0",
    *,
    updated: datetime | None = None,
    actor: str | None = None,
    changed: Sequence[str] = (),
    added: Sequence[str] = (),
    removed: Sequence[str] = (),
) -> Hint:
    return Hint(
        subject=subject,
        kind=kind,
        digest=digest,
        updated=updated,
        actor=actor,
        changed=tuple(changed),
        labels_added=tuple(added),
        labels_removed=tuple(removed),
    )


def changed(*fields: str, updated: datetime | None = None, digest: str = "d0") -> Hint:
    return hint(HintKind.ISSUE_CHANGED, changed=fields, updated=updated, digest=digest)


def relabelled(
    added: Sequence[str] = (),
    removed: Sequence[str] = (),
    *,
    updated: datetime | None = None,
    actor: str | None = None,
) -> Hint:
    return hint(
        HintKind.ISSUE_CHANGED,
        changed=["labels"],
        added=added,
        removed=removed,
        updated=updated,
        actor=actor,
    )


def issue(title: str = "Stored XSS in comments", *labels: str, updated: datetime | None = T0) -> Issue:
    return Issue(
        id=ISSUE.id, key="ABC-1", project="ABC", title=title, body="", type=None, priority=None,
        components=(), labels=tuple(Label(name, name) for name in labels), author=AuthorKind.PERSON,
        created=datetime.now(UTC), updated=updated,
    )  # fmt: skip


@dataclass
class ToyPalette:
    """Labels by name, whatever the case."""

    labels: Sequence[Label] | None = None
    """None: any name is a label, as on Jira."""
    may_create: bool = True

    def find(self, name: str) -> Label | None:
        if self.labels is None:
            return Label(name, name)
        wanted = name.casefold()
        named = [label for label in self.labels if wanted in (label.path.casefold(), label.name.casefold())]
        return named[0] if named else None

    def creatable(self, name: str) -> bool:
        return self.may_create


@dataclass
class ToyTracker:
    """One issue, with what was read and written, and errors to raise on demand."""

    now: Issue
    kind: TrackerKind = TrackerKind.JIRA
    sees_own_labels: bool = True
    posts_once: bool = True
    colours: ToyPalette = field(default_factory=ToyPalette)
    memory: Memory = field(default_factory=Memory)
    comments: dict[str, str] = field(default_factory=dict)
    """Id → text of our comments."""
    comments_topic: str = "labels"
    """What a reading says they are about."""
    fails: dict[str, Exception] = field(default_factory=dict)
    """``identity``, ``read``, ``labels``, ``comment``, ``past`` → what to raise there."""
    gone_comments: set[str] = field(default_factory=set)
    history: list[PastIssue] = field(default_factory=list)
    boards: dict[str, Board] = field(default_factory=dict)
    sprints: dict[str, SprintReading] = field(default_factory=dict)
    over: list[Finished] = field(default_factory=list)
    sprint_reads: list[tuple[str, bool]] = field(default_factory=list)
    reads: list[Recall] = field(default_factory=list)
    writes: list[Operation] = field(default_factory=list)
    on_read: Callable[[], object] = lambda: None
    on_write: Callable[[], object] = lambda: None

    def identity(self) -> Identity:
        self._fail("identity")
        return ME

    def read(self, issue: str, recall: Recall) -> Reading:
        self._fail("read")
        self.reads.append(recall)
        now = self._as_in_sprint(issue)
        found = Reading(now, self.memory, tuple(Comment(id_, self.comments_topic) for id_ in self.comments))
        self.on_read()
        return found if recall.comments else replace(found, comments=())

    def _as_in_sprint(self, asked: str) -> Issue:
        """The one issue there is, under the name of the one in a sprint that was asked for."""
        listed = (issue for reading in self.sprints.values() for issue in reading.issues)
        named = next((issue for issue in listed if asked in (issue.id, issue.key)), None)
        return replace(self.now, id=named.id, key=named.key) if named else self.now

    def palette(self, issue: Issue) -> ToyPalette:
        return self.colours

    def label_names(self, projects: Sequence[str]) -> frozenset[str] | None:
        return None

    def label_name(self, name: str) -> str:
        return name

    def past(
        self,
        projects: Sequence[str],
        after: str | None = None,
        since: datetime | None = None,
        page_size: int | None = None,
    ) -> Page:
        self._fail("past")
        return Page(tuple(self.history), None, len(self.history))

    def search(
        self,
        projects: Sequence[str],
        query: str | None = None,
        after: str | None = None,
        page_size: int | None = None,
    ) -> Found:
        self._fail("search")
        return Found((Reading(self.now, self.memory),), None, 1)

    def updates(self, projects: Sequence[str], since: datetime, after: str | None = None) -> Updates:
        self._fail("updates")
        changed = self.now.updated
        if changed is None or changed < since or self.now.project not in projects:
            return Updates((), None)
        told = Update(self.now.id, self.now.project, self.now.created or changed, changed)
        return Updates((told,), None)

    def bulk_steps(self, marks: Sequence[Mark]) -> tuple[BulkStep, ...]:
        def send() -> Marked:
            self._fail("labels")
            return Marked({mark.issue: None for mark in marks})

        return (BulkStep(tuple(marks), send),)

    def glimpse(self, issues: Sequence[str]) -> Mapping[str, Glimpse]:
        self._fail("glimpse")
        return {}

    def remember(self, marks: Sequence[Mark]) -> None:
        self._fail("remember")

    def look_again(self, issue: Issue) -> bool:
        return False

    def board(self, board: str) -> Board:
        self._fail("board")
        return self.boards[board]

    def open_sprints(self, board: str) -> tuple[Sprint, ...]:
        self._fail("open_sprints")
        found = (reading.sprint for reading in self.sprints.values() if reading.sprint.board == board)
        return tuple(sprint for sprint in found if sprint.state is not SprintState.CLOSED)

    def sprint(self, sprint: str, past: bool = False) -> SprintReading:
        self._fail("sprint")
        self.sprint_reads.append((sprint, past))
        if sprint not in self.sprints:
            raise Gone("There is no such sprint.")
        return self.sprints[sprint]

    def finished(self, board: Board, known: Collection[str], most: int = 5) -> tuple[Finished, ...]:
        self._fail("finished")
        return tuple(one for one in self.over if one.id not in known)[:most]

    def steps(self, issue: Issue, operations: Sequence[Operation]) -> tuple[Step, ...]:
        return tuple(
            Step(type(operation).__name__, (operation,), partial(self._send, operation))
            for operation in operations
        )

    def _send(self, operation: Operation) -> Written:
        self._fail("comment" if isinstance(operation, PutComment) else "labels")
        self.on_write()
        if isinstance(operation, PutComment):
            return self._comment(operation)
        if isinstance(operation, DropComment):
            del self.comments[operation.id]
            return Written()
        self.writes.append(operation)
        if isinstance(operation, RemoveLabels):
            return self._remove(operation)
        added = operation.labels + tuple(Label(new.name, new.name) for new in operation.new)
        when = (self.now.updated or T0) + timedelta(seconds=1)
        self.now = replace(self.now, labels=self.now.labels + added, updated=when)
        return Written(added, updated=when)

    def _remove(self, operation: RemoveLabels) -> Written:
        gone = {label.id for label in operation.labels}
        self.now = replace(self.now, labels=tuple(label for label in self.now.labels if label.id not in gone))
        return Written(withdrawn=operation.labels, updated=self.now.updated)

    def _comment(self, operation: PutComment) -> Written:
        id_ = operation.id or f"c{len(self.comments) + 1}"
        if id_ in self.gone_comments:
            return Written(failures=(Failure(operation, "The comment is gone.", comment_gone=True),))
        self.writes.append(operation)
        self.comments[id_] = operation.body
        return Written(comment=Comment(id_, operation.topic))

    def _fail(self, where: str) -> None:
        if where in self.fails:
            raise self.fails[where]


RULES = """\
version: 1
defaults:
  mode: {mode}
  tagging:
    comment: {comment}
    rules:
      - {{label: security, title: {{words: [xss]}}}}
      - {{label: slow, title: {{words: [slow]}}}}
"""


@dataclass
class Floor:
    """A shop with one desk, its tracker, and the Redis beneath."""

    redis: Redis
    tracker: ToyTracker
    shop: Shop

    def rules(self, mode: str = "apply", *, comment: bool = False) -> None:
        text = RULES.format(mode=mode, comment=str(comment).lower()).encode()
        RulebookShelf(self.redis).publish(load_rules(text, "rules.yaml").version_id, text)

    def offer(self, *hints: Hint, digest: str | None = None) -> None:
        digest = digest or f"{time.monotonic_ns()}"
        assert self.shop.inbox.offer("acme", digest, hints, settle=timedelta(0), ceiling=timedelta(0))

    def token(self, subject: Subject = ISSUE) -> int:
        """Lease the subject as the clock does."""
        found = {item.subject: item.token for item in self.shop.inbox.take(10)}
        assert subject in found, "it is not due"
        return found[subject]


CONNECTION = Connection(
    name="acme",
    tracker=TrackerKind.JIRA,
    deployment=Deployment.CLOUD,
    url="https://acme.example",
    auth=EmailToken("bot@acme.example", Secret("not-a-real-token")),
    service_account=True,
    webhook=Webhook(WebhookAuth.SIGNATURE, (Secret("not-a-real-secret"),), 1024),
    projects=("ABC",),
    boards=("12",),
)


@pytest.fixture
def floor(redis: Redis, tmp_path: Path) -> Floor:
    """A floor on an empty Redis; no rules are in force yet."""
    tracker = ToyTracker(issue())
    inbox, journals = Inbox(redis, lease=timedelta(seconds=30)), Journals(redis)
    nothing = checkpoints.nothing
    desk = Desk(CONNECTION, tracker, render, Applier(tracker, inbox, journals, nothing))
    rules = LiveRules(RulebookShelf(redis))
    outcomes = Outcomes(redis)
    models = ModelShelf(redis)
    taggers = Taggers(LiveModels(models, tmp_path / "models"), Learnt(outcomes))
    shop = Shop(
        inbox=inbox,
        journals=journals,
        decisions=Decisions(redis),
        rules=rules,
        desks={"acme": desk},
        checkpoint=nothing,
        outcomes=outcomes,
        models=models,
        taggers=taggers,
        history=tmp_path / "history",
        sprints=Sprints(redis),
        sprint_views=SprintViews(redis),
        forecasters=Forecasters(),
        look_every=timedelta(minutes=15),
        backfills=Backfills(redis),
        catch_ups=CatchUps(redis),
        trials=Trials(redis),
    )
    return Floor(redis, tracker, shop)
