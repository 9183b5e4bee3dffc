"""A model's word on a toy Jira, from the webhook to the write and back, with a person who disagrees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis

from rules.connection_schema import Deployment, WebhookAuth
from rules.connections import Connection, EmailToken, Webhook
from rules.load import load_rules
from rules.secret import Secret
from store.outcomes import Outcomes
from store.rulebook import RulebookShelf
from tests.contract.jira_site import TOKEN, Site
from tests.contract.jira_site import make as make
from tests.contract.jira_site import site as site
from tests.stand_in import WordHead
from tests.unit.test_taggers import Serving, Taught
from trackers.jira.webhook import parse
from trackers.model import TrackerKind
from workers.record import Ending
from workers.run import run
from workers.shop import open_shop
from workers.taggers import Taggers

RULES = b"""\
version: 1
defaults: {mode: apply, tagging: {comment: true, rules: [{label: web, title: {words: [button]}}]}}
"""
PARTS = WordHead({"button": ("UI", 0.95), "endpoint": ("API", 0.9)})


@pytest.fixture
def worked(site: Site, redis: Redis, tmp_path: Path) -> Callable[[], list[Ending]]:
    """Takes in what the toy has told since the last time, and works it."""
    RulebookShelf(redis).publish(load_rules(RULES, "rules.yaml").version_id, RULES)
    acme = Connection(
        "acme", TrackerKind.JIRA, Deployment.CLOUD, site.url, EmailToken(site.config.email, Secret(TOKEN)),
        True, Webhook(WebhookAuth.SIGNATURE, (Secret("not-a-secret"),), 1024), ("ABC",),
    )  # fmt: skip
    shop = open_shop(redis, [acme], data=tmp_path)
    shop = replace(shop, taggers=Taggers(Serving({"components": ("m1", PARTS)}), Taught()))
    told = 0

    def work() -> list[Ending]:
        nonlocal told
        fresh = list(enumerate(site.events()))[told:]
        told += len(fresh)
        for number, event in fresh:
            hints = parse(event, connection="acme", digest=f"d{number}", scope=acme.scope()).hints
            shop.inbox.offer("acme", f"d{number}", hints, settle=timedelta(0), ceiling=timedelta(0))
        endings = [run(shop, item.subject, item.token) for item in shop.inbox.take(10)]
        return [ending for ending in endings if ending is not None]

    return work


def test_a_component_is_put_on_told_taken_off_and_left_off(
    site: Site, worked: Callable[[], list[Ending]], redis: Redis
) -> None:
    key = site.issue(title="The button is gone", body="Please help: the button is gone.")["key"]
    assert [str(ending.outcome) for ending in worked()] == ["applied"]
    view = site.control("GET", f"issues/{key}")
    assert (view["labels"], view["components"]) == (["web"], ["UI"])
    assert "*component UI*: issues that say" in view["comments"][0]["body"]
    assert [str(ending.because) for ending in worked()] == ["echo_of_our_own_write"]

    site.control("PATCH", f"issues/{key}", {"components": []})
    worked()
    view = site.control("GET", f"issues/{key}")
    assert "component UI" not in view["comments"][0]["body"]
    (row,) = Outcomes(redis).rows("acme", "components")
    assert (row.tag, row.model, row.applied, row.right) == ("UI", "m1", True, False)

    site.control("PATCH", f"issues/{key}", {"title": "The button on the page is gone"})
    assert [str(ending.because) for ending in worked()] == ["all_withheld"]
    assert site.control("GET", f"issues/{key}")["components"] == []
