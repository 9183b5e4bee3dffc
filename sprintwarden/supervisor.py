"""Runs the service's processes on one machine: starts them, restarts what dies, stops all in order."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Final

import structlog

log = structlog.get_logger("supervisor")

_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 30.0
_STEADY_S: Final = 60.0
"""A process that lived this long was not the reason of its own end: its next restart is prompt again."""
_PATIENCE_S: Final = 45.0
"""For the run in hand to end; longer than a run may take."""


@dataclass(frozen=True, slots=True)
class Program:
    """A process to keep running."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    """Added to our own environment."""
    log: Path | None = None
    """Where its output goes; None leaves it on ours."""


@dataclass(slots=True)
class _Running:
    program: Program
    process: subprocess.Popen[bytes]
    since: float
    wait: float = _FIRST_WAIT_S
    due: float | None = None
    """When it is started again; None while it runs."""


class Supervisor:
    """Keeps programs running between ``start`` and ``stop``."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self._programs = tuple(programs)
        self._running: list[_Running] = []

    def start(self) -> None:
        """Start every program, in order."""
        self._running = [_Running(program, _start(program), time.monotonic()) for program in self._programs]

    def pids(self) -> dict[str, int]:
        """Process ids by program name."""
        return {running.program.name: running.process.pid for running in self._running}

    def watch(self, until: Event, every: float = 0.5) -> None:
        """Restart what dies until ``until`` is set, each death in a row waited out longer."""
        while not until.wait(every):
            self.check()

    def check(self) -> None:
        """Look once: note deaths, restart what is due."""
        now = time.monotonic()
        for running in self._running:
            if running.due is None and running.process.poll() is not None:
                if now - running.since > _STEADY_S:
                    running.wait = _FIRST_WAIT_S
                running.due = now + running.wait
                running.wait = min(_LONGEST_WAIT_S, running.wait * 2)
                log.error("process ended", name=running.program.name, code=running.process.returncode)
            elif running.due is not None and now >= running.due:
                running.process = _start(running.program)
                running.since, running.due = now, None

    def stop(self) -> None:
        """End every program in the order of starting, each with time to finish what it has in hand."""
        for running in self._running:
            if running.process.poll() is None:
                running.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE_S
        for running in self._running:
            try:
                running.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("process does not end, killing it", name=running.program.name)
                running.process.kill()
                running.process.wait()
        self._running = []


def _start(program: Program) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches the supervisor alone, which then stops all in order.
    environ = {**os.environ, **program.environ, PARENT: str(os.getpid())}
    if program.log is None:
        return subprocess.Popen(program.command, env=environ, start_new_session=True)
    with program.log.open("ab") as output:
        return subprocess.Popen(
            program.command, env=environ, start_new_session=True, stdout=output, stderr=output
        )


PARENT: Final = "SPRINTWARDEN_SUPERVISED_BY"
"""Set in a supervised process: it ends when the supervisor does, however that ends."""
