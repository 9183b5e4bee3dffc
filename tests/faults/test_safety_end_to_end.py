"""Hostile issues, from the webhook to the comment, and what is left of an issue once it is deleted."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from sandbox.iterations import Iteration
from sprintwarden.embedded import EmbeddedRedis
from store.backfills import Backfill, Example, Phase, Progress, Question, Row, Tally, Todo
from store.journal import Forecast, Guess
from tests.faults.one_process import JIRA, LINEAR, OneProcess
from tests.faults.test_safety_prose import SEEN, markdown_lines, wiki_lines
from trackers.model import Hint, HintKind, Subject, SubjectKind
from workers.record import Outcome

BOTH = (JIRA, LINEAR)
_KEY = re.compile(r"\b(ABC|ENG)-\d+")


@pytest.fixture
def service(redis_server: EmbeddedRedis, redis: Redis, tmp_path: Path) -> Iterator[OneProcess]:
    with ExitStack() as stack:
        yield OneProcess(stack, redis_server.url, tmp_path)


@pytest.mark.fault(39)
@pytest.mark.parametrize("name", BOTH)
def test_a_hostile_issue_of_a_megabyte_gets_a_short_and_harmless_comment(
    service: OneProcess, name: str, seen: Callable[[str], None]
) -> None:
    words = SEEN.replace("\n", " ")
    title = f"{words} xss {'x' * 1_000_000}"
    key = service.file(name, title, body=f"CVE-1 {words * 1_000}")["key"]
    endings = service.work()
    assert [ending.outcome for ending in endings if ending.applied] == [Outcome.APPLIED]
    (comment,) = service.remote(name).issue(key)["comments"]
    shown = (wiki_lines if name == JIRA else markdown_lines)(comment["body"])
    assert any("security" in line for line in shown)
    assert len(comment["body"]) < 2_000
    seen("a title of 1 MB: a comment of less than 2,000 characters, nothing in force")


@pytest.mark.fault(39)
@pytest.mark.parametrize("name", BOTH)
def test_a_hostile_sprint_gets_a_short_and_harmless_comment(service: OneProcess, name: str) -> None:
    title = "{code}[~ada] [x|//e.example] @" if name == JIRA else SEEN.replace("\n", " ") + "x" * 40_000
    begin(service, name, title).add("One more", 8.0)
    service.work()
    (comment,) = service.comments(name)
    shown = _KEY.sub("an issue", comment)
    lines = (wiki_lines if name == JIRA else markdown_lines)(shown)
    assert any("this board's limit is" in line for line in lines)
    assert len(comment) < 4_000


def begin(service: OneProcess, name: str, title: str) -> Iteration:
    """A team's sprint of that name, planned and begun."""
    service.has_past(name)
    sprint = service.sprint(name, title)
    for points in (3.0, 2.0, 3.0):
        sprint.plan("Planned", points)
    service.work()
    sprint.start()
    service.work()
    return sprint


@pytest.mark.fault(60)
@pytest.mark.parametrize("name", BOTH)
def test_nothing_is_left_of_an_issue_that_was_deleted(
    service: OneProcess, name: str, seen: Callable[[str], None]
) -> None:
    toy = service.remote(name)
    sprint = begin(service, name, "Sprint 14")
    planned = sprint.plan("Zanzibar xss is slow", 5.0)
    added = sprint.add("More zanzibar xss", 8.0)
    service.work()
    toy.edit(planned, remove_labels=["performance"], body="Zanzibar: CVE-1 of zanzibar.")
    backfilled = service.file(name, "Slow zanzibar", quiet=True)
    dead = service.file(name, "Dead zanzibar xss")
    service.work()
    deleted = [toy.issue(key) for key in (planned, added, backfilled["key"], dead["key"])]
    keep_more(service, name, deleted)
    traces = [found(service, issue) for issue in deleted]
    for kind in ("journal", "decisions", "sprint", "backfill", "backfill-todo", "written", "dead", "hints"):
        assert any(f"sw:{kind}:" in key or key == f"sw:{kind}" for each in traces for key in each), kind

    for issue in deleted:
        toy.delete(issue["key"])
    service.work()
    assert {issue["key"]: found(service, issue) for issue in deleted} == {one["key"]: {} for one in deleted}
    assert [
        key for key, held in service.redis_text().items() if "zanzibar" in f"{key} {held}".casefold()
    ] == []
    seen("no id, no key and no word of four issues with a past, after a look at all of Redis")


def keep_more(service: OneProcess, name: str, issues: list[dict[str, Any]]) -> None:
    """Have kept of each issue what else could be: an answer, a backfill, a dead letter, hints."""
    shop, now = service.shop, datetime.now(UTC)
    because = 'the title has the word "Zanzibar"'
    examples = tuple(Example(one["key"], because, False, one["id"]) for one in issues)
    tally = Tally(rows={"performance": Row(len(issues), 0, examples)})
    progress = Progress(latest=tuple(one["key"] for one in issues))
    backfill = Backfill(Question(None, 100), Phase.WRITING, now, now, tally=tally, progress=progress)
    told = [{"label": "performance", "because": [because]}]
    none: frozenset[str] = frozenset()
    todo = [
        Todo(place, one["id"], one["key"], one["project"], (), tuple(told), none, {}, known=True)
        for place, one in enumerate(issues)
    ]
    shop.backfills.keep_page(name, backfill, todo)
    *others, last = (Subject(name, SubjectKind.ISSUE, one["id"]) for one in issues)
    guess = Guess("performance", "performance", 0.9, True)
    hear(service, last)
    (taken,) = shop.inbox.take(10)
    batch = shop.inbox.begin(taken.subject, taken.token)
    assert batch is not None
    shop.inbox.bury(batch, "the title is no title")
    for subject in others:
        shop.journals.note_forecast(subject, Forecast("m1", "labels", "ABC", (guess,)))
        hear(service, subject)


def hear(service: OneProcess, issue: Subject) -> None:
    """A hint about the issue, which nobody has worked yet."""
    hint = Hint(issue, HintKind.ISSUE_CHANGED, f"d {issue}", changed=("title",))
    digest = hashlib.sha256(hint.digest.encode()).hexdigest()
    service.shop.inbox.offer(issue.connection, digest, [hint], settle=timedelta(0), ceiling=timedelta(0))


def found(service: OneProcess, issue: dict[str, Any]) -> dict[str, str]:
    """What Redis holds that names the issue, by key; but for what Jira's custom fields are called, in numbers
    like its issues' ids."""
    named = re.compile(rf"(?<![\w-])({re.escape(issue['id'])}|{re.escape(issue['key'])})(?![\w-])")
    held = ((key, text) for key, text in service.redis_text().items() if not key.endswith(":fields"))
    return {key: text for key, text in held if named.search(f"{key} {text}")}
