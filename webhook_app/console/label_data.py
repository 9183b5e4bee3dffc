"""What is known of labels, as their pages and the API show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from werkzeug.exceptions import BadRequest, NotFound

from store.label_views import TARGETS, Head, LabelRow, LabelView, LabelViews, State
from store.models import Place
from store.outcomes import Mute, Outcomes
from webhook_app.console.house import House
from webhook_app.console.label_words import MUTED, STANDINGS

MOST: Final = 100
_ORDER: Final = {state: number for number, state in enumerate(STANDINGS)}
NOT_BY_MODELS: Final = frozenset({State.RULES, State.REMARK})
"""What no model puts on, so that nobody can confirm or correct it."""
_NO_PLACE: Final = "There is no such connection, or it has no such labels."
_NO_LABEL: Final = "This label is not known there: no model, no rule and no outcome names it."


@dataclass(frozen=True, slots=True)
class Choice:
    """A connection's labels, components or types."""

    connection: str
    target: str
    labels: int
    trouble: int
    """Of them muted, or below what is asked."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label in short, as it stands now."""

    state: str
    """One of ``STANDINGS``."""
    muted: Mute | None
    row: LabelRow


@dataclass(frozen=True, slots=True)
class Asked:
    """Which labels are wanted."""

    connection: str
    target: str
    state: str = ""
    name: str = ""
    """A part of the name."""
    start: int = 0


@dataclass(frozen=True, slots=True)
class Labels:
    """All that the page shows."""

    choices: tuple[Choice, ...]
    asked: Asked | None
    """None where no connection is configured."""
    head: Head | None = None
    """None until a clock has looked."""
    found: int = 0
    labels: tuple[Label, ...] = ()
    """At most ``MOST`` of those found, trouble first."""


@dataclass(frozen=True, slots=True)
class OneLabel:
    """All that the page of one label shows."""

    state: str
    muted: Mute | None
    view: LabelView
    head: Head

    @property
    def query(self) -> dict[str, str]:
        """What names it in an address or a form."""
        return {"connection": self.head.connection, "target": self.head.target, "name": self.view.row.name}

    @property
    def by_models(self) -> bool:
        """Whether a model may put it on, now or after its next training."""
        return self.view.row.state not in NOT_BY_MODELS


def gather(house: House, query: Mapping[str, str]) -> Labels:
    """The labels of one place.

    ``query`` may hold ``connection``, ``target``, ``state``, ``name`` (a part of it) and ``start``.
    Raises BadRequest for a state or start that is none, NotFound for a place that is not configured.
    """
    places = _places(house)
    heads = LabelViews(house.redis).heads(places)
    choices = tuple(_choice(place, heads.get(place)) for place in places)
    if not choices:
        return Labels((), None)
    asked = _asked(query, choices)
    place = (asked.connection, asked.target)
    if place not in heads:
        return Labels(choices, asked)
    muted = Outcomes(house.redis).standing(*place).muted
    every = [_label(row, muted) for row in LabelViews(house.redis).rows(place)]
    found = [one for one in every if _is_wanted(one, asked)]
    found.sort(key=_rank)
    shown = tuple(found[asked.start : asked.start + MOST])
    return Labels(choices, asked, heads[place], len(found), shown)


def gather_one(house: House, query: Mapping[str, str]) -> OneLabel:
    """One label: ``query`` holds ``connection``, ``target`` and ``name``. Raises NotFound."""
    place = (query.get("connection", ""), query.get("target", ""))
    if place not in _places(house):
        raise NotFound(_NO_PLACE)
    views = LabelViews(house.redis)
    head, view = views.heads([place]).get(place), views.label(place, query.get("name", ""))
    if head is None or view is None:
        raise NotFound(_NO_LABEL)
    label = _label(view.row, Outcomes(house.redis).standing(*place).muted)
    return OneLabel(label.state, label.muted, view, head)


def _places(house: House) -> list[Place]:
    return [(one.name, target) for one in house.connections for target in TARGETS[one.tracker]]


def _choice(place: Place, head: Head | None) -> Choice:
    return Choice(*place, head.labels, head.muted + head.doubtful) if head else Choice(*place, 0, 0)


def _asked(query: Mapping[str, str], choices: Sequence[Choice]) -> Asked:
    """What a query asks for; the place with the most trouble where it names none."""
    connection, target = query.get("connection", ""), query.get("target", "")
    state, start = query.get("state", ""), query.get("start", "") or "0"
    if state and state not in STANDINGS:
        raise BadRequest(f"There is no state {state!r}; there are {', '.join(STANDINGS)}.")
    if not (start.isascii() and start.isdigit() and len(start) < 6):
        raise BadRequest("`start` is the number of the first label to show, from 0 on.")
    fitting = [one for one in choices if connection in ("", one.connection) and target in ("", one.target)]
    if not fitting:
        raise NotFound(_NO_PLACE)
    first = max(fitting, key=lambda one: (one.trouble > 0, one.labels > 0))
    return Asked(first.connection, first.target, state, query.get("name", "").strip(), int(start))


def _label(row: LabelRow, muted: Mapping[str, Mute]) -> Label:
    mute = muted.get(row.name)
    return Label(MUTED if mute else str(row.state), mute, row)


def _is_wanted(label: Label, asked: Asked) -> bool:
    return asked.state in ("", label.state) and asked.name.casefold() in label.row.name.casefold()


def _rank(label: Label) -> tuple[int, int]:
    row = label.row
    return _ORDER[label.state], -(row.by_model + row.by_rules + row.confirmed + row.corrected)
