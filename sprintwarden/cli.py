"""``sprintwarden``: one command, a sub-command per task."""

from __future__ import annotations

import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from redis.exceptions import RedisError

from sprintwarden import (
    cli_backfill,
    cli_catch_up,
    cli_check,
    cli_config,
    cli_connect,
    cli_console,
    cli_sprints,
    cli_tagger,
    cli_try,
    cli_writes,
    logs,
)
from sprintwarden.columns import plain
from sprintwarden.settings import Complaint, Settings, read_settings
from sprintwarden.supervisor import PARENT
from store.inbox import Inbox
from trackers.errors import TrackerError
from trackers.model import Subject, TrackerKind
from workers.lifeline import end_with_parent

app = typer.Typer(
    name="sprintwarden",
    help="Labels new issues in Jira and Linear, warns of sprints that hold too much, says why, and never "
    "argues with a person.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
letters = typer.Typer(help="Work that was given up: look at it, put it back.", no_args_is_help=True)
app.add_typer(letters, name="dead-letters")
app.add_typer(cli_tagger.models, name="model")
for command in (
    cli_connect.connect,
    cli_connect.doctor,
    cli_check.check,
    cli_check.schema,
    cli_config.explain_config,
    cli_try.report,
    cli_backfill.backfill,
    cli_catch_up.catch_up,
    cli_writes.resume,
    cli_console.console_password,
    cli_tagger.train,
    cli_tagger.predict,
    cli_tagger.evaluate,
    cli_sprints.forecast,
    cli_sprints.backtest,
    cli_sprints.sprints,
    cli_sprints.snooze,
):
    app.command()(command)
app.command("try")(cli_try.try_rules)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]
RulesPath = Annotated[
    Path | None, typer.Option("--rules", help="A rules file; by default the configured one.")
]


class QueueName(StrEnum):
    LIVE = "live"
    BULK = "bulk"


def main() -> None:
    """Run the command; what a user can mend is said in sentences, and the exit code is 1 (2 for usage)."""
    logs.configure()
    if supervisor := os.environ.pop(PARENT, None):
        end_with_parent(int(supervisor))
    try:
        app()
    except (Complaint, TrackerError) as complaint:
        sys.stderr.write(f"{plain(str(complaint))}\n")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except RedisError as error:
        from store.connect import trouble

        sys.stderr.write(f"{trouble(error)}\n")
        raise SystemExit(1) from None


@app.command()
def demo(once: Annotated[bool, typer.Option("--once", help="End after the story.")] = False) -> None:
    """Play a story through real processes on this machine, against a toy Jira and a toy Linear."""
    from sprintwarden.demo import play

    raise typer.Exit(play(once=once))


@app.command()
def run() -> None:
    """Run every process of the service here, with an embedded Redis unless REDIS_URL is set."""
    from sprintwarden.running import run as run_all

    run_all(read_settings())


@app.command()
def serve() -> None:
    """Run the web process: takes webhooks, answers health and metrics."""
    from sprintwarden.serving import serve as serve_web

    serve_web(read_settings())


@app.command()
def work(queue: Annotated[QueueName, typer.Argument()] = QueueName.LIVE) -> None:
    """Run the workers of one queue."""
    from sprintwarden.wiring import build_pool, build_shop

    settings = read_settings()
    count = settings.workers if queue is QueueName.LIVE else settings.bulk_workers
    pool = build_pool(settings, queue, count)
    build_shop(settings)
    pool.start(logging_level="WARNING")


@app.command()
def clock() -> None:
    """Run a clock: wakes workers for what is due and puts the newest good rules in force."""
    import signal
    from threading import Event

    from sprintwarden.wiring import build_clock
    from workers.clock import run_clock

    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    run_clock(build_clock(read_settings()), stop)


@app.command()
def replay(
    payload: Annotated[Path, typer.Argument(help="A saved webhook body.", exists=True, dir_okay=False)],
    tracker: Annotated[TrackerKind, typer.Option(help="Whose webhook it is.")],
    rules: RulesPath = None,
    model: Annotated[
        list[Path] | None,
        typer.Option("--model", help="A model's folder; once for each of labels, components and type."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show, offline, what a saved webhook body would lead to. Exit code 0 unless it is refused."""
    from sprintwarden.offline import read_rules, read_taggers
    from sprintwarden.offline import replay as replay_body
    from sprintwarden.showing import show_replay

    book = read_rules(rules or read_settings().rules_file)
    told = replay_body(tracker, payload.read_bytes(), book, read_taggers(model or []))
    typer.echo(json.dumps(told, indent=2) if as_json else plain(show_replay(told)))
    raise typer.Exit(1 if told["status"] == "refused" else 0)


@app.command()
def explain(
    connection: Annotated[str, typer.Argument(help="A connection of connections.yaml.")],
    issue: Annotated[str, typer.Argument(help="An issue's key or id; of a sprint sprint:ID.")],
    every: Annotated[
        bool, typer.Option("--all", help="Every decision, and all that silent rules lack.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what was decided about an issue, what would be done now, and why nothing was. Writes nothing."""
    from sprintwarden.explaining import explain as explain_issue
    from sprintwarden.explaining import explain_sprint
    from sprintwarden.showing import show_explanation, show_sprint

    kind, colon, id_ = issue.partition(":")
    if colon and kind == "sprint":
        found = explain_sprint(read_settings(), connection, id_)
        typer.echo(json.dumps(found, indent=2) if as_json else plain(show_sprint(found)))
        return
    told = explain_issue(read_settings(), connection, issue)
    typer.echo(json.dumps(told, indent=2) if as_json else plain(show_explanation(told, every=every)))


@letters.command("list")
def list_dead(as_json: AsJson = False) -> None:
    """List what was given up, newest first, with its cause."""
    from sprintwarden.showing import show_dead

    dead = _inbox(read_settings()).dead()
    told = [
        {
            "subject": str(letter.subject),
            "since": letter.since.isoformat(timespec="seconds"),
            "attempts": letter.attempts,
            "hints": letter.hints,
            "cause": letter.cause,
        }
        for letter in dead
    ]
    typer.echo(json.dumps(told, indent=2) if as_json else plain(show_dead(told)))


@letters.command("retry")
def retry_dead(
    subjects: Annotated[list[str] | None, typer.Argument(help="Subjects as `list` shows them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> None:
    """Put dead letters back with fresh attempts."""
    inbox = _inbox(read_settings())
    if not subjects and not every:
        raise Complaint(
            "Name the subjects to put back, as `sprintwarden dead-letters list` shows them, or --all."
        )
    chosen = (
        [letter.subject for letter in inbox.dead()] if every else [_subject(text) for text in subjects or []]
    )
    missing = [str(subject) for subject in chosen if not inbox.revive(subject)]
    typer.echo(f"Put back: {len(chosen) - len(missing)}.", err=True)
    if missing:
        raise Complaint(f"Not among the dead letters: {', '.join(missing)}.")


@letters.command("discard")
def discard_dead(
    subjects: Annotated[list[str], typer.Argument(help="Subjects as `list` shows them.")],
) -> None:
    """Drop dead letters for good; what was told of them is never worked."""
    inbox = _inbox(read_settings())
    chosen = [_subject(text) for text in subjects]
    missing = [str(subject) for subject in chosen if inbox.discard(subject) is None]
    typer.echo(f"Discarded: {len(chosen) - len(missing)}.", err=True)
    if missing:
        raise Complaint(f"Not among the dead letters: {', '.join(missing)}.")


def _inbox(settings: Settings) -> Inbox:
    from store.connect import connect

    return Inbox(connect(settings.redis()), lease=settings.lease)


def _subject(text: str) -> Subject:
    try:
        return Subject.parse(text)
    except ValueError:
        raise Complaint(f"{text!r} is no subject; it looks like acme-jira:issue:10001.") from None
