"""The commands about the rules file as a file: ``check`` and ``schema``."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

USAGE = 2
"""Exit code of a command that was called wrongly."""


def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Rules files; by default the configured one."),
    ] = None,
    connection: Annotated[
        str | None, typer.Option(help="Also hold it against this tracker: labels, projects, boards, issues.")
    ] = None,
    fatal: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Make the warnings of this name errors; repeatable."),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Do not tell what is found under this name, such as unknown-label; repeatable.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Make every warning an error.")] = False,
    list_warnings: Annotated[
        bool, typer.Option("--list-warnings", help="List the names of warnings, and end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Check rules files: every error and warning with file, line and column.

    Labels the tracker does not have are errors; --allow unknown-label takes those that are to be new.

    Exit code 0 if there is no error, 1 if there is one, 2 if the command was called wrongly.
    """
    from rules.warning_names import WARNINGS
    from sprintwarden.checking import check_rules, names_given
    from sprintwarden.settings import Complaint, read_settings

    if list_warnings:
        width = max(map(len, WARNINGS))
        typer.echo(
            json.dumps(dict(WARNINGS), indent=2)
            if as_json
            else "\n".join(f"{name:<{width}}  {about}" for name, about in WARNINGS.items())
        )
        return
    try:
        made_fatal = names_given(fatal or ())
        allowed = names_given(allow or ())
    except Complaint as complaint:
        typer.echo(str(complaint), err=True)
        raise typer.Exit(USAGE) from None
    settings = read_settings()
    found = [
        finding
        for file in files or (None,)
        for finding in check_rules(
            settings,
            file,
            connection,
            fatal=WARNINGS if strict else made_fatal,
            allow=allowed,
            tell=partial(typer.echo, err=True),
        )
    ]
    errors = sum(finding.is_error for finding in found)
    if as_json:
        typer.echo(json.dumps([finding.to_json() for finding in found], indent=2))
    else:
        for finding in found:
            typer.echo(str(finding))
        typer.echo(_summary(errors, len(found) - errors), err=True)
    raise typer.Exit(1 if errors else 0)


def schema() -> None:
    """Print the JSON Schema of rules.yaml."""
    from rules.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


def _summary(errors: int, warnings: int) -> str:
    if not errors and not warnings:
        return "The rules are good."
    told = [_counted(number, noun) for number, noun in ((errors, "problem"), (warnings, "warning")) if number]
    return " and ".join(told) + "."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
