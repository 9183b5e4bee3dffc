"""A console with something of everything to show, most of it by real runs and checks."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from rules.load import load_rules
from store.label_views import (
    Bin,
    Calibration,
    Head,
    Judged,
    LabelRow,
    LabelView,
    LabelViews,
    Line,
    Serving,
    State,
    Trial,
    WeekRate,
)
from store.outcomes import Outcomes
from store.rulebook import RulebookShelf
from store.sprint_views import SprintViews
from store.trials import Trials, Wish
from store.watch import Rate
from tests.conftest import ISSUE, Floor, hint, relabelled
from tests.unit.sprint_scene import BOARD, SPRINT, over, reading, told, work
from trackers.errors import Rejected, ServerFault
from trackers.model import HintKind, Subject, SubjectKind
from webhook_app.console.changes import note_change
from workers.run import run

RULES = """\
version: 1
defaults:
  mode: {mode}
  tagging:
    rules:
      - {{label: security, title: {{words: [xss]}}}}
  sprints:
    min_history: 3
"""
NOW = datetime.now(UTC)
DIGEST = hashlib.sha256(b"a body").hexdigest()
DRY = Subject("acme", SubjectKind.ISSUE, "10002")
LATE = Subject("acme", SubjectKind.ISSUE, "10003")
DEAD = Subject("acme", SubjectKind.ISSUE, "10004")
ASLEEP = Subject("acme", SubjectKind.ISSUE, "10005")
LABEL = "needs a/b test"


def fill(floor: Floor) -> str:
    """Have the shop do a bit of everything. Gives the id of a trial."""
    _work_issues(floor)
    _check_sprints(floor)
    _judge_labels(floor)
    floor.offer(hint(subject=ASLEEP, digest=DIGEST))
    note_change(floor.redis, "ada", "put back", str(DEAD))
    return _try_rules(floor)


def _put_in_force(floor: Floor, mode: str) -> None:
    text = RULES.format(mode=mode).encode()
    RulebookShelf(floor.redis).publish(load_rules(text, "rules.yaml").version_id, text)


def _run(floor: Floor, subject: Subject) -> None:
    floor.offer(hint(subject=subject, digest=DIGEST))
    assert run(floor.shop, subject, floor.token(subject)) is not None


def _work_issues(floor: Floor) -> None:
    _put_in_force(floor, "dry_run")
    _run(floor, DRY)
    _put_in_force(floor, "apply")
    _run(floor, ISSUE)
    floor.offer(relabelled(["other"], actor="somebody"))
    assert run(floor.shop, ISSUE, floor.token()) is not None
    floor.tracker.fails["read"] = ServerFault("The tracker answered 500.")
    _run(floor, LATE)
    floor.tracker.fails["read"] = Rejected("The tracker would not have it.")
    _run(floor, DEAD)
    del floor.tracker.fails["read"]


def _check_sprints(floor: Floor) -> None:
    floor.tracker.boards["12"] = BOARD
    past = [over(number, 24, delivered) for number, delivered in enumerate((14, 16, 11, 15, 13, 16))]
    floor.shop.sprints.add_finished("acme", "12", [replace(one, id=f"p{n}") for n, one in enumerate(past)])
    started = NOW - timedelta(hours=2)
    floor.tracker.sprints["37"] = reading(*(work(number, 8) for number in range(1, 9)), start=started)
    floor.offer(told(HintKind.SPRINT_DUE, NOW))
    assert run(floor.shop, SPRINT, floor.token(SPRINT)) is not None
    views = SprintViews(floor.redis)
    running = views.of(SPRINT)
    assert running is not None
    views.keep(replace(running, id="36", name="Sprint 36", ended=started, delivered=40.0))


def _judge_labels(floor: Floor) -> None:
    rate = Rate(9, 12, 0.47, 0.91)
    bins = Calibration((Bin(0.8, 0.9, 0.86, rate),), "Chances hold.")
    serving = Serving("0123456789abcdef", NOW, NOW.isoformat(), 400, lines=(Line(0.9, 0.83, 0.8, 90, 99),))
    head = Head("acme", "labels", NOW, date(2026, 3, 2), 40, 12, serving, True, bins, 1, 1, 1)
    row = LabelRow(LABEL, State.SERVING, 1, 2, 3, 4, rate, 5, ((1, 2), (3, 4)))
    judged = Judged(NOW.isoformat(), "ABC", 0.9, True, "0123456789abcdef")
    view = LabelView(row, (WeekRate(date(2026, 3, 2), rate),), bins, (judged,), Trial(9, 12, rate), 2)
    LabelViews(floor.redis).keep(head, [view], "stamp")
    Outcomes(floor.redis).mute("acme", "labels", LABEL, "too often wrong", "ada")


def _try_rules(floor: Floor) -> str:
    trials = Trials(floor.redis)
    id_ = trials.ask(Wish("acme", RULES.format(mode="apply"), 10, "ada")).id
    trials.ask(Wish("acme", RULES.format(mode="suggest"), 10, "ada"))
    assert trials.begin(id_) is not None
    trials.keep(id_, {"issues": 1, "changes": []})
    return id_
