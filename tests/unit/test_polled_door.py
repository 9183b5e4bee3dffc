"""The front door of a service whose trackers cannot reach it: there, and shut to every delivery."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from redis import Redis

from sprintwarden.embedded import EmbeddedRedis
from tests.unit.front_door import all_connections, app, digest, jira_body, linear_body, signed
from webhook_app.health import checks

POLLED = tuple(
    replace(one, webhook=None, catch_up=timedelta(minutes=1))
    for one in all_connections()
    if one.name in ("jira", "linear")
)


def delivery(name: str) -> tuple[bytes, dict[str, str]]:
    """What the tracker sends that has a webhook all the same, as it was signed before."""
    if name == "jira":
        body = jira_body()
        return body, {"X-Hub-Signature": signed(body)}
    body = linear_body()
    return body, {"Linear-Signature": digest(body, "LINEAR_HOOK")}


@pytest.mark.parametrize("name", ["jira", "linear"])
def test_a_delivery_for_a_polled_connection_is_not_taken(
    redis_server: EmbeddedRedis, redis: Redis, name: str
) -> None:
    body, signature = delivery(name)
    client = app(redis_server.url, POLLED).test_client()
    answer = client.post(
        f"/webhooks/{name}", data=body, headers={"Content-Type": "application/json"} | signature
    )
    assert answer.status_code == 404
    assert answer.json == {
        "status": "refused",
        "reason": "unknown_connection",
        "detail": "No connection of that name has a webhook.",
    }
    assert list(redis.scan_iter("*")) == []
    counted = client.get("/metrics").text
    assert 'sprintwarden_deliveries_total{connection="unknown",outcome="refused"' in counted
    assert client.get("/healthz").status_code == 200


def test_nobody_waits_for_a_delivery_to_a_polled_connection(redis: Redis) -> None:
    told = [check.name for check in checks(redis, POLLED)]
    assert "identity of jira" in told
    assert not [name for name in told if name.startswith("last delivery")]
