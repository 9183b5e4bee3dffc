"""Rules made to run for ever, issues that say nothing or far too much, rules saved in mid-run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import pytest

from rules.load import load_rules
from store.rulebook import RulebookShelf
from tests.conftest import ISSUE, Floor, hint, issue
from tests.stand_in import HEAD
from tests.unit.test_taggers import Serving, Taught
from trackers.protocol import AddLabels
from workers.decide import Because
from workers.record import Ending, Outcome
from workers.run import run
from workers.taggers import Taggers

MEGABYTE: Final = 1_000_000
FOREVER: Final = """\
version: 1
defaults:
  mode: apply
  tagging:
    rules:
      - {label: a, text: {regex: '(a+)+c'}}
      - {label: b, text: {regex: '(a|aa)+b'}}
      - {label: c, text: {regex: '(x+x+)+y'}}
      - {label: d, text: {regex: '(.*,){9}z'}}
      - {label: security, title: {words: [xss]}}
"""
LEARNED: Final = """\
version: 1
defaults:
  mode: apply
  tagging:
    comment: true
    rules:
      - {label: security, text: {words: [xss]}}
"""
ENGLISH: Final = "The page is slow and then a segfault when it is on the shop page"
GERMAN: Final = "Absturz beim Speichern einer neuen Rechnung segfault"
TOO_LITTLE: Final[Mapping[str, tuple[str, str, str]]] = {
    "empty": ("", "", "the issue says nothing"),
    "only spaces and signs": (" \u200b…", "\n\t--\n", "the issue says nothing"),
    "one word": ("segfault", "", "the issue says too little"),
    "another language": (GERMAN, "", "the issue is unlike any the model has learnt from"),
    "1 MB of one letter": ("a", "a" * MEGABYTE, "the issue says too little"),
    "1 MB of no language": (
        "Log",
        " ".join(f"q{number:x}z" for number in range(150_000)),
        "the issue is unlike any the model has learnt from",
    ),
}


def put_in_force(floor: Floor, text: str) -> str:
    version = load_rules(text.encode(), "rules.yaml").version_id
    RulebookShelf(floor.redis).publish(version, text.encode())
    return version


def comes(floor: Floor, title: str, body: str = "") -> Ending:
    """An issue is filed and worked."""
    floor.tracker.now = replace(issue(title), body=body)
    floor.offer(hint())
    taggers = Taggers(Serving({"labels": ("m1", HEAD)}), Taught())
    ending = run(replace(floor.shop, taggers=taggers), ISSUE, floor.token())
    assert ending is not None
    return ending


def put_on(floor: Floor) -> list[str]:
    return [label.id for op in floor.tracker.writes if isinstance(op, AddLabels) for label in op.labels]


@pytest.mark.fault(42)
@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", ["a" * MEGABYTE + "!", "x" * MEGABYTE, "a," * (MEGABYTE // 2)])
def test_no_pattern_runs_for_ever(floor: Floor, text: str, seen: Callable[[str], None]) -> None:
    put_in_force(floor, FOREVER)
    ending = comes(floor, "XSS", text)
    assert ending.outcome is Outcome.APPLIED
    assert put_on(floor) == ["security"]
    seen("four such patterns, 1 MB of text: matched to its end")


@pytest.mark.fault(45)
@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", TOO_LITTLE)
def test_of_what_says_nothing_known_nothing_is_said_but_why(
    floor: Floor, name: str, seen: Callable[[str], None]
) -> None:
    put_in_force(floor, LEARNED)
    title, body, why = TOO_LITTLE[name]
    ending = comes(floor, title, body)
    assert (ending.outcome, ending.because) == (Outcome.NOTHING, Because.NOTHING_FITS)
    assert floor.tracker.writes == []
    (kept,) = floor.shop.decisions.of(ISSUE)
    (model,) = kept["plan"]["models"]
    assert model["abstained"] == why
    seen(f"{name}: {why}")


@pytest.mark.fault(45)
def test_the_same_model_speaks_where_it_is_at_home(floor: Floor) -> None:
    put_in_force(floor, LEARNED)
    assert comes(floor, ENGLISH).outcome is Outcome.APPLIED
    assert put_on(floor) == ["crash"]


@pytest.mark.fault(43)
@pytest.mark.parametrize("place", ["loaded", "decided", "planned", "intended"])
def test_rules_saved_in_mid_run_wait_for_the_next_run(floor: Floor, place: str) -> None:
    before = put_in_force(floor, LEARNED)
    after = LEARNED.replace("xss", "slow").replace("security", "performance")

    def save(here: str) -> None:
        if here == place:
            put_in_force(floor, after)

    desk = floor.shop.desks["acme"]
    desks = {"acme": replace(desk, applier=replace(desk.applier, checkpoint=save))}
    floor.shop = replace(floor.shop, checkpoint=save, desks=desks)
    assert comes(floor, "XSS is slow").outcome is Outcome.APPLIED
    assert put_on(floor) == ["security"]
    (kept,) = floor.shop.decisions.of(ISSUE)
    assert kept["rules"] == before
