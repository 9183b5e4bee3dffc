"""Trials of edited rules files: asked for, called, carried out once, and gone when their hour is over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from rules.load import load_rules
from rules.problems import MOST_PROBLEMS
from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.connect import connect, connect_for_rq, ms, now_ms
from store.crew import BULK
from store.inbox import Inbox
from store.rulebook import RulebookShelf
from store.trials import MOST, SILENT, Head, State, TooMany, Trial, Trials, Wish
from tests.conftest import ISSUE, Floor, hint, issue, until
from tests.earlier_versions import EARLIER
from tests.unit.sprint_scene import BOARD
from trackers.errors import Forbidden, Paused
from trackers.model import HintKind, Issue
from trackers.protocol import Palette
from workers import tasks, trial_jobs
from workers.clock import Clock, queue
from workers.pool import OurJob
from workers.rules_in_force import RulesFile
from workers.run import run
from workers.trial_jobs import call, carry_out

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


def found(trials: Trials, id_: str) -> Trial:
    trial = trials.find(id_)
    assert trial is not None
    return trial


def state(trials: Trials, id_: str) -> State:
    return found(trials, id_).head.state


def test_a_trial_goes_from_waiting_to_done(trials: Trials) -> None:
    asked = trials.ask(WISH)
    assert (asked.state, asked.connection, asked.last, asked.by) == (State.WAITING, "acme", 20, "ada")
    assert found(trials, asked.id) == Trial(asked, NEW)
    begun = trials.begin(asked.id)
    assert begun is not None
    assert (begun.head.state, begun.text) == (State.RUNNING, NEW)
    trials.note(asked.id, 7, "Waiting: rate limit.")
    head = found(trials, asked.id).head
    assert (head.state, head.issues, head.doing) == (State.RUNNING, 7, "Waiting: rate limit.")
    trials.keep(asked.id, {"issues": 20})
    trial = found(trials, asked.id)
    assert (trial.head.state, trial.result) == (State.DONE, {"issues": 20})
    assert trials.listed() == [trial.head]


def test_the_first_end_of_a_trial_counts(trials: Trials) -> None:
    one, other = trials.ask(WISH).id, trials.ask(WISH).id
    trials.keep(one, {"issues": 20})
    trials.fail(one, "No.")
    trials.fail(other, "No.")
    trials.keep(other, {"issues": 20})
    assert (state(trials, one), found(trials, one).head.why) == (State.DONE, "")
    assert (state(trials, other), found(trials, other).result) == (State.FAILED, None)


@pytest.mark.parametrize(
    ("how", "end"), [(State.DONE, {"result": '{"issues": 20}'}), (State.FAILED, {"why": "No."})]
)
def test_an_end_that_an_earlier_version_told_counts(
    trials: Trials, redis: Redis, how: State, end: dict[str, str]
) -> None:
    redis.hset(keys.trial("old"), mapping=EARLIER["trial"] | end)
    redis.zadd(keys.TRIALS, {"old": 1})
    assert (state(trials, "old"), [head.state for head in trials.listed()]) == (how, [how])
    assert trials.waiting() == {}


def test_one_worker_alone_carries_a_trial_out(trials: Trials) -> None:
    id_ = trials.ask(WISH).id
    assert trials.begin(id_) is not None
    assert trials.begin(id_) is None


def test_texts_and_results_are_not_read_to_list_trials(trials: Trials, redis: Redis) -> None:
    id_ = trials.ask(replace(WISH, text="#" * 240_000)).id
    trials.keep(id_, {"labels": ["x" * 240_000]})
    before = sent_by(redis)
    assert [head.state for head in trials.listed()] == [State.DONE]
    assert sent_by(redis) - before < 10_000


def sent_by(redis: Redis) -> int:
    """Bytes that Redis answered with so far."""
    told = cast("dict[str, int]", redis.info("stats"))
    return told["total_net_output_bytes"]


def test_only_a_few_are_under_way_at_once(trials: Trials) -> None:
    first, *_ = [trials.ask(WISH).id for _ in range(MOST)]
    with pytest.raises(TooMany):
        trials.ask(WISH)
    trials.fail(first, "No.")
    trials.ask(WISH)


def test_a_trial_whose_worker_died_counts_as_lost_and_makes_room(trials: Trials, redis: Redis) -> None:
    ids = [trials.ask(WISH).id for _ in range(MOST)]
    trials.begin(ids[0])
    for at, is_lost in (("began", True), ("sign", False), ("sign", True)):
        silent = ms(SILENT) + 1 if is_lost else ms(SILENT) // 2
        redis.hset(keys.trial(ids[0]), at, now_ms(redis.time()) - silent)
        assert state(trials, ids[0]) is (State.LOST if is_lost else State.RUNNING)
    trials.ask(WISH)


def test_only_as_many_are_asked_for_at_the_very_same_moment(
    redis: Redis, redis_server: EmbeddedRedis
) -> None:
    """Two people at two processes, when one more may be."""
    first, second = Trials(redis), Trials(connect(redis_server.url))
    for _ in range(MOST - 1):
        first.ask(WISH)
    looked = first.listed

    def meanwhile() -> list[Head]:
        seen = looked()
        if len(seen) < MOST:
            second.ask(WISH)
        return seen

    first.listed = meanwhile  # type: ignore[method-assign]
    with pytest.raises(TooMany):
        first.ask(WISH)
    assert len(second.listed()) == MOST


def test_of_a_trial_that_is_gone_nothing_is_kept(trials: Trials, redis: Redis) -> None:
    id_ = trials.ask(WISH).id
    redis.delete(keys.trial(id_))
    trials.note(id_, 3, "")
    trials.note_alive(id_)
    trials.note_called(id_)
    trials.keep(id_, {"labels": []})
    trials.fail(id_, "No.")
    assert trials.begin(id_) is None
    assert (trials.find(id_), trials.listed(), trials.waiting()) == (None, [], {})
    assert not redis.exists(keys.trial(id_))


class Losing(Redis):
    """Redis as one meets it who is always too late: what a command was about is gone before the next one."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        answer = super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        for name in {str(arg) for arg in args if str(arg).startswith(keys.TRIAL)}:
            super().execute_command("DEL", name)  # type: ignore[no-untyped-call]
        return answer


def test_a_trial_that_goes_while_it_is_told_of_does_not_come_back(
    redis: Redis, redis_server: EmbeddedRedis
) -> None:
    late = Trials(Losing.from_pool(connect(redis_server.url).connection_pool))
    steps: tuple[Callable[[str], object], ...] = (
        late.note_called,
        late.begin,
        late.note_alive,
        lambda id_: late.note(id_, 3, ""),
        lambda id_: late.keep(id_, {"labels": []}),
        lambda id_: late.fail(id_, "No."),
    )
    for step in steps:
        id_ = Trials(redis).ask(WISH).id
        step(id_)
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
    file = RulesFile(tmp_path / "rules.yaml", RulebookShelf(redis))
    for _ in range(2):
        Clock(redis, Inbox(redis, lease=timedelta(seconds=30)), file).tick()
    assert called(redis_server) == [[id_]]


def test_a_worker_is_called_anew_where_one_died_before_it_began(
    redis: Redis, redis_server: EmbeddedRedis
) -> None:
    trials, bulk = Trials(redis), queue(BULK, redis)
    ids = [trials.ask(WISH).id for _ in range(2)]
    call(bulk, trials)
    trials.begin(ids[1])
    for id_ in ids:
        redis.hset(keys.trial(id_), "called", now_ms(redis.time()) - 60_000)
    call(bulk, trials)
    assert bulk.count == 2, "both still wait for a worker"
    redis.delete(bulk.key)
    call(bulk, trials)
    call(bulk, trials)
    assert called(redis_server) == [[ids[0]]]


def called(redis_server: EmbeddedRedis) -> list[list[str]]:
    """To which trials bulk workers are called."""
    raw = connect_for_rq(redis_server.url)
    jobs = Queue(BULK, connection=raw, serializer=JSONSerializer, job_class=OurJob).get_jobs()
    raw.close()
    assert all(job.func is tasks.try_rules for job in jobs)
    return [list(job.args) for job in jobs]


def test_the_newest_issues_are_held_against_both_files(floor: Floor) -> None:
    in_force(floor)
    floor.tracker.now = issue("csrf <b>")
    trial = floor.shop.trials.ask(WISH)
    carry_out(floor.shop, trial.id)
    done = found(floor.shop.trials, trial.id)
    assert (done.head.state, done.head.why) == (State.DONE, "")
    assert done.result is not None
    assert (done.result["issues"], done.result["changed"]) == (1, 1)
    (label,) = done.result["labels"]
    assert (label["label"], label["gained_on"]) == ("security", ["ABC-1"])
    assert label["gain"]["because"] == ['the title has the word "csrf"']
    assert floor.tracker.writes == []


def test_a_second_job_for_the_same_trial_does_nothing(floor: Floor) -> None:
    in_force(floor)
    trial = floor.shop.trials.ask(WISH)
    carry_out(floor.shop, trial.id)
    floor.redis.hdel(keys.trial(trial.id), "ended", "result")
    carry_out(floor.shop, trial.id)
    assert state(floor.shop.trials, trial.id) is State.RUNNING


def why_not(floor: Floor, wish: Wish = WISH) -> str:
    trial = floor.shop.trials.ask(wish)
    carry_out(floor.shop, trial.id, sleep=lambda _: None)
    assert state(floor.shop.trials, trial.id) is State.FAILED
    return found(floor.shop.trials, trial.id).head.why


def test_without_rules_in_force_there_is_nothing_to_hold_it_against(floor: Floor) -> None:
    assert why_not(floor).startswith("No rules are in force")


def test_a_connection_this_worker_does_not_know_is_told(floor: Floor) -> None:
    in_force(floor)
    assert "knows no connection other" in why_not(floor, Wish("other", NEW, 5, "ada"))


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
        told.append((found(floor.shop.trials, trial.id).head.doing, seconds))
        floor.tracker.fails.pop("search", None)

    carry_out(floor.shop, trial.id, sleep)
    assert told == [("Waiting: rate limit.", 12)]
    assert state(floor.shop.trials, trial.id) is State.DONE


def test_a_fault_of_ours_is_told_without_its_words_and_raised(floor: Floor) -> None:
    in_force(floor)
    trial = floor.shop.trials.ask(WISH)
    floor.tracker.fails["search"] = ValueError("a title of an issue")
    with pytest.raises(ValueError, match="title"):
        carry_out(floor.shop, trial.id)
    head = found(floor.shop.trials, trial.id).head
    assert head.state is State.FAILED
    assert "title" not in head.why


def test_a_worker_that_computes_for_long_is_known_to_live(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says nothing of its own while it does."""
    monkeypatch.setattr(trial_jobs, "_BEAT_S", 0.01)
    in_force(floor)
    trials = floor.shop.trials
    id_ = trials.ask(WISH).id
    seen: list[State] = []

    def think(of: Issue) -> Palette:
        long_ago = str(now_ms(floor.redis.time()) - ms(SILENT) - 1)
        floor.redis.hset(keys.trial(id_), mapping={"began": long_ago, "sign": long_ago})
        until(lambda: state(trials, id_) is State.RUNNING)
        seen.append(state(trials, id_))
        return floor.tracker.colours

    monkeypatch.setattr(floor.tracker, "palette", think)
    carry_out(floor.shop, id_)
    assert seen == [State.RUNNING]
    assert state(trials, id_) is State.DONE
    assert "trial" not in {thread.name for thread in threading.enumerate()}


def test_nothing_is_left_of_a_trial_once_an_issue_of_its_connection_is_deleted(floor: Floor) -> None:
    floor.rules()
    mine, other = floor.shop.trials.ask(WISH), floor.shop.trials.ask(Wish("other", NEW, 5, "ada"))
    floor.shop.trials.keep(mine.id, {"labels": ["ABC-1"]})
    floor.offer(hint(HintKind.ISSUE_DELETED))
    run(floor.shop, ISSUE, floor.token())
    assert [trial.id for trial in floor.shop.trials.listed()] == [other.id]


def test_a_good_file_is_warned_of_with_its_trial(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    in_force(floor)
    monkeypatch.setattr(floor.tracker, "label_names", lambda projects: frozenset({"docs"}))
    result = result_of(floor, f"{NEW}projects: {{XYZ: {{mode: suggest}}}}\n")
    assert result["new_labels"] == [
        "1 label of the rules is new to acme: security. Jira makes it at its first use."
    ]
    (warning,) = result["warnings"]
    assert (warning["line"], warning["name"], warning["severity"]) == (6, "unknown-project", "warning")
    assert result["remarks"] == []


def test_a_tracker_that_refuses_to_tell_its_labels_spoils_no_trial(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_force(floor)

    def refuse(projects: Sequence[str]) -> None:
        raise Forbidden("The account may not list labels.")

    monkeypatch.setattr(floor.tracker, "label_names", refuse)
    result = result_of(floor, f"{NEW}projects: {{XYZ: {{mode: suggest}}}}\n")
    assert [one["name"] for one in result["warnings"]] == ["unknown-project"]
    (remark,) = result["remarks"]
    assert remark.endswith("were not looked for. The account may not list labels.")


def test_of_very_many_warnings_the_first_are_told(floor: Floor) -> None:
    in_force(floor)
    many = "".join(f"  X{number}: {{mode: suggest}}\n" for number in range(MOST_PROBLEMS + 5))
    result = result_of(floor, f"{NEW}projects:\n{many}")
    assert len(result["warnings"]) == MOST_PROBLEMS
    assert result["remarks"][-1].startswith("5 more warnings are left out")


def result_of(floor: Floor, text: str) -> Mapping[str, Any]:
    trial = floor.shop.trials.ask(replace(WISH, text=text))
    carry_out(floor.shop, trial.id)
    result = found(floor.shop.trials, trial.id).result
    assert result is not None
    return result
