"""``model …``: which models serve, and switching them. Each command gives what ``--json`` prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from classifiers.head import Head, Packed
from classifiers.in_use import InUse, Met, Replies, render
from classifiers.model_files import BadModel, Content, open_head, pack, read_model, read_packed
from classifiers.shifts import Shift
from classifiers.tagger_files import tagger_of
from sprintwarden.settings import Complaint
from store.models import Entry, ModelShelf, NotSwitched, Place, Slot, Slots, Verdict
from store.outcomes import Outcomes
from store.watch import Reply, Watch, Week, week_of
from trackers.spans import in_utc
from workers.training import listed_facts, welcome
from workers.watching import tallies


def list_models(shelf: ModelShelf, connection: str | None = None) -> list[dict[str, Any]]:
    """Every model in a slot, of one connection or of all."""
    return [
        row
        for place, slots in sorted(shelf.all().items())
        if connection in (None, place[0])
        for row in _rows(shelf, place, slots)
    ]


def stage(
    shelf: ModelShelf,
    connection: str,
    folder: Path,
    verdict: Verdict | None = None,
    *,
    opener: Callable[[Packed], Head] = open_head,
) -> list[dict[str, Any]]:
    """Put the model in ``folder`` beside the serving one, after opening it as a worker will.

    Raises Complaint when it is no sound model.
    """
    try:
        file = pack(folder)
        content = read_packed(file)
        tagger_of(opener(content.packed), content.manifest)
    except BadModel as error:
        raise Complaint(str(error)) from error
    place = (connection, str(content.manifest["target"]))
    return _switched(
        shelf, place, lambda: shelf.stage(place, content.id, file, listed_facts(content), verdict)
    )


def promote(
    shelf: ModelShelf, outcomes: Outcomes, connection: str, target: str, *, force: bool = False
) -> list[dict[str, Any]]:
    """Let the staged model serve, and muted labels return that it is good at.

    Raises Complaint when none is staged, or the gate refused it and not ``force``.
    """
    place = (connection, target)
    staged = (shelf.slots(place) or Slots()).staged
    if staged is None:
        raise Complaint(f"No model is staged for {target} of {connection}. {_there(shelf)}")
    said = ("By command, against the gate's verdict.",) if _refused(staged) else ("By command.",)
    try:
        rows = _switched(shelf, place, lambda: shelf.promote(place, staged.id, said, force=force))
    except Complaint as complaint:
        hint = " Give --force to let it serve all the same." if _refused(staged) and not force else ""
        raise Complaint(f"{complaint}{hint}") from None
    manifest = _content(shelf, staged.id).manifest
    welcome(outcomes, place, manifest, manifest["precision"])
    return rows


def rollback(shelf: ModelShelf, connection: str, target: str) -> list[dict[str, Any]]:
    """Swap the serving and the previous model. Raises Complaint when there is neither."""
    place = (connection, target)
    serving = (shelf.slots(place) or Slots()).serving
    return _switched(
        shelf, place, lambda: shelf.rollback(place, serving.id if serving else None, ("By command.",))
    )


def card(shelf: ModelShelf, connection: str, target: str, slot: Slot = Slot.SERVING) -> str:
    """The card of the model in a slot, Markdown. Raises Complaint when there is none."""
    entry = (shelf.slots((connection, target)) or Slots()).models.get(slot)
    if entry is None:
        raise Complaint(f"No {slot} model for {target} of {connection}. {_there(shelf)}")
    return _content(shelf, entry.id).card or _no_card(entry.id[:12])


def _content(shelf: ModelShelf, id_: str) -> Content:
    file = shelf.file(id_)
    if file is None:
        raise Complaint(f"Redis holds no file of model {id_[:12]}: stage it anew.")
    try:
        return read_packed(file)
    except BadModel as error:
        raise Complaint(f"Model {id_[:12]} cannot be read: {error}") from error


def card_in_use(
    shelf: ModelShelf, watch: Watch, outcomes: Outcomes, place: Place, slot: Slot, now: datetime
) -> str:
    """The card of the model in a slot, and after it what it has done here; Markdown.

    A model that is only staged has done nothing yet. Raises Complaint when there is none.
    """
    page = card(shelf, *place, slot)
    entry = (shelf.slots(place) or Slots()).models.get(slot)
    if entry is None or slot is Slot.STAGED:
        return page
    return f"{page.rstrip()}\n\n{render(in_use(watch, outcomes, place, entry.id, now))}"


def in_use(watch: Watch, outcomes: Outcomes, place: Place, model: str, now: datetime) -> InUse:
    """What is known in Redis of a model's work on a connection."""
    standing = outcomes.standing(*place)
    tags, projects = tallies(outcomes.rows(*place), standing.spent)
    report = watch.report(place, model)
    return InUse(
        weeks=tuple(_met(week) for week in watch.weeks(place, model, week_of(now))),
        tags=tags,
        projects=projects,
        muted={
            label: f"since {mute.since:%Y-%m-%d}, {mute.why}"
            for label, mute in sorted(standing.muted.items())
        },
        drift=tuple(one.sentence for one in report.moved) if report else (),
        shift=Shift(**standing.shift) if standing.shift else Shift(),
    )


def _met(week: Week) -> Met:
    return Met(
        week.start,
        {
            project: Replies(**{str(reply): own.get(reply, 0) for reply in Reply})
            for project, own in week.answers.items()
        },
    )


def card_of_folder(folder: Path) -> str:
    """The card of the model in a folder, Markdown. Raises Complaint when it is no sound model."""
    try:
        return read_model(folder).card or _no_card(str(folder))
    except BadModel as error:
        raise Complaint(str(error)) from error


def list_mutes(shelf: ModelShelf, outcomes: Outcomes, connection: str | None = None) -> list[dict[str, Any]]:
    """Every label that is held back, why, and by whom where a person muted it."""
    return [
        {
            "connection": place[0],
            "target": place[1],
            "label": label,
            "since": mute.since.isoformat(timespec="seconds"),
            "why": mute.why,
            "by": mute.by or None,
        }
        for place in sorted(shelf.all())
        if connection in (None, place[0])
        for label, mute in sorted(outcomes.standing(*place).muted.items())
    ]


def unmute(outcomes: Outcomes, connection: str, target: str, label: str) -> str:
    """Let a muted label be proposed again; a sentence. Raises Complaint when it is not muted."""
    if not outcomes.unmute(connection, target, label):
        raise Complaint(f"{label!r} is not muted for {target} of {connection}; `model mutes` lists what is.")
    return f"{label} may be proposed again. What people made of it so far counts no more."


def show_models(rows: Sequence[Mapping[str, Any]]) -> str:
    """What ``model list`` prints for people."""
    return "\n".join(line for row in rows for line in _show(row)) or "No models: the rules alone label."


def show_mutes(rows: Sequence[Mapping[str, Any]]) -> str:
    """What ``model mutes`` prints for people."""
    lines = [
        f"{row['connection']}  {row['target']}  {row['label']}: since {in_utc(row['since'])}"
        f"{' by ' + row['by'] if row['by'] else ''}. {row['why']}"
        for row in rows
    ]
    return "\n".join(lines) or "No label is muted."


def _show(row: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{row['connection']}  {row['target']}  {row['slot']}: {row['id'][:12]} since {in_utc(row['since'])},"
        f" trained {row['created']} on {row['issues']:,} issues, {row['tags']:,} tags"
    ]
    if row["gate"]:
        lines += [f"    {row['gate']} by the gate", *(f"      {said}" for said in row["because"])]
    if row["refused"]:
        serves = f"{row['instead'][:12]} serves" if row["instead"] else "the rules alone label"
        lines.append(f"    refused by a worker, {serves} instead: {row['refused']}")
    return lines


def _rows(shelf: ModelShelf, place: Place, slots: Slots) -> list[dict[str, Any]]:
    refusal = shelf.refusal(place)
    rows = []
    for slot in Slot:
        if (entry := slots.models.get(slot)) is not None:
            of_this = refusal if refusal and slot is Slot.SERVING and refusal.id == entry.id else None
            verdict = entry.verdict
            rows.append(
                {
                    "connection": place[0],
                    "target": place[1],
                    "slot": str(slot),
                    "id": entry.id,
                    "since": entry.since.isoformat(timespec="seconds"),
                    **{name: entry.facts[name] for name in ("created", "issues", "tags")},
                    "gate": None if verdict is None else "passed" if verdict.passed else "refused",
                    "because": list(verdict.because) if verdict else [],
                    "refused": of_this.why if of_this else None,
                    "instead": of_this.instead if of_this else None,
                }
            )
    return rows


def _switched(shelf: ModelShelf, place: Place, switch: Callable[[], Slots]) -> list[dict[str, Any]]:
    try:
        return _rows(shelf, place, switch())
    except NotSwitched as error:
        raise Complaint(str(error)) from error


def _refused(entry: Entry) -> bool:
    return entry.verdict is not None and not entry.verdict.passed


def _there(shelf: ModelShelf) -> str:
    places = ", ".join(f"{target} of {connection}" for connection, target in sorted(shelf.all()))
    return f"There are models for {places}." if places else "There are no models yet: train one."


def _no_card(which: str) -> NoReturn:
    raise Complaint(f"The model {which} has no card.")
