"""The commands that tell what would be and what was: ``try`` and ``report``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sprintwarden.columns import plain
from sprintwarden.settings import Complaint, read_settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]


def try_rules(
    rules: Annotated[Path, typer.Option("--rules", help="The new rules file.", exists=True, dir_okay=False)],
    connection: Annotated[
        str | None, typer.Option("--connection", help="Try it on the newest issues of this connection.")
    ] = None,
    last: Annotated[
        int, typer.Option("--last", min=1, max=10_000, help="How many of the newest issues.")
    ] = 200,
    issues: Annotated[
        Path | None,
        typer.Option(
            "--issues", help="Try it on an issues.jsonl, asking no tracker.", exists=True, dir_okay=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a new rules file would do differently from the one in force. Writes nothing."""
    from sprintwarden.showing_trial import show_trial
    from sprintwarden.trying import try_on_connection, try_on_file
    from workers.try_rules import trial_json

    if issues is not None:
        trial = try_on_file(read_settings(), rules, issues, connection)
    elif connection is not None:
        trial = try_on_connection(read_settings(), rules, connection, last)
    else:
        raise Complaint("Name the issues to try it on: --connection, or --issues with a file.")
    as_text = json.dumps(trial_json(trial), indent=2, default=str) if as_json else plain(show_trial(trial))
    typer.echo(as_text)


def report(
    connection: Annotated[
        str | None, typer.Argument(help="A connection of connections.yaml; by default all.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3_650, help="How many days back.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Tell what was done in the last days and what people made of it; in a dry run, what would have been."""
    from sprintwarden.reporting import reported
    from sprintwarden.showing_report import report_json, show_report

    told = reported(read_settings(), connection, days)
    typer.echo(json.dumps(report_json(told), indent=2) if as_json else plain(show_report(told)))
