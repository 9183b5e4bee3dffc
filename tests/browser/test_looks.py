"""How every page looks: in light and dark, on a phone and on a large screen, full and empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.eyes import NARROW, WIDE, Visitor, visitor
from tests.browser.sprint_weeks import HOSTILE_NAME, LONG_KEY, RIGHT_TO_LEFT
from tests.browser.team import FOREIGN, LONG, SHOP
from tests.browser.world import NO_FIELD, UNKIND, World, empty, furnished
from trackers.model import SubjectKind

PAGES: Final[dict[str, Callable[[World], str]]] = {
    "log-in": lambda _: "/console/login",
    "now": lambda _: "/console/now",
    "decisions": lambda _: "/console/decisions",
    "decisions, older ones without effect": lambda _: f"/console/decisions?outcome=everything&label={LONG}",
    "decisions, none of that label": lambda _: "/console/decisions?label=nothing",
    "decision": lambda world: world.decision(),
    "decision about a sprint": lambda world: world.decision_about(SubjectKind.SPRINT),
    "decision of a hostile label": lambda world: world.decision(UNKIND[1]),
    "sprints": lambda _: "/console/sprints",
    "sprint": lambda world: world.sprint(),
    "sprint that is over": lambda world: world.sprint("130"),
    "sprint of hostile names": lambda world: world.sprint("901"),
    "labels": lambda _: f"/console/labels?connection={SHOP}",
    "labels, none known": lambda _: f"/console/labels?connection={SHOP}&target=components",
    "labels, none of that name": lambda _: f"/console/labels?connection={SHOP}&name=nothing",
    "label with its calibration": lambda world: world.label(),
    "label that is muted": lambda world: world.label("invoices"),
    "label without end": lambda world: world.label(UNKIND[1]),
    "rules": lambda _: "/console/rules",
    "rules of a board": lambda _: f"/console/rules?place={SHOP}/PAY&board=14",
    "rules file": lambda _: "/console/rules/file",
    "try form": lambda _: "/console/rules/try",
    "trial that is done": lambda world: f"/console/rules/trials/{world.trial}",
    "trial under way": lambda world: f"/console/rules/trials/{world.running}",
    "queue": lambda _: "/console/queue",
    "confirm putting back": lambda _: f"/console/queue/put-back?cause={quote(NO_FIELD)}",
    "confirm discarding": lambda world: f"/console/queue/discard?subject={world.dead()[0]}",
    "confirm muting": lambda world: world.label(UNKIND[1]).replace("/label?", "/mute?") + "&why=" + "x" * 99,
    "nothing there": lambda _: "/console/elsewhere",
}
TEACHING: Final = {
    "now": "/console/now",
    "decisions": "/console/decisions",
    "sprints": "/console/sprints",
    "labels": "/console/labels",
    "rules": "/console/rules",
    "try form": "/console/rules/try",
    "queue": "/console/queue",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with furnished(tmp_path_factory.mktemp("world"), hostile=True) as one:
        yield one


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An install of this minute."""
    with empty(tmp_path_factory.mktemp("fresh")) as one:
        yield one


@contextmanager
def _window(browser: Browser, world: World) -> Iterator[Visitor]:
    with visitor(browser, world.site) as one:
        one.log_in(world.password)
        yield one


@pytest.fixture(scope="module")
def window(browser: Browser, world: World) -> Iterator[Visitor]:
    """Somebody at a window, logged in."""
    with _window(browser, world) as one:
        yield one


@pytest.fixture(scope="module")
def fresh_window(browser: Browser, fresh: World) -> Iterator[Visitor]:
    with _window(browser, fresh) as one:
        yield one


def looked_at(one: Visitor, path: str) -> list[str]:
    """Go there; everything that is wrong with how it looks, on a phone and a large screen, in light and dark.

    The page comes in once: that its window changes is no news to it. axe looks at all on the phone, and then
    at what may differ elsewhere: in a large window what is scrolled, in the dark the colours.
    """
    one.wrong.clear()
    page, found = one.page, []
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": NARROW, "height": 800})
    one.visit(path)
    for width, rules in ((NARROW, ()), (WIDE, ("scrollable-region-focusable",))):
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{width}: {what} spills" for what in one.spilling()]
        found += [f"{width}: out of sight: {what}" for what in one.out_of_sight()]
        found += [f"{width}: {what}" for what in one.barriers(*rules)]
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {what}" for what in one.barriers("color-contrast")]
    headings, title = page.locator("h1").all_inner_texts(), page.title()
    if len(headings) != 1 or not headings[0].strip():
        found.append(f"headings: {headings}")
    if not title.endswith(" · Sprintwarden") or not title.split(" · ")[0].strip():
        found.append(f"title: {title!r}")
    # A browser tells of every page that is not there.
    return found + [what for what in one.wrong if "404 (NOT FOUND)" not in what]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_well_made(name: str, world: World, window: Visitor) -> None:
    wrong = looked_at(window, PAGES[name](world))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", TEACHING)
def test_an_empty_page_is_well_made_and_says_what_to_do(name: str, fresh_window: Visitor) -> None:
    wrong = looked_at(fresh_window, TEACHING[name])
    assert not wrong, "\n".join(wrong)
    taught = fresh_window.page.locator("main .empty").first
    heading = taught.locator(".empty__title").inner_text()
    rest = taught.inner_text().replace(heading, "", 1).split()
    assert heading.strip()
    assert len(rest) > 5, "it says nothing of what to do"


def test_hostile_names_are_there_to_be_seen(world: World, window: Visitor) -> None:
    """What the pages were tested by."""
    page = window.page
    window.visit("/console/sprints")
    expect(page.get_by_role("link", name=HOSTILE_NAME)).to_have_count(1)
    expect(page.get_by_role("link", name=RIGHT_TO_LEFT)).to_have_count(1)
    window.visit(world.sprint("901"))
    expect(page.locator("table", has_text=LONG_KEY)).to_have_count(1)
    window.visit(f"/console/labels?connection={SHOP}")
    for name in (FOREIGN, LONG, UNKIND[0], UNKIND[1]):
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(1)


def test_a_page_grows_with_the_letters(browser: Browser, world: World) -> None:
    """At twice the size a laptop's window is as narrow as half of it, and nothing is lost (WCAG 1.4.10)."""
    with visitor(browser, world.site, width=640) as one:
        one.log_in(world.password)
        for path in ("/console/now", "/console/queue", world.sprint(), world.label()):
            one.visit(path)
            assert [*one.spilling(), *one.out_of_sight(), *one.wrong] == [], path
