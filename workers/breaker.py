"""Stops all writing to a tracker when too many issues are written to, until people say to go on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from rules.load import WriteLimit
from store.writes import Held, Writes
from trackers.spans import in_utc, in_words
from workers.rules_in_force import LiveRules

log = structlog.get_logger("breaker")


ISSUE_MOST: Final = 20
"""Runs that may write to one issue within ``ISSUE_WINDOW``. Where boards share a tracking issue, each of
their sprints writes to it."""
ISSUE_WINDOW: Final = timedelta(hours=1)


class WritingHeld(Exception):
    """Nothing may be written to this tracker at present."""


class WrittenTooOften(Exception):
    """An issue was written to so often that somebody seems to answer every write of ours."""

    def __init__(self, left: timedelta) -> None:
        super().__init__(
            f"This issue was written to {ISSUE_MOST} times within {in_words(ISSUE_WINDOW)}: something "
            "changes it back and forth. Look at its history for another bot or rule."
        )
        self.left = left


@dataclass(frozen=True, slots=True)
class Breaker:
    """Asked once by each run that is going to write, before its first write to an issue."""

    connection: str
    writes: Writes
    rules: LiveRules

    def let_pass(self, issue: str) -> None:
        """Count one more issue (id) as written to, and one more run that writes to it.

        Raises WritingHeld or WrittenTooOften when that is one too many.
        """
        # The rules of the run at work, so that one snapshot rules it to its end.
        limit = self.rules.taken.writes(self.connection) if self.rules.taken else WriteLimit()
        held = self.writes.ask(self.connection, issue, limit.most, limit.window)
        if held is None:
            if (left := self.writes.spend(self.connection, issue, ISSUE_MOST, ISSUE_WINDOW)) is not None:
                raise WrittenTooOften(left)
            return
        if held.is_new:
            log.error("writing is held", connection=self.connection, why=why_held(self.connection, held))
        raise WritingHeld(why_held(self.connection, held))

    def forget(self, issue: str) -> None:
        """Let the count name a deleted issue (id) no more."""
        self.writes.forget(self.connection, issue)

    def require_writing(self) -> None:
        """Raises WritingHeld while writing is held; counts nothing."""
        if (held := self.writes.held(self.connection)) is not None:
            raise WritingHeld(why_held(self.connection, held))


def why_held(connection: str, held: Held) -> str:
    """Why nothing is written, such that it stays true when writing goes on. The same for all that waits."""
    return (
        f"Writing to {connection} was held at {in_utc(held.since)}: {held.issues} issues were written to "
        f"within {in_words(held.window)}, the most the rules allow. Look at some of them; if they are right, "
        f"`sprintwarden resume {connection}` lets it go on."
    )
