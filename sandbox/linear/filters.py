"""Filters of Linear's lists: which rows an ``IssueFilter`` and its kin let through.

Evaluated along the input types of the schema, so that every filter the schema allows works.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import GraphQLInputObjectType, get_named_type

Getter = Callable[[Any, str], Any]
"""Gives the value a row has under a filter's field name."""

_ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": lambda have, want: have > want,
    "gte": lambda have, want: have >= want,
    "lt": lambda have, want: have < want,
    "lte": lambda have, want: have <= want,
    "contains": lambda have, want: want in have,
    "containsIgnoreCase": lambda have, want: want.lower() in have.lower(),
    "startsWith": lambda have, want: have.startswith(want),
    "endsWith": lambda have, want: have.endswith(want),
    "eqIgnoreCase": lambda have, want: have.lower() == want.lower(),
}
_PLAIN: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda have, want: have == want,
    "neq": lambda have, want: have != want,
    "in": lambda have, want: have in want,
    "nin": lambda have, want: have not in want,
    "null": lambda have, want: (have is None) == want,
    "neqIgnoreCase": lambda have, want: (have or "").lower() != want.lower(),
}


def matches(kind: GraphQLInputObjectType, wish: Mapping[str, Any], row: Any, get: Getter) -> bool:
    """Whether ``row`` passes a filter of input type ``kind``; all its conditions must hold."""
    return all(_holds(kind, name, value, row, get) for name, value in wish.items() if value is not None)


def _holds(kind: GraphQLInputObjectType, name: str, value: Any, row: Any, get: Getter) -> bool:
    if name in ("and", "or"):
        meets = (matches(kind, part, row, get) for part in value)
        return all(meets) if name == "and" else any(meets)
    if name == "null":
        return (row is None) is bool(value)
    if row is None:
        return False
    inner = get_named_type(kind.fields[name].type)
    assert isinstance(inner, GraphQLInputObjectType)
    have = get(row, name)
    if inner.name.endswith("Comparator"):
        return compare(have, value)
    if inner.name.endswith("CollectionFilter"):
        return _collection(inner, value, have, get)
    return matches(inner, value, have, get)


def compare(have: Any, wish: Mapping[str, Any]) -> bool:
    """Whether a value meets a comparator; nothing is before, after or like an absent value."""
    for name, want in wish.items():
        if want is None:
            continue
        if name in _ORDERED and (have is None or not _ORDERED[name](have, want)):
            return False
        if name in _PLAIN and not _PLAIN[name](have, want):
            return False
    return True


def _collection(
    kind: GraphQLInputObjectType, wish: Mapping[str, Any], rows: Sequence[Any], get: Getter
) -> bool:
    for name, value in wish.items():
        if value is None:
            continue
        if name in ("and", "or"):
            meets = [_collection(kind, part, rows, get) for part in value]
            held = all(meets) if name == "and" else any(meets)
        elif name == "length":
            held = compare(len(rows), value)
        elif name == "null":
            held = (not rows) is bool(value)
        elif name in ("some", "every"):
            inner = get_named_type(kind.fields[name].type)
            assert isinstance(inner, GraphQLInputObjectType)
            meets = [matches(inner, value, row, get) for row in rows]
            held = any(meets) if name == "some" else all(meets)
        else:
            # A condition on the collection itself means: some member meets it.
            held = any(_holds(kind, name, value, row, get) for row in rows)
        if not held:
            return False
    return True
