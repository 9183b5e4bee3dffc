"""The part of JQL that the toy Jira understands; everything else is a clear error.

``project``, ``id``, ``key``, ``status``, ``statusCategory``, ``issuetype``, ``priority`` and ``labels``
(``=``, ``!=``, ``in``, ``not in``, ``is [not] empty``), ``summary``, ``description`` and ``text`` (``~``: the
words somewhere), ``updated`` and ``created`` (``>=``, ``>``, ``<=``, ``<``, with ``-10m`` or
``2026/11/22 10:00``), joined by AND, OR, NOT and parentheses, then ``order by`` any of created, updated,
key. A project is named by its key, its name or its id, as on the real site, and must be there.
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
_CATEGORIES = {"new": "TO DO", "indeterminate": "IN PROGRESS", "done": "DONE"}
_COMPARED = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}


@dataclass(frozen=True, slots=True)
class Query:
    """A query as read; ``order`` names attributes of the issue, first one first."""

    test: Test | None
    """What an issue must be to be found; None takes all."""
    order: tuple[tuple[str, bool], ...]
    """Each with whether it descends."""

    def run(self, issues: Iterable[Issue]) -> list[Issue]:
        """The issues found, in order; without an order the newest come first."""
        found = [issue for issue in issues if self.test is None or self.test(issue)]
        for name, descending in reversed(self._whole_order):
            found.sort(key=_ORDERS[name], reverse=descending)
        return found

    def place(self, issue: Issue) -> list[Any]:
        """Where an issue stands in the order, as JSON."""
        return [_ORDERS[name](issue) for name, _ in self._whole_order]

    def behind(self, issue: Issue, place: list[Any]) -> bool:
        """Whether an issue stands behind a place, whether or not one still stands there."""
        for (name, descending), there in zip(self._whole_order, place, strict=True):
            here = _ORDERS[name](issue)
            if here != there:
                return bool(here < there if descending else here > there)
        return False

    @property
    def _whole_order(self) -> tuple[tuple[str, bool], ...]:
        return (*self.order, ("id", not self.order))


_ORDERS: dict[str, Callable[[Issue], Any]] = {
    "created": lambda issue: issue.created.timestamp(),
    "updated": lambda issue: issue.updated.timestamp(),
    "key": lambda issue: [issue.project.key, int(issue.id)],
    "id": lambda issue: int(issue.id),
}
_VALUES: dict[str, Callable[[Issue], Iterable[str]]] = {
    "id": lambda issue: (issue.id,),
    "key": lambda issue: (issue.key,),
    "status": lambda issue: (issue.status.name.upper(), issue.status.id),
    "statuscategory": lambda issue: (_CATEGORIES[issue.status.category], issue.status.category.upper()),
    "issuetype": lambda issue: (issue.type.name.upper(), issue.type.id),
    "priority": lambda issue: (issue.priority.name.upper(), issue.priority.id),
    "labels": lambda issue: (label.upper() for label in issue.labels),
    "project": lambda issue: issue.project.names,
}
"""What a field may be called by, in upper case."""
_ALSO = {"issuekey": "key", "type": "issuetype"}
_TEXTS: dict[str, Callable[[Issue], str]] = {
    "summary": lambda issue: issue.summary,
    "description": lambda issue: issue.description or "",
    "text": lambda issue: f"{issue.summary}\n{issue.description or ''}",
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
        test = self._either() if self._tokens and self._peek() != "order" else None
        order = self._orders()
        if self._tokens:
            raise ValueError(f"Error in the JQL query: '{self._tokens[0]}' is not understood here.")
        return Query(test, order)

    def _either(self) -> Test:
        tests = [self._both()]
        while self._peek() == "or":
            self._next()
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda issue: any(test(issue) for test in tests)

    def _both(self) -> Test:
        tests = [self._part()]
        while self._peek() == "and":
            self._next()
            tests.append(self._part())
        return tests[0] if len(tests) == 1 else lambda issue: all(test(issue) for test in tests)

    def _part(self) -> Test:
        if self._peek() == "not":
            self._next()
            return _not(self._part())
        if self._peek() != "(":
            return self._clause()
        self._next()
        test = self._either()
        if self._next() != ")":
            raise ValueError("Error in the JQL query: a parenthesis is not closed.")
        return test

    def _clause(self) -> Test:
        name, sign = self._next().lower(), self._next().lower()
        field = _ALSO.get(name, name)
        if sign in ("not", "is") and self._peek() in ("in", "not"):
            sign = f"{sign} {self._next().lower()}"
        if field in _VALUES and sign in ("is", "is not"):
            return self._emptiness(_VALUES[field], sign)
        if field in _VALUES and sign in ("=", "!=", "in", "not in"):
            wanted = {value.upper() for value in (self._list() if "in" in sign else [self._next()])}
            if field == "project":
                self._check_projects(wanted)
            found = _among(_VALUES[field], wanted)
            return found if sign in ("=", "in") else _not(found)
        if field in _TEXTS and sign == "~":
            words = self._next().lower().split()
            return lambda issue: all(word in _TEXTS[field](issue).lower() for word in words)
        if field in ("updated", "created") and sign in _COMPARED:
            moment, compare = self._moment(self._next()), _COMPARED[sign]
            return lambda issue: bool(compare(getattr(issue, field), moment))
        raise ValueError(f"Field '{name}' with operator '{sign}' is not something this toy understands.")

    def _emptiness(self, values: Callable[[Issue], Iterable[str]], sign: str) -> Test:
        if self._next().lower() not in ("empty", "null"):
            raise ValueError("Error in the JQL query: EMPTY is expected after 'is'.")
        return lambda issue: bool(list(values(issue))) == (sign == "is not")

    def _check_projects(self, wanted: set[str]) -> None:
        for name in sorted(wanted):
            if name not in self._projects:
                raise ValueError(f"The value '{name}' does not exist for the field 'project'.")

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
        field = {"issuekey": "key", "id": "key"}.get(name := self._next().lower(), name)
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


def _not(test: Test) -> Test:
    return lambda issue: not test(issue)


def _among(values: Callable[[Issue], Iterable[str]], wanted: set[str]) -> Test:
    return lambda issue: not wanted.isdisjoint(values(issue))
