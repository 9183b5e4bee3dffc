"""What is said of credentials, webhooks and deliveries, for each way they can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sprintwarden import findings
from tests.unit.scripted_probe import EVENTS, PERSON, ROBOT
from trackers import errors
from trackers.model import Identity, TrackerKind
from trackers.probe import Finding, Hook, Level, Site

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
PUBLIC = "https://hooks.acme.example"
OURS = Hook("1", "Ours", f"{PUBLIC}/webhooks/acme", True, EVENTS, True)
EXPECTED = findings.Expected("acme", TrackerKind.JIRA, EVENTS, signed=True, public_url=PUBLIC)
STEPS = "click here\nthen there"


def looked(*hooks: Hook, expected: findings.Expected = EXPECTED) -> list[tuple[str, str, str]]:
    found = findings.webhooks(expected, hooks, STEPS)
    return [(str(one.level), one.sentence, one.fix or "") for one in found]


@pytest.mark.parametrize(
    ("identity", "declared", "level"),
    [
        (ROBOT, False, Level.OK),
        (ROBOT, True, Level.OK),
        (PERSON, True, Level.OK),
        (PERSON, False, Level.WARN),
    ],
)
def test_a_persons_account_is_warned_of_unless_declared(
    identity: Identity, declared: bool, level: Level
) -> None:
    found = findings.credentials(Site(identity, "Acme", "Linear"), service_account=declared)
    assert found.level is level
    assert identity.name in found.sentence
    assert ("service_account: true" in (found.fix or "")) == (level is Level.WARN)


@pytest.mark.parametrize(
    ("told", "declared", "level", "said"),
    [
        (None, None, Level.OK, "Neither the tracker nor"),
        (31, None, Level.OK, "in 31 days"),
        (30, None, Level.WARN, "in 30 days"),
        (400, 1, Level.WARN, "in 1 day."),
        (None, 29, Level.WARN, "in 29 days"),
        (0, None, Level.FAIL, "ended on 2026-03-04"),
        (-1, 300, Level.FAIL, "ended on 2026-03-03"),
    ],
)
def test_the_end_of_a_token_is_seen_coming(
    told: int | None, declared: int | None, level: Level, said: str
) -> None:
    first, second = (None if days is None else NOW + timedelta(days=days) for days in (told, declared))
    found = findings.ends(first, second, NOW)
    assert found.level is level
    assert said in found.sentence
    assert (found.fix is None) == (level is Level.OK)


def test_a_webhook_that_is_as_it_should_be() -> None:
    assert looked(OURS) == [("ok", "It is enabled and sends 3 kinds of events to us.", "")]


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.acme.example/webhooks/acme/",
        "HTTPS://HOOKS.acme.example:443/webhooks/acme",
        "https://hooks.acme.example/webhooks/acme?token=abc",
    ],
)
def test_the_same_address_in_other_words_is_ours(url: str) -> None:
    assert looked(replace(OURS, url=url))[0][0] == "ok"


@pytest.mark.parametrize(
    ("change", "said", "fix"),
    [
        ({"enabled": False}, "It is switched off.", "--mend"),
        ({"events": ("created",)}, "It does not send updated, deleted.", "Tick"),
        ({"signed": False}, "unsigned and refused", "secret"),
        ({"url": "https://old.example/webhooks/acme"}, "another address, on old.example.", "PUBLIC_URL"),
        ({"bodiless": True}, "leaves the body out", "Exclude body"),
        ({"url": f"{PUBLIC}/webhooks/other"}, "none that sends to us", "Make it:\nclick here"),
        ({"url": "http://hooks.acme.example:99999/"}, "none that sends to us", "Make it"),
    ],
)
def test_a_webhook_that_is_not(change: dict[str, object], said: str, fix: str) -> None:
    ((level, sentence, told),) = looked(replace(OURS, **change))  # type: ignore[arg-type]
    assert level == "fail"
    assert said in sentence
    assert fix in told


WATCHING = replace(EXPECTED, places=("ABC", "OPS"))


@pytest.mark.parametrize(
    "covers",
    [(None,), ({"ABC", "OPS", "X"},), ({"ABC"}, {"OPS"}), ({"ABC"}, None)],
    ids=["one for all", "one for more", "one for each", "one for each and one for all"],
)
def test_webhooks_are_for_all_that_is_watched_together(covers: tuple[set[str] | None, ...]) -> None:
    ours = [replace(OURS, covers=None if one is None else frozenset(one)) for one in covers]
    assert {level for level, _, _ in looked(*ours, expected=WATCHING)} == {"ok"}


@pytest.mark.parametrize(
    ("tracker", "fix"),
    [(TrackerKind.JIRA, "project in (ABC, OPS)"), (TrackerKind.LINEAR, "Make one more to this address")],
)
def test_what_no_webhook_is_for_is_told(tracker: TrackerKind, fix: str) -> None:
    expected = replace(WATCHING, tracker=tracker)
    narrow = replace(OURS, covers=frozenset({"ABC"}))
    good, (level, sentence, told) = looked(narrow, expected=expected)
    assert (good[0], level) == ("ok", "fail")
    assert "is for OPS:" in sentence
    assert fix in told
    elsewhere = replace(narrow, covers=frozenset({"OPS"}), url="https://old.example/webhooks/acme")
    assert looked(narrow, elsewhere, expected=expected)[-1][0] == "fail", "one that sends elsewhere counts"


def test_a_filter_nobody_here_reads_is_shown() -> None:
    hook = replace(OURS, remark="its JQL is “project = ABC”")
    assert looked(hook, expected=WATCHING)[1:] == [
        ("warn", "Its JQL is “project = ABC”: see that it is for ABC and OPS.", "")
    ]


def test_linear_switches_webhooks_off_by_itself() -> None:
    linear = replace(EXPECTED, tracker=TrackerKind.LINEAR)
    assert "Linear does that" in looked(replace(OURS, enabled=False), expected=linear)[0][1]


def test_what_need_not_be_signed_is_not_asked_to_be() -> None:
    assert looked(replace(OURS, signed=False), expected=replace(EXPECTED, signed=False))[0][0] == "ok"


def test_without_a_public_address_the_path_tells() -> None:
    elsewhere = replace(OURS, url="https://any.example/prefix/webhooks/acme")
    assert (
        looked(
            elsewhere,
            replace(OURS, url="https://x.example/other"),
            expected=replace(EXPECTED, public_url=None),
        )[0][0]
        == "ok"
    )


def test_webhooks_that_may_not_be_seen_are_said_to_be_looked_at_by_hand() -> None:
    (found,) = findings.webhooks(EXPECTED, None, STEPS)
    assert (found.level, "click here" in (found.fix or "")) == (Level.WARN, True)


@pytest.mark.parametrize(
    ("url", "level"),
    [
        (PUBLIC, Level.OK),
        ("http://hooks.acme.example", Level.WARN),
        ("https://localhost:8000", Level.WARN),
        ("http://127.0.0.1:8000", Level.WARN),
        ("https://[::1]:8000", Level.WARN),
    ],
)
def test_an_address_no_tracker_reaches_is_warned_of(url: str, level: Level) -> None:
    assert findings.public_address(url).level is level


@pytest.mark.parametrize(
    ("since", "level", "said"),
    [
        (None, Level.WARN, "None that is genuine came yet."),
        (timedelta(minutes=5), Level.OK, "5 minutes ago, 2026-03-04 11:55 UTC"),
        (timedelta(days=8), Level.WARN, "8 days ago"),
    ],
)
def test_long_silence_is_spoken_of(since: timedelta | None, level: Level, said: str) -> None:
    found = findings.last_heard(None if since is None else NOW - since, NOW)
    assert found.level is level
    assert said in found.sentence


@pytest.mark.parametrize(
    "error", [errors.Unauthorized, errors.Forbidden, errors.Gone, errors.Unreachable, errors.ServerFault]
)
def test_trouble_with_the_tracker_has_a_fix(error: type[errors.TrackerError]) -> None:
    found = findings.trouble("credentials", error("It is so."))
    assert (found.level, found.sentence) == (Level.FAIL, "It is so.")
    assert found.fix


def test_a_finding_is_a_line_and_its_steps_stand_below() -> None:
    (found,) = findings.webhooks(EXPECTED, [], STEPS)
    assert findings.line(found).splitlines() == [
        "  fail  webhook: The tracker has none that sends to us. Fix: Make it:",
        "        click here",
        "        then there",
    ]


def test_names_from_a_tracker_give_a_terminal_no_orders() -> None:
    shown = findings.line(Finding(Level.OK, "webhook “\x1b[2Jours”", "It is \x1b[31mon.", "Look\x07."))
    assert shown == "  ok    webhook “[2Jours”: It is [31mon. Fix: Look."


@pytest.mark.parametrize(
    ("every", "hooked", "level", "said"),
    [
        (timedelta(minutes=1), False, Level.OK, "no webhook: the tracker is polled, asked every minute"),
        (timedelta(minutes=1), False, Level.OK, "in 1,440 requests a day or more"),
        (timedelta(seconds=5), False, Level.OK, "every 5 seconds what changed, in 17,280 requests"),
        (timedelta(seconds=90), True, Level.OK, "Beside the webhook the tracker is asked every 90 seconds"),
        (timedelta(days=1), True, Level.OK, "every day what changed, in 1 request a day or more"),
        (None, True, Level.WARN, "It is off"),
    ],
)
def test_how_often_the_tracker_is_asked_is_told_with_what_it_costs(
    every: timedelta | None, hooked: bool, level: Level, said: str
) -> None:
    found = findings.catch_up(every, hooked=hooked)
    assert found.level is level
    assert said in found.sentence


def test_a_webhook_that_sends_where_none_is_expected_is_told() -> None:
    (found,) = findings.unwanted([OURS, replace(OURS, url="https://else.example")], "acme", PUBLIC)
    assert (found.level, found.about) == (Level.WARN, "webhook “Ours”")
    assert "every delivery is refused" in found.sentence
    assert [*findings.unwanted(None, "acme", PUBLIC)] == []
