"""Takes the pictures of the console: light, dark, and as a phone shows it.

``python -m tests.browser.pictures [--out docs/images]``. Some are of the demo once its story is over, the
others of a team's weeks, where the demo's minutes leave little to see.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, expect

from tests.browser.eyes import CHROMIUM, NARROW, Scheme, Visitor, open_browser, visitor
from tests.browser.played import ROOT, Demo, started
from tests.browser.small_png import small_png
from tests.browser.world import furnished

_WIDE: Final = 1120
"""Wide enough for every column; a README shows it at three quarters of its size."""
_TALLEST: Final = 1400
_LOOKS: Final[tuple[tuple[str, Scheme, int], ...]] = (
    ("light", "light", _WIDE),
    ("dark", "dark", _WIDE),
    ("narrow", "light", NARROW),
)
_BEFORE, _AFTER = (
    "        title: {words: [docs, documentation, readme]}\n",
    (
        "        title: {words: [documentation, readme]}\n"
        "      - label: search\n"
        '        title: {words: ["search box", "search results"]}\n'
    ),
)


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="the folder for them")
    out: Path = parser.parse_args().out
    if CHROMIUM is None:
        sys.exit("Install Debian's package chromium: the pictures are taken with it.")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        demo_home, team_home = Path(folder, "demo"), Path(folder, "team")
        demo_home.mkdir()
        with started(demo_home) as demo:
            _take_team(browser, team_home, out)
            demo.hear_out()
            _take_story(browser, demo, out)
    taken = sorted(out.glob("console-*.png"))
    size = sum(one.stat().st_size for one in taken)
    sys.stdout.write(f"{len(taken)} pictures in {out}, {size / 1e6:.1f} MB in all.\n")


def _take_team(browser: Browser, folder: Path, out: Path) -> None:
    with furnished(folder) as world:
        paths = {
            "needs": "/console",
            "sprints": "/console/sprints",
            "sprint": world.sprint(),
            "labels": "/console/labels",
            "label": world.label(),
            "rules": "/console/rules",
            "queue": "/console/queue",
        }
        _take(browser, world.site, world.password, paths, out)


def _take_story(browser: Browser, demo: Demo, out: Path) -> None:
    if "✗" in demo.said:
        sys.exit(f"The story went wrong, so no pictures of it were taken:\n{demo.said}")
    with visitor(browser, demo.site) as one:
        one.log_in(demo.password)
        paths = {
            "now": "/console",
            "decisions": "/console/decisions",
            "decision": _decision(one),
            "trial": _trial(one),
        }
    _take(browser, demo.site, demo.password, paths, out)


def _take(browser: Browser, site: str, password: str, paths: Mapping[str, str], out: Path) -> None:
    taken: dict[str, bytes] = {}
    for look, scheme, width in _LOOKS:
        with visitor(browser, site, scheme=scheme, width=width) as one:
            one.log_in(password)
            for name, path in paths.items():
                one.page.set_viewport_size({"width": width, "height": 600})
                one.visit(path)
                height = int(one.page.evaluate("document.documentElement.scrollHeight"))
                one.page.set_viewport_size({"width": width, "height": min(height, _TALLEST)})
                taken[f"console-{name}-{look}.png"] = one.page.screenshot()
            if one.wrong:
                sys.exit("\n".join(one.wrong))
    with browser.new_page() as page:
        for name, png in taken.items():
            (out / name).write_bytes(small_png(page, png))


def _decision(one: Visitor) -> str:
    """The address of the one whose label a person took off."""
    one.visit("/console/decisions?key=ABC-49&label=security")
    return one.page.get_by_role("link", name="Put a label on").get_attribute("href") or ""


def _trial(one: Visitor) -> str:
    """The address of a trial that is done."""
    one.visit("/console/rules/try")
    file = one.page.get_by_label("The file, to be edited")
    file.fill(file.input_value().replace(_BEFORE, _AFTER))
    one.page.get_by_role("button", name="Try it").click()
    expect(one.page.get_by_text("Nothing was saved.")).to_be_visible(timeout=60_000)
    return one.page.url.removeprefix(one.site)


if __name__ == "__main__":
    main()
