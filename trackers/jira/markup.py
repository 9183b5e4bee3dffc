"""Prose as Jira wiki text, which Cloud and Data Center both read through REST v2.

Escapes after Atlassian's notation guide and its renderer: a backslash takes a character's meaning
away, but not one that follows another backslash (two of them break the line).
https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all
"""

from __future__ import annotations

import re
from typing import Final

from trackers.prose import Prose, Span, Style, compose, one_line, spaced_like

_MEANT: Final = re.compile(r"([{}\[\]()*_+^~?!|%#@-])")
_JOINER: Final = "\u2060"
"""Word joiner: invisible, and enough to keep what it divides from being read as one."""
_DIVIDED: Final = re.compile(
    r"\\"  # a backslash, from whatever follows it
    r"|:(?=//)|(?<![^\W_])(?:mailto|file|news|irc|nntp)(?=:)|(?<![^\W_])www(?=\.)"  # a link's beginning
    r"|(?<=[^\W_])-(?=\d)"  # an issue's key, which would get a link back
    r"|&(?=#?\w)"  # what makes a name an entity
    r"|\A(?:h[1-6]|bq|fn\d*)(?=\.)"  # what a line of another kind begins with
    r"|[:;](?=[DP](?![^\W_]))",  # eyes, from their mouth
    re.IGNORECASE,
)


def render(prose: Prose) -> str:
    """The wiki text of ``prose``."""
    return compose(prose, _span, "*")


def escape(text: str) -> str:
    """``text`` as it will be read, with nothing in it meaning anything to Jira."""
    # The joiner comes after each match, so that no two characters that mean something together touch.
    divided = _DIVIDED.sub(rf"\g<0>{_JOINER}", one_line(text))
    return _MEANT.sub(r"\\\1", divided)


def _span(span: Span) -> str:
    text = one_line(span.text) if span.style is Style.RAW else escape(span.text)
    if text and span.style is Style.BOLD:
        text = f"*{text}*"
    elif text and span.style is Style.CODE:
        text = f"{{{{{text}}}}}"
    return spaced_like(span.text, text)
