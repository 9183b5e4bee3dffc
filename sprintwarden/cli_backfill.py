"""The command ``backfill``: labels for the issues that were there before."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]


def backfill(
    connection: Annotated[str, typer.Argument(help="A connection of connections.yaml.")],
    query: Annotated[
        str | None,
        typer.Option(
            "--query",
            help="Which issues: JQL on Jira, an IssueFilter as JSON on Linear. By default all that are open.",
        ),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write. Without it, only what would be done is told.")
    ] = False,
    most: Annotated[int, typer.Option("--most", min=1, help="Label this many issues at most.")] = 1000,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask whether to go on after many writes in a short time.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the backfill that is under way.")] = False,
    as_json: AsJson = False,
) -> None:
    """Label issues that were there before, by the rules in force; a dry run unless told to --apply.

    A bulk worker does the work: breaking this command off does not end it.
    """
    from sprintwarden.backfill_progress import telling
    from sprintwarden.backfill_showing import backfill_json, show_backfill
    from sprintwarden.backfilling import GOES_ON, Office
    from sprintwarden.columns import plain
    from sprintwarden.settings import Complaint, read_settings
    from store.backfills import Phase, Question, Wish

    if yes and not apply:
        raise Complaint("--yes answers a question that only --apply raises: give both, or neither.")
    office = Office.open(read_settings(), connection)
    if stop:
        typer.echo(office.stop(), err=True)
        return
    wishes = frozenset(wish for wish, is_meant in ((Wish.APPLY, apply), (Wish.SURE, yes)) if is_meant)
    question = Question(query, most)
    try:
        while True:
            office.ask(question, wishes)
            with telling() as tell:
                found = office.follow(tell).backfill
            if found.phase is not Phase.ASKS or not apply or not _may_ask():
                break
            if not typer.confirm(f"{found.said} Go on?", err=True):
                break
            wishes |= {Wish.SURE}
    except KeyboardInterrupt:
        typer.echo(GOES_ON, err=True)
        raise typer.Exit(130) from None
    told = backfill_json(connection, found)
    typer.echo(json.dumps(told, indent=2) if as_json else plain(show_backfill(connection, found)))
    if found.phase not in (Phase.PLANNED, Phase.DONE):
        raise typer.Exit(1)


def _may_ask() -> bool:
    return sys.stdin.isatty()
