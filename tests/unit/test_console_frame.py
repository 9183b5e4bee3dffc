"""The frame around the console's pages: its parts, its navigation, its colours, its errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from zipfile import ZipFile

import pytest
from flask import Blueprint, Flask, Response
from jinja2 import DictLoader, UndefinedError
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

import webhook_app.console
from rules.secret import Secret
from sprintwarden.embedded import EmbeddedRedis
from tests.unit.console_scene import HASH, TOKEN, console_app, csrf_of, log_in
from tests.unit.front_door import all_connections
from webhook_app import console
from webhook_app.app import WebSettings, create_app
from webhook_app.console import frame
from webhook_app.console.access import Access
from webhook_app.console.frame import ask, link, show
from webhook_app.console.guard import UNATTENDED
from webhook_app.console.house import House, Page

FOLDER = Path(webhook_app.console.__file__).parent
SHEET = (FOLDER / "static" / "console.css").read_text(encoding="utf-8")
PARTS = """{% extends "base.html" %}{% import "bits.html" as bits %}{% block main %}
{{ bits.state(level, text) }}
{{ bits.when(at) }} {{ bits.when(none) }} {{ bits.lasting(at) }}
{% call bits.notice("amber", text) %}<p>Do this.</p>{% endcall %}
{{ bits.empty(text, "It comes.") }}
<dl class="numbers">{{ bits.number(text, 3, "of 4") }}</dl>
{{ bits.bar(7) }}
{% call bits.filters("/console/parts") %}
{{ bits.choice("connection", "Connection", ["jira", ("b", text)], "jira") }}
{{ bits.field("label", "Label", text) }}
{% endcall %}
{{ bits.pager("/console/parts?a=1&b=2", none, text) }}
{{ bits.confirm("/console/parts", "Go on", about=text) }} {{ bits.why("dry_run") }}
{% endblock %}"""

NAMED = "Mute \u202eevil\u2066 <b>?"


class Parts:
    """A page with every part, whose text is as a tracker's might be."""

    PAGE = Page("parts", "/console/parts", "Parts")

    def add(self, blueprint: Blueprint, house: House, /) -> None:
        def look() -> Response:
            at = datetime.now(UTC) - timedelta(minutes=3)
            return show("parts.html", title="<b>", refresh=30, level="ok", text="<i>\"&'", at=at.isoformat())

        def away() -> Response:
            raise RedisConnectionError("redis://:a-password@host refused")

        def fault() -> Response:
            raise ValueError("a secret in a fault")

        def asked() -> Response:
            return ask(NAMED, [NAMED], action="/", verb="Go on", back="/", fields={"name": NAMED})

        blueprint.get(self.PAGE.path, endpoint="parts")(look)
        blueprint.get(f"{self.PAGE.path}/asked", endpoint="asked")(asked)
        for name, view in (("away", away), ("fault", fault)):
            blueprint.route(f"/console/parts/{name}", endpoint=name, methods=["GET", "POST"])(view)
            blueprint.get(f"/api/v1/{name}", endpoint=f"{name}_data")(view)


class Other:
    PAGE = Page("other", "/console/part", "Other")

    def add(self, blueprint: Blueprint, house: House, /) -> None:
        """None of its own."""


class Reader(HTMLParser):
    """Tags that were opened and not closed, and all attributes met.

    As browsers read them (WHATWG HTML, "Self-closing start tag"): a slash at its end closes a tag within a
    drawing alone; elsewhere void elements are closed without one, and no other is closed by it.
    """

    VOID = frozenset(
        {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
    )

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]
        if "svg" in self.open or tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if "svg" in self.open:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def app(redis_server: EmbeddedRedis, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(console, "PAGES", (Other(), Parts()))
    shelf = frame._ENVIRONMENT.loader
    assert shelf is not None
    monkeypatch.setattr(frame._ENVIRONMENT, "loader", _Both(shelf))
    return console_app(redis_server.url, all_connections())


class _Both(DictLoader):
    """Our templates, and that of the page of this test."""

    def __init__(self, shelf: object) -> None:
        super().__init__({"parts.html": PARTS})
        self.shelf = shelf

    def get_source(self, environment: object, template: str) -> object:  # type: ignore[override]
        holder = super() if template in self.mapping else self.shelf
        return holder.get_source(environment, template)  # type: ignore[attr-defined]


def test_a_slash_closes_a_tag_within_a_drawing_alone() -> None:
    assert Reader('<p><svg><path d="M0 0"/><g><circle r="1"></circle></g></svg><br></p>').open == []
    assert Reader('<svg><path d="M0 0">').open == ["svg", "path"]
    assert Reader("<p>a<span/>").open == ["p", "span"]


def test_every_part_is_whole_and_escaped(app: Flask) -> None:
    text = log_in(app, user="<u>").get("/console/parts").text
    assert Reader(text).open == []
    assert "<i>" not in text and "<b>" not in text and "<u>" not in text
    assert text.count("&lt;i&gt;&#34;&amp;&#39;") == 8
    assert "the mode is dry_run: nothing is written" in text
    assert re.search(r'<time datetime="[0-9T:+-]+" title="[0-9-]+ [0-9:]+ UTC">3 minutes ago</time>', text)
    assert re.search(r'title="since [0-9-]+ [0-9:]+ UTC">3 minutes</time>', text)
    assert '<option value="jira" selected>jira</option>' in text
    assert 'href="/console/parts?a=1&amp;b=2"' in text
    assert 'width="100"' in text


def test_no_name_turns_the_words_after_it(app: Flask) -> None:
    text = log_in(app).get("/console/parts/asked").text
    assert "<h1>Mute \ufffdevil\ufffd &lt;b&gt;?</h1>" in text
    assert "<p>Mute \ufffdevil\ufffd &lt;b&gt;?</p>" in text
    assert 'name="name" value="Mute \u202eevil\u2066 &lt;b&gt;?"' in text, "what a form sends stays as it is"


def test_pages_hold_nothing_that_the_policy_forbids(app: Flask) -> None:
    client = log_in(app)
    for path in ("/console/parts", "/console/nowhere", "/console/login"):
        text = client.get(path).text
        found = Reader(text).attributes
        assert not [name for name, _ in found if name == "style" or name.startswith("on")]
        assert not [value for name, value in found if name in ("src", "href") and "//" in value]
        assert "<style" not in text and not re.search(r"<script(?! src)", text)


def test_the_navigation_marks_the_page_and_carries_the_connection(app: Flask) -> None:
    client = log_in(app)
    text = client.get("/console/parts/nowhere?connection=jira").text
    assert '<a href="/console/parts?connection=jira" aria-current="page">Parts</a>' in text
    assert '<a href="/console/part?connection=jira">Other</a>' in text
    assert "evil" not in client.get("/console/nowhere?connection=evil").text


def test_the_first_page_is_home(app: Flask) -> None:
    for path in ("/console", "/console/"):
        assert log_in(app).get(path).headers["Location"] == "/console/part"


def test_who_is_not_logged_in_sees_no_pages(app: Flask) -> None:
    text = app.test_client().get("/console/login").text
    assert "<nav" not in text
    assert 'autocomplete="current-password"' in text


def test_errors_are_pages_with_a_way_on_and_without_insides(app: Flask) -> None:
    client = log_in(app)
    for path, code, said in (
        ("/console/nowhere", 404, "There is no such page."),
        ("/console/parts/away", 503, "Redis does not answer"),
        ("/console/parts/fault", 500, "A fault of ours"),
    ):
        answer = client.get(path)
        assert answer.status_code == code
        assert said in answer.text and "<nav" in answer.text
        assert "secret" not in answer.text and "password@" not in answer.text
        machine = client.get(path.replace("/console/parts", "/console").replace("/console", "/api/v1"))
        assert machine.status_code == code
        assert said in machine.get_json()["detail"]


def test_what_a_form_sent_is_not_tried_again_by_a_link(app: Flask) -> None:
    client = log_in(app)
    page = client.get("/console/parts/fault").text
    assert '<a href="/console/parts/fault">Try again</a>' in page
    text = client.post("/console/parts/fault", data={"csrf": csrf_of(page)}).text
    assert "A fault of ours" in text
    assert '<a href="/console">Go to the first page</a>' in text


def test_the_console_says_so_while_redis_is_away() -> None:
    settings = WebSettings(
        "redis://127.0.0.1:1/0", (), metrics_token=Secret(TOKEN), console=Access(Secret(HASH))
    )
    client = create_app(settings).test_client()
    client.set_cookie("sprintwarden-session", "a.b.c")
    for path in ("/console", "/console/nowhere"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "Redis does not answer" in answer.text
    assert client.get("/console/login").status_code == 200
    assert client.get("/console/static/console.css").status_code == 200


def test_a_template_that_names_what_it_was_not_given_fails(app: Flask) -> None:
    with app.test_request_context("/console/parts"), pytest.raises(UndefinedError):
        show("parts.html", title="Parts")


def test_links_leave_out_what_is_not_chosen() -> None:
    assert link("/console/a", label="a b&c", project=None, page="") == "/console/a?label=a+b%26c"
    assert link("/console/a", label=None) == "/console/a"


def test_moments_ahead_and_just_now_have_words_too() -> None:
    now = datetime.now(UTC)
    assert frame._ago(now + timedelta(minutes=5, seconds=30)) == "in 5 minutes"
    assert frame._ago(now) == "just now"


def themes() -> dict[str, dict[str, str]]:
    """The variables of each theme; the dark one overrides the light one's."""
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", part)) for part in _roots(SHEET))
    return {"light": light, "dark": light | dark}


def _roots(sheet: str) -> list[str]:
    return re.findall(r":root \{(.*?)\n\s*\}", sheet, re.DOTALL)


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


LEVELS = ("--ok", "--amber", "--red", "--quiet")
"""Ends of classes, by which what has a level takes its tone."""
GROUNDS = ("ground", "surface", "sunk")
TEXTS = [
    *((text, ground) for text in ("text", "muted", "accent", "red") for ground in GROUNDS),
    *((text, f"{level}-soft") for level in ("ok", "amber", "red", "quiet") for text in (level, "text")),
    ("accent", "accent-soft"),
    ("on-accent", "accent"),
]
SHAPES = [
    *(("edge", ground) for ground in ("ground", "surface")),
    *((f"chart-{name}", "surface") for name in ("done", "scope", "added", "foreseen", "past")),
    ("accent", "sunk"),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_can_be_told_apart(theme: str) -> None:
    """WCAG 2.2, 1.4.3 (4.5 for text) and 1.4.11 (3 for what is drawn)."""
    colours = themes()[theme]
    measured = [(text, ground, contrast(colours[text], colours[ground]), 4.5) for text, ground in TEXTS]
    measured += [(shape, ground, contrast(colours[shape], colours[ground]), 3) for shape, ground in SHAPES]
    assert [one for one in measured if one[2] < one[3]] == []


def test_both_themes_colour_the_same_things() -> None:
    light, dark = (set(re.findall(r"--([a-z-]+): #", part)) for part in _roots(SHEET))
    assert light == dark
    used = set(re.findall(r"var\(--([a-z-]+)", SHEET))
    assert used <= light | {"sans", "code", "round", "tone", "soft"}
    assert [level for level in LEVELS if f'[class*="{level}"] {{' not in SHEET] == []


def test_colours_stand_among_the_variables_alone() -> None:
    rest = re.sub(r":root \{.*?\n\s*\}", "", SHEET, flags=re.DOTALL)
    assert not re.search(r"#[0-9a-f]{3,8}\b|rgba?\(|hsl", rest)
    assert "url(" not in SHEET and "@import" not in SHEET


def test_a_process_reads_its_templates_before_it_serves(redis_server: EmbeddedRedis) -> None:
    held = frame._ENVIRONMENT.cache
    assert held is not None
    held.clear()
    console_app(redis_server.url)
    assert len(held) == len(frame._ENVIRONMENT.list_templates()) > 10


def test_each_class_has_a_style_and_each_style_a_use() -> None:
    styled = set(re.findall(r"\.([a-z][\w-]*)", re.sub(r"/\*.*?\*/", "", SHEET, flags=re.DOTALL)))
    used = set()
    for path in (*FOLDER.glob("templates/*.html"), *FOLDER.glob("*.py")):
        used |= set(_classes(path.read_text(encoding="utf-8")))
    families = tuple(name.removesuffix("*") for name in used if name.endswith("*"))
    assert {name for name in styled - used if not name.startswith(families)} == set()
    assert {name for name in used - styled if not name.endswith(("*", *LEVELS))} == set()


def _classes(text: str) -> Iterator[str]:
    """The classes that a template or a drawing names; ``NAME*`` stands for a family of them."""
    yield from re.findall(r'"((?:chart|burn|label-chart|spark)(?:__|--)[\w-]+)"', text)
    yield from (f"{family}*" for family in re.findall(r'f"([\w-]+--)\{', text))
    for given in re.findall(r'class="((?:\{\{.*?\}\}|\{%.*?%\}|\{\w*\}|[^"{])*)"', text):
        for chosen in re.findall(r"(?:^| )\{\{(.*?)\}\}", given):
            yield from re.findall(r'"([\w-]+)"', chosen)
        names = re.sub(r"\{%.*?%\}", " ", given)
        yield from (name for name in re.sub(r"\{\{.*?\}\}|\{\w*\}", "*", names).split() if name != "*")


def test_the_script_does_as_the_guard_expects() -> None:
    script = (FOLDER / "static" / "console.js").read_text(encoding="utf-8")
    assert f'"{UNATTENDED}"' in script
    assert "innerHTML" not in script and "http" not in script


def test_templates_and_static_files_are_in_the_wheel(tmp_path: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    (built,) = WheelBuilder(str(FOLDER.parents[1])).build(directory=str(tmp_path), versions=["standard"])
    held = set(ZipFile(built).namelist())
    files = [path for part in ("templates", "static") for path in (FOLDER / part).iterdir()]
    assert files
    assert {str(path.relative_to(FOLDER.parents[1])) for path in files} <= held
