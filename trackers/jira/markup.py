"""Prose as Jira wiki text, which Cloud and Data Center both read through REST v2.

Escapes after Atlassian's notation guide: a backslash takes a character's meaning away.
https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all
"""

from __future__ import annotations

import re
from typing import Final

from trackers.prose import Bullets, Paragraph, Prose, Span, Spans, Style, one_line

_MEANT: Final = re.compile(r"([\\{}\[\]()*_+^~?!|-])")
_NO_BREAK: Final = "\u2060"
"""Word joiner: invisible, and enough to keep a scheme from being read as a link."""


def render(prose: Prose) -> str:
    """The wiki text of ``prose``."""
    blocks = []
    for block in prose:
        match block:
            case Paragraph(spans):
                blocks.append(_spans(spans))
            case Bullets(items):
                blocks.append("\n".join(f"* {_spans(item)}" for item in items))
    return "\n\n".join(blocks)


def escape(text: str) -> str:
    """``text`` as it will be read, with nothing in it meaning anything to Jira."""
    clean = one_line(text).replace("://", f":{_NO_BREAK}//")
    return _MEANT.sub(r"\\\1", clean)


def _spans(spans: Spans) -> str:
    return "".join(map(_span, spans))


def _span(span: Span) -> str:
    text = escape(span.text)
    match span.style:
        case Style.BOLD:
            return f"*{text}*"
        case Style.CODE:
            return f"{{{{{text}}}}}"
        case _:
            return text
