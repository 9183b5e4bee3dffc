"""The learned tagger from a tracker's history to its labels, through real processes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from sprintwarden.stage import Stage
from store.models import ModelShelf, Slots
from tests.integration import scene
from tests.integration.scene import TRACKERS, Side, until

pytestmark = [pytest.mark.process, pytest.mark.slow]

RULES = """\
version: 1
defaults:
  mode: apply
  tagging:
    comment: true
    learned: {precision: 0.85, max_labels: 2}
    rules: [{label: security, title: {words: [xss]}}]
"""
ABOUT = {
    "printing": ("printer", "paper", "tray", "duplex", "toner", "margin"),
    "invoices": ("invoice", "tax", "receipt", "discount", "currency", "rounding"),
    "maps": ("map", "marker", "zoom", "route", "compass", "tile"),
}
OPENINGS = ("Trouble with the", "We need another", "Please look at the", "Somebody changed the", "About the")
PICKED_UP_S = 40.0
"""It takes five seconds and the time of a run; the machine may be busy."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    with scene.stage(folder, {**scene.QUICK, "SPRINTWARDEN_DATA": str(folder)}) as made:
        scene.put_in_force(made, RULES)
        yield made


@pytest.fixture(params=TRACKERS)
def side(request: pytest.FixtureRequest, stage: Stage) -> Side:
    return Side(stage, request.param)


def story(label: str, draw: random.Random) -> tuple[str, str]:
    one, two, three = draw.sample(ABOUT[label], 3)
    return f"{draw.choice(OPENINGS)} {one} and the {two}", f"It happened with the {three} again this week."


def file_past_issues(side: Side, count: int = 75) -> None:
    draw = random.Random(7)
    for number in range(count):
        label = list(ABOUT)[number % len(ABOUT)]
        title, body = story(label, draw)
        side.file(title, body=body, labels=[label])


def command(stage: Stage, *arguments: str) -> Any:
    """Run ``sprintwarden`` as an admin would beside the running service; its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "sprintwarden", *arguments, "--json"],
        env={**os.environ, **stage.environ},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def slots(side: Side) -> Slots:
    return ModelShelf(side.stage.redis).slots((side.name, "labels")) or Slots()


def test_a_history_becomes_labels_with_reasons_and_a_rollback_ends_them(side: Side) -> None:
    if side.tracker == "linear":
        for label in ABOUT:
            side.toy.control("POST", "/linear/labels", {"name": label})
    file_past_issues(side)
    scene.settle(side.stage)
    told = command(side.stage, "train", "--connection", side.name, "--target", "labels")
    assert told["passed"] and told["issues"] == 75
    assert slots(side).staged and not slots(side).serving
    assert not (side.stage.folder / "history" / side.name).exists()
    quiet = side.file("Trouble with the printer and the toner", body="The paper tray is empty.")
    scene.settle(side.stage)
    assert side.labels(quiet) == set()

    command(side.stage, "model", "promote", side.name, "labels")
    labelled = label_soon(side)
    (comment,) = side.comments(labelled)
    assert "printing" in comment and "past issues" in comment
    assert any(f'"{word}"' in comment for word in ABOUT["printing"])
    record = side.runs(labelled)[-1]["plan"]["labels"][0]
    assert record["label"] == "printing" and record["source"].startswith("learned")
    now = command(side.stage, "explain", side.name, labelled)
    assert now["now"]["already"] == ["printing"]
    assert now["decisions"][-1]["plan"]["labels"][0]["chance"]["p"] >= record["chance"]["threshold"]

    side.toy.edit(labelled, remove_labels=["printing"])
    scene.settle(side.stage)
    side.toy.edit(labelled, title="Trouble with the toner, the printer and the paper")
    scene.settle(side.stage)
    assert side.labels(labelled) == set()

    command(side.stage, "model", "rollback", side.name, "labels")
    until(side.stage, lambda: unlabelled(side), PICKED_UP_S)


def label_soon(side: Side) -> str:
    """An issue that the model labels; the first ones may come before the worker has taken it up."""
    found: list[str] = []

    def labelled() -> bool:
        key = side.file("Trouble with the printer and the toner", body="The paper tray is empty.")
        scene.settle(side.stage)
        if side.labels(key) == {"printing"}:
            found.append(key)
        return bool(found)

    until(side.stage, labelled, PICKED_UP_S)
    return found[0]


def unlabelled(side: Side) -> bool:
    key = side.file("Trouble with the printer and the toner", body="The paper tray is empty.")
    scene.settle(side.stage)
    return side.labels(key) == set()
