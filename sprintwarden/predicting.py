"""``predict``: a model's proposals for the issues of a file, a JSON line each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from classifiers.issues_file import Line
from classifiers.manifest import BadModel
from classifiers.model_files import read_model
from classifiers.reasons import strongest
from classifiers.tagger import Answer, Asked, Tagger
from classifiers.tagger_files import tagger_from
from sprintwarden.issue_files import lines_of
from sprintwarden.settings import Complaint


def open_model(folder: Path) -> tuple[Tagger, dict[str, Any]]:
    """A model folder's tagger and its manifest. Raises Complaint."""
    try:
        content = read_model(folder)
        return tagger_from(content), dict(content.manifest)
    except BadModel as error:
        raise Complaint(str(error)) from error


def predict(
    folder: Path, issues: Path, precision: float | None, most: int, *, strict: bool
) -> Iterator[dict[str, Any]]:
    """``{"id", "proposals", "abstained"}`` for each issue, in the order of the file.

    ``precision`` is what the applied tags are held to, by default what the model was trained for;
    ``most`` of them are applied to one issue. Raises Complaint.
    """
    tagger, manifest = open_model(folder)
    asked = Asked(precision or manifest["precision"], most)
    for line in lines_of(issues, strict=strict):
        yield told(line, tagger.answer(line.filed, asked))


def told(line: Line, answer: Answer) -> dict[str, Any]:
    """One issue's line, best proposal first."""
    return {
        "id": line.id,
        "proposals": [
            {
                "tag": scored.tag,
                "score": round(scored.p, 4),
                "threshold": None if scored.threshold is None else round(scored.threshold, 4),
                "applied": scored.applied,
                "because": [term.text for term in strongest(scored.because)],
                **({"withheld": scored.withheld} if scored.withheld else {}),
            }
            for scored in answer.proposals
        ],
        "abstained": str(answer.abstained) if answer.abstained else None,
    }
