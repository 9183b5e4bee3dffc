"""The log: JSON lines for machines, plain text on a terminal, and never a secret in either."""

from __future__ import annotations

import io
import json
import logging
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import h11
import pytest
from gunicorn.config import Config
from pydantic import TypeAdapter

from sprintwarden.logs import DiscreetLogger, place
from trackers.errors import Rejected

ROOT = Path(__file__).parents[2]
FAILING = dedent(
    """
    import structlog
    from sprintwarden import logs
    logs.configure()
    def prove(secret):
        raise ValueError("no")
    try:
        prove("zanzibar")
    except ValueError:
        structlog.get_logger("web").exception("fault", path="/webhooks/jira")
    """
)


def test_a_machine_gets_one_json_object_a_line() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAILING], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (line,) = done.stderr.splitlines()
    told = json.loads(line)
    assert (told["event"], told["level"], told["path"]) == ("fault", "error", "/webhooks/jira")
    assert "in prove" in told["exception"]
    assert "builtins.ValueError (what it says is left out" in told["exception"]
    assert done.stdout == ""


def raised(how: Callable[[], object]) -> str:
    """The traceback of what ``how`` raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        how()
    return place(caught.value)


@pytest.mark.parametrize(
    "how",
    [
        lambda text: float(text),
        lambda text: {}[text],
        lambda text: TypeAdapter(int).validate_python(text),
        lambda text: h11.Request(method="GET", target="/", headers=[("Host", "x"), ("A", f"{text}\n")]),
    ],
)
def test_what_a_library_says_of_a_value_is_left_out(how: Callable[[str], object]) -> None:
    quoted = "zanzibar"
    with pytest.raises(Exception, match=quoted) as caught:
        how(quoted)
    assert quoted not in place(caught.value)


def test_our_own_words_and_those_that_quote_nothing_are_kept() -> None:
    def turn() -> None:
        try:
            int("zanzibar")
        except ValueError as error:
            raise Rejected("Jira knows no project ABC.") from error

    told = raised(turn)
    assert told.endswith("Rejected: Jira knows no project ABC.")
    assert "builtins.ValueError (what it says is left out: it may quote an issue)\nwhich led to\n" in told
    assert "No such file" in raised(lambda: Path("/nowhere").read_text(encoding="utf-8"))
    assert "has no attribute 'lower'" in raised(lambda: None.lower())  # type: ignore[attr-defined]


def test_a_traceback_on_a_terminal_shows_no_variables() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", FAILING], cwd=ROOT, stderr=theirs)
    process.wait(20)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:
        pass  # The other end of the terminal is closed.
    os.close(ours)
    assert b"ValueError" in shown
    assert b"'zanzibar'" not in shown.replace(b'prove("zanzibar")', b"")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What gunicorn's own log shows."""
    shown = io.StringIO()
    logger = DiscreetLogger(Config())
    handler = logging.StreamHandler(shown)
    monkeypatch.setattr(logger.error_log, "handlers", [handler])
    monkeypatch.setattr(logger.access_log, "handlers", [handler])
    logger.access_log.setLevel(logging.INFO)
    monkeypatch.setattr(logging, "raiseExceptions", True)
    logger.error("Error handling request %s", "/webhooks/a?x=1&token=zanzibar&y=2")
    logger.warning("Invalid request: 'POST /webhooks/a?TOKEN=zanzibar HTTP/9'")
    logger.access_log.info('"POST /webhooks/a?token=zanzibar HTTP/1.1" 200 - "token=zanzibar"')
    return shown


def test_the_web_server_logs_no_token(told: io.StringIO) -> None:
    lines = told.getvalue().splitlines()
    assert len(lines) == 3
    assert "zanzibar" not in told.getvalue()
    assert lines[0] == "Error handling request /webhooks/a?x=1&token=***&y=2"


def test_what_holds_no_token_is_logged_as_it_is(told: io.StringIO) -> None:
    logging.getLogger("gunicorn.error").error("Worker %s exited, %d left", "a", 3)
    assert told.getvalue().splitlines()[-1] == "Worker a exited, 3 left"
