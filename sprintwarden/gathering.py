"""Training data from a connection, with a progress bar: the glue of ``train --connection``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from time import sleep

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from rules.connections import Connection
from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import named, read_connections
from store.budget import Budget
from store.cache import Cache
from store.connect import connect
from store.rulebook import RulebookShelf
from trackers.limits import host_of
from workers import history
from workers.gate import SharedGate
from workers.history import HistoryFile, NotGathered
from workers.rules_in_force import LiveRules
from workers.shop import HISTORY, open_tracker


def folder_of(settings: Settings, connection: str) -> Path:
    """Where what a connection gave is kept until the training is over."""
    return settings.data / HISTORY / connection


def gather_history(settings: Settings, name: str, since: datetime | None = None) -> HistoryFile:
    """Gather the past issues of a connection, filed at ``since`` or later, and show how far it is.

    It may be broken off at any time and goes on when called again; ``workers.history.discard`` deletes
    everything once the training is over. It shares the limits of the running service, so it needs
    its Redis. Raises Complaint.
    """
    connection = named(read_connections(settings.connections_file), name)
    redis = connect(settings.redis())
    gate = SharedGate(Budget(redis, host_of(connection.url), connection.account))
    tracker, _ = open_tracker(connection, gate, Cache(redis, connection.name, connection.account))
    history.sweep(settings.data / HISTORY)
    book = LiveRules(RulebookShelf(redis)).now()
    with _bar() as bar:
        task = bar.add_task(connection.name, total=None)
        try:
            return history.gather(
                tracker,
                connection,
                folder_of(settings, name),
                since=since,
                progress=lambda at: _show(bar, task, connection, at),
                wait=sleep,
                passing=book.scope_labels if book else (),
            )
        except NotGathered as error:
            raise Complaint(str(error)) from error


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )


def _show(bar: Progress, task: TaskID, connection: Connection, at: history.Progress) -> None:
    told = f"{connection.name}: {at.waiting}" if at.waiting else f"{connection.name}: issues"
    # A tracker that only estimates its total must not be seen to go beyond it.
    total = max(at.total, at.issues) if at.total is not None else None
    bar.update(task, completed=at.issues, total=total, description=told)
