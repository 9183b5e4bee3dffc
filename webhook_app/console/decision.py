"""One decision, opened: the events it answers, each label with its reasons and its later fate, the timing."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from store import keys
from store.feed import Place, line_of
from store.journal import CommentState, Journal, Journals
from store.reasons import why
from trackers.model import Subject, SubjectKind
from trackers.protocol import LABELS_TOPIC
from trackers.spans import in_words
from trackers.sprints import Unit
from webhook_app.console.house import House
from webhook_app.console.sprint_words import about, amount, number, of, percent, up_to
from webhook_app.console.subjects import named, names
from webhook_app.console.ways import to_shown_sprint
from webhook_app.console.wording import LEVELS, and_list, did, sentence

_WHAT_TO_DO: Final = {
    "partly_refused": (
        "Mend what the tracker names: a right of our account, a label that was deleted. The next event has "
        "the issue looked at again."
    ),
    "postponed": "Nothing needs doing: it is tried again by itself. The queue tells when.",
    "dead": "Mend the cause, then put it back on the page Queue.",
}
"""What is to be done about an outcome that is amber or red."""
_STANDS_AMONG: Final = {"postponed": keys.PENDING, "dead": keys.DEAD}
_OVER: Final = {
    "postponed": "Nothing needs doing: it was tried again since.",
    "dead": "It is not among the dead letters any more: it was put back, worked or discarded since.",
}
"""The same once that is over."""
_VERDICTS: Final = {
    "confirmed": "a person worked on the issue and left it",
    "corrected": "a person took it off",
    "void": "it went by no person's doing",
}


@dataclass(frozen=True, slots=True)
class Event:
    """What a delivery, the clock or a catch-up told."""

    kind: str
    at: str | None
    """By the tracker's clock."""
    changed: tuple[str, ...]
    added: tuple[str, ...]
    """Labels, by their ids."""
    removed: tuple[str, ...]
    actor: str | None
    """The account's id."""
    automated: bool
    late: bool
    digest: str
    """The id that joins it to its delivery in the logs, where it is told by its first twelve characters."""


@dataclass(frozen=True, slots=True)
class Term:
    """A part of the issue that spoke for a label."""

    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A label that was judged, by whose word and why."""

    label: str
    source: str
    because: tuple[str, ...]
    p: float | None
    """The chance that the model gave it (0..1); None where a rule spoke."""
    threshold: float | None
    """The chance that was needed."""
    runner_up: str | None
    terms: tuple[Term, ...]
    became: str
    """Put on, meant, withheld and why, or refused."""
    later: str
    """What people made of it since; empty while that is not known."""


@dataclass(frozen=True, slots=True)
class Decision:
    """All that is kept of one run."""

    id: str
    at: str
    connection: str
    subject: str
    kind: str
    name: str
    key: str | None
    """Of an issue, where it is known."""
    url: str | None
    outcome: str
    level: str
    did: str
    because: str | None
    why: str
    cause: str
    todo: str
    """What to do about it, where something is to be done."""
    mode: str | None
    events: tuple[Event, ...]
    labels: tuple[Judged, ...]
    """Put on or meant."""
    withheld: tuple[Judged, ...]
    held_back: tuple[Judged, ...]
    """What models nearly said."""
    abstained: tuple[tuple[str, str], ...]
    """Targets whose model said nothing at all, and why."""
    already: tuple[str, ...]
    reads_like: str | None
    operations: tuple[Mapping[str, Any], ...]
    refused: tuple[str, ...]
    comment: str | None
    """What became of our comment, where this run wrote one."""
    sprint: Mapping[str, Any] | None
    """The figures of a sprint, as the plan had them."""
    figures: tuple[tuple[str, str], ...]
    """The same in words."""
    home: str | None
    """The issue that a sprint's comment stands on."""
    page: str | None
    """Of the sprint, in the console."""
    marked: Mapping[str, str]
    """Issues of a sprint whose label was brought in step."""
    rules: str | None
    """The version of the rules."""
    attempt: int
    waited_ms: int
    took_ms: int
    timing: str
    """The same in words."""
    explain: str | None
    """The command that tells what no record holds."""


def decision_of(house: House, place: Place, record: Mapping[str, Any]) -> Decision:
    """The decision that ``record``, as ``workers.record`` made it, tells of."""
    # Half a surrogate pair, as a tracker may send one, could not be shown.
    record = json.loads(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"))
    subject = Subject.parse(place.subject)
    line = line_of(subject, record)
    plan: Mapping[str, Any] = record.get("plan") or {}
    known = named(house, subject, line.key, line.url) if line.key else names(house, [subject])[subject]
    is_issue = subject.kind is SubjectKind.ISSUE
    journal = Journals(house.redis).read(subject) if is_issue else Journal()
    return Decision(
        id=str(place),
        at=record["at"],
        connection=subject.connection,
        subject=str(subject),
        kind=str(subject.kind),
        name=known.name,
        key=known.key,
        url=known.url,
        outcome=line.outcome,
        level=LEVELS.get(line.outcome, "quiet"),
        did=did(line.outcome, len(line.labels), line.did, line.marked),
        because=record.get("because"),
        why=sentence(why(record.get("because"))),
        cause=str(record.get("cause") or ""),
        todo=_todo(house, subject, line.outcome),
        mode=plan.get("mode"),
        events=tuple(map(_event, record.get("hints", ()))),
        labels=tuple(_chosen(one, record, journal) for one in plan.get("labels", ())),
        withheld=tuple(_judged(one, sentence(str(one["why"]))) for one in plan.get("withheld", ())),
        held_back=tuple(_held_back(plan.get("models", ()))),
        abstained=tuple(
            (str(one["target"]), str(one["abstained"])) for one in plan.get("models", ()) if one["abstained"]
        ),
        already=tuple(plan.get("already", ())),
        reads_like=_reads_like(plan.get("reads_like")),
        operations=tuple(plan.get("operations", ())),
        refused=(*record.get("refused", ()), *plan.get("labels_refused", ())),
        comment=_comment(record, journal) if is_issue else None,
        sprint=plan.get("sprint"),
        figures=_figures(plan.get("sprint")),
        home=plan.get("home"),
        page=to_shown_sprint(house, subject),
        marked=plan.get("marked") or {},
        rules=record.get("rules"),
        attempt=int(record.get("attempt", 1)),
        waited_ms=int(record.get("waited_ms", 0)),
        took_ms=int(record.get("took_ms", 0)),
        timing=_timing(record),
        explain=_command(subject, known.key),
    )


def _todo(house: House, subject: Subject, outcome: str) -> str:
    among = _STANDS_AMONG.get(outcome)
    if among is not None and house.redis.zscore(among, str(subject)) is None:
        return _OVER[outcome]
    return _WHAT_TO_DO.get(outcome, "")


def _event(hint: Mapping[str, Any]) -> Event:
    return Event(
        kind=sentence(str(hint["kind"]).replace("_", " ")),
        at=hint.get("at"),
        changed=tuple(hint.get("changed", ())),
        added=tuple(hint.get("labels_added", ())),
        removed=tuple(hint.get("labels_removed", ())),
        actor=hint.get("actor"),
        automated=bool(hint.get("automated")),
        late=bool(hint.get("late")),
        digest=str(hint.get("digest", "")),
    )


def _chosen(told: Mapping[str, Any], record: Mapping[str, Any], journal: Journal) -> Judged:
    label, written = told["label"], record.get("written")
    if written is None:
        return _judged(told, "Meant, and not written: the mode is dry_run")
    if label in written["labels"]:
        return _judged(told, "Put on", _later(label, journal))
    return _judged(told, "Suggested in the comment" if record["outcome"] == "suggested" else "Not put on")


def _judged(told: Mapping[str, Any], became: str, later: str = "") -> Judged:
    chance: Mapping[str, Any] = told.get("chance") or {}
    rival = chance.get("runner_up")
    return Judged(
        label=told["label"],
        source="the model" if told["source"] == "learned" else told["source"],
        because=tuple(told["because"]),
        p=chance.get("p"),
        threshold=chance.get("threshold"),
        runner_up=f"{rival['label']}, {rival['p']:.0%}" if rival else None,
        terms=tuple(Term(one["text"], one["weight"]) for one in chance.get("terms", ())),
        became=became,
        later=later,
    )


def _held_back(models: Sequence[Mapping[str, Any]]) -> Iterator[Judged]:
    for model in models:
        for held in model["held_back"]:
            yield _judged(held, sentence(str(held["why"])))


def _later(label: str, journal: Journal) -> str:
    """What became of a label that was put on, as the issue's journal knows."""
    ours = {**journal.withdrawn, **journal.applied}
    id_ = next(
        (one for one, name in ours.items() if label in (one, name) or label.endswith(f"/{name}")), None
    )
    if id_ is None:
        return ""
    if id_ in journal.vetoed:
        return "A person took it off; it is not put on this issue again"
    if id_ in journal.withdrawn:
        return "Taken off again by us, when what it told of was over"
    for target, forecast in journal.forecasts.items():
        for guess in forecast.guesses:
            if guess.label == id_ and (verdict := journal.taught.get((target, guess.tag))) in _VERDICTS:
                return sentence(_VERDICTS[str(verdict)])
    return ""


def _comment(record: Mapping[str, Any], journal: Journal) -> str | None:
    if not (record.get("written") or {}).get("comment"):
        return None
    held = journal.comments.get(LABELS_TOPIC)
    match held.state if held else None:
        case CommentState.DELETED:
            return "Written; a person deleted it since, so it is not written again."
        case CommentState.SETTLED:
            return "Written; its matter is over since, and it says so."
        case _:
            return "Written; it stands on the issue, as far as is known."


def _reads_like(told: Mapping[str, Any] | None) -> str | None:
    return f"{told['label']}: {and_list(told['because'])}" if told else None


def _figures(told: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    """As the page of the sprint tells them."""
    if not told:
        return ()
    unit, forecast = Unit(told["unit"]), told["forecast"]
    concerns = [str(one).replace("_", " ") for one in told["concerns"]]
    found = [
        ("Concerns", and_list(concerns) or "none"),
        ("Planned", amount(told["committed"], unit)),
        ("In it then", f"{amount(told['now'], unit)}, {number(told['done'])} of them done"),
        ("Added", and_list(told["added"]) or "nothing"),
        ("Taken out", and_list(told["removed"]) or "nothing"),
    ]
    if told["committed"] <= 0:
        return tuple(found)
    low, high = forecast["low"], forecast["high"]
    found += [
        ("Growth", f"{percent(round(told['share'], 2))} of the plan; the limit is {percent(told['budget'])}"),
        ("Likely by the end", f"{of(up_to(low, high, told['now'], told['done']), unit)} done"),
        ("Chance of enough of the plan", about(1 - forecast["p_overcommitted"])),
        ("Chance of all of the plan", about(forecast["p_all_done"])),
    ]
    if told["share"] <= told["budget"]:
        found.append(("Chance to grow past the limit", about(forecast["p_scope_creep"])))
    return tuple(found)


def _timing(record: Mapping[str, Any]) -> str:
    waited = timedelta(milliseconds=record.get("waited_ms", 0))
    took = int(record.get("took_ms", 0))
    lasted = f"{took} ms" if took < 1_000 else in_words(timedelta(milliseconds=took))
    attempt = int(record.get("attempt", 1))
    return f"Waited {in_words(waited)}, took {lasted}" + (f", attempt {attempt}" if attempt > 1 else "")


def _command(subject: Subject, key: str | None) -> str | None:
    about = key if subject.kind is SubjectKind.ISSUE else f"sprint:{subject.id}"
    if about is None or subject.kind not in (SubjectKind.ISSUE, SubjectKind.SPRINT):
        return None
    # It is to be pasted into a shell, and keys come from the tracker.
    return shlex.join(["sprintwarden", "explain", subject.connection, about])
