"""A Redis that may lose events is refused at the start and by readiness, unless that is all right."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.fitness import look_at_redis
from sprintwarden.settings import Complaint, Settings
from store.connect import connect
from store.durability import copies, memory, rewriting, traits
from tests.conftest import until
from tests.unit.command import Command
from tests.unit.command import command as command
from webhook_app.health import checks

CONFIG = Path(__file__).parents[2] / "config"
FORGETFUL = [("maxmemory-policy", "allkeys-lru", "noeviction"), ("appendonly", "no", "appendonly yes")]


@pytest.fixture
def client(own_redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> Redis:
    """A server of the test's own, to which REDIS_URL points."""
    monkeypatch.setenv("REDIS_URL", own_redis_server.url)
    return connect(own_redis_server.url)


def test_the_embedded_one_is_fit(client: Redis) -> None:
    look_at_redis(Settings())
    assert [trait.ok for trait in traits(client)] == [True, True]


@pytest.mark.fault(22)
@pytest.mark.parametrize(("name", "value", "remedy"), FORGETFUL)
def test_one_that_may_forget_is_refused_with_the_remedy(
    client: Redis, name: str, value: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.config_set(name, value)
    with pytest.raises(Complaint, match=rf"{remedy}\. .* set SPRINTWARDEN_REDIS_MAY_FORGET=true\.$") as told:
        look_at_redis(Settings())
    assert "\n" not in str(told.value)
    assert next(check.vital for check in checks(client, ()) if not check.ok)
    monkeypatch.setenv("SPRINTWARDEN_REDIS_MAY_FORGET", "true")
    look_at_redis(Settings())
    assert not any(check.vital for check in checks(client, (), may_forget=True) if not check.ok)


@pytest.mark.fault(22)
@pytest.mark.parametrize("arguments", [("serve",), ("work",), ("work", "bulk"), ("clock",), ("run",)])
def test_every_process_refuses_it(
    client: Redis, command: Command, own_redis_server: EmbeddedRedis, arguments: tuple[str, ...]
) -> None:
    client.config_set("appendonly", "no")
    done = command(*arguments, SPRINTWARDEN_CONFIG=CONFIG, REDIS_URL=own_redis_server.url)
    assert done.code == 1
    assert done.err.startswith("This Redis is not fit to hold events. The append-only file is off")


def test_what_redis_does_not_tell_is_said_and_stops_nothing(
    client: Redis, own_redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.acl_setuser(
        "limited", enabled=True, passwords=["+pass-word"], commands=["+@all", "-info"], keys=["*"]
    )
    url = own_redis_server.url.replace("unix://", "unix://limited:pass-word@")
    monkeypatch.setenv("REDIS_URL", url)
    look_at_redis(Settings())
    limited = connect(url)
    told = (*traits(limited), *copies(limited, 1))
    assert [trait.ok for trait in told] == [None] * 4
    assert (rewriting(limited), memory(limited)) == (None, None)
    assert all("does not tell this user" in trait.sentence for trait in told)
    unsure = [check for check in checks(limited, (), replicas=1) if check.name.startswith("redis")]
    assert [check.ok for check in unsure] == [True, False, False, False, False]
    assert not any(check.vital for check in unsure if not check.ok)


def test_a_file_that_cannot_be_written_anew_only_warns(client: Redis) -> None:
    folder = Path(str(client.config_get("dir")["dir"])) / "appendonlydir"
    folder.rename(folder.with_name("away"))
    folder.touch()
    with pytest.raises(ResponseError):
        client.bgrewriteaof()
    (ill,) = [check for check in checks(client, ()) if check.name == "redis rewrites its file"]
    assert (ill.ok, ill.vital) == (False, False)
    assert "`redis-cli bgrewriteaof`" in ill.detail
    folder.unlink()
    folder.with_name("away").rename(folder)
    client.bgrewriteaof()
    until(lambda: (told := rewriting(client)) and told.ok)


def test_without_an_append_only_file_none_is_written_anew(client: Redis) -> None:
    client.config_set("appendonly", "no")
    assert rewriting(client) is None


def test_a_wrong_password_is_said_at_the_start_and_not_quoted(
    own_redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", own_redis_server.url.replace("unix://", "unix://limited:pass-word@"))
    with pytest.raises(Complaint, match=r"^Redis refuses the user or the password of REDIS_URL\.$"):
        look_at_redis(Settings())


def test_one_that_is_away_is_no_reason_not_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    look_at_redis(Settings())


def test_without_a_replica_only_those_who_wait_for_one_mind(client: Redis) -> None:
    assert copies(client, 0) == ()
    found = {trait.name: trait for trait in copies(client, 1)}
    assert (found["redis has replicas"].ok, found["redis has replicas"].vital) == (False, True)
    cut_off = found["redis stops when it is cut off"]
    assert (cut_off.ok, cut_off.vital) == (False, False)
    client.config_set("min-replicas-to-write", "1")
    assert copies(client, 1)[1].ok


def test_no_password_is_in_the_settings_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:pass-word@host")
    assert "pass-word" not in repr(Settings())
