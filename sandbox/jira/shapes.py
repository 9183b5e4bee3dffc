"""How the toy Jira writes things down in JSON, for answers and for webhooks alike.

Shapes follow Atlassian's REST API v2 and agile 1.0 (developer.atlassian.com/cloud/jira/platform/rest/v2
and /cloud/jira/software/rest): text is wiki text, users carry an account id on Cloud and a name
and key on Data Center.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from sandbox.jira.config import JiraConfig
from sandbox.jira.model import (
    CATEGORIES,
    CLOUD_FIELDS,
    RESOLVED,
    SERVER_FIELDS,
    TIME,
    ChangeItem,
    Comment,
    History,
    Issue,
    IssueType,
    Named,
    Project,
    Sprint,
    Status,
    User,
)

JSON = dict[str, Any]
Linked = tuple[Sequence[Issue], Sequence[Issue]]
_EAST = timezone(timedelta(hours=2))


def stamp(moment: datetime) -> str:
    """Jira's own way of writing a time: milliseconds and an offset without a colon."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def number(value: float | None) -> float | int | None:
    """JSON's shortest way of writing a points value."""
    return int(value) if value is not None and value == int(value) else value


class Shapes:
    """JSON views of the model for one deployment; ``base`` gives the site's own URL."""

    def __init__(self, config: JiraConfig, base: Callable[[], str], sprint: Callable[[int], Sprint]) -> None:
        self.config = config
        self.fields = CLOUD_FIELDS if config.cloud else SERVER_FIELDS
        self._base = base
        self.sprint_of = sprint

    def link(self, path: str) -> str:
        """An absolute URL under the REST API v2."""
        return f"{self._base()}/rest/api/2/{path}"

    def user(self, user: User) -> JSON:
        avatars = {
            f"{size}x{size}": f"{self._base()}/avatar/{user.login}-{size}.png" for size in (48, 24, 16, 32)
        }
        common = {"avatarUrls": avatars, "displayName": user.name, "active": True, "timeZone": user.zone}
        if self.config.cloud:
            link = self.link(f"user?accountId={quote(user.account_id, safe='')}")
            return {"self": link, "accountId": user.account_id, "accountType": user.kind, **common}
        mail = f"{user.login}@example.invalid"
        link = self.link(f"user?username={user.login}")
        return {"self": link, "name": user.login, "key": user.key, "emailAddress": mail, **common}

    def issue_type(self, kind: IssueType) -> JSON:
        link = self.link(f"issuetype/{kind.id}")
        shape: JSON = {
            "self": link,
            "id": kind.id,
            "name": kind.name,
            "description": "",
            "subtask": kind.subtask,
        }
        if self.config.cloud:
            shape["hierarchyLevel"] = kind.level
        return shape

    def status(self, status: Status) -> JSON:
        return {
            "self": self.link(f"status/{status.id}"),
            "description": "",
            "iconUrl": f"{self._base()}/images/icons/status.png",
            "name": status.name,
            "id": status.id,
            "statusCategory": self.category(status),
        }

    def category(self, status: Status) -> JSON:
        id_, color, name = CATEGORIES[status.category]
        link = self.link(f"statuscategory/{id_}")
        return {"self": link, "id": id_, "key": status.category, "colorName": color, "name": name}

    def named(self, kind: str, thing: Named) -> JSON:
        return {"self": self.link(f"{kind}/{thing.id}"), "id": thing.id, "name": thing.name}

    def project(self, project: Project) -> JSON:
        shape: JSON = {
            "self": self.link(f"project/{project.id}"),
            "id": project.id,
            "key": project.key,
            "name": project.name,
            "projectTypeKey": "service_desk" if project.service else "software",
        }
        if self.config.cloud:
            shape["simplified"] = project.team_managed
        return shape

    def comment(self, comment: Comment, with_properties: bool = False) -> JSON:
        shape: JSON = {
            "self": self.link(f"issue/{comment.issue_id}/comment/{comment.id}"),
            "id": comment.id,
            "author": self.user(comment.author),
            "body": comment.body,
            "updateAuthor": self.user(comment.editor),
            "created": stamp(comment.created),
            "updated": stamp(comment.updated),
        }
        if self.config.cloud:
            shape["jsdPublic"] = not comment.internal
        if with_properties:
            shape["properties"] = [{"key": key, "value": value} for key, value in comment.properties.items()]
        return shape

    def issue_fields(self, issue: Issue, parent: Issue | None = None, linked: Linked = ((), ())) -> JSON:
        """All fields of an issue except its comments; ``linked`` are those that block it, and it blocks."""
        fields: JSON = {
            "summary": issue.summary,
            "description": issue.description,
            "issuetype": self.issue_type(issue.type),
            "project": self.project(issue.project),
            "status": self.status(issue.status),
            "priority": self.named("priority", issue.priority),
            "labels": list(issue.labels),
            "components": [self.named("component", component) for component in issue.components],
            "fixVersions": [],
            "creator": self.user(issue.creator),
            "reporter": self.user(issue.creator),
            "assignee": self.user(issue.assignee) if issue.assignee else None,
            "created": stamp(issue.created),
            "updated": stamp(issue.updated),
            "resolution": self.named("resolution", RESOLVED) if issue.resolved else None,
            "resolutiondate": stamp(issue.resolved) if issue.resolved else None,
            "subtasks": [],
            TIME: issue.seconds,
            "issuelinks": self._links(issue, linked),
            self.fields.rank: f"0|i{int(issue.id):05d}:",
            self.fields.sprint: self.sprint_field(
                (parent if parent and issue.type.subtask else issue).sprints
            ),
            self.fields.points: None if issue.project.team_managed else number(issue.points),
        }
        if self.config.cloud:
            fields["statuscategorychangedate"] = stamp(issue.status_since)
        if self.fields.estimate:
            fields[self.fields.estimate] = number(issue.points) if issue.project.team_managed else None
        if parent is not None:
            fields["parent"] = {"id": parent.id, "key": parent.key, "self": self.link(f"issue/{parent.id}")}
        return fields

    def _links(self, issue: Issue, linked: Linked) -> list[JSON]:
        kind = {"id": "10000", "name": "Blocks", "inward": "is blocked by", "outward": "blocks"}
        blockers, blocked = linked
        ends = [(other, "inwardIssue", f"{other.id}{issue.id}") for other in blockers]
        ends += [(other, "outwardIssue", f"{issue.id}{other.id}") for other in blocked]
        return [
            {"id": id_, "self": self.link(f"issueLink/{id_}"), "type": kind, end: self._linked_issue(other)}
            for other, end, id_ in ends
        ]

    def _linked_issue(self, issue: Issue) -> JSON:
        fields = {
            "summary": issue.summary,
            "status": self.status(issue.status),
            "priority": self.named("priority", issue.priority),
            "issuetype": self.issue_type(issue.type),
        }
        return {"id": issue.id, "key": issue.key, "self": self.link(f"issue/{issue.id}"), "fields": fields}

    def points_field(self, project: Project) -> tuple[str, str]:
        """The id and the name of the field that holds a project's points."""
        if project.team_managed and self.fields.estimate:
            return self.fields.estimate, "Story point estimate"
        return self.fields.points, "Story Points"

    def sprint_field(self, ids: Iterable[int]) -> list[Any] | None:
        """The Sprint field's value: objects on Cloud, old ``toString`` texts on Data Center."""
        sprints = [self.sprint_of(id_) for id_ in ids]
        if not sprints:
            return None
        return [
            self._sprint_value(sprint) if self.config.cloud else self._sprint_text(sprint)
            for sprint in sprints
        ]

    def _sprint_value(self, sprint: Sprint) -> JSON:
        shape = self.sprint(sprint)
        shape["boardId"] = shape.pop("originBoardId")
        del shape["self"], shape["createdDate"]
        return shape

    def _sprint_text(self, sprint: Sprint) -> str:
        parts = {
            "id": sprint.id,
            "rapidViewId": sprint.board,
            "state": sprint.state.upper(),
            "name": sprint.name,
            "startDate": self._sprint_time(sprint.start),
            "endDate": self._sprint_time(sprint.end),
            "completeDate": self._sprint_time(sprint.complete),
            "sequence": sprint.id,
            "goal": sprint.goal,
        }
        listed = ",".join(f"{key}={'<null>' if value is None else value}" for key, value in parts.items())
        return f"com.atlassian.greenhopper.service.sprint.Sprint@{sprint.id:x}5af3[{listed}]"

    def sprint(self, sprint: Sprint) -> JSON:
        """The agile API's sprint; a date that is not set is left out."""
        shape: JSON = {
            "id": sprint.id,
            "self": f"{self._base()}/rest/agile/1.0/sprint/{sprint.id}",
            "state": sprint.state,
            "name": sprint.name,
            "startDate": self._sprint_time(sprint.start),
            "endDate": self._sprint_time(sprint.end),
            "completeDate": self._sprint_time(sprint.complete),
            "createdDate": self._sprint_time(sprint.created),
            "originBoardId": sprint.board,
            "goal": sprint.goal,
        }
        return {key: value for key, value in shape.items() if value is not None}

    def _sprint_time(self, moment: datetime | None) -> str | None:
        if moment is None:
            return None
        # Sprint dates come with any UTC offset; Data Center shows the server's own zone.
        if self.config.cloud:
            return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return moment.astimezone(_EAST).isoformat(timespec="milliseconds")

    def change(self, item: ChangeItem) -> JSON:
        shape: JSON = {"field": item.field, "fieldtype": "custom" if item.custom else "jira"}
        if self.config.cloud:
            shape["fieldId"] = item.id
        return shape | {
            "from": item.before,
            "fromString": item.before_text,
            "to": item.after,
            "toString": item.after_text,
        }

    def history(self, entry: History) -> JSON:
        items = [self.change(item) for item in entry.items]
        # Data Center keeps the times of changes in whole seconds.
        at = entry.at if self.config.cloud else entry.at.replace(microsecond=0)
        return {"id": entry.id, "author": self.user(entry.author), "created": stamp(at), "items": items}
