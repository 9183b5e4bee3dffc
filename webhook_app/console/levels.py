"""How good or bad things are: ``ok``, ``quiet``, ``amber`` or ``red``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from webhook_app.console.wording import LEVELS
from webhook_app.health import Check

GIVEN_UP: Final = LEVELS["dead"]
"""What was given up is not done until somebody sees to it."""
_ORDER: Final = ("ok", "quiet", "amber", "red")
"""From what needs nobody to what needs somebody most."""


def rank(level: str) -> int:
    """How much it needs somebody, the more the larger."""
    return _ORDER.index(level)


def worst(levels: Iterable[str]) -> str:
    """That of all together."""
    return max(levels, key=rank, default="ok")


def of_check(check: Check) -> str:
    """Amber is what goes on meanwhile, red what does not."""
    if check.ok:
        return "ok"
    return "red" if check.vital or check.halts else "amber"
