"""In which settings and rules two rules files differ, for some projects, teams and boards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from rules.fields import leaves
from rules.load import load_rules
from rules.matching import CompiledRule, ProjectRules
from rules.origins import Effective, Explained, Explainer
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
    """One rule that is there or not, looks for something else, or has its turn at another time."""

    name: str
    change: str
    """``added``, ``removed``, ``changed``, or ``moved`` where the order tells which labels are too many."""
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
    books = load_rules(now, file), load_rules(new, file)
    explainers = Explainer.of(now, file), Explainer.of(new, file)
    for place in places:
        before, after = (one.effective(connection, place.project, place.board) for one in explainers)
        for held, said in _changed(place, before, after):
            key = (said.path, repr(held.value), repr(said.value))
            known = settings[key].places if key in settings else ()
            line = said.origin.line if said.origin else None
            settings[key] = SettingChange(said.path, held.value, said.value, (*known, place.name), line)
        if place.concerns("tagging"):
            held_by, would_by = (book.effective(connection or "", place.project) for book in books)
            for name, change in (*_rules(held_by, would_by), *_moved(held_by, would_by)):
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


def _rules(before: ProjectRules, after: ProjectRules) -> Iterator[tuple[str, str]]:
    held, would = _by_name(before), _by_name(after)
    for folded, rule in would.items():
        if folded not in held:
            yield rule.name, "added"
        elif (held[folded].labels, held[folded].conditions) != (rule.labels, rule.conditions):
            yield rule.name, "changed"
    yield from ((rule.name, "removed") for folded, rule in held.items() if folded not in would)


def _moved(before: ProjectRules, after: ProjectRules) -> Iterator[tuple[str, str]]:
    """The rules whose turn changed, where one issue may get more labels than are put on."""
    held, would = _by_name(before), _by_name(after)
    if len({label.casefold() for rule in after.rules for label in rule.labels}) <= after.max_labels:
        return
    first, then = ([name for name in one if name in other] for one, other in ((held, would), (would, held)))
    for kind, _, _, start, end in SequenceMatcher(None, first, then, autojunk=False).get_opcodes():
        if kind != "equal":
            yield from ((would[name].name, "moved") for name in then[start:end])


def _by_name(rules: ProjectRules) -> dict[str, CompiledRule]:
    return {rule.name.casefold(): rule for rule in rules.rules}
