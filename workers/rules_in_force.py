"""The rules all processes work by: published from the file by the clock, read from Redis by runs (P8)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import structlog

from rules.load import RuleBook, load_rules
from rules.problems import BadFile, Problem
from store.rulebook import RulebookShelf

log = structlog.get_logger("rules")

NAME = "rules.yaml"


class LiveRules:
    """The compiled rules of the version in force, for one process."""

    def __init__(self, shelf: RulebookShelf) -> None:
        self._shelf = shelf
        self._book: RuleBook | None = None
        self._refused: str | None = None

    def now(self) -> RuleBook | None:
        """The rules in force, compiled anew only when their version changed; None before the first good file.

        A run takes them once and keeps them to its end. A text that another release put in force and
        this one cannot read leaves the rules as they were.
        """
        version = self._shelf.version()
        held_already = self._book.version_id if self._book else None
        if version is not None and version not in (held_already, self._refused):
            held = self._shelf.in_force()
            if held is not None:
                self._take(held.version, held.text)
        return self._book

    def _take(self, version: str, text: bytes) -> None:
        try:
            self._book = load_rules(text, NAME)
        except BadFile as error:
            self._refused = version
            log.error("rules in force cannot be read by this release", version=version, error=str(error))


class RulesFile:
    """Watches the admin's file and puts each good text of it in force."""

    def __init__(self, path: Path, shelf: RulebookShelf) -> None:
        self._path = path
        self._shelf = shelf
        self._seen: str | None = None
        self._published = False

    def look(self) -> None:
        """Publish the file if its text changed since this process last looked, and is good.

        A bad, missing or unreadable file changes nothing but the note of what is wrong with it.
        """
        try:
            text = self._path.read_bytes()
        except OSError as error:
            why = f"the file cannot be read ({error.strerror})"
            self._turn("unreadable", [str(Problem(self._path.name, 1, 1, why))])
            return
        seen = hashlib.sha256(text).hexdigest()[:12]
        if seen == self._seen and not self._lost():
            return
        try:
            book = load_rules(text, self._path.name)
        except BadFile as error:
            self._turn(seen, [str(problem) for problem in error.problems])
            return
        if self._shelf.version() == book.version_id:
            self._shelf.accept()
        else:
            self._shelf.publish(book.version_id, text)
        self._seen = seen
        self._published = True

    def _lost(self) -> bool:
        """Whether Redis no longer has the text this process put there: it was flushed."""
        return self._published and self._shelf.version() is None

    def _turn(self, seen: str, problems: list[str]) -> None:
        if seen != self._seen:
            self._shelf.refuse(seen, problems)
            self._seen = seen
            self._published = False
