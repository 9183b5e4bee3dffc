"""Hostile words in every comment, judged by readers of the markup that share nothing with what writes it.

Linear's Markdown is read by markdown-it, with everything switched on that could mean something; no library
reads Jira's wiki text, so a strict reader of the little that our comments use stands here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from classifiers.sprint_judgement import SprintJudgement
from sprintwarden.comment_examples import BOTH, CROSSED, EVERYTHING, STALLED
from trackers.jira.markup import render as wiki
from trackers.linear.markup import render as markdown
from trackers.prose import Block, Bullets, Paragraph, Prose, Span, bold, code, plain
from trackers.sprints import Unit
from workers import sprint_wording, wording
from workers.wording import Reason

pytestmark = pytest.mark.fault(39)

JOINER: Final = "\u2060"
SNOOZE: Final = "be-quiet"
SEEN: Final = r"""
ABC-1 ENG-123 #123 GH-7 @ada @[Ada](user:1) [~accountid:5b10] [~ada] evil.example www.evil.example
//evil.example https://evil.example/x ftp://evil.example mailto:ada@evil.example file:///etc
https://linear.app/acme/profiles/ada linear.app/a {code} {html} {panel:title=x} {include:page}
{color:red} {noformat} ![x](https://evil.example/p.png) [x](https://evil.example)
[x|https://evil.example] !p.png! <b> <!-- <script>alert(1)</script> &lt; &#60; &commat; ` ``` ~~~ ** __
*x* _x_ -x- ~~x~~ ++ ^^ ?? || | |- --- === # ## h1. bq. fn1. - * + > 1. 1) [ ] [x] [^1] :D ;) (y) (!) \
\\ \[ \{ {{x}} {sprint} $$x$$ 👍 é 你好 שלום
"""
WORDS: Final = (
    *SEEN.split(),
    *("\u202e", "\u200b", "\u2066", "\u3164", "\U000e0061", "👩\u200d👧", "\x00", "\x1b[31m", "\x7f"),
    *("\r\n", "\n\n", "\n-", "\n# ", "\u2028", "\u0085"),
)
TEXT = st.one_of(
    st.lists(st.sampled_from([*WORDS, " ", "", "a", "9"]), max_size=6).map("".join),
    st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join),
    st.text(alphabet=st.characters(codec="utf-8"), max_size=30),
)


# Linear: a tree of nodes.

READER: Final = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS: Final = frozenset(
    f"{kind}{end}"
    for kind in ("paragraph", "bullet_list", "list_item", "strong")
    for end in ("_open", "_close")
) | {"inline", "text", "code_inline"}
"""The kinds of node that our comments have. None of them links, loads, mentions or heads anything."""
RECOGNISED: Final = re.compile(
    r"://|@\w|#\d|[A-Za-z0-9]-\d|\w\.[A-Za-z]|\bwww\.",
    re.IGNORECASE,
)
"""What an editor looks for in plain text to make a link or a mention of."""


def markdown_lines(text: str) -> list[str]:
    """What each paragraph and item of a comment on Linear shows; fails when anything else is in it."""
    shown = []
    for token in READER.parse(text):
        assert token.type in OURS, f"{token.type} in {text!r}"
        if token.type == "inline":
            shown.append("".join(_shown(child, text) for child in token.children or ()))
    return shown


def _shown(token: Token, text: str) -> str:
    assert token.type in OURS, f"{token.type} in {text!r}"
    assert not token.attrs, f"{token.attrs} in {text!r}"
    if token.type == "text":
        assert not RECOGNISED.search(token.content), f"{token.content!r} in {text!r}"
    return token.content


# Jira: lines of text, in which a backslash takes a sign's meaning away.

SIGNS: Final = frozenset("{}[]()*_+^~?!|%#@-")
LINE_KINDS: Final = re.compile(r"(h[1-6]|bq|fn\d*)\.")
JIRA_RECOGNISED: Final = re.compile(
    r"://|\b(mailto|file|news|irc|nntp):|\bwww\.|&#?\w+;|[A-Za-z0-9]\\?-\d|:[DP]\b|;[DP]\b", re.IGNORECASE
)


def wiki_lines(text: str) -> list[str]:
    """What each paragraph and item of a comment on Jira shows; fails when anything else is in it."""
    lines = [line for line in text.split("\n") if line]
    return [_wiki_line(line.removeprefix("* "), text) for line in lines]


def _wiki_line(line: str, text: str) -> str:
    assert not LINE_KINDS.match(line), f"a line of another kind in {text!r}"
    assert not JIRA_RECOGNISED.search(line), f"something Jira makes a link or a picture of in {text!r}"
    shown, at, is_bold, is_code = "", 0, False, False
    while at < len(line):
        char, two = line[at], line[at : at + 2]
        if char == "\\":
            assert two[1:] == JOINER or two[1:] in SIGNS, f"{two!r} in {text!r}"
            shown += "\\" if two[1:] == JOINER else two[1:]
            at += 2
        elif two in ("{{", "}}") and is_code is (two == "}}"):
            is_code = not is_code
            at += 2
        elif char == "*" and not is_code:
            is_bold = not is_bold
            at += 1
        else:
            assert char not in SIGNS, f"{char!r} is in force in {text!r}"
            shown += char
            at += 1
    assert not (is_bold or is_code), f"something is not closed in {text!r}"
    return shown


# Both.


def expected(prose: Prose) -> list[str]:
    """What people are to read, block by block and item by item."""
    rows = []
    for block in prose:
        rows += [block.spans] if isinstance(block, Paragraph) else list(block.items)
    return [folded("".join(span.text for span in spans)) for spans in rows]


def folded(text: str) -> str:
    """``text`` without what cannot be seen, white space and the signs that a code span may not hold."""
    seen = (char for char in text if unicodedata.category(char)[0] not in "CZ" and not char.isspace())
    return re.sub(
        r"[`’\u034f\u115f\u1160\u17b4-\u17b5\u180b-\u180f\u2800\u3164\uffa0\U000e0100-\U000e01ef]",
        "",
        "".join(seen),
    )


def check(prose: Prose) -> None:
    """The comment reads as written on both trackers, and means nothing more."""
    wanted = [row for row in expected(prose) if row]
    for render, lines in ((markdown, markdown_lines), (wiki, wiki_lines)):
        text = render(prose)
        assert [row for row in map(folded, lines(text)) if row] == wanted, text
        strange = {char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn")}
        assert strange <= {JOINER, "\n"}
        assert len(text) < 30_000


SPAN = st.builds(lambda make, text: make(text), st.sampled_from([plain, bold, code]), TEXT)
SPANS = st.lists(SPAN, max_size=5).map(tuple)
BLOCK = st.builds(Paragraph, SPANS) | st.builds(Bullets, st.lists(SPANS, min_size=1, max_size=3).map(tuple))


@settings(max_examples=50)
@given(TEXT, TEXT, TEXT)
def test_words_of_an_issue_mean_nothing_in_a_comment_about_labels(name: str, word: str, more: str) -> None:
    reasons = [
        Reason(name, (f'the title has the word "{word}"', f"the component is {more}")),
        Reason(more, (word,), learned=True, component=True),
    ]
    check(wording.labelled(reasons, earlier=[word, more]))
    check(wording.suggested(reasons[:1]))
    check(wording.reads_like(reasons[0]))


@dataclass(frozen=True)
class _Keys:
    """Puts other words in the place of every issue's key."""

    words: Iterator[str]

    def instead(self, value: Any) -> Any:
        if isinstance(value, str) and re.fullmatch(r"[A-Z]+-\d+", value):
            return next(self.words)
        if isinstance(value, tuple):
            return tuple(map(self.instead, value))
        if is_dataclass(value) and not isinstance(value, type):
            held = {field.name: self.instead(getattr(value, field.name)) for field in fields(value)}
            return replace(value, **held)
        return value


def hostile(judgement: SprintJudgement, name: str, keys: Sequence[str]) -> SprintJudgement:
    """``judgement`` about a sprint of that name, with issues of those keys."""
    words = (keys[number % len(keys)] for number in range(10_000))
    made: SprintJudgement = _Keys(words).instead(judgement)
    return replace(made, sprint=replace(made.sprint, name=name))


JUDGEMENT = st.sampled_from([EVERYTHING, CROSSED, BOTH, STALLED])
NOT_KEYS = TEXT.filter(lambda text: not re.fullmatch(r"[A-Z][A-Z0-9_]*-[0-9]+", text))


@settings(max_examples=20)
@given(JUDGEMENT, TEXT, st.lists(NOT_KEYS, min_size=1, max_size=4))
def test_names_and_keys_mean_nothing_in_a_comment_about_a_sprint(
    judgement: SprintJudgement, name: str, keys: list[str]
) -> None:
    about = hostile(judgement, name, keys)
    check(sprint_wording.sprint_comment(about, snooze_label=SNOOZE))
    sprint = about.sprint
    check(sprint_wording.ended(sprint, Unit.POINTS, 3, 2))
    check(sprint_wording.snoozed(sprint, SNOOZE))
    check(sprint_wording.moved(sprint, keys[0]))
    for say in (sprint_wording.deleted, sprint_wording.put_off, sprint_wording.reopened):
        check(say(sprint))


@settings(max_examples=20)
@given(TEXT, TEXT)
def test_what_an_admin_writes_breaks_nothing(sentence: str, label: str) -> None:
    said = {
        "how_advice": sentence.replace("{", "").replace("}", "").replace("**", ""),
        "head_scope": "{sprint} {noun}.",
    }
    about = hostile(CROSSED, "Sprint", ["an issue"])
    check(sprint_wording.sprint_comment(about, said, snooze_label=label))


@pytest.mark.parametrize("render", [markdown, wiki])
def test_an_issues_key_is_in_force_because_it_is_a_key(render: Callable[[Prose], str]) -> None:
    assert "now stands on ABC-17." in render(sprint_wording.moved(BOTH.sprint, "ABC-17"))


@settings(max_examples=80)
@given(st.lists(BLOCK, max_size=4))
def test_no_row_of_spans_means_more_than_it_says(prose: list[Block]) -> None:
    apart: list[Block] = []
    for block in prose:
        # What stands against a bold or a code part may keep its marks from being read as marks.
        apart.append(_spaced(block))
    check(apart)


def _spaced(block: Block) -> Block:
    if isinstance(block, Paragraph):
        return Paragraph(_parted(block.spans))
    return Bullets(tuple(map(_parted, block.items)))


def _parted(spans: Sequence[Span]) -> tuple[Span, ...]:
    return tuple(part for span in spans for part in (span, plain(" ")))


@pytest.mark.parametrize("size", [40_000, 1_000_000])
@pytest.mark.parametrize(
    "piece", ["A" * 9, "{code}", "[x](http://x.example)", "\u202e", "\U0001f469\u200d", "ABC-1 "]
)
def test_a_very_long_text_makes_no_long_comment(piece: str, size: int, seen: Callable[[str], None]) -> None:
    text = piece * (size // len(piece))
    reasons = [Reason(text, (text, text)), Reason(f"x{text}", (text,), learned=True)]
    key = f"ABC-{'1' * size}"
    for prose in (
        wording.labelled(reasons, earlier=[text]),
        wording.suggested(reasons),
        wording.reads_like(reasons[0]),
        sprint_wording.sprint_comment(hostile(EVERYTHING, text, [text, key]), snooze_label=SNOOZE),
        sprint_wording.moved(BOTH.sprint, key),
    ):
        check(prose)
    seen("read as written by an independent reader, nothing of it in force")
