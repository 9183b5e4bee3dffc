"""The commands ``connect`` and ``doctor``: a tracker connected, and the proof that it is."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from rules.connection_schema import Deployment, WebhookAuth
from trackers.model import TrackerKind

_JIRA: Final = "Jira"
_LINEAR: Final = "Linear"
_HOOK: Final = "The webhook"
_ENV: Final = "Environment variable that holds"
_FILE: Final = "File that holds"


def _text(help_: str, panel: str | None = None) -> Any:
    """An option with a word for its value."""
    return typer.Option(help=help_, rich_help_panel=panel)


def connect(
    name: Annotated[str | None, typer.Argument(help="The connection's name, such as acme-jira.")] = None,
    tracker: Annotated[TrackerKind | None, _text("Which tracker.")] = None,
    projects: Annotated[
        str | None, typer.Option("--projects", "--teams", help="Keys of projects or teams, comma between.")
    ] = None,
    service_account: Annotated[
        bool | None, _text("Whether nobody but this service uses the account.")
    ] = None,
    write: Annotated[
        bool | None, typer.Option("--write/--print", help="Write connections.yaml, or print what to add.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a connection of this name.")] = False,
    deployment: Annotated[Deployment | None, _text("Which one, where the site does not say.", _JIRA)] = None,
    url: Annotated[str | None, _text("The site's address.", _JIRA)] = None,
    email: Annotated[str | None, _text("Cloud: the address of the token's account.", _JIRA)] = None,
    token_env: Annotated[str | None, _text(f"{_ENV} the token.", _JIRA)] = None,
    token_file: Annotated[Path | None, _text(f"{_FILE} the token.", _JIRA)] = None,
    boards: Annotated[str | None, _text('Boards whose sprints are watched; "" for none.', _JIRA)] = None,
    gateway: Annotated[
        str | None, _text("Cloud: where scoped tokens are good, if not at api.atlassian.com.", _JIRA)
    ] = None,
    key_env: Annotated[str | None, _text(f"{_ENV} the API key.", _LINEAR)] = None,
    key_file: Annotated[Path | None, _text(f"{_FILE} the API key.", _LINEAR)] = None,
    client_id: Annotated[str | None, _text("Client id of an OAuth application.", _LINEAR)] = None,
    secret_env: Annotated[str | None, _text(f"{_ENV} the client secret.", _LINEAR)] = None,
    secret_file: Annotated[Path | None, _text(f"{_FILE} the client secret.", _LINEAR)] = None,
    cycles: Annotated[bool | None, _text("Whether the teams' cycles are watched.", _LINEAR)] = None,
    webhook: Annotated[
        bool | None, _text("Whether the tracker can reach this service; else it is polled.", _HOOK)
    ] = None,
    public_url: Annotated[
        str | None, _text("Where trackers find this service; default SPRINTWARDEN_PUBLIC_URL.", _HOOK)
    ] = None,
    hook_secret_env: Annotated[str | None, _text(f"{_ENV} its secret.", _HOOK)] = None,
    hook_secret_file: Annotated[Path | None, _text(f"{_FILE} its secret.", _HOOK)] = None,
    hook_auth: Annotated[
        WebhookAuth | None, _text("Jira: how its deliveries are proven; basic or token before 10.", _HOOK)
    ] = None,
    hook_user: Annotated[str | None, _text("The user of --hook-auth basic.", _HOOK)] = None,
    register: Annotated[bool | None, _text("Whether to make it in the tracker.", _HOOK)] = None,
) -> None:
    """Connect a tracker: asks for what no flag says, looks around there, writes connections.yaml.

    A secret is typed hidden, or named by a variable or file; it is never part of the command.
    """
    from rules.connection_schema import Url
    from sprintwarden.asking import Terminal, fitting
    from sprintwarden.connecting import connect as walk
    from sprintwarden.probing import GATEWAY
    from sprintwarden.reaching import Given, Where
    from sprintwarden.settings import read_settings

    given = Given(
        name=name,
        tracker=tracker,
        deployment=deployment,
        url=url,
        email=email,
        token=Where("--token", token_env, token_file),
        key=Where("--key", key_env, key_file),
        client_id=client_id,
        client_secret=Where("--secret", secret_env, secret_file),
        places=_listed(projects),
        boards=_listed(boards),
        cycles=cycles,
        service_account=service_account,
        webhook=webhook,
        public_url=public_url,
        hook_secret=Where("--hook-secret", hook_secret_env, hook_secret_file),
        hook_auth=hook_auth,
        hook_user=hook_user,
        register=register,
        write=write,
        replace=replace,
        gateway=fitting(Url, gateway, "--gateway") if gateway is not None else GATEWAY,
    )
    text = walk(read_settings(), given, Terminal())
    if text is not None:
        typer.echo(text, nl=False)


def doctor(
    connection: Annotated[
        str | None, typer.Argument(help="A connection of connections.yaml; by default all.")
    ] = None,
    touch: Annotated[
        str | None, typer.Option(metavar="ISSUE", help="Change this issue and back, and see it come.")
    ] = None,
    public_url: Annotated[
        str | None, typer.Option(help="Where trackers find this service; default SPRINTWARDEN_PUBLIC_URL.")
    ] = None,
    mend: Annotated[bool, typer.Option("--mend", help="Switch webhooks on again that are off.")] = False,
    wait: Annotated[
        float,
        typer.Option(
            min=0, max=600, help="Seconds to wait for the touched issue, from the next catch-up if polled."
        ),
    ] = 60,
    strict: Annotated[bool, typer.Option("--strict", help="Exit code 1 for a warning, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Look at everything again and prove that it works. Exit code 1 when something fails."""
    from rules.connection_schema import Url
    from sprintwarden.asking import fitting
    from sprintwarden.doctoring import Wish, examine, show
    from sprintwarden.settings import read_settings
    from trackers.probe import Level

    url = fitting(Url, public_url, "--public-url") if public_url is not None else None
    wish = Wish(connection, touch, url, mend, timedelta(seconds=wait))
    groups = []
    for group in examine(read_settings(), wish):
        groups.append(group)
        if not as_json:
            typer.echo(show(group))
    if as_json:
        told = [{"group": group.name} | asdict(one) for group in groups for one in group.findings]
        typer.echo(json.dumps(told, indent=2))
    bad = (Level.FAIL, Level.WARN) if strict else (Level.FAIL,)
    raise typer.Exit(int(any(one.level in bad for group in groups for one in group.findings)))


def _listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(one.strip() for one in text.split(",") if one.strip())
