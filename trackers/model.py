"""The vocabulary of the house: what every other room means by issue, label, hint or comment.

Plain frozen dataclasses without behaviour beyond their own reading and writing. Times are
timezone-aware datetimes. Ids are the tracker's own, as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Self


class TrackerKind(StrEnum):
    JIRA = "jira"
    LINEAR = "linear"


class AuthorKind(StrEnum):
    """Who filed an issue, as far as the tracker tells."""

    PERSON = "person"
    APP = "app"
    CUSTOMER = "customer"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Label:
    """A label as the tracker knows it.

    On Jira a label *is* its text, so ``id`` and ``name`` are equal; on Linear ``id`` is a UUID
    and ``group`` names the label group it belongs to, if any.
    """

    id: str
    name: str
    group: str | None = None

    @property
    def path(self) -> str:
        """The name a person would use to tell it apart: ``group/name`` or ``name``."""
        return f"{self.group}/{self.name}" if self.group else self.name


COMPONENT: Final = "component "
"""Begins the id and the name of a Jira component where it stands among labels, so that all that holds
for labels holds for it. No Jira label has a space in it, so the two are never mixed up."""


def component_label(name: str) -> Label:
    """A Jira component as a label: the same promises, memory and words."""
    return Label(f"{COMPONENT}{name}", f"{COMPONENT}{name}")


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue as of one reading (or as one webhook body told it)."""

    id: str
    key: str
    project: str
    """Jira: the project key. Linear: the team key."""
    title: str
    body: str
    type: str | None
    priority: str | None
    components: tuple[str, ...]
    labels: tuple[Label, ...]
    author: AuthorKind
    created: datetime | None
    updated: datetime | None
    url: str | None = None
    service_project: bool = False
    """A Jira service project: whatever we write must stay internal to its agents."""
    synced_outside: bool = False
    """A Linear issue mirrored to a place outside the workspace (Slack, GitHub, a customer tool)."""
    team_id: str | None = None
    """Linear: the team's UUID, by which labels are looked up."""
    resolved: bool = False
    """Its work is done: no longer open, and not cancelled where the tracker tells the two apart."""

    @property
    def tags(self) -> tuple[Label, ...]:
        """Its labels and, as ``component_label`` has them, its components."""
        return self.labels + tuple(map(component_label, self.components))


@dataclass(frozen=True, slots=True)
class PastIssue:
    """An issue of the past: its text as it was when filed, its tags as they are now."""

    id: str
    key: str
    project: str
    """As filed. Jira: the project key. Linear: the team key."""
    title: str
    """As filed."""
    body: str
    """As filed; see ``as_filed``."""
    created: datetime
    type: str | None
    """Now. Jira only."""
    type_filed: str | None = None
    components: tuple[str, ...] = ()
    """Now."""
    labels: tuple[Label, ...] = ()
    """Now."""
    resolved: bool = False
    as_filed: bool = True
    """False when an earlier text is known to have been there but cannot be had any more."""
    moved: bool = False
    """It was filed in another project, whose tags are not those it has now."""
    labels_by_us: frozenset[str] = frozenset()
    """Ids of labels (and of components, as ``component_label`` has them) that we once put on, whether or
    not they are still there."""
    taken_off: frozenset[str] = frozenset()
    """Those of them that a person took off; what went by an automation is nobody's judgement."""
    handled: bool = False
    """A person has edited it since our first label came: its text, tags or priority. A card dragged
    across a board is no such look."""
    people: frozenset[str] = frozenset()
    """Display names seen on it, only so that they can be kept out of vocabularies."""


class SubjectKind(StrEnum):
    ISSUE = "issue"
    SPRINT = "sprint"
    BOARD = "board"
    """A Jira board or a Linear team with its cycles; only the clock asks about one."""
    CATCH_UP = "catch_up"
    """All that changed on a connection lately; only the clock and the command ask about it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a hint is about; all hints about one subject are worked in one run."""

    connection: str
    kind: SubjectKind
    id: str

    def __str__(self) -> str:
        return f"{self.connection}:{self.kind}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``str(subject)`` wrote. Raises ValueError on anything else."""
        connection, kind, id_ = text.split(":", 2)
        return cls(connection, SubjectKind(kind), id_)


class HintKind(StrEnum):
    ISSUE_CREATED = "issue_created"
    ISSUE_CHANGED = "issue_changed"
    ISSUE_DELETED = "issue_deleted"
    ISSUE_FOUND = "issue_found"
    """It has changed, as a catch-up found; what changed, nobody told."""
    SPRINT_CHANGED = "sprint_changed"
    """Created, edited, started or closed: which of them, the run reads from the tracker."""
    SPRINT_DELETED = "sprint_deleted"
    SPRINT_JOINED = "sprint_joined"
    """An issue entered the sprint."""
    SPRINT_LEFT = "sprint_left"
    """An issue left the sprint."""
    SPRINT_TOUCHED = "sprint_touched"
    """An issue that is in the sprint changed in a way that the sprint's figures depend on."""
    SPRINT_DUE = "sprint_due"
    """The clock says that it is time to look."""
    BOARD_DUE = "board_due"
    CATCH_UP_DUE = "catch_up_due"


@dataclass(frozen=True, slots=True)
class Hint:
    """ "Look at this subject again", with what the event said about why. Never issue text.

    ``changed`` names fields in our words where we have one (``title``, ``description``,
    ``labels``, ``components``, ``type``, ``priority``, ``status``, ``sprint``, ``points``,
    ``assignee``, ``project``, ``parent``), else in the tracker's own. Label and sprint ids are the tracker's.
    """

    subject: Subject
    kind: HintKind
    digest: str
    """SHA-256 of the webhook body, hex; the id that joins a hint to its delivery in the logs."""
    at: datetime | None = None
    """When the event happened, by the tracker's clock."""
    updated: datetime | None = None
    """The subject's own ``updated`` as the event told it."""
    actor: str | None = None
    changed: tuple[str, ...] = ()
    labels_added: tuple[str, ...] = ()
    labels_removed: tuple[str, ...] = ()
    sprints_joined: tuple[str, ...] = ()
    sprints_left: tuple[str, ...] = ()
    late: bool = False
    """Genuine, but older than the connection's age limit when it came."""
    automated: bool = False
    """By an app or an automation, as far as the event tells."""
    issue: str | None = None
    """Of a hint about a sprint: the id of the issue that joined, left or changed."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping; empty fields are left out."""
        data: dict[str, Any] = {"subject": str(self.subject), "kind": str(self.kind), "digest": self.digest}
        for name in ("at", "updated"):
            if (moment := getattr(self, name)) is not None:
                data[name] = moment.isoformat()
        for name in ("actor", "issue"):
            if (text := getattr(self, name)) is not None:
                data[name] = text
        for name in _TUPLES:
            if value := getattr(self, name):
                data[name] = list(value)
        if self.late:
            data["late"] = True
        if self.automated:
            data["automated"] = True
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what this or an earlier version wrote: keys it does not know are passed over.

        Raises KeyError or ValueError when subject, kind or digest are missing or unknown.
        """
        return cls(
            subject=Subject.parse(data["subject"]),
            kind=HintKind(data["kind"]),
            digest=str(data["digest"]),
            at=_moment(data.get("at")),
            updated=_moment(data.get("updated")),
            actor=data.get("actor"),
            issue=data.get("issue"),
            late=bool(data.get("late", False)),
            automated=bool(data.get("automated", False)),
            **{name: tuple(str(item) for item in data.get(name, ())) for name in _TUPLES},
        )


_TUPLES = ("changed", "labels_added", "labels_removed", "sprints_joined", "sprints_left")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


class IgnoredBecause(StrEnum):
    """Why a genuine event leads to nothing. Each is a metric's label, so the set is closed."""

    UNKNOWN_EVENT = "unknown_event"
    """A kind of event neither fact sheet names."""
    UNUSED_EVENT = "unused_event"
    """A known kind of event that no capability listens to."""
    NO_WATCHED_FIELD = "no_watched_field"
    """An update that touched nothing we act on."""
    PROJECT_NOT_NAMED = "project_not_named"
    """The connection does not name this project or team."""
    BOARD_NOT_NAMED = "board_not_named"
    """The connection does not name this board, or watches no sprints at all."""
    NOT_ABOUT_AN_ISSUE = "not_about_an_issue"
    """A comment or attachment on something else: a document, a project update."""


class RefusedBecause(StrEnum):
    """Why a delivery is not taken. Each is a metric's label, so the set is closed."""

    UNKNOWN_CONNECTION = "unknown_connection"
    TOO_LARGE = "too_large"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    MISSING_CREDENTIALS = "missing_credentials"
    BAD_SIGNATURE = "bad_signature"
    BAD_CREDENTIALS = "bad_credentials"
    NO_TIMESTAMP = "no_timestamp"
    IN_FUTURE = "in_future"
    TOO_OLD = "too_old"
    EMPTY_BODY = "empty_body"
    NOT_JSON = "not_json"
    WRONG_SHAPE = "wrong_shape"
    NOT_STORED = "not_stored"


class Refused(Exception):
    """A delivery that is not taken: ``reason`` for machines, the message for people.

    The message is a sentence that names what is wrong and what to do; it never quotes the body,
    a secret or a token.
    """

    def __init__(self, reason: RefusedBecause, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Scope:
    """What one connection watches. ``None`` means everything (used offline)."""

    projects: frozenset[str] | None = None
    """Jira project keys or Linear team keys."""
    boards: frozenset[str] | None = None
    """Jira board ids; for Linear the same team keys stand for its cycles."""


@dataclass(frozen=True, slots=True)
class Event:
    """A webhook body as read: its hints, or the named reason for having none."""

    name: str
    """As the tracker calls it: ``jira:issue_updated``, ``Issue/update``."""
    hints: tuple[Hint, ...] = ()
    ignored: IgnoredBecause | None = None
    detail: str = ""
    """For people, when ignored: which field, project or board. Never issue text."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment of ours as found on the tracker."""

    id: str
    topic: str
    url: str | None = None
    body: str = ""
    """As the tracker gives it back, which on Linear is not to the letter what was written."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose name the token writes under."""

    id: str
    name: str
    is_app: bool = False
    """A service account or app user, not a person whose own edits must count."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the tracker itself remembers of our past doings on an issue (design P5).

    Jira: our issue property. Linear: the issue's history.
    """

    applied: frozenset[str] = field(default_factory=frozenset)
    """Ids of labels we once put on."""
    vetoed: frozenset[str] = field(default_factory=frozenset)
    """Ids of labels a person took off."""
    whole: bool = True
    """False when the tracker remembers more than was read: a veto may be missing."""
