"""In which settings and rules two rules files differ, for some projects, teams and boards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from rules.fields import leaves
from rules.origins import Effective, Explained, TaggingRule, effective
from rules.schema import WideLayer


@dataclass(frozen=True, slots=True)
class Place:
    """A project, team or board that settings hold for."""

    name: str
    """As people are told of it."""
    project: str
    board: str | None = None
    parts: tuple[str, ...] = ("mode", "tagging", "sprints", "writes")
    """The first keys of the settings that matter here."""

    def concerns(self, path: str) -> bool:
        return path.split(".", 1)[0] in self.parts


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting that gets another value."""

    path: str
    """Its keys with dots between them."""
    now: Any
    """As the file says it; None where it says nothing and there is no default that it could."""
    new: Any
    places: tuple[str, ...]
    line: int | None
    """Of the new file, that says so; None where it says nothing any more."""


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One rule that is there or not, or looks for something else."""

    name: str
    change: str
    """``added``, ``removed`` or ``changed``."""
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Differences:
    """All that differs, in the order of the settings."""

    settings: tuple[SettingChange, ...]
    rules: tuple[RuleChange, ...]


def differences(
    now: bytes, new: bytes, file: str, connection: str | None, places: Iterable[Place]
) -> Differences:
    """Hold the text ``new`` against ``now``, both of which are good; ``file`` is the new one's name."""
    settings: dict[tuple[str, str, str], SettingChange] = {}
    rules: dict[tuple[str, str], RuleChange] = {}
    for place in places:
        before, after = (effective(text, file, connection, place.project, place.board) for text in (now, new))
        for held, said in _changed(place, before, after):
            key = (said.path, repr(held.value), repr(said.value))
            known = settings[key].places if key in settings else ()
            line = said.origin.line if said.origin else None
            settings[key] = SettingChange(said.path, held.value, said.value, (*known, place.name), line)
        if place.concerns("tagging"):
            for name, change in _rules(before, after):
                kept = rules.get((name, change), RuleChange(name, change, ()))
                rules[name, change] = RuleChange(name, change, (*kept.places, place.name))
    return Differences(tuple(settings.values()), tuple(rules.values()))


def _changed(place: Place, before: Explained, after: Explained) -> Iterator[tuple[Effective, Effective]]:
    held = {one.path: one for one in before.settings}
    for said in after.settings:
        if place.concerns(said.path) and _meant(held[said.path]) != _meant(said):
            yield held[said.path], said


def _meant(setting: Effective) -> Any:
    """A setting's value as the workers have it: 25% is 0.25, and 60m is 1h."""
    read = _readers().get(setting.path)
    return setting.value if read is None else read.validate_python(setting.value)


@cache
def _readers() -> dict[str, TypeAdapter[Any]]:
    return {
        ".".join(path): TypeAdapter(info.annotation)
        for path, info in leaves(WideLayer)
        if info.annotation is not None
    }


def _rules(before: Explained, after: Explained) -> Iterator[tuple[str, str]]:
    held = {rule.name.casefold(): rule for rule in before.rules}
    would = {rule.name.casefold(): rule for rule in after.rules}
    for folded, rule in would.items():
        if folded not in held:
            yield rule.name, "added"
        elif _meaning(held[folded]) != _meaning(rule):
            yield rule.name, "changed"
    yield from ((rule.name, "removed") for folded, rule in held.items() if folded not in would)


def _meaning(rule: TaggingRule) -> tuple[tuple[str, ...], str]:
    return rule.labels, rule.conditions
