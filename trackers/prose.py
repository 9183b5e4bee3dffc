"""What a comment says, before it becomes either tracker's markup.

Only what both render is here: paragraphs and bullet lists of plain, bold and code text. Whatever
text such a span holds, a tracker's ``markup.render`` makes it inert: it is read as written, links
nothing, mentions nobody and starts no macro. Only a raw span means what it says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\U000e0100-\U000e01ef]"
)
"""What shows nothing though its category says otherwise: text could be hidden in it."""


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
    it is, or hold what nobody sees.
    """
    text = _BLANK.sub("", text)
    visible = "".join(" " if char.isspace() else char for char in text if char.isspace() or _shown(char))
    return " ".join(visible.split())


def shortened(text: str, most: int) -> str:
    """``one_line`` of ``text`` with at most ``most`` characters, an ellipsis where some were left out.

    Takes no longer for a long text than for a short one.
    """
    line = one_line(text[: 10 * most])
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def joined(spans: Sequence[Span]) -> Spans:
    """``spans`` with neighbours of one style made one, so that markup does not break within a word."""
    out: list[Span] = []
    for span in spans:
        if out and out[-1].style is span.style and span.style in (Style.PLAIN, Style.BOLD):
            out[-1] = Span(out[-1].text + span.text, span.style)
        elif span.text:
            out.append(span)
    return tuple(out)


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
        # Two texts that are harmless apart may mean something together, and so may two parts' marks.
        seen = [one for one in spans if one_line(one.text) or not one.text.strip()]
        return "".join(map(span, joined(seen))).strip()

    blocks = []
    for block in prose:
        match block:
            case Paragraph(spans):
                blocks.append(line(spans))
            case Bullets(items):
                blocks.append("\n".join(f"{bullet} {line(item)}" for item in items))
    return "\n\n".join(blocks)
