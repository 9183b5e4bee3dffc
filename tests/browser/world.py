"""A console with a team's weeks in it, served over HTTP, and one of a fresh install.

``python -m tests.browser.world [--hostile] [--empty]`` serves one until Ctrl-C and tells where.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final, cast
from urllib.parse import quote

from redis import Redis
from werkzeug.serving import WSGIRequestHandler, make_server

from rules.connections import Connection
from rules.differences import Place, differences
from rules.load import RuleBook, load_rules
from rules.problems import BadFile
from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.budget import Budget
from store.cache import Cache
from store.catch_ups import CatchUps, Hooked, HookState, Scan
from store.connect import connect
from store.decisions import Decisions
from store.door import Door
from store.feed import Feed, Wanted
from store.inbox import Batch, Inbox
from store.journal import Journals
from store.outcomes import Lesson, Outcomes, Row, Verdict
from store.rulebook import RulebookShelf
from store.trials import Trials, Wish
from tests.browser.issue_weeks import Filed, live
from tests.browser.sprint_weeks import HOSTILE_NAME, Teller, stories
from tests.browser.team import (
    APPS,
    RULES,
    RULES_BAD,
    RULES_BEFORE,
    RULES_TRIED,
    SHOP,
    Palette,
    connections,
)
from tests.unit.console_scene import PASSWORD, console_app
from tests.unit.label_scene import look_through
from trackers.limits import CREDENTIALS_REFUSED, host_of
from trackers.model import Hint, HintKind, Subject, SubjectKind
from webhook_app.console.changes import note_change
from workers.label_look import LabelLook
from workers.record import Ending, Outcome, record
from workers.trial import compare
from workers.try_rules import Rules, Trial, trial_json

NO_FIELD: Final = "The tracker answered 400: the field Labels is not on the screen of this project."
NO_RIGHT: Final = "The tracker answered 403: the account may not comment on issues of this project."
FILE: Final = "clock-1:/etc/sprintwarden/rules.yaml"
UNKIND: Final = (HOSTILE_NAME, "W" * 120, "\u202eevil", "a/b?c#d%e&f g")
"""Labels of a hostile world."""
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")
_BEAT_S: Final = 4.0
"""A clock that says nothing of its rules file for twelve seconds is taken for dead."""


@dataclass(frozen=True, slots=True)
class World:
    """A service that people can look at."""

    site: str
    """Where it is, as ``http://127.0.0.1:8000``."""
    password: str
    redis: Redis
    connections: tuple[Connection, ...] = ()
    trial: str = ""
    """The id of a trial that is done."""
    running: str = ""
    """The id of one that a worker is at."""

    def decision(self, label: str = "checkout") -> str:
        """The address of the newest decision that put a label on."""
        (line,) = Feed(self.redis).slice(1, Wanted(label=label)).lines
        return f"/console/decisions/{quote(str(line.place), safe='')}"

    def decision_about(self, kind: SubjectKind) -> str:
        """The address of the newest decision about a subject of this kind."""
        found = Feed(self.redis).newest(500)
        place = next(line.place for line in found if Subject.parse(line.subject).kind is kind)
        return f"/console/decisions/{quote(str(place), safe='')}"

    def sprint(self, id_: str = "131", connection: str = SHOP) -> str:
        """The address of a sprint; the one named by default runs, and not well."""
        return f"/console/sprints/{connection}/{quote(id_, safe='')}"

    def label(self, name: str = "checkout", connection: str = SHOP) -> str:
        """The address of a label."""
        return f"/console/labels/label?connection={connection}&target=labels&name={quote(name, safe='')}"

    def dead(self, cause: str | None = None) -> list[Subject]:
        """The dead letters, of one cause or of all."""
        found = Inbox(self.redis, lease=timedelta(minutes=1)).dead()
        return [one.subject for one in found if cause in (None, one.cause)]


@contextmanager
def furnished(folder: Path, *, hostile: bool = False) -> Iterator[World]:
    """A team's console with twelve weeks in it; Redis keeps its data below ``folder``.

    With ``hostile`` some names are there that no picture should show: of markup, without end, from right to
    left.
    """
    with _redis(folder) as server:
        redis, known = connect(server.url), connections()
        now = datetime.now(UTC).replace(microsecond=0)
        book = _rules(redis, now)
        filed = live(redis, book, known, now)
        teller = Teller(redis, book, known)
        for story in stories(now, hostile=hostile):
            teller.tell(story)
        _health(redis, known, now)
        _set_back(redis)
        _queue(redis, filed, f"The tracker says {HOSTILE_NAME}." if hostile else "")
        if hostile:
            _unkind(redis, filed, now)
        look_through(LabelLook(redis, known), book, now)
        done, running = _trials(redis, book, known, filed, now)
        with _ticking(redis, running), _served(server.url, known) as site:
            yield World(site, PASSWORD, redis, known, done, running)


@contextmanager
def empty(folder: Path) -> Iterator[World]:
    """The console of an install where nothing is configured and nothing ever ran."""
    with _redis(folder) as server, _served(server.url, ()) as site:
        yield World(site, PASSWORD, connect(server.url))


# -- serving -------------------------------------------------------------------------------------


@contextmanager
def _redis(folder: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class _Quietly(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Not a word."""


@contextmanager
def _served(url: str, known: Sequence[Connection]) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, console_app(url, known), threaded=True, request_handler=_Quietly)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _ticking(redis: Redis, trial: str) -> Iterator[None]:
    """What a clock and a bulk worker say of themselves all the while."""
    over, problems = Event(), _problems(RULES_BAD)

    def tick() -> None:
        RulebookShelf(redis).refuse(FILE, "bad", problems)
        Trials(redis).note(trial, 74, "Reading the newest issues, within what the tracker's limits leave.")

    def beat() -> None:
        while not over.wait(_BEAT_S):
            tick()

    tick()
    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


# -- what a service leaves in Redis --------------------------------------------------------------


def _rules(redis: Redis, now: datetime) -> RuleBook:
    """Two versions that made way, the one in force, and a newest file with two mistakes."""
    shelf = RulebookShelf(redis)
    older = RULES.replace("precision: 0.85", "precision: 0.8")
    for text, days in ((RULES_BEFORE, 80), (older, 30), (RULES, 6)):
        shelf.publish(
            load_rules(text.encode(), "rules.yaml").version_id, text.encode(), now - timedelta(days=days)
        )
    book = load_rules(RULES.encode(), "rules.yaml")
    shelf.accept(FILE, book.version_id)
    shelf.refuse(FILE, "bad", _problems(RULES_BAD))
    return book


def _problems(text: str) -> list[str]:
    try:
        load_rules(text.encode(), "rules.yaml")
    except BadFile as error:
        return [str(problem) for problem in error.problems]
    raise AssertionError("The file is good.")


def _health(redis: Redis, known: Sequence[Connection], now: datetime) -> None:
    """A clock and workers that live; the shop's webhook is off, the apps' credentials are refused."""
    redis.set(keys.beat("clock"), "now")
    for queue, name, state in (("live", "one", "busy"), ("live", "two", "idle"), ("bulk", "three", "busy")):
        redis.sadd(f"rq:workers:{queue}", f"rq:worker:{name}")
        redis.hset(f"rq:worker:{name}", "state", state)
        redis.expire(f"rq:worker:{name}", timedelta(days=1))
    catch_ups = CatchUps(redis)
    for one in known:
        Cache(redis, one.name, one.account).put("identity", "{}", timedelta(days=1))
        catch_ups.begin(one.name)
        began = catch_ups.now()
        catch_ups.finish(one.name, Scan(began - timedelta(hours=1), began, seen=14, unread=1))
        Door(redis).note(one.name, {"outcome": "ignored", "reason": "unused_event"}, heard=one.name)
    told = "The tracker answered 403."
    catch_ups.note_hook(SHOP, Hooked(HookState.OFF, now - timedelta(minutes=12), said=told))
    catch_ups.note_hook(APPS, Hooked(HookState.ON, now - timedelta(minutes=12)))
    shop, apps = (Budget(redis, host_of(one.url), one.account) for one in known)
    shop.note_left(0.62)
    apps.pause("all", timedelta(hours=6), CREDENTIALS_REFUSED)
    ago = int((now - timedelta(minutes=47)).timestamp() * 1000)
    redis.hset(keys.LAST_WRITE, APPS, ago)
    redis.hset(keys.HEARD, APPS, ago)
    note_change(redis, "Tove", "muted", f"{SHOP}:labels:invoices")
    note_change(redis, "Ida", "unmuted", f"{SHOP}:labels:search")


def _queue(redis: Redis, filed: Sequence[Filed], unkind: str) -> None:
    """Of the newest issues of both trackers some wait, some are worked, some were given up."""
    shop = [one for one in filed if one.connection.name == SHOP][-16:]
    apps = [one for one in filed if one.connection.name == APPS][-3:]
    line = _Line(redis, Inbox(redis, lease=timedelta(hours=3)))
    for one in shop[:5]:
        line.bury(one, NO_FIELD, timedelta(hours=5))
    for one in shop[5:7]:
        line.bury(one, NO_RIGHT, timedelta(days=3))
    if unkind:
        line.bury(shop[14], unkind, timedelta(hours=1))
    for one in apps:
        line.inbox.postpone(
            line.begin(one), timedelta(minutes=35), "The tracker refuses the credentials.", free=True
        )
    line.begin(shop[7])
    line.offer(shop[8], timedelta())
    line.inbox.take(1)
    for one in shop[9:11]:
        line.offer(one, timedelta(minutes=9))
    for one in shop[11:14]:
        line.offer(one, timedelta())


@dataclass(frozen=True, slots=True)
class _Line:
    """Has issues told of, taken and given up."""

    redis: Redis
    inbox: Inbox

    def offer(self, one: Filed, settle: timedelta) -> None:
        digest = f"told of {one.issue.key}"
        told = Hint(one.subject, HintKind.ISSUE_CHANGED, digest, changed=("title",))
        self.inbox.offer(one.connection.name, digest, [told], settle=settle, ceiling=settle)

    def begin(self, one: Filed) -> Batch:
        """Only while nothing else is due."""
        self.offer(one, timedelta())
        (taken,) = self.inbox.take(1)
        batch = self.inbox.begin(one.subject, taken.token)
        assert batch is not None
        return batch

    def bury(self, one: Filed, cause: str, ago: timedelta) -> None:
        """Give it up, as of some time ago, with a record that says so."""
        batch = replace(self.begin(one), attempts=8)
        assert self.inbox.bury(batch, cause)
        at = datetime.now(UTC) - ago
        self.redis.hset(keys.subject_state(one.subject), "attempts", batch.attempts)
        self.redis.zadd(keys.DEAD, {str(one.subject): int(at.timestamp() * 1000)})
        ending = Ending(Outcome.DEAD, cause=cause, key=one.issue.key, url=one.issue.url)
        kept = record(batch, ending, timedelta(milliseconds=310))
        kept["at"] = at.isoformat(timespec="milliseconds")
        Decisions(self.redis).add(one.subject, kept, {})


def _set_back(redis: Redis) -> None:
    """What a store notes with the present moment, as if it had been noted long ago."""
    for name, span in (
        (keys.MODELS, timedelta(days=23)),
        (keys.mutes(SHOP, "labels"), timedelta(days=5)),
        (keys.RULES_FILES, timedelta(minutes=18)),
    ):
        for field, text in cast("dict[str, str]", redis.hgetall(name)).items():
            redis.hset(name, field, _earlier(text, span))
    for number, text in enumerate(cast("list[str]", redis.lrange(keys.CONSOLE_LOG, 0, -1))):
        redis.lset(keys.CONSOLE_LOG, number, _earlier(text, timedelta(days=2 + 3 * number)))


def _earlier(text: str, span: timedelta) -> str:
    """With every moment in it so much earlier."""
    return _MOMENT.sub(lambda found: (datetime.fromisoformat(found[0]) - span).isoformat(), text)


def _trials(
    redis: Redis, book: RuleBook, known: Sequence[Connection], filed: Sequence[Filed], now: datetime
) -> tuple[str, str]:
    """One that is done, of a real comparison, one that failed, and one that a worker is at; the first's id
    and the last's."""
    trials, text = Trials(redis), RULES_TRIED.encode()
    new = load_rules(text, "rules.yaml")
    issues = [one.issue for one in filed if one.connection.name == SHOP][-200:]
    found = compare(issues, SHOP, book, new, lambda _: Palette(grouped=False))
    places = [*(Place(project, project) for project in known[0].projects), Place("board 12", "SHOP", "12")]
    done = Trial(
        f"the newest issues of {SHOP} (at most 200)",
        Rules(book, RULES.encode(), "rules.yaml", now - timedelta(days=6)),
        Rules(new, text, "rules.yaml"),
        found,
        differences(RULES.encode(), text, "rules.yaml", SHOP, places),
    )
    first = trials.ask(Wish(SHOP, RULES_TRIED, 200, "Tove")).id
    second = trials.ask(Wish(APPS, RULES_TRIED, 50, "Ida")).id
    third = trials.ask(Wish(SHOP, RULES_TRIED.replace("25%", "30%"), 400, "Tove")).id
    for one in (first, second, third):
        trials.note_called(one)
        trials.begin(one)
    trials.keep(first, trial_json(done))
    trials.fail(second, "The tracker refuses the account's credentials. Renew the token, then try it again.")
    return first, third


def _unkind(redis: Redis, filed: Sequence[Filed], now: datetime) -> None:
    """Names that are markup, have no end or nowhere to be broken."""
    shop = [one for one in filed if one.connection.name == SHOP]
    outcomes = Outcomes(redis)
    model = outcomes.rows(SHOP, "labels")[0].model
    for number, name in enumerate(UNKIND):
        one, at = shop[number], now - timedelta(minutes=number)
        Journals(redis).note_written(one.subject, labels={name: name})
        created = Hint(one.subject, HintKind.ISSUE_CREATED, "d" * 64, at=at, actor=name)
        batch = Batch(one.subject, 1, (created,), 1, 0, "", timedelta())
        label = {"label": name, "source": f"rule {name}", "because": [f"the title has {name}"]}
        kept: dict[str, Any] = {
            **record(batch, Ending(Outcome.APPLIED), timedelta()),
            "at": at.isoformat(timespec="milliseconds"),
            "issue": f"{name}-{number}",
            "plan": {"mode": "apply", "labels": [label], "operations": []},
            "written": {"labels": [name], "comment": None},
        }
        Decisions(redis).add(one.subject, kept, {})
        row = Row(at.isoformat(), model, "labels", "SHOP", name, 0.91, applied=True, right=number % 2 == 0)
        outcomes.settle(one.subject, [Lesson(Verdict.CONFIRMED, row)])


def main() -> None:
    """Serve one until Ctrl-C."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--hostile", action="store_true", help="with names that no picture should show")
    parser.add_argument("--empty", action="store_true", help="of a fresh install")
    options = parser.parse_args()
    # A shell has what it runs in the background pass over Ctrl-C.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        made = empty(Path(folder)) if options.empty else furnished(Path(folder), hostile=options.hostile)
        began = time.monotonic()
        with made as world:
            ready = f"ready in {time.monotonic() - began:.1f} s"
            sys.stdout.write(f"{world.site}/console  password: {world.password}  ({ready})\n")
            sys.stdout.flush()
            with suppress(KeyboardInterrupt):
                Event().wait()


if __name__ == "__main__":
    main()
