"""The layers of a rules file as plain data, and which of them may inherit from which.

All of it passes over whatever has not the shape it expects, so that those who look at meaning can
speak even when a schema has found something else wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rules.source import Path

DEFAULTS: Final[Path] = ("defaults",)


def mapping(value: Any) -> dict[str, Any]:
    """``value`` if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def rule_names(tagging: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """The rules of a layer's ``tagging``: the place in the list and the name of each that has one."""
    for index, rule in enumerate(listed(tagging.get("rules"))):
        fields = mapping(rule)
        first = next(iter(listed(fields.get("labels"))), None)
        name = fields.get("name") or fields.get("label") or first
        if isinstance(name, str):
            yield index, name


def layers_of(data: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Each layer with its path, the outermost first."""
    yield DEFAULTS, data.get("defaults")
    for group in ("connections", "projects", "boards"):
        for name, layer in mapping(data.get(group)).items():
            yield (group, name), layer


def owner(where: Path) -> str | None:
    """The connection that a layer is for, where it names one."""
    if where[0] == "connections":
        return str(where[1])
    if where == DEFAULTS or "/" not in str(where[1]):
        return None
    return str(where[1]).partition("/")[0]


def key_of(where: Path) -> str | None:
    """The project's or team's key, or the board's number, that a layer is for, where it is for one."""
    return str(where[1]).rpartition("/")[2] if where[0] in ("projects", "boards") else None


def outer(where: Path, others: Iterable[Path]) -> list[Path]:
    """Those of ``others`` that the layer at ``where`` may inherit from, outermost first.

    A layer that names no connection may inherit from any; which project a board is of, no file tells.
    """
    return [other for other in others if _inherits(where, other)]


def _inherits(where: Path, other: Path) -> bool:
    if where in (DEFAULTS, other):
        return False
    if other == DEFAULTS:
        return True
    if None not in (owner(where), owner(other)) and owner(where) != owner(other):
        return False
    if where[0] == other[0]:
        return key_of(where) == key_of(other) is not None and owner(other) is None
    order = ("connections", "projects", "boards")
    return order.index(str(other[0])) < order.index(str(where[0]))


@dataclass(frozen=True, slots=True)
class Layers:
    """All layers of a file, and what holds in each as far as the file alone tells."""

    data: dict[Path, dict[str, Any]]
    _outer: dict[Path, list[Path]] = field(default_factory=dict)
    _inner: dict[Path, list[Path]] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Layers:
        """The layers of a whole file."""
        layers = cls({where: mapping(layer) for where, layer in layers_of(data)})
        for where in layers.data:
            layers._outer[where] = outer(where, layers.data)
            for other in layers._outer[where]:
                layers._inner.setdefault(other, []).append(where)
        return layers

    def own(self, where: Path, *keys: str) -> Any:
        """What the layer itself says under ``keys``; None if nothing."""
        value: Any = self.data[where]
        for key in keys:
            value = mapping(value).get(key)
        return value

    def outer(self, where: Path) -> list[Path]:
        """The layers that the one at ``where`` may inherit from, outermost first."""
        return self._outer[where]

    def outside(self, where: Path, *keys: str) -> list[Any]:
        """What the layers say that it may inherit from."""
        return [said for other in self._outer[where] if (said := self.own(other, *keys)) is not None]

    def inside(self, where: Path, *keys: str) -> list[Any]:
        """What the layers say that may inherit from it."""
        return [said for other in self._inner.get(where, ()) if (said := self.own(other, *keys)) is not None]

    def may_be(self, where: Path, *keys: str, default: Any) -> list[Any]:
        """All that may be in force there under ``keys``; one of them always is."""
        own = self.own(where, *keys)
        if own is not None:
            return [own]
        surely = self.own(DEFAULTS, *keys) is not None
        return self.outside(where, *keys) + ([] if surely else [default])
