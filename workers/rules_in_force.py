"""The rules all processes work by: published from the file by the clock, read from Redis by runs (P8).

Several clocks may run on several machines, each with a rules file of its own, and while a deployment
is under way those differ. So that they never take turns in overruling each other

* a clock puts a text in force when it *sees its file change* to it;
* a clock that *starts* with another text than the one in force cannot see which of the two is newer.
  It puts its own in force if that never was before. One that was in force and made way for another waits
  until no other living clock's file holds what is in force: then it is a return to older rules and no
  machine left behind.

While files differ, ``/readyz`` says so.
"""

from __future__ import annotations

import hashlib
import socket
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from rules.load import RuleBook, load_rules, read_rules
from rules.problems import BadFile, Problem
from rules.source import MAX_BYTES
from store.rulebook import InForce, RulebookShelf

log = structlog.get_logger("rules")

NAME = "rules.yaml"
_TELL_EVERY_S: Final = 5.0
"""Often enough for a file to count as that of a living clock (``keys.RULES_FILE_LIFE``)."""


class LiveRules:
    """The compiled rules of the version in force, for one process."""

    def __init__(self, shelf: RulebookShelf) -> None:
        self._shelf = shelf
        self._refused: str | None = None
        self.taken: RuleBook | None = None
        """The rules as ``now`` last gave them: those of the run at work."""

    def now(self) -> RuleBook | None:
        """The rules in force, compiled anew only when their version changed; None before the first good file.

        A run takes them once and keeps them to its end. A text that another release put in force and
        this one cannot read leaves the rules as they were.
        """
        version = self._shelf.version()
        held_already = self.taken.version_id if self.taken else None
        if version is not None and version not in (held_already, self._refused):
            held = self._shelf.in_force()
            if held is not None:
                self._take(held.version, held.text)
        return self.taken

    def text(self) -> InForce | None:
        """The text in force, which this release may not be able to read; None before the first good file."""
        return self._shelf.in_force()

    def _take(self, version: str, text: bytes) -> None:
        try:
            self.taken = load_rules(text, NAME)
        except BadFile as error:
            self._refused = version
            log.error("rules in force cannot be read by this release", version=version, error=str(error))


@dataclass(frozen=True, slots=True)
class _Found:
    """What one look found: a text, or why there is none."""

    text: bytes = b""
    why_not: str | None = None

    @property
    def version(self) -> str:
        """What tells it from others: of a text its version."""
        told = self.text if self.why_not is None else self.why_not.encode()
        return hashlib.sha256(told).hexdigest()[:12]

    def problems(self, name: str) -> tuple[str, ...]:
        """What is wrong with it; nothing when it is good."""
        if self.why_not is not None:
            return (str(Problem(name, 1, 1, self.why_not)),)
        try:
            read_rules(self.text, name)
        except BadFile as error:
            return tuple(str(problem) for problem in error.problems)
        return ()


class RulesFile:
    """Watches the admin's file and puts each good text of it in force."""

    def __init__(self, path: Path, shelf: RulebookShelf) -> None:
        self._path = path
        self._shelf = shelf
        self._place = f"{socket.gethostname()}:{path.absolute()}"
        self._last: _Found | None = None
        self._ruling: InForce | None = None
        self._judged: tuple[_Found, tuple[str, ...]] | None = None
        self._good: str | None = None
        self._has_ruled = False
        self._told: tuple[str, float] | None = None

    def look(self) -> None:
        """Publish the file if its text changed since this process last looked, and is good.

        A text counts when two looks running found the same: of an editor that writes in place, the first
        half may be good rules too. Only where nothing is in force yet, one look is enough. A bad, missing
        or unreadable file changes nothing but the note of what is wrong with it.
        """
        self._keep_what_rules()
        found, before = self._read(), self._last
        self._last = found
        if found != before and self._ruling is not None:
            return
        problems = self._problems(found)
        if problems:
            self._tell(found, problems)
        else:
            self._offer(found)

    def leave(self) -> None:
        """This clock ends, and its file is soon not to be waited for any more."""
        self._shelf.leave(self._place)

    def _keep_what_rules(self) -> None:
        """Have at hand what is in force, and put it back where Redis has lost it, or its last second.

        By the text all clocks remember, and not by their files: one of those may be bad or behind.
        """
        ruling, version = self._ruling, self._shelf.version()
        if version == (ruling.version if ruling else None):
            return
        held = self._shelf.in_force()
        # Whatever is put in force is younger than what it takes the place of.
        if ruling is not None and (held is None or held.since < ruling.since):
            self._shelf.publish(ruling.version, ruling.text, ruling.since)
            self._told = None
        else:
            self._ruling = held

    def _read(self) -> _Found:
        try:
            # Asked first: opening a pipe would wait for somebody to write to it.
            about = self._path.stat()
            if not stat.S_ISREG(about.st_mode):
                return _Found(why_not="this is a folder or a device, and no file")
            if about.st_size > MAX_BYTES:
                return _Found(
                    why_not=f"the file is {about.st_size:,} bytes long; at most {MAX_BYTES:,} are read"
                )
            with self._path.open("rb") as file:
                return _Found(file.read(MAX_BYTES + 1))
        except OSError as error:
            return _Found(why_not=f"the file cannot be read ({error.strerror})")

    def _problems(self, found: _Found) -> tuple[str, ...]:
        if self._judged is None or self._judged[0] != found:
            self._judged = found, found.problems(self._path.name)
        return self._judged[1]

    def _offer(self, found: _Found) -> None:
        """Put a good text in force, if it is this file's turn."""
        version, ruling = found.version, self._ruling.version if self._ruling else None
        is_saved = self._good not in (None, version)
        # First told, then ruling: a clock that starts in between must not find that no file holds it.
        self._tell(found, ())
        if version == ruling:
            self._has_ruled = True
        elif is_saved or (not self._has_ruled and self._may_begin(version)):
            self._shelf.publish(version, found.text)
            self._ruling = self._shelf.in_force()
            self._has_ruled = True
            log.info("rules are in force", version=version, instead_of=ruling)
        # Last: should Redis fail on the way, the next look finds the same still to be done.
        self._good = version

    def _may_begin(self, version: str) -> bool:
        """Whether a clock that has just started may put its own text in force."""
        ruling = self._ruling.version if self._ruling else None
        if ruling is None or not self._shelf.made_way(version):
            return True
        return all(seen.version != ruling for seen in self._shelf.files())

    def _tell(self, found: _Found, problems: tuple[str, ...]) -> None:
        now = time.monotonic()
        if self._told and self._told[0] == found.version and now - self._told[1] < _TELL_EVERY_S:
            return
        if problems:
            self._shelf.refuse(self._place, found.version, problems)
        else:
            self._shelf.accept(self._place, found.version)
        self._told = found.version, now
