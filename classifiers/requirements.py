"""What an issue asks for, line by line: which lines of its description are new since the sprint began.

Of the text at the start nothing is kept but keyed hashes (``fingerprint``), from which nothing can be read
back without the key. Markdown and Jira wiki text are read alike. Every pattern takes time linear in the text.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from base64 import urlsafe_b64encode
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Final

from classifiers.text import plain, words

MOST_LINES: Final = 120
MOST_WORDS: Final = 40
"""Of a longer line the first different ones."""
SAME: Final = 0.6
"""A line with this share of its words in a vanished line is that line, edited."""
PIECE: Final = 0.9
"""A line with this share of its words in a vanished line was part of it: a line may be split into several."""
_LONGEST: Final = 60_000
"""Characters read of a description."""
_HEADING_WORDS: Final = 4
"""A line that ends with a colon and has no more words than this is a heading."""
_WRAPPED: Final = 60
"""Characters from which on a line may have been broken by an editor."""

_BLOCK: Final = re.compile(
    r"(?P<fence>```|~~~).*?(?:(?P=fence)|\Z)"
    r"|\{(?P<macro>code|noformat|quote)\b[^{}\n]{0,100}\}.*?(?:\{(?P=macro)\}|\Z)|<!--.*?(?:-->|\Z)",
    re.DOTALL,
)
_PASSED_OVER: Final = re.compile(
    r"[ \t]*(?:>|bq\.|h[1-6]\.[ \t]|\|\||#{3,6}[ \t]"
    r"|(?P<stars>\*{1,2}|__)[^*_\n]{1,80}(?P=stars):?[ \t]*\Z"  # a bold line is a heading
    r"|at [\w$.<>/]{1,200}[ ]?\(|File \"|Traceback\b|Caused by:|[\w.]{1,200}(?:Exception|Error)\b:?"
    r"|\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\[?\d\d:\d\d:\d\d|\[?(?:ERROR|WARN(?:ING)?|INFO|DEBUG|TRACE|FATAL)\b"
    r"|\$[ ])"
)
_HASH: Final = re.compile(r"[ \t]*#{1,2}[ \t]")
"""A heading in Markdown, and in Jira's wiki text an item of a numbered list."""
_RULED: Final = re.compile(r"[ \t]*\|?[ \t]*:?-{2,}[-:| \t]*\Z")
_MARKER: Final = re.compile(
    r"[ \t]*(?:[-*+•#]{1,6}|\d{1,3}[.)]|[a-zA-Z]\))[ \t]+(?:\[[ xX]\][ \t]+|\([/x!]\)[ \t]*)?"
)
_LINK: Final = re.compile(
    r"!?\[(?P<text>[^\[\]|\n]{0,300})\](?:\([^()\s]{1,2000}\))|\[(?P<wiki>[^\[\]|\n]{1,300})\|[^\[\]\n]{1,2000}\]"
    r"|<?\b(?:https?|ftp|mailto):[^\s<>\])|]{1,2000}>?",
    re.IGNORECASE,
)
_IMAGE: Final = re.compile(
    r"!\[[^\[\]\n]{0,300}\]\([^()\s]{1,2000}\)|![^\s!|]{1,200}\.\w{2,5}(?:\|[^!\n]{0,100})?!"
)
_SENTENCE: Final = re.compile(r"(?<=[.!?])[ \t]+(?=[A-ZÀ-ÖØ-Þ\"“(])")
_ENDED: Final = (".", "!", "?", ":", ";")

_LITTLE: Final = frozenset(
    word
    for row in (
        "a an the and or of to in on at for with by from as is are be been was were it its this that these",
        "those we you they i he she our your their my can could should shall must may might will would need",
        "needs has have had do does not no able want if when then so also there which who",
    )
    for word in row.split()
)
"""Two demands share these words without having anything in common."""

_LINE_BYTES, _WORD_BYTES = 6, 3
_LINE, _WORD = 8, 4
"""Characters of a hash in base 64."""


def split_lines(text: str) -> list[str]:
    """The lines of a description that may state a demand, without their list marks, in order.

    List items, check boxes, rows of tables and sentences; not code, quotes, headings, pictures, lines of
    nothing but links, logs and stack traces. At most ``MOST_LINES``.
    """
    lines = (line.strip() for paragraph in _paragraphs(text) for line in _SENTENCE.split(paragraph))
    return list(islice((line for line in lines if words_of(line)), MOST_LINES))


def words_of(line: str) -> list[str]:
    """The words of a line in lower case, in order: a link's text, but not its address."""
    return words(_shown(line), shortest=1)


def fingerprint(text: str, key: bytes) -> tuple[str, ...]:
    """The lines of a description as keyed hashes: for each, eight characters for the line and four for
    each of its telling words, these in no order of the text.

    Hashes are BLAKE2b with ``key`` (RFC 7693, section 2.9), cut short: enough to know a word again, too
    few to be sure of one without the key. Equal words have equal hashes wherever the key is the same.

    Raises:
        ValueError: the key is empty or longer than 64 bytes.
    """
    return _Hashes(key).lines(split_lines(text))


def new_lines(before: Sequence[str], text: str, key: bytes) -> list[str]:
    """The lines of the present text that are new since ``before`` (a ``fingerprint`` with the same key).

    A line that was moved, marked up or ticked off is not new, and neither is one that shares most of its
    words with a line that vanished. Nothing is new where nothing of the former text is left: one written
    for the first time, or all anew, does not tell what was added to it.
    """
    present = split_lines(text)
    prints = _Hashes(key).lines(present)
    known = {line[:_LINE] for line in before}
    kept = [at for at, line in enumerate(prints) if line[:_LINE] in known]
    if len(before) >= MOST_LINES:  # what stood behind the last line that is remembered may be old
        prints = prints[: kept[-1] + 1] if kept else ()
    there = {line[:_LINE] for line in prints}
    vanished = [_words(line) for line in before if line[:_LINE] not in there]
    fresh: dict[str, int] = {}
    for at, line in enumerate(prints):
        if line[:_LINE] not in known:
            fresh.setdefault(line, at)
    edited = _edited([_words(line) for line in fresh], vanished)
    if not kept and not edited:
        return []
    return [
        present[at] for at in sorted(at for place, at in enumerate(fresh.values()) if place not in edited)
    ]


def _edited(fresh: Sequence[frozenset[str]], vanished: Sequence[frozenset[str]]) -> set[int]:
    """Which of the fresh lines are vanished ones, edited: the likest first, each vanished line once."""
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(vanished):
        for word in line:
            holders[word].append(number)
    alike: list[tuple[float, int, int]] = []
    for at, line in enumerate(fresh):
        shared = Counter(number for word in line for number in holders.get(word, ()))
        alike += [
            (-many / len(line), at, number) for number, many in shared.items() if many >= SAME * len(line)
        ]
    edited: set[int] = set()
    taken: set[int] = set()
    for share, at, number in sorted(alike):
        if at not in edited and (number not in taken or -share >= PIECE):
            edited.add(at)
            taken.add(number)
    return edited


def _words(line: str) -> frozenset[str]:
    return frozenset(line[at : at + _WORD] for at in range(_LINE, len(line), _WORD))


class _Hashes:
    """Lines as keyed hashes; a word met again costs nothing."""

    def __init__(self, key: bytes) -> None:
        if not key:
            raise ValueError("Requirement lines are kept as keyed hashes, and the key is empty.")
        self._key = key
        self._word = cache(lambda word: self._hash(word, _WORD_BYTES))

    def lines(self, lines: Sequence[str]) -> tuple[str, ...]:
        return tuple(self._line(words_of(line)) for line in lines)

    def _line(self, said: list[str]) -> str:
        told = list(dict.fromkeys(word for word in said if word not in _LITTLE)) or list(dict.fromkeys(said))
        return self._hash(" ".join(said), _LINE_BYTES) + "".join(sorted(map(self._word, told[:MOST_WORDS])))

    def _hash(self, text: str, size: int) -> str:
        return urlsafe_b64encode(
            hashlib.blake2b(text.encode(), key=self._key, digest_size=size).digest()
        ).decode()


def _paragraphs(text: str) -> Iterator[str]:
    """Lines that may state something, those that an editor broke joined again."""
    # Cut twice, for there are characters that grow eighteenfold.
    text = unicodedata.normalize("NFKC", text[:_LONGEST])[:_LONGEST]
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "&" in text:
        text = html.unescape(text)
    lines = _BLOCK.sub("\n", text).split("\n")
    held = ""
    for at, line in enumerate(lines):
        marked = _MARKER.match(line)
        stated = "" if _says_nothing(lines, at) else line[marked.end() if marked else 0 :].strip()
        if not marked and _goes_on(held, stated):
            held = f"{held} {stated}"
            continue
        if held:
            yield held
        held = stated
    if held:
        yield held


def _goes_on(held: str, line: str) -> bool:
    return len(held) >= _WRAPPED and not held.endswith(_ENDED) and line[:1].islower()


def _says_nothing(lines: Sequence[str], at: int) -> bool:
    line = lines[at]
    if not line.strip() or _PASSED_OVER.match(line) or _RULED.match(line):
        return True
    after = lines[at + 1] if at + 1 < len(lines) else ""
    if "|" in line and _RULED.match(after):  # the head of a table
        return True
    if _HASH.match(line):
        before = lines[at - 1] if at else ""
        return not (_HASH.match(before) or _HASH.match(after))
    said = words(plain(_LINK.sub(" ", _IMAGE.sub(" ", line))), shortest=1)
    return not said or (line.rstrip().endswith(":") and len(said) <= _HEADING_WORDS)


def _shown(line: str) -> str:
    """A line as its reader sees it."""
    return plain(_LINK.sub(_text_of, _IMAGE.sub(" ", line)))


def _text_of(link: re.Match[str]) -> str:
    return link["text"] or link["wiki"] or " "
