"""A new model for a connection: learn from what was gathered, hold it against the one that serves, stage it.

The same for ``train --connection`` and for the clock's retraining. scikit-learn is loaded here and
nowhere else on the floor, in a process of the bulk queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import structlog

from classifiers.examples import Example, Target
from classifiers.issues_file import Line, read_issues
from classifiers.manifest import BadModel
from classifiers.model_files import Content, open_head, pack_content, read_packed
from classifiers.succession import Contender, succeed
from classifiers.training import Progress, Wish, train
from store.models import Entry, ModelShelf, Place, Slots, Verdict
from store.outcomes import Outcomes
from workers.history import HistoryFile
from workers.learning import bring_back

log = structlog.get_logger("training")


@dataclass(frozen=True, slots=True)
class Raised:
    """A model that was trained and staged."""

    content: Content
    verdict: Verdict
    serves: bool
    """It took the serving one's place."""


def raise_model(
    shelf: ModelShelf,
    outcomes: Outcomes,
    place: Place,
    gathered: HistoryFile,
    *,
    precision: float,
    succeed_by_itself: bool,
    progress: Progress = lambda _: None,
) -> Raised:
    """Train on a gathered history, ask the gate, stage the model with its verdict.

    ``precision`` is what is asked of what is applied. With ``succeed_by_itself`` a model that passed
    takes the place of one that serves already; the first one always waits for a person's word, and so
    does one that would replace a model people went back to.
    Raises ``classifiers.training.TooLittle``, ``BadModel`` or NotSwitched.
    """
    target = Target(place[1])
    examples = examples_of(gathered.issues, target)
    wish = Wish(target, f"connection {place[0]}", precision, names_of(gathered.people))
    fresh = train(examples, wish, progress=progress)
    file = pack_content(fresh)
    content = read_packed(file)
    progress("holding it against the model that serves")
    verdict = _verdict(shelf, place, content, examples, precision)
    shelf.stage(place, content.id, file, listed_facts(content), verdict)
    serves = verdict.passed and succeed_by_itself and _may_be_replaced(shelf.slots(place) or Slots())
    if serves:
        shelf.promote(place, content.id, verdict.because)
        welcome(outcomes, place, content.manifest, precision)
    log.info(
        "model trained",
        connection=place[0],
        target=place[1],
        model=content.id[:12],
        issues=len(examples),
        passed=verdict.passed,
        serves=serves,
    )
    return Raised(content, verdict, serves)


def _may_be_replaced(slots: Slots) -> bool:
    """Whether a model serves, and not in place of a newer one: that was taken back for what no gate saw."""
    if slots.serving is None:
        return False
    return slots.previous is None or _trained(slots.previous) <= _trained(slots.serving)


def _trained(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry.facts["created"])


def examples_of(issues: Path, target: Target) -> list[Example]:
    """The gathered issues that speak of ``target``."""
    read = [line.example(target) for line in read_issues(issues) if isinstance(line, Line)]
    return [example for example in read if example is not None]


def names_of(people: Path) -> frozenset[str]:
    """The display names that were met while gathering."""
    return frozenset(orjson.loads(people.read_bytes())) if people.exists() else frozenset()


def listed_facts(content: Content) -> dict[str, Any]:
    """What a model's slot tells of it, so that nobody has to open the file for that: what ``model list``
    shows, and the training window that drift is measured from."""
    manifest = content.manifest
    return {
        "created": manifest["created"],
        "issues": sum(manifest["issues"].values()),
        "tags": len(manifest["tags"]),
        "drift": manifest.get("drift"),
    }


def welcome(
    outcomes: Outcomes, place: Place, manifest: Mapping[str, Any], precision: float
) -> frozenset[str]:
    """Let muted labels return that a newly serving model is good at; their names."""
    tags = manifest["metrics"].get("tags", {})
    got = {
        tag: marks["right"] / marks["applied"] if marks["applied"] else None for tag, marks in tags.items()
    }
    return bring_back(outcomes, *place, got, precision)


def _verdict(
    shelf: ModelShelf, place: Place, content: Content, examples: list[Example], precision: float
) -> Verdict:
    candidate = Contender(open_head(content.packed), content.manifest)
    said = succeed(candidate, _serving(shelf, place), examples, precision)
    return Verdict(said.passed, said.sentences)


def _serving(shelf: ModelShelf, place: Place) -> Contender | None:
    entry = (shelf.slots(place) or Slots()).serving
    file = shelf.file(entry.id) if entry else None
    if file is None:
        return None
    try:
        content = read_packed(file)
        return Contender(open_head(content.packed), content.manifest)
    except BadModel as error:
        # A model that workers cannot use either has no claim to its place.
        log.warning("serving model cannot be read", model=entry.id[:12] if entry else "", error=str(error))
        return None
