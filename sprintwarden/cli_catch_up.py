"""The command ``catch-up``: have a tracker asked now what changed, and say what is looked at for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from datetime import datetime


def catch_up(
    connection: Annotated[
        str | None, typer.Argument(help="A connection of connections.yaml; by default all of them.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            help="From when: a span such as 2h or 3d, or a moment such as 2026-11-20T08:00 (UTC unless it "
            "says otherwise). By default from where the last one ended. Issues filed since then are new.",
        ),
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Ask for it, and do not wait for it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Ask the trackers what changed, and have what no webhook told of worked. A live worker does it."""
    from sprintwarden.catching_up import Office, as_told, show
    from sprintwarden.columns import plain
    from sprintwarden.settings import read_settings

    office = Office.open(read_settings(), connection)
    asked = office.ask(_moment(since, office.now()) if since is not None else None)
    if no_wait:
        typer.echo(f"Asked for: {', '.join(asked)}.", err=True)
        return
    try:
        found = [as_told(name, office.follow(name, one, _say)) for name, one in asked.items()]
    except KeyboardInterrupt:
        typer.echo("It goes on without you.", err=True)
        raise typer.Exit(130) from None
    typer.echo(json.dumps(found, indent=2) if as_json else plain("\n".join(map(show, found))))


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _moment(text: str, now: datetime) -> datetime:
    """The moment that ``--since`` means. Raises Complaint."""
    from datetime import UTC, datetime

    from rules.fields import read_duration
    from sprintwarden.settings import Complaint

    try:
        moment = now - read_duration(text)
    except ValueError:
        try:
            told = datetime.fromisoformat(text)
        except ValueError:
            raise Complaint(
                f"--since: {text!r} is neither a span such as 2h or 3d (a whole number with s, m, h or d, at "
                "most 366d) nor a moment such as 2026-11-20T08:00."
            ) from None
        moment = told if told.tzinfo else told.replace(tzinfo=UTC)
    if moment > now:
        raise Complaint("--since: that lies in the future.")
    return moment
