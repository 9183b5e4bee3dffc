"""The commands about sprints: ``forecast`` and ``backtest`` on files, ``sprints`` and ``snooze`` live."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]
DoneShare = Annotated[
    float,
    typer.Option(
        "--done-share",
        min=0.05,
        max=1.0,
        help="Less than this share of the commitment done is overcommitted.",
    ),
]
CreepShare = Annotated[
    float,
    typer.Option(
        "--creep-share", min=0.01, max=5.0, help="This share of it added by the end is scope creep."
    ),
]


def forecast(
    sprints: Annotated[
        Path,
        typer.Option("--sprints", help="A sprints.jsonl file of open sprints.", exists=True, dir_okay=False),
    ],
    history: Annotated[
        Path | None,
        typer.Option("--history", help="One of finished sprints to learn from.", exists=True, dir_okay=False),
    ] = None,
    done_share: DoneShare = 0.8,
    creep_share: CreepShare = 0.2,
) -> None:
    """Print what open sprints will come to: a JSON line for each moment of each, in the file's order."""
    from sprintwarden.forecasting import forecast as forecast_all

    # All before the first is printed: what a reader of the output gets is whole or nothing.
    lines = list(forecast_all(history, sprints, done_share, creep_share))
    sys.stdout.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def backtest(
    sprints: Annotated[
        Path,
        typer.Option(
            "--sprints", help="A sprints.jsonl file of finished sprints.", exists=True, dir_okay=False
        ),
    ],
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Draw the reliability curves to this SVG file.", dir_okay=False),
    ] = None,
    at: Annotated[
        float, typer.Option("--at", min=0.0, max=1.0, help="Forecast at this share of the planned time.")
    ] = 0.0,
    done_share: DoneShare = 0.8,
    creep_share: CreepShare = 0.2,
    as_json: AsJson = False,
) -> None:
    """Forecast past sprints from what was earlier, and hold that against the vendors' rules."""
    from classifiers.backtest import Bars
    from sprintwarden.backtesting import backtest as walk_through

    report = walk_through(sprints, at, Bars(done_share, creep_share), plot)
    typer.echo(json.dumps(report.to_json(), indent=2) if as_json else report.text())


def sprints(
    connection: Annotated[
        str | None, typer.Argument(help="A connection of connections.yaml; by default all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the sprints that are watched at present, and what was last found about each."""
    from sprintwarden.columns import plain
    from sprintwarden.settings import read_settings
    from sprintwarden.sprints import show_watched, watched

    found = watched(read_settings(), connection)
    typer.echo(json.dumps(found, indent=2) if as_json else plain("\n".join(show_watched(found))))


def snooze(
    connection: Annotated[str, typer.Argument(help="A connection of connections.yaml.")],
    sprint: Annotated[str, typer.Argument(help="A sprint's id, as `sprintwarden sprints` lists it.")],
    off: Annotated[bool, typer.Option("--off", help="Speak of it again.")] = False,
) -> None:
    """Be silent about a running sprint until it ends."""
    from sprintwarden.settings import read_settings
    from sprintwarden.sprints import snooze as snooze_sprint

    snooze_sprint(read_settings(), connection, sprint, on=not off)
    typer.echo("It is spoken of again." if off else "Nothing more is said about it.", err=True)
