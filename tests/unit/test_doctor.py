"""``doctor`` over a real front door and Redis: every trouble is a finding, and the rest goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer
from typing import Any

import httpx
import pytest
from redis import Redis
from rq import SimpleWorker

from rules.connections import load_connections
from rules.load import load_rules
from sandbox.server import start
from sprintwarden import doctoring, round_trip, touching
from sprintwarden.checking import check_rules
from sprintwarden.doctoring import SERVICE, Wish, examine, show
from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.round_trip import Knock
from sprintwarden.settings import Complaint, Settings
from store import keys
from store.catch_ups import CatchUps, Scan
from store.connect import connect
from store.inbox import Inbox
from store.rulebook import RulebookShelf
from store.writes import Writes
from tests.conftest import Floor, until
from tests.unit.front_door import SECRETS, app, digest, jira_body, linear_body, signed
from tests.unit.hired import hire, silence
from tests.unit.scripted_probe import EVENTS, PERSON, ScriptedProbe
from trackers.errors import Forbidden, Gone, Rejected, Unauthorized, Unreachable
from trackers.jira.probe import NUDGE
from trackers.model import Hint, HintKind, Subject, SubjectKind
from trackers.probe import Finding, Hook, Level
from workers.probes import Access
from workers.rules_in_force import RulesFile
from workers.run import run

CONNECTIONS = """\
version: 1
connections:
  jira:
    tracker: jira
    url: https://jira.invalid
    auth: {email: bot@example.invalid, token: {env: API}, expires: 2099-01-01}
    webhook: {secrets: [{env: JIRA_HOOK}]}
    projects: [ABC]
  linear:
    tracker: linear
    auth: {key: {env: API}}
    webhook: {secrets: [{env: LINEAR_HOOK}]}
    teams: [ENG]
    cycles: true
"""
QUIET = {"deliveries": "warn", "identity": "warn"}
"""Where no tracker spoke yet and no worker runs."""
RULES = "version: 1\ndefaults:\n  tagging:\n    rules:\n      - {label: security, title: {words: [xss]}}\n"


@dataclass
class Ward:
    """A configured service, its two trackers as they are scripted, and what ``doctor`` says of them."""

    folder: Path
    url: str
    redis_url: str
    worker: SimpleWorker
    probes: dict[str, ScriptedProbe] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return Settings(config=self.folder, redis_url=self.redis_url, public_url=self.url)

    def probe(self, access: Access) -> ScriptedProbe:
        return self.probes[str(access.tracker)]

    def examine(self, **wish: object) -> dict[str, dict[str, Finding]]:
        """Group → what was looked at → the last that was found about it."""
        groups = examine(self.settings, Wish(**wish), self.probe)  # type: ignore[arg-type]
        return {group.name: {one.about: one for one in group.findings} for group in groups}

    def rename(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def ward(
    tmp_path: Path, redis_server: EmbeddedRedis, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ward]:
    for name in [name for name in os.environ if name.startswith(("SPRINTWARDEN_", "REDIS_URL"))]:
        monkeypatch.delenv(name)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    # Whether the tracker has the labels is `check`'s to find out, over HTTP.
    monkeypatch.setattr(doctoring, "check_rules", lambda *_, **__: ())
    (tmp_path / "connections.yaml").write_text(CONNECTIONS, encoding="utf-8")
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    connections = load_connections(CONNECTIONS.encode(), "connections.yaml", SECRETS)
    RulebookShelf(redis).publish(load_rules(RULES.encode(), "rules.yaml").version_id, RULES.encode())
    redis.set(keys.beat("clock"), "now")
    with start(app(redis_server.url, connections)) as server:
        made = Ward(tmp_path, server.url, redis_server.url, hire(redis_server.url, "live"))
        for name in ("jira", "linear"):
            hook = Hook(
                f"{name}-1", "Ours", f"{server.url}/webhooks/{name}", True, (*EVENTS, "sprint started")
            )
            made.probes[name] = ScriptedProbe(webhooks=[hook])
        yield made


def levels(found: dict[str, Finding]) -> dict[str, str]:
    return {
        about.partition(" of ")[0]: str(one.level)
        for about, one in found.items()
        if one.level is not Level.OK
    }


def test_a_service_that_is_well(ward: Ward) -> None:
    found = ward.examine()
    assert list(found) == [SERVICE, "jira", "linear"]
    assert "fail" not in {str(one.level) for group in found.values() for one in group.values()}
    for name in ("jira", "linear"):
        assert levels(found[name]) == QUIET
        assert found[name]["way in"].level is Level.OK
    assert "2099-01-01" in found["jira"]["token expiry"].sentence
    assert ward.probes["jira"].done == []


def test_one_connection_alone(ward: Ward) -> None:
    found = ward.examine(connection="linear")
    assert list(found) == [SERVICE, "linear"]
    assert "identity of linear" in found["linear"]
    assert not [about for about in found[SERVICE] if "jira" in about]
    with pytest.raises(Complaint, match="no connection 'github'"):
        ward.examine(connection="github")


@pytest.mark.parametrize("error", [Unauthorized("Jira refuses it."), Unreachable("It gave no answer.")])
def test_a_tracker_that_does_not_answer_keeps_nothing_else_from_being_looked_at(
    ward: Ward, error: Unauthorized | Unreachable
) -> None:
    ward.probes["jira"].fails["site"] = error
    found = ward.examine()
    assert levels(found["jira"]) == {"credentials": "fail"}
    assert found["jira"]["credentials"].fix
    assert found["jira"]["way in"].level is Level.OK
    assert levels(found["linear"]) == QUIET


@pytest.mark.parametrize(
    ("method", "about"), [("expires", "token expiry"), ("fitness", "tracker"), ("hooks", "webhook")]
)
def test_a_question_that_fails_is_one_finding(ward: Ward, method: str, about: str) -> None:
    ward.probes["jira"].fails[method] = Forbidden("Jira forbids it.")
    assert levels(ward.examine()["jira"]) == {about: "fail"} | QUIET


def test_what_the_tracker_lacks_is_shown_as_it_is(ward: Ward) -> None:
    lack = Finding(Level.FAIL, "board 12", "It has no sprints.", "name another.")
    ward.probes["jira"].fit = (lack,)
    assert ward.examine()["jira"]["board 12"] == lack


def test_a_persons_token_that_ends_soon(ward: Ward) -> None:
    soon = datetime.now(UTC) + timedelta(days=3, hours=1)
    ward.probes["jira"] = replace(ward.probes["jira"], identity=PERSON, ends=soon)
    found = ward.examine()["jira"]
    assert levels(found) == {"credentials": "warn", "token expiry": "warn"} | QUIET
    assert "in 3 days" in found["token expiry"].sentence


def test_the_last_genuine_delivery_is_the_trackers_not_ours(ward: Ward) -> None:
    ward.examine()
    assert ward.examine()["jira"]["deliveries"].level is Level.WARN
    deliver(ward, "1")
    assert ward.examine()["jira"]["deliveries"].level is Level.OK


def deliver(ward: Ward, id_: str, **more: Any) -> None:
    """What Jira sends."""
    body = jira_body(id_, **more)
    answer = httpx.post(
        f"{ward.url}/webhooks/jira",
        content=body,
        headers={"X-Hub-Signature": signed(body), "Content-Type": "application/json"},
    )
    assert answer.json()["status"] == "queued"


def relabel(ward: Ward, id_: str, label: str = NUDGE) -> None:
    """What Jira sends when a label came."""
    change = {"field": "labels", "fieldtype": "jira", "from": None, "fromString": "", "toString": label}
    deliver(ward, id_, webhookEvent="jira:issue_updated", changelog={"id": "9", "items": [change]})


def work(floor: Floor, outcome: str = "") -> None:
    """A worker takes what is due; with ``outcome`` the tracker does not answer it."""
    if outcome:
        floor.tracker.fails["identity"] = floor.tracker.fails["read"] = {
            "postponed": Unreachable("It gave no answer."),
            "dead": Rejected("It will not have it."),
        }[outcome]
    for name in floor.redis.zrange(keys.PENDING, 0, -1):
        floor.redis.zadd(keys.PENDING, {str(name): 0})
    desk = floor.shop.desks["acme"]
    desk = replace(desk, connection=replace(desk.connection, name="jira"))
    shop = replace(floor.shop, desks={"jira": desk})
    for item in shop.inbox.take(9):
        run(shop, item.subject, item.token)


def whole_way(ward: Ward, wait: float = 5) -> Finding:
    found = ward.examine(connection="jira", touch="ABC-1", wait=timedelta(seconds=wait))
    return found["jira"]["whole way"]


def test_touching_an_issue_proves_the_whole_way_up_to_a_worker(ward: Ward, floor: Floor) -> None:
    floor.tracker.now = replace(floor.tracker.now, updated=datetime.now(UTC))
    deliver(ward, "1")
    work(floor)

    def nudged() -> None:
        relabel(ward, "1")
        Timer(0.2, work, [floor]).start()

    ward.probes["jira"].nudged = nudged
    found = whole_way(ward)
    assert found.level is Level.OK
    assert found.sentence == (
        "A label came and went on ABC-1, the tracker's event arrived, and a worker handled it."
    )
    assert ward.probes["jira"].done == [("nudge", "ABC-1")]


def test_an_event_that_no_worker_takes_proves_no_whole_way(ward: Ward, floor: Floor, redis: Redis) -> None:
    relabel(ward, "1")
    work(floor)
    ward.probes["jira"].nudged = lambda: relabel(ward, "1", f"{NUDGE} theirs")
    found = whole_way(ward, 0.3)
    assert found.level is Level.FAIL
    assert "an event of the tracker arrived, but no worker handled it within 0 s." in found.sentence
    assert found.fix == "Look at the log of the live workers."
    silence(redis, ward.worker)
    ward.probes["jira"].nudged = lambda: relabel(ward, "1", f"{NUDGE} ours")
    found = whole_way(ward, 0.3)
    assert found.level is Level.FAIL
    assert "No live worker is alive" in (found.fix or "")
    assert "start `sprintwarden work live`" in (found.fix or "")


def test_an_issue_that_is_put_off_again_is_told_with_its_cause(ward: Ward, floor: Floor) -> None:
    deliver(ward, "1")
    work(floor, "postponed")

    def nudged() -> None:
        relabel(ward, "1")
        work(floor, "postponed")

    ward.probes["jira"].nudged = nudged
    found = whole_way(ward, 0.3)
    assert found.level is Level.FAIL
    assert "no worker handled it within 0 s. One put the issue off: It gave" in found.sentence


def test_a_run_of_another_kind_is_none_of_the_touched_label(ward: Ward, floor: Floor) -> None:
    def nudged() -> None:
        relabel(ward, "1", "theirs")
        work(floor)

    ward.probes["jira"].nudged = nudged
    found = whole_way(ward, 0.3)
    assert found.level is Level.FAIL
    assert "none about ABC-1 is there to be worked" in found.sentence


def test_an_event_about_another_issue_is_not_the_one(ward: Ward) -> None:
    ward.probes["jira"].nudged = lambda: relabel(ward, "2")
    found = whole_way(ward, 0.3)
    assert found.level is Level.FAIL
    assert "none about ABC-1 is there to be worked" in found.sentence


@pytest.mark.parametrize(("outcome", "said"), [("postponed", "had to put it off"), ("dead", "gave it up")])
def test_a_run_that_came_to_no_end_is_told_with_its_cause(
    ward: Ward, floor: Floor, outcome: str, said: str
) -> None:
    # With it in one run: a change of labels alone asks the tracker nothing.
    deliver(ward, "1")

    def nudged() -> None:
        relabel(ward, "1")
        work(floor, outcome)

    ward.probes["jira"].nudged = nudged
    found = whole_way(ward)
    assert found.level is Level.FAIL
    assert f"the tracker's event arrived, and a worker {said}: It " in found.sentence


def test_on_linear_no_more_is_said_than_that_the_event_arrived(ward: Ward) -> None:
    def nudged() -> None:
        data = {"id": "f3a1", "team": {"id": "t1", "key": "ENG"}, "identifier": "ENG-1", "title": "Slow"}
        body = linear_body(action="update", data=data, updatedFrom={"sortOrder": 1.0})
        headers = {"Linear-Signature": digest(body, "LINEAR_HOOK"), "Content-Type": "application/json"}
        answer = httpx.post(f"{ward.url}/webhooks/linear", content=body, headers=headers)
        assert answer.json()["reason"] == "no_watched_field"

    ward.probes["linear"].nudged = nudged
    found = ward.examine(connection="linear", touch="ENG-1", wait=timedelta(seconds=5))["linear"]
    assert "whole way" not in found
    assert found["tracker's event"].level is Level.OK
    assert "is no work for a worker" in found["tracker's event"].sentence


def test_a_redis_that_falls_silent_after_the_touch_proves_nothing(
    ward: Ward, own_redis_server: EmbeddedRedis
) -> None:
    ward.redis_url = own_redis_server.url
    ward.probes["jira"].nudged = own_redis_server.kill
    found = whole_way(ward)
    assert found.level is Level.FAIL
    assert "Redis stopped answering" in found.sentence


def test_an_event_that_does_not_come_is_waited_for_and_told(ward: Ward) -> None:
    found = ward.examine(connection="linear", touch="ENG-1", wait=timedelta(seconds=0.3))["linear"][
        "tracker's event"
    ]
    assert found.level is Level.FAIL
    assert "The place of ENG-1 in lists moved by a hair and back, and no event came" in found.sentence


def test_an_issue_that_is_not_there_is_told(ward: Ward) -> None:
    ward.probes["jira"].fails["nudge"] = Gone("Jira does not know it.")
    assert ward.examine(connection="jira", touch="ABC-99")["jira"]["whole way"].level is Level.FAIL


def poll(ward: Ward) -> None:
    """Take the webhooks out of connections.yaml and, but for Linear's, out of the trackers."""
    lines = [line for line in CONNECTIONS.splitlines() if "webhook:" not in line]
    lines.insert(lines.index("    projects: [ABC]"), "    catch_up: 5s")
    ward.rename("connections.yaml", "\n".join(lines))
    ward.probes["jira"].webhooks = []


def test_polling_is_proven_without_a_webhook_or_an_address(ward: Ward) -> None:
    poll(ward)
    service, *groups = examine(Settings(config=ward.folder, redis_url=ward.redis_url), Wish(), ward.probe)
    assert "public address" not in {one.about for one in service.findings}
    jira, linear = ({one.about: one for one in group.findings} for group in groups)
    assert levels(jira) == {"identity": "warn"}
    assert not {"webhook", "way in", "deliveries"} & jira.keys()
    assert "polled, asked every 5 seconds" in jira["catch-up"].sentence
    assert levels(linear) == {"identity": "warn", "webhook “Ours”": "warn"}
    assert "every delivery is refused" in linear["webhook “Ours”"].sentence


def test_a_catch_up_that_is_off_is_told(ward: Ward) -> None:
    ward.rename("connections.yaml", CONNECTIONS.replace("cycles: true", "cycles: true\n    catch_up: off"))
    found = ward.examine()
    assert levels(found["linear"]) == QUIET | {"catch-up": "warn"}
    assert "every 15 minutes" in found["jira"]["catch-up"].sentence


def caught_up(redis: Redis, *ids: str, told: int = 1) -> None:
    """A catch-up: the tracker tells it of some issues, and these it has looked at."""
    catch_ups, inbox = CatchUps(redis), Inbox(redis, lease=timedelta(minutes=1))
    catch_ups.begin("jira")
    began = catch_ups.now()
    for id_ in ids:
        hint = Hint(Subject("jira", SubjectKind.ISSUE, id_), HintKind.ISSUE_FOUND, "catch-up", at=began)
        assert inbox.offer("jira", f"found {id_}", [hint], settle=timedelta(0), ceiling=timedelta(0))
    catch_ups.finish("jira", Scan(began, began, seen=told))


def test_where_the_tracker_is_polled_the_touched_issue_is_found(
    ward: Ward, floor: Floor, redis: Redis
) -> None:
    poll(ward)

    def polled() -> None:
        caught_up(redis, "1")
        work(floor)

    ward.probes["jira"].nudged = lambda: Timer(0.2, polled).start()
    found = whole_way(ward)
    assert found.level is Level.OK, found
    assert found.sentence == "A label came and went on ABC-1, a catch-up found it, and a worker handled it."


def test_a_touched_issue_that_a_catch_up_passes_over_proves_the_way_as_well(ward: Ward, redis: Redis) -> None:
    poll(ward)
    ward.probes["jira"].nudged = lambda: Timer(0.2, caught_up, [redis], {"told": 3}).start()
    found = whole_way(ward)
    assert found.level is Level.OK, found
    assert "told the next catch-up of 3 issues that have changed. ABC-1 itself was passed" in found.sentence


@pytest.mark.parametrize(
    ("found", "told", "said"),
    [
        ((), 0, "no catch-up that has begun since found it"),
        (("1",), 1, "a catch-up found it, but no worker handled it"),
    ],
)
def test_a_touched_issue_that_no_poll_brings_to_a_worker(
    ward: Ward, redis: Redis, found: tuple[str, ...], told: int, said: str
) -> None:
    poll(ward)
    text = (ward.folder / "connections.yaml").read_bytes()
    jira = replace(load_connections(text, "c.yaml", SECRETS)[0], catch_up=timedelta(seconds=0.4))
    caught_up(redis, told=9)
    ward.probes["jira"].nudged = lambda: Timer(0.1, caught_up, [redis, *found], {"told": told}).start()
    finding = touching.touch(ward.probes["jira"], jira, redis, "ABC-1", timedelta(seconds=0.2))
    assert (finding.level, finding.about) == (Level.FAIL, "whole way")
    assert f"A label came and went on ABC-1, and {said} within 1 s." in finding.sentence


def test_which_tracker_is_to_be_touched_must_be_said(ward: Ward) -> None:
    with pytest.raises(Complaint, match="Name the connection"):
        ward.examine(touch="ABC-1")


def test_a_webhook_that_is_off_is_mended_only_when_asked(ward: Ward) -> None:
    probe = ward.probes["linear"]
    assert probe.webhooks is not None
    probe.webhooks = [replace(probe.webhooks[0], enabled=False)]
    assert ward.examine()["linear"]["webhook “Ours”"].level is Level.FAIL
    assert probe.done == []
    assert levels(ward.examine(mend=True)["linear"]) == QUIET
    assert probe.done == [("enable", "linear-1")]


def test_what_no_webhook_is_for_is_told(ward: Ward) -> None:
    probe = ward.probes["linear"]
    assert probe.webhooks is not None
    probe.webhooks = [replace(probe.webhooks[0], covers=frozenset({"OPS"}))]
    found = ward.examine()["linear"]["webhook"]
    assert found.level is Level.FAIL
    assert "is for ENG" in found.sentence


def test_without_redis_the_rest_is_looked_at(ward: Ward) -> None:
    ward.redis_url = "unix:///nowhere/redis.sock"
    found = ward.examine(connection="jira", touch="ABC-1")
    assert found[SERVICE]["redis"].level is Level.FAIL
    assert levels(found["jira"]) == {"way in": "warn", "whole way": "fail"}
    assert ward.probes["jira"].done == [], "an issue was touched though nothing could be seen of it"


def test_without_a_public_address_the_way_in_is_not_tried(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Knock] = []
    monkeypatch.setattr(round_trip, "send", lambda delivery, *_: sent.append(delivery))
    settings = Settings(config=ward.folder, redis_url=ward.redis_url)
    service, jira, _ = examine(settings, Wish(), ward.probe)
    assert any("SPRINTWARDEN_PUBLIC_URL" in (one.fix or "") for one in service.findings)
    assert "way in" not in {one.about for one in jira.findings}
    assert sent == []


def test_every_mistake_of_the_files_is_a_finding(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctoring, "check_rules", check_rules)
    ward.rename("connections.yaml", CONNECTIONS.replace("cycles: true", "cycles: maybe\n    boards: [1]"))
    ward.rename("rules.yaml", RULES.replace("words", "wrods"))
    (service,) = examine(ward.settings, Wish(), ward.probe)
    wrong = [one.sentence for one in service.findings if one.level is Level.FAIL]
    assert len([one for one in wrong if "connections.yaml" in one]) >= 2
    assert any('did you mean "words"' in one for one in wrong)


def test_a_secret_that_is_not_there_keeps_no_other_connection_from_being_looked_at(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LINEAR_HOOK")
    found = ward.examine()
    assert list(found) == [SERVICE, "jira"]
    assert found[SERVICE]["connections.yaml"].level is Level.FAIL
    assert "LINEAR_HOOK is not set" in found[SERVICE]["connections.yaml"].sentence
    assert found["jira"]["way in"].level is Level.OK
    assert list(ward.examine(connection="jira")) == [SERVICE, "jira"]
    assert list(ward.examine(connection="linear")) == [SERVICE]
    with pytest.raises(Complaint, match="Name the connection"):
        ward.examine(touch="ABC-1")


def test_mistakes_of_the_rules_are_told_once(
    ward: Ward, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctoring, "check_rules", check_rules)
    ward.rename("rules.yaml", RULES.replace("words", "wrods"))
    shelf = RulebookShelf(redis)
    file = RulesFile(ward.folder / "rules.yaml", shelf)

    def refused() -> object:
        file.look()
        return shelf.turned()

    until(refused)
    service, *_ = examine(ward.settings, Wish(), ward.probe)
    told = show(service)
    assert "newest rules file" in told and "was refused" in told
    assert told.count('did you mean "words"') == 1
    shelf.refuse("web-2:/rules.yaml", "other", ["rules.yaml:9:1: something else"])
    service, *_ = examine(ward.settings, Wish(), ward.probe)
    assert "something else" in show(service)


def test_a_check_of_the_rules_that_breaks_is_a_finding(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr(doctoring, "check_rules", broken)
    found = ward.examine()
    assert found[SERVICE]["rules.yaml"].level is Level.FAIL
    assert "the check itself failed (RecursionError)" in found[SERVICE]["rules.yaml"].sentence
    assert found["jira"]["names in the rules"].level is Level.WARN
    assert found["jira"]["way in"].level is Level.OK


def test_what_keeps_the_service_from_its_work_fails(ward: Ward, redis: Redis) -> None:
    redis.delete(keys.beat("clock"), keys.RULEBOOK)
    silence(redis, ward.worker)
    for issue in ("1", "2", "3"):
        Writes(redis).ask("jira", issue, 2, timedelta(minutes=10))
    found = ward.examine()
    failed = {about for group in found.values() for about, one in group.items() if one.level is Level.FAIL}
    assert failed == {"clock", "rules", "live workers", "writing to jira"}


@pytest.mark.parametrize(("may_forget", "level"), [(True, Level.WARN), (False, Level.FAIL)])
def test_a_redis_that_forgets_fails_unless_that_is_all_right(
    ward: Ward, own_redis_server: EmbeddedRedis, may_forget: bool, level: Level
) -> None:
    connect(own_redis_server.url).config_set("maxmemory-policy", "allkeys-lru")
    settings = Settings(config=ward.folder, redis_url=own_redis_server.url, redis_may_forget=may_forget)
    service = next(examine(settings, Wish(), ward.probe))
    found = {one.about: one.level for one in service.findings}
    assert found["redis keeps what it took"] is level


def test_a_redis_that_goes_away_meanwhile_is_told_of_what_it_was_asked_for(
    ward: Ward, own_redis_server: EmbeddedRedis
) -> None:
    ward.redis_url = own_redis_server.url
    groups = examine(ward.settings, Wish(), ward.probe)
    assert next(groups).name == SERVICE
    own_redis_server.kill()
    found = {one.about: one for one in next(groups).findings}
    assert found["deliveries"].level is Level.FAIL
    assert "Redis does not answer any more" in found["deliveries"].sentence
    assert found["way in"].level is Level.WARN


def test_a_redis_that_hangs_is_told_in_findings(
    ward: Ward, own_redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctoring, "connect", lambda url: connect(url, patience=0.2))
    monkeypatch.setenv("REDIS_URL", own_redis_server.url)
    ward.redis_url = own_redis_server.url
    assert own_redis_server.pid is not None
    os.kill(own_redis_server.pid, signal.SIGSTOP)
    try:
        found = ward.examine(connection="jira", touch="ABC-1")
    finally:
        os.kill(own_redis_server.pid, signal.SIGCONT)
    assert found[SERVICE]["redis"].level is Level.FAIL
    assert levels(found["jira"]) == {"way in": "warn", "whole way": "fail"}
    assert "Run this again when the service's Redis answers" in (found["jira"]["way in"].fix or "")


def test_no_files_at_all(ward: Ward, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctoring, "check_rules", check_rules)
    settings = Settings(config=tmp_path / "nowhere", redis_url=ward.redis_url)
    (service,) = examine(settings, Wish(), ward.probe)
    assert {one.about for one in service.findings if one.level is Level.FAIL} >= {
        "connections.yaml",
        "rules.yaml",
    }


def test_no_secret_is_shown(ward: Ward) -> None:
    ward.probes["jira"].webhooks = None
    ward.probes["linear"].webhooks = []
    told = "\n".join(show(group) for group in examine(ward.settings, Wish(), ward.probe))
    assert "fail" in told
    assert not [value for value in SECRETS.values() if value in told]
