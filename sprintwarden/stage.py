"""The whole service with both toy trackers, as real processes in one folder.

The demo plays on it, the end-to-end tests break it, the benchmarks measure it.
"""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

from sandbox.remote import Remote
from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.running import programs
from sprintwarden.settings import Complaint
from sprintwarden.supervisor import Supervisor
from store.connect import connect
from store.keys import PENDING
from store.rulebook import RulebookShelf

JIRA: Final = "demo-jira"
LINEAR: Final = "demo-linear"
_READY_S: Final = 30.0
_OFTEN: Final = "5s"
"""The least there may be between two catch-ups."""

_CONNECTIONS: Final = """\
version: 1
connections:
  {jira_name}:
    tracker: jira
    deployment: {deployment}
    url: {jira}
    auth: {jira_auth}
    service_account: true
    {jira_heard}
    projects: [ABC, HELP]
    boards: [{boards}]
  {linear_name}:
    tracker: linear
    url: {linear}
    auth: {{key: {{env: DEMO_LINEAR_KEY}}}}
    service_account: true
    {linear_heard}
    teams: [{teams}]
    cycles: true
"""
_JIRA_AUTH: Final = {
    "cloud": "{email: bot@example.invalid, token: {env: DEMO_JIRA_TOKEN}}",
    "data_center": "{token: {env: DEMO_JIRA_TOKEN}}",
}


@dataclass(frozen=True, slots=True)
class Script:
    """How the stage is set."""

    rules: str
    deployment: str = "cloud"
    environ: Mapping[str, str] = field(default_factory=dict)
    """More environment for the service's processes."""
    workers: int = 1
    boards: tuple[int, ...] = (1,)
    """Jira's boards whose sprints are watched; those beyond the toy's own have yet to be made."""
    teams: tuple[str, ...] = ("ENG",)
    """Linear's teams, all of them with cycles."""
    prepare: Callable[[Remote, Remote], None] | None = None
    """What happened in Jira and in Linear before the service came."""
    without: frozenset[str] = frozenset()
    """Processes of the service that are not started, by their names in the Procfile."""
    polled: frozenset[str] = frozenset()
    """Connections without a webhook, by their names."""
    connect: Callable[[Stage], None] | None = None
    """Writes connections.yaml and makes the webhooks, in place of what the stage does by itself."""


class Stage:
    """Processes up between ``__enter__`` and ``__exit__``; their logs stay in ``folder``."""

    def __init__(self, folder: Path, script: Script) -> None:
        self.folder = folder
        self._script = script
        self._environ = _secrets()
        self._toys: list[subprocess.Popen[bytes]] = []
        self.redis_server = EmbeddedRedis(folder / "redis")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        try:
            self._set_up()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(self, "supervisor"):
            self.supervisor.stop()
        for toy in self._toys:
            toy.terminate()
        for toy in self._toys:
            toy.wait(10)
        self.redis_server.stop()

    @property
    def environ(self) -> dict[str, str]:
        """What a process of the service needs in its environment here."""
        return {
            **self._environ,
            "REDIS_URL": self.redis_server.url,
            # That of whoever tries this is not to be touched.
            "REDIS_URL_FILE": "",
            "SPRINTWARDEN_CONFIG": str(self.folder / "config"),
            "SPRINTWARDEN_PORT": str(self.port),
            "SPRINTWARDEN_WORKERS": str(self._script.workers),
            **self._script.environ,
        }

    def write_rules(self, text: str) -> None:
        """Put a rules file in place as an editor does: whole, by renaming."""
        new = self.folder / "config" / "rules.yaml.new"
        new.write_text(text, encoding="utf-8")
        new.replace(self.folder / "config" / "rules.yaml")

    def rules(self) -> str:
        """The rules file as it is."""
        return (self.folder / "config" / "rules.yaml").read_text(encoding="utf-8")

    def in_force(self) -> str | None:
        """The rules text all processes work by."""
        held = RulebookShelf(self.redis).in_force()
        return held.text.decode() if held else None

    def idle(self) -> bool:
        """Whether every webhook is answered and worked, and nothing else is due within the minute."""
        seconds, _ = self.redis.time()
        soon = self.redis.zcount(PENDING, "-inf", (seconds + 60) * 1000)
        return not (self.jira.pending() or self.linear.pending() or soon)

    def connect_webhooks(self) -> None:
        """Let the toys that are not polled send to the front door."""
        if JIRA not in self._script.polled:
            self.jira.send_to(f"{self.url}/webhooks/{JIRA}", self._environ["DEMO_JIRA_HOOK"])
        if LINEAR not in self._script.polled:
            self.linear.send_to(f"{self.url}/webhooks/{LINEAR}", self._environ["DEMO_LINEAR_HOOK"])

    def _set_up(self) -> None:
        (self.folder / "config").mkdir(parents=True, exist_ok=True)
        self.redis_server.start()
        self.redis = connect(self.redis_server.url)
        self.jira = Remote(self._toy("jira", "DEMO_JIRA_TOKEN", "--deployment", self._script.deployment))
        teams = ",".join(self._script.teams)
        self.linear = Remote(self._toy("linear", "DEMO_LINEAR_KEY", "--projects", teams))
        if self._script.prepare is not None:
            self._script.prepare(self.jira, self.linear)
        self.write_rules(self._script.rules)
        if self._script.connect is not None:
            self._script.connect(self)
        else:
            self._write_connections()
        every = programs(self.environ, self.folder)
        self.supervisor = Supervisor([one for one in every if one.name not in self._script.without])
        self.supervisor.start()
        self._wait_ready()
        if self._script.connect is None:
            self.connect_webhooks()

    def _write_connections(self) -> None:
        teams = ",".join(self._script.teams)
        connections = _CONNECTIONS.format(
            jira_name=JIRA,
            linear_name=LINEAR,
            jira=self.jira.url,
            linear=self.linear.url,
            deployment=self._script.deployment,
            jira_auth=_JIRA_AUTH[self._script.deployment],
            boards=", ".join(map(str, self._script.boards)),
            teams=teams,
            jira_heard=self._heard(JIRA, "DEMO_JIRA_HOOK"),
            linear_heard=self._heard(LINEAR, "DEMO_LINEAR_HOOK"),
        )
        (self.folder / "config" / "connections.yaml").write_text(connections, encoding="utf-8")

    def _heard(self, name: str, secret: str) -> str:
        """How a connection hears of anything, as connections.yaml says it."""
        if name in self._script.polled:
            return f"catch_up: {_OFTEN}"
        return f"webhook: {{auth: signature, secrets: [{{env: {secret}}}]}}"

    def _toy(self, tracker: str, token: str, *more: str) -> str:
        command = [sys.executable, "-m", "sandbox", tracker, "--token", self._environ[token], *more]
        with (self.folder / f"toy-{tracker}.log").open("ab") as log:
            toy = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._toys.append(toy)
        assert toy.stdout is not None
        word, _, url = toy.stdout.readline().decode().strip().partition(" ")
        if word != "ready":
            raise Complaint(
                f"The toy {tracker} did not start; {self.folder / f'toy-{tracker}.log'} says why."
            )
        return url

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            if self._ready():
                return
            time.sleep(0.1)
        raise Complaint(f"The service did not get ready; the logs in {self.folder} say why.")

    def _ready(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False).json()
        except (httpx.HTTPError, ValueError):
            return False
        return all(check["ok"] for check in answer["checks"])


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _secrets() -> dict[str, str]:
    names = ("DEMO_JIRA_TOKEN", "DEMO_JIRA_HOOK", "DEMO_LINEAR_KEY", "DEMO_LINEAR_HOOK")
    return {name: secrets.token_hex(16) for name in names}
