"""What a rules file says that is not so of a connection, as far as connections.yaml tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from rules.connections import Connection
from rules.contradictions import NOTHING, Statement, clash, known, of_rule
from rules.layers import DEFAULTS, Layers, key_of, listed, mapping, owner
from rules.lint import warned
from rules.lint_rules import labels_of
from rules.problems import Warned
from rules.remarks import Remark
from rules.source import Path, Source
from rules.sprints_layers import SCOPE_LABEL
from rules.validate import did_you_mean, quoted
from rules.watched import Watched
from trackers.model import TrackerKind

_SCOPE: Final = ("sprints", "scope_creep", "label")
_NOT_ON_LINEAR: Final = ("type", "component")


def lint_for(source: Source, connection: Connection, every: Sequence[Connection]) -> tuple[Warned, ...]:
    """What of a rules file can come to nothing on ``connection``, one of ``every`` that is configured.

    Looks only at the layers that hold for it, and at those that hold for no connection at all.
    """
    layers = Layers.of(source.data)
    watched = [Watched(one.name, one.projects, one.boards) for one in every]
    found = [*_unknown_layers(layers, watched), *_never_here(layers, connection, every)]
    if connection.tracker is TrackerKind.LINEAR:
        here = (where for where in layers.data if holds_for(where, connection))
        found += [remark for where in here for remark in _of_one_group(layers, where)]
    return tuple(sorted({warned(source, remark) for remark in found}))


def lint_watched(source: Source, every: Sequence[Watched]) -> tuple[Warned, ...]:
    """What of a rules file is for nothing that the connections which are configured watch, and what cannot
    be on their tracker, where that is certain.
    """
    if source.torn:
        return ()
    layers = Layers.of(source.data)
    found = [*_unknown_layers(layers, every)]
    for where in layers.data:
        those = [one for one in every if holds_for(where, one)]
        if those and all(one.is_linear for one in those):
            found += _of_one_group(layers, where)
    return tuple(sorted({warned(source, remark) for remark in found}))


def holds_for(where: Path, connection: Connection | Watched) -> bool:
    """Whether the layer at ``where`` holds for anything that the connection watches."""
    if owner(where) not in (None, connection.name):
        return False
    return key_of(where) is None or key_of(where) in _keys(where, connection)


def labels_for(source: Source, connection: Connection) -> Iterator[tuple[Path, str]]:
    """Every label that is put on where the connection watches, with its place."""
    layers = Layers.of(source.data)
    for where in layers.data:
        if not holds_for(where, connection):
            continue
        for index, rule in enumerate(listed(layers.own(where, "tagging", "rules"))):
            yield from labels_of((*where, "tagging", "rules", index), rule if isinstance(rule, dict) else {})
        label = layers.own(where, *_SCOPE)
        if isinstance(label, str) or label is True:
            yield (*where, *_SCOPE), SCOPE_LABEL if label is True else label


def settings_for(source: Source, connection: Connection, *keys: str) -> Iterator[tuple[Path, Any]]:
    """What is in force under ``keys`` for anything the connection watches, with its place.

    What a narrower layer takes the place of everywhere is left out.
    """
    layers = Layers.of(source.data)
    said = [
        where
        for where in layers.data
        if holds_for(where, connection) and layers.own(where, *keys) is not None
    ]
    everywhere = {("projects", key) for key in connection.projects}
    for where in said:
        if key_of(where) is None:
            inner = {other for one in layers.inner(where) for other in layers.members(one)}
            narrower = {(other[0], key_of(other)) for other in said if other in inner}
            if ("connections", None) in narrower or narrower >= everywhere:
                continue
        yield (*where, *keys), layers.own(where, *keys)


def _keys(where: Path, connection: Connection | Watched) -> tuple[str, ...]:
    return connection.boards if where[0] == "boards" else connection.projects


def _unknown_layers(layers: Layers, every: Sequence[Watched]) -> Iterator[Remark]:
    names = [connection.name for connection in every]
    for where in layers.data:
        name = owner(where)
        if where == DEFAULTS:
            continue
        if name is not None and name not in names:
            message = f'there is no connection "{name}"' + did_you_mean(name, names)
            yield Remark("unknown-connection", where, message, at_key=True)
        elif key_of(where) is not None:
            yield from _unwatched(where, [one for one in every if name in (None, one.name)])


def _unwatched(where: Path, those: Sequence[Watched]) -> Iterator[Remark]:
    key, keys = str(key_of(where)), [key for one in those for key in _keys(where, one)]
    if key in keys:
        return
    whose = those[0].name if len(those) == 1 else "no connection"
    does_not = "does not watch" if len(those) == 1 else "watches"
    if where[0] == "boards":
        message = f"{whose} {does_not} board {key}" + did_you_mean(key, keys)
        yield Remark("unknown-board", where, message, at_key=True)
    else:
        message = f"{whose} {does_not} the project or team {key}" + did_you_mean(key, keys)
        yield Remark("unknown-project", where, message, at_key=True)


def _of_one_group(layers: Layers, where: Path) -> Iterator[Remark]:
    """Rules with several labels of a group, of which Linear lets an issue have one."""
    for index, rule in enumerate(listed(layers.own(where, "tagging", "rules"))):
        first: dict[str, str] = {}
        for path, label in labels_of((*where, "tagging", "rules", index), mapping(rule)):
            group, slash, _ = label.rpartition("/")
            other = first.setdefault(group.casefold(), label)
            if slash and other != label:
                message = f"on Linear an issue has one label of a group: this or {quoted(other)}"
                yield Remark("one-of-a-group", path, message)


def _never_here(layers: Layers, connection: Connection, every: Sequence[Connection]) -> Iterator[Remark]:
    others = [one for one in every if one.name != connection.name]
    for where in layers.data:
        # A rule that holds elsewhere too may be meant for there.
        if not holds_for(where, connection) or any(holds_for(where, other) for other in others):
            continue
        key = key_of(where)
        facts = [known("project", *([key] if key else connection.projects))]
        for index, rule in enumerate(listed(layers.own(where, "tagging", "rules"))):
            path = (*where, "tagging", "rules", index)
            # What no issue of the layer can match is an error, and told as one.
            if isinstance(rule, dict) and not clash(of_rule(path, rule), facts if key else ()):
                yield from _never(path, rule, facts, connection)


def _never(
    path: Path, rule: dict[str, Any], facts: list[Statement], connection: Connection
) -> Iterator[Remark]:
    if found := clash(of_rule(path, rule), facts):
        message = (
            f"no issue of {connection.name} can match this rule: it watches {', '.join(connection.projects)}"
        )
        yield Remark("never-here", found.path or path, message, at_key=True)
    elif connection.tracker is TrackerKind.LINEAR:
        for field in _NOT_ON_LINEAR:
            if found := clash(of_rule(path, rule), [known(field, NOTHING)]):
                message = f"no issue of {connection.name} can match this rule: Linear's have no {field}"
                yield Remark("never-here", found.path or path, message, at_key=True)
