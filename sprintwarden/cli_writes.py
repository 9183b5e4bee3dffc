"""``resume``: let writing go on after the limit of writes has stopped it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trackers.spans import in_utc, in_words

if TYPE_CHECKING:
    from sprintwarden.settings import Settings


def resume(
    connection: Annotated[str, typer.Argument(help="A connection of connections.yaml.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Let writing to a tracker go on, after more was written in a short time than the rules allow."""
    from sprintwarden.settings import read_settings

    told = lift(read_settings(), connection)
    typer.echo(json.dumps(told, indent=2) if as_json else show(told))


def lift(settings: Settings, connection: str) -> dict[str, Any]:
    """What was held and for how long; the hold is lifted. Raises Complaint for an unknown connection."""
    from sprintwarden.wiring import named, read_connections
    from store.connect import connect
    from store.writes import Writes

    named(read_connections(settings.connections_file), connection)
    writes = Writes(connect(settings.redis()))
    held = writes.held(connection)
    if held is None:
        return {"connection": connection, "was_held": False}
    writes.lift(connection)
    return {
        "connection": connection,
        "was_held": True,
        "since": held.since.isoformat(),
        "issues_written": held.issues,
        "most": held.most,
        "window_s": int(held.window.total_seconds()),
    }


def show(told: dict[str, Any]) -> str:
    """The same for people."""
    if not told["was_held"]:
        return f"Writing to {told['connection']} was not held: nothing has changed."
    window = in_words(timedelta(seconds=told["window_s"]))
    return (
        f"Writing to {told['connection']} was held since {in_utc(told['since'])}: "
        f"{told['issues_written']} issues had been written to within {window}. It goes on now, counted anew; "
        f"what waits is looked at within about a minute. Should {told['most']} be too few for what is usual "
        'here, raise "writes" in rules.yaml.'
    )
