"""A made-up shop and those who work on it: its trackers, its rules, and what its issues are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

from rules.connections import Connection, load_connections
from trackers.model import Label

SHOP: Final = "fernwood-jira"
APPS: Final = "fernwood-linear"
_SECRETS: Final = {
    name: f"not-a-real-{name.lower()}" for name in ("TOKEN", "KEY", "JIRA_HOOK", "LINEAR_HOOK")
}
_CONNECTIONS: Final = f"""\
version: 1
connections:
  {SHOP}:
    tracker: jira
    url: https://fernwood.example
    auth: {{email: bot@fernwood.example, token: {{env: TOKEN}}}}
    service_account: true
    webhook: {{auth: signature, secrets: [{{env: JIRA_HOOK}}]}}
    catch_up: 1h
    projects: [SHOP, PAY]
    boards: [12, 14]
  {APPS}:
    tracker: linear
    auth: {{key: {{env: KEY}}}}
    webhook: {{secrets: [{{env: LINEAR_HOOK}}]}}
    catch_up: 1h
    teams: [APP, WEB]
    cycles: true
"""

LONG: Final = "needs-a-look-by-the-accessibility-working-group"
FOREIGN: Final = "доставка"
"""Delivery."""
RULES_BEFORE: Final = """\
version: 1
defaults:
  mode: suggest
  tagging:
    comment: true
    rules:
      - {label: security, any: [{title: {words: [xss, csrf, password*]}}, {body: {words: [cve*]}}]}
"""
RULES: Final = f"""\
version: 1

defaults:
  mode: apply
  tagging:
    comment: true
    learned: {{targets: [labels, components], precision: 0.85, never: [wontfix]}}
    rules:
      - {{label: security, title: {{words: [xss, csrf, password*, leak*]}}}}
      - {{label: crash, title: {{words: [crash*, freezes]}}}}
      - label: docs
        title: {{words: [documentation, manual, typo]}}
        not: {{type: [Epic]}}
      - {{label: {LONG}, title: {{phrases: ["screen reader", contrast]}}}}
  sprints:
    scope_creep: {{budget: 15%, label: true}}

projects:
  PAY:
    mode: suggest
    tagging:
      without: [docs]
      rules:
        - {{label: refunds, title: {{words: [refund*, chargeback*]}}}}
  WEB:
    mode: dry_run

boards:
  14:
    sprints: {{mode: suggest, overcommit: {{warn_below: 30%}}}}
"""
_EDITS: Final = {
    "[documentation, manual, typo]": "[manual, typo]",
    "[refund*, chargeback*]": "[refund*, chargeback*, payout*]",
    "contrast]": "contrast, badge, price]",
    "budget: 15%": "budget: 25%",
}
RULES_TRIED: Final = reduce(lambda text, edit: text.replace(*edit), _EDITS.items(), RULES)
RULES_BAD: Final = RULES.replace("mode: suggest\n    tagging", "mode: sugest\n    tagging").replace(
    "title: {words: [crash*", "titel: {words: [crash*"
)
"""Two misprints."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What some issues are about: a label that a model learnt, or none."""

    label: str
    titles: tuple[str, ...]
    terms: tuple[str, ...] = ()
    """Words of the titles that speak for the label."""
    right: float = 0.9
    """How often people leave the label there."""
    share: int = 4
    """Of all issues, relative to other topics."""


SHOP_TOPICS: Final = (
    Topic(
        "checkout",
        (
            "Basket total is wrong after a voucher",
            "Voucher is lost when the basket is edited",
            "Place order stays grey",
        ),
        ("basket", "voucher"),
        0.96,
        9,
    ),
    Topic(
        "search",
        ("Search result is empty", "Filter of the search result is lost"),
        ("search result",),
        0.91,
        7,
    ),
    Topic("mobile", ("Menu covers the picture on phones", "Phone hides the field"), ("phone",), 0.62, 6),
    Topic("performance", ("List takes ten seconds", "Start page is slow"), ("slow", "seconds"), 0.45, 4),
    Topic("invoices", ("Invoice has last year's address", "Invoice is sent twice"), ("invoice",), 0.93, 3),
    Topic(FOREIGN, ("Delivery date is in the past", "Delivery is free abroad"), ("delivery",), 0.94, 3),
    Topic("", ("Password can be read in the log", "Reflected XSS in the name of a gift list"), share=2),
    Topic("", ("App crashes when the camera is denied", "Editor freezes on paste"), share=2),
    Topic(
        "", ("Manual names the wrong button", "Typo in the terms", "No documentation of the feed"), share=2
    ),
    Topic("", ("Screen reader skips the price", "Contrast of the badge is too low"), share=1),
    Topic("", ("Refund of a part is refused", "Chargeback is not booked"), share=2),
    Topic("", ("Move the weekly meeting", "Ask the printer for new cards", "Order chairs"), share=6),
)
APPS_TOPICS: Final = (
    Topic("Area/Sync", ("Notes do not sync after a flight", "Sync shows two copies"), ("sync",), 0.93, 5),
    Topic("Area/Widgets", ("Widget is empty", "Widget shows yesterday"), ("widget",), 0.88, 3),
    Topic("", ("Crash when a photo is shared", "Leaking file handles in the importer"), share=2),
    Topic("", ("Polish the icons", "Plan the offsite"), share=2),
)
PAST_USES: Final = {
    "checkout": (412, 64, 52, 50),
    "search": (260, 41, 30, 28),
    "mobile": (144, 26, 15, 12),
    "performance": (96, 18, 12, 10),
    "invoices": (88, 14, 10, 9),
    FOREIGN: (61, 11, 8, 8),
    "wontfix": (44, 9, 0, 0),
    "gift-cards": (3, 1, 0, 0),
}
"""What the model of the shop's labels learnt from: uses; in its trial there, put on, right."""
APPS_USES: Final = {"Area/Sync": (96, 21, 15, 14), "Area/Widgets": (52, 12, 8, 7)}


def connections() -> tuple[Connection, ...]:
    """The team's Jira and its Linear."""
    return load_connections(_CONNECTIONS.encode(), "connections.yaml", _SECRETS)


@dataclass(frozen=True, slots=True)
class Palette:
    """On Jira any text is a label; on Linear those of the topics and of the rules are there."""

    grouped: bool

    def find(self, name: str) -> Label | None:
        group, _, rest = name.rpartition("/")
        return Label(f"id of {name}", rest, group or None) if self.grouped else Label(name, name)

    def creatable(self, name: str) -> bool:
        return False


def dealt(topics: Sequence[Topic]) -> list[Topic]:
    """The topics, each as often as its share says."""
    return [topic for topic in topics for _ in range(topic.share)]
