"""From a resolution or a correction in either toy tracker, through its own webhook, to what is learnt."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import flask
import pytest

from sandbox.sender import Sender
from sandbox.server import start
from store.journal import Forecast, Guess
from tests.conftest import CONNECTION, Floor
from tests.contract.conftest import JiraRig, LinearRig, MakeJira, MakeLinear
from trackers.jira import markup
from trackers.jira import webhook as jira_webhook
from trackers.linear import webhook as linear_webhook
from trackers.model import Hint, HintKind, Issue, Scope, Subject, SubjectKind
from trackers.protocol import Recall
from workers import checkpoints
from workers.apply import Applier
from workers.decide import Because
from workers.learning import remember
from workers.record import Ending
from workers.run import run
from workers.shop import Desk, Shop

TITLE = "Stored XSS in comments"


@dataclass
class Bench:
    """A toy tracker with a webhook, and a shop floor over it."""

    rig: JiraRig | LinearRig
    shop: Shop
    sender: Sender
    parse: Callable[..., Any]
    edit: Callable[..., Any]

    def hints(self) -> list[Hint]:
        """What the webhooks sent since the last call lead to."""
        deadline = time.monotonic() + 5
        while self.sender.pending():
            assert time.monotonic() < deadline
            time.sleep(0.005)
        bodies = [json.loads(delivery.body) for delivery in self.sender.deliveries()]
        fresh, self._seen = bodies[self._seen :], len(bodies)
        scope = Scope(boards=frozenset())
        events = [self.parse(body, connection="acme", digest="d", scope=scope) for body in fresh]
        return [hint for event in events for hint in event.hints]

    _seen: int = 0

    def work(self) -> tuple[list[Hint], Ending]:
        """Work all that came in since, as one run."""
        hints = self.hints()
        digest = f"{time.monotonic_ns()}"
        assert self.shop.inbox.offer("acme", digest, hints, settle=timedelta(0), ceiling=timedelta(0))
        (taken,) = self.shop.inbox.take(10)
        ending = run(self.shop, taken.subject, taken.token)
        assert ending is not None
        return hints, ending

    def labelled(self) -> Issue:
        """An issue on which the learned tagger put a label."""
        issue = self.rig.issue(title=TITLE)
        self.work()
        read = self.rig.service.read(issue.id, Recall()).issue
        (label,) = read.labels
        guesses = (Guess("security", label.id, 0.9, applied=True),)
        remember(self.shop.journals, subject(issue), Forecast("m1", "labels", issue.project, guesses))
        (echo,) = self.hints()
        assert echo.labels_added == (label.id,)
        self.rig.forget_calls()
        return read

    @property
    def outcomes(self) -> list[tuple[str, bool]]:
        return [(row.tag, row.right) for row in self.shop.outcomes.rows("acme", "labels")]


def subject(issue: Issue) -> Subject:
    return Subject("acme", SubjectKind.ISSUE, issue.id)


def over(floor: Floor, rig: JiraRig | LinearRig) -> Shop:
    """The floor, with this tracker in the place of its own."""
    floor.rules()
    connection = replace(CONNECTION, projects=("ABC", "ENG"))
    applier = Applier(rig.service, floor.shop.inbox, floor.shop.journals, checkpoints.nothing)
    desk = Desk(connection, rig.service, markup.render, applier)
    return replace(floor.shop, desks={"acme": desk})


@pytest.fixture
def receiver() -> Iterator[str]:
    """An address that takes whatever it is sent."""
    app = flask.Flask("receiver")
    app.post("/")(lambda: "")
    with start(app) as server:
        yield server.url


@pytest.fixture(params=["cloud", "data_center", "linear"])
def bench(
    request: pytest.FixtureRequest, receiver: str, floor: Floor, make_jira: MakeJira, make_linear: MakeLinear
) -> Bench:
    if request.param == "linear":
        linear = make_linear()
        linear.toy.control("POST", "/webhook", {"url": receiver, "secret": "s"})

        def edit_linear(issue: Issue, **wish: Any) -> None:
            linear.toy.control("PATCH", f"/issues/{issue.key}", wish)

        return Bench(linear, over(floor, linear), linear.tracker.sender, linear_webhook.parse, edit_linear)
    jira = make_jira(deployment=request.param)

    def edit_jira(issue: Issue, **wish: Any) -> None:
        jira.site.control("PATCH", f"issues/{issue.key}", wish)

    return Bench(jira, over(floor, jira), jira.site.toy.sender, jira_webhook.parse, edit_jira)


def test_a_resolution_confirms_the_label_that_is_still_there(bench: Bench) -> None:
    issue = bench.labelled()
    assert not issue.resolved
    bench.edit(issue, status="In Progress")
    (hint,), _ = bench.work()
    assert (hint.kind, hint.changed[0], hint.automated) == (HintKind.ISSUE_CHANGED, "status", False)
    assert bench.outcomes == []
    bench.edit(issue, status="Done")
    (hint,), ending = bench.work()
    assert hint.changed == ("status",)
    assert ending.because is Because.ONLY_STATUS_CHANGED
    assert bench.rig.service.read(issue.id, Recall()).issue.resolved
    assert bench.outcomes == [("security", True)]


def test_a_label_taken_off_before_is_corrected(bench: Bench) -> None:
    issue = bench.labelled()
    bench.edit(issue, remove_labels=["security"])
    bench.work()
    assert bench.outcomes == [("security", False)]
    assert bench.rig.calls == []
    bench.edit(issue, status="Done")
    _, ending = bench.work()
    assert ending.because is Because.NOTHING_TO_LEARN
    assert bench.outcomes == [("security", False)]
    assert bench.rig.calls == []


def test_an_edit_by_a_person_confirms(bench: Bench) -> None:
    issue = bench.labelled()
    bench.edit(issue, title=f"{TITLE} and replies")
    bench.work()
    assert bench.outcomes == [("security", True)]


def test_a_change_of_status_asks_nothing_where_nothing_is_open(bench: Bench) -> None:
    issue = bench.rig.issue(title="Nothing of note")
    bench.work()
    bench.rig.forget_calls()
    bench.edit(issue, status="Done")
    _, ending = bench.work()
    assert ending.because is Because.NOTHING_TO_LEARN
    assert bench.rig.calls == []
