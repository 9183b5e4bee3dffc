"""A full house for the benchmark of the console: a year of a large company's work.

All is kept by the functions that the service's own processes keep it by, so that pages read what they would.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any, Final

from redis import Redis

from benchmarks.receiver import SECRET
from rules.connections import Connection
from rules.differences import Differences, RuleChange, SettingChange
from rules.load import RuleBook, load_rules
from rules.schema import Mode
from store import keys
from store.budget import Budget
from store.cache import Cache
from store.catch_ups import CatchUps, Hooked, HookState, Scan
from store.decisions import put
from store.door import Door
from store.inbox import Inbox
from store.journal import Journals
from store.outcomes import Outcomes
from store.rulebook import RulebookShelf
from store.sprint_views import Change, Kind, Point, SprintView, SprintViews, subject_of
from store.sprints import Sprints
from store.trials import Trials, Wish
from tests.unit.label_scene import judged, look_through, model, note, put_on, serve
from tests.unit.sprint_scene import DAY
from tests.unit.view_scene import over, view
from trackers.limits import host_of
from trackers.model import Hint, HintKind, Subject, SubjectKind
from workers.label_look import LabelLook
from workers.sprint_trial import SprintChange, SprintVerdict
from workers.sprint_view import MOST_CHANGES, MOST_POINTS
from workers.trial import Comparison, Example, Held, LabelChange, ProjectChange, Reach
from workers.try_rules import Rules, trial_json
from workers.try_rules import Trial as Tried

JIRA: Final = "acme-jira"
LINEAR: Final = "acme-linear"
ENVIRON: Final = {"BENCH_SECRET": SECRET}
_ENDINGS: Final = ("applied", "nothing", "ignored", "applied", "dry_run", "postponed", "suggested", "dead")
_CAUSES: Final = (
    "The tracker answered 400: the field is not on the screen.",
    "The tracker answered 403: the account may not edit issues of this project.",
    "The label was deleted while it was put on.",
)
_WORDS: Final = (
    "basket",
    "invoice",
    "refund",
    "voucher",
    "login",
    "crash",
    "slow",
    "export",
    "import",
    "tax",
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is in the house."""

    decisions: int = 10_000
    labels: int = 500
    """Of each of two connections."""
    issues: int = 2_500
    running: int = 50
    """Sprints, half of them of each of two connections."""
    past: int = 200
    rules: int = 200
    waiting: int = 1_000
    """Subjects with work; about three in ten of them are dead letters."""
    connections: int = 20


def connections_file(many: int) -> str:
    """A Jira, a Linear, and as many smaller Jiras as it takes to be ``many``; secrets are in ``ENVIRON``."""
    secret = {"env": next(iter(ENVIRON))}
    common = {"service_account": True, "catch_up": "5m", "webhook": {"secrets": [secret]}}
    auth = {"email": "bot@acme.example", "token": secret}
    large = {"projects": ["ABC", "OPS", "WEB"], "boards": ["12", "13", "14"]}
    told: dict[str, Any] = {
        JIRA: {"tracker": "jira", "url": "https://acme.example", "auth": auth, **large, **common},
        LINEAR: {"tracker": "linear", "auth": {"key": secret}, "teams": ["ENG"], "cycles": True, **common},
    }
    for number in range(many - len(told)):
        site = f"https://site-{number}.example"
        told[f"site-{number}"] = {"tracker": "jira", "url": site, "auth": auth, "projects": ["ABC"], **common}
    return json.dumps({"version": 1, "connections": told})


def furnish(redis: Redis, known: Sequence[Connection], size: Size) -> None:
    """Fill an empty Redis with what these connections left behind."""
    now = datetime.now(UTC)
    rules = rules_file(size.rules)
    book = load_rules(rules.encode(), "rules.yaml")
    RulebookShelf(redis).publish("0" * 12, b"version: 1\n")
    RulebookShelf(redis).publish(book.version_id, rules.encode())
    _decide(redis, size, now)
    _label(redis, known, size, book, now)
    for shown in sprints(size, now):
        _keep_sprint(redis, shown)
    _try(redis, rules, book)
    _queue(redis, size)
    for one in known:
        _connect(redis, one, now)
    _staff(redis)


# -- decisions and labels ------------------------------------------------------------------------


def record(number: int, at: datetime, labels: int) -> dict[str, Any]:
    """A record as workers make it, of an issue that got one label."""
    outcome, label = _ENDINGS[number % len(_ENDINGS)], _named(number % labels)
    told = {
        "label": label,
        "source": "learned",
        "because": ["past issues like it usually got it here (about 94 in 100; 85 are needed)"],
        "chance": {
            "p": 0.94,
            "threshold": 0.85,
            "runner_up": {"label": _named(0), "p": 0.2},
            "terms": [{"text": "stack trace", "weight": 1.2}],
        },
    }
    kept: dict[str, Any] = {
        "at": at.isoformat(timespec="milliseconds"),
        "outcome": outcome,
        "because": "nothing_fits" if outcome == "nothing" else None,
        "cause": "The tracker answered 500." if outcome in ("postponed", "dead") else "",
        "hints": [{"kind": "issue_changed", "digest": "d" * 64, "at": at.isoformat(), "changed": ["title"]}],
        "attempt": 1,
        "waited_ms": 3_000,
        "took_ms": 400,
        "rules": "0123456789ab",
    }
    if outcome in ("applied", "suggested", "dry_run"):
        kept["plan"] = {
            "mode": "apply",
            "labels": [told],
            "already": [],
            "withheld": [],
            "operations": [{"do": "add_labels", "labels": [label], "create": []}, {"do": "post_comment"}],
            "because": None,
            "reads_like": None,
            "models": [],
        }
        kept["written"] = {"labels": [label], "comment": "1"}
        kept["refused"] = []
    return kept


def _named(label: int) -> str:
    return f"label {label}"


def _decide(redis: Redis, size: Size, now: datetime) -> None:
    """Decisions over the last month, a tenth of them about sprints."""
    step = timedelta(days=30) / size.decisions
    pipe = redis.pipeline()
    for number in range(size.decisions):
        kept = record(number, now - timedelta(days=30) + number * step, size.labels)
        if number % 10 == 9:
            subject = Subject(JIRA, SubjectKind.SPRINT, str(number % size.running))
        else:
            subject = Subject(JIRA, SubjectKind.ISSUE, str(10_000 + number % size.issues))
            kept["issue"] = f"ABC-{number % size.issues}"
        put(pipe, subject, kept)
        if number % 500 == 499:
            pipe.execute()
    pipe.execute()


def _label(redis: Redis, known: Sequence[Connection], size: Size, book: RuleBook, now: datetime) -> None:
    """Labels that a model of two connections puts on, and eight weeks of what people made of them."""
    tags = {_named(number): (200 - number % 150, 40, 30, 27) for number in range(size.labels)}
    for connection in (JIRA, LINEAR):
        id_ = serve(redis, connection, model(tags))
        chances = cycle((0.35, 0.55, 0.65, 0.75, 0.85, 0.95))
        rows = [
            row
            for tag, p in zip(tags, chances, strict=False)
            for row in judged(tag, now, [(1, 1), (0, 1)] * 4, id_, p)
        ]
        note(redis, connection, rows)
        counts = {tag: (number % 3, number % 40) for number, tag in enumerate(tags)}
        put_on(redis, connection, now, 5_000, **counts)
        for number in range(0, size.labels, 50):
            Outcomes(redis).mute(
                connection, "labels", _named(number), "5 of 14 were right, and 85% are asked"
            )
    look_through(LabelLook(redis, known), book, now)


# -- sprints -------------------------------------------------------------------------------------


def sprints(size: Size, now: datetime) -> Iterator[SprintView]:
    """Those that run, some of each kind of trouble, and those that ended."""
    troubles = ((), ("overcommitted",), ("scope_creep",), ("stalled",))
    for number in range(size.running):
        start = now - (1 + number % 12) * DAY
        connection = (JIRA, LINEAR)[number % 2]
        more: dict[str, Any] = {"connection": connection, "concerns": troubles[number % 4], "checked": now}
        yield view(str(number), start, **more | _course(start))
    for number in range(size.past):
        connection, ended = (JIRA, LINEAR)[number % 2], now - number * DAY
        more = {"connection": connection, "ended": ended, "start": ended - 14 * DAY}
        yield over(
            str(1_000 + number), (number % 10) / 10, 40.0 - number % 25, **more | _course(more["start"])
        )


def _course(start: datetime) -> dict[str, Any]:
    """As many points and changes as are kept of one sprint."""
    kinds = (Kind.ADDED, Kind.REMOVED, Kind.REESTIMATED)
    return {
        "points": tuple(
            Point(start + timedelta(hours=at), 40 + at % 7, min(at / 6, 40)) for at in range(MOST_POINTS)
        ),
        "changes": tuple(
            Change(start + timedelta(hours=at), f"ABC-{at}", 3, kinds[at % 3]) for at in range(MOST_CHANGES)
        ),
    }


def _keep_sprint(redis: Redis, one: SprintView) -> None:
    SprintViews(redis).keep(one)
    subject = subject_of(one)
    if one.ended is None:
        Sprints(redis).keep(subject, one.board, json.dumps({"name": one.name}))
    else:
        Sprints(redis).close(subject, json.dumps({"name": one.name}))


# -- rules ---------------------------------------------------------------------------------------


def rules_file(many: int, remark: str = "") -> str:
    """A rules file of about 500 bytes a rule."""
    head = f"""\
# {remark or "What holds everywhere."}
version: 1
defaults:
  mode: apply
  tagging:
    comment: true
    create_labels: true
    learned: {{targets: [labels], precision: 0.85, never: [wontfix]}}
    rules:
"""
    projects = """\
projects:
  ABC: {mode: suggest, tagging: {without: ["rule 3", "rule 7"]}}
  OPS: {sprints: {mode: dry_run}}
boards:
  "12": {sprints: {mode: suggest}}
"""
    return head + "".join(map(_rule, range(many))) + projects


def _rule(number: int) -> str:
    first, second = _WORDS[number % 9], _WORDS[number // 9 % 9]
    return f"""\
      # Whoever works on {first}s and {second}s has asked to be told of these, because nobody else
      # would know where to look when customers write in about a {first} and a {second} in one mail.
      - name: rule {number}
        label: team {number}
        any:
          - title: {{words: [{first}{number}, "{first} {second}", {second}{number}, "cannot {first}"]}}
          - body: {{phrases: ["{first} {number} fails", "{second} is gone"], case_sensitive: true}}
          - text: {{regex: '\\b{first.upper()}-{number}\\d{{2,4}}\\b'}}
        not: {{title: {{words: [test, ignore, draft]}}}}
"""


def _try(redis: Redis, text: str, book: RuleBook) -> None:
    """Three trials that are over; the newest is a large one."""
    trials = Trials(redis)
    for labels in (0, 20, 400):
        asked = trials.ask(Wish(JIRA, text, 1_000, "ada"))
        found = trial_json(tried(Rules(book, text.encode(), "rules.yaml"), labels))
        trials.begin(asked.id)
        trials.keep(asked.id, json.loads(json.dumps(found, default=str)))


def tried(rules: Rules, labels: int) -> Tried:
    """A trial of a file that changes so many labels."""
    some = tuple(f"ABC-{number}" for number in range(3))
    because = ("the title holds the word “basket”", "the description holds “is gone”")
    changes = (
        LabelChange(
            f"team {number}",
            40,
            44,
            7,
            3,
            some,
            some,
            Example(some[0], f"rule {number}", because),
            Example(some[1], f"rule {number}", because),
            (Held("a person took it off", 2, some[:2]),) if number % 5 == 0 else (),
        )
        for number in range(labels)
    )
    reach = Reach(Mode.APPLY, 300, 200)
    projects = tuple(ProjectChange(f"P{number}", 50, reach, reach) for number in range(20))
    settings = tuple(
        SettingChange(f"tagging.learned.{number}", 1, 2, ("projects ABC",), number) for number in range(20)
    )
    changed = tuple(RuleChange(f"rule {number}", "changed", ("ABC",)) for number in range(labels))
    said = SprintVerdict(Mode.APPLY, concerns=("overcommitted",), p_enough=0.2, home="ABC-1")
    moved = tuple(
        SprintChange(str(number), f"Sprint {number}", "ABC board", said, replace(said, home="ABC-2"))
        for number in range(20)
    )
    comparison = Comparison(1_000, 300, tuple(changes), projects)
    return Tried("the newest issues", rules, rules, comparison, Differences(settings, changed), moved)


# -- what waits, and the service itself ----------------------------------------------------------


def _queue(redis: Redis, size: Size) -> None:
    """Due, handed out, settling, put off, and three in ten given up."""
    inbox = Inbox(redis, lease=timedelta(minutes=30))
    for number in range(size.waiting):
        subject = Subject(JIRA, SubjectKind.ISSUE, str(10_000 + number))
        settle = timedelta(seconds=600 if number % 4 == 3 else 0)
        hint = Hint(subject, HintKind.ISSUE_CHANGED, f"{number}")
        inbox.offer(JIRA, f"{number}", [hint], settle=settle, ceiling=settle)
    for number, taken in enumerate(inbox.take(size.waiting * 6 // 10)):
        if number % 20 == 0:
            continue
        batch = inbox.begin(taken.subject, taken.token)
        assert batch is not None
        if number % 20 < 11:
            inbox.bury(batch, _CAUSES[number % 3])
        elif number % 20 < 19:
            inbox.postpone(batch, timedelta(hours=1), "The tracker answered 503.", free=True)


def _connect(redis: Redis, one: Connection, now: datetime) -> None:
    """What a connection leaves that was heard of, written to and caught up a moment ago."""
    Cache(redis, one.name, one.account).put("identity", "{}", timedelta(hours=1))
    Door(redis).note(one.name, {"outcome": "ignored"}, heard=one.name)
    Journals(redis).note_written(Subject(one.name, SubjectKind.ISSUE, "1"), labels={"l1": "security"})
    budget = Budget(redis, host_of(one.url), one.account)
    budget.note_left(0.8)
    catch_ups = CatchUps(redis)
    catch_ups.begin(one.name)
    catch_ups.finish(one.name, Scan(since=now, began=now, seen=120, unread=3))
    catch_ups.note_hook(one.name, Hooked(HookState.ON, now))


def _staff(redis: Redis) -> None:
    """Processes that live, for longer than a benchmark lasts."""
    redis.set(keys.beat("clock"), "now")
    for queue in ("live", "bulk"):
        for number in range(4):
            name = f"rq:worker:{queue}-{number}"
            redis.sadd(f"rq:workers:{queue}", name)
            redis.hset(name, "state", "idle")
            redis.expire(name, 3_600)
