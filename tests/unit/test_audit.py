"""The audit of what is locked: what OSV is asked, and what becomes of each of its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import flask
import pytest

from requirements import audit
from requirements.audit import BadExcuse, Package, excused, locked, main
from sandbox.server import start

LIST = """\
flask==3.1.2 \\
    --hash=sha256:00
    # via sprintwarden
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:01
redis[hiredis]
"""


class Osv:
    """What OSV answers, by package; everything it was asked."""

    def __init__(self) -> None:
        self.known: dict[str, list[dict[str, Any]]] = {}
        self.status = 200
        self.asked: list[list[dict[str, Any]]] = []
        self.app = flask.Flask("osv")
        self.app.post("/v1/querybatch")(self._answer)
        self.url = ""

    def _answer(self) -> flask.typing.ResponseReturnValue:
        queries = (flask.request.json or {})["queries"]
        self.asked.append(queries)
        pages = [
            self.known.get(one["package"]["name"], [{}])[int(one.get("page_token", "0"))] for one in queries
        ]
        return {"results": pages}, self.status


@pytest.fixture
def osv() -> Iterator[Osv]:
    made = Osv()
    with start(made.app) as server:
        made.url = server.url
        yield made


@pytest.fixture
def say(osv: Osv, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs the audit over a list of two: its status and what it tells."""
    (tmp_path / "list.txt").write_text(LIST)
    (tmp_path / "ignore.txt").touch()

    def run(*more: str, service: str | None = None) -> tuple[int, str]:
        files = ["--ignore", str(tmp_path / "ignore.txt"), str(tmp_path / "list.txt")]
        status = main(["--service", service or osv.url, *more, *files])
        return status, capsys.readouterr().err

    return run


def test_every_locked_release_is_asked_for_in_one_request(
    osv: Osv, say: Callable[..., tuple[int, str]]
) -> None:
    assert say() == (0, "None of the 2 locked packages is known to be vulnerable.\n")
    ((first, second),) = osv.asked
    assert first == {"package": {"name": "colorama", "ecosystem": "PyPI"}, "version": "0.4.6"}
    assert second["version"] == "3.1.2"


def test_what_is_known_fails_with_its_page(osv: Osv, say: Callable[..., tuple[int, str]]) -> None:
    osv.known["flask"] = [
        {"vulns": [{"id": "GHSA-1"}], "next_page_token": "1"},
        {"vulns": [{"id": "PYSEC-2"}]},
    ]
    status, told = say()
    assert status == 1
    assert "flask 3.1.2: https://osv.dev/vulnerability/GHSA-1\n" in told
    assert "flask 3.1.2: https://osv.dev/vulnerability/PYSEC-2\n" in told
    assert "colorama" not in told


def test_what_is_excused_passes_until_its_day(
    osv: Osv, say: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    osv.known["flask"] = [{"vulns": [{"id": "GHSA-1"}]}]
    ignore = tmp_path / "ignore.txt"
    ignore.write_text("# a remark\n\nGHSA-1 until 2999-12-31: we do not use what it is in\n")
    assert say()[0] == 0
    ignore.write_text("GHSA-1 until 2020-12-31: we do not use what it is in\n")
    assert say()[0] == 1
    assert excused(ignore, date(2020, 12, 31)) == {"GHSA-1"}


@pytest.mark.parametrize(
    "line", ["GHSA-1", "GHSA-1 until soon: why", "GHSA-1 until 2027-02-30: why", "x until 2027-01-01:"]
)
def test_an_excuse_without_a_day_or_a_reason_is_none(line: str, tmp_path: Path) -> None:
    file = tmp_path / "ignore.txt"
    file.write_text(f"\n{line}\n")
    with pytest.raises(BadExcuse, match=r"ignore.txt, line 2: write"):
        excused(file, date(2026, 1, 1))


@pytest.mark.parametrize("answer", ["status", "fewer", "nobody"])
def test_where_nothing_could_be_asked_that_is_said_and_fails_only_if_wished(
    answer: str, osv: Osv, say: Callable[..., tuple[int, str]]
) -> None:
    service = "http://127.0.0.1:9" if answer == "nobody" else osv.url
    osv.status = 503 if answer == "status" else 200
    if answer == "fewer":
        osv.app.before_request(lambda: {"results": []})
    status, told = say(service=service)
    assert status == 0
    assert told.startswith("NOT AUDITED: 127.0.0.1 ")
    assert say("--strict", service=service)[0] == 2


SHAPES: list[Any] = [
    [],
    {"results": None},
    {"results": [None, None]},
    {"results": ["none", "none"]},
    {"results": [{"vulns": None}, {}]},
    {"results": [{"vulns": [{}]}, {}]},
    {"results": [{"vulns": [{"id": "GHSA-\x1b[2J"}]}, {}]},
    {"results": [{"next_page_token": "1"}, {}]},
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_what_is_no_answer_of_osvs_is_no_traceback(
    shape: Any, osv: Osv, say: Callable[..., tuple[int, str]]
) -> None:
    def answer() -> flask.Response:
        queries = len((flask.request.json or {})["queries"])
        return flask.jsonify(shape if queries == 2 else {"results": [{"next_page_token": "1"}]})

    osv.app.before_request(answer)
    assert say()[1].startswith("NOT AUDITED: 127.0.0.1 ")


def test_who_answers_drop_by_drop_holds_nothing_up(
    osv: Osv, say: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_PATIENCE_S", -1.0)
    assert "takes too long" in say()[1]


def test_the_lists_here_are_read_whole() -> None:
    runtime, every = locked(audit.HERE / "runtime.txt"), locked(audit.HERE / "dev.txt")
    text = (audit.HERE / "dev.txt").read_text(encoding="utf-8")
    assert len(every) == text.count("==") - text.count(" == ") > len(runtime) > 40
    assert set(runtime) <= set(every)
    assert any(package == Package("flask", package.version) for package in runtime)
    excused(audit.HERE / "audit-ignore.txt", date(2026, 1, 1))
