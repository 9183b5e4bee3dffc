"""Named places between the steps of a run, where the fault tests kill, freeze or hang the process.

``SPRINTWARDEN_KILL_AT=<place>:<file>`` makes the first process that comes to the place end itself
with SIGKILL, once: whoever creates the file does. ``SPRINTWARDEN_FREEZE_AT`` stops it with SIGSTOP, and
``SPRINTWARDEN_HANG_AT`` has it sleep where no signal wakes it. Unset, passing a place does nothing.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Final

PLACES: Final = (
    "popped",
    "begun",
    "loaded",
    "decided",
    "planned",
    "intended",
    "written",
    "noted",
    "recorded",
)
"""In the order a worker passes them: the first lies between taking a job from RQ and starting it."""

Checkpoint = Callable[[str], None]


def nothing(place: str) -> None:
    """Passing a place in ordinary life."""


def from_environment(environ: Mapping[str, str]) -> Checkpoint:
    """The checkpoint the environment asks for. Raises ValueError when it names no place."""
    asked = [(name, deed, environ[name]) for name, deed in _DEEDS.items() if environ.get(name)]
    if not asked:
        return nothing
    name, deed, wanted = asked[0]
    place, _, marker = wanted.partition(":")
    if place not in PLACES or not marker:
        raise ValueError(f"{name} must be PLACE:FILE with a place of {', '.join(PLACES)}.")

    def act(here: str) -> None:
        if here == place and _first(marker):
            deed()

    return act


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _freeze() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _hang() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGINT, signal.SIGTERM})
    time.sleep(3_600)


_DEEDS: Final[Mapping[str, Callable[[], None]]] = {
    "SPRINTWARDEN_KILL_AT": _kill,
    "SPRINTWARDEN_FREEZE_AT": _freeze,
    "SPRINTWARDEN_HANG_AT": _hang,
}


def _first(marker: str) -> bool:
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
