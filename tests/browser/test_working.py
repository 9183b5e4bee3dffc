"""What people do in the console: by mouse and by keyboard, with and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from redis import Redis

from store import keys
from store.decisions import Decisions
from store.outcomes import Outcomes
from store.trials import Trials
from tests.browser.eyes import Visitor, visitor
from tests.browser.sprint_weeks import HOSTILE_NAME
from tests.browser.team import FOREIGN, LONG, RULES, RULES_BAD, RULES_TRIED, SHOP
from tests.browser.world import NO_FIELD, NO_RIGHT, UNKIND, World, furnished
from trackers.model import Subject

BOTH: Final = pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
_FOCUSED: Final = """() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
  const name = one.getAttribute("name") ?? one.textContent.trim();
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return {name, tag: one.tagName, id: one.id, seen: outlined && box.width > 1 && box.top >= 0};
}"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with furnished(tmp_path_factory.mktemp("world"), hostile=True) as one:
        yield one


Windows = dict[bool, Visitor]
"""By whether scripts run in them."""


@pytest.fixture(scope="module")
def windows(browser: Browser, world: World) -> Iterator[Windows]:
    """Somebody called ada at two windows, logged in. A window costs more than what most tests do in it."""
    with ExitStack() as stack:
        opened = {
            javascript: stack.enter_context(visitor(browser, world.site, javascript=javascript))
            for javascript in (True, False)
        }
        for one in opened.values():
            one.log_in(world.password)
        yield opened


@pytest.fixture(scope="module")
def timed_window(browser: Browser, world: World) -> Iterator[Visitor]:
    """Where time passes when a test says so."""
    with visitor(browser, world.site) as one:
        one.page.clock.install()
        one.log_in(world.password)
        yield one


@contextmanager
def watched(one: Visitor) -> Iterator[Visitor]:
    """Nothing may go wrong on its pages meanwhile."""
    one.wrong.clear()
    yield one
    assert one.wrong == []


@pytest.fixture
def ada(windows: Windows) -> Iterator[Visitor]:
    with watched(windows[True]) as one:
        yield one


@pytest.fixture
def timed(timed_window: Visitor) -> Iterator[Visitor]:
    with watched(timed_window) as one:
        yield one


def focused(page: Page) -> dict[str, Any]:
    """What has the focus, and whether that can be seen."""
    found: dict[str, Any] = page.evaluate(_FOCUSED)
    return found


def said(page: Page) -> Locator:
    """What a page says of the change just made."""
    return page.get_by_role("main").get_by_role("status")


# -- by keyboard ---------------------------------------------------------------------------------


def test_the_first_key_leads_past_the_navigation(ada: Visitor) -> None:
    ada.visit("/console/decisions")
    ada.page.keyboard.press("Tab")
    assert focused(ada.page) | {"name": "Skip to the page", "seen": True} == focused(ada.page)
    ada.page.keyboard.press("Enter")
    assert focused(ada.page)["id"] == "main"
    ada.page.keyboard.press("Tab")
    assert focused(ada.page)["name"] == "connection"


def test_keys_reach_everything_in_the_order_of_the_page_and_show_where_they_are(ada: Visitor) -> None:
    ada.visit("/console/decisions")
    row = ada.page.locator("tbody tr a").first.inner_text()
    reached: list[str] = []
    while row not in reached and len(reached) < 40:
        ada.page.keyboard.press("Tab")
        where = focused(ada.page)
        assert where["seen"], where
        reached.append(where["name"])
    pages = ["Now", "Decisions", "Sprints", "Labels", "Rules", "Queue"]
    filters = ["connection", "project", "label", "outcome", "key", "Show"]
    assert [name for name in reached if name in (*pages, *filters, row)] == [*pages, *filters, row]


def test_a_letter_is_put_back_by_keys_alone(ada: Visitor, world: World) -> None:
    letter = world.dead(NO_FIELD)[0]
    ada.visit("/console/queue")
    way = ada.page.locator(f'a[href*="put-back?subject={_quoted(letter)}"]')
    way.focus()
    ada.page.keyboard.press("Enter")
    ada.page.get_by_role("button", name="Put back").focus()
    ada.page.keyboard.press("Enter")
    expect(said(ada.page)).to_contain_text("Put back: 1")
    assert letter not in world.dead()


# -- logging in and out --------------------------------------------------------------------------


@BOTH
def test_who_logs_in_comes_where_they_wanted(browser: Browser, world: World, javascript: bool) -> None:
    with visitor(browser, world.site, javascript=javascript) as one:
        one.visit("/console/labels?connection=fernwood-linear")
        page = one.page
        expect(page.get_by_role("heading", level=1)).to_have_text("Log in")
        page.get_by_label("Your name").fill("ada")
        page.get_by_label("Password").fill(world.password)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Labels")
        assert page.url.endswith("/console/labels?connection=fernwood-linear")
        (session,) = [one for one in page.context.cookies() if one["name"] == "sprintwarden-session"]
        assert (session["httpOnly"], session["sameSite"], session["path"]) == (True, "Lax", "/")
        assert page.evaluate("document.cookie") == ""
        assert one.wrong == []


def test_a_wrong_password_is_told_so(browser: Browser, world: World) -> None:
    with visitor(browser, world.site) as one:
        one.visit("/console/login")
        one.page.get_by_label("Password").fill("not the password")
        one.page.get_by_role("button", name="Log in").click()
        expect(one.page.get_by_text("That is not the password.")).to_be_visible()
        one.visit("/console/now")
        expect(one.page.get_by_role("heading", level=1)).to_have_text("Log in")


def test_after_log_out_the_way_back_shows_nothing(browser: Browser, world: World) -> None:
    with visitor(browser, world.site) as one:
        one.log_in(world.password)
        one.visit("/console/queue")
        one.page.get_by_role("button", name="Log out").click()
        expect(one.page.get_by_role("heading", level=1)).to_have_text("Log in")
        one.page.go_back()
        expect(one.page.get_by_role("button", name="Log in")).to_be_visible()
        expect(one.page.get_by_role("table")).to_have_count(0)


# -- the queue -----------------------------------------------------------------------------------


@BOTH
def test_a_letter_is_put_back_after_asking(windows: Windows, world: World, javascript: bool) -> None:
    letter = world.dead(NO_RIGHT)[0]
    with watched(windows[javascript]) as one:
        page = one.page
        one.visit("/console/queue")
        way = page.locator(f'a[href*="put-back?subject={_quoted(letter)}"]')
        way.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("back?")
        expect(page.get_by_text(f"Cause: {NO_RIGHT}")).to_be_visible()
        page.get_by_role("link", name="Leave it as it is").click()
        assert letter in world.dead()
        way.click()
        page.get_by_role("button", name="Put back").click()
        expect(said(page)).to_contain_text("Put back: 1")
        expect(way).to_have_count(0)
    assert letter not in world.dead()
    assert world.redis.zscore(keys.PENDING, str(letter)) is not None


def test_all_of_one_cause_are_put_back_together(ada: Visitor, world: World) -> None:
    letters = world.dead(NO_FIELD)
    ada.visit("/console/queue")
    ada.page.get_by_role("link", name=f"Put back all {len(letters)}").click()
    expect(ada.page.get_by_role("heading", level=1)).to_have_text(f"Put {len(letters)} dead letters back?")
    ada.page.get_by_role("button", name="Put back").click()
    expect(said(ada.page)).to_contain_text(f"Put back: {len(letters)}")
    assert world.dead(NO_FIELD) == []
    assert all(world.redis.zscore(keys.PENDING, str(letter)) is not None for letter in letters)


def test_a_letter_is_discarded_after_asking_and_counted(ada: Visitor, world: World) -> None:
    (letter,) = [one for one in world.dead() if one not in world.dead(NO_FIELD) + world.dead(NO_RIGHT)]
    before = Decisions(world.redis).counters().get(f"discarded|{SHOP}", 0)
    ada.visit("/console/queue")
    ada.page.locator(f'a[href*="discard?subject={_quoted(letter)}"]').click()
    expect(ada.page.get_by_text("cannot be undone")).to_be_visible()
    ada.page.get_by_role("button", name="Discard").click()
    expect(said(ada.page)).to_contain_text("Discarded")
    assert letter not in world.dead()
    assert world.redis.zscore(keys.PENDING, str(letter)) is None
    assert Decisions(world.redis).counters()[f"discarded|{SHOP}"] == before + 1


def _quoted(letter: Subject) -> str:
    return str(letter).replace(":", "%3A")


# -- labels --------------------------------------------------------------------------------------


@BOTH
def test_a_label_is_muted_with_a_reason_and_returns(windows: Windows, world: World, javascript: bool) -> None:
    outcomes = Outcomes(world.redis)
    with watched(windows[javascript]) as one:
        page = one.page
        one.visit(world.label(FOREIGN))
        page.get_by_label("Why").fill("it is <b>too often</b> wrong")
        page.get_by_role("button", name="Mute").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Mute {FOREIGN}?")
        assert FOREIGN not in outcomes.standing(SHOP, "labels").muted
        page.get_by_role("button", name="Mute").click()
        expect(said(page)).to_contain_text(f"{FOREIGN} is muted")
        expect(page.get_by_role("main")).to_contain_text("by ada")
        expect(page.get_by_role("main")).to_contain_text("it is <b>too often</b> wrong")
        mute = outcomes.standing(SHOP, "labels").muted[FOREIGN]
        assert (mute.why, mute.by) == ("it is <b>too often</b> wrong", "ada")
        one.visit(f"/console/labels?connection={SHOP}&state=muted")
        expect(page.get_by_role("row").filter(has_text=FOREIGN)).to_contain_text("Muted")
        one.visit(world.label(FOREIGN))
        page.get_by_role("link", name="Unmute").click()
        page.get_by_role("button", name="Unmute").click()
        expect(said(page)).to_contain_text(f"{FOREIGN} may be put on again")
    assert FOREIGN not in outcomes.standing(SHOP, "labels").muted


# -- rules ---------------------------------------------------------------------------------------


def test_a_file_with_mistakes_is_told_them_and_stays_to_be_mended(ada: Visitor, world: World) -> None:
    before = len(Trials(world.redis).listed())
    ada.visit("/console/rules/try")
    text = ada.page.get_by_label("The file, to be edited")
    expect(text).to_have_value(RULES)
    text.fill(RULES_BAD)
    ada.page.get_by_role("button", name="Try it").click()
    expect(ada.page.get_by_text('unknown key "titel"')).to_be_visible()
    expect(ada.page.get_by_text("must be dry_run, suggest or apply")).to_be_visible()
    expect(text).to_have_value(RULES_BAD)
    # The browser tells of the status, 422.
    ada.wrong.clear()
    assert len(Trials(world.redis).listed()) == before


@BOTH
def test_a_good_file_is_tried_and_the_page_shows_how_far_it_is(
    windows: Windows, world: World, javascript: bool
) -> None:
    trials = Trials(world.redis)
    with watched(windows[javascript]) as one:
        page = one.page
        one.visit("/console/rules/try")
        page.get_by_label("The file, to be edited").fill(RULES_TRIED)
        page.get_by_role("button", name="Try it").click()
        expect(page.get_by_text("A bulk worker takes it up in a moment")).to_be_visible()
        trial = trials.find(trials.listed()[0].id)
        assert trial is not None
        assert (trial.text, trial.head.by) == (RULES_TRIED, "ada")
        trials.begin(trial.head.id)
        trials.fail(trial.head.id, "The tracker was away.")
        # It reads itself again every two seconds with JavaScript, every three without.
        expect(page.get_by_text("The tracker was away.")).to_be_visible()


# -- filters -------------------------------------------------------------------------------------


@BOTH
def test_decisions_are_found_by_filters_that_stand_in_the_address(
    windows: Windows, world: World, javascript: bool
) -> None:
    with watched(windows[javascript]) as one:
        page = one.page
        one.visit("/console/decisions")
        page.get_by_label("Label").select_option(LONG)
        page.get_by_role("button", name="Show").click()
        rows = page.locator("tbody tr")
        expect(rows.first).to_contain_text(LONG)
        assert rows.count() == rows.filter(has_text=LONG).count() < 50
        one.visit(page.url.removeprefix(world.site))
        expect(page.get_by_label("Label")).to_have_value(LONG)
        one.visit("/console/decisions?outcome=everything")
        first = rows.first.inner_text()
        page.get_by_role("link", name="Older").click()
        expect(rows).to_have_count(50)
        assert rows.first.inner_text() != first
        page.get_by_role("link", name="Newer").click()
        expect(rows.first).to_contain_text(first.split()[0])


# -- pages that read themselves again ------------------------------------------------------------


def test_a_page_shows_what_changed_and_keeps_the_focus(timed: Visitor, world: World) -> None:
    page = timed.page
    timed.visit("/console/now")
    link = page.get_by_role("link", name="Look at the rules")
    link.focus()
    _mark(page)
    with _silent_clock(world.redis):
        page.clock.run_for(timedelta(seconds=11) // timedelta(milliseconds=1))
        expect(page.get_by_text("No clock has ticked")).to_be_visible()
    expect(page.locator("main[data-was]")).to_have_count(0)
    expect(link).to_be_focused()


def test_a_page_leaves_alone_what_somebody_has_opened(timed: Visitor, world: World) -> None:
    page = timed.page
    timed.visit(world.sprint())
    _mark(page)
    page.locator("details > summary").first.click()
    page.clock.run_for(130_000)
    page.wait_for_load_state("networkidle")
    expect(page.locator("main[data-was]")).to_have_count(1)
    expect(page.locator("details").first).to_have_attribute("open", "")
    page.locator("details > summary").first.click()
    # Whoever closed it still has the focus there, and keeps it until they go on.
    page.locator("h1").click()
    page.clock.run_for(130_000)
    expect(page.locator("main[data-was]")).to_have_count(0)


def test_who_skipped_the_navigation_goes_on_where_they_were(timed: Visitor) -> None:
    page = timed.page
    timed.visit("/console/now")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    _mark(page)
    page.clock.run_for(11_000)
    expect(page.locator("main[data-was]")).to_have_count(0)
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_a_session_that_has_ended_shows_the_log_in_by_itself(browser: Browser, world: World) -> None:
    with visitor(browser, world.site) as one:
        one.log_in(world.password)
        one.page.clock.install()
        one.visit("/console/now")
        one.page.context.clear_cookies()
        one.page.clock.run_for(11_000)
        expect(one.page.get_by_role("button", name="Log in")).to_be_visible()


def _mark(page: Page) -> None:
    """Have what is shown now told from what is read later."""
    page.get_by_role("main").evaluate("(main) => main.setAttribute('data-was', '')")


@contextmanager
def _silent_clock(redis: Redis) -> Iterator[None]:
    redis.delete(keys.beat("clock"))
    yield
    redis.set(keys.beat("clock"), "now")


# -- what nobody may do --------------------------------------------------------------------------


def test_a_form_on_another_site_changes_nothing(browser: Browser, world: World) -> None:
    fields = {"connection": SHOP, "target": "labels", "name": "search", "why": "to win", "csrf": "0" * 64}
    inputs = "".join(f'<input name="{name}" value="{value}">' for name, value in fields.items())
    form = (
        f'<form method="post" action="{world.site}/console/labels/mute">{inputs}<button>Win</button></form>'
    )
    elsewhere = "http://prizes.example/"
    with visitor(browser, world.site) as one:
        one.log_in(world.password)
        one.page.route(elsewhere, lambda route: route.fulfill(body=form, content_type="text/html"))
        one.page.goto(elsewhere)
        one.page.get_by_role("button", name="Win").click()
        one.page.wait_for_url(f"{world.site}/**")
        expect(one.page.get_by_role("heading", level=1)).to_have_text(re.compile("Log in|Not allowed"))
    assert "search" not in Outcomes(world.redis).standing(SHOP, "labels").muted


def test_a_form_of_another_session_changes_nothing(ada: Visitor, world: World) -> None:
    ada.visit(world.label("search").replace("/label?", "/mute?") + "&why=x")
    ada.page.locator('main input[name="csrf"]').evaluate('(field) => { field.value = "0".repeat(64); }')
    ada.page.get_by_role("button", name="Mute").click()
    expect(ada.page.get_by_text("This form is not of your session.")).to_be_visible()
    # The browser tells of the status, 403.
    ada.wrong.clear()
    assert "search" not in Outcomes(world.redis).standing(SHOP, "labels").muted


@BOTH
def test_what_trackers_say_stays_text(windows: Windows, world: World, javascript: bool) -> None:
    with watched(windows[javascript]) as one:
        for path in (
            "/console/decisions",
            world.decision(HOSTILE_NAME),
            "/console/sprints",
            world.sprint("901"),
            f"/console/labels?connection={SHOP}",
            world.label(HOSTILE_NAME),
            world.label(UNKIND[3]),
        ):
            one.visit(path)
            expect(one.page.locator("[onerror], img")).to_have_count(0)
        expect(one.page.get_by_role("heading", level=1)).to_have_text(UNKIND[3])


def test_nothing_moves_for_those_who_asked_for_that(ada: Visitor) -> None:
    ada.visit("/console/now")
    ada.page.get_by_role("link", name="Look at the rules").hover()
    assert ada.page.evaluate("document.getAnimations().length") == 0
