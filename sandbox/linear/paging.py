"""Pages of a list, in the Relay manner: newest first, ``first`` and ``after`` or ``last`` and ``before``.

``orderBy`` names the time to order by; the direction cannot be asked for (vendor's schema), so that
whoever wants the oldest first asks for the ``last``.
"""

from __future__ import annotations

import base64
import binascii
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from sandbox.linear import errors
from sandbox.linear.entities import Row

MOST = 250
DEFAULT = 50

R = TypeVar("R", bound=Row)


def connection(
    rows: Iterable[R], arguments: Mapping[str, Any], passes: Callable[[R], bool] = lambda row: True
) -> dict[str, Any]:
    """One page of the rows that pass: ``{"nodes": [...], "page_info": {...}}``.

    Raises for an impossible size.

    A cursor names a place in the order, not a row: whoever changes in between can move to a page
    that was read already, as on the real service. No more rows are tried than the page needs.
    """
    by = "updated_at" if arguments.get("order_by") == "updatedAt" else "created_at"
    if not arguments.get("include_archived"):
        rows = (row for row in rows if row.archived_at is None)
    ordered = sorted(rows, key=lambda row: (getattr(row, by), row.id), reverse=True)
    begin, end = 0, len(ordered)
    if after := arguments.get("after"):
        place = _place(after)
        begin = sum((getattr(row, by), row.id) >= place for row in ordered)
    if before := arguments.get("before"):
        place = _place(before)
        end = sum((getattr(row, by), row.id) > place for row in ordered)
    earlier, later = (any(map(passes, part)) for part in (ordered[:begin], ordered[end:]))
    if arguments.get("last") is None:
        page, more = _first(filter(passes, ordered[begin:end]), _size(arguments, "first"))
        later = later or more
    else:
        page, more = _first(filter(passes, reversed(ordered[begin:end])), _size(arguments, "last"))
        page.reverse()
        earlier = earlier or more
    return {
        "nodes": page,
        "page_info": {
            "has_next_page": later,
            "has_previous_page": earlier,
            "start_cursor": _cursor(page[0], by) if page else None,
            "end_cursor": _cursor(page[-1], by) if page else None,
        },
    }


def _first(rows: Iterator[R], size: int) -> tuple[list[R], bool]:
    """So many rows, and whether there are more."""
    return list(itertools.islice(rows, size)), next(rows, None) is not None


def _size(arguments: Mapping[str, Any], name: str) -> int:
    size = arguments.get(name)
    if size is None:
        return DEFAULT
    if not 0 < size <= MOST:
        raise errors.bad_argument(f"{name} must be between 1 and {MOST}")
    return int(size)


def _cursor(row: Row, by: str) -> str:
    return base64.urlsafe_b64encode(f"{getattr(row, by)} {row.id}".encode()).decode()


def _place(cursor: str) -> tuple[int, str]:
    try:
        at, _, id = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return int(at), id
    except (ValueError, binascii.Error) as error:
        raise errors.bad_argument("after is not a cursor of this list") from error
