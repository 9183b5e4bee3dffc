"""``train``: from a file of issues, or from a connection's history, to a model in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from classifiers.examples import Example, Target
from classifiers.manifest import BadModel
from classifiers.model_files import Content, write_model
from classifiers.training import Progress, TooLittle, Wish, train
from sprintwarden.issue_files import lines_of
from sprintwarden.settings import Complaint


def train_from_file(
    issues: Path,
    wish: Wish,
    out: Path,
    *,
    strict: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Train on the issues that speak of the target, write the model, give its summary.

    Raises Complaint for anything the user can mend.
    """
    examples = examples_of(issues, wish.target, strict=strict)
    content = train_or_complain(examples, wish, progress)
    return write_out(content, out)


def examples_of(issues: Path, target: Target, *, strict: bool) -> list[Example]:
    """The issues of a file that speak of the target. Raises Complaint when there is none."""
    read = [line.example(target) for line in lines_of(issues, strict=strict)]
    examples = [example for example in read if example is not None]
    if not examples:
        raise Complaint(f"No line of {issues} has the key {target}; nothing can be learnt from it.")
    return examples


def train_or_complain(examples: list[Example], wish: Wish, progress: Progress) -> Content:
    """``classifiers.training.train`` with its refusal as a Complaint."""
    try:
        return train(examples, wish, progress=progress)
    except TooLittle as error:
        raise Complaint(str(error)) from error


def write_out(content: Content, out: Path) -> dict[str, Any]:
    """Write the model to a folder and tell what it can do. Raises Complaint when it cannot be written."""
    try:
        id_ = write_model(out, content)
    except BadModel as error:
        raise Complaint(str(error)) from error
    except OSError as error:
        raise Complaint(f"The model cannot be written to {out}: {error.strerror}.") from error
    return {"model": id_, "folder": str(out), **summary(content)}


def summary(content: Content) -> dict[str, Any]:
    """What a person wants to know at once; the card tells the rest."""
    manifest = content.manifest
    metrics = {key: value for key, value in manifest["metrics"].items() if key != "tags"}
    return {
        "target": manifest["target"],
        "issues": sum(manifest["issues"].values()),
        "tags": len(manifest["tags"]),
        "asked_precision": manifest["precision"],
        "on_unseen_issues": metrics,
    }
