"""The demo's story through its real command, and in its console as the project manager finds it told there.

It is played once for all of these; only what needs a browser is skipped where none is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from rules.load import load_rules
from sandbox.remote import Remote
from tests.browser.eyes import NARROW, Visitor, visitor
from tests.browser.played import Demo, started

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]

JIRA, LINEAR = "demo-jira", "demo-linear"
XSS, DOCS, SLOW, HOSTILE = "ABC-49", "ABC-50", "ENG-49", "ENG-50"
LABELLED: Final = "Put a label on, commented"
SPRINT_STORY: Final = (
    ("Closed the comment", ""),
    ("Edited the comment", "grown overcommitted scope creep"),
    ("Edited the comment", "overcommitted scope creep"),
    ("Commented", "overcommitted"),
)
"""What was written about a sprint, newest first, and what was found about it."""
STORY: Final = (
    *(("Cycle 9", LINEAR, *written) for written in SPRINT_STORY),
    *(("Sprint 14", JIRA, *written) for written in SPRINT_STORY),
    (SLOW, LINEAR, "Closed the comment", ""),
    (XSS, JIRA, "Closed the comment", ""),
    (HOSTILE, LINEAR, LABELLED, "security"),
    (DOCS, JIRA, LABELLED, "documentation"),
    (SLOW, LINEAR, LABELLED, "performance"),
    (XSS, JIRA, LABELLED, "security"),
)
MARKUP: Final = "<img src=x onerror=alert(2)>"
"""A label's name, in the rules file that is tried."""
NEW_RULES: Final = f"""\
      - label: basket
        title: {{words: [basket]}}
      - label: '{MARKUP}'
        title: {{words: [alert]}}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo keeps what it keeps."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def story(home: Path) -> Iterator[Demo]:
    with started(home) as demo:
        demo.hear_out()
        yield demo


@pytest.fixture(scope="module")
def ada(browser: Browser, story: Demo) -> Iterator[Visitor]:
    """The project manager, logged in."""
    with visitor(browser, story.site) as one:
        one.log_in(story.password)
        yield one


@pytest.fixture
def page(ada: Visitor) -> Page:
    return ada.page


@pytest.fixture(scope="module")
def rules_file() -> list[str]:
    """The demo's rules, line by line."""
    return resources.files("sprintwarden").joinpath("demo_rules.yaml").read_text("utf-8").splitlines()


@pytest.fixture(scope="module")
def version(rules_file: list[str]) -> str:
    """That of the demo's rules."""
    return load_rules("\n".join([*rules_file, ""]).encode(), "rules.yaml").version_id


def test_every_effect_of_the_story_is_as_expected(story: Demo) -> None:
    assert "✓ Every effect is as expected, and there is none too many." in story.said
    assert "✗" not in story.said


def test_a_wrong_password_is_refused_and_the_right_one_leads_where_one_was_going(
    browser: Browser, story: Demo
) -> None:
    with visitor(browser, story.site, width=NARROW) as stranger:
        page = stranger.page
        stranger.visit("/console/sprints")
        page.get_by_label("Your name").fill("grace")
        page.get_by_label("Password").fill(f"{story.password}!")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("That is not the password.")).to_be_visible()
        assert (stranger.barriers(), stranger.spilling()) == ([], [])
        expect(page.get_by_label("Your name")).to_have_value("grace")
        # The one thing said in the browser's own console is that the page came with a 403.
        (refused,) = stranger.wrong
        assert "403" in refused

        page.get_by_label("Password").fill(story.password)
        page.get_by_role("button", name="Log in").click()
        expect(page).to_have_url(f"{story.site}/console/sprints")
        expect(page.get_by_title("Logged in as grace")).to_have_text("grace")

        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        stranger.visit("/console/decisions")
        expect(page.get_by_role("button", name="Log in")).to_be_visible()
        assert stranger.wrong == [refused]


def test_now_says_that_all_is_well_and_when_each_tracker_was_last_written_to(
    ada: Visitor, page: Page, story: Demo, version: str
) -> None:
    ada.visit("/console")
    expect(heading(page)).to_have_text("All is well.")
    expect(page.locator(".pill--red, .pill--amber, .notice")).to_have_count(0)
    for name, toy in ((JIRA, story.jira), (LINEAR, story.linear)):
        card = page.get_by_role("region", name=name)
        event, write = moments(card, "Last event"), moments(card, "Last write")
        last = datetime.fromtimestamp(int(max(call["at"] for call in toy.writes())), UTC)
        assert last <= write <= datetime.now(UTC)
        assert last <= event <= datetime.now(UTC)
        assert told(card, "Catch-up").startswith("Up to date")
        assert told(card, "Writing") == "Goes on"
    expect(page.get_by_role("region", name="Rules")).to_contain_text(
        f"Version {version} has been in force for"
    )
    expect(numbers(page)).to_contain_text(["0nothing is due", "0with", "0nothing was given up", "Runs"])
    assert_well_made(ada)


def test_decisions_tell_the_story_newest_first(ada: Visitor, page: Page) -> None:
    ada.visit("/console/decisions")
    assert decided(page) == list(STORY)
    assert {row[2] for row in rows(page)} == {"Applied"}
    assert_well_made(ada)


def test_decisions_are_found_by_connection_label_outcome_and_issue(ada: Visitor, page: Page) -> None:
    ada.visit("/console/decisions")
    page.get_by_label("Connection").select_option(LINEAR)
    show(page)
    assert decided(page) == [one for one in STORY if one[1] == LINEAR]

    page.get_by_label("Label").select_option("performance")
    show(page)
    assert decided(page) == [(SLOW, LINEAR, LABELLED, "performance")]

    page.get_by_label("Connection").select_option(JIRA)
    show(page)
    expect(page.get_by_text("Nothing fits these filters")).to_be_visible()

    ada.visit("/console/decisions")
    page.get_by_label("Outcome").select_option("Passed over")
    show(page)
    assert {row[2] for row in rows(page)} == {"Passed over"}
    assert (XSS, JIRA, "The event told of our own write", "") in decided(page)

    page.get_by_label("Issue").fill(HOSTILE.lower())
    page.get_by_label("Outcome").select_option("With an effect")
    show(page)
    assert decided(page)[-1] == (HOSTILE, LINEAR, LABELLED, "security")
    assert {about for about, *_ in decided(page)} == {HOSTILE}


def test_a_decision_tells_its_event_its_reason_its_writes_and_what_a_person_made_of_it(
    ada: Visitor, page: Page, story: Demo, version: str
) -> None:
    ada.visit("/console/decisions")
    expect(page.get_by_role("link", name=XSS).first).to_have_attribute(
        "href", f"{story.jira.url}/browse/{XSS}"
    )
    page.get_by_role("row", name=XSS).get_by_role("link", name=LABELLED).click()
    expect(heading(page)).to_have_text(XSS)
    expect(page.get_by_role("link", name="Open in the tracker")).to_have_attribute(
        "href", f"{story.jira.url}/browse/{XSS}"
    )
    expect(page.get_by_role("heading", name=LABELLED)).to_be_visible()
    assert told(page, "Comment") == "Written; its matter is over since, and it says so."
    assert told(page, "Rules") == f"version {version}"
    assert rows(page.get_by_role("table", name="Labels that fit")) == [
        (
            "security",
            "rule security",
            'the title has the word "XSS"',
            "Put on Later: A person took it off; it is not put on this issue again",
        )
    ]
    ((event, *_, delivery),) = rows(page.get_by_role("table", name="What it answers"))
    assert event == "Issue created"
    assert re.fullmatch(r"[0-9a-f]{12}", delivery)
    assert_well_made(ada)

    page.get_by_role("link", name=f"All about {XSS}").click()
    expect(page.get_by_role("link", name="Closed the comment")).to_be_visible()
    assert [about for about, *_ in decided(page)] == [XSS] * len(decided(page))
    page.get_by_role("link", name="Closed the comment").click()
    expect(page.get_by_role("table", name="What it answers")).to_contain_text("security")
    assert_well_made(ada)


def test_a_person_who_takes_a_label_off_in_linear_is_told_of_too(
    story: Demo, ada: Visitor, page: Page
) -> None:
    ada.visit(f"/console/decisions?key={SLOW}&label=performance")
    expect(page.get_by_role("link", name=SLOW).first).to_have_attribute(
        "href", f"{story.linear.url}/issue/{SLOW}"
    )
    page.get_by_role("link", name=LABELLED).click()
    ((label, by, why, became),) = rows(page.get_by_role("table", name="Labels that fit"))
    assert (label, by) == ("performance", "rule performance")
    assert "memory leak" in why
    assert became.endswith("Later: A person took it off; it is not put on this issue again")


def test_of_a_hostile_title_nothing_reaches_a_page(ada: Visitor, page: Page) -> None:
    ada.visit(f"/console/decisions?key={HOSTILE}&label=security")
    page.get_by_role("link", name=LABELLED).click()
    expect(heading(page)).to_have_text(HOSTILE)
    ((label, _, why, became),) = rows(page.get_by_role("table", name="Labels that fit"))
    assert (label, why, became) == ("security", 'the title has the word "XSS"', "Put on")
    assert "alert(1)" not in page.content()
    assert "evil.invalid" not in page.content()
    assert_well_made(ada)


def test_why_nothing_was_put_on_is_told(ada: Visitor, page: Page) -> None:
    ada.visit("/console/decisions")
    page.get_by_label("Issue").fill("ABC-55")
    show(page)
    assert decided(page) == [("ABC-55", JIRA, "No rule fits", "")]
    page.get_by_role("link", name="No rule fits").click()
    expect(page.get_by_text("Nothing to do")).to_be_visible()
    expect(page.get_by_role("heading", name="No rule fits")).to_be_visible()
    expect(page.get_by_text(f"sprintwarden explain {JIRA} ABC-55")).to_be_visible()
    assert_well_made(ada)


@pytest.mark.parametrize(
    ("connection", "name", "noun", "key"),
    [(JIRA, "Sprint 14", "sprint", "ABC"), (LINEAR, "Cycle 9", "cycle", "ENG")],
)
def test_a_sprint_shows_its_burn_up_and_the_warning_as_it_was_posted(
    ada: Visitor, page: Page, story: Demo, connection: str, name: str, noun: str, key: str
) -> None:
    toy = story.jira if connection == JIRA else story.linear
    ada.visit("/console/sprints")
    card = page.get_by_role("article").filter(has_text=name)
    expect(card).to_contain_text("0 of 13 points done")
    card.get_by_role("link", name=name).click()
    expect(heading(page)).to_have_text(name)
    expect(numbers(page)).to_contain_text(["58points, 10 issues", "1345 less than planned", "0", "", ""])

    chart = page.get_by_role("img", name=f"Burn-up of {name}")
    expect(chart).to_have_count(1)
    for way in ("scope", "plan", "done", "cone", "usual", "now", "end"):
        expect(chart.locator(f".burn__{way}")).to_have_count(1)
    expect(chart.locator(".burn__past")).to_have_count(6)
    expect(chart).to_contain_text("13 in it")
    expect(chart).to_contain_text("58 planned")
    came = chart.locator(".burn__other title").text_content() or ""
    assert f"{key}-61: 5 points" in came and f"{key}-62: 5 points" in came
    went = chart.locator(".burn__removed title").text_content() or ""
    assert all(f"{key}-{number}: " in went for number in range(53, 61))

    expect(page.get_by_role("region", name="The warning")).to_contain_text(
        f"It was withdrawn: what it warned of no longer holds. See it on {key}-"
    )
    assert page.locator("blockquote").inner_text() == warning(toy, key)

    page.get_by_text("The same as tables").click()
    gone = rows(page.get_by_role("table", name="What came and went since the start"))
    assert sorted(issue for issue, *_ in gone) == [f"{key}-{number}" for number in range(53, 63)]
    past = rows(page.get_by_role("table", name=f"What the last {noun}s of this board delivered"))
    assert [(planned, delivered) for _, planned, delivered in past] == [
        ("24", "13"),
        ("24", "13"),
        ("24", "13"),
        ("24", "10"),
        ("24", "13"),
        ("24", "13"),
    ]
    assert_well_made(ada)


def test_sprints_that_are_over_stand_below_those_that_run(ada: Visitor, page: Page) -> None:
    ada.visit("/console/sprints")
    assert page.get_by_role("article").get_by_role("heading").all_inner_texts() == ["Sprint 14", "Cycle 9"]
    over = page.get_by_role("table", name="Sprints that are over")
    # The demo's Linear has one cycle under way when it begins, and completes it to start the next.
    ((name, *_),) = rows(over)
    assert name == "Cycle 8 Eng team"
    assert_well_made(ada)


def test_the_rules_that_hold_stand_with_their_lines(
    ada: Visitor, page: Page, rules_file: list[str], version: str
) -> None:
    ada.visit("/console/rules")
    assert told(page, "Version") == f"{version} Read the file"
    assert told(page, "Before") == "no other version was"

    def line(of: str) -> str:
        return f"line {rules_file.index(of) + 1} defaults"

    settings = rows(page.get_by_role("table", name="Settings that somebody made"))
    assert ("mode", "apply", line("  mode: apply")) in settings
    assert ("tagging.create_labels", "true", line("    create_labels: true")) in settings
    rules = page.get_by_role("table", name="Rules, in the order")
    assert [(name, label, where) for name, label, _, where in rows(rules)] == [
        (name, name, line(f"      - label: {name}")) for name in ("security", "performance", "documentation")
    ]
    expect(rules).to_contain_text('title has "docs", "documentation" or "readme"')
    assert_well_made(ada)

    rules.get_by_role("row", name="performance").get_by_role("link").click()
    expect(page.locator(":target")).to_have_text("      - label: performance\n")
    assert_well_made(ada)


def test_an_edited_file_is_tried_and_nothing_comes_of_it_but_an_answer(
    ada: Visitor, page: Page, story: Demo, rules_file: list[str], version: str
) -> None:
    before = [toy.writes() for toy in (story.jira, story.linear)]
    # So long that the page has to ask for the answer, whatever the machine is busy with.
    story.linear.fault("issues", "delay", seconds=3)
    ada.visit("/console/rules")
    page.get_by_role("link", name="Try an edited file").click()
    file = page.get_by_label("The file, to be edited")
    expect(file).to_have_value("\n".join([*rules_file, ""]))
    file.fill("\n".join([*rules_file, NEW_RULES]))
    page.get_by_label("Connection").select_option(LINEAR)
    assert_well_made(ada)

    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("This page shows what came of it by itself.")).to_be_visible()
    page.evaluate("document.body.dataset.sameAs = 'before'")
    expect(page.get_by_text("Nothing was saved.")).to_be_visible(timeout=60_000)
    assert page.evaluate("document.body.dataset.sameAs") == "before", "the page was opened anew"
    story.linear.no_faults()

    labels = {name: more for name, *more in rows(page.get_by_role("table", name="Labels, those that change"))}
    assert labels["basket"] == [
        "0",
        "1",
        f'+1 {SLOW} {SLOW}: the title has the word "basket" (rule basket)',
        "",
    ]
    assert labels[MARKUP][:2] == ["0", "1"]
    assert labels[MARKUP][2].startswith(f"+1 {HOSTILE} ")
    assert labels["security"][:2] == ["1", "1"]
    assert_well_made(ada)

    assert [toy.writes() for toy in (story.jira, story.linear)] == before
    page.get_by_role("link", name="Back to the rules").click()
    assert told(page, "Version") == f"{version} Read the file"
    assert told(page, "Before") == "no other version was"
    ((_, *trial),) = rows(page.get_by_role("table", name="Trials of the last hour"))
    assert trial == ["ada", LINEAR, "Done"]


def test_what_is_wrong_with_a_file_is_told_with_its_lines(
    ada: Visitor, page: Page, rules_file: list[str]
) -> None:
    ada.visit("/console/rules/try")
    bad = [line.replace("apply", "aply").replace("create_labels", "make_labels") for line in rules_file]
    page.get_by_label("The file, to be edited").fill("\n".join(bad))
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("It would be refused")).to_be_visible()
    problems = page.locator("#problems li").all_inner_texts()
    assert [problem.split(":")[1] for problem in problems] == ["4", "10"]
    assert "aply" in problems[0] and "make_labels" in problems[1]
    expect(page.get_by_label("The file, to be edited")).to_have_value("\n".join(bad))
    # The one thing said in the browser's own console is that the page came with a 422.
    refused = ada.wrong.pop()
    assert "422" in refused
    assert_well_made(ada)


def test_the_queue_is_empty_and_says_what_would_stand_there(ada: Visitor, page: Page) -> None:
    ada.visit("/console/queue")
    expect(numbers(page)).to_contain_text(
        ["0for the end", "0for a worker", "0", "0until", "0dead letters", "0live"]
    )
    expect(page.get_by_text("Nothing waits", exact=True)).to_be_visible()
    expect(page.get_by_text("one that fails stands here with its cause")).to_be_visible()
    assert_well_made(ada)


def test_labels_tell_how_many_the_rules_put_on(ada: Visitor, page: Page) -> None:
    by_rules = {
        JIRA: {"documentation": "1 by rules", "security": "1 by rules", "performance": "not lately"},
        LINEAR: {"performance": "1 by rules", "security": "1 by rules", "documentation": "not lately"},
    }
    for connection, expected in by_rules.items():
        ada.visit(f"/console/labels?connection={connection}")
        # The clock counts once a minute.
        for _ in range(75):
            counted = {name: re.sub(r" \d+ %$", "", put_on) for name, _, put_on, *_ in rows(page)}
            if counted == expected:
                break
            page.wait_for_timeout(1_000)
            page.reload()
        assert counted == expected
        assert {row[1] for row in rows(page)} == {"By rules alone"}
    expect(page.get_by_text(f"sprintwarden train --connection {LINEAR} --target labels")).to_be_visible()
    assert_well_made(ada)

    page.get_by_role("link", name="security").click()
    expect(page.get_by_text("Rules put it on; no model serves here.")).to_be_visible()
    # Rules are changed in their file, not here.
    expect(page.get_by_role("button", name="Mute")).to_have_count(0)
    assert_well_made(ada)
    page.get_by_role("link", name="Decisions with this label").click()
    assert decided(page) == [(HOSTILE, LINEAR, LABELLED, "security")]


def test_ctrl_c_ends_all_of_it_and_leaves_nothing(story: Demo, home: Path) -> None:
    assert story.end() == 0, story.said
    assert "Traceback" not in story.said
    assert list(home.iterdir()) == []


def assert_well_made(one: Visitor) -> None:
    """Nobody is shut out of the page, nothing reaches out of a phone's window, and nothing went wrong."""
    usual = one.page.viewport_size
    assert usual is not None
    one.page.set_viewport_size({"width": NARROW, "height": usual["height"]})
    assert (one.page.url, one.barriers(), one.spilling()) == (one.page.url, [], [])
    one.page.set_viewport_size(usual)
    assert one.wrong == []


def heading(page: Page) -> Locator:
    """That of the page."""
    return page.get_by_role("heading", level=1)


def numbers(page: Page) -> Locator:
    """The large numbers of a page, each with its note."""
    return page.locator("dl.numbers dd")


def told(place: Page | Locator, term: str) -> str:
    """What a list of facts says of ``term``."""
    said = place.locator("dl.facts dt", has_text=re.compile(f"^{term}$")).locator(
        "xpath=following-sibling::dd[1]"
    )
    return " ".join(said.inner_text().split())


def moments(place: Locator, term: str) -> datetime:
    """The moment that a list of facts tells of ``term``."""
    fact = place.locator("dl.facts dt", has_text=re.compile(f"^{term}$"))
    at = fact.locator("xpath=following-sibling::dd[1]").locator("time").get_attribute("datetime")
    return datetime.fromisoformat(at or "")


def rows(place: Page | Locator) -> list[tuple[str, ...]]:
    """What a table tells, row by row."""
    found: list[list[str]] = place.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))"
    )
    return [tuple(" ".join(cell.split()) for cell in row) for row in found]


def decided(page: Page) -> list[tuple[str, str, str, str]]:
    """The decisions on the page: about what, at which connection, what was done, and labels or concerns."""
    found: list[dict[str, Any]] = page.locator("tbody tr").evaluate_all(
        """rows => rows.map(row => ({
          about: row.cells[0].innerText,
          done: row.cells[3].querySelector("a").innerText,
          tags: [...row.cells[3].querySelectorAll(".tag")].map(tag => tag.innerText),
        }))"""
    )
    return [(*one["about"].split("\n"), one["done"], " ".join(one["tags"])) for one in found]


def show(page: Page) -> None:
    """Press the filters' button and wait for the page that answers."""
    with page.expect_navigation():
        page.get_by_role("button", name="Show").click()


def warning(toy: Remote, key: str) -> str:
    """Our one comment about the sprint, without the marks of its tracker's markup."""
    (body,) = (
        comment["body"]
        for issue in toy.issues()
        for comment in issue["comments"]
        if issue["title"].startswith(("Planned work", "Came later")) and comment["author"] == "Sprintwarden"
    )
    return re.sub(r"[*\\]", "", body)
