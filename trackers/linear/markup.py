"""Prose as Markdown for Linear (CommonMark with Linear's mentions)."""

from __future__ import annotations

import re
from typing import Final

from trackers.prose import Prose, Span, Style, compose, one_line, spaced_like

_MEANT: Final = re.compile(r"([\\`*_{}\[\]()<>#+!|~&-])")
_NUMBERED: Final = re.compile(r"\A(\d{1,9})\.(?=\s|\Z)")
"""What begins a numbered list."""
_JOINER: Final = "\u2060"
"""Word joiner: invisible, and enough to keep a mention or a link from being recognised."""
_DIVIDED: Final = re.compile(r":(?=//)|@|(?<![^\W_])www(?=\.)", re.IGNORECASE)
_REFERRING: Final = re.compile(
    r"(?<=[^\W_])-(?=\d)"  # ENG-1 is an issue, and would get a link back
    r"|#(?=\d)"  # the same where comments are carried to GitHub
    r"|(?<=\w)\.(?=[^\W\d_])"  # evil.example is a link to an editor that looks for bare host names
)


def render(prose: Prose) -> str:
    """The Markdown of ``prose``."""
    return compose(prose, _span, "-")


def escape(text: str) -> str:
    """``text`` as it will be read, with nothing in it meaning anything to Linear."""
    return _NUMBERED.sub(r"\1\\.", _MEANT.sub(r"\\\1", _divide(_REFERRING, _disarm(one_line(text)))))


def _disarm(text: str) -> str:
    return _divide(_DIVIDED, text)


def _divide(at: re.Pattern[str], text: str) -> str:
    return at.sub(rf"\g<0>{_JOINER}", text)


def _span(span: Span) -> str:
    text = one_line(span.text) if span.style is Style.RAW else escape(span.text)
    if text and span.style is Style.BOLD:
        text = f"**{text}**"
    elif text and span.style is Style.CODE:
        # A code span shows its text as it is; only the fence itself must not appear in it.
        text = f"`{_disarm(one_line(span.text)).replace('`', chr(0x2019))}`"
    return spaced_like(span.text, text)
