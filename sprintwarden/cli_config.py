"""``explain-config``: what holds for a project or team, and the line of the rules file that says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def explain_config(
    project: Annotated[str, typer.Argument(help="A Jira project key or Linear team key, or CONNECTION/KEY.")],
    connection: Annotated[
        str | None,
        typer.Option("--connection", help="By default those of connections.yaml that name the project."),
    ] = None,
    board: Annotated[
        str | None,
        typer.Option("--board", help="A Jira board's number, for what holds for its sprints."),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option("--rules", help="A rules file; by default the configured one.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also what nobody set: the built-in defaults.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for a machine, with every setting.")
    ] = False,
) -> None:
    """Show the settings and rules that hold for a project or team, each with the line it comes from.

    While the rules file has mistakes they are printed, and what is in force instead; the exit code is 1.
    """
    from sprintwarden.config_explained import Question, explained, show
    from sprintwarden.settings import read_settings

    told = explained(read_settings(), Question.of(project, connection, board), rules)
    for remark in told.remarks:
        typer.echo(remark, err=True)
    typer.echo(
        json.dumps(told.to_json(), indent=2, ensure_ascii=False) if as_json else show(told, every=every)
    )
    raise typer.Exit(1 if told.refused else 0)
