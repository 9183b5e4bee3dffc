"""Pages of a list, in the Relay manner: ``first`` and ``after``, newest first.

``orderBy`` names the time to order by; the direction cannot be asked for (vendor's schema).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from sandbox.linear import errors
from sandbox.linear.entities import Row

MOST = 250
DEFAULT = 50

R = TypeVar("R", bound=Row)


def connection(rows: Iterable[R], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """One page: ``{"nodes": [...], "page_info": {...}}``. Raises for an impossible ``first``.

    A cursor names a place in the order, not a row: whoever changes in between can move to a page
    that was read already, as on the real service.
    """
    first = DEFAULT if arguments.get("first") is None else arguments["first"]
    if not 0 < first <= MOST:
        raise errors.bad_argument(f"first must be between 1 and {MOST}")
    by = "updated_at" if arguments.get("order_by") == "updatedAt" else "created_at"
    if not arguments.get("include_archived"):
        rows = (row for row in rows if row.archived_at is None)
    ordered = sorted(rows, key=lambda row: (getattr(row, by), row.id), reverse=True)
    after = arguments.get("after")
    rest = [row for row in ordered if (getattr(row, by), row.id) < _place(after)] if after else ordered
    page = rest[:first]
    return {
        "nodes": page,
        "page_info": {
            "has_next_page": len(rest) > len(page),
            "has_previous_page": len(rest) < len(ordered),
            "start_cursor": _cursor(page[0], by) if page else None,
            "end_cursor": _cursor(page[-1], by) if page else None,
        },
    }


def _cursor(row: Row, by: str) -> str:
    return base64.urlsafe_b64encode(f"{getattr(row, by)} {row.id}".encode()).decode()


def _place(cursor: str) -> tuple[int, str]:
    try:
        at, _, id = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return int(at), id
    except (ValueError, binascii.Error) as error:
        raise errors.bad_argument("after is not a cursor of this list") from error
