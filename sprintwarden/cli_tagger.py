"""The commands of the learned tagger: ``train``, ``predict``, ``evaluate`` and ``model …``."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from redis import Redis

from classifiers.examples import Target
from sprintwarden.settings import Complaint, read_settings
from store.models import ModelShelf, Slot

models = typer.Typer(
    help="The trained models: which stand by, which serve, how good they are.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]
Issues = Annotated[Path, typer.Option("--issues", help="An issues.jsonl file.", exists=True, dir_okay=False)]
Model = Annotated[Path, typer.Option("--model", help="A model's folder.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop with exit code 1 if any line is bad.")]
Precision = Annotated[
    float | None,
    typer.Option(
        "--precision",
        min=0.5,
        max=0.99,
        help="The precision asked of what is applied; by default the model's own.",
    ),
]
Connection = Annotated[str, typer.Argument(help="A connection of connections.yaml.")]
OneConnection = Annotated[str | None, typer.Option(help="Only of this connection.")]
Tags = Annotated[Target, typer.Argument(help="What the model tags.")]
MaxTags = Annotated[int, typer.Option("--max-tags", min=1, max=20, help="The most tags applied to an issue.")]


def train(
    target: Annotated[Target, typer.Option(help="What to learn.")],
    issues: Annotated[
        Path | None, typer.Option("--issues", help="An issues.jsonl file.", exists=True, dir_okay=False)
    ] = None,
    connection: Annotated[
        str | None, typer.Option("--connection", help="Learn from this connection's history instead.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The folder to write the model to.")] = None,
    precision: Precision = None,
    strict: Strict = False,
    seed: Annotated[int, typer.Option(help="For what is drawn by lot.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Train a model on past issues, from a file or from a connection, which then stages it."""
    from classifiers.training import Wish
    from sprintwarden.training import train_from_connection, train_from_file

    if (issues is None) == (connection is None):
        raise Complaint("Name either --issues FILE or --connection NAME to learn from.")
    if issues is not None and out is None:
        raise Complaint("Name the folder to write the model to: --out DIR.")
    source = f"connection {connection}" if connection else "a file of issues"
    wish = Wish(target, source, precision, seed=seed)
    if issues is not None and out is not None:
        told = train_from_file(issues, wish, out, strict=strict, progress=_say)
    else:
        assert connection is not None
        told = train_from_connection(read_settings(), connection, wish, out, progress=_say)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    from sprintwarden.training import show_summary

    typer.echo(show_summary(told))


def predict(
    model: Model, issues: Issues, precision: Precision = None, max_tags: MaxTags = 3, strict: Strict = False
) -> None:
    """Print a model's proposals for the issues of a file: a JSON line each, in the file's order."""
    from sprintwarden.predicting import predict as predict_all

    for line in predict_all(model, issues, precision, max_tags, strict=strict):
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


def evaluate(
    model: Model,
    issues: Issues,
    precision: Precision = None,
    max_tags: MaxTags = 3,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Hold a model against issues whose tags are known: precision, recall, coverage, drift, latency."""
    from sprintwarden.evaluating import evaluate_file

    report = evaluate_file(model, issues, precision, max_tags, strict=strict)
    typer.echo(json.dumps(report.to_json(), indent=2) if as_json else report.text())


@models.command("list")
def list_models(connection: OneConnection = None, as_json: AsJson = False) -> None:
    """List the models of every connection: staged, serving and previous, with the gate's words."""
    from sprintwarden.models import list_models as rows_of
    from sprintwarden.models import show_models

    rows = rows_of(_shelf(), connection)
    typer.echo(json.dumps(rows, indent=2) if as_json else show_models(rows))


@models.command()
def stage(
    folder: Annotated[Path, typer.Argument(help="A model's folder, as `train` writes it.")],
    connection: Annotated[str, typer.Option(help="The connection it is for.")],
    as_json: AsJson = False,
) -> None:
    """Put a model beside the one that serves; it is opened first, as a worker will open it."""
    from sprintwarden.models import stage as stage_model

    _show(stage_model(_shelf(), _known(connection), folder), as_json)


@models.command()
def promote(
    connection: Connection,
    target: Tags,
    force: Annotated[bool, typer.Option("--force", help="Even if the gate refused it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let the staged model serve; workers take it up within 10 seconds."""
    from sprintwarden.models import promote as promote_model
    from store.outcomes import Outcomes

    redis = _redis()
    _show(promote_model(ModelShelf(redis), Outcomes(redis), connection, target, force=force), as_json)


@models.command()
def rollback(connection: Connection, target: Tags, as_json: AsJson = False) -> None:
    """Let the previous model serve again."""
    from sprintwarden.models import rollback as roll_back

    _show(roll_back(_shelf(), connection, target), as_json)


@models.command()
def card(
    connection: Annotated[str | None, typer.Argument(help="A connection of connections.yaml.")] = None,
    target: Annotated[Target | None, typer.Argument(help="Labels, components or type.")] = None,
    slot: Annotated[Slot, typer.Option(help="Which of its models.")] = Slot.SERVING,
    model: Annotated[Path | None, typer.Option("--model", help="A model's folder instead.")] = None,
) -> None:
    """Print a model's card: its data, its figures per label with intervals, its weak spots, its use."""
    from sprintwarden.models import card_in_use, card_of_folder
    from store.outcomes import Outcomes
    from store.watch import Watch

    if model is not None:
        typer.echo(card_of_folder(model))
    elif connection is not None and target is not None:
        redis, place = _redis(), (connection, str(target))
        shelf, now = ModelShelf(redis), datetime.now(UTC)
        typer.echo(card_in_use(shelf, Watch(redis), Outcomes(redis), place, slot, now))
    else:
        raise Complaint("Name a connection and what its model tags, or a folder with --model DIR.")


@models.command()
def mutes(connection: OneConnection = None, as_json: AsJson = False) -> None:
    """List the labels that are held back because people took them off too often."""
    from sprintwarden.models import list_mutes, show_mutes
    from store.outcomes import Outcomes

    redis = _redis()
    rows = list_mutes(ModelShelf(redis), Outcomes(redis), connection)
    typer.echo(json.dumps(rows, indent=2) if as_json else show_mutes(rows))


@models.command()
def unmute(
    connection: Connection, target: Tags, label: Annotated[str, typer.Argument(help="The muted label.")]
) -> None:
    """Let a muted label be proposed again."""
    from sprintwarden.models import unmute as unmute_label
    from store.outcomes import Outcomes

    typer.echo(unmute_label(Outcomes(_redis()), connection, target, label))


def _show(rows: list[dict[str, Any]], as_json: bool) -> None:
    from sprintwarden.models import show_models

    typer.echo(json.dumps(rows, indent=2) if as_json else show_models(rows))


def _known(connection: str) -> str:
    from sprintwarden.wiring import named, read_connections

    return named(read_connections(read_settings().connections_file), connection).name


def _redis() -> Redis:
    from store.connect import connect

    return connect(read_settings().redis())


def _shelf() -> ModelShelf:
    return ModelShelf(_redis())


def _say(sentence: str) -> None:
    typer.echo(sentence, err=True)
