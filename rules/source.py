"""YAML text into plain data that still knows where each piece stood.

A small part of YAML 1.2 is enough for configuration, so everything that could surprise is
refused: duplicate keys, tags, merge keys, several documents. The tree is built from the parser's
events rather than by a loader, because depth and size can then be bounded before they cost
anything, and because every duplicate can be reported instead of the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from rules.problems import BadFile, Problem

Path = tuple[str | int, ...]
"""Keys and list indexes from the top of the file down to one value."""

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 50_000
MAX_ALIASED = 5_000
"""Values that aliases may repeat, all taken together."""

_BOM = "\ufeff"
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n|\r|\n")
_QUOTED = re.compile(r"'[^']{4,}'|\"[^\"]{4,}\"")
_INT = re.compile(r"[-+]?[0-9]{1,18}\Z")
_RADIX = re.compile(r"0o[0-7]{1,20}\Z|0x[0-9a-fA-F]{1,15}\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?\Z")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

_IN_PLAIN_WORDS = (
    ("mapping values are not allowed", 'a ":" stands where none can be: check the indentation or use quotes'),
    ("cannot start any token", "a value cannot start with this character: put the text in quotes"),
    ("end of stream", "the file ends inside a text in quotes: a closing quote is missing"),
    ("expected ',' or", "a list or mapping in brackets is not closed, or a comma is missing"),
    ("expected <block end>", "this line is not indented like the ones it belongs to"),
    ("could not find expected ':'", 'a ":" is missing after this key'),
    ("escape character", 'unknown escape after "\\": use single quotes for regular expressions'),
    ("expected '<document start>'", "the file goes on after its end here: check the indentation"),
)  # fmt: skip


@dataclass(slots=True)
class _Node:
    """A value with its place; ``parts`` and ``keys`` hold what is inside a mapping or list."""

    line: int
    column: int
    value: Any = None
    parts: dict[str | int, _Node] = field(default_factory=dict)
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    size: int = 1


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is well-formed YAML, with the faults found on the way.

    ``data`` is made of dict, list, str, int, float, bool and None only. ``empty`` names the
    values that are not there at all (``key:`` and nothing after it).
    """

    file: str
    data: dict[str, Any]
    problems: tuple[Problem, ...]
    empty: tuple[Path, ...]
    _root: _Node

    def locate(self, path: Path) -> tuple[int, int]:
        """The 1-based line and column of the value at ``path``, or of what encloses it."""
        node = self._root
        for step in path:
            inner = node.parts.get(step)
            if inner is None:
                break
            node = inner
        return node.line, node.column

    def locate_key(self, path: Path) -> tuple[int, int]:
        """As ``locate``, but of the key that ends ``path`` where it ends in one."""
        if not path:
            return self.locate(path)
        node = self._root
        for step in path[:-1]:
            node = node.parts.get(step, node)
        last = path[-1]
        place = node.keys.get(last) if isinstance(last, str) else None
        return place or self.locate(path)

    def problem(self, path: Path, message: str, *, at_key: bool = False) -> Problem:
        """A problem of this file at the place of ``path``."""
        line, column = self.locate_key(path) if at_key else self.locate(path)
        return Problem(self.file, line, column, message)


def read_source(text: bytes, file: str) -> Source:
    """Read a YAML file whose top level is a mapping.

    Duplicate keys, tags and the like are kept in ``Source.problems`` so that they can be told
    together with what a schema finds. Raises BadFile when the text cannot be read as a mapping.
    """
    decoded, problems = _decode(text, file)
    builder = _Builder(file, problems)
    root = builder.build(decoded)
    empty = tuple(_empty(root, ()))
    return Source(file, _plain(root), tuple(builder.problems), empty, root)


def _decode(text: bytes, file: str) -> tuple[str, list[Problem]]:
    if len(text) > MAX_BYTES:
        raise BadFile(
            [Problem(file, 1, 1, f"the file is {len(text):,} bytes long; at most {MAX_BYTES:,} are read")]
        )
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(text[: error.start].decode("utf-8"))
        raise BadFile(
            [Problem(file, line, column, "this is not UTF-8 text: save the file as UTF-8")]
        ) from None
    problems = []
    if decoded.startswith(_BOM):
        problems.append(
            Problem(file, 1, 1, "the file starts with a byte order mark: save it as UTF-8 without BOM")
        )
        decoded = decoded[1:]
    strange = [_unprintable(decoded, found, file) for found in _UNPRINTABLE.finditer(decoded)]
    if strange:
        raise BadFile(problems + strange)
    return decoded, problems


def _unprintable(text: str, found: re.Match[str], file: str) -> Problem:
    line, column = _place(text[: found.start()])
    return Problem(file, line, column, f"the character U+{ord(found[0]):04X} is not allowed: remove it")


def _place(before: str) -> tuple[int, int]:
    lines = _LINE_END.split(before)
    return len(lines), len(lines[-1]) + 1


class _Builder:
    """Turns the parser's events into nodes, never deeper or larger than the bounds."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = list(problems)
        self._anchors: dict[str, _Node] = {}
        self._nodes = 0
        self._aliased = 0

    def build(self, text: str) -> _Node:
        """The root mapping of the only document. Raises BadFile if there is none."""
        try:
            return self._document(YAML(typ="safe", pure=True).parse(text))
        except MarkedYAMLError as error:
            raise BadFile(self.problems + list(self._explain(error, text))) from None
        except (YAMLError, ValueError, OverflowError):
            # An escape such as "\UFFFFFFFF" fails in chr() inside the parser, without a mark.
            raise BadFile([*self.problems, Problem(self.file, 1, 1, "this is not valid YAML 1.2")]) from None

    def _document(self, events: Iterator[Any]) -> _Node:
        root: _Node | None = None
        for event in events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                if root is not None:
                    self._stop(event, 'a second document starts here ("---"): keep one document to a file')
                if event.version not in (None, (1, 2)):
                    self._note(event, "only YAML 1.2 is read: remove the %YAML line")
            elif kind not in ("StreamStartEvent", "StreamEndEvent", "DocumentEndEvent"):
                root = self._node(event, events, 0)
        if root is None:
            raise BadFile(
                [
                    *self.problems,
                    Problem(self.file, 1, 1, 'the file is empty: it needs at least "version: 1"'),
                ]
            )
        if not isinstance(root.value, dict):
            self._stop_at(
                root.line, root.column, 'the file must be a mapping of keys to values, such as "version: 1"'
            )
        return root

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> _Node:
        kind = type(event).__name__
        if kind == "AliasEvent":
            return self._alias(event)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._stop(event, f"the file holds more than {MAX_NODES:,} values")
        if depth > MAX_DEPTH:
            self._stop(event, f"this is nested more than {MAX_DEPTH} levels deep")
        if event.tag is not None:
            self._note(event, 'tags ("!...") are not supported: remove it, or put the text in quotes')
        node = _Node(event.start_mark.line + 1, event.start_mark.column + 1)
        if kind == "ScalarEvent":
            self._whole(event)
            node.value = _scalar(event)
        elif kind == "SequenceStartEvent":
            node.value = []
            self._fill_list(node, events, depth)
        else:
            node.value = {}
            self._fill_mapping(node, events, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any) -> _Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            self._stop(
                event,
                'this alias ("*...") refers to nothing above it: put text that starts with "*" in quotes',
            )
        self._aliased += node.size
        if self._aliased > MAX_ALIASED:
            self._stop(event, f"aliases repeat more than {MAX_ALIASED:,} values: write them out")
        return node

    def _fill_list(self, node: _Node, events: Iterator[Any], depth: int) -> None:
        for event in events:
            if type(event).__name__ == "SequenceEndEvent":
                return
            item = self._node(event, events, depth + 1)
            node.parts[len(node.parts)] = item
            node.size += item.size

    def _fill_mapping(self, node: _Node, events: Iterator[Any], depth: int) -> None:
        for event in events:
            if type(event).__name__ == "MappingEndEvent":
                return
            key = self._key(event, events, depth)
            value = self._node(next(events), events, depth + 1)
            if key is None:
                continue
            if key in node.keys:
                first = node.keys[key][0]
                self._note(event, f"this key is set twice: it was set before in line {first}")
                continue
            node.keys[key] = (event.start_mark.line + 1, event.start_mark.column + 1)
            node.parts[key] = value
            node.size += value.size

    def _key(self, event: Any, events: Iterator[Any], depth: int) -> str | None:
        """The key's text, or None where it is none that could be used."""
        if type(event).__name__ != "ScalarEvent":
            self._node(event, events, depth + 1)
            self._note(event, "a key must be plain text")
            return None
        if event.value == "<<" and event.style is None:
            self._note(
                event, 'merge keys ("<<") are not supported: use defaults, connections and projects instead'
            )
            return None
        self._whole(event)
        return str(event.value)

    def _whole(self, event: Any) -> None:
        """An escape such as "\\ud800" makes half a character, which no other text can equal."""
        if _SURROGATE.search(event.value):
            self._note(event, "this text holds half a character: write it whole instead of as \\u escapes")
            event.value = _SURROGATE.sub("\ufffd", event.value)

    def _note(self, event: Any, message: str) -> None:
        mark = event.start_mark
        self.problems.append(Problem(self.file, mark.line + 1, mark.column + 1, message))

    def _stop(self, event: Any, message: str) -> NoReturn:
        self._stop_at(event.start_mark.line + 1, event.start_mark.column + 1, message)

    def _stop_at(self, line: int, column: int, message: str) -> NoReturn:
        raise BadFile([*self.problems, Problem(self.file, line, column, message)])

    def _explain(self, error: MarkedYAMLError, text: str) -> Iterator[Problem]:
        mark = error.problem_mark or error.context_mark
        raw = str(error.problem or error.context or "")
        tabs = list(self._tabs(text)) if "'\\t'" in raw else []
        if tabs:
            yield from tabs
            return
        known = (sentence for part, sentence in _IN_PLAIN_WORDS if part in raw)
        # The parser may quote the text it stumbled over, which can be a secret.
        sentence = next(known, "this is not valid YAML: " + _QUOTED.sub('"..."', raw))
        yield Problem(self.file, mark.line + 1, mark.column + 1, sentence)

    def _tabs(self, text: str) -> Iterator[Problem]:
        for number, line in enumerate(_LINE_END.split(text), start=1):
            if "\t" in line[: len(line) - len(line.lstrip())]:
                yield Problem(self.file, number, line.index("\t") + 1, "a tab is used to indent: use spaces")


def _scalar(event: Any) -> Any:
    text = str(event.value)
    if event.style is not None or event.tag is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text)
    if _RADIX.match(text):
        return int(text, 0)
    return float(text) if _FLOAT.match(text) else text


def _plain(node: _Node) -> Any:
    if isinstance(node.value, dict):
        return {key: _plain(part) for key, part in node.parts.items()}
    if isinstance(node.value, list):
        return [_plain(part) for part in node.parts.values()]
    return node.value


def _empty(node: _Node, path: Path) -> Iterator[Path]:
    if node.value is None:
        yield path
    for step, part in node.parts.items():
        yield from _empty(part, (*path, step))
