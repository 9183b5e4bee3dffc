"""The demo as people start it: by its command, in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Final

from sandbox.remote import Remote
from workers.lifeline import end_with_parent

ROOT: Final = Path(__file__).parents[2]
_PLAYED_S: Final = 170
_END_S: Final = 60
_LAST_WORDS: Final = "(Ctrl-C ends)"


@dataclass(slots=True)
class Demo:
    """A demo that runs until ``end``."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    """What it has printed so far."""
    is_told: Event = field(default_factory=Event)
    """Its story is over, or it ended before."""

    @property
    def said(self) -> str:
        """All that it has printed so far."""
        return "".join(self.lines)

    @property
    def site(self) -> str:
        """Where its service is."""
        return self._told(r"^The console: (\S+)/console ")

    @property
    def password(self) -> str:
        """Of its console."""
        return self._told(r"^The console: .*\(password: (\S+)\)")

    @property
    def jira(self) -> Remote:
        """Its toy Jira."""
        return Remote(self._told(r"^See the issues: Jira (\S+)"))

    @property
    def linear(self) -> Remote:
        """Its toy Linear."""
        return Remote(self._told(r"^See the issues: .* Linear (\S+)"))

    def hear_out(self) -> None:
        """Wait for the end of the story. Raises AssertionError, with all it said, where that takes long."""
        is_told = self.is_told.wait(_PLAYED_S)
        assert is_told and self.process.poll() is None, f"the story did not come to its end:\n{self.said}"

    def listen(self) -> None:
        """Take what it prints until it ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if _LAST_WORDS in line:
                self.is_told.set()
        self.is_told.set()

    def end(self) -> int:
        """Its exit code, after Ctrl-C unless it has ended already. What does not end is killed."""
        if self.process.poll() is None:
            # What was started in a shell's background passes over Ctrl-C, and so do its children.
            is_deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            self.process.send_signal(signal.SIGTERM if is_deaf else signal.SIGINT)
            try:
                self.process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._kill()
        return self.process.wait()

    def _kill(self) -> None:
        below = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        children = below.read_text(encoding="utf-8").split() if below.exists() else []
        self.process.kill()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)

    def _told(self, pattern: str) -> str:
        found = re.search(pattern, self.said, re.MULTILINE)
        assert found, f"the demo did not tell {pattern!r}:\n{self.said}"
        return found[1]


@contextmanager
def started(folder: Path) -> Iterator[Demo]:
    """The demo, at its beginning. ``folder`` is where it keeps what it keeps."""
    unset = ("REDIS_URL", "PROMETHEUS_MULTIPROC_DIR")
    environ = {name: value for name, value in os.environ.items() if name not in unset}
    process = subprocess.Popen(
        [sys.executable, "-m", "sprintwarden", "demo"],
        cwd=ROOT,
        env={**environ, "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        preexec_fn=partial(end_with_parent, os.getpid()),
    )
    demo = Demo(process)
    listener = Thread(target=demo.listen, daemon=True)
    listener.start()
    try:
        yield demo
    finally:
        demo.end()
        listener.join(_END_S)
