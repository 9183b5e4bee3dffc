"""What holds for a project or team, setting by setting, and the line of the rules file that says so.

It is worked out from the text as the admin wrote it, apart from the compiled rules that the workers use:
values stay as they were written, and each keeps its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from rules.condition_lines import condition_line
from rules.fields import leaves
from rules.load import read_rules, version_of
from rules.schema import WideLayer
from rules.source import Path, Source
from rules.wording import TEMPLATES

_RULES: Final = frozenset({("tagging", "rules"), ("tagging", "without")})
"""Told rule by rule instead."""
_MODE, _SPRINTS_MODE = ("mode",), ("sprints", "mode")
_ZONE, _QUIET_HOURS = ("sprints", "zone"), ("sprints", "quiet_hours")
_WORDING: Final = ("sprints", "wording")


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in a rules file: the layer, such as ``projects acme-jira/ABC``, and the line."""

    layer: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Effective:
    """A setting as it holds."""

    path: str
    """Its keys with dots between them: ``sprints.overcommit.warn_below``."""
    value: Any
    """As the file says it, made of what JSON has. Of a default that no file could say, None."""
    origin: Origin | None
    """None: no layer says it, and it is the built-in default."""


@dataclass(frozen=True, slots=True)
class TaggingRule:
    """A rule with its place."""

    name: str
    labels: tuple[str, ...]
    conditions: str
    """In one line."""
    origin: Origin


@dataclass(frozen=True, slots=True)
class Dropped:
    """An inherited rule that does not hold here, and what took it away."""

    rule: TaggingRule
    replaced: bool
    """Whether a rule of the same name took its place; else ``without`` names it."""
    by: Origin


@dataclass(frozen=True, slots=True)
class Explained:
    """All that holds for one project or team."""

    version: str
    """Of the text: ``RuleBook.version_id``."""
    settings: tuple[Effective, ...]
    """Every setting there is, in the schema's order."""
    rules: tuple[TaggingRule, ...]
    """In the order in which they are held against an issue."""
    dropped: tuple[Dropped, ...]


def effective(
    text: bytes, file: str, connection: str | None, project: str, board: str | None = None
) -> Explained:
    """What a rules file comes to for a project or team, and for one of its boards if ``board`` is given.

    ``file`` is its name in what is told. Without a ``connection`` only what holds for every connection is
    told. The values are those of ``RuleBook.effective``, ``sprints`` and ``writes``. Raises BadFile with
    everything that is wrong.
    """
    return Explainer.of(text, file).effective(connection, project, board)


@dataclass(frozen=True, slots=True)
class Explainer:
    """A good rules file, read once for all who ask about it."""

    version: str
    """``RuleBook.version_id``."""
    _source: Source

    @classmethod
    def of(cls, text: bytes, file: str) -> Self:
        """Raises BadFile as ``effective``."""
        _, source = read_rules(text, file)
        return cls(version_of(text), source)

    def effective(self, connection: str | None, project: str, board: str | None = None) -> Explained:
        """See ``effective``."""
        said: dict[Path, Effective] = {}
        rules = _Rules()
        for layer in _layers(self._source, connection, project.upper(), board):
            said |= {path: layer.effective(path, at) for path, at in _said(layer)}
            rules.refine(layer)
        return Explained(self.version, _every(said), tuple(rules.holding.values()), tuple(rules.dropped))


def in_yaml(value: Any) -> str:
    """A value on one line, as a rules file would have it; of one that none could have, what it means."""
    match value:
        case None:
            return "not set"
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(in_yaml, value))}]"
        case dict():
            return "{" + ", ".join(f"{key}: {in_yaml(part)}" for key, part in value.items()) + "}"
        case str() if not value:
            return '""'
    return str(value)


def settings() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every setting there is with its default as a file would say it, in the schema's order."""
    for path, info in leaves(WideLayer):
        extra = info.json_schema_extra
        if path == _WORDING:
            yield from (((*path, name), template.text) for name, template in TEMPLATES.items())
        elif path not in _RULES:
            yield path, extra.get("default") if isinstance(extra, dict) else None


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer of a file, as written."""

    source: Source
    at: Path
    data: dict[str, Any]

    @property
    def name(self) -> str:
        return " ".join(map(str, self.at))

    def value(self, path: Path) -> Any:
        """What it says at ``path``; None if nothing."""
        found: Any = self.data
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        return found

    def origin(self, path: Path) -> Origin:
        return Origin(self.name, self.source.file, self.source.locate_key((*self.at, *path))[0])

    def effective(self, path: Path, at: Path) -> Effective:
        """The setting ``path`` by what stands at ``at``."""
        value = self.value(at)
        if path == _QUIET_HOURS and isinstance(value, dict):
            value = {key: part for key, part in value.items() if key != "zone"}
        return Effective(".".join(map(str, path)), value, self.origin(at))


def _layers(source: Source, connection: str | None, project: str, board: str | None) -> Iterator[_Layer]:
    """The layers there are for these, the outermost first."""
    wanted: list[Path] = [("defaults",)]
    if connection is not None:
        wanted.append(("connections", connection))
    for group, key in (("projects", project), ("boards", board)):
        if key is not None:
            wanted.append((group, key))
            if connection is not None:
                wanted.append((group, f"{connection}/{key}"))
    whole = _Layer(source, (), source.data)
    return (_Layer(source, at, data) for at in wanted if (data := whole.value(at)) is not None)


def _said(layer: _Layer) -> Iterator[tuple[Path, Path]]:
    """The settings that ``layer`` says, each with the place where it does."""
    for path, _ in settings():
        if layer.value(path) is not None:
            yield path, path
    # Where working days and holidays are concerned too, the zone of quiet hours is everybody's.
    if layer.value((*_QUIET_HOURS, "zone")) is not None:
        yield _ZONE, (*_QUIET_HOURS, "zone")


def _every(said: dict[Path, Effective]) -> tuple[Effective, ...]:
    """Every setting, said or not."""
    told = {path: said.get(path) or Effective(".".join(path), default, None) for path, default in settings()}
    if _SPRINTS_MODE not in said:
        # Without a mode of their own, sprints have that of everything.
        told[_SPRINTS_MODE] = replace(told[_MODE], path="sprints.mode")
    return tuple(told.values())


@dataclass(slots=True)
class _Rules:
    """The rules of some layers, each layer refining what the ones before it left."""

    holding: dict[str, TaggingRule] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)

    def refine(self, layer: _Layer) -> None:
        for index, name in enumerate(layer.value(("tagging", "without")) or ()):
            gone = self.holding.pop(name.casefold(), None)
            if gone is not None:
                self.dropped.append(Dropped(gone, False, layer.origin(("tagging", "without", index))))
        for index, written in enumerate(layer.value(("tagging", "rules")) or ()):
            rule = _rule(written, layer.origin(("tagging", "rules", index)))
            before = self.holding.get(rule.name.casefold())
            if before is not None:
                self.dropped.append(Dropped(before, True, rule.origin))
            self.holding[rule.name.casefold()] = rule


def _rule(written: dict[str, Any], origin: Origin) -> TaggingRule:
    labels = tuple(written["labels"]) if "labels" in written else (written["label"],)
    return TaggingRule(written.get("name", labels[0]), labels, condition_line(written), origin)
