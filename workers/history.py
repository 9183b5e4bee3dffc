"""Training data from a connection: its past issues, page by page into a file of JSON Lines.

The file is that of ``train --issues``, with keys of our own beside: ``key``, ``resolved``, and where
they say something ``as_filed`` (false: the text was edited later and its first form is lost),
``ours`` (tags we set and nobody confirmed, to be left out of training) and ``weight``. People's
names go to a file beside it, to be kept out of vocabularies.

A gathering may be killed at any moment: it goes on with the page it was at, and the file becomes
what it would have become.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final, Self

import orjson

from rules.connections import Connection
from trackers.errors import Gone, Rejected, TrackerError
from trackers.model import PastIssue, component_label
from trackers.protocol import Page, Tracker
from workers.patience import patiently

CONFIRMED: Final = 3.0
"""What an issue counts with a tag of ours that people left on while they closed or edited it."""
CORRECTED: Final = 3.0
"""What an issue counts from which people took a tag of ours."""
RESUMABLE: Final = timedelta(days=7)
"""How long a gathering can be taken up again: Jira's page tokens live no longer, and data ages."""
SWEPT: Final = RESUMABLE + timedelta(days=1)
"""How old a gathering is swept: a training that was given one at the last moment has long read it."""
_ISSUES, _PEOPLE, _STATE = "issues.jsonl", "people.json", "state.json"
_FILES: Final = (_PEOPLE, f"{_PEOPLE}.new", _STATE, f"{_STATE}.new", _ISSUES)
"""Deleted in this order: the last is the one that is locked, and by which the others are found."""


class NotGathered(Exception):
    """The issues could not be had; the message is a sentence. What was gathered is kept."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a gathering is."""

    issues: int
    total: int | None
    """About how many there will be, where the tracker says."""
    waiting: str | None = None
    """Why it stands still just now."""


@dataclass(frozen=True, slots=True)
class HistoryFile:
    """A finished gathering."""

    issues: Path
    """JSON Lines, an issue each."""
    people: Path
    """A JSON list of display names."""
    count: int
    moved: int
    """Issues left out because they were filed in another project, whose tags are not theirs now."""


def gather(
    tracker: Tracker,
    connection: Connection,
    folder: Path,
    *,
    since: datetime | None = None,
    progress: Callable[[Progress], None],
    wait: Callable[[float], None],
    page_size: int | None = None,
    passing: Collection[str] = (),
) -> HistoryFile:
    """Gather the issues of the connection's projects, filed at ``since`` or later, into ``folder``.

    Goes on where an earlier call with the same question ended, whatever ended it; a finished
    gathering is given back as it is until ``discard``, at most ``RESUMABLE`` long. ``progress`` is
    told after every page, ``wait`` is given seconds to wait. ``passing`` names labels that say nothing of
    an issue but where it stood for a while; they are left out. Raises NotGathered.
    """
    question = {
        "connection": connection.name,
        "projects": sorted(connection.projects),
        "since": since.isoformat() if since else None,
    }
    with _Shelf(folder, question, frozenset(name.casefold() for name in passing)) as shelf:
        state = shelf.state

        def ask() -> Page:
            return tracker.past(connection.projects, state.next, since, page_size)

        def waiting(seconds: float, why: str) -> None:
            progress(Progress(state.issues, state.total, why))
            wait(seconds)

        resumed = state.next is not None
        while not state.done:
            try:
                page = patiently(ask, waiting)
            except TrackerError as error:
                if not (resumed and isinstance(error, Rejected | Gone)):
                    raise _gave_up(connection, error) from error
                # The tracker has forgotten the place. From the start, then; what is here is not repeated.
                state.next = None
            else:
                shelf.add(page)
                progress(Progress(state.issues, state.total))
            resumed = False
        return HistoryFile(folder / _ISSUES, folder / _PEOPLE, state.issues, len(state.moved))


def discard(folder: Path) -> None:
    """Delete all that was gathered into ``folder``, and the folder where nothing else is in it."""
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def sweep(history: Path) -> None:
    """Delete from the folders in ``history`` what is too old to go on with, unless somebody is at it."""
    for issues in history.glob(f"*/{_ISSUES}"):
        # Taken by a gathering, or gone meanwhile.
        with suppress(OSError), issues.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if datetime.now(UTC) - _began(issues.parent) >= SWEPT:
                discard(issues.parent)


def _began(folder: Path) -> datetime:
    try:
        return datetime.fromisoformat(orjson.loads((folder / _STATE).read_bytes())["began"])
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        # It died over its first page.
        return datetime.fromtimestamp((folder / _ISSUES).stat().st_mtime, UTC)


def line(issue: PastIssue) -> dict[str, Any]:
    """An issue as one line of the file."""
    told: dict[str, Any] = {
        "id": issue.id,
        "key": issue.key,
        "project": issue.project,
        "created": issue.created.astimezone(UTC).isoformat(),
        "title": issue.title,
        "body": issue.body,
        "type": issue.type,
        "labels": [label.path for label in issue.labels],
        "components": list(issue.components),
        "resolved": issue.resolved,
    }
    if not issue.as_filed:
        told["as_filed"] = False
    return told | _judged(issue)


def _judged(issue: PastIssue) -> dict[str, Any]:
    """What people made of the tags we put on it: confirmed, taken off, or nothing yet."""
    now = {label.id: label.path for label in issue.labels}
    now |= {component_label(name).id: name for name in issue.components}
    kept = issue.labels_by_us & now.keys()
    confirmed = bool(kept) and (issue.resolved or issue.handled)
    told: dict[str, Any] = {}
    if kept and not confirmed:
        told["ours"] = sorted(now[id_] for id_ in kept)
    weights = [CONFIRMED] * confirmed + [CORRECTED] * bool(issue.taken_off)
    return told | ({"weight": max(weights)} if weights else {})


def _gave_up(connection: Connection, error: TrackerError) -> NotGathered:
    return NotGathered(f"{connection.name}: {error} What was gathered is kept: the same command goes on.")


@dataclass
class _State:
    """How far the files are. Written after each page, so that whatever is in them beyond it is void."""

    question: Mapping[str, Any]
    began: datetime
    next: str | None = None
    done: bool = False
    size: int = 0
    """Of the issues' file, in bytes."""
    issues: int = 0
    total: int | None = None
    moved: list[str] = field(default_factory=list)
    """Ids of issues left out."""


class _Shelf:
    """The files of one gathering; nobody else writes them meanwhile."""

    def __init__(self, folder: Path, question: Mapping[str, Any], passing: frozenset[str]) -> None:
        self._folder = folder
        self._question = question
        self._passing = passing

    def __enter__(self) -> Self:
        """Take the folder; go on from what is there or begin anew. Raises NotGathered when it is taken."""
        self._file = self._take()
        # Swept just as it was opened: what is written to it now is nowhere.
        while os.fstat(self._file.fileno()).st_nlink == 0:
            self._file.close()
            self._file = self._take()
        self.state = self._earlier() or _State(self._question, datetime.now(UTC))
        self._file.truncate(self.state.size)
        self._seen = {orjson.loads(text)["id"] for text in self._file} | set(self.state.moved)
        self._people = set(self._read(_PEOPLE) or ()) if self._seen else set()
        return self

    def _take(self) -> IO[bytes]:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        file = os.fdopen(os.open(self._folder / _ISSUES, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise NotGathered(
                f"Another process is gathering into {self._folder}; wait until it is done."
            ) from None
        return file

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, page: Page) -> None:
        """Keep what is new on a page, and then that it is kept."""
        state = self.state
        if page.next is not None and page.next == state.next:
            raise NotGathered("The tracker gives the same page again and again; nothing more can be had.")
        fresh = {issue.id: issue for issue in page.issues if issue.id not in self._seen}
        self._seen |= fresh.keys()
        kept = [self._lasting(issue) for issue in fresh.values() if not issue.moved]
        lines = [orjson.dumps(line(issue)) + b"\n" for issue in kept]
        self._file.seek(0, os.SEEK_END)
        self._file.writelines(lines)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._people.update(*(issue.people for issue in fresh.values()))
        self._write(_PEOPLE, sorted(self._people))
        state.moved += [id_ for id_, issue in fresh.items() if issue.moved]
        state.size, state.issues = self._file.tell(), state.issues + len(lines)
        state.total = page.total if page.total is not None else state.total
        state.next, state.done = page.next, page.next is None
        self._write(_STATE, state)

    def _lasting(self, issue: PastIssue) -> PastIssue:
        passing = {label.id for label in issue.labels if label.path.casefold() in self._passing}
        # On Jira a label that is gone is known by its name alone.
        passing |= {id_ for id_ in issue.labels_by_us | issue.taken_off if id_.casefold() in self._passing}
        return replace(
            issue,
            labels=tuple(label for label in issue.labels if label.id not in passing),
            labels_by_us=issue.labels_by_us - passing,
            taken_off=issue.taken_off - passing,
        )

    def _earlier(self) -> _State | None:
        """Where an earlier gathering of the same question is, unless it is too old or its file is short."""
        try:
            raw = self._read(_STATE)
            state = _State(**raw | {"began": datetime.fromisoformat(raw["began"])}) if raw else None
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
        if state is None or state.question != self._question:
            return None
        fresh = datetime.now(UTC) - state.began < RESUMABLE
        return state if fresh and os.fstat(self._file.fileno()).st_size >= state.size else None

    def _read(self, name: str) -> Any:
        """What stands in a JSON file; None where there is no such file."""
        try:
            return orjson.loads((self._folder / name).read_bytes())
        except FileNotFoundError:
            return None

    def _write(self, name: str, value: object) -> None:
        """Replace a JSON file, whole or not at all."""
        new = self._folder / f"{name}.new"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(orjson.dumps(value))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._folder / name)
