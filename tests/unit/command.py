"""The command as a user types it, run inside the test's own process: its exit code and both outputs."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from sprintwarden import cli, logs


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output as JSON, which must be all there is on it."""
        return json.loads(self.out)


Command = Callable[..., Done]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Runs ``sprintwarden`` with arguments, and with environment given by keyword."""
    # The log is set up once per process; here the process is the test's.
    monkeypatch.setattr(logs, "configure", lambda: None)
    for name in [name for name in os.environ if name.startswith(("SPRINTWARDEN_", "REDIS_URL"))]:
        monkeypatch.delenv(name)
    # What a command sets for its own process is undone after the test.
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: object, **environ: object) -> Done:
        for name, value in environ.items():
            monkeypatch.setenv(name, str(value))
        monkeypatch.setattr("sys.argv", ["sprintwarden", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0 if code is None else 1, out, err)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)
