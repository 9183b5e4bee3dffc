"""Secrets, and words of issues, looked for wherever they must not be."""

from __future__ import annotations

import base64
import copy
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from textwrap import dedent
from urllib.parse import quote

import httpx
import pytest
from redis import Redis

from rules.connections import AccessToken, ApiKey, Auth, ClientCredentials, EmailToken
from rules.secret import Secret
from sprintwarden.settings import Settings
from sprintwarden.stage import JIRA, Script, Stage
from store.address import parse
from store.connect import connect
from tests.conftest import CONNECTION
from tests.faults import one_process
from tests.integration.scene import QUICK, Side, demo_rules, until
from trackers.linear.client import Credentials
from webhook_app.app import WebSettings
from webhook_app.insiders import Insiders
from workers.probes import Access

ROOT = Path(__file__).parents[2]
WORD = "s3cret-zanzibar"
PASSWORD = "redis-p4ssword-of-acme"
TITLE = "XSS where the quokka hides its lunch"
BODY = "The quokka hides its lunch behind the third door."
AUTHS: tuple[Auth, ...] = (
    EmailToken("bot@acme.example", Secret(WORD)),
    AccessToken(Secret(WORD)),
    ApiKey(Secret(WORD)),
    ClientCredentials("a-client", Secret(WORD)),
)


def holders() -> Iterator[object]:
    """Everything that holds a secret as long as a process lives."""
    url = f"rediss://user:{WORD}@host:6379/0"
    for auth in AUTHS:
        made = one_process.connection(one_process.JIRA, "https://acme.example", auth)
        yield made
        yield Access.of(made)
        yield auth
    yield WebSettings(url, (CONNECTION,), metrics_token=Secret(WORD))
    yield Insiders(Secret(WORD))
    yield parse(url)
    yield parse(f"redis+sentinel://user:{WORD}@host/mymaster/0?sentinel_password={WORD}")
    yield Credentials(key=WORD)
    yield Credentials(client=("a-client", WORD))
    http = httpx.Client(auth=("bot", WORD), headers={"Authorization": f"Bearer {WORD}"})
    yield http
    yield http.headers
    yield Secret(WORD)


@pytest.mark.fault(61)
@pytest.mark.parametrize("held", list(holders()), ids=lambda held: type(held).__name__)
def test_nothing_that_holds_a_secret_shows_it(held: object) -> None:
    shown = [repr(held), str(held), f"{held}", f"{[held]!r}", f"{copy.copy(held)!r}"]
    assert WORD not in " ".join(shown)


def test_settings_show_neither_the_address_of_redis_nor_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://:{WORD}@host/0")
    monkeypatch.setenv("SPRINTWARDEN_METRICS_TOKEN", WORD)
    settings = Settings()
    assert WORD not in f"{settings!r} {settings} {settings.metrics_secret()!r}"
    assert settings.redis() == f"redis://:{WORD}@host/0"


@pytest.mark.parametrize("auth", AUTHS, ids=lambda auth: type(auth).__name__)
def test_a_connection_cannot_be_pickled(auth: Auth) -> None:
    with pytest.raises(TypeError, match="a secret cannot be pickled"):
        pickle.dumps(one_process.connection(one_process.JIRA, "https://acme.example", auth))


@pytest.mark.fault(61)
def test_a_log_line_shows_nothing_of_what_it_is_given() -> None:
    script = f"""
        import structlog
        from rules.secret import Secret
        from sprintwarden import logs
        from store.address import parse
        logs.configure()
        address = parse("redis://user:{WORD}@host/0")
        structlog.get_logger().error("held", held=address, more=[address, Secret("{WORD}")])
    """
    done = subprocess.run(
        [sys.executable, "-c", dedent(script)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "Address(" in json.loads(done.stderr)["held"]
    assert WORD not in done.stderr


class Guarded(Stage):
    """A stage whose Redis asks for a password."""

    @property
    def environ(self) -> dict[str, str]:
        """As of a stage, with the password in the address."""
        path = self.redis_server.url.removeprefix("unix://")
        return super().environ | {"REDIS_URL": f"unix://:{PASSWORD}@{path}"}

    def lock(self) -> None:
        """Have Redis ask for it from now on."""
        self.redis.config_set("requirepass", PASSWORD)
        self.redis.close()
        self.redis = connect(self.environ["REDIS_URL"])


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Guarded]:
    def prepare(*_: object) -> None:
        made.lock()

    script = Script(demo_rules(), environ=QUICK, prepare=prepare)
    made = Guarded(tmp_path, script)
    with made:
        yield made


@pytest.mark.fault(61)
@pytest.mark.slow
@pytest.mark.process
def test_a_days_work_leaves_no_secret_and_no_issues_words_anywhere(
    stage: Guarded, seen: Callable[[str], None]
) -> None:
    told = work_a_day(stage)
    secrets = secrets_of(stage)
    places = {
        **{f"output {number}": text for number, text in enumerate(told)},
        **{str(log): log.read_bytes() for log in stage.folder.glob("*.log") if "toy" not in log.name},
        **dict(held_by(stage.redis)),
        **dict(command_lines(stage.supervisor.pids().values())),
        "metrics": httpx.get(f"{stage.url}/metrics", trust_env=False).content,
        "readyz": httpx.get(f"{stage.url}/readyz", trust_env=False).content,
    }
    # Were nothing kept and nothing told, nothing could be found.
    assert len(places) > 50
    assert all(told)
    assert any(b"xss" in text.lower() for where, text in places.items() if "sw:decisions" in where)
    assert any(b'"run"' in text for where, text in places.items() if where.endswith("worker.log"))
    leaks = [(where, name) for where, text in places.items() for name, word in secrets if word in text]
    assert leaks == []
    words = [part.encode() for part in ("quokka", "hides its lunch", "third door")]
    assert [where for where, text in places.items() if any(word in text for word in words)] == []
    seen(f"{len(secrets)} forms of secrets and an issue's words: none in {len(places)} places")


def work_a_day(stage: Guarded) -> list[bytes]:
    """What happens to a service in a day, in short; what its commands told."""
    for name in ("jira", "linear"):
        side = Side(stage, name)
        first = side.file(TITLE, body=BODY)
        until(stage, side.has(first, "security"), 30)
        for kind, more in (("status", {"status": 500}), ("reset", {}), ("rate_limit", {})):
            side.toy.fault(".*", kind, **more)
            side.file(f"{TITLE} {kind}", body=BODY)
        httpx.post(side.hook, content=b"{}", auth=("bot", WORD), trust_env=False)
        httpx.post(f"{side.hook}?token={WORD}", content=b"{", trust_env=False)
        side.toy.deliver_again(1, forged=True)
    told = [*commands(stage), *a_secret_in_the_wrong_place(stage)]
    for name in ("jira", "linear"):
        side = Side(stage, name)
        side.toy.no_faults()
        side.toy.fault(".*", "status", status=401, body=json.dumps({"errorMessages": [WORD]}))
        side.file(f"{TITLE} 401", body=BODY)
    until(stage, lambda: all(Side(stage, name).toy.pending() == 0 for name in ("jira", "linear")), 30)
    return told


def commands(stage: Guarded) -> list[bytes]:
    """What the commands say that an admin would give."""
    key = Side(stage, "jira").toy.issues()[0]["key"]
    return [
        say(stage, *arguments)
        for arguments in (
            ["doctor"],
            ["doctor", JIRA],
            ["explain", JIRA, key],
            ["explain", JIRA, key, "--json"],
            ["report"],
            ["check"],
        )
    ]


def a_secret_in_the_wrong_place(stage: Guarded) -> list[bytes]:
    """What is said of a connections file that holds a secret where it should name one."""
    file = stage.folder / "config" / "connections.yaml"
    right = file.read_text(encoding="utf-8")
    token = stage.environ["DEMO_JIRA_TOKEN"]
    try:
        file.write_text(right.replace("{env: DEMO_JIRA_TOKEN}", token), encoding="utf-8")
        return [say(stage, "doctor"), say(stage, "check"), say(stage, "clock")]
    finally:
        file.write_text(right, encoding="utf-8")


def say(stage: Guarded, *arguments: str) -> bytes:
    environ = {**os.environ, **stage.environ}
    done = subprocess.run(
        [sys.executable, "-m", "sprintwarden", *arguments],
        cwd=ROOT, env=environ, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def secrets_of(stage: Guarded) -> list[tuple[str, bytes]]:
    """Each secret by name, in every form it is sent in."""
    named = {name: value for name, value in stage.environ.items() if name.startswith("DEMO_")}
    named |= {"password of Redis": PASSWORD, "what strangers showed": WORD}
    forms: list[tuple[str, bytes]] = []
    for name, value in named.items():
        forms += [(name, value.encode()), (f"{name}, quoted", quote(value, safe="").encode())]
        for user in ("", ":", "bot:", "bot@example.invalid:"):
            encoded = base64.b64encode(f"{user}{value}".encode()).rstrip(b"=")[:-1]
            forms.append((f"{name}, in base64 behind {user!r}", encoded))
    return forms


def held_by(redis: Redis) -> Iterator[tuple[str, bytes]]:
    """Everything in Redis, whoever wrote it, as it would be written to disk; and its own logs."""
    raw = redis.connection_pool.connection_kwargs | {"decode_responses": False}
    with Redis(unix_socket_path=raw["path"], password=PASSWORD) as bare:
        for key in bare.scan_iter("*", count=1_000):
            assert isinstance(key, bytes)
            yield f"redis {key.decode()}", key + b" " + _value(bare, key)
        yield "slow log", str(bare.slowlog_get(1_000)).encode()


def _value(bare: Redis, key: bytes) -> bytes:
    readers: dict[bytes, Callable[[], object]] = {
        b"string": lambda: bare.get(key),
        b"list": lambda: bare.lrange(key, 0, -1),
        b"hash": lambda: bare.hgetall(key),
        b"set": lambda: bare.smembers(key),
        b"zset": lambda: bare.zrange(key, 0, -1),
        b"stream": lambda: bare.xrange(key),
        b"none": lambda: b"",
    }
    kind = bare.type(key)
    assert isinstance(kind, bytes)
    return str(readers[kind]()).encode()


def command_lines(pids: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """The command lines of processes and of all their children."""
    for pid in pids:
        yield f"command line {pid}", Path(f"/proc/{pid}/cmdline").read_bytes()
        for task in Path(f"/proc/{pid}/task").iterdir():
            children = (task / "children").read_text().split() if (task / "children").exists() else []
            yield from command_lines(map(int, children))
