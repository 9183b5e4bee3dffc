"""The JSON Schemas that editors complete and check the files by."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema


class EditorSchema(GenerateJsonSchema):
    """A JSON Schema (2020-12) of what an admin may write.

    The null that stands for "not set" in the models is left out: a key with nothing after it is
    refused. So are titles that only repeat the key, which are noise in an editor's tooltip.
    """

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default") is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def at_least_one(*keys: str) -> dict[str, Any]:
    """What makes a JSON Schema demand at least one of ``keys``."""
    return {"anyOf": [{"required": [key]} for key in keys]}


def written(schema: dict[str, Any]) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
