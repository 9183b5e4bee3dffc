"""A person at a browser: headless Chromium that notes what a page does and should not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, Response, sync_playwright

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
WITHOUT: Final = "Debian's package chromium is not installed, so no browser looked at the console."
NARROW, USUAL, WIDE = 360, 1280, 1600
"""Widths of a window in CSS pixels: a small phone, a laptop, a large screen."""
_FLAGS: Final = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
)
_BARRIERS: Final = """async (options) => {
  const found = await axe.run(options);
  return found.violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.help} ${one.nodes.map((node) => node.target.join(" "))}`);
}"""
_SPILLING: Final = """() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (element) => {
    for (let up = element; up; up = up.parentElement)
      if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(up).overflowX)) return true;
    return false;
  };
  return [...document.body.querySelectorAll("*")]
    .filter((element) => element.getBoundingClientRect().right > width + 1 && !scrolls(element))
    .map((element) => `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}">`);
}"""
_OUT_OF_SIGHT: Final = """() => [...document.querySelectorAll(".scroll")]
  .filter((element) => element.checkVisibility() && element.scrollWidth > element.clientWidth + 1)
  .map((element) => `${element.innerText.slice(0, 60)}: ${element.scrollWidth} px wide`)"""

Scheme = Literal["light", "dark"]


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Debian's Chromium without a window. Only where ``CHROMIUM`` says it is installed."""
    with sync_playwright() as playwright:
        # Whoever runs tests as root has no sandbox; the only pages visited are our own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        yield browser
        browser.close()


@dataclass(slots=True)
class Visitor:
    """Somebody who looks at one service in one window."""

    page: Page
    site: str
    """Where the service is, as ``http://127.0.0.1:8000``."""
    wrong: list[str] = field(default_factory=list)
    """On the pages visited: scripts that failed, what a policy refused, requests to elsewhere, failures."""

    def visit(self, path: str) -> None:
        """Go to a page and wait until it has come in whole."""
        self.page.goto(f"{self.site}{path}", wait_until="load")

    def log_in(self, password: str, user: str = "ada") -> None:
        """As a person does: type it and press the button."""
        self.visit("/console/login")
        self.page.get_by_label("Your name").fill(user)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(lambda url: "/login" not in url)

    def barriers(self, *only: str) -> list[str]:
        """What axe-core calls serious or critical on the page as it is now, a sentence each.

        With names of rules ``only`` these are looked at, which is quicker.
        """
        if self.page.evaluate("() => typeof axe === 'undefined'"):
            self.page.evaluate(AXE_SCRIPT)
        options = {"resultTypes": ["violations"]} | ({"runOnly": list(only)} if only else {})
        return list(self.page.evaluate(_BARRIERS, options))

    def out_of_sight(self) -> list[str]:
        """Tables of which a part is seen only by those who scroll sideways."""
        return list(self.page.evaluate(_OUT_OF_SIGHT))

    def spilling(self) -> list[str]:
        """What reaches past the right edge of the window and cannot be scrolled by itself."""
        return list(self.page.evaluate(_SPILLING))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"{self.page.url}: {message.text}")

    def _alarmed(self, dialog: Dialog) -> None:
        """None of our pages opens one: it is what a hostile text would do."""
        self.wrong.append(f"{self.page.url} opened a dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme != "data" and f"{address.scheme}://{address.netloc}" != self.site:
            self.wrong.append(f"{self.page.url} asked for {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.wrong.append(f"{response.url} answered {response.status}")


@contextmanager
def visitor(
    browser: Browser,
    site: str,
    *,
    scheme: Scheme = "light",
    width: int = USUAL,
    javascript: bool = True,
) -> Iterator[Visitor]:
    """A new window without cookies, of ``width`` CSS pixels."""
    context = browser.new_context(
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
        java_script_enabled=javascript,
        reduced_motion="reduce",
    )
    context.set_default_timeout(30_000)
    page = context.new_page()
    one = Visitor(page, site)
    # Playwright cannot note anything at a method of an object with slots.
    page.on("console", lambda message: one._said(message))
    page.on("pageerror", lambda error: one.wrong.append(f"{page.url}: {error}"))
    page.on("request", lambda request: one._asked(request))
    page.on("response", lambda response: one._answered(response))
    page.on("dialog", lambda dialog: one._alarmed(dialog))
    try:
        yield one
    finally:
        context.close()
