"""``train``: from a file of issues, or from a connection's history, to a model in a folder."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from classifiers.examples import Example, Target
from classifiers.manifest import BadModel
from classifiers.model_files import Content, check_place, write_model
from classifiers.training import Progress, TooLittle, Wish, train
from sprintwarden.gathering import gather_history
from sprintwarden.issue_files import lines_of
from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import named, read_connections
from store.connect import connect
from store.models import ModelShelf, NotSwitched
from store.outcomes import Outcomes
from store.rulebook import RulebookShelf
from workers.history import discard
from workers.learning import asked_by
from workers.rules_in_force import LiveRules
from workers.training import Raised, raise_model

_TOLD = (
    "issues",
    "coverage",
    "precision",
    "precision_interval",
    "recall",
    "micro_f1",
    "macro_f1",
    "first_right",
    "one_of_three_right",
    "calibration_error",
)


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
    ask_room(out)
    examples = examples_of(issues, wish.target, strict=strict)
    try:
        content = train(examples, wish, progress=progress)
    except TooLittle as error:
        raise Complaint(str(error)) from error
    return {"model": write_out(content, out), "folder": str(out), **summary(content)}


def train_from_connection(
    settings: Settings, name: str, wish: Wish, out: Path | None, *, progress: Progress
) -> dict[str, Any]:
    """Gather a connection's history, train on it, and stage the model with the gate's verdict.

    What was gathered is deleted once it was learnt from, or nothing could be learnt from it. Raises
    Complaint for what the user can mend.
    """
    connection = named(read_connections(settings.connections_file), name)
    if out:
        ask_room(out)
    gathered = gather_history(settings, name)
    redis = connect(settings.redis())
    asked = asked_by(LiveRules(RulebookShelf(redis)))
    try:
        raised = raise_model(
            ModelShelf(redis),
            Outcomes(redis),
            (name, str(wish.target)),
            gathered,
            precision=wish.precision or asked(name, str(wish.target), connection.projects),
            succeed_by_itself=False,
            progress=progress,
        )
    except (TooLittle, BadModel, NotSwitched) as error:
        # What was too little today must not be found again tomorrow.
        discard(gathered.issues.parent)
        raise Complaint(str(error)) from error
    discard(gathered.issues.parent)
    written = {"folder": str(out), "model": write_out(raised.content, out)} if out else {}
    return {"model": raised.content.id, **written, **summary(raised.content), **_gate(name, raised)}


def _gate(connection: str, raised: Raised) -> dict[str, Any]:
    target = raised.content.manifest["target"]
    passed = raised.verdict.passed
    after = (
        f"Staged. Read it with `sprintwarden model card {connection} {target} --slot staged`, "
        f"let it serve with `sprintwarden model promote {connection} {target}`."
    )
    said = [*raised.verdict.because, after if passed else "Staged to be looked at; it does not serve."]
    return {"passed": passed, "gate": said}


def examples_of(issues: Path, target: Target, *, strict: bool) -> list[Example]:
    """The issues of a file that speak of the target. Raises Complaint when there is none."""
    read = [line.example(target) for line in lines_of(issues, strict=strict)]
    examples = [example for example in read if example is not None]
    if not examples:
        raise Complaint(f"No line of {issues} has the key {target}; nothing can be learnt from it.")
    return examples


def ask_room(out: Path) -> None:
    """Raise Complaint now where ``write_out`` would have to after all the work is done."""
    try:
        check_place(out)
        # Only trying tells: rights do not speak of a file system that is read-only.
        with TemporaryDirectory(dir=next(above for above in out.absolute().parents if above.exists())):
            pass
    except BadModel as error:
        raise Complaint(str(error)) from error
    except OSError as error:
        raise Complaint(f"The model cannot be written to {out}: {error.strerror}.") from error


def write_out(content: Content, out: Path) -> str:
    """Write the model to a folder; its id. Raises Complaint when it cannot be written."""
    try:
        return write_model(out, content)
    except BadModel as error:
        raise Complaint(str(error)) from error
    except OSError as error:
        raise Complaint(f"The model cannot be written to {out}: {error.strerror}.") from error


def summary(content: Content) -> dict[str, Any]:
    """What a person wants to know at once; the card tells the rest."""
    manifest = content.manifest
    metrics = {key: manifest["metrics"][key] for key in _TOLD}
    return {
        "target": manifest["target"],
        "issues": sum(manifest["issues"].values()),
        "tags": len(manifest["tags"]),
        "asked_precision": manifest["precision"],
        "on_unseen_issues": metrics,
    }


def show_summary(told: dict[str, Any]) -> str:
    """What ``train`` prints for people."""
    unseen = told["on_unseen_issues"]
    asked, got = _share(told["asked_precision"]), _share(unseen["precision"])
    lines = [
        f"Model {told['model'][:12]} for {told['target']}: {told['issues']:,} issues, {told['tags']:,} tags.",
        f"On {unseen['issues']:,} issues it had not learnt, asked to be right in {asked}:",
        f"  it tags {_share(unseen['coverage'])} of them, and {got} of its tags are right;",
        f"  its best proposal is right for {_share(unseen['first_right'])}.",
    ]
    if "folder" in told:
        lines.append(f"Written to {told['folder']}; card.md in it tells more.")
    return "\n".join([*lines, *told.get("gate", ())])


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.0%}"
