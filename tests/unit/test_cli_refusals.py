"""What a user can mend is told in sentences: no traceback, exit code 1, and no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from sprintwarden.settings import Complaint
from sprintwarden.training import ask_room
from sprintwarden.wiring import named as named_connection
from tests.unit.command import Command
from tests.unit.command import command as command

CONFIG = Path(__file__).parents[2] / "config"
NEEDS_REDIS = [("serve",), ("work",), ("work", "bulk"), ("clock",), ("dead-letters", "list")]
STARTS = [("serve",), ("work",), ("run",)]
CONNECTION = """\
version: 1
connections:
  space:
    tracker: linear
    auth: {key: {env: A_KEY}}
    webhook: {secrets: [{env: A_HOOK}]}
    teams: [ENG]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "connections.yaml").write_text(CONNECTION)
    (tmp_path / "rules.yaml").write_text("version: 1\n")
    return tmp_path


def named(arguments: tuple[str, ...]) -> str:
    return " ".join(arguments)


@pytest.mark.parametrize("arguments", NEEDS_REDIS, ids=named)
def test_without_a_redis_address_it_says_what_to_set(command: Command, arguments: tuple[str, ...]) -> None:
    done = command(*arguments, SPRINTWARDEN_CONFIG=CONFIG)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("REDIS_URL is not set. Set it to your Redis")
    assert "sprintwarden run" in done.err


@pytest.mark.parametrize("url", ["nonsense", "http://:pass-word@host", "redis://:pass-/word@host:6379/0"])
@pytest.mark.parametrize("arguments", [*NEEDS_REDIS, ("run",)], ids=named)
def test_a_wrong_redis_address_is_not_quoted(command: Command, arguments: tuple[str, ...], url: str) -> None:
    done = command(*arguments, SPRINTWARDEN_CONFIG=CONFIG, REDIS_URL=url)
    assert done.code == 1
    assert done.err.startswith("REDIS_URL is no address of a Redis; it looks like")
    assert "pass-" not in done.err


@pytest.mark.parametrize(
    "arguments", [("work",), ("dead-letters", "list"), ("dead-letters", "retry", "--all")]
)
def test_a_redis_that_does_not_answer_is_told_in_a_sentence(
    command: Command, arguments: tuple[str, ...]
) -> None:
    url = "redis://:pass-word@127.0.0.1:1/0"
    done = command(*arguments, SPRINTWARDEN_CONFIG=CONFIG, REDIS_URL=url)
    assert done.code == 1
    assert done.err == "Redis does not answer (ConnectionError); start it or mend REDIS_URL.\n"


@pytest.mark.fault(3)
@pytest.mark.parametrize("arguments", STARTS, ids=named)
@pytest.mark.parametrize("value", ["", "   "])
def test_an_empty_secret_refuses_to_start(
    command: Command, config: Path, arguments: tuple[str, ...], value: str
) -> None:
    environ = {"SPRINTWARDEN_CONFIG": config, "REDIS_URL": "redis://127.0.0.1:1", "A_HOOK": value}
    done = command(*arguments, **environ, A_KEY="long-enough-key-01")
    assert (done.code, done.out) == (1, "")
    assert done.err == f"{config}/connections.yaml:6:31: the environment variable A_HOOK is empty\n"


@pytest.mark.parametrize("arguments", STARTS, ids=named)
def test_a_missing_secret_refuses_to_start(
    command: Command, config: Path, arguments: tuple[str, ...]
) -> None:
    done = command(*arguments, SPRINTWARDEN_CONFIG=config, REDIS_URL="redis://127.0.0.1:1")
    assert done.code == 1
    assert [line.rpartition(": ")[2] for line in done.err.splitlines()] == [
        "the environment variable A_KEY is not set",
        "the environment variable A_HOOK is not set",
    ]


@pytest.mark.parametrize("arguments", [*STARTS, ("explain", "space", "ENG-1")], ids=named)
def test_a_bad_connections_file_is_told_with_all_its_problems(
    command: Command, config: Path, arguments: tuple[str, ...]
) -> None:
    bad = CONNECTION.replace("teams", "teems").replace("linear", "liniar") + "more: 1\n"
    (config / "connections.yaml").write_text(bad)
    done = command(*arguments, SPRINTWARDEN_CONFIG=config, REDIS_URL="redis://127.0.0.1:1")
    assert done.code == 1
    assert len(done.err.splitlines()) >= 2
    assert all(line.startswith(f"{config}/connections.yaml:") for line in done.err.splitlines())
    assert 'did you mean "linear"?' in done.err


def test_a_connections_file_that_is_not_there_is_told(command: Command, tmp_path: Path) -> None:
    done = command("serve", SPRINTWARDEN_CONFIG=tmp_path, REDIS_URL="redis://127.0.0.1:1")
    assert done.code == 1
    assert done.err == f"{tmp_path}/connections.yaml cannot be read: No such file or directory.\n"


def test_wrong_settings_are_all_told_by_their_variables(command: Command) -> None:
    done = command("clock", SPRINTWARDEN_PORT="a", SPRINTWARDEN_WORKERS="0", SPRINTWARDEN_SETTLE_ISSUE_S="-1")
    assert done.code == 1
    assert [line.partition(":")[0] for line in done.err.splitlines()] == [
        "SPRINTWARDEN_PORT",
        "SPRINTWARDEN_WORKERS",
        "SPRINTWARDEN_SETTLE_ISSUE_S",
    ]
    assert all(line.endswith(".") for line in done.err.splitlines())


@pytest.mark.parametrize("arguments", [("nonsense",), ("work", "slow"), ("replay",)], ids=named)
def test_a_wrong_usage_exits_2(command: Command, arguments: tuple[str, ...]) -> None:
    assert command(*arguments).code == 2


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("mine", "mine holds 'notes.txt', which is no part of a model; name another folder."),
        ("mine/notes.txt", "mine/notes.txt is a file; name a folder for the model."),
        ("mine/notes.txt/model", "The model cannot be written to mine/notes.txt/model: Not a directory."),
    ],
)
@pytest.mark.parametrize("source", ["--issues", "--connection"])
def test_a_folder_that_cannot_take_the_model_is_told_before_the_work(
    command: Command, config: Path, monkeypatch: pytest.MonkeyPatch, source: str, out: str, said: str
) -> None:
    (config / "mine").mkdir()
    (config / "mine" / "notes.txt").write_text("mine")
    (config / "space").write_text("no issues\n")
    monkeypatch.chdir(config)
    environ = {"SPRINTWARDEN_CONFIG": config, "A_HOOK": "long-enough-hook-1", "A_KEY": "long-enough-key-01"}
    # The file has no issues and there is no Redis: whoever had begun would have complained of that.
    done = command("train", "--target", "labels", source, "space", "--out", out, **environ)
    assert (done.code, done.out, done.err) == (1, "", f"{said}\n")


def test_a_folder_with_room_is_left_as_it_was(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "card.md").write_text("an older one")
    for out in (model, tmp_path / "new" / "model"):
        ask_room(out)
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "card.md"]


def test_a_connection_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(Complaint, match=r"^There is no connection 'x', and no other is configured\.$"):
        named_connection((), "x")
