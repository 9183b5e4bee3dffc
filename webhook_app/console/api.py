"""``/api/v1``: what the pages show, as JSON. The guard in front of it is that of the pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from flask import Blueprint, Response, request
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from webhook_app.console.frame import API, as_json
from webhook_app.console.house import House
from webhook_app.console.routes import ROUTES, Given, Route


def add(blueprint: Blueprint, house: House) -> None:
    """Add a view for each route, and the document that describes them."""
    for route in ROUTES:
        blueprint.get(f"{API}{route.path}", endpoint=f"api_{route.name}")(_view(route, house))
    blueprint.get(f"{API}/openapi.json", endpoint="api_document")(_document)


def _document() -> Response:
    # Few ever ask for it, and it is also a module that is run by itself.
    from webhook_app.console.openapi import document

    return as_json(document())


def _view(route: Route, house: House) -> Callable[..., Response]:
    def view(**parts: str) -> Response:
        given = {**understood(route, request.args), **parts}
        return as_json(route.gather(house, given))

    return view


def understood(route: Route, asked: MultiDict[str, str]) -> Given:
    """The parameters of a request. Raises BadRequest with a sentence for those that the route has not."""
    told = {name: values[0] if len(values) == 1 else values for name, values in asked.lists()}
    try:
        return asdict(route.adapter().validate_python(told))
    except ValidationError as error:
        raise BadRequest(" ".join(map(_sentence, error.errors()))) from None


def _sentence(problem: ErrorDetails) -> str:
    name = problem["loc"][0]
    match problem["type"]:
        case "unexpected_keyword_argument":
            return f"There is no parameter `{name}` here."
        case "missing":
            return f"The parameter `{name}` is missing."
        case "string_type":
            return f"The parameter `{name}` is given more than once."
    return f"The parameter `{name}` is not understood; /api/v1/openapi.json tells what it may be."
