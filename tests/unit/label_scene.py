"""A tracker whose labels have a past: a model that serves, people who judged it, rules beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime, timedelta

import numpy as np
from redis import Redis

from classifiers.examples import Target
from classifiers.head import Packed
from classifiers.intervals import Share
from classifiers.model_files import Content, pack_content, read_packed
from classifiers.thresholds import ASKED, Rule, Rung, Thresholds
from rules.connections import Connection
from rules.load import RuleBook, load_rules
from store import keys
from store.models import ModelShelf
from store.outcomes import Outcomes, Row
from store.watch import week_of
from tests.unit.models import TOLD
from workers.label_look import LabelLook
from workers.training import listed_facts

HOSTILE = '<img src=x onerror="alert(1)">&\'/../%2e #?"'
RULES = b"""\
version: 1
defaults:
  mode: apply
  tagging:
    rules:
      - {label: security, title: {words: [xss, csrf]}}
      - {label: Checkout, title: {words: [basket]}}
    learned: {targets: [labels, components], precision: 0.85, never: [wontfix]}
"""
LINES = Thresholds(
    Rule.CHANCE,
    3,
    400,
    tuple(Rung(asked, asked, Share(int(97 * asked), 97), 90, Share(0, 0)) for asked in ASKED),
)
"""The chance needed is the precision asked."""
TAGS = {
    "checkout": (212, 40, 38, 35),
    "search": (160, 33, 25, 24),
    "mobile": (120, 21, 14, 11),
    "performance": (96, 18, 12, 11),
    "invoices": (70, 12, 9, 8),
    "wontfix": (44, 9, 0, 0),
    "legacy": (2, 1, 0, 0),
    HOSTILE: (30, 4, 2, 2),
}
"""Tag → uses; in its trial true, put on, right."""


def model(tags: dict[str, tuple[int, int, int, int]] | None = None, lines: Thresholds = LINES) -> Content:
    """What a training of these tags leaves; nothing that could answer."""
    tags = TAGS if tags is None else tags
    trial = {
        name: {"true": true, "applied": applied, "right": right}
        for name, (_, true, applied, right) in tags.items()
    }
    told = {
        **TOLD,
        "issues": {"ABC": 812},
        "tags": {name: uses for name, (uses, *_) in tags.items()},
        "metrics": {"tags": trial},
        "thresholds": lines.facts(),
    }
    packed = Packed("toy", {"weights": np.zeros((2, 2), dtype=np.float32)}, {"tags": list(tags)})
    return read_packed(pack_content(Content(packed, told, "# The card\n")))


def serve(redis: Redis, connection: str, content: Content | None = None) -> str:
    """Have a model serve a connection's labels; its id."""
    found = content or model()
    shelf, place = ModelShelf(redis), (connection, str(Target.LABELS))
    shelf.stage(place, found.id, pack_content(found), listed_facts(found))
    shelf.promote(place, found.id)
    return found.id


def note(redis: Redis, connection: str, rows: Sequence[Row], target: str = "labels") -> None:
    """Keep outcomes; the newest first."""
    redis.rpush(keys.outcomes(connection, target), *(json.dumps(astuple(row)) for row in rows))
    redis.hincrby(keys.LESSONS, f"{connection}:{target}", len(rows))


def judged(
    tag: str, now: datetime, weeks: Sequence[tuple[int, int]], model_id: str, p: float = 0.9
) -> list[Row]:
    """Outcomes of what was put on: of each week before ``now``, newest first, (right, total)."""
    return [
        Row(
            (now - timedelta(weeks=back, minutes=at)).isoformat(timespec="seconds"),
            model_id,
            "labels",
            "ABC" if at % 3 else "OPS",
            tag,
            round(p - 0.001 * at, 3),
            True,
            at < right,
        )
        for back, (right, total) in enumerate(weeks)
        for at in range(total)
    ]


def put_on(redis: Redis, connection: str, now: datetime, issues: int, **labels: tuple[int, int]) -> None:
    """New issues of this week; label → how many by rules and by models."""
    name = keys.put_on(connection, week_of(now).isoformat())
    counts = {"issues": issues}
    for label, (by_rules, by_models) in labels.items():
        counts |= {f"rules|{label}": by_rules, f"models|{label}": by_models}
    redis.hset(name, mapping={field: str(count) for field, count in counts.items() if count})


def rules() -> RuleBook:
    return load_rules(RULES, "rules.yaml")


def lived(redis: Redis, connections: Sequence[Connection], now: datetime, connection: str = "jira") -> str:
    """Labels of every state, and the views of them; the id of the model that serves."""
    id_ = serve(redis, connection)
    rows = [
        *judged("checkout", now, [(5, 5), (6, 7), (4, 4), (8, 8), (5, 6), (7, 7), (3, 3), (6, 7)], id_, 0.93),
        *judged("search", now, [(3, 3), (2, 2), (4, 5), (0, 0), (5, 5), (3, 3)], id_, 0.9),
        *judged("mobile", now, [(2, 4), (3, 4), (2, 3), (1, 2)], id_, 0.88),
        *judged("performance", now, [(1, 3), (1, 3), (2, 5), (1, 3)], id_, 0.87),
        *judged("invoices", now, [(2, 2), (1, 1)], id_, 0.86),
        *judged(HOSTILE, now, [(3, 3), (4, 5), (5, 5)], id_, 0.91),
        *judged("retired", now - timedelta(weeks=5), [(2, 3)], "e" * 64, 0.9),
    ]
    draw, at = np.random.default_rng(7), now.isoformat(timespec="seconds")
    rows += [
        Row(
            at,
            id_,
            "labels",
            "ABC",
            tag,
            round(float(p), 3),
            False,
            bool(right),
        )
        for tag in ("checkout", "search", "mobile")
        for p in draw.uniform(0.05, 0.86, 45)
        for right in [draw.uniform() < p]
    ]
    note(redis, connection, rows)
    put_on(
        redis,
        connection,
        now,
        640,
        checkout=(0, 96),
        Checkout=(22, 0),
        search=(0, 51),
        security=(18, 0),
        mobile=(0, 31),
        performance=(0, 24),
        invoices=(0, 9),
    )
    outcomes = Outcomes(redis)
    outcomes.mute(connection, "labels", "performance", "5 of 14 were right, and 85% are asked")
    outcomes.keep_shift(connection, "labels", {"shared": -0.31, "projects": {}}, len(rows), id_)
    look_through(LabelLook(redis, connections), rules(), now)
    return id_


def look_through(at: LabelLook, book: RuleBook | None, now: datetime) -> None:
    """All steps of a clock's look at labels."""
    for _ in at.steps(book, now):
        pass
