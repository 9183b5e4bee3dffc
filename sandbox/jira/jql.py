"""The part of JQL that the toy Jira understands; everything else is a clear error.

``project``, ``key`` (``=`` and ``in``), ``updated`` and ``created`` (``>=``, ``>``, ``<=``, ``<``,
with ``-10m`` or ``2026/11/22 10:00``), joined by AND, then ``order by created|updated|key``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.jira.model import Issue

Test = Callable[[Issue], bool]

_TOKEN = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|(<=|>=|!=|=|<|>|,|\(|\))|([^\s"'<>=!,()]+))""")
_RELATIVE = re.compile(r"-(\d+)([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_FORMATS = ("%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%Y-%m-%d")
_COMPARED = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}


@dataclass(frozen=True, slots=True)
class Query:
    """A query as read: all ``tests`` must hold; ``order`` names an attribute of the issue."""

    tests: tuple[Test, ...]
    order: str | None
    descending: bool

    def run(self, issues: Iterable[Issue]) -> list[Issue]:
        """The issues found, in order; without an order the newest come first."""
        found = [issue for issue in issues if all(test(issue) for test in self.tests)]
        if self.order is None:
            return sorted(found, key=lambda issue: int(issue.id), reverse=True)
        if self.order == "key":
            return sorted(
                found, key=lambda issue: (issue.project.key, int(issue.id)), reverse=self.descending
            )
        return sorted(found, key=operator.attrgetter(self.order), reverse=self.descending)


def parse(text: str, now: datetime, zone: str) -> Query:
    """Read JQL. Absolute times are in the caller's ``zone``. Raises ValueError with a sentence."""
    return _Parser(_tokens(text), now, ZoneInfo(zone)).query()


def _tokens(text: str) -> list[str]:
    tokens, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise ValueError(f"Error in the JQL query near '{text[place:].strip()}'.")
        tokens.append(next(group for group in match.groups() if group is not None))
        place = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[str], now: datetime, zone: ZoneInfo) -> None:
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
        order, descending = self._order()
        if self._tokens:
            raise ValueError(f"Error in the JQL query: '{self._tokens[0]}' is not understood here.")
        return Query(tuple(tests), order, descending)

    def _clause(self) -> Test:
        field, sign = self._next().lower(), self._next().lower()
        if field in ("project", "key", "issuekey") and sign in ("=", "in"):
            wanted = {value.upper() for value in (self._list() if sign == "in" else [self._next()])}
            if field == "project":
                return lambda issue: issue.project.key in wanted or issue.project.id in wanted
            return lambda issue: issue.key in wanted
        if field in ("updated", "created") and sign in _COMPARED:
            moment, compare = self._moment(self._next()), _COMPARED[sign]
            return lambda issue: bool(compare(getattr(issue, field), moment))
        raise ValueError(f"Field '{field}' with operator '{sign}' is not something this toy understands.")

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

    def _order(self) -> tuple[str | None, bool]:
        if self._peek() != "order":
            return None, True
        self._next()
        if self._next().lower() != "by":
            raise ValueError("Error in the JQL query: 'order' must be followed by 'by'.")
        field = {"issuekey": "key"}.get(name := self._next().lower(), name)
        if field not in ("created", "updated", "key"):
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
