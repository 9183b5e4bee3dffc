"""The page of decisions, newest first, and the page of one: what it was made from, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from store.decisions import Decisions
from store.feed import Feed, Line, Place, Wanted
from store.reasons import why
from trackers.model import Subject
from webhook_app.console.decision import Decision, decision_of
from webhook_app.console.frame import HOME, link, show
from webhook_app.console.house import House, Page
from webhook_app.console.subjects import Named, named, names
from webhook_app.console.ways import to_shown_sprint
from webhook_app.console.wording import LEVELS, OUTCOMES, did, sentence

PAGE: Final = Page("decisions", f"{HOME}/decisions", "Decisions")
MOST: Final = 50
EFFECT: Final = frozenset({"applied", "suggested", "dry_run", "partly_refused", "dead"})
"""Outcomes that are shown unless others are asked for: most runs find nothing to do, or are tried again."""
EVERYTHING: Final = "everything"
_FILTERS: Final = ("connection", "project", "label", "outcome", "key", "subject")
_GONE: Final = (
    "There is no such decision, or it is not kept any more. Of each issue the last 50 are, for 90 days at "
    "most; the records of one that was deleted went with it."
)
_LABELS_AMONG: Final = 500
"""Labels to choose from are those that occur in so many of the newest lines."""


@dataclass(frozen=True, slots=True)
class Row:
    """A decision in short."""

    id: str
    at: str
    connection: str
    subject: str
    name: str
    """The issue's key, or what the subject is called."""
    url: str | None
    """The subject in the tracker."""
    project: str
    outcome: str
    level: str
    did: str
    """What was done, in words; empty when that was nothing."""
    labels: tuple[str, ...]
    because: str
    why: str
    """Why nothing was done, or not all."""
    concerns: tuple[str, ...]
    """What was found about a sprint."""

    @property
    def headline(self) -> str:
        """What is told first: what was done, or else why nothing was."""
        return self.did or self.why or OUTCOMES.get(self.outcome, self.outcome)

    @property
    def remark(self) -> str:
        """What is told beside it."""
        return self.why if self.did else ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from."""

    connections: tuple[str, ...]
    projects: tuple[str, ...]
    labels: tuple[str, ...]
    outcomes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DecisionsPage:
    """Decisions, newest first."""

    rows: tuple[Row, ...]
    newer: str | None
    """The id of a decision after which there may be newer ones (``after=``)."""
    older: str | None
    """The id of the one before which there are older ones (``before=``)."""
    asked: Mapping[str, str]
    """The filters in force."""
    about: str
    """What the subject that is asked for is called."""
    sprint: str | None
    """The page of the sprint that is asked for, in the console."""
    choices: Choices


def gather(house: House, query: Mapping[str, str]) -> DecisionsPage:
    """A page of decisions.

    ``query`` may hold the filters ``connection``, ``project``, ``label``, ``outcome`` (one of them, or
    ``everything``; else those with an effect), ``key`` of an issue or ``subject``, of which all decisions
    are told; and ``before`` or ``after``, the id of a decision. What makes no sense in it is passed over.
    """
    feed = Feed(house.redis)
    asked = {name: query.get(name, "").strip() for name in _FILTERS}
    subject = _subject(asked["subject"])
    newest = feed.newest(_LABELS_AMONG)
    found = feed.slice(
        MOST,
        _wanted(feed, asked),
        before=_place(query.get("before", "")),
        after=_place(query.get("after", "")),
    )
    return DecisionsPage(
        rows=_rows(house, found.lines),
        newer=str(found.newer) if found.newer else None,
        older=str(found.older) if found.older else None,
        asked=asked,
        about=names(house, [subject])[subject].name if subject else "",
        sprint=to_shown_sprint(house, subject) if subject else None,
        choices=_choices(house, newest, asked),
    )


def are_kept(house: House, connection: str) -> bool:
    """Whether there are decisions of a connection. Reads all lines where there are none."""
    return bool(Feed(house.redis).slice(1, Wanted(connection=connection)).lines)


def gather_one(house: House, id_: str) -> Decision:
    """One decision by its id. Raises NotFound where its record is not kept (any more)."""
    place = _place(id_)
    record = Decisions(house.redis).at(place) if place else None
    if place is None or record is None:
        raise NotFound(_GONE)
    return decision_of(house, place, record)


def add(blueprint: Blueprint, house: House) -> None:
    """Add the pages."""

    @blueprint.get(PAGE.path)
    def decisions() -> Response:
        page = gather(house, request.args)

        def turn(**place: str | None) -> str:
            return link(PAGE.path, **page.asked, **place)

        return show(
            "decisions.html",
            title="Decisions",
            page=page,
            words=OUTCOMES,
            newer=_way(turn, after=page.newer),
            older=_way(turn, before=page.older),
            filtered=any(page.asked.values()),
        )

    @blueprint.get(f"{PAGE.path}/<id_>")
    def decision(id_: str) -> Response:
        found = gather_one(house, id_)
        return show("decision.html", title=found.name, decision=found, words=OUTCOMES)


def _way(turn: Callable[..., str], **place: str | None) -> str | None:
    return turn(**place) if any(place.values()) else None


def _wanted(feed: Feed, asked: Mapping[str, str]) -> Wanted:
    outcome, key, subject = asked["outcome"], asked["key"], asked["subject"]
    if outcome in OUTCOMES:
        outcomes = frozenset({outcome})
    else:
        # Who asks about one thing wants to know why nothing was done, too.
        outcomes = frozenset() if outcome == EVERYTHING or key or subject else EFFECT
    return Wanted(
        connection=asked["connection"],
        project=asked["project"],
        label=asked["label"],
        outcomes=outcomes,
        subjects=_subjects(feed, key, subject),
    )


def _subjects(feed: Feed, key: str, subject: str) -> frozenset[str] | None:
    found = feed.subjects_of(key.upper()) if key else None
    if not subject:
        return found
    return frozenset({subject}) if found is None else found & {subject}


def _subject(text: str) -> Subject | None:
    try:
        return Subject.parse(text) if text else None
    except ValueError:
        return None


def _place(text: str) -> Place | None:
    try:
        return Place.parse(text) if text else None
    except ValueError:
        return None


def _choices(house: House, newest: list[Line], asked: Mapping[str, str]) -> Choices:
    """What is configured, what occurs, and what is chosen."""
    configured = [project for one in house.connections for project in one.projects]
    connections = {one.name for one in house.connections} | {
        line.subject.partition(":")[0] for line in newest
    }
    projects = {*configured, *(line.project for line in newest), asked["project"]}
    labels = {label for line in newest for label in line.labels} | {asked["label"]}
    return Choices(
        connections=tuple(sorted(connections)),
        projects=tuple(sorted(filter(None, projects))),
        labels=tuple(sorted(filter(None, labels), key=str.casefold)),
        outcomes=((EVERYTHING, "Everything"), *OUTCOMES.items()),
    )


def _rows(house: House, lines: tuple[Line, ...]) -> tuple[Row, ...]:
    subjects = {line.subject: Subject.parse(line.subject) for line in lines}
    nameless = [subjects[line.subject] for line in lines if not line.key]
    called = names(house, nameless)
    return tuple(_row(house, line, subjects[line.subject], called) for line in lines)


def _row(house: House, line: Line, subject: Subject, called: Mapping[Subject, Named]) -> Row:
    name = named(house, subject, line.key, line.url) if line.key else called[subject]
    return Row(
        id=str(line.place),
        at=datetime.fromtimestamp(line.at / 1000, UTC).isoformat(timespec="milliseconds"),
        connection=subject.connection,
        subject=line.subject,
        name=name.name,
        url=name.url,
        project=line.project,
        outcome=line.outcome,
        level=LEVELS.get(line.outcome, "quiet"),
        did=did(line.outcome, len(line.labels), line.did, line.marked),
        labels=line.labels,
        because=line.because,
        why=line.cause or _why(line),
        concerns=tuple(concern.replace("_", " ") for concern in line.concerns),
    )


def _why(line: Line) -> str:
    # A dry run is called so already.
    return sentence(why(line.because)) if line.because and line.because != line.outcome else ""
