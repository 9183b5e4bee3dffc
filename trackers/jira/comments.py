"""Our own comments on Jira, known by their author, then by the hidden property that names their topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from trackers.errors import Gone
from trackers.jira.client import JiraClient
from trackers.jira.memory import PROPERTY
from trackers.model import Comment, Identity
from trackers.reading import ident, items, mapping, moment, text

_MOST: Final = 20
"""On one issue; more of ours only an account has that people write with, too."""
_LISTED: Final = 1000
"""The most comments that Cloud tells of in one answer."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)

Raw = Mapping[str, Any]


class OwnComments:
    """Finds comments of ours on issues as read with their ``comment`` field."""

    def __init__(self, client: JiraClient, identity: Callable[[], Identity], *, cloud: bool) -> None:
        self._call = client.call
        self._identity = identity
        self._cloud = cloud

    def on(self, issues: Sequence[Raw], is_wanted: Callable[[str], bool]) -> list[tuple[Raw, Comment]]:
        """Our comments whose topic is wanted, oldest first, each with the issue it stands on.

        Costs a request for each comment of ours on Data Center, and one for all of them on Cloud.
        """
        me = self._identity().id
        ours = [(issue, comment) for issue in issues for comment in self._by(me, issue)]
        ours.sort(key=lambda pair: moment(pair[1].get("created")) or _LONG_AGO)
        told = self._topics([_id(comment) for _, comment in ours])
        return [
            (issue, Comment(_id(comment), topic, body=text(comment.get("body")) or ""))
            for issue, comment in ours
            if (topic := told.get(_id(comment))) is not None and is_wanted(topic)
        ]

    def _by(self, me: str, issue: Raw) -> list[Raw]:
        page = mapping(mapping(issue.get("fields")).get("comment"))
        listed, total = items(page.get("comments")), page.get("total")
        if isinstance(total, int) and total > len(listed):
            listed = self._all(ident(issue.get("id")) or "")
        return [comment for comment in map(mapping, listed) if _is_by(comment, me) and _id(comment)][-_MOST:]

    def _all(self, issue: str) -> list[Any]:
        listed: list[Any] = []
        while True:
            params = {"startAt": str(len(listed)), "maxResults": "100", "orderBy": "created"}
            path = {"issue": issue}
            page = mapping(self._call("GET", "/rest/api/2/issue/{issue}/comment", path=path, params=params))
            fresh = items(page.get("comments"))
            listed += fresh
            total = page.get("total")
            if not fresh or not isinstance(total, int) or len(listed) >= total:
                return listed

    def _topics(self, ids: Sequence[str]) -> dict[str, str]:
        """The topics of comments by id; of those that have one."""
        ask = self._listed if self._cloud and len(ids) > 1 else self._each
        return {id_: topic for id_, topic in ask(ids).items() if topic is not None}

    def _listed(self, ids: Sequence[str]) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for start in range(0, len(ids), _LISTED):
            body = {"ids": [int(id_) for id_ in ids[start : start + _LISTED] if id_.isdecimal()]}
            params = {"expand": "properties"}
            answer = mapping(self._call("POST", "/rest/api/2/comment/list", params=params, body=body))
            for comment in map(mapping, items(answer.get("values"))):
                held = (mapping(one) for one in items(comment.get("properties")))
                value = next((one.get("value") for one in held if one.get("key") == PROPERTY), None)
                found[_id(comment)] = text(mapping(value).get("topic"))
        return found

    def _each(self, ids: Sequence[str]) -> dict[str, str | None]:
        return {id_: self._topic_of(id_) for id_ in ids}

    def _topic_of(self, comment: str) -> str | None:
        path = {"comment": comment, "key": PROPERTY}
        try:
            answer = self._call("GET", "/rest/api/2/comment/{comment}/properties/{key}", path=path)
        except Gone:
            return None
        return text(mapping(mapping(answer).get("value")).get("topic"))


def _id(comment: Raw) -> str:
    return ident(comment.get("id")) or ""


def _is_by(comment: Raw, me: str) -> bool:
    author = mapping(comment.get("author"))
    return me in (author.get("accountId"), author.get("name"), author.get("key"))
