"""One Jira issue as it was when filed: its present fields, and its changelog read backwards. Pure.

A changelog entry holds items with the value before (``from``, ``fromString``) and after; see
ChangeDetails in developer.atlassian.com, Jira Cloud platform REST API. Text stands in the
``…String`` values. A field without an item never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from trackers.jira.fields import account, is_person, issue_from_json, key_prefix
from trackers.model import Memory, PastIssue, Refused, component_label
from trackers.reading import ident, items, mapping, moment, text

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_COMPONENTS: Final = frozenset({"components", "component"})
"""Cloud's id and Data Center's name of the field."""
_LOOKED_AT: Final = _COMPONENTS | {"summary", "description", "labels", "issuetype", "priority", "project"}

Entry = Mapping[str, Any]
"""One entry of a changelog: ``{id, author, created, items}``."""


def past_issue(
    raw: Mapping[str, Any],
    changelog: Iterable[Entry],
    *,
    memory: Memory | None,
    me: str | None,
    whole: bool,
) -> PastIssue | None:
    """The issue of a search answer with its text as filed and its tags as they are.

    ``changelog`` may come in any order. ``memory`` is what our property says; without it the labels
    that the account ``me`` added and did not take off, by the changelog, count as ours. ``whole`` says
    that no entry is missing that could change the text. None for an issue without an id or a time of
    creation.
    """
    try:
        now = issue_from_json(raw)
    except Refused:
        return None
    if now.created is None:
        return None
    fields, entries = mapping(raw.get("fields")), in_order(changelog)
    first = _first_items(entries)
    project, moved = _filed_in(raw, first, now.project)
    applied = memory.applied if memory is not None else frozenset(_added_by(me, entries))
    handled, taken = _aftermath(entries, me, applied)
    return PastIssue(
        id=now.id,
        key=now.key,
        project=project,
        title=_before(first, "summary", now.title),
        body=_before(first, "description", now.body),
        created=now.created,
        type=now.type,
        type_filed=_before(first, "issuetype", now.type or "") or None,
        components=now.components,
        labels=now.labels,
        resolved=now.resolved,
        as_filed=whole,
        moved=moved,
        labels_by_us=applied,
        taken_off=taken,
        handled=handled,
        people=_people(fields, entries),
    )


def in_order(changelog: Iterable[Entry]) -> list[Entry]:
    """Oldest first. Entries of one moment stay in the order of their ids."""

    def place(entry: Entry) -> tuple[datetime, int]:
        id_ = ident(entry.get("id")) or ""
        return moment(entry.get("created")) or _LONG_AGO, int(id_) if id_.isdecimal() else 0

    return sorted(map(mapping, changelog), key=place)


def _first_items(entries: Sequence[Entry]) -> dict[str, Entry]:
    """The first change of each field, by the field's name in lower case."""
    found: dict[str, Entry] = {}
    for entry in entries:
        for item in map(mapping, items(entry.get("items"))):
            found.setdefault(_field(item), item)
    return found


def _field(item: Entry) -> str:
    # A custom field may bear the name of a system field; Data Center gives no fieldId to tell them apart.
    if item.get("fieldtype") == "custom":
        return ""
    return (text(item.get("fieldId")) or text(item.get("field")) or "").casefold()


def _before(first: Mapping[str, Entry], field: str, now: str) -> str:
    return text(first[field].get("fromString")) or "" if field in first else now


def _filed_in(raw: Mapping[str, Any], first: Mapping[str, Entry], now: str) -> tuple[str, bool]:
    """The key of the project it was filed in, as far as it is told, and whether that is another one."""
    move = first.get("project")
    key = first.get("key") or first.get("issuekey")
    filed = key_prefix(key.get("fromString")) if key else None
    if move is None:
        return filed or now, filed not in (None, now)
    present = mapping(mapping(raw.get("fields")).get("project"))
    return filed or now, ident(move.get("from")) != ident(present.get("id"))


def _tags(entry: Entry) -> tuple[set[str], set[str]]:
    """Tags added and removed: labels, which an item has all in one text, and components, one an item."""
    added: set[str] = set()
    removed: set[str] = set()
    for item in map(mapping, items(entry.get("items"))):
        before, after = (text(item.get(name)) or "" for name in ("fromString", "toString"))
        if _field(item) == "labels":
            added |= set(after.split()) - set(before.split())
            removed |= set(before.split()) - set(after.split())
        elif _field(item) in _COMPONENTS:
            added |= {component_label(after).id} if after else set()
            removed |= {component_label(before).id} if before else set()
    return added, removed


def _added_by(me: str | None, entries: Sequence[Entry]) -> set[str]:
    """What the account put on and did not take off again itself, which is what our property would say."""
    ours: set[str] = set()
    for entry in entries:
        if me is not None and account(entry.get("author")) == me:
            added, removed = _tags(entry)
            ours = (ours | added) - removed
    return ours


def _aftermath(
    entries: Sequence[Entry], me: str | None, applied: frozenset[str]
) -> tuple[bool, frozenset[str]]:
    """Whether a person edited the issue once our first tag was on it, and which of ours people took off.

    What we take off ourselves is not in ``applied`` any more; so a removal of one that is, under our
    account, is that of a person who has it, too.
    """
    labelled = handled = False
    taken: set[str] = set()
    for entry in entries:
        added, removed = _tags(entry)
        ours, person = account(entry.get("author")) == me, is_person(entry.get("author"))
        handled = handled or (labelled and person and not ours and _is_look(entry))
        labelled = labelled or (ours and bool(added & applied))
        taken = (taken - added) | (removed & applied if person else set())
    return handled, frozenset(taken)


def _is_look(entry: Entry) -> bool:
    """Whether who made the change had the issue open before them."""
    return any(_field(mapping(item)) in _LOOKED_AT for item in items(entry.get("items")))


def _people(fields: Mapping[str, Any], entries: Sequence[Entry]) -> frozenset[str]:
    """Of people alone: the words of an app's name ("Security Scanner") must not be lost to a vocabulary."""
    users = [fields.get(name) for name in ("creator", "reporter", "assignee")]
    users += [entry.get("author") for entry in entries]
    return frozenset(
        filter(None, (text(mapping(user).get("displayName")) for user in users if is_person(user)))
    )
