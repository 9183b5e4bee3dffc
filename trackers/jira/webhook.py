"""Jira webhooks: is the body genuine, and what does it ask us to look at?

Pure functions over bytes and parsed JSON. Event names and shapes after developer.atlassian.com,
"Webhooks" of the Jira Cloud platform, and confluence.atlassian.com, "Managing webhooks" of Jira
Data Center; where recorded bodies differ from those pages, the bodies rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from trackers.credentials import signed_by_any
from trackers.delivery import Delivery
from trackers.jira.edits import Edits
from trackers.jira.fields import issue_id, open_ids, project_key, sprints_of
from trackers.model import Event, Hint, HintKind, IgnoredBecause, Refused, RefusedBecause, Scope
from trackers.reading import differs, ident, items, mapping, moment, names, reference, text

SIGNATURE_HEADER = "X-Hub-Signature"

_METHODS = frozenset({"sha256", "sha384", "sha512"})

_UNUSED = frozenset(
    {
        "issue_property_set",
        "issue_property_deleted",
        "comment_created",
        "comment_updated",
        "comment_deleted",
        "worklog_created",
        "worklog_updated",
        "worklog_deleted",
        "attachment_created",
        "attachment_deleted",
        "issuelink_created",
        "issuelink_deleted",
        "board_created",
        "board_updated",
        "board_deleted",
        "board_configuration_changed",
        "version_released",
        "version_unreleased",
        "version_created",
        "version_moved",
        "version_updated",
        "version_deleted",
        "project_created",
        "project_updated",
        "project_deleted",
        "project_soft_deleted",
        "project_restored_deleted",
        "project_archived",
        "project_restored_archived",
        "jira_expression_evaluation_failed",
        "app_access_to_objects_blocked",
    }
)
_UNUSED_FAMILIES = ("issuetype_", "filter_", "user_", "option_")


def verify(body: bytes, signature: str | None, secrets: Sequence[bytes]) -> None:
    """Check the ``X-Hub-Signature`` header over the raw body.

    The header is ``method=hex``, the HMAC of the body as sent; today's method is sha256 and the
    vendor's page says it may change, so stronger ones are taken too (developer.atlassian.com,
    "Webhooks", secure admin webhooks).
    Raises Refused with MISSING_CREDENTIALS when there is no header, else with BAD_SIGNATURE.
    """
    if signature is None or not signature.strip():
        raise Refused(
            RefusedBecause.MISSING_CREDENTIALS,
            "There is no X-Hub-Signature header. Set this connection's secret on the webhook in Jira.",
        )
    method, _, digest = signature.strip().partition("=")
    method = method.lower()
    if method not in _METHODS:
        raise Refused(
            RefusedBecause.BAD_SIGNATURE,
            "The X-Hub-Signature header does not begin with sha256=, sha384= or sha512=.",
        )
    if not signed_by_any(body, digest.lower(), method, secrets):
        raise Refused(
            RefusedBecause.BAD_SIGNATURE,
            "The signature fits none of this connection's secrets. Set the same secret here and in Jira.",
        )


def told(payload: object) -> datetime | None:
    """What Jira's clock said when the event came about; None where the body does not tell."""
    return moment(mapping(payload).get("timestamp"))


def parse(payload: object, *, connection: str, digest: str, scope: Scope) -> Event:
    """Read a webhook body: the hints it gives, or the reason why it gives none.

    ``payload`` is the parsed JSON, ``digest`` the body's SHA-256 in hex.
    Raises Refused (WRONG_SHAPE) when the body is not an object, or is of a kind we use but lacks
    the id of what it is about. Raises nothing else, whatever the body.
    """
    if not isinstance(payload, dict):
        raise Refused(
            RefusedBecause.WRONG_SHAPE, "The body is JSON but not an object, which no Jira webhook sends."
        )
    name = text(payload.get("webhookEvent")) or _guessed_name(payload)
    delivery = Delivery(
        name=name[:100],
        connection=connection,
        digest=digest,
        scope=scope,
        at=moment(payload.get("timestamp")),
        actor=_actor(payload),
        automated=mapping(payload.get("user")).get("accountType") == "app",
    )
    short = name.removeprefix("jira:")
    if handler := _HANDLERS.get(short):
        return handler(delivery, payload)
    if short in _UNUSED or short.startswith(_UNUSED_FAMILIES):
        return delivery.ignored(IgnoredBecause.UNUSED_EVENT, "nothing listens to this kind of event")
    return delivery.ignored(
        IgnoredBecause.UNKNOWN_EVENT, "no such event is known" if name else "the body names no event"
    )


def _guessed_name(body: Mapping[str, Any]) -> str:
    """The event's name for a body of a very old server, which has none."""
    if not mapping(body.get("issue")):
        return ""
    kind = text(body.get("issue_event_type_name"))
    if kind in ("issue_created", "issue_deleted"):
        return f"jira:{kind}"
    return "jira:issue_updated" if kind or _changelog(body) else ""


def _actor(body: Mapping[str, Any]) -> str | None:
    """Cloud names its users by ``accountId``; Data Center by ``name`` and ``key``."""
    user = mapping(body.get("user"))
    return ident(user.get("accountId")) or ident(user.get("name")) or ident(user.get("key"))


def _changelog(body: Mapping[str, Any]) -> list[Any]:
    return items(mapping(body.get("changelog")).get("items"))


def _issue(delivery: Delivery, body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any], str | None]:
    """The issue's id, the issue and its project's key, which is known when the scope asks for it."""
    issue = mapping(body.get("issue"))
    id_ = issue_id(issue)
    if id_ is None:
        raise Refused(RefusedBecause.WRONG_SHAPE, "This issue event has no usable issue.id.")
    project = project_key(issue)
    if project is None and delivery.scope.projects is not None:
        raise Refused(
            RefusedBecause.WRONG_SHAPE, "This issue event has neither issue.fields.project.key nor issue.key."
        )
    return id_, issue, project


def _not_named(delivery: Delivery, project: str | None) -> Event:
    return delivery.ignored(
        IgnoredBecause.PROJECT_NOT_NAMED, f"project {project} is not one of this connection's"
    )


def _issue_created(delivery: Delivery, body: Mapping[str, Any]) -> Event:
    id_, issue, project = _issue(delivery, body)
    is_named = delivery.names_project(project)
    # The changelog of a creation lists initial values, not edits: of it only the sprints count.
    joined = _watched(delivery, issue, _sprints_at_creation(body, issue), is_named)
    moves = delivery.moves(joined, (), id_)
    if not is_named:
        return delivery.queued(moves) if moves else _not_named(delivery, project)
    updated = moment(mapping(issue.get("fields")).get("updated"))
    hint = delivery.issue(HintKind.ISSUE_CREATED, id_, updated, sprints_joined=joined)
    return delivery.queued([hint, *moves])


def _sprints_at_creation(body: Mapping[str, Any], issue: Mapping[str, Any]) -> tuple[str, ...]:
    # Only one of the two may name the sprint, and only the field's value tells its state.
    valued = sprints_of(issue)
    closed = {sprint.id for sprint in valued if not sprint.is_open}
    logged = Edits(_changelog(body), issue).sprints_joined
    return names(id_ for id_ in [*logged, *open_ids(valued)] if id_ not in closed)


def _issue_updated(delivery: Delivery, body: Mapping[str, Any]) -> Event:
    id_, issue, project = _issue(delivery, body)
    changes = Edits(_changelog(body), issue)
    is_named = any(map(delivery.names_project, [project, *changes.old_projects]))
    hints: list[Hint] = []
    if is_named and changes.are_watched:
        hints.append(
            delivery.issue(
                HintKind.ISSUE_CHANGED,
                id_,
                moment(mapping(issue.get("fields")).get("updated")),
                changed=names(changes.fields),
                labels_added=names(changes.labels_added, longest=255),
                labels_removed=names(changes.labels_removed, longest=255),
                sprints_joined=names(changes.sprints_joined),
                sprints_left=names(changes.sprints_left),
            )
        )
    joined = _watched(delivery, issue, changes.sprints_joined, is_named)
    hints += delivery.moves(joined, _watched(delivery, issue, changes.sprints_left, is_named), id_)
    if changes.are_counted:
        hints += _touched(delivery, issue, id_, is_named, changes)
    if hints:
        return delivery.queued(hints)
    if not is_named:
        return _not_named(delivery, project)
    if changes.sprints_joined or changes.sprints_left:
        return delivery.ignored(
            IgnoredBecause.BOARD_NOT_NAMED, "the sprints are not of a board that this connection names"
        )
    return delivery.ignored(IgnoredBecause.NO_WATCHED_FIELD, _why_unwatched(body, changes))


def _watched(
    delivery: Delivery, issue: Mapping[str, Any], sprints: Iterable[str], is_named: bool
) -> tuple[str, ...]:
    """Those of the ids whose sprints may be of a board the connection names.

    The value tells the board of a sprint that the issue is in, and no more of one that it left. A sprint
    can hold issues of any project: of one that is not named (``is_named``) only what surely is of a named
    board counts.
    """
    boards = {sprint.id: sprint.board for sprint in sprints_of(issue)}
    told = ((id_, boards.get(id_)) for id_ in sprints)
    return names(id_ for id_, board in told if delivery.names_board(board) and (board or is_named))


def _touched(
    delivery: Delivery, issue: Mapping[str, Any], id_: str, is_named: bool, changes: Edits | None = None
) -> list[Hint]:
    """A hint for the running sprint whose figures are others now; one just joined is read anyway."""
    joined = changes.sprints_joined if changes else ()
    changed = names(changes.fields) if changes else ()
    active = [sprint.id for sprint in sprints_of(issue) if sprint.state == "active"]
    running = [sprint for sprint in active if sprint not in joined]
    return [
        delivery.sprint(HintKind.SPRINT_TOUCHED, sprint, changed=changed, issue=id_)
        for sprint in _watched(delivery, issue, running, is_named)
    ]


def _why_unwatched(body: Mapping[str, Any], changes: Edits) -> str:
    if changes.fields:
        return f"changed: {', '.join(names(changes.fields, longest=40))}"
    kind = ident(body.get("issue_event_type_name"))
    return f"{kind[:60]}: no field changed" if kind else "no field changed"


def _issue_deleted(delivery: Delivery, body: Mapping[str, Any]) -> Event:
    id_, issue, project = _issue(delivery, body)
    touched = _touched(delivery, issue, id_, delivery.names_project(project))
    updated = moment(mapping(issue.get("fields")).get("updated"))
    # Of any project: it may have been moved there from one that is named, and nothing of it is kept then.
    return delivery.queued([delivery.issue(HintKind.ISSUE_DELETED, id_, updated), *touched])


def _sprint_event(
    kind: HintKind, otherwise: tuple[str, ...] = ()
) -> Callable[[Delivery, Mapping[str, Any]], Event]:
    """``otherwise`` is what the event's name says to have changed, when it does not bring the old values."""

    def read(delivery: Delivery, body: Mapping[str, Any]) -> Event:
        sprint = mapping(body.get("sprint"))
        id_ = reference(sprint.get("id"))
        if id_ is None:
            raise Refused(RefusedBecause.WRONG_SHAPE, "This sprint event has no usable sprint.id.")
        board = ident(sprint.get("originBoardId"))
        if not delivery.names_board(board):
            return delivery.ignored(
                IgnoredBecause.BOARD_NOT_NAMED, f"board {board or 'unknown'} is not one of this connection's"
            )
        before = mapping(body.get("oldValue"))
        changed = names(key for key in sprint if before and differs(sprint[key], before.get(key)))
        return delivery.queued([delivery.sprint(kind, id_, changed=changed or otherwise)])

    return read


_HANDLERS: Mapping[str, Callable[[Delivery, Mapping[str, Any]], Event]] = {
    "issue_created": _issue_created,
    "issue_updated": _issue_updated,
    "issue_deleted": _issue_deleted,
    "sprint_created": _sprint_event(HintKind.SPRINT_CHANGED),
    "sprint_updated": _sprint_event(HintKind.SPRINT_CHANGED),
    "sprint_started": _sprint_event(HintKind.SPRINT_CHANGED, ("state",)),
    "sprint_closed": _sprint_event(HintKind.SPRINT_CHANGED, ("state",)),
    "sprint_deleted": _sprint_event(HintKind.SPRINT_DELETED),
}
