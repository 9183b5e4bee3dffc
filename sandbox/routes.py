"""The addresses that toys of one kind share: the first one compiles them, which costs more than all else
in starting a toy, and hundreds start in one run of the tests."""

from __future__ import annotations

from functools import cache
from typing import Any

from werkzeug.routing import Map, Rule, RuleFactory


class Routes(Map):
    """Takes each address once, for whichever app names it. The app finds its own view by the endpoint."""

    def __init__(self, **options: Any) -> None:
        self._known: set[tuple[str, str, frozenset[str]]] = set()
        super().__init__(**options)

    def add(self, rulefactory: RuleFactory) -> None:
        if isinstance(rulefactory, Rule):
            known = (rulefactory.rule, rulefactory.endpoint, frozenset(rulefactory.methods or ()))
            if known in self._known:
                return
            self._known.add(known)
        super().add(rulefactory)


@cache
def routes_of(kind: str) -> Routes:
    """The addresses of all toys of a ``kind`` in this process."""
    return Routes()
