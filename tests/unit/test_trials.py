"""Trials of edited rules files: asked for, called, carried out once, and gone when their hour is over."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from rules.load import load_rules
from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.connect import connect_for_rq, now_ms
from store.crew import BULK
from store.inbox import Inbox
from store.rulebook import RulebookShelf
from store.trials import MOST, SILENT, State, TooMany, Trials, Wish
from tests.conftest import ISSUE, Floor, hint, issue
from tests.unit.sprint_scene import BOARD
from trackers.errors import Forbidden, Paused
from trackers.model import HintKind
from workers import tasks
from workers.clock import Clock
from workers.pool import OurJob
from workers.rules_in_force import RulesFile
from workers.run import run
from workers.trial_jobs import carry_out

OLD = "version: 1\ndefaults:\n  tagging:\n    rules:\n      - {label: security, title: {words: [xss]}}\n"
NEW = OLD.replace("[xss]", "[xss, csrf]")
WISH = Wish("acme", NEW, 20, "ada")


@pytest.fixture
def trials(redis: Redis) -> Trials:
    return Trials(redis)


def in_force(floor: Floor, text: str = OLD) -> None:
    floor.tracker.boards["12"] = BOARD
    content = text.encode()
    RulebookShelf(floor.redis).publish(load_rules(content, "rules.yaml").version_id, content)


def state(trials: Trials, id_: str) -> State:
    found = trials.find(id_)
    assert found is not None
    return found.state


def test_a_trial_goes_from_waiting_to_done(trials: Trials) -> None:
    asked = trials.ask(WISH)
    assert (asked.state, asked.wish) == (State.WAITING, WISH)
    assert trials.begin(asked.id) == asked
    trials.note(asked.id, 7, "Waiting: rate limit.")
    found = trials.find(asked.id)
    assert found is not None
    assert (found.state, found.issues, found.doing) == (State.RUNNING, 7, "Waiting: rate limit.")
    trials.keep(asked.id, {"issues": 20})
    found = trials.find(asked.id)
    assert found is not None
    assert (found.state, found.result) == (State.DONE, {"issues": 20})


def test_one_worker_alone_carries_a_trial_out(trials: Trials) -> None:
    id_ = trials.ask(WISH).id
    assert trials.begin(id_) is not None
    assert trials.begin(id_) is None


def test_only_a_few_are_under_way_at_once(trials: Trials) -> None:
    first, *_ = [trials.ask(WISH).id for _ in range(MOST)]
    with pytest.raises(TooMany):
        trials.ask(WISH)
    trials.fail(first, "No.")
    trials.ask(WISH)


def test_a_trial_whose_worker_died_counts_as_lost_and_makes_room(trials: Trials, redis: Redis) -> None:
    ids = [trials.ask(WISH).id for _ in range(MOST)]
    trials.begin(ids[0])
    ago = now_ms(redis.time()) - int(SILENT.total_seconds() * 1000) - 1
    redis.hset(keys.trial(ids[0]), "sign", ago)
    assert state(trials, ids[0]) is State.LOST
    trials.ask(WISH)


def test_of_a_trial_that_is_gone_nothing_is_kept(trials: Trials, redis: Redis) -> None:
    id_ = trials.ask(WISH).id
    redis.delete(keys.trial(id_))
    trials.note(id_, 3, "")
    trials.keep(id_, {"labels": []})
    assert trials.begin(id_) is None
    assert (trials.find(id_), trials.listed(), trials.uncalled()) == (None, [], [])
    assert not redis.exists(keys.trial(id_))


def test_of_many_trials_none_escapes_being_forgotten(trials: Trials, redis: Redis) -> None:
    waiting = trials.ask(WISH).id
    ids = [waiting]
    for _ in range(25):
        ids.append(trials.ask(WISH).id)
        trials.keep(ids[-1], {"labels": ["ABC-1"]})
    listed = {trial.id for trial in trials.listed()}
    assert waiting in listed
    assert len(listed) == 21
    assert {id_ for id_ in ids if redis.exists(keys.trial(id_))} == listed
    trials.forget("other")
    assert {trial.id for trial in trials.listed()} == listed
    trials.forget("acme")
    assert not redis.exists(keys.TRIALS, *map(keys.trial, ids))


def test_trials_end_within_their_hour(trials: Trials, redis: Redis) -> None:
    id_ = trials.ask(WISH).id
    trials.begin(id_)
    trials.keep(id_, {})
    for name in (keys.TRIALS, keys.trial(id_)):
        assert 0 < redis.pttl(name) <= keys.TRIAL_LIFE.total_seconds() * 1000


def test_the_clock_calls_a_worker_once(redis: Redis, redis_server: EmbeddedRedis, tmp_path: Path) -> None:
    id_ = Trials(redis).ask(WISH).id
    raw = connect_for_rq(redis_server.url)
    file = RulesFile(tmp_path / "rules.yaml", RulebookShelf(redis))
    for _ in range(2):
        Clock(redis, Inbox(redis, lease=timedelta(seconds=30)), file).tick()
    (job,) = Queue(BULK, connection=raw, serializer=JSONSerializer, job_class=OurJob).get_jobs()
    assert (job.func, job.args) == (tasks.try_rules, [id_])
    raw.close()


def test_the_newest_issues_are_held_against_both_files(floor: Floor) -> None:
    in_force(floor)
    floor.tracker.now = issue("csrf <b>")
    trial = floor.shop.trials.ask(WISH)
    carry_out(floor.shop, trial.id)
    found = floor.shop.trials.find(trial.id)
    assert found is not None
    assert (found.state, found.why) == (State.DONE, "")
    assert found.result is not None
    assert (found.result["issues"], found.result["changed"]) == (1, 1)
    (label,) = found.result["labels"]
    assert (label["label"], label["gained_on"]) == ("security", ["ABC-1"])
    assert label["gain"]["because"] == ['the title has the word "csrf"']
    assert floor.tracker.writes == []


def test_a_second_job_for_the_same_trial_does_nothing(floor: Floor) -> None:
    in_force(floor)
    trial = floor.shop.trials.ask(WISH)
    carry_out(floor.shop, trial.id)
    floor.redis.hdel(keys.trial(trial.id), "result")
    carry_out(floor.shop, trial.id)
    assert state(floor.shop.trials, trial.id) is State.RUNNING


def why_not(floor: Floor, wish: Wish = WISH) -> str:
    trial = floor.shop.trials.ask(wish)
    carry_out(floor.shop, trial.id, sleep=lambda _: None)
    found = floor.shop.trials.find(trial.id)
    assert found is not None
    assert found.state is State.FAILED
    return found.why


def test_without_rules_in_force_there_is_nothing_to_hold_it_against(floor: Floor) -> None:
    assert why_not(floor).startswith("No rules are in force")


def test_a_connection_this_worker_does_not_know_is_told(floor: Floor) -> None:
    in_force(floor)
    assert "does not know the connection other" in why_not(floor, Wish("other", NEW, 5, "ada"))


def test_what_the_tracker_refuses_is_told(floor: Floor) -> None:
    in_force(floor)
    floor.tracker.fails["search"] = Forbidden("The account may not see ABC.")
    assert why_not(floor) == "The account may not see ABC."


def test_a_tracker_that_wants_to_be_left_alone_for_long_is_not_waited_for(floor: Floor) -> None:
    in_force(floor)
    floor.tracker.fails["search"] = Paused("Waiting: rate limit.", timedelta(hours=1))
    assert why_not(floor) == (
        "The tracker leaves no room for it now. Waiting: rate limit. Try it again later."
    )


def test_a_short_pause_is_waited_out_and_told(floor: Floor) -> None:
    in_force(floor)
    trial = floor.shop.trials.ask(WISH)
    floor.tracker.fails["search"] = Paused("Waiting: rate limit.", timedelta(seconds=12))
    told = []

    def sleep(seconds: float) -> None:
        found = floor.shop.trials.find(trial.id)
        assert found is not None
        told.append((found.doing, seconds))
        floor.tracker.fails.pop("search", None)

    carry_out(floor.shop, trial.id, sleep)
    assert told == [("Waiting: rate limit.", seconds) for seconds in (5, 5, 2)]
    assert state(floor.shop.trials, trial.id) is State.DONE


def test_a_fault_of_ours_is_told_without_its_words_and_raised(floor: Floor) -> None:
    in_force(floor)
    trial = floor.shop.trials.ask(WISH)
    floor.tracker.fails["search"] = ValueError("a title of an issue")
    with pytest.raises(ValueError, match="title"):
        carry_out(floor.shop, trial.id)
    found = floor.shop.trials.find(trial.id)
    assert found is not None
    assert found.state is State.FAILED
    assert "title" not in found.why


def test_nothing_is_left_of_a_trial_once_an_issue_of_its_connection_is_deleted(floor: Floor) -> None:
    floor.rules()
    mine, other = floor.shop.trials.ask(WISH), floor.shop.trials.ask(Wish("other", NEW, 5, "ada"))
    floor.shop.trials.keep(mine.id, {"labels": ["ABC-1"]})
    floor.offer(hint(HintKind.ISSUE_DELETED))
    run(floor.shop, ISSUE, floor.token())
    assert [trial.id for trial in floor.shop.trials.listed()] == [other.id]
