"""The toy Linear's schema: a true part of the vendor's, and enough for the service's documents."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import GraphQLEnumType, build_schema, parse, validate

from sandbox.linear.api import sdl

ROOT = Path(__file__).parents[2]
VENDOR = ROOT.parent / "shared" / "reference" / "linear-schema.graphql"
DOCUMENTS = ROOT / "trackers" / "linear" / "documents.graphql"


def test_schema_is_a_true_part_of_the_vendors() -> None:
    if not VENDOR.exists():
        pytest.skip(f"The vendor's schema is not at {VENDOR}, beside the repository.")
    ours, theirs = build_schema(sdl()), build_schema(VENDOR.read_text("utf-8"))
    for name, kind in ours.type_map.items():
        if name.startswith("__"):
            continue
        other = theirs.type_map.get(name)
        assert type(other) is type(kind), name
        if isinstance(kind, GraphQLEnumType):
            assert isinstance(other, GraphQLEnumType) and set(kind.values) <= set(other.values), name
        for field_name, field in getattr(kind, "fields", {}).items():
            their_field = getattr(other, "fields", {}).get(field_name)
            assert their_field is not None, f"{name}.{field_name}"
            assert str(field.type) == str(their_field.type), f"{name}.{field_name}"
            if hasattr(field, "args"):
                given = {arg: str(value.type) for arg, value in field.args.items()}
                known = {arg: str(value.type) for arg, value in their_field.args.items()}
                required = {arg for arg, kind_name in known.items() if kind_name.endswith("!")}
                assert given.items() <= known.items(), f"{name}.{field_name}"
                assert required <= set(given), f"{name}.{field_name}"


def test_schema_answers_all_documents_of_the_service() -> None:
    if not DOCUMENTS.exists():
        pytest.skip("The service has no documents yet.")
    assert validate(build_schema(sdl()), parse(DOCUMENTS.read_text("utf-8"))) == []
