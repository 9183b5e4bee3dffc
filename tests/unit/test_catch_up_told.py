"""What is told of catch-ups by ``sprintwarden catch-up``, /readyz and the metrics, and of webhooks."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from sprintwarden import catching_up
from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.catch_ups import CatchUps, Hooked, HookState, Scan
from store.crew import LIVE
from store.decisions import Decisions
from store.inbox import Inbox
from tests.conftest import CONNECTION, Floor, until
from tests.unit import front_door
from tests.unit.command import Command
from tests.unit.command import command as command
from tests.unit.hired import hire
from tests.unit.scripted_probe import ScriptedProbe
from trackers.errors import Forbidden, Unreachable
from trackers.probe import Hook
from webhook_app.health import Check, checks
from webhook_app.store_metrics import StoreCollector
from workers import hooks
from workers.catch_up import subject_of

EVERY = timedelta(minutes=15)
HOUR = timedelta(hours=1)
WATCHED = replace(CONNECTION, catch_up=EVERY)


def now() -> datetime:
    return datetime.now(UTC)


class TestCommand:
    """Asked for, followed, told."""

    @pytest.fixture(autouse=True)
    def service(
        self, redis: Redis, redis_server: EmbeddedRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "connections.yaml").write_bytes(front_door.connections_text())
        self.environ: dict[str, Any] = {
            **front_door.SECRETS,
            "REDIS_URL": redis_server.url,
            "SPRINTWARDEN_CONFIG": tmp_path,
        }
        self.url = redis_server.url
        monkeypatch.setattr(catching_up, "_NOBODY_S", 0.1)

    def staffed(self, redis: Redis) -> None:
        hire(self.url, LIVE)
        redis.set(keys.beat("clock"), "now")

    def done(self, redis: Redis, scan: Scan) -> None:
        """A worker does what is asked of the connection."""
        catch_ups = CatchUps(redis)

        def work() -> None:
            until(lambda: (standing := catch_ups.standing("jira")) is not None and standing.asked is not None)
            catch_ups.finish("jira", replace(scan, began=catch_ups.now()))

        threading.Thread(target=work).start()

    def test_it_tells_what_was_found(self, redis: Redis, command: Command) -> None:
        self.staffed(redis)
        self.done(redis, Scan(now() - HOUR, now(), seen=7, unread=2, unknown=("XYZ",)))
        CatchUps(redis).note_hook("jira", Hooked(HookState.LEFT_OFF, now()))
        told = command("catch-up", "jira", **self.environ)
        assert told.code == 0, told.err
        assert "7 issues changed; 2 of them stand as no run has seen them" in told.out
        assert "knows no project XYZ" in told.out
        assert "somebody switched it off again" in told.out
        assert Inbox(redis, lease=HOUR).take(9) != [], "it is asked for"

    @pytest.mark.parametrize(
        ("ago", "said"),
        [(-HOUR, "The webhook was off, and was switched on again."), (HOUR, "The webhook is on.")],
    )
    def test_a_webhook_that_was_switched_on_by_it_is_told(
        self, redis: Redis, command: Command, ago: timedelta, said: str
    ) -> None:
        self.staffed(redis)
        CatchUps(redis).note_hook("jira", Hooked(HookState.ON, now(), enabled=now() - ago))
        self.done(redis, Scan(now() - HOUR, now(), seen=1))
        told = command("catch-up", "jira", **self.environ).out
        assert "1 issue changed, and nothing of it is new." in told
        assert said in told

    def test_a_machine_is_told_the_same(self, redis: Redis, command: Command) -> None:
        self.staffed(redis)
        self.done(redis, Scan(now() - HOUR, now(), seen=7, unread=2, cut=True))
        (found,) = command("catch-up", "jira", "--since", "2h", "--json", **self.environ).json()
        assert (found["connection"], found["issues_seen"], found["issues_unread"]) == ("jira", 7, 2)
        assert found["cut"] is True
        assert found["webhook"] is None

    @pytest.mark.parametrize(
        ("since", "ago"), [("90m", timedelta(minutes=90)), ("2020-11-20T08:00", None), ("2020-11-20", None)]
    )
    def test_from_when_it_is_asked(
        self, redis: Redis, command: Command, since: str, ago: timedelta | None
    ) -> None:
        assert command("catch-up", "jira", "--since", since, "--no-wait", **self.environ).code == 0
        standing = CatchUps(redis).standing("jira")
        assert standing is not None
        assert standing.asked is not None
        assert standing.asked.since is not None
        if ago is None:
            assert standing.asked.since.year == 2020
        else:
            assert abs(standing.asked.at - ago - standing.asked.since) < timedelta(seconds=2)

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["nowhere"], "nowhere"),
            (["jira", "--since", "yesterday"], "neither a span"),
            (["jira", "--since", "1825d"], "at most 366d"),
            (["jira", "--since", "2999-01-01"], "in the future"),
        ],
    )
    def test_what_makes_no_sense_is_told(self, command: Command, arguments: list[str], told: str) -> None:
        answer = command("catch-up", *arguments, **self.environ)
        assert answer.code == 1
        assert told in answer.err

    def test_nobody_to_do_it(self, redis: Redis, command: Command) -> None:
        answer = command("catch-up", "jira", **self.environ)
        assert (answer.code, answer.out) == (1, "")
        assert "No live worker is alive" in answer.err
        hire(self.url, LIVE)
        assert "No clock is alive" in command("catch-up", "jira", **self.environ).err

    def test_one_that_was_given_up_says_why(
        self, redis: Redis, command: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.staffed(redis)

        def give_up() -> None:
            inbox = Inbox(redis, lease=HOUR)
            until(lambda: inbox.is_waiting(subject_of("jira")))
            (taken,) = inbox.take(1)
            batch = inbox.begin(taken.subject, taken.token)
            assert batch is not None
            inbox.bury(batch, "Jira knows no project ABC.")

        threading.Thread(target=give_up).start()
        answer = command("catch-up", "jira", **self.environ)
        assert answer.code == 1
        assert "given up: Jira knows no project ABC." in answer.err

    def test_one_that_does_not_get_on_is_not_followed_for_ever(
        self, redis: Redis, command: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.staffed(redis)
        monkeypatch.setattr(catching_up, "PATIENCE_S", 0.1)
        answer = command("catch-up", "jira", **self.environ)
        assert answer.code == 1
        assert "does not get on" in answer.err

    def test_what_holds_one_up_is_told_once_and_at_once(
        self, redis: Redis, command: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.staffed(redis)
        monkeypatch.setattr(catching_up, "PATIENCE_S", 1.0)
        monkeypatch.setattr(catching_up, "_LINE_EVERY_S", 0.1)

        def refuse() -> None:
            inbox = Inbox(redis, lease=HOUR)
            until(lambda: inbox.is_waiting(subject_of("jira")))
            (taken,) = inbox.take(1)
            batch = inbox.begin(taken.subject, taken.token)
            assert batch is not None
            inbox.postpone(batch, HOUR, "Jira refuses the token.", free=True)

        threading.Thread(target=refuse).start()
        answer = command("catch-up", "jira", **self.environ)
        assert answer.err.count("jira: It has not begun. Jira refuses the token.") == 1


def said(redis: Redis, name: str) -> Check | None:
    return next((one for one in checks(redis, [WATCHED]) if one.name == f"{name} of acme"), None)


def ended(redis: Redis, ago: timedelta) -> None:
    """A catch-up came to its end so long ago."""
    catch_ups = CatchUps(redis)
    catch_ups.begin("acme")
    done = catch_ups.finish("acme", Scan(now() - HOUR, now() - ago, seen=3, unread=1))
    text = str(redis.hget(keys.catch_up("acme"), "done"))
    moment = done.ended.isoformat().replace("+00:00", "Z")
    assert moment in text
    earlier = (done.ended - ago).isoformat().replace("+00:00", "Z")
    redis.hset(keys.catch_up("acme"), "done", text.replace(moment, earlier))


def test_a_catch_up_in_time_is_told_with_its_figures(redis: Redis) -> None:
    first = said(redis, "catch-up")
    assert first is not None
    assert first.ok
    ended(redis, timedelta(minutes=5))
    told = said(redis, "catch-up")
    assert told is not None
    assert told.ok
    assert told.detail == "5 minutes ago: 3 issues changed, 1 of them read for it."


def test_a_late_catch_up_is_told_and_stops_no_delivery(redis: Redis) -> None:
    ended(redis, 3 * EVERY + timedelta(minutes=2))
    told = said(redis, "catch-up")
    assert told is not None
    assert (told.ok, told.vital) == (False, False)
    assert "47 minutes ago" in told.detail
    assert "`sprintwarden catch-up acme`" in told.detail


def test_one_that_never_ended_is_late_too(redis: Redis) -> None:
    CatchUps(redis).begin("acme")
    redis.hset(keys.catch_up("acme"), "first", int((now() - 4 * EVERY).timestamp() * 1000))
    told = said(redis, "catch-up")
    assert told is not None
    assert not told.ok
    assert "None has ended yet" in told.detail


@pytest.mark.parametrize(
    ("state", "ok", "words"),
    [
        (HookState.ON, True, "It is on."),
        (HookState.OFF, False, "could not be switched on. Forbidden."),
        (HookState.LEFT_OFF, False, "left alone until somebody"),
        (HookState.NONE, None, ""),
        (HookState.UNSEEN, None, ""),
    ],
)
def test_what_is_told_of_a_webhook(redis: Redis, state: HookState, ok: bool | None, words: str) -> None:
    CatchUps(redis).begin("acme")
    CatchUps(redis).note_hook("acme", Hooked(state, now(), said="Forbidden."))
    told = said(redis, "webhook")
    assert (told.ok if told else None) == ok
    assert words in (told.detail if told else "")
    assert told is None or not told.vital


def metrics(redis: Redis) -> dict[tuple[str, ...], float]:
    found = StoreCollector(redis, ["acme"]).collect()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in found
        for sample in family.samples
        if "catch_up" in sample.name or "webhook_off" in sample.name
    }


def test_the_metrics_are_there_from_the_beginning_and_tell_what_is_so(redis: Redis) -> None:
    assert metrics(redis) == {
        ("sprintwarden_catch_up_issues_total", "acme", "seen"): 0,
        ("sprintwarden_catch_up_issues_total", "acme", "missed"): 0,
        ("sprintwarden_catch_up_last_success_timestamp_seconds", "acme"): 0,
        ("sprintwarden_webhook_off", "acme"): 0,
    }
    ended(redis, timedelta(0))
    Decisions(redis).count({"catch_up|acme|seen": 3, "catch_up|acme|missed": 1})
    CatchUps(redis).note_hook("acme", Hooked(HookState.LEFT_OFF, now()))
    told = metrics(redis)
    assert told["sprintwarden_catch_up_issues_total", "acme", "missed"] == 1
    assert told["sprintwarden_catch_up_last_success_timestamp_seconds", "acme"] > now().timestamp() - 60
    assert told["sprintwarden_webhook_off", "acme"] == 1


def hook(*, enabled: bool, url: str = "https://hooks.acme.example/webhooks/acme") -> Hook:
    return Hook("1", "Sprintwarden", url, enabled, ("Issue",))


class Probe(ScriptedProbe):
    """Counts how often it is asked for webhooks."""

    asked = 0

    def hooks(self) -> tuple[Hook, ...] | None:
        self.asked += 1
        return super().hooks()


def mind(
    floor: Floor, probe: Probe, before: Hooked | None = None, *, at_once: bool = False
) -> HookState | None:
    """Look at the webhook, which is to be kept on."""
    desk = floor.shop.desks["acme"]
    assert desk.connection.webhook is not None
    kept = replace(desk.connection, webhook=replace(desk.connection.webhook, keep_enabled=True))
    floor.shop.catch_ups.begin("acme")
    hooks.mind(
        floor.shop, replace(desk, connection=kept, probe=lambda: probe), before, now(), at_once=at_once
    )
    standing = floor.shop.catch_ups.standing("acme")
    return standing.hooked.state if standing and standing.hooked else None


def test_others_webhooks_are_none_of_ours(floor: Floor) -> None:
    elsewhere = hook(enabled=False, url="https://hooks.acme.example/webhooks/another-acme/x")
    probe = Probe(webhooks=[elsewhere, hook(enabled=False, url="https://x.example/webhooks/acme2")])
    assert mind(floor, probe) is HookState.NONE
    assert probe.done == []


def test_an_account_that_may_not_see_webhooks_tries_once_a_day(floor: Floor) -> None:
    probe = Probe(webhooks=None)
    assert mind(floor, probe) is HookState.UNSEEN
    for ago, times in ((2 * HOUR, 1), (25 * HOUR, 2)):
        mind(floor, probe, Hooked(HookState.UNSEEN, now() - ago))
        assert probe.asked == times


def test_a_webhook_that_may_not_be_switched_on_is_told(floor: Floor) -> None:
    probe = Probe(webhooks=[hook(enabled=False)], fails={"enable": Forbidden("Not allowed.")})
    assert mind(floor, probe) is HookState.OFF


def test_a_tracker_that_does_not_answer_is_no_reason_to_fail(floor: Floor) -> None:
    probe = Probe(fails={"hooks": Unreachable("away")})
    left = Hooked(HookState.LEFT_OFF, now() - 2 * HOUR)
    assert mind(floor, probe, left) is HookState.LEFT_OFF


def test_the_hour_counts_unless_somebody_asks(floor: Floor) -> None:
    probe = Probe(webhooks=[hook(enabled=True)])
    recent = Hooked(HookState.ON, now() - HOUR / 2)
    mind(floor, probe, recent)
    assert probe.asked == 0
    assert mind(floor, probe, recent, at_once=True) is HookState.ON


@pytest.mark.parametrize(("since", "state"), [(HOUR, HookState.LEFT_OFF), (25 * HOUR, HookState.ON)])
def test_one_that_we_switched_on_lately_is_left_alone(
    floor: Floor, since: timedelta, state: HookState
) -> None:
    probe = Probe(webhooks=[hook(enabled=False)])
    assert mind(floor, probe, Hooked(HookState.ON, now() - 2 * HOUR, enabled=now() - since)) is state
    assert len(probe.done) == (state is HookState.ON)
