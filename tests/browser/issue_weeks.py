"""What the service did about a team's issues over twelve weeks, and what people made of it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import numpy as np
from redis import Redis
from redis.client import Pipeline

from classifiers.examples import Target
from classifiers.head import Packed, Term
from classifiers.model_files import Content, pack_content, read_packed
from classifiers.tagger import Answer, Scored
from classifiers.tagging import judge
from rules.connections import Connection
from rules.load import RuleBook
from store.decisions import count, put
from store.inbox import Batch
from store.journal import Forecast, Guess, Journal, Journals
from store.models import ModelShelf, Verdict
from store.outcomes import Lesson, Outcomes, Row
from store.outcomes import Verdict as Said
from store.watch import Rate, Report, Watch
from tests.browser.team import (
    APPS,
    APPS_TOPICS,
    APPS_USES,
    PAST_USES,
    SHOP,
    SHOP_TOPICS,
    Palette,
    Topic,
    dealt,
)
from tests.unit.label_scene import LINES
from tests.unit.models import TOLD
from trackers.jira.markup import render
from trackers.model import AuthorKind, Comment, Hint, HintKind, Issue, Subject, SubjectKind, TrackerKind
from trackers.protocol import AddLabels, PutComment, Written
from workers.apply import Applied
from workers.decide import Because, Situation
from workers.plan import Plan, plan
from workers.record import Ending, Outcome, counters, outcome_of, record
from workers.training import listed_facts

WEEKS: Final = 12
_LINE: Final = 0.85
_SETTLES: Final = timedelta(days=4)
"""After so long people have resolved an issue."""
_LATELY: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Filed:
    """An issue as it came, and what its topic is."""

    connection: Connection
    issue: Issue
    topic: Topic
    at: datetime
    """When it was worked."""

    @property
    def subject(self) -> Subject:
        return Subject(self.connection.name, SubjectKind.ISSUE, self.issue.id)


def serve_models(redis: Redis, now: datetime) -> dict[str, str]:
    """Models that serve the labels of both trackers, and one that the gate refused; the ids of the former."""
    shelf, ids = ModelShelf(redis), {}
    for connection, tags in ((SHOP, PAST_USES), (APPS, APPS_USES)):
        place, made = (connection, str(Target.LABELS)), _model(tags, now - timedelta(days=90))
        shelf.stage(place, made.id, pack_content(made), listed_facts(made), Verdict(True, ()))
        shelf.promote(place, made.id, ("By command.",))
        ids[connection] = made.id
    newer = _model({**PAST_USES, "returns": (40, 8, 5, 3)}, now - timedelta(hours=9))
    told = "On the newest issues it is right less often than the one that serves: 81 of 100, and 88."
    shelf.stage((SHOP, "labels"), newer.id, pack_content(newer), listed_facts(newer), Verdict(False, (told,)))
    return ids


def _model(tags: dict[str, tuple[int, int, int, int]], made: datetime) -> Content:
    """What a training of these tags leaves; nothing that could answer."""
    trial = {
        name: {"true": true, "applied": applied, "right": right}
        for name, (_, true, applied, right) in tags.items()
    }
    told = {
        **TOLD,
        "created": made.isoformat(timespec="seconds"),
        "window": {"first": (made - timedelta(days=700)).isoformat(), "last": made.isoformat()},
        "issues": {"SHOP": 3_120, "PAY": 870},
        "tags": {name: uses for name, (uses, *_) in tags.items()},
        "metrics": {"tags": trial, "precision": 0.9, "coverage": 0.46},
        "thresholds": LINES.facts(),
    }
    packed = Packed("toy", {"weights": np.zeros((2, 2), dtype=np.float32)}, {"tags": list(tags)})
    return read_packed(pack_content(Content(packed, told, "# The card\n")))


def live(redis: Redis, book: RuleBook, known: Sequence[Connection], now: datetime) -> list[Filed]:
    """Work every issue of the last weeks, and settle what people made of the older ones; oldest first."""
    models = serve_models(redis, now)
    filed = sorted(_filed(known, now), key=lambda one: one.at)
    lessons: list[tuple[Subject, Lesson]] = []
    pipe = redis.pipeline()
    for one in filed:
        dice = random.Random(one.issue.id)
        answers = _answers(one, dice)
        rules = book.effective(one.connection.name, one.issue.project)
        judgement = judge(rules, one.issue, {Target.LABELS: answers})
        palette = Palette(grouped=one.connection.tracker is TrackerKind.LINEAR)
        at = Situation(one.issue, Journal(), {}, frozenset(), {})
        made = plan(judgement, at, rules, palette, render)
        ending = _ended(one, made, book)
        if dice.random() < 0.02 and ending.applied is not None:
            ending = replace(
                ending, outcome=Outcome.PARTLY_REFUSED, cause="The account may not comment here."
            )
        _keep(pipe, one, ending, HintKind.ISSUE_CREATED, dice)
        if ending.applied is not None and ending.applied.labels:
            lessons += _lessons(redis, one, made, answers, models[one.connection.name], dice, now)
        if dice.random() < 0.3:
            later = replace(one, at=one.at + timedelta(minutes=dice.randint(1, 30)))
            echo = Ending(Outcome.IGNORED, Because.ECHO, rules=book.version_id)
            _keep(pipe, later, echo, HintKind.ISSUE_CHANGED, dice)
    pipe.execute()
    outcomes = Outcomes(redis)
    for subject, lesson in sorted(lessons, key=lambda pair: pair[1].row.at):
        outcomes.settle(subject, [lesson])
    _judge(redis, models[SHOP], now)
    return filed


def _filed(known: Sequence[Connection], now: datetime) -> Iterator[Filed]:
    dice = random.Random(2)
    plenty = {
        SHOP: (SHOP_TOPICS, ("SHOP", "SHOP", "SHOP", "PAY"), 360),
        APPS: (APPS_TOPICS, ("APP", "APP", "WEB"), 84),
    }
    for connection in known:
        topics, projects, many = plenty[connection.name]
        ages = sorted((dice.uniform(0, WEEKS * 7 * 24 - 30) for _ in range(many)), reverse=True)
        for number, age in enumerate(ages, 1_200):
            topic, project = dice.choice(dealt(topics)), dice.choice(projects)
            at = now - timedelta(hours=age, minutes=4)
            issue = _issue(connection, number, f"{project}-{number}", dice.choice(topic.titles), at)
            yield Filed(connection, issue, topic, at)


def _issue(connection: Connection, number: int, key: str, title: str, at: datetime) -> Issue:
    linear = connection.tracker is TrackerKind.LINEAR
    return Issue(
        id=f"{20_000 + number}",
        key=key,
        project=key.partition("-")[0],
        title=title,
        body="",
        type=None if linear else "Task",
        priority=None,
        components=(),
        labels=(),
        author=AuthorKind.PERSON,
        created=at,
        updated=at,
        url=f"https://linear.app/fernwood/issue/{key}" if linear else None,
    )


def _answers(one: Filed, dice: random.Random) -> Answer:
    """What the model says: nearly always of what the issue is about, seldom sure enough of anything else."""
    label = one.topic.label
    others = [tag for tag in (PAST_USES if one.connection.name == SHOP else APPS_USES) if tag != label]
    rival = (dice.choice(others), round(dice.uniform(0.03, 0.45), 4))
    scored = [Scored(rival[0], rival[1], _LINE, applied=False, because=())]
    if label:
        said = one.issue.title.casefold()
        terms = tuple(
            Term(term, round(dice.uniform(0.6, 2.2), 2)) for term in one.topic.terms if term in said
        )
        p = round(dice.uniform(0.74, 0.985), 4)
        scored.insert(0, Scored(label, p, _LINE, applied=p >= _LINE, because=terms, runner_up=rival))
    return Answer(tuple(scored), words=6)


def _ended(one: Filed, made: Plan, book: RuleBook) -> Ending:
    written = []
    for operation in () if made.dry else made.operations:
        match operation:
            case AddLabels(labels):
                written.append(Written(labels=labels))
            case PutComment(topic):
                written.append(Written(comment=Comment(f"c{one.issue.id}", topic)))
            case _:
                raise AssertionError(operation)
    ending = outcome_of(made, Applied(tuple(written)))
    return replace(ending, rules=book.version_id, key=one.issue.key, url=one.issue.url)


def _keep(pipe: Pipeline, one: Filed, ending: Ending, kind: HintKind, dice: random.Random) -> None:
    digest = sha256(f"{one.issue.id} {kind}".encode()).hexdigest()
    changed = ("labels",) if kind is HintKind.ISSUE_CHANGED else ()
    at, actor = one.at - timedelta(seconds=4), "5b10ac8d82e05b22"
    told = Hint(one.subject, kind, digest, at=at, changed=changed, actor=actor)
    waited = timedelta(milliseconds=dice.randint(3_000, 4_500))
    batch = Batch(one.subject, 1, (told,), 1, 0, "", waited)
    kept = record(batch, ending, timedelta(milliseconds=dice.randint(180, 900)))
    kept["at"] = one.at.isoformat(timespec="milliseconds")
    put(pipe, one.subject, kept)
    count(pipe, counters(one.connection.name, ending))


def _lessons(
    redis: Redis, one: Filed, made: Plan, answers: Answer, model: str, dice: random.Random, now: datetime
) -> Iterator[tuple[Subject, Lesson]]:
    """Note what was put on, and give what people made of what the model put on, where they have."""
    journals = Journals(redis)
    ours = {item.label.id: item.name for item in made.chosen if item.label is not None}
    journals.note_written(one.subject, labels=ours)
    guesses = []
    settled = one.at + timedelta(hours=dice.uniform(6, _SETTLES / timedelta(hours=1)))
    for scored in answers.proposals:
        item = next((item for item in made.chosen if item.name == scored.tag and item.proposal.learned), None)
        known_as = item.label.id if item and item.label else scored.tag
        guesses.append(Guess(scored.tag, known_as, scored.p, applied=item is not None))
        right = dice.random() < (one.topic.right if item else scored.p)
        if settled < now - _LATELY:
            said = (Said.CONFIRMED if right else Said.CORRECTED) if item else Said.SEEN
            at = settled.isoformat(timespec="seconds")
            row = Row(at, model, "labels", one.issue.project, scored.tag, scored.p, item is not None, right)
            yield one.subject, Lesson(said, row)
            if said is Said.CORRECTED and item and item.label:
                journals.note_vetoes(one.subject, {item.label.id: "event"})
    journals.note_forecast(one.subject, Forecast(model, "labels", one.issue.project, tuple(guesses)))


def _judge(redis: Redis, model: str, now: datetime) -> None:
    """What the clock and a person made of the outcomes."""
    outcomes = Outcomes(redis)
    rows = [row for row in outcomes.rows(SHOP, "labels") if row.applied]
    by_tag = {tag: [row.right for row in rows if row.tag == tag] for tag in {row.tag for row in rows}}
    rates = {tag: Rate(sum(right), len(right), 0.0, 1.0) for tag, right in sorted(by_tag.items())}
    Watch(redis).keep((SHOP, "labels"), Report(model, now, labels=rates))
    slow = rates["performance"]
    outcomes.mute(
        SHOP, "labels", "performance", f"{slow.right} of {slow.total} were right, and 85% are asked"
    )
    outcomes.mute(SHOP, "labels", "invoices", "We split it in two next week", "Tove")
    outcomes.keep_shift(SHOP, "labels", {"shared": -0.12, "projects": {}}, len(rows), model)
