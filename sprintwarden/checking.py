"""``check``: what is wrong with a rules file, what in it is surely not meant, and what a tracker lacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from rules.checking import Finding, check_text
from rules.lint_connection import lint_watched
from rules.problems import BadFile, Problem
from rules.source import Source
from rules.validate import did_you_mean
from rules.warning_names import WARNINGS
from rules.watched import watched
from sprintwarden.alone import OwnCache, OwnGate
from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import named, read_connections


def check_rules(
    settings: Settings,
    file: Path | None,
    connection: str | None,
    *,
    fatal: Collection[str] = (),
    allow: Collection[str] = (),
    today: date | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> tuple[Finding, ...]:
    """Everything wrong with ``file`` (by default the configured one), and its warnings, by position.

    With ``connection``, also what that tracker does not have; ``tell`` is given, in a sentence, what it
    cannot be asked. Without it, what no connection of the connections.yaml beside the file watches. Warnings
    named in ``fatal`` are errors, and what is named in ``allow`` is not told. ``today`` (by default the
    present day, UTC) tells what is over. Raises Complaint when the connection is not there.
    """
    path = file or settings.rules_file
    try:
        text = path.read_bytes()
    except OSError as error:
        # Told like any other fault, for other files may be asked about with it.
        return (Finding(Problem(str(path), 1, 1, f"this file cannot be read: {error.strerror}")),)
    found = check_text(
        text,
        str(path),
        today or datetime.now(UTC).date(),
        lambda source: (
            _unwatched(source, path.parent / settings.connections_file.name)
            if connection is None
            else _on(settings, connection, source, tell)
        ),
    )
    told = (replace(one, is_error=True) if one.name in fatal else one for one in found)
    return tuple(one for one in told if one.name not in allow)


def _unwatched(source: Source, connections: Path) -> Iterator[Finding]:
    """The layers for what no connection of this file watches, as far as it can be read and tells."""
    try:
        every = watched(connections.read_bytes(), str(connections))
    except (OSError, BadFile):
        return
    if every and all(one.projects for one in every):
        yield from map(Finding.warning, lint_watched(source, every))


def _on(settings: Settings, name: str, source: Source, tell: Callable[[str], None]) -> Iterable[Finding]:
    """What the tracker of a connection does not have."""
    # What talks to trackers takes a while to load; most who check a file need none of it.
    from workers.check_rules import HeldAgainst
    from workers.shop import open_tracker

    every = read_connections(settings.connections_file)
    connection = named(every, name)
    tracker, _ = open_tracker(connection, OwnGate(), OwnCache())
    return HeldAgainst(source, connection, every, tracker).findings(tell)


def names_given(names: Collection[str]) -> frozenset[str]:
    """``names`` of warnings. Raises Complaint about one that there is not."""
    for name in names:
        if name not in WARNINGS:
            raise Complaint(
                f'There is no warning "{name}"{did_you_mean(name, list(WARNINGS))}; '
                "`sprintwarden check --list-warnings` names them all."
            )
    return frozenset(names)
