"""Training anew by the clock: when it is due, the bulk job, and what becomes of the models."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException
from structlog.testing import capture_logs

from store import keys
from store.crew import BULK
from store.inbox import Inbox
from store.models import Slot, Slots
from store.rulebook import RulebookShelf
from tests.conftest import T0, Floor
from trackers.errors import Unauthorized
from trackers.model import Label, PastIssue
from workers import tasks, training
from workers.clock import Clock, queue
from workers.history import SWEPT, discard, gather
from workers.pool import OurJob
from workers.retraining import Retraining, retrain
from workers.rules_in_force import RulesFile
from workers.training import raise_model

PLACE = ("acme", "labels")
ABOUT = {
    "printing": ("printer", "paper", "tray", "duplex", "toner"),
    "invoices": ("invoice", "tax", "receipt", "discount", "currency"),
}


def past_issues(count: int, *, labelled: bool = True) -> list[PastIssue]:
    draw = random.Random(5)
    found = []
    for number in range(count):
        label = list(ABOUT)[number % 2]
        one, two, three = draw.sample(ABOUT[label], 3)
        found.append(
            PastIssue(
                id=str(number),
                key=f"ABC-{number}",
                project="ABC",
                title=f"Trouble with the {one} and the {two}",
                body=f"It happened with the {three} again.",
                created=T0 + timedelta(hours=number),
                type=None,
                labels=(Label(label, label),) if labelled else (),
            )
        )
    return found


def slots(floor: Floor) -> Slots:
    return floor.shop.models.slots(PLACE) or Slots()


def first_model(floor: Floor) -> str:
    """A model trained on the tracker's history and let serve by a person."""
    desk, folder = floor.shop.desks["acme"], floor.shop.history / "first"
    gathered = gather(desk.tracker, desk.connection, folder, progress=lambda _: None, wait=lambda _: None)
    raised = raise_model(
        floor.shop.models, floor.shop.outcomes, PLACE, gathered, precision=0.8, succeed_by_itself=True
    )
    assert raised.verdict.passed and not raised.serves
    floor.shop.models.promote(PLACE, raised.content.id)
    return raised.content.id


@pytest.fixture
def served(floor: Floor) -> str:
    floor.rules()
    floor.tracker.history = past_issues(60)
    return first_model(floor)


def age(floor: Floor, days: int, *targets: str) -> None:
    """Make the models look as if they had been trained so long ago."""
    then = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    created = slots(floor).models.popitem()[1].facts["created"]  # type: ignore[attr-defined]
    for target in targets or ("labels",):
        raw = floor.redis.hget(keys.MODELS, f"acme:{target}")
        assert isinstance(raw, str)
        floor.redis.hset(keys.MODELS, f"acme:{target}", raw.replace(created, then))


def test_due_is_what_has_grown_old_and_each_is_given_out_once(floor: Floor, served: str) -> None:
    weekly = Retraining(floor.redis, timedelta(days=7))
    assert weekly.due() == []
    age(floor, 8)
    assert Retraining(floor.redis, timedelta(0)).due() == []
    assert weekly.due() == ["acme"] and Retraining(floor.redis, timedelta(days=7)).due() == []
    floor.redis.delete(keys.retrain("acme"))
    assert weekly.due() == ["acme"]


def test_a_target_that_cannot_be_learnt_any_more_does_not_make_the_rest_due_again(
    floor: Floor, served: str
) -> None:
    of_labels = floor.shop.models.slots(PLACE)
    assert of_labels is not None
    entry = of_labels.models[Slot.SERVING]
    place = ("acme", "components")
    floor.shop.models.stage(place, entry.id, floor.shop.models.file(entry.id) or b"", dict(entry.facts))
    floor.shop.models.promote(place, entry.id)
    age(floor, 8, "labels", "components")
    weekly = Retraining(floor.redis, timedelta(days=7))
    assert weekly.due() == ["acme"]
    retrain(floor.shop, "acme")
    floor.redis.delete(keys.retrain("acme"))
    assert weekly.due() == [], "labels are new; components have too few issues, next week as today"


def test_a_training_that_came_to_nothing_is_tried_again_after_a_while(floor: Floor, served: str) -> None:
    age(floor, 8)
    assert Retraining(floor.redis, timedelta(days=7)).due() == ["acme"]
    assert 20 * 3600 < floor.redis.ttl(keys.retrain("acme")) <= 24 * 3600


def test_without_a_serving_model_nothing_is_due(floor: Floor, served: str) -> None:
    age(floor, 8)
    floor.shop.models.rollback(PLACE, served)
    assert Retraining(floor.redis, timedelta(days=7)).due() == []


def test_the_clock_hands_the_training_to_the_bulk_queue(
    floor: Floor, served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(floor, 8)
    floor.tracker.history = past_issues(80)
    rules = RulesFile(tmp_path / "rules.yaml", RulebookShelf(floor.redis))
    inbox = Inbox(floor.redis, lease=timedelta(seconds=30))
    Clock(floor.redis, inbox, rules, Retraining(floor.redis, timedelta(days=7))).tick()
    raw = Redis.from_url(f"unix://{floor.redis.connection_pool.connection_kwargs['path']}")
    (job,) = queue(BULK, raw).jobs
    assert job.func_name == tasks.RETRAIN and job.args == ["acme"]
    assert job.ttl == keys.RETRAIN_LIFE.total_seconds()
    monkeypatch.setattr(tasks, "_shop", floor.shop)
    worker = SimpleWorker([queue(BULK, raw)], connection=raw, serializer=JSONSerializer, job_class=OurJob)
    worker.work(burst=True, logging_level="CRITICAL")
    serving, previous = slots(floor).serving, slots(floor).previous
    assert serving and previous and previous.id == served != serving.id
    assert serving.facts["issues"] == 80 and slots(floor).staged is None
    assert list(floor.shop.history.glob("acme*")) == []


@pytest.mark.fault(46)
def test_a_history_that_got_worse_leaves_the_serving_model_at_work(floor: Floor, served: str) -> None:
    mixed = past_issues(60)
    draw = random.Random(3)
    names = [issue.labels for issue in mixed]
    draw.shuffle(names)
    floor.tracker.history = [replace(issue, labels=name) for issue, name in zip(mixed, names, strict=True)]
    retrain(floor.shop, "acme")
    serving, staged = slots(floor).serving, slots(floor).staged
    assert serving and serving.id == served
    assert staged and staged.verdict and not staged.verdict.passed and staged.verdict.because


def test_a_training_by_hand_that_ends_meanwhile_takes_nothing_away(
    floor: Floor, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = slots(floor).models[Slot.SERVING]
    floor.shop.models.stage(("acme", "type"), entry.id, b"", dict(entry.facts))
    floor.shop.models.promote(("acme", "type"), entry.id)
    found: list[bool] = []

    def by_hand(*given: Any, **_: Any) -> None:
        found.append(given[3].issues.exists())
        discard(floor.shop.history / "acme")

    monkeypatch.setattr(training, "raise_model", by_hand)
    retrain(floor.shop, "acme")
    assert found == [True, True]
    assert list(floor.shop.history.glob("acme*")) == []


def test_a_model_that_people_went_back_to_is_not_replaced_without_them(floor: Floor, served: str) -> None:
    age(floor, 8)
    retrain(floor.shop, "acme")
    newer = slots(floor).serving
    assert newer is not None and newer.id != served
    floor.shop.models.rollback(PLACE, newer.id)
    floor.tracker.history = past_issues(80)
    retrain(floor.shop, "acme")
    serving, staged = slots(floor).serving, slots(floor).staged
    assert serving is not None and serving.id == served
    assert staged is not None and staged.verdict is not None and staged.verdict.passed
    floor.shop.models.promote(PLACE, staged.id)
    floor.tracker.history = past_issues(100)
    retrain(floor.shop, "acme")
    last = slots(floor).serving
    assert last is not None and last.id != staged.id, "a person has spoken: all is as before"


def test_what_a_training_left_long_ago_is_swept_by_the_next_one(floor: Floor, served: str) -> None:
    left = floor.shop.history / "first"
    began = (datetime.now(UTC) - SWEPT).isoformat()
    state = json.loads((left / "state.json").read_text())
    (left / "state.json").write_text(json.dumps(state | {"began": began}))
    floor.tracker.fails = {"past": Unauthorized("The token is not accepted.")}
    retrain(floor.shop, "acme")
    assert not left.exists()


def test_a_training_whose_time_is_over_ends(
    floor: Floor, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*_: object, **__: object) -> None:
        raise JobTimeoutException("the time of the job is over")

    monkeypatch.setattr("workers.training.train", endless)
    with pytest.raises(JobTimeoutException):
        retrain(floor.shop, "acme")


@pytest.mark.parametrize(
    ("history", "fails", "said"),
    [
        (past_issues(60, labelled=False), {}, "not trained anew"),
        ([], {}, "not trained anew"),
        (past_issues(60), {"past": Unauthorized("The token is not accepted.")}, "history not gathered"),
    ],
)
def test_what_cannot_be_trained_is_told_and_changes_nothing(
    floor: Floor, served: str, history: list[PastIssue], fails: dict[str, Exception], said: str
) -> None:
    floor.tracker.history, floor.tracker.fails = history, fails
    with capture_logs() as logs:
        retrain(floor.shop, "acme")
        retrain(floor.shop, "elsewhere")
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == [
        said,
        "not trained anew: this worker does not know the connection",
    ]
    assert slots(floor).serving is not None and slots(floor).staged is None
