"""An admin's JQL, bound to the projects of a connection. Pure.

Read only as far as needed: where texts in quotes, escapes and parentheses begin and end
(support.atlassian.com, "JQL: the most flexible way to search Jira"; a backslash escapes in and out of
quotes). What else is wrong with a query, Jira says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from trackers.errors import Rejected
from trackers.jira.paging import in_projects

NOT_DONE: Final = "statusCategory != Done"
_ORDER: Final = "ORDER BY created DESC, key DESC"
_PART: Final = re.compile(
    r"""
    (?P<skipped> \\. | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' )
  | (?P<unclosed> ["'] )
  | (?P<order> (?<![^\s()"']) order \s+ by (?= \s | $ ) )
  | (?P<parenthesis> [()] )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def bound_jql(query: str | None, projects: Iterable[str]) -> str:
    """The issues of ``projects`` that ``query`` asks for, newest created first; not done ones without it.

    An order of the query's own is cut off, because the newest are to come first. Raises Rejected for a
    text or a parenthesis that is not closed: it would reach beyond the query.
    """
    asked = _condition(NOT_DONE if query is None else query)
    kept = in_projects(projects)
    return f"({asked}) AND {kept} {_ORDER}" if asked else f"{kept} {_ORDER}"


def _condition(query: str) -> str:
    """The query without its order."""
    depth = 0
    for part in _PART.finditer(query):
        match part.lastgroup:
            case "unclosed":
                raise Rejected(f"The query opens quotes that it does not close, {_where(part)}.")
            case "order" if depth == 0:
                return query[: part.start()].strip()
            case "parenthesis":
                depth += 1 if part[0] == "(" else -1
                if depth < 0:
                    raise Rejected(f"The query closes a parenthesis that was not opened, {_where(part)}.")
    if depth:
        raise Rejected("The query opens a parenthesis that it does not close.")
    return query.strip()


def _where(part: re.Match[str]) -> str:
    return f"at character {part.start() + 1}"
