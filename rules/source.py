"""YAML text into plain data that still knows where each piece stood.

A small part of YAML 1.2 is enough for configuration, so everything that could surprise is
refused: duplicate keys, tags, merge keys, several documents. The tree is built from the parser's
events rather than by a loader, because depth and size can then be bounded before they cost
anything, and because every duplicate can be reported instead of the first.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from rules.mending import MAX_MENDED_CHARS, Mended, mend
from rules.misprints import Slip, missing_dash, missing_spaces, odd_indents
from rules.problems import MOST_PROBLEMS, BadFile, Problem

Path = tuple[str | int, ...]
"""Keys and list indexes from the top of the file down to one value."""

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 50_000
MAX_ALIASED = 5_000
"""Values that aliases may repeat, all taken together."""

_BOM = "\ufeff"
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_UNREADABLE = "\ufffd"
_ESCAPED = 0xDC00
"""``surrogateescape`` adds this to a byte that is no UTF-8."""
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n|\r|\n")
_WIDE_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*(?P<escape>\\U(?P<code>[0-9A-Fa-f]{8}))")
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
    ("end of stream", "this text in quotes does not end: a closing quote is missing"),
    ("expected the node content", "a value is missing here, or a list or mapping in brackets is not closed"),
    ("expected ',' or", "a list or mapping in brackets is not closed, or a comma is missing"),
    ("expected <block end>", "this line is not indented like the ones it belongs to"),
    ("could not find expected ':'", 'a ":" is missing after this key'),
    ("escape character", 'unknown escape after "\\": use single quotes for regular expressions'),
    ("expected '<document start>'", "the file goes on after its end here: check the indentation"),
)  # fmt: skip

_AT_A_SIGN = (
    ("expected <block end>", ",", "this comma is in no list: remove it"),
    ("expected ',' or", ":", 'a ":" stands inside a text here: put the whole text in quotes'),
)
"""What is plain from the sign that the parser stumbled over."""
_TOLD_AT_THE_START = ("could not find expected ':'", "end of stream")


@dataclass(slots=True)
class _Node:
    """A value with its place; ``parts`` and ``keys`` hold what is inside a mapping or list."""

    line: int
    column: int
    value: Any = None
    parts: dict[str | int, _Node] = field(default_factory=dict)
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    size: int = 1
    bare: bool = False
    """A text without quotes."""


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
    torn: frozenset[tuple[int, int]] = frozenset()
    """Places whose meaning is not to be judged, since something that cannot be read was taken out there;
    a column of 0 stands for the whole line."""

    def locate(self, path: Path) -> tuple[int, int]:
        """The 1-based line and column of the value at ``path``, or of what encloses it."""
        node = self._at(path)
        return node.line, node.column

    def is_bare(self, path: Path) -> bool:
        """Whether the value at ``path`` is written without quotes."""
        return self._at(path).bare

    def _at(self, path: Path) -> _Node:
        node = self._root
        for step in path:
            inner = node.parts.get(step)
            if inner is None:
                break
            node = inner
        return node

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

    def is_torn(self, line: int, column: int) -> bool:
        """Whether what seems wrong at a place may come of what was taken out."""
        return (line, 0) in self.torn or (line, column) in self.torn

    def problem(self, path: Path, message: str, *, at_key: bool = False) -> Problem:
        """A problem of this file at the place of ``path``."""
        line, column = self.locate_key(path) if at_key else self.locate(path)
        return Problem(self.file, line, column, message)


def read_source(text: bytes, file: str) -> Source:
    """Read a YAML file whose top level is a mapping.

    Duplicate keys, tags, parts that cannot be read and the like are kept in ``Source.problems`` so that
    they can be told together with what a schema finds. Raises BadFile when nothing can be read as a mapping.
    """
    decoded, problems = _decode(text, file)
    builder = _Builder(file, problems)
    root = builder.build(decoded)
    empty = tuple(_empty(root, ()))
    return Source(file, _plain(root), tuple(builder.problems), empty, root, builder.torn)


def _decode(text: bytes, file: str) -> tuple[str, list[Problem]]:
    if len(text) > MAX_BYTES:
        raise BadFile(
            [Problem(file, 1, 1, f"the file is {len(text):,} bytes long; at most {MAX_BYTES:,} are read")]
        )
    decoded, problems = _as_text(text, file)
    if decoded.startswith(_BOM):
        decoded = decoded[1:]
        if not problems:
            message = "the file starts with a byte order mark: save it as UTF-8 without BOM"
            problems.append(Problem(file, 1, 1, message))
    strange = [_unprintable(decoded, found, file) for found in _UNPRINTABLE.finditer(decoded)]
    decoded, odd = _plainly_indented(_UNPRINTABLE.sub(_UNREADABLE, decoded))
    return decoded, [*problems, *strange, *(_slipped(slip, file) for slip in odd)]


def _plainly_indented(text: str) -> tuple[str, list[Slip]]:
    if text.isascii():
        return text, []
    lines, odd = odd_indents(_LINE_END.split(text))
    return ("\n".join(lines) if odd else text), odd


def _slipped(slip: Slip, file: str, start: int = 0) -> Problem:
    return Problem(file, start + slip.line + 1, slip.column + 1, slip.message)


def _as_text(text: bytes, file: str) -> tuple[str, list[Problem]]:
    """``text`` read as what it is, so that the rest can be told too, and a problem if that is not UTF-8."""
    encoding = _encoding(text)
    if encoding is not None:
        message = (
            f"this is {encoding.upper()} text, as some editors on Windows write it: save the file as UTF-8"
        )
        return text.decode(encoding, "replace"), [Problem(file, 1, 1, message)]
    decoded = text.decode("utf-8", "surrogateescape")
    problems = []
    for number, line in enumerate(_LINE_END.split(decoded), start=1):
        if found := _NOT_UTF8.search(line):
            meant = bytes([ord(found[0]) - _ESCAPED]).decode("cp1252", "replace")
            hint = f' (it would be "{meant}" in Latin-1)' if meant.isprintable() and meant.isalpha() else ""
            message = f"this is not UTF-8 text{hint}: save the file as UTF-8"
            problems.append(Problem(file, number, found.start() + 1, message))
    return _NOT_UTF8.sub(_UNREADABLE, decoded), problems


def _encoding(text: bytes) -> str | None:
    """Which UTF-16 this is, by its byte order mark or by the zero of every other byte; None if none."""
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for encoding, zeros in (("utf-16-le", text[1::2]), ("utf-16-be", text[::2])):
        if len(text) > 1 and zeros.count(0) * 2 > len(zeros):
            return encoding
    return None


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
        self.torn: frozenset[tuple[int, int]] = frozenset()
        self._anchors: dict[str, _Node] = {}
        self._nodes = 0
        self._aliased = 0

    def build(self, text: str) -> _Node:
        """The root mapping of the only document. Raises BadFile if there is none."""
        before, lines = list(self.problems), _LINE_END.split(text)
        try:
            return self._read(text)
        except MarkedYAMLError as error:
            fault = error
        self.problems = before
        mended = mend(lines) if len(text) <= MAX_MENDED_CHARS else None
        if mended is None or not mended.broken:
            raise BadFile([*before, *self._explain(fault, text, lines)])
        return self._mended(mended, lines)

    def _read(self, text: str) -> _Node:
        self._anchors.clear()
        self._nodes = self._aliased = 0
        try:
            return self._document(YAML(typ="safe", pure=True).parse(text))
        except MarkedYAMLError:
            raise
        except (YAMLError, ValueError, OverflowError):
            raise BadFile([*self.problems, _unmarked(text, self.file)]) from None

    def _mended(self, mended: Mended, lines: list[str]) -> _Node:
        for part in mended.broken[:MOST_PROBLEMS]:
            self.problems += self._explain(part.error, part.text, lines, part.start)
        self.torn = mended.torn
        said = list(self.problems)
        if mended.text is None:
            line = mended.broken[-1].start + 1
            message = "from here on nothing was looked at: mend what is told above first"
            raise BadFile([*said[: MOST_PROBLEMS - 1], Problem(self.file, line, 1, message)])
        try:
            return self._read(mended.text)
        except (MarkedYAMLError, BadFile):
            raise BadFile(said) from None

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
            node.bare = event.style is None
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
            message = (
                'this alias ("*...") refers to nothing above it: put text that starts with "*" in quotes'
            )
            self._note(event, message)
            return _Node(event.start_mark.line + 1, event.start_mark.column + 1, f"*{event.anchor}")
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

    def _explain(
        self, error: MarkedYAMLError, text: str, lines: list[str], start: int = 0
    ) -> Iterator[Problem]:
        """What the parser stumbled over in ``text``, which begins with line ``start`` of ``lines``."""
        mark = error.problem_mark or error.context_mark
        raw = str(error.problem or error.context or "")
        if any(part in raw for part in _TOLD_AT_THE_START) and error.context_mark:
            mark = error.context_mark  # the other is wherever the parser gave up
        tabs = list(self._tabs(text, start)) if "'\\t'" in raw else []
        if tabs:
            yield from tabs
            return
        if dash := missing_dash(lines, start + mark.line) or missing_dash(lines, start):
            yield _slipped(dash, self.file)
            return
        if spaces := missing_spaces(text, mark.line):
            yield from (_slipped(space, self.file, start) for space in spaces)
            return
        sign = _LINE_END.split(text)[mark.line][mark.column : mark.column + 1]
        yield Problem(self.file, start + mark.line + 1, mark.column + 1, _in_plain_words(raw, sign))

    def _tabs(self, text: str, start: int) -> Iterator[Problem]:
        for number, line in enumerate(_LINE_END.split(text), start=start + 1):
            if "\t" in line[: len(line) - len(line.lstrip())]:
                yield Problem(self.file, number, line.index("\t") + 1, "a tab is used to indent: use spaces")


def _unmarked(text: str, file: str) -> Problem:
    """What failed inside the parser without a mark: an escape such as "\\UFFFFFFFF" does, in chr()."""
    for found in _WIDE_ESCAPE.finditer(text):
        if int(found["code"], 16) > sys.maxunicode:
            line, column = _place(text[: found.start("escape")])
            return Problem(file, line, column, f"there is no character {found['escape']}: remove it")
    return Problem(file, 1, 1, "this is not valid YAML 1.2")


def _in_plain_words(raw: str, sign: str) -> str:
    """A sentence for the parser's complaint ``raw``, at whose place ``sign`` stands."""
    for part, at, sentence in _AT_A_SIGN:
        if part in raw and sign == at:
            return sentence
    known = (sentence for part, sentence in _IN_PLAIN_WORDS if part in raw)
    # The parser may quote the text it stumbled over, which can be a secret.
    return next(known, "this is not valid YAML: " + _QUOTED.sub('"..."', raw))


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
