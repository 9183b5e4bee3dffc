"""The part of JQL that the toy Jira understands; everything else is a clear error.

``project``, ``key`` (``=`` and ``in``), ``updated`` and ``created`` (``>=``, ``>``, ``<=``, ``<``,
with ``-10m`` or ``2026/11/22 10:00``), joined by AND, then ``order by`` any of created, updated, key.
A project is named by its key, its name or its id, as on the real site, and must be there.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.jira.model import Issue

Test = Callable[[Issue], bool]

_TOKEN = re.compile(
    r"""\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(<=|>=|!=|=|<|>|,|\(|\))|([^\s"'<>=!,()]+))"""
)
_ESCAPED = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_SPOKEN = {"n": "\n", "t": "\t", "r": "\r"}
_RELATIVE = re.compile(r"-(\d+)([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_FORMATS = ("%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%Y-%m-%d")
_COMPARED = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}


@dataclass(frozen=True, slots=True)
class Query:
    """A query as read: all ``tests`` must hold; ``order`` names attributes of the issue, first one first."""

    tests: tuple[Test, ...]
    order: tuple[tuple[str, bool], ...]
    """Each with whether it descends."""

    def run(self, issues: Iterable[Issue]) -> list[Issue]:
        """The issues found, in order; without an order the newest come first."""
        found = [issue for issue in issues if all(test(issue) for test in self.tests)]
        if not self.order:
            return sorted(found, key=lambda issue: int(issue.id), reverse=True)
        for name, descending in reversed(self.order):
            found.sort(key=_ORDERS[name], reverse=descending)
        return found


_ORDERS: dict[str, Callable[[Issue], Any]] = {
    "created": lambda issue: issue.created,
    "updated": lambda issue: issue.updated,
    "key": lambda issue: (issue.project.key, int(issue.id)),
}


def parse(text: str, now: datetime, zone: str, projects: Container[str]) -> Query:
    """Read JQL. Absolute times are in the caller's ``zone``; ``projects`` are the keys, names and ids
    there are, in upper case. Raises ValueError with a sentence."""
    return _Parser(_tokens(text), now, ZoneInfo(zone), projects).query()


def _tokens(text: str) -> list[str]:
    tokens, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"Error in the JQL query near '{text[place:].strip()}'.")
        tokens.append(_ESCAPED.sub(_plain, next(group for group in match.groups() if group is not None)))
        place = match.end()
    return tokens


def _plain(escape: re.Match[str]) -> str:
    """What an escape in a quoted text stands for."""
    said = escape[1]
    return chr(int(said[1:], 16)) if len(said) > 1 else _SPOKEN.get(said, said)


class _Parser:
    def __init__(self, tokens: list[str], now: datetime, zone: ZoneInfo, projects: Container[str]) -> None:
        self._projects = projects
        self._tokens = tokens
        self._now = now
        self._zone = zone

    def query(self) -> Query:
        tests: list[Test] = []
        if self._tokens and self._peek() != "order":
            tests.append(self._clause())
            while self._peek() == "and":
                self._next()
                tests.append(self._clause())
        order = self._orders()
        if self._tokens:
            raise ValueError(f"Error in the JQL query: '{self._tokens[0]}' is not understood here.")
        return Query(tuple(tests), order)

    def _clause(self) -> Test:
        field, sign = self._next().lower(), self._next().lower()
        if field in ("project", "key", "issuekey") and sign in ("=", "in"):
            wanted = {value.upper() for value in (self._list() if sign == "in" else [self._next()])}
            if field == "project":
                return self._in_projects(wanted)
            return lambda issue: issue.key in wanted
        if field in ("updated", "created") and sign in _COMPARED:
            moment, compare = self._moment(self._next()), _COMPARED[sign]
            return lambda issue: bool(compare(getattr(issue, field), moment))
        raise ValueError(f"Field '{field}' with operator '{sign}' is not something this toy understands.")

    def _in_projects(self, wanted: set[str]) -> Test:
        for name in sorted(wanted):
            if name not in self._projects:
                raise ValueError(f"The value '{name}' does not exist for the field 'project'.")
        return lambda issue: not wanted.isdisjoint(issue.project.names)

    def _list(self) -> list[str]:
        if self._next() != "(":
            raise ValueError("Error in the JQL query: a list in parentheses is expected after 'in'.")
        values = [self._next()]
        while (mark := self._next()) == ",":
            values.append(self._next())
        if mark != ")":
            raise ValueError("Error in the JQL query: the list is not closed.")
        return values

    def _moment(self, text: str) -> datetime:
        if match := _RELATIVE.fullmatch(text):
            return self._now - timedelta(**{_UNITS[match[2]]: int(match[1])})
        for form in _FORMATS:
            try:
                return datetime.strptime(text, form).replace(tzinfo=self._zone)
            except ValueError:
                continue
        raise ValueError(f"Date value '{text}' is invalid.")

    def _orders(self) -> tuple[tuple[str, bool], ...]:
        if self._peek() != "order":
            return ()
        self._next()
        if self._next().lower() != "by":
            raise ValueError("Error in the JQL query: 'order' must be followed by 'by'.")
        orders = [self._order()]
        while self._peek() == ",":
            self._next()
            orders.append(self._order())
        return tuple(orders)

    def _order(self) -> tuple[str, bool]:
        field = {"issuekey": "key"}.get(name := self._next().lower(), name)
        if field not in _ORDERS:
            raise ValueError(f"Ordering by '{name}' is not something this toy understands.")
        descending = self._peek() == "desc"
        if self._peek() in ("asc", "desc"):
            self._next()
        return field, descending

    def _peek(self) -> str:
        return self._tokens[0].lower() if self._tokens else ""

    def _next(self) -> str:
        if not self._tokens:
            raise ValueError("Error in the JQL query: it ends too early.")
        return self._tokens.pop(0)
