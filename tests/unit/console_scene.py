"""The web application with its console switched on, and somebody who is logged in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.security import generate_password_hash

from rules.connections import Connection
from rules.secret import Secret
from webhook_app.app import WebSettings, create_app
from webhook_app.console.access import Access

PASSWORD = "four plain words here"
HASH = generate_password_hash(PASSWORD, method="scrypt:1024:8:1")
"""Of a small cost, so that tests need not wait for what attackers shall wait for."""
TOKEN = "a-token-of-the-metrics"


def console_app(url: str, connections: Sequence[Connection] = (), access: Access | None = None) -> Flask:
    """The application over one Redis; people log in with ``PASSWORD`` unless ``access`` says otherwise."""
    return create_app(
        WebSettings(
            redis_url=url,
            connections=connections,
            metrics_token=Secret(TOKEN),
            console=access or Access(password=Secret(HASH)),
        )
    )


def log_in(app: Flask, password: str = PASSWORD, user: str = "ada", **environ: Any) -> FlaskClient:
    """A browser that has tried to log in."""
    client = app.test_client()
    client.post("/console/login", data={"password": password, "user": user}, environ_base=environ)
    return client


def csrf_of(page: str) -> str:
    """The token in the first form of a page."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert found, "the page has no form with a token"
    return found[1]
