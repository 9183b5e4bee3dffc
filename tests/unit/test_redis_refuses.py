"""A Redis that lets nobody in any more is told of in sentences, and waited for by who already works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError
from structlog.testing import capture_logs

from sprintwarden.embedded import EmbeddedRedis
from store.connect import connect, trouble
from tests.unit.command import Command
from tests.unit.command import command as command
from webhook_app.health import checks
from workers import pool

CONFIG = Path(__file__).parents[2] / "config"
SENTENCE = "Redis refuses the user or the password of REDIS_URL."


@pytest.fixture
def refused(redis_server: EmbeddedRedis) -> str:
    """The address with a user that Redis does not know."""
    return redis_server.url.replace("unix://", "unix://nobody:pass-word@")


@pytest.mark.parametrize("arguments", [("dead-letters", "list"), ("work", "bulk")])
def test_a_command_says_so(command: Command, refused: str, arguments: tuple[str, ...]) -> None:
    done = command(*arguments, SPRINTWARDEN_CONFIG=CONFIG, REDIS_URL=refused)
    assert (done.code, done.err) == (1, f"{SENTENCE}\n")


def test_readiness_says_so(refused: str) -> None:
    assert [check.detail for check in checks(connect(refused), ())] == [SENTENCE]


def test_any_other_trouble_is_told_by_its_name_alone() -> None:
    with pytest.raises(RedisError) as error:
        connect("redis://:pass-word@127.0.0.1:1").ping()
    assert trouble(error.value) == "Redis does not answer (ConnectionError); start it or mend REDIS_URL."


def test_a_worker_that_is_started_anew_meanwhile_waits_and_says_so_once(
    redis: Redis, refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_AWAY_S", 0)
    looks, floor = iter([refused, refused, None]), (redis, object())

    def wiring() -> Any:
        url = next(looks)
        if url is not None:
            connect(url).ping()
        return floor

    with capture_logs() as told:
        assert pool._wired(wiring) == floor
    assert told == [{"event": "redis is away", "error": AuthenticationError.__name__, "log_level": "warning"}]
