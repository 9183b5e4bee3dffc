"""The commands of the learned tagger: ``train``, ``predict``, ``evaluate`` and ``model …``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from classifiers.examples import Target
from sprintwarden.settings import Complaint, read_settings

models = typer.Typer(help="The trained models: which stand by, which serve, how good they are.")

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


def _say(sentence: str) -> None:
    typer.echo(sentence, err=True)
