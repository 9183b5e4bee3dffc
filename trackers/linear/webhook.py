"""Linear webhooks: is the body genuine and recent, and what does it ask us to look at?

Pure functions over bytes and parsed JSON. Signature, timestamp and envelope after
linear.app/developers/webhooks and the webhook client of the npm package ``@linear/sdk``; kinds of
events after its ``LinearWebhookEventType`` and the schema in github.com/linear/linear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from trackers.credentials import signed_by_any
from trackers.delivery import Delivery
from trackers.linear.fields import identifier_prefix, team_key
from trackers.model import Event, Hint, HintKind, IgnoredBecause, Refused, RefusedBecause, Scope
from trackers.reading import differs, ident, items, mapping, moment, names, number, reference, text

SIGNATURE_HEADER = "Linear-Signature"

_FIELDS = {
    "title": "title",
    "description": "description",
    "descriptionData": "description",
    "labelIds": "labels",
    "priority": "priority",
    "stateId": "status",
    "completedAt": "status",
    "cycleId": "sprint",
    "estimate": "points",
    "assigneeId": "assignee",
    "teamId": "project",
    "parentId": "parent",
}
"""Linear's names in our words; a team is what we call a project, a cycle a sprint."""

_WATCHED = frozenset({"title", "description", "project", "labels", "status"})

_COUNTS = frozenset({"points", "status", "description", "parent", "trashed", "archivedAt"})
"""What the figures of the issue's cycle depend on."""

# Written at every update, whatever changed.
_NOISE = frozenset({"updatedAt"})

_Difference = tuple[tuple[str, ...], tuple[str, ...]]
"""What came, and what went."""

_MAY_BE_ELSEWHERE = frozenset({"Comment", "Attachment"})

_UNUSED = frozenset(
    {
        "IssueLabel",
        "Project",
        "ProjectLabel",
        "ProjectUpdate",
        "Reaction",
        "Document",
        "Initiative",
        "InitiativeUpdate",
        "Customer",
        "CustomerNeed",
        "User",
        "AuditEntry",
        "Release",
        "ReleaseNote",
        "AgentActivity",
        "AgentSession",
        "IssueSLA",
        "OAuthApp",
        "OAuthAuthorization",
        "AppUserNotification",
        "PermissionChange",
        "AgentSessionEvent",
    }
)


def verify(body: bytes, signature: str | None, secrets: Sequence[bytes]) -> None:
    """Check the ``Linear-Signature`` header over the raw body.

    The header is the bare HMAC-SHA256 in lower-case hex (linear.app/developers/webhooks).
    Raises Refused with MISSING_CREDENTIALS when there is no header, else with BAD_SIGNATURE.
    """
    if signature is None or not signature.strip():
        raise Refused(
            RefusedBecause.MISSING_CREDENTIALS,
            "There is no Linear-Signature header. Only Linear itself can deliver to this address.",
        )
    if not signed_by_any(body, signature.strip(), "sha256", secrets):
        raise Refused(
            RefusedBecause.BAD_SIGNATURE,
            "The signature fits none of this connection's secrets. Copy the webhook's signing secret again.",
        )


def sent(payload: object) -> datetime:
    """When Linear sent the body: its ``webhookTimestamp``, the one time the signature covers.

    Raises Refused with WRONG_SHAPE when the body is not an object, with NO_TIMESTAMP when the
    time is missing or is not a number of milliseconds.
    """
    found = told(_object(payload))
    if found is None:
        raise Refused(
            RefusedBecause.NO_TIMESTAMP,
            "The body has no webhookTimestamp in milliseconds, so its age cannot be told.",
        )
    return found


def told(payload: object) -> datetime | None:
    """What Linear's clock said when the body was made; None where the body does not tell."""
    return moment(number(mapping(payload).get("webhookTimestamp")))


def check_age(sent: datetime, now: datetime, limit: timedelta, too_old: timedelta) -> bool:
    """Whether a body sent then is late now: older than ``limit``, but not older than ``too_old``.

    Raises Refused with IN_FUTURE when it is dated more than ``limit`` ahead, with TOO_OLD when it
    is older than ``too_old``.
    """
    age = now - sent
    if age < -limit:
        raise Refused(
            RefusedBecause.IN_FUTURE,
            f"The body is dated {-age.total_seconds():.0f} s ahead of this machine's clock. Check the clock.",
        )
    if age > too_old:
        raise Refused(
            RefusedBecause.TOO_OLD,
            f"The body was sent {age.total_seconds():.0f} s ago, more than the "
            f"{too_old.total_seconds():.0f} s this connection allows.",
        )
    return age > limit


def parse(payload: object, *, connection: str, digest: str, scope: Scope) -> Event:
    """Read a webhook body: the hints it gives, or the reason why it gives none.

    ``payload`` is the parsed JSON, ``digest`` the body's SHA-256 in hex.
    Raises Refused (WRONG_SHAPE) when the body is not an object, or is of a kind we use but lacks
    the id of what it is about. Raises nothing else, whatever the body.
    """
    body = _object(payload)
    kind, action = text(body.get("type")) or "", text(body.get("action")) or ""
    actor = mapping(body.get("actor"))
    delivery = Delivery(
        name=f"{kind[:50]}/{action[:50]}",
        connection=connection,
        digest=digest,
        scope=scope,
        at=moment(body.get("createdAt")) or moment(body.get("webhookTimestamp")),
        actor=ident(actor.get("id")),
        automated=bool(actor) and not _is_person(actor),
    )
    if handler := _HANDLERS.get((kind, action)):
        return handler(delivery, mapping(body.get("data")), mapping(body.get("updatedFrom")))
    if kind in _MAY_BE_ELSEWHERE and not _about_an_issue(mapping(body.get("data"))):
        return delivery.ignored(
            IgnoredBecause.NOT_ABOUT_AN_ISSUE, f"this {kind.lower()} is on something else"
        )
    if kind in _UNUSED or kind in _MAY_BE_ELSEWHERE:
        return delivery.ignored(IgnoredBecause.UNUSED_EVENT, "nothing listens to this kind of event")
    return delivery.ignored(
        IgnoredBecause.UNKNOWN_EVENT, "no such event is known" if kind else "the body has no type"
    )


def _object(payload: object) -> Mapping[str, Any]:
    if not isinstance(payload, dict):
        raise Refused(
            RefusedBecause.WRONG_SHAPE, "The body is JSON but not an object, which no Linear webhook sends."
        )
    return payload


def _is_person(actor: Mapping[str, Any]) -> bool:
    # Of the four kinds of actor only users and external users have an address; OAuth clients and
    # integrations have a name or a service alone.
    return actor.get("type") == "user" or "email" in actor


def _about_an_issue(data: Mapping[str, Any]) -> bool:
    return bool(ident(data.get("issueId")) or mapping(data.get("issue")))


def _issue(delivery: Delivery, data: Mapping[str, Any]) -> tuple[str, str | None]:
    """The issue's id and its team's key, which is known when the scope asks for it."""
    id_ = reference(data.get("id"))
    if id_ is None:
        raise Refused(RefusedBecause.WRONG_SHAPE, "This issue event has no usable data.id.")
    team = team_key(data)
    if team is None and delivery.scope.projects is not None:
        raise Refused(
            RefusedBecause.WRONG_SHAPE, "This issue event has neither data.team.key nor data.identifier."
        )
    return id_, team


def _not_named(delivery: Delivery, team: str | None) -> Event:
    return delivery.ignored(IgnoredBecause.PROJECT_NOT_NAMED, f"team {team} is not one of this connection's")


def _issue_created(delivery: Delivery, data: Mapping[str, Any], _: Mapping[str, Any]) -> Event:
    id_, team = _issue(delivery, data)
    if not delivery.names_project(team):
        return _not_named(delivery, team)
    cycle = reference(data.get("cycleId"))
    joined = (cycle,) if cycle and delivery.names_board(team) else ()
    hint = delivery.issue(HintKind.ISSUE_CREATED, id_, moment(data.get("updatedAt")), sprints_joined=joined)
    return delivery.queued([hint, *_moves(delivery, id_, joined, ())])


def _issue_updated(delivery: Delivery, data: Mapping[str, Any], before: Mapping[str, Any]) -> Event:
    id_, team = _issue(delivery, data)
    changed = _changed(data, before)
    teams = [team, *_old_teams(data)] if "project" in changed else [team]
    if not any(map(delivery.names_project, teams)):
        return _not_named(delivery, team)
    added, removed = _label_changes(data, before) if "labels" in changed else ((), ())
    joined, left = _cycle_changes(data, before) if "sprint" in changed else ((), ())
    hints: list[Hint] = []
    # A label taken off may be a person's no to ours; one put on may settle what we suggested; an
    # issue completed with ours still on it is a yes.
    if not _WATCHED.isdisjoint(changed):
        hints.append(
            delivery.issue(
                HintKind.ISSUE_CHANGED,
                id_,
                moment(data.get("updatedAt")),
                changed=changed,
                labels_added=added,
                labels_removed=removed,
                sprints_joined=joined,
                sprints_left=left,
            )
        )
    if any(map(delivery.names_board, teams)):
        mover = delivery._replace(automated=True) if _drawn_in(data, changed, left) else delivery
        hints += _moves(mover, id_, joined, left)
    if not joined:
        hints += _touched(delivery, data, tuple(name for name in changed if name in _COUNTS))
    if hints:
        return delivery.queued(hints)
    if joined or left:
        return delivery.ignored(
            IgnoredBecause.BOARD_NOT_NAMED, f"the cycles of team {team} are not among this connection's"
        )
    return delivery.ignored(
        IgnoredBecause.NO_WATCHED_FIELD, f"changed: {', '.join(changed)}" if changed else "no field changed"
    )


def _issue_removed(delivery: Delivery, data: Mapping[str, Any], _: Mapping[str, Any]) -> Event:
    id_, _team = _issue(delivery, data)
    # Of any team: it may have been moved there from one that is named, and nothing of it is kept then.
    deleted = delivery.issue(HintKind.ISSUE_DELETED, id_, moment(data.get("updatedAt")))
    return delivery.queued([deleted, *_touched(delivery, data, ("trashed",))])


def _moves(delivery: Delivery, issue: str, joined: Sequence[str], left: Sequence[str]) -> list[Hint]:
    """The hints of an issue's way between cycles.

    What Linear does by itself, such as rolling unfinished work over, comes without an actor.
    """
    automated = delivery.automated or delivery.actor is None
    return delivery._replace(automated=automated).moves(joined, left, issue=issue)


def _drawn_in(data: Mapping[str, Any], changed: Sequence[str], left: Sequence[str]) -> bool:
    """Whether an issue came into a cycle by being started or completed, with none before.

    A team can let Linear put such issues into the running cycle, and tells of it as the person's doing
    who began them (linear.app/docs/use-cycles). Histories are read by the same rule, where the team's
    settings are known, too (``cycle_fields``).
    """
    begun = mapping(data.get("state")).get("type") in ("started", "completed")
    return begun and "status" in changed and "sprint" in changed and not left


def _touched(delivery: Delivery, data: Mapping[str, Any], changed: tuple[str, ...]) -> list[Hint]:
    """The hint for the cycle that holds a changed issue; none where nothing that counts has changed."""
    cycle = reference(data.get("cycleId"))
    if cycle is None or not changed or not delivery.names_board(team_key(data)):
        return []
    return [delivery.sprint(HintKind.SPRINT_TOUCHED, cycle, changed=changed, issue=reference(data.get("id")))]


def _cycle_event(kind: HintKind) -> Callable[[Delivery, Mapping[str, Any], Mapping[str, Any]], Event]:
    def read(delivery: Delivery, data: Mapping[str, Any], before: Mapping[str, Any]) -> Event:
        id_ = reference(data.get("id"))
        if id_ is None:
            raise Refused(RefusedBecause.WRONG_SHAPE, "This cycle event has no usable data.id.")
        # Most cycle bodies name their team by UUID alone; those the run has to look up.
        team = team_key(data)
        if not delivery.names_board(team):
            return delivery.ignored(
                IgnoredBecause.BOARD_NOT_NAMED,
                f"team {team or 'unknown'} is not one whose cycles are watched",
            )
        updated = moment(data.get("updatedAt"))
        return delivery.queued([delivery.sprint(kind, id_, updated=updated, changed=_changed(data, before))])

    return read


def _changed(data: Mapping[str, Any], before: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of what changed.

    A key in ``updatedFrom`` is no proof: old bodies list fields that were never set as null there.
    A field changed when its previous value differs from the present one, absent counting as null.
    """
    return names(_FIELDS.get(key, key) for key in _changed_keys(data, before))


def _changed_keys(data: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    for key, previous in before.items():
        if key in _NOISE or not differs(previous, data.get(key)):
            continue
        if key == "labelIds" and not any(_label_changes(data, before)):
            continue
        # The rich form is rewritten even where the text stays as it was.
        if key == "descriptionData" and "description" in before:
            continue
        yield key


def _label_changes(data: Mapping[str, Any], before: Mapping[str, Any]) -> _Difference:
    then, now = _references(before.get("labelIds")), _references(data.get("labelIds"))
    return names(id_ for id_ in now if id_ not in then), names(id_ for id_ in then if id_ not in now)


def _references(value: object) -> dict[str, None]:
    # A dict serves as a set that keeps the order.
    return {id_: None for entry in items(value) if (id_ := reference(entry))}


def _cycle_changes(data: Mapping[str, Any], before: Mapping[str, Any]) -> _Difference:
    now, then = reference(data.get("cycleId")), reference(before.get("cycleId"))
    return (now,) if now else (), (then,) if then else ()


def _old_teams(data: Mapping[str, Any]) -> Sequence[str | None]:
    """The keys of the teams the issue was in, ``None`` when the body does not tell them.

    ``updatedFrom`` names the team it comes from by UUID alone.
    """
    found = [identifier_prefix(identifier) for identifier in items(data.get("previousIdentifiers"))]
    return [key for key in found if key] or [None]


_HANDLERS: Mapping[tuple[str, str], Callable[[Delivery, Mapping[str, Any], Mapping[str, Any]], Event]] = {
    ("Issue", "create"): _issue_created,
    ("Issue", "update"): _issue_updated,
    ("Issue", "remove"): _issue_removed,
    ("Cycle", "create"): _cycle_event(HintKind.SPRINT_CHANGED),
    ("Cycle", "update"): _cycle_event(HintKind.SPRINT_CHANGED),
    ("Cycle", "remove"): _cycle_event(HintKind.SPRINT_DELETED),
}
