"""The layers of a rules file as plain data, and which of them may inherit from which.

All of it passes over whatever has not the shape it expects, so that those who look at meaning can
speak even when a schema has found something else wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from rules.source import Path

DEFAULTS: Final[Path] = ("defaults",)
_GROUPS: Final = ("connections", "projects", "boards")
"""The outermost first."""

LayerSet = tuple[Literal["all", "of", "widest", "narrower"], str, str | None]
"""Layers of a group: all; those of a connection, or (None) that name none; and of those of one key the
one that names none, or those that do."""


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
    for group in _GROUPS:
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


@dataclass(frozen=True, slots=True)
class Layers:
    """All layers of a file, and what holds in each as far as the file alone tells.

    A layer that names no connection may inherit from any; which project a board is of, no file tells.
    Layers that are inherited alike are looked at as one set, for a file may have thousands of them.
    """

    data: dict[Path, dict[str, Any]]
    _sets: dict[LayerSet, list[Path]] = field(default_factory=dict)
    _known: dict[tuple[LayerSet, tuple[str, ...]], list[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Layers:
        """The layers of a whole file."""
        layers = cls({where: mapping(layer) for where, layer in layers_of(data)})
        for where in layers.data:
            for one in _sets_of(where):
                layers._sets.setdefault(one, []).append(where)
        return layers

    def own(self, where: Path, *keys: str) -> Any:
        """What the layer itself says under ``keys``; None if nothing."""
        value: Any = self.data[where]
        for key in keys:
            value = mapping(value).get(key)
        return value

    def outer(self, where: Path) -> Iterator[LayerSet]:
        """The sets of layers that the one at ``where`` may inherit from, outermost first."""
        if where == DEFAULTS:
            return
        group, name = str(where[0]), owner(where)
        yield "all", "defaults", None
        for wider in _GROUPS[: _GROUPS.index(group)]:
            yield from _beside(wider, name)
        if group != "connections" and name is not None:
            yield "widest", group, key_of(where)

    def inner(self, where: Path) -> Iterator[LayerSet]:
        """The sets of layers that may inherit from the one at ``where``."""
        if where == DEFAULTS:
            for every in _GROUPS:
                yield "all", every, None
            return
        group, name = str(where[0]), owner(where)
        for narrower in _GROUPS[_GROUPS.index(group) + 1 :]:
            yield from _beside(narrower, name)
        if group != "connections" and name is None:
            yield "narrower", group, key_of(where)

    def members(self, one: LayerSet) -> list[Path]:
        """The layers of a set, in the file's order."""
        return self._sets.get(one, [])

    def outside(self, where: Path, *keys: str) -> list[Any]:
        """Each different thing that the layers say which it may inherit from."""
        return [said for one in self.outer(where) for said in self._said(one, keys)]

    def inside(self, where: Path, *keys: str) -> list[Any]:
        """Each different thing that the layers say which may inherit from it."""
        return [said for one in self.inner(where) for said in self._said(one, keys)]

    def may_be(self, where: Path, *keys: str, default: Any) -> list[Any]:
        """All that may be in force there under ``keys``; one of them always is."""
        own = self.own(where, *keys)
        if own is not None:
            return [own]
        surely = self.own(DEFAULTS, *keys) is not None
        return self.outside(where, *keys) + ([] if surely else [default])

    def _said(self, one: LayerSet, keys: tuple[str, ...]) -> list[Any]:
        if (one, keys) not in self._known:
            said = (self.own(where, *keys) for where in self.members(one))
            different = {repr(value): value for value in said if value is not None}
            self._known[one, keys] = list(different.values())
        return self._known[one, keys]


def _beside(group: str, name: str | None) -> Iterator[LayerSet]:
    """The layers of another group that may meet one of the connection ``name``."""
    if name is None:
        yield "all", group, None
    else:
        yield "of", group, None
        yield "of", group, name


def _sets_of(where: Path) -> Iterator[LayerSet]:
    """The sets that a layer is in."""
    group, name, key = str(where[0]), owner(where), key_of(where)
    yield "all", group, None
    yield "of", group, name
    if key is not None:
        yield "widest" if name is None else "narrower", group, key
