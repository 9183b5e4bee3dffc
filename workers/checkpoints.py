"""Named places between the steps of a run, where the fault tests kill the process.

``SPRINTWARDEN_KILL_AT=<place>:<file>`` makes the first process that comes to the place end itself
with SIGKILL, once: whoever creates the file does. Unset, passing a place does nothing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from typing import Final

PLACES: Final = ("begun", "loaded", "decided", "planned", "intended", "written", "noted", "recorded")
"""In the order a run passes them."""

Checkpoint = Callable[[str], None]


def nothing(place: str) -> None:
    """Passing a place in ordinary life."""


def from_environment(environ: Mapping[str, str]) -> Checkpoint:
    """The checkpoint the environment asks for. Raises ValueError when it names no place."""
    wanted = environ.get("SPRINTWARDEN_KILL_AT")
    if not wanted:
        return nothing
    place, _, marker = wanted.partition(":")
    if place not in PLACES or not marker:
        raise ValueError(f"SPRINTWARDEN_KILL_AT must be PLACE:FILE with a place of {', '.join(PLACES)}.")

    def kill(here: str) -> None:
        if here == place and _first(marker):
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


def _first(marker: str) -> bool:
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
