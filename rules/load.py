"""rules.yaml from text to something the workers can use: read, checked, inherited, compiled."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, partial
from typing import Any

from rules.contradictions import Clash, clash, known, of_rule
from rules.layers import Layers, LayerSet, key_of, listed, mapping, rule_names
from rules.matching import CompiledRule, LearnedRules, ProjectRules, compile_rule
from rules.meant import meant_key, meant_value
from rules.problems import MOST_PROBLEMS, BadFile, Problem
from rules.regex_checks import is_dead
from rules.schema import (
    MAX_LABELS,
    MAX_NESTING,
    MAX_NEVER,
    MAX_RULES,
    Layer,
    Learned,
    Mode,
    RulesFile,
    Tagging,
    WideLayer,
)
from rules.source import Path, Source, read_source
from rules.sprint_rules import SprintRules
from rules.sprints_checks import sprint_problems
from rules.sprints_layers import SCOPE_LABEL, combined_sprints
from rules.validate import did_you_mean, finish, listed_twice, quoted, validate

_LOOKED_FOR = frozenset({"words", "phrases", "regex"})
_TEXT_KEYS = ("title", "body", "text")


@dataclass(frozen=True, slots=True)
class _Part:
    """One layer with its rules compiled."""

    layer: Layer
    rules: tuple[CompiledRule, ...]


@dataclass(frozen=True, slots=True)
class WriteLimit:
    """How many issues may be written to within a span before writing stops and asks."""

    most: int = 500
    window: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class RuleBook:
    """A good rules file, ready for use. Made by ``load_rules``."""

    version_id: str
    """The first 12 hex digits of the text's SHA-256."""
    _parts: dict[str, _Part] = field(repr=False)
    _known: dict[tuple[str, ...], ProjectRules] = field(default_factory=dict, repr=False, compare=False)
    _known_sprints: dict[tuple[str, ...], SprintRules] = field(
        default_factory=dict, repr=False, compare=False
    )

    def effective(self, connection: str, project: str) -> ProjectRules:
        """What holds for a project or team of a connection, inherited settings included.

        The layers are defaults, the connection, the project's key, and the key as that connection's
        own (``CONNECTION/KEY``). A name that no layer mentions gets the outer layers alone.
        """
        names = self._names(connection, project)
        if names not in self._known:
            self._known[names] = _combined([self._parts[name] for name in names])
        return self._known[names]

    def sprints(self, connection: str, board: str, project: str | None) -> SprintRules:
        """What holds for the sprints of a board (its number) or team (its key) of a connection.

        The layers are those of ``effective`` for the board's project, if it has one, then the board's
        number, and the number as that connection's own (``CONNECTION/NUMBER``).
        """
        names = self._names(connection, project, board)
        if names not in self._known_sprints:
            layers = (self._parts[name].layer for name in names)
            self._known_sprints[names] = combined_sprints((layer.mode, layer.sprints) for layer in layers)
        return self._known_sprints[names]

    def writes(self, connection: str) -> WriteLimit:
        """How much may be written to a connection's tracker in a short time."""
        said: dict[str, Any] = {}
        for name in self._names(connection, None):
            layer = self._parts[name].layer
            if isinstance(layer, WideLayer) and layer.writes is not None:
                said |= {key: value for key, value in layer.writes if value is not None}
        return WriteLimit(**said)

    @property
    def scope_labels(self) -> frozenset[str]:
        """The labels that any layer puts on issues for having joined a sprint late."""
        said = (
            part.layer.sprints.scope_creep.label
            for part in self._parts.values()
            if part.layer.sprints and part.layer.sprints.scope_creep
        )
        return frozenset({SCOPE_LABEL, *(label for label in said if isinstance(label, str))})

    def _names(self, connection: str, project: str | None, board: str | None = None) -> tuple[str, ...]:
        """The layers there are for these, the outermost first."""
        wanted = ["defaults", f"connections {connection}"]
        for group, key in (("projects", project and project.upper()), ("boards", board)):
            if key is not None:
                wanted += [f"{group} {key}", f"{group} {connection}/{key}"]
        return tuple(name for name in wanted if name in self._parts)


def load_rules(text: bytes, file: str) -> RuleBook:
    """Read and check a rules file; ``file`` is its name in messages.

    Raises BadFile with everything that is wrong, each with its place.
    """
    rules, _ = read_rules(text, file)
    return RuleBook(version_of(text), dict(_parts(rules)))


def read_rules(text: bytes, file: str) -> tuple[RulesFile, Source]:
    """The same for whoever holds no issue against them: to compile rules takes longer than to check them.

    Raises BadFile as ``load_rules``.
    """
    source = read_source(text, file)
    rules, problems = validate(RulesFile, source, hints=meant_key, values=partial(meant_value, source.data))
    problems += _meaning(source)
    every = finish(source, problems)
    if rules is None or every:
        raise BadFile(every)
    return rules, source


def version_of(text: bytes) -> str:
    """The first 12 hex digits of the text's SHA-256: the ``RuleBook.version_id`` of rules."""
    return hashlib.sha256(text).hexdigest()[:12]


def _parts(rules: RulesFile) -> Iterator[tuple[str, _Part]]:
    yield "defaults", _part(rules.defaults or Layer())
    for name, layer in (rules.connections or {}).items():
        yield f"connections {name}", _part(layer)
    for name, inner in (rules.projects or {}).items():
        yield f"projects {name}", _part(inner)
    for name, board in (rules.boards or {}).items():
        yield f"boards {name}", _part(Layer(sprints=board.sprints))


def _part(layer: Layer) -> _Part:
    rules = layer.tagging.rules if layer.tagging else None
    return _Part(layer, tuple(map(compile_rule, rules or ())))


def _combined(parts: list[_Part]) -> ProjectRules:
    """The settings of all parts, the later ones ruling."""
    mode = Mode.DRY_RUN
    settings: dict[str, Any] = {
        "window": timedelta(hours=1),
        "comment": False,
        "comment_outside": False,
        "create_labels": False,
        "max_labels": 5,
    }
    rules: dict[str, CompiledRule] = {}
    learned: dict[str, Any] = {}
    for part in parts:
        mode = part.layer.mode or mode
        tagging = part.layer.tagging or Tagging()
        settings |= {name: value for name in settings if (value := getattr(tagging, name)) is not None}
        learned |= _said(tagging.learned or Learned())
        for name in tagging.without or ():
            rules.pop(name.casefold(), None)
        # A dict keeps the place of a name that is set again, which is what replacing means here.
        rules |= {rule.name.casefold(): rule for rule in part.rules}
    return ProjectRules(mode=mode, rules=tuple(rules.values()), learned=LearnedRules(**learned), **settings)


def _said(learned: Learned) -> dict[str, Any]:
    """What one layer says about learning, as ``LearnedRules`` holds it."""
    said = {name: value for name, value in learned if value is not None}
    if learned.targets is not None:
        said["targets"] = frozenset(learned.targets)
    if learned.never is not None:
        said["never"] = frozenset(name.casefold() for name in learned.never)
    return said


# What a schema cannot say. These look at the plain data, so that they speak even when a schema
# has found something else wrong; each therefore passes over whatever has not the shape it expects.


def _meaning(source: Source) -> Iterator[Problem]:
    layers = Layers.of(source.data)
    yield from _unknown(source, layers)
    for where, layer in layers.data.items():
        yield from sprint_problems(source, (*where, "sprints"), mapping(layer.get("sprints")))
        path, tagging = (*where, "tagging"), mapping(layer.get("tagging"))
        yield from _repeated_names(source, (*path, "rules"), list(rule_names(tagging)))
        for index, rule in enumerate(listed(tagging.get("rules"))):
            if isinstance(rule, dict):
                yield from _rule(source, (*path, "rules", index), rule)
                yield from _impossible(source, where, (*path, "rules", index), rule)
        yield from _learned(source, (*path, "learned"), mapping(tagging.get("learned")))


def _repeated_names(source: Source, path: Path, names: list[tuple[int, str]]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, name in names:
        earlier = first.setdefault(name.casefold(), index)
        if earlier != index:
            line = source.locate((*path, earlier))[0]
            message = (
                f"a rule named {quoted(name)} stands already in line {line}: give this one a name of its own"
            )
            yield source.problem((*path, index), message)


def _unknown(source: Source, layers: Layers) -> Iterator[Problem]:
    """The names under ``without`` of rules that no layer further out has."""
    if source.torn:
        return  # the rule may stand in what cannot be read

    @cache
    def names(one: LayerSet) -> dict[str, str]:
        rules = (rule_names(mapping(layers.own(where, "tagging"))) for where in layers.members(one))
        return {name.casefold(): name for named in rules for _, name in named}

    found: list[tuple[tuple[int, int], Path, Path, str]] = []
    for where in layers.data:
        outer = list(map(names, layers.outer(where)))
        for index, name in enumerate(listed(layers.own(where, "tagging", "without"))[:MAX_RULES]):
            path = (*where, "tagging", "without", index)
            if isinstance(name, str) and not any(name.casefold() in known for known in outer):
                found.append((source.locate(path), where, path, name))
    for number, (_, where, path, name) in enumerate(sorted(found)):
        message = f"no rule named {quoted(name)} is inherited here"
        if number < MOST_PROBLEMS:  # more are only counted, and finding what was meant takes time for each
            inherited = [one for known in map(names, layers.outer(where)) for one in known.values()]
            message += did_you_mean(name, inherited)
        yield source.problem(path, message)


def _rule(source: Source, path: Path, rule: dict[str, Any]) -> Iterator[Problem]:
    # One with a space missing after its colon is told as such.
    if not {key.partition(":")[0] for key in rule} & {"label", "labels"}:
        yield source.problem(path, 'this rule puts no label on: add "label" or "labels"')
    if "label" in rule and "labels" in rule:
        yield source.problem(
            (*path, "labels"), 'this rule has both "label" and "labels": keep one of them', at_key=True
        )
    # A key that is unknown was meant for one, and is told as such.
    if rule.keys() <= {"name", "label", "labels"}:
        yield source.problem(
            path, "this rule has no condition, so it would match every issue: add text, type, any ..."
        )
    yield from _repeated_labels(source, (*path, "labels"), listed(rule.get("labels")))
    yield from _conditions(source, path, rule, 1)


def _learned(source: Source, path: Path, learned: dict[str, Any]) -> Iterator[Problem]:
    for key in ("targets", "never"):
        yield from listed_twice(source, (*path, key), listed(learned.get(key))[: MAX_NEVER + 1])


def _repeated_labels(source: Source, path: Path, labels: list[Any]) -> Iterator[Problem]:
    for index, label in enumerate(labels[: MAX_LABELS + 1]):
        if isinstance(label, str) and label in labels[:index]:
            yield source.problem((*path, index), f"the label {quoted(label)} is listed twice")


def _conditions(source: Source, path: Path, conditions: dict[str, Any], depth: int) -> Iterator[Problem]:
    if depth > MAX_NESTING:
        yield source.problem(path, f"conditions are nested more than {MAX_NESTING} levels deep here")
        return
    for key in _TEXT_KEYS:
        yield from _text_condition(source, (*path, key), conditions.get(key))
    inner: list[tuple[Path, Any]] = [((*path, "not"), conditions.get("not"))]
    for key in ("any", "all"):
        inner += [((*path, key, index), item) for index, item in enumerate(listed(conditions.get(key)))]
    for where, condition in inner:
        if condition == {}:
            yield source.problem(where, "this condition is empty: say what must hold")
        elif isinstance(condition, dict):
            yield from _conditions(source, where, condition, depth + 1)


def _impossible(source: Source, where: Path, path: Path, rule: dict[str, Any]) -> Iterator[Problem]:
    """Says of a rule that no issue can match it, where that is certain."""
    if source.torn:
        return  # an alternative may stand in what cannot be read
    found = clash(of_rule(path, rule))
    if found is not None:
        yield source.problem(*_told(source, found), at_key=True)
        return
    key = key_of(where)
    if key is not None and (found := clash(of_rule(path, rule), [known("project", key)])):
        message = f"no issue can match this rule: every issue in the layer it stands in is of {key}"
        yield source.problem(found.path or path, message, at_key=True)


def _told(source: Source, found: Clash) -> tuple[Path, str]:
    path, other = found.path or found.within, found.other or found.within
    line = source.locate_key(other)[0]
    beside = f"line {line}" if line != source.locate_key(path)[0] else "what stands beside it"
    return path, f"no issue can match this rule: this contradicts {beside}"


def _text_condition(source: Source, path: Path, condition: Any) -> Iterator[Problem]:
    if isinstance(condition, dict) and not condition.keys() & _LOOKED_FOR:
        unknown: Iterable[str] = condition.keys() - {"case_sensitive"}
        if not unknown:
            yield source.problem(path, f'"{path[-1]}" says nothing to look for: add words, phrases or regex')
    for where, text in _looked_for(path, mapping(condition)):
        if "\b" in text:
            message = "in double quotes \\b is a backspace, which no text holds: use single quotes"
            yield source.problem(where, message)
        elif where[-1] == "regex" and is_dead(text):
            message = (
                "no text can match this regular expression: it goes on after its end or before its start "
                "(a $ or ^ meant as it stands is written \\$ or \\^)"
            )
            yield source.problem(where, message)


def _looked_for(path: Path, condition: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Every text a condition looks for, with its place."""
    for key in _LOOKED_FOR & condition.keys():
        value = condition[key]
        for index, text in enumerate(listed(value)):
            if isinstance(text, str):
                yield (*path, key, index), text
        if isinstance(value, str):
            yield (*path, key), value
