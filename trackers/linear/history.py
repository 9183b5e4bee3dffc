"""Linear's past issues, page by page, with each issue's history read backwards.

Source: the schema in github.com/linear/linear. A history entry tells the title before a change
(``fromTitle``) but of the description only that it changed, so an issue whose description was
edited comes with its present one, marked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from trackers.errors import Gone, Rejected
from trackers.linear.client import LinearClient
from trackers.linear.fields import identifier_prefix, issue_from_json
from trackers.model import Identity, PastIssue, Refused
from trackers.protocol import Page
from trackers.reading import items, mapping, moment, text

PAGE: Final = 50
"""With history and labels about 5,600 points of complexity; one query may have 10,000."""
_SMALLEST_PAGE: Final = 6
FILING: Final = timedelta(minutes=5)
"""A description that comes within this time belongs to the filing: Linear often sends it on its own."""
_MOST_HISTORY_PAGES: Final = 10
_EVER: Final = "2010-01-01T00:00:00Z"
"""Before there was any issue on Linear."""
_LOOKED_AT: Final = ("fromTitle", "updatedDescription", "toPriority")

Raw = Mapping[str, Any]


class LinearHistory:
    """The past issues of one connection."""

    def __init__(self, client: LinearClient, identity: Callable[[], Identity]) -> None:
        self._call = client.call
        self._identity = identity

    def page(
        self, teams: Sequence[str], after: str | None, since: datetime | None, page_size: int | None
    ) -> Page:
        """One page; see ``trackers.protocol.Tracker.past``."""
        if not teams:
            return Page((), None, 0)
        variables = {
            "teams": sorted(teams),
            "since": since.isoformat() if since else _EVER,
            "last": min(page_size or PAGE, PAGE),
            "before": after,
        }
        answer = self._ask(variables)
        found = [mapping(node) for node in items(answer.get("nodes"))][::-1]
        issues = tuple(filter(None, map(self._issue, found)))
        info = mapping(answer.get("pageInfo"))
        return Page(issues, text(info.get("startCursor")) if info.get("hasPreviousPage") else None)

    def _ask(self, variables: dict[str, Any]) -> Raw:
        """The page, or as much of it as Linear lets one query have."""
        while True:
            try:
                # Only this is asked as bulk work: a page begun is carried through, histories and all.
                return self._call("PastIssues", variables, bulk=True).root("issues", "PastIssues")
            except Rejected:
                # Linear counts complexity by a rule of its own, and says so in words meant for people.
                if variables["last"] <= _SMALLEST_PAGE:
                    raise
                variables["last"] //= 2

    def _issue(self, raw: Raw) -> PastIssue | None:
        """None for an issue in the trash or gone for good meanwhile."""
        if raw.get("trashed"):
            return None
        try:
            entries, whole = self._entries(raw)
        except Gone:
            return None
        return past_issue(raw, entries, me=self._identity(), whole=whole)

    def _entries(self, raw: Raw) -> tuple[list[Raw], bool]:
        """An issue's history, and whether that is all of it."""
        found: list[Raw] = []
        page = mapping(raw.get("history"))
        for number in count(1):
            found += map(mapping, items(page.get("nodes")))
            info = mapping(page.get("pageInfo"))
            after = text(info.get("endCursor")) if info.get("hasNextPage") else None
            if after is None or number == _MOST_HISTORY_PAGES:
                return found, after is None
            answer = self._call("PastHistory", {"id": text(raw.get("id")), "after": after})
            page = mapping(answer.root("issue", "PastHistory").get("history"))
        raise AssertionError("counting ends")


def past_issue(raw: Raw, history: Sequence[Raw], *, me: Identity, whole: bool) -> PastIssue | None:
    """The issue with its title as filed and its labels as they are. Pure.

    ``history`` may come in any order. Labels count as ours where the account ``me`` added them.
    ``whole`` says that no entry is missing. None for an issue without an id or a time of creation.
    """
    try:
        now = issue_from_json(raw)
    except Refused:
        return None
    created = now.created
    if created is None:
        return None
    entries = sorted(history, key=lambda entry: moment(entry.get("createdAt")) or created)
    titles = (title for entry in entries if (title := text(entry.get("fromTitle"))) is not None)
    former = [text(key) for key in items(raw.get("previousIdentifiers"))]
    filed_in = identifier_prefix(former[0]) if former else None
    ours = frozenset(label for entry in entries if _by(entry, me.id) for label in _labels(entry, "added"))
    handled, taken = _aftermath(entries, me, ours)
    return PastIssue(
        id=now.id,
        key=now.key,
        project=filed_in or now.project,
        title=next(titles, now.title),
        body=now.body,
        created=created,
        type=None,
        labels=now.labels,
        resolved=now.resolved,
        as_filed=whole and not any(_described_later(entry, created) for entry in entries),
        moved=filed_in not in (None, now.project),
        labels_by_us=ours,
        taken_off=taken,
        handled=handled,
        people=_people(raw),
    )


def _by(entry: Raw, account: str) -> bool:
    return account in (entry.get("actorId"), mapping(entry.get("botActor")).get("id"))


def _labels(entry: Raw, done: str) -> set[str]:
    """Ids of the labels that were ``added`` or ``removed``."""
    return {label for label in map(text, items(entry.get(f"{done}LabelIds"))) if label}


def _described_later(entry: Raw, created: datetime) -> bool:
    at = moment(entry.get("createdAt"))
    return bool(entry.get("updatedDescription")) and (at is None or at > created + FILING)


def _aftermath(entries: Sequence[Raw], me: Identity, applied: frozenset[str]) -> tuple[bool, frozenset[str]]:
    """Whether a person edited the issue once our first label was on it, and which of ours people took off.

    Automations have no actor. What an app's account takes off, we did; where the key is a person's, a
    removal of ours cannot be told from that person's, and is taken for it.
    """
    labelled = handled = False
    taken: set[str] = set()
    for entry in entries:
        ours, person = _by(entry, me.id), bool(entry.get("actorId")) and not entry.get("botActor")
        handled = handled or (labelled and person and not ours and _is_look(entry))
        labelled = labelled or (ours and bool(_labels(entry, "added")))
        taken -= _labels(entry, "added")
        taken |= _labels(entry, "removed") & applied if person and not (ours and me.is_app) else set()
    return handled, frozenset(taken)


def _is_look(entry: Raw) -> bool:
    """Whether who made the change had the issue open before them."""
    tags = _labels(entry, "added") | _labels(entry, "removed")
    return bool(tags) or any(entry.get(name) is not None for name in _LOOKED_AT)


def _people(raw: Raw) -> frozenset[str]:
    """Of people alone: the words of an app's name ("Crash Reporter") must not be lost to a vocabulary."""
    users = [mapping(raw.get(name)) for name in ("creator", "assignee")]
    people = [user for user in users if not user.get("app")]
    names = (text(user.get(form)) for user in people for form in ("name", "displayName"))
    return frozenset(name for name in names if name)
