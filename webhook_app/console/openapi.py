"""The OpenAPI document of ``/api/v1``, made from what the API answers with.

``python -m webhook_app.console.openapi > docs/openapi.json`` writes it anew. Source: OpenAPI 3.1.1, whose
schemas are those of JSON Schema 2020-12.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import orjson
from pydantic import ConfigDict, TypeAdapter

from webhook_app.console.frame import API
from webhook_app.console.routes import ROUTES, Route

_INFO: Final = {
    "title": "Sprintwarden",
    "version": "1",
    "description": (
        "What the pages of the console show, as JSON. It reads alone: there are no changes in version 1. "
        "What is told stays; more may come beside it. Times are ISO 8601, in UTC unless a tracker told them."
    ),
}
_TOKEN: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "The token of SPRINTWARDEN_METRICS_TOKEN. A browser's session of the console does too.",
}
_ERROR: Final = {
    "title": "Error",
    "type": "object",
    "properties": {
        "status": {"const": "refused"},
        "detail": {"type": "string", "description": "A sentence: what is so, and what to do."},
    },
    "required": ["status", "detail"],
}
_ERRORS: Final = {
    "400": "A parameter that there is not, or that is not understood",
    "401": "Neither the token nor a session",
    "404": "There is no such thing, or not any more",
    "503": "Redis does not answer, or refuses, or too many read the console",
}
_SHOWN: Final = ConfigDict(use_attribute_docstrings=True, json_schema_serialization_defaults_required=True)


@cache
def document() -> Mapping[str, Any]:
    """The whole document."""
    # One adapter for all of them, so that what several hold is described once.
    kinds: Any = tuple[*(route.answer for route in ROUTES)]  # type: ignore[misc]
    everything: TypeAdapter[Any] = TypeAdapter(kinds, config=_SHOWN)
    made = _named(everything.json_schema(mode="serialization", ref_template="#/components/schemas/{model}"))
    answers = zip(ROUTES, made["prefixItems"], strict=True)
    return {
        "openapi": "3.1.1",
        "info": _INFO,
        "servers": [{"url": API}],
        "security": [{"token": []}],
        "paths": {_path(route): {"get": _operation(route, answer)} for route, answer in answers},
        "components": {
            "securitySchemes": {"token": _TOKEN},
            "schemas": {**made["$defs"], "Error": _ERROR},
        },
    }


def _named(schema: Mapping[str, Any]) -> dict[str, Any]:
    """With names for clients where pydantic tells classes of one name apart by their modules."""

    def told(found: re.Match[str]) -> str:
        return f"{found[1].title().replace('_', '')}{found[2]}"

    text = orjson.dumps(schema).decode()
    renamed: dict[str, Any] = orjson.loads(re.sub(r"\b(?:[a-z_]+?__)+([a-z_]+)__([A-Z]\w+)", told, text))
    return renamed


def _path(route: Route) -> str:
    """As OpenAPI writes it: ``/decisions/{id}``."""
    return re.sub(r"<(\w+)>", r"{\1}", route.path)


def _operation(route: Route, answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": list(_parameters(route)),
        "responses": {
            "200": {"description": "The data of the page", **_json(answer)},
            **{
                code: {"description": what, **_json({"$ref": "#/components/schemas/Error"})}
                for code, what in _ERRORS.items()
            },
        },
    }


def _parameters(route: Route) -> Iterator[dict[str, Any]]:
    for name, about in route.parts.items():
        told = {"name": name, "in": "path", "required": True, "description": about}
        yield {**told, "schema": {"type": "string"}}
    asked = route.adapter().json_schema()
    for name, schema in asked.get("properties", {}).items():
        kept = {key: value for key, value in schema.items() if key not in ("title", "description")}
        needed = name in asked.get("required", ())
        told = {"name": name, "in": "query", "required": needed, "description": schema["description"]}
        yield {**told, "schema": kept}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def written() -> bytes:
    """The document as the file ``docs/openapi.json`` has it."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    sys.stdout.buffer.write(written())
