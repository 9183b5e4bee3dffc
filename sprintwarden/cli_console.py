"""``sprintwarden console-password``: the hash that people log in to the console against."""

from __future__ import annotations

import typer

from sprintwarden.settings import Complaint


def console_password() -> None:
    """Ask for a password of the console, twice, and print its hash and what to set. Keeps nothing."""
    from webhook_app.console.access import NoAccess, hash_of

    password = typer.prompt("Password of the console", hide_input=True, err=True)
    if typer.prompt("The same again", hide_input=True, err=True) != password:
        raise Complaint("The two were not the same. Nothing was made.")
    try:
        hashed = hash_of(password)
    except NoAccess as fault:
        raise Complaint(str(fault)) from None
    typer.echo(hashed)
    typer.echo(
        "Put this line into a file and name that in SPRINTWARDEN_CONSOLE_PASSWORD_HASH_FILE of the web "
        "process, or set SPRINTWARDEN_CONSOLE_PASSWORD_HASH to it, in single quotes: "
        "it holds $ signs. Then start the web process again; whoever was logged in logs in anew.",
        err=True,
    )
