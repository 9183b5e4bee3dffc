"""``explain-config``: for which connections to ask, what holds there, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from redis.exceptions import RedisError

from rules.origins import Dropped, Effective, Explained, Origin, TaggingRule, effective, in_yaml
from rules.problems import BadFile
from rules.validate import did_you_mean
from rules.watched import Watched, watched
from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import unknown
from store.connect import connect
from store.rulebook import InForce, RulebookShelf
from trackers.spans import in_utc
from workers.wording import and_list

WIDTH: Final = 100
_LEAST_ROOM: Final = 20
"""Columns that a value gets however long the names beside it are."""
_REDIS_PATIENCE_S: Final = 1.0
_IN_FORCE: Final = "the text in force"
_ALWAYS: Final = frozenset({"mode", "sprints.mode"})


@dataclass(frozen=True, slots=True)
class Question:
    """What to explain."""

    project: str
    connection: str | None = None
    board: str | None = None

    @classmethod
    def of(cls, project: str, connection: str | None, board: str | None) -> Question:
        """As it was typed, where ``project`` may hold the connection's name.

        Raises Complaint if that is another than ``connection``.
        """
        before, slash, key = project.rpartition("/")
        if slash and connection not in (None, before):
            raise Complaint(
                f"{project} is of {before}, but --connection says {connection}: keep one of them."
            )
        return cls(key.upper(), before or connection, board)


@dataclass(frozen=True, slots=True)
class Block:
    """The answer for one connection; for None what holds for every connection."""

    connection: str | None
    explained: Explained


@dataclass(frozen=True, slots=True)
class Answer:
    """What holds, and what is worth knowing about it."""

    question: Question
    file: str
    blocks: tuple[Block, ...]
    remarks: tuple[str, ...]
    refused: bool = False
    """Whether the rules file is bad, and this is by what is in force instead."""

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "file": self.file,
            "project": self.question.project,
            "board": self.question.board,
            "connections": [
                {"connection": block.connection, **asdict(block.explained)} for block in self.blocks
            ],
        }


def explained(settings: Settings, question: Question, rules: Path | None = None) -> Answer:
    """What holds by ``rules`` (by default the configured file; where that is bad, by what is in force).

    Raises Complaint with all that is wrong. Neither a broken connections.yaml nor a silent Redis is in the
    way; what they leave open is remarked.
    """
    path = rules or settings.rules_file
    connections, remarks = _choose(settings.connections_file, question)
    try:
        blocks = _blocks(path.read_bytes(), str(path), question, connections)
    except OSError as error:
        raise Complaint(f"{path} cannot be read: {error.strerror}.") from error
    except BadFile as error:
        held = _in_force(settings) if rules is None else None
        if held is None:
            raise Complaint(str(error)) from error
        remarks += [
            str(error),
            f"{path} is not in force, because of that. What follows is by version {held.version}, in force "
            f"since {in_utc(held.since)}.",
        ]
        blocks = _blocks(held.text, _IN_FORCE, question, connections)
        return Answer(question, _IN_FORCE, blocks, tuple(remarks), refused=True)
    remarks += _another_in_force(settings, blocks[0].explained.version, path)
    return Answer(question, str(path), blocks, tuple(remarks))


def _blocks(
    text: bytes, file: str, question: Question, connections: Sequence[str | None]
) -> tuple[Block, ...]:
    return tuple(
        Block(name, effective(text, file, name, question.project, question.board)) for name in connections
    )


def _in_force(settings: Settings) -> InForce | None:
    """The rules the service works by; None where its Redis cannot be asked, or there are none yet."""
    try:
        return RulebookShelf(connect(settings.redis(), patience=_REDIS_PATIENCE_S)).in_force()
    except (Complaint, RedisError):
        return None


def _choose(path: Path, question: Question) -> tuple[list[str | None], list[str]]:
    """The connections to explain, and what is to be said about the choice."""
    try:
        every = {one.name: one for one in watched(path.read_bytes(), str(path))}
    except (OSError, BadFile) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        return [question.connection], [f"{path} cannot be read, so this is by the rules alone: {why}"]
    if question.connection is not None:
        if question.connection not in every:
            raise unknown(question.connection, [*every])
        return [question.connection], list(_doubts(every, question, question.connection))
    project = question.project
    naming = [name for name, one in every.items() if project in one.projects]
    if not naming:
        keys = [key for one in every.values() for key in one.projects]
        return [None], [
            f"No connection of {path} names {project}{did_you_mean(project, keys)}: "
            "this is what would hold on any of them that the rules do not refine."
        ]
    remarks = [doubt for name in naming for doubt in _doubts(every, question, name)]
    if len(naming) > 1:
        remarks.append(f"{project} is named by {and_list(naming)}: what holds is told for each.")
    return [*naming], remarks


def _doubts(every: Mapping[str, Watched], question: Question, name: str) -> Iterator[str]:
    """What speaks against asking for this connection, each in a sentence."""
    one = every[name]
    if question.project not in one.projects:
        meant = did_you_mean(question.project, one.projects)
        yield f"{name} does not name {question.project}{meant}, so its issues are ignored."
    if question.board is not None and question.board not in one.boards:
        yield f"{name} does not name board {question.board}, so its sprints are not watched."


def _another_in_force(settings: Settings, version: str, path: Path) -> list[str]:
    """A sentence if the service works by other rules than these, as far as its Redis can be asked."""
    now = _in_force(settings)
    if now is None or now.version == version:
        return []
    return [f"The rules in force are another version ({now.version}) than {path} ({version})."]


def show(answer: Answer, *, every: bool = False) -> str:
    """For people: what somebody set, the modes and the rules; with ``every`` also the built-in defaults."""
    return "\n\n".join("\n".join(_block(answer, block, every)) for block in answer.blocks)


def _block(answer: Answer, block: Block, every: bool) -> Iterator[str]:
    where = f" on {block.connection}" if block.connection else ""
    board = f", board {answer.question.board}" if answer.question.board else ""
    told = block.explained
    yield f"{answer.question.project}{where}{board}, by {answer.file} (version {told.version})"
    chosen = [one for one in told.settings if every or one.origin or one.path in _ALWAYS]
    yield ""
    yield from _table(chosen)
    yield ""
    yield from ["Rules, in this order:", *_rules(told.rules)] if told.rules else ["No rules."]
    if told.dropped:
        yield ""
        yield "Inherited, but not in use here:"
        yield from _dropped(told.dropped)


def _table(told: Sequence[Effective]) -> Iterator[str]:
    places = _places([one.origin for one in told])
    name = max(len(one.path) for one in told)
    room = max(_LEAST_ROOM, WIDTH - name - max(map(len, places)) - 4)
    values = [_clipped(in_yaml(one.value), room) for one in told]
    width = max(map(len, values))
    for one, value, place in zip(told, values, places, strict=True):
        yield f"{one.path:{name}}  {value:{width}}  {place}"


def _rules(rules: Sequence[TaggingRule]) -> Iterator[str]:
    titles = [_title(rule) for rule in rules]
    width = max(map(len, titles))
    places = _places([rule.origin for rule in rules])
    for rule, title, place in zip(rules, titles, places, strict=True):
        yield f"  {title:{width}}  {place}"
        yield "      " + _clipped(rule.conditions, WIDTH - 6)


def _dropped(dropped: Sequence[Dropped]) -> Iterator[str]:
    width = max(len(one.rule.name) for one in dropped)
    for one, place in zip(dropped, _places([one.rule.origin for one in dropped]), strict=True):
        yield f"  {one.rule.name:{width}}  {place}"
        yield f"      {'replaced' if one.replaced else 'left out'} by {one.by}  {one.by.layer}"


def _title(rule: TaggingRule) -> str:
    return rule.name if rule.labels == (rule.name,) else f"{rule.name}: {', '.join(rule.labels)}"


def _places(origins: Sequence[Origin | None]) -> list[str]:
    """Where each was said and in which layer, one below the other."""
    width = max((len(str(origin)) for origin in origins if origin), default=0)
    return [f"{origin!s:{width}}  {origin.layer}" if origin else "built-in default" for origin in origins]


def _clipped(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"
