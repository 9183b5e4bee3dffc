"""The page Rules: what holds where and which line says so, and the file in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from rules.connections import Connection
from rules.origins import Dropped, Explained, Explainer, Origin, TaggingRule, in_yaml
from rules.problems import BadFile
from store.rulebook import FileSeen, InForce, RulebookShelf
from store.trials import Head, Trials
from trackers.model import TrackerKind
from webhook_app.console.frame import HOME, show
from webhook_app.console.house import House, Page
from webhook_app.console.moments import moment

PAGE: Final = Page("rules", f"{HOME}/rules", "Rules")

FILE: Final = "rules.yaml"
_ALWAYS: Final = frozenset({"mode", "sprints.mode"})


@dataclass(frozen=True, slots=True)
class FileState:
    """What a clock finds in the rules file of its machine."""

    place: str
    version: str | None
    refused: str | None
    """Since when what it holds is refused."""
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as it holds."""

    path: str
    value: str
    """On one line, as a rules file would have it."""
    line: int | None
    """Of the file in force; None: no line says it, and it is the built-in default."""
    layer: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that holds, or one that does not for the reason ``instead``."""

    name: str
    labels: tuple[str, ...]
    conditions: str
    line: int
    layer: str
    instead: str = ""


@dataclass(frozen=True, slots=True)
class TrialLine:
    """A trial in the list."""

    id: str
    connection: str
    by: str
    asked: str
    state: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The page."""

    version: str | None
    since: str | None
    past: tuple[str, ...]
    """Versions that were in force before, the newest first."""
    files: tuple[FileState, ...]
    places: tuple[str, ...]
    """All that may be asked for, as ``CONNECTION/PROJECT``."""
    place: str
    boards: tuple[str, ...]
    board: str
    settings: tuple[Setting, ...]
    """Those that somebody set, and the modes."""
    defaults: tuple[Setting, ...]
    rules: tuple[Rule, ...]
    """In the order in which they are held against an issue."""
    dropped: tuple[Rule, ...]
    """Inherited, and not in use here."""
    trials: tuple[TrialLine, ...]


@dataclass(frozen=True, slots=True)
class RulesFile:
    """The file in force, line by line."""

    version: str
    since: str
    lines: tuple[str, ...]


def add(blueprint: Blueprint, house: House, /) -> None:
    """Add the page, and the file."""

    @blueprint.get(PAGE.path, endpoint="rules")
    def page() -> Response:
        return show("rules.html", title="Rules", page=gather(house, request.args))

    @blueprint.get(f"{PAGE.path}/file", endpoint="rules_file")
    def file() -> Response:
        return show("rules_file.html", title="The rules in force", file=gather_file(house))


def gather(house: House, query: Mapping[str, str]) -> Rules:
    """What holds at the place that ``query`` names by ``place`` (``CONNECTION/PROJECT``) and ``board``.

    Without a place it is the first project of the ``connection``, or of all.
    """
    shelf = RulebookShelf(house.redis)
    held = shelf.in_force()
    connection, project = place(house, query)
    boards = _boards(connection)
    board = query.get("board", "") if query.get("board") in boards else ""
    told = _told(held, connection, project, board)
    settings = [_setting(one.path, one.value, one.origin) for one in told.settings] if told else []
    return Rules(
        version=held.version if held else None,
        since=moment(held.since) if held else None,
        past=shelf.past(),
        files=tuple(map(_state, shelf.files())),
        places=tuple(f"{one.name}/{key}" for one in house.connections for key in one.projects),
        place=f"{connection.name}/{project}" if connection else "",
        boards=boards,
        board=board,
        settings=tuple(one for one in settings if one.line or one.path in _ALWAYS),
        defaults=tuple(one for one in settings if not (one.line or one.path in _ALWAYS)),
        rules=tuple(_rule(one) for one in told.rules) if told else (),
        dropped=tuple(map(_dropped, told.dropped)) if told else (),
        trials=tuple(_line(trial) for trial in Trials(house.redis).listed()),
    )


def _told(held: InForce | None, connection: Connection | None, project: str, board: str) -> Explained | None:
    """What holds there; None without rules, without connections, and where another release put rules in
    force that this one cannot read."""
    if held is None or connection is None:
        return None
    explainer = _read(held.text)
    return explainer.effective(connection.name, project, board or None) if explainer else None


@lru_cache(maxsize=2)
def _read(text: bytes) -> Explainer | None:
    """Once for each version: it takes 3 ms for each rule."""
    try:
        return Explainer.of(text, FILE)
    except BadFile:
        return None


def place(house: House, query: Mapping[str, str]) -> tuple[Connection | None, str]:
    """The connection and the project or team that ``query`` names; else the first there is."""
    name, _, project = query.get("place", "").partition("/")
    name = name or query.get("connection", "")
    for one in house.connections:
        if one.name == name:
            return one, project if project in one.projects else one.projects[0]
    first = next(iter(house.connections), None)
    return first, first.projects[0] if first else ""


def _boards(connection: Connection | None) -> tuple[str, ...]:
    """Where sprints may have settings of their own; on Linear teams have."""
    if connection is None or connection.tracker is not TrackerKind.JIRA:
        return ()
    return tuple(sorted(connection.boards, key=lambda board: (len(board), board)))


def _setting(path: str, value: Any, origin: Origin | None) -> Setting:
    line, layer = (origin.line, origin.layer) if origin else (None, "built-in default")
    return Setting(path, in_yaml(value), line, layer)


def _rule(rule: TaggingRule, instead: str = "") -> Rule:
    return Rule(rule.name, rule.labels, rule.conditions, rule.origin.line, rule.origin.layer, instead)


def _dropped(one: Dropped) -> Rule:
    did = "replaced" if one.replaced else "left out"
    return _rule(one.rule, f"{did} by line {one.by.line} ({one.by.layer})")


def _state(seen: FileSeen) -> FileState:
    turned = seen.turned
    if turned is None:
        return FileState(seen.place, seen.version, None, ())
    return FileState(seen.place, seen.version, moment(turned.since), turned.problems)


def _line(trial: Head) -> TrialLine:
    asked = moment(trial.asked)
    return TrialLine(trial.id, trial.connection, trial.by, asked, str(trial.state))


def gather_file(house: House) -> RulesFile:
    """The file in force. Raises NotFound before there is one."""
    held = RulebookShelf(house.redis).in_force()
    if held is None:
        raise NotFound("No rules are in force yet: start the clock, and mend rules.yaml.")
    lines = tuple(held.text.decode().splitlines())
    return RulesFile(held.version, moment(held.since), lines)
