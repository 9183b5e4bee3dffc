"""``demo``: the story of ``sandbox.story`` through real processes, told as it happens."""

from __future__ import annotations

import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from threading import Event
from typing import Any, Final

from sandbox.remote import Remote
from sandbox.story import Act, Cast, acts, extra_effects, prepare
from sprintwarden.showing import show_decision
from sprintwarden.stage import JIRA, LINEAR, Script, Stage
from store.decisions import Decisions
from store.sprints import Sprints
from trackers.model import Subject, SubjectKind
from webhook_app.console.access import hash_of

_ACT_S: Final = 25.0
_PACE: Final = {"SPRINTWARDEN_SETTLE_SPRINT_S": "2"}
"""Sprints settle sooner than in real work, for the story's sake."""
_QUIET_S: Final = 5.0
"""Long enough after the last act for an effect too many to show itself."""


def play(*, once: bool) -> int:
    """Play the story. 0 when every effect is as expected and there is none too many, else 1."""
    rules = resources.files("sprintwarden").joinpath("demo_rules.yaml").read_text(encoding="utf-8")
    password = secrets.token_urlsafe(12)
    environ = {**_PACE, "SPRINTWARDEN_CONSOLE_PASSWORD_HASH": hash_of(password)}
    with _heeding_sigterm(), tempfile.TemporaryDirectory(prefix="sprintwarden-demo-") as folder:
        _say("Starting Redis, a toy Jira, a toy Linear, the web process, workers and the clock …")
        with Stage(Path(folder), Script(rules, environ=environ, prepare=prepare)) as stage:
            _say(f"The console: {stage.url}/console  (password: {password})")
            good = _Teller(stage).tell()
            if not once:
                _say(f"\nSee the issues: Jira {stage.jira.url}  Linear {stage.linear.url}")
                _say(f"What was done and why: {stage.url}/console  (password: {password})  (Ctrl-C ends)")
                _wait_for_ctrl_c()
    return 0 if good else 1


class _Teller:
    """Plays acts and prints what the service decided about each."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._cast = Cast(stage.jira, stage.linear)
        self._told: set[str] = set()

    def tell(self) -> bool:
        good = not [act for number, act in enumerate(acts(), 1) if not self._act(number, act)]
        time.sleep(_QUIET_S)
        self._news()
        extra = extra_effects(self._cast)
        for effect in extra:
            _say(f"✗ {effect}")
        if good and not extra:
            _say("\n✓ Every effect is as expected, and there is none too many.")
        return good and not extra

    def _act(self, number: int, act: Act) -> bool:
        _say(f"\n{number}. {act.title}")
        act.do(self._cast)
        deadline = time.monotonic() + _ACT_S
        missing = list(act.missing(self._cast))
        while missing and time.monotonic() < deadline:
            time.sleep(0.2)
            missing = list(act.missing(self._cast))
        self._wait_idle(deadline)
        missing = list(act.missing(self._cast))
        self._news()
        for what in missing:
            _say(f"  ✗ {what}")
        return not missing

    def _wait_idle(self, deadline: float) -> None:
        """Until every webhook of the act is answered and worked."""
        while time.monotonic() < deadline:
            under_way = self._stage.jira.pending() + self._stage.linear.pending()
            if not under_way and not self._stage.redis.zcard("sw:pending"):
                return
            time.sleep(0.2)

    def _news(self) -> None:
        for line in self._new_lines():
            _say(line)

    def _new_lines(self) -> Iterator[str]:
        for name, toy in ((JIRA, self._stage.jira), (LINEAR, self._stage.linear)):
            yield from self._answers(name, toy)
            yield from self._decisions(name, toy)

    def _answers(self, name: str, toy: Remote) -> Iterator[str]:
        for delivery in toy.deliveries():
            answer = delivery["answer"] or {}
            status = answer.get("status")
            if status in ("duplicate", "refused") and self._is_new(f"{name} delivery {delivery['n']}"):
                said = answer.get("detail") or "its bytes were seen before"
                yield f"  {name}, {delivery['event']}: {status} ({delivery['status']}), {said}"

    def _decisions(self, name: str, toy: Remote) -> Iterator[str]:
        decisions = Decisions(self._stage.redis)
        for issue in toy.issues():
            subject = Subject(name, SubjectKind.ISSUE, issue["id"])
            yield from self._new_records(issue["key"], subject, decisions.of(subject))
        for sprint in sorted(Sprints(self._stage.redis).running(name)):
            subject = Subject(name, SubjectKind.SPRINT, sprint)
            written = [record for record in decisions.of(subject) if record["outcome"] == "applied"]
            yield from self._new_records("The sprint" if name == JIRA else "The cycle", subject, written)

    def _new_records(self, name: str, subject: Subject, records: list[dict[str, Any]]) -> Iterator[str]:
        for record in reversed(records):
            if self._is_new(f"{subject} {record['at']}"):
                yield f"  {name}"
                yield from show_decision(record)

    def _is_new(self, what: str) -> bool:
        new = what not in self._told
        self._told.add(what)
        return new


@contextmanager
def _heeding_sigterm() -> Iterator[None]:
    """End by SIGTERM as by Ctrl-C, with all that was started: a shell's background passes over Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait_for_ctrl_c() -> None:
    try:
        Event().wait()
    except KeyboardInterrupt:
        _say("Ending.")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
