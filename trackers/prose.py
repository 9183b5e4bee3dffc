"""What a comment says, before it becomes either tracker's markup.

Only what both render is here: paragraphs and bullet lists of plain, bold and code text. Whatever
text such a span holds, a tracker's ``markup.render`` makes it inert: it is read as written, links
nothing, mentions nobody and starts no macro. Only a raw span means what it says.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Style(StrEnum):
    PLAIN = "plain"
    BOLD = "bold"
    CODE = "code"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class Span:
    text: str
    style: Style = Style.PLAIN


Spans = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    spans: Spans


@dataclass(frozen=True, slots=True)
class Bullets:
    items: tuple[Spans, ...]


Block = Paragraph | Bullets
Prose = Sequence[Block]


def plain(text: str) -> Span:
    return Span(text)


def bold(text: str) -> Span:
    return Span(text, Style.BOLD)


def code(text: str) -> Span:
    return Span(text, Style.CODE)


def raw(text: str) -> Span:
    """``text`` as the tracker's own markup, in force: only for an admin's own words and issues' keys."""
    return Span(text, Style.RAW)


def one_line(text: str) -> str:
    """``text`` without control and formatting characters, on one line.

    Direction overrides and zero-width characters go too: they can make a line read otherwise than
    it is.
    """
    visible = "".join(" " if char.isspace() else char for char in text if char.isspace() or _shown(char))
    return " ".join(visible.split())


def spaced_like(original: str, shown: str) -> str:
    """``shown``, with a space where ``original`` begins or ends with white space: spans stand in a row."""
    if not shown:
        return " " if original and not original.strip() else ""
    before = " " if original[:1].isspace() else ""
    after = " " if original[-1:].isspace() else ""
    return f"{before}{shown}{after}"


def _shown(char: str) -> bool:
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"}


def compose(prose: Prose, span: Callable[[Span], str], bullet: str) -> str:
    """Lay ``prose`` out in a markup where blank lines part blocks.

    ``span`` writes one span, ``bullet`` begins an item of a list.
    """

    def line(spans: Spans) -> str:
        return "".join(map(span, spans)).strip()

    blocks = []
    for block in prose:
        match block:
            case Paragraph(spans):
                blocks.append(line(spans))
            case Bullets(items):
                blocks.append("\n".join(f"{bullet} {line(item)}" for item in items))
    return "\n\n".join(blocks)
