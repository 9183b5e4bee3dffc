"""Frozen dataclasses as JSON-ready mappings and back, checked on the way in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


def facts_of(value: object) -> dict[str, Any]:
    """A dataclass as what JSON can hold."""
    facts: dict[str, Any] = TypeAdapter(type(value)).dump_python(value, mode="json")
    return facts


def read_facts(kind: type[T], facts: Mapping[str, Any]) -> T:
    """The dataclass that :func:`facts_of` wrote.

    Raises:
        ValueError: the facts are of another shape, with every place that does not fit.
    """
    try:
        return TypeAdapter(kind).validate_python(facts)
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_input=False)
        )
        raise ValueError(f"These are not the facts of {kind.__name__}: {places}.") from None
