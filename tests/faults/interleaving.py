"""A world small enough to try thousands of stories in: a toy tracker over HTTP, the front door, two workers.

Nothing here has a clock or a thread of its own, but for the one run that may be held between two of its
steps. People act on the toy, whose webhooks come as late, as often and in whatever order the story wants;
time passes when the story says so. What came of it is read from the toy alone.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from redis import Redis
from werkzeug.test import create_environ
from werkzeug.wrappers import Request

from rules.connections import load_connections
from rules.load import load_rules
from sandbox import jira, linear
from sandbox.control import PERSON
from sandbox.faults import Fault
from sandbox.jira import webhooks as jira_webhooks
from sandbox.linear import comments as linear_comments
from sandbox.linear import webhooks as linear_webhooks
from sandbox.linear.entities import Actor
from sandbox.sender import Target
from sandbox.server import start
from store import keys
from store.inbox import Taken
from store.rulebook import RulebookShelf
from trackers.model import Subject, SubjectKind
from webhook_app.app import WebSettings, create_app
from webhook_app.intake import Intake
from workers.catch_up import offer as offer_catch_up
from workers.run import run
from workers.shop import Shop, open_shop

NAME: Final = "acme"
TOKEN: Final = "a-token-of-the-toys"
SECRET: Final = "a-secret-of-the-hook"
BOT: Final = "Sprintwarden"
_LEASE: Final = timedelta(minutes=10)
_LONG_AGO: Final = "2026-01-01T00:00:00+00:00"
_TARGET: Final = Target("http://hook.invalid/", SECRET)
_CONNECTION: Final = {
    "cloud": "tracker: jira, url: {url}, auth: {{email: bot@example.invalid, token: {{env: TOKEN}}}}, "
    "projects: [ABC], boards: [1]",
    "data_center": "tracker: jira, deployment: data_center, url: {url}, auth: {{token: {{env: TOKEN}}}}, "
    "projects: [ABC], boards: [1]",
    "linear": "tracker: linear, url: {url}, auth: {{key: {{env: TOKEN}}}}, teams: [ENG], cycles: true",
}
TRACKERS: Final = tuple(_CONNECTION)


class Killed(BaseException):
    """Stands for SIGKILL: no step after it is taken, and nothing of ours may catch it."""


@dataclass(slots=True)
class Parcel:
    """A webhook as the toy sent it."""

    event: str
    body: bytes
    headers: Mapping[str, str]


class Forgetful:
    """In front of a toy: can answer a question as it was answered before, as a replica that lags does."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app
        self._answers: dict[bytes, list[tuple[int, bytes]]] = {}
        self.lags = False
        """Whether the next reading is an old one."""

    def forget(self) -> None:
        """Begin anew."""
        self._answers.clear()
        self.lags = False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        question = self._question(request)
        if question is None:
            return list(self._app(environ, start_response))
        before = self._answers.setdefault(question, [])
        if self.lags and before:
            self.lags = False
            status, body = before[0]
            start_response(f"{status} OK", [("Content-Type", "application/json")])
            return [body]
        told: list[str] = []

        def note(status: str, *rest: Any) -> Any:
            told.append(status)
            return start_response(status, *rest)

        answer = b"".join(self._app(environ, note))
        if told[0].startswith("200"):
            # The last two: what is served when it lags is the one before the newest.
            before[:] = [*before[-1:], (200, answer)]
        return [answer]

    def _question(self, request: Request) -> bytes | None:
        if request.method == "GET" and request.path.startswith("/rest/api/2/issue/"):
            return request.full_path.encode()
        if request.path == "/graphql":
            body = request.get_data(cache=True)
            request.environ["wsgi.input"] = BytesIO(body)
            return body if b"query ReadIssue(" in body else None
        return None


@dataclass(slots=True)
class Held:
    """A run that stands still between two steps."""

    place: str
    thread: threading.Thread
    go_on: threading.Event
    error: list[BaseException]


class World:
    """One toy and the service that works on it."""

    def __init__(self, stack: ExitStack, redis: Redis, kind: str, folder: Path) -> None:
        self.kind = kind
        self.is_linear = kind == "linear"
        self.project = "ENG" if self.is_linear else "ABC"
        self.redis = redis
        if self.is_linear:
            app = linear.create_app(
                linear.LinearConfig(token=TOKEN, requests_limit=10**9, complexity_limit=10**12)
            )
            self._sign = linear_webhooks.sign
        else:
            app = jira.create_app(jira.JiraConfig(token=TOKEN, deployment=kind))
            self._sign = jira_webhooks.sign
        self.toy = app.extensions["sandbox"]
        self.cache = Forgetful(app.wsgi_app)
        stack.enter_context(patch.object(app, "wsgi_app", self.cache))
        self.url = stack.enter_context(start(app)).url
        self.sent: list[Parcel] = []
        stack.enter_context(patch.object(self.toy.sender, "send", self._note))
        self.toy.sender.set_target(_TARGET)
        text = (
            "version: 1\nconnections:\n  acme: {"
            + _CONNECTION[kind].format(url=self.url)
            + ", service_account: true, webhook: {secrets: [{env: HOOK}]}}\n"
        )
        named = load_connections(text.encode(), "connections.yaml", {"TOKEN": TOKEN, "HOOK": SECRET})
        address = redis.connection_pool.connection_kwargs["path"]
        web = WebSettings(
            f"unix://{address}", named, timedelta(), timedelta(), ceiling_issue=timedelta(minutes=5)
        )
        self.intake: Intake = create_app(web).extensions["intake"]
        self._script = threading.local()
        shops = [open_shop(redis, named, data=folder, checkpoint=self._pass, lease=_LEASE) for _ in "ab"]
        self.shop: Shop = shops[0]
        """The first worker's; the run that is held is the second's."""
        self._other = shops[1]
        self.held: Held | None = None
        self.filed: list[str] = []
        """The ids of issues that a story is about."""

    def begin(self, rules: str) -> None:
        """An empty memory, and these rules; what an earlier story filed is not found any more."""
        for id_ in self.filed:
            self._remove(id_)
        self.filed.clear()
        self.forget_all(rules)
        self.toy.faults.clear()
        self.toy.calls.clear()
        self.cache.forget()
        self.sent.clear()

    def forget_all(self, rules: str) -> None:
        """Redis is empty, but for the rules and what the clock puts there."""
        self.redis.flushall()
        self.put_in_force(rules)
        self.shop.catch_ups.begin(NAME)

    def put_in_force(self, rules: str) -> None:
        text = rules.encode()
        RulebookShelf(self.redis).publish(load_rules(text, "rules.yaml").version_id, text)

    def fault(self, operation: str, kind: str, **more: Any) -> None:
        self.toy.faults.add(Fault(operation, kind, **more))

    def deliver(self, parcel: Parcel) -> str:
        """Bring a webhook to the front door; what it answered."""
        headers = {**parcel.headers, **self._sign(parcel.body, _TARGET)}
        environ = create_environ(method="POST", data=parcel.body, headers=headers)
        answer = self.intake.receive(NAME, environ)
        assert answer.status == 200, answer
        return answer.outcome

    def catch_up(self, since: datetime | None = None) -> None:
        """Have what changed asked for; ``since`` is from when on, where a person wants that."""
        if since is not None:
            self.shop.catch_ups.ask(NAME, since)
        offer_catch_up(self.shop.inbox, NAME, datetime.now(UTC))

    def time_passes(self, *, also_held: bool = False) -> None:
        """All that waits is due: settle times, leases of the dead, waits after failures, pauses, doubts."""
        for name in self.redis.scan_iter(match=f"{keys.PAUSE}*"):
            self.redis.delete(name)
        if not self.half_written:
            self._no_doubts()
        for subject in map(str, self.redis.zrange(keys.PENDING, 0, -1)):
            if self.held is None or also_held or subject != self.held_subject:
                self.redis.hset(f"{keys.SUBJECT}{subject}", "lease", 1)
                self.redis.zadd(keys.PENDING, {subject: 1})

    @property
    def half_written(self) -> bool:
        """Whether a write is under way: no doubt outlives it, for it is given up sooner."""
        return self.held is not None and self.held.place == "intended"

    def _no_doubts(self) -> None:
        for name in self.redis.scan_iter(match=f"{keys.JOURNAL}*"):
            for noted in self.redis.hkeys(name):
                if str(noted).startswith("doubted:"):
                    self.redis.hset(name, noted, _LONG_AGO)

    held_subject = ""
    worked = SubjectKind.ISSUE
    """What the run is about that is at work now."""

    def work(self, at: Callable[[str], None] | None = None) -> int:
        """Run all that is due, until the end or until ``at`` ends it at a step; how many runs there were."""
        taken = self.shop.inbox.take(10)
        self._work(taken, at)
        return len(taken)

    def _work(self, taken: Sequence[Taken], at: Callable[[str], None] | None) -> None:
        for one in taken:
            self._script.at = at
            self.worked = one.subject.kind
            try:
                run(self.shop, one.subject, one.token)
            except Killed:
                pass
            finally:
                self._script.at = None

    def hold(self, place: str, kind: SubjectKind = SubjectKind.ISSUE) -> bool:
        """Begin one run about a ``kind`` of subject and let it stand still at ``place``; whether it came
        that far. What else is due is worked first."""
        assert self.held is None
        taken = self.shop.inbox.take(10)
        one = next((one for one in taken if one.subject.kind is kind), None)
        self._work([other for other in taken if other is not one], None)
        if one is None:
            return False
        there, go_on, error = threading.Event(), threading.Event(), []

        def stand(here: str) -> None:
            if here == place and not there.is_set():
                there.set()
                go_on.wait()

        def work() -> None:
            self._script.at = stand
            try:
                run(self._other, one.subject, one.token)
            except BaseException as found:
                error.append(found)
            finally:
                there.set()

        thread = threading.Thread(target=work)
        thread.start()
        there.wait()
        self.held = Held(place, thread, go_on, error)
        self.held_subject = str(one.subject)
        if not thread.is_alive() or error:
            self.release()
        return self.held is not None

    def release(self) -> None:
        """Let the held run go on to its end."""
        if self.held is not None:
            held, self.held = self.held, None
            self.held_subject = ""
            held.go_on.set()
            held.thread.join()
            if held.error:
                raise held.error[0]

    def _pass(self, place: str) -> None:
        script = getattr(self._script, "at", None)
        if script is not None:
            script(place)

    def _note(self, event: str, body: bytes, headers: dict[str, str], target: Target | None = None) -> None:
        self.sent.append(Parcel(event, body, dict(headers)))

    def kept_of(self, names: Collection[str]) -> list[str]:
        """What in Redis tells of an issue with these ids and keys, by its name or by what it holds."""
        telling = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b")
        # What is cached of fields and labels has numbers of its own.
        kept = [name for name in map(str, self.redis.scan_iter()) if not name.startswith(keys.CACHE)]
        return [name for name in kept if telling.search(f"{name} {self._text(name)}")]

    def _text(self, name: str) -> str:
        match self.redis.type(name):
            case "hash":
                return str(self.redis.hgetall(name))
            case "list":
                return str(self.redis.lrange(name, 0, -1))
            case "zset":
                return str(self.redis.zrange(name, 0, -1))
            case "set":
                return str(self.redis.smembers(name))
            case _:
                return str(self.redis.get(name))

    # -- what the toy knows ---------------------------------------------------------------------

    def issue(self, key: str) -> dict[str, Any] | None:
        """The issue as people see it; None when it is deleted."""
        try:
            view: dict[str, Any] = self.toy.issue_view(key)
        except LookupError:
            return None
        return None if view.get("trashed") else view

    def rewrite_comment(self, id_: str, body: str) -> None:
        """A person edits what we wrote."""
        state = self.toy.state
        if self.is_linear:
            linear_comments.update(state, Actor(state.person(PERSON)), state.comment(id_), {"body": body})
        else:
            issue, comment = state.comment(id_)
            state.edit_comment(issue, comment, body, state.user(PERSON))

    def move(self, id_: str, project: str) -> str:
        """A person moves an issue of a Jira to another project; its new key."""
        state = self.toy.state
        issue = state.issue(id_)
        state.move(issue, state.projects[project], state.user(PERSON))
        # To whom it is another issue's key no answer hides that.
        self.cache.forget()
        return str(issue.key)

    def _remove(self, id_: str) -> None:
        if self.is_linear:
            self.toy.purge_issue(id_)
        elif self.issue(id_) is not None:
            self.toy.delete_issue(id_)

    def subject(self, id_: str) -> Subject:
        return Subject(NAME, SubjectKind.ISSUE, id_)

    def remember(self, id_: str) -> Callable[[], list[str]]:
        """A question for the labels we put on an issue, by effect, in order; also after its deletion."""
        state = self.toy.state
        if self.is_linear:
            bot = self.toy.bot.id

            def added() -> list[str]:
                entries = [entry for entry in state.history.get(id_, ()) if entry.actor_id == bot]
                return [state.labels[one].name for entry in entries for one in entry.added_label_ids or ()]

            return added
        issue = state.issue(id_)

        def ours() -> list[str]:
            items = [
                item
                for entry in issue.history
                if entry.author is state.bot
                for item in entry.items
                if item.field == "labels"
            ]
            return [
                label
                for item in items
                for label in (item.after_text or "").split()
                if label not in (item.before_text or "").split()
            ]

        return ours

    def writes(self, names: Collection[str]) -> list[str]:
        """The operations that wrote to an issue of these keys and were accepted, in order."""
        return [
            call.operation
            for call in self.toy.calls.all()
            if call.write and 200 <= call.status < 300 and call.issue in names and "error" not in call.detail
        ]
