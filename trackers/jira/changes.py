"""What a Jira changelog tells of an issue's stay in sprints. Pure.

An item about the sprint field lists on both sides every sprint of the issue, closed ones too; only the
difference is news (support.atlassian.com, notification when an issue is added to or removed from a
sprint). Cloud names the field by its id, Data Center by its name alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trackers.jira.boards import BoardSettings
from trackers.jira.fields import is_person, sprint_ids
from trackers.jira.past import Entry, in_order
from trackers.jira.setup import Fields
from trackers.reading import ident, items, mapping, moment, text
from trackers.sprints import Estimate, IssuePast, Move, Shift, Stage


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads changelogs as one board counts work."""

    fields: Fields
    settings: BoardSettings
    stage: Callable[[str], Stage]
    """Where a status stands, by its id."""

    @property
    def field_ids(self) -> list[str]:
        """The fields whose changes matter."""
        return [id_ for id_ in (self.fields.sprint, self.settings.estimate, "status") if id_]

    def past(self, changelog: Iterable[Entry], whole: bool) -> IssuePast:
        """``changelog`` may come in any order; ``whole`` says that no entry is missing."""
        moves: list[Move] = []
        estimates: list[Estimate] = []
        shifts: list[Shift] = []
        for entry in in_order(changelog):
            at = moment(entry.get("created"))
            if at is None:
                continue
            automated = not is_person(entry.get("author"))
            for item in map(mapping, items(entry.get("items"))):
                if _is(item, self.fields.sprint, self.fields.sprint_name):
                    moves += _moves(item, at, automated)
                    whole = whole and not _is_nameless(item)
                elif _is(item, self.settings.estimate, self.settings.estimate_name):
                    estimates.append(self._estimate(item, at))
                elif _is(item, "status", None):
                    shifts += self._shifts(item, at)
        return IssuePast(tuple(moves), tuple(estimates), tuple(shifts), whole)

    def _estimate(self, item: Mapping[str, Any], at: datetime) -> Estimate:
        before, after = (self.settings.amount(item.get(side)) for side in ("fromString", "toString"))
        return Estimate(at, before, after)

    def _shifts(self, item: Mapping[str, Any], at: datetime) -> list[Shift]:
        before, after = ident(item.get("from")), ident(item.get("to"))
        if before is None or after is None:
            return []
        return [Shift(at, self.stage(before), self.stage(after), before, after)]


def _is(item: Mapping[str, Any], id_: str | None, name: str | None) -> bool:
    """Whether an item is about the field. A custom field may bear the name of a system field."""
    if id_ is None:
        return False
    told, field = text(item.get("fieldId")), text(item.get("field")) or ""
    if told is not None:
        return told == id_
    if id_.startswith("customfield_") != (item.get("fieldtype") == "custom"):
        return False
    return field.casefold() in (id_.casefold(), (name or id_).casefold())


def _moves(item: Mapping[str, Any], at: datetime, automated: bool) -> list[Move]:
    before, after = sprint_ids(item.get("from")), sprint_ids(item.get("to"))
    left = [Move(at, sprint, False, automated) for sprint in before if sprint not in after]
    return left + [Move(at, sprint, True, automated) for sprint in after if sprint not in before]


def _is_nameless(item: Mapping[str, Any]) -> bool:
    """Some entries name the sprints without their ids: what moved is not known then."""
    told = any(text(item.get(side)) for side in ("fromString", "toString"))
    return told and not sprint_ids(item.get("from")) and not sprint_ids(item.get("to"))
