"""Comments in either tracker's markup: whatever a span holds is read as it is written, and does nothing."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackers.jira import markup as jira
from trackers.linear import markup as linear
from trackers.prose import Bullets, Paragraph, Prose, Span, bold, code, one_line, plain

JOINER = "\u2060"
JIRA_MEANS = frozenset("{}[]()*_+^~?!|%#@-")
"""What Jira's renderer lets a backslash escape, which is all that means anything to it."""
LINEAR_MEANS = frozenset("\\`*_{}[]()<>#+!|~&-")
BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"

HOSTILE = [
    "[~admin] @admin @[Admin](user:1) [~accountid:5b10]",
    "{code}rm -rf{code} {panel:title=x} {color:red}now{color} {include:page}",
    "[click|https://evil.example] https://evil.example ftp://evil.example",
    "![x](https://evil.example/pixel.png) !https://evil.example/pixel.png!",
    "<script>alert(1)</script> <!-- hidden --> <img src=x>",
    "mailto:someone@evil.example file:///etc/passwd \\\\server\\share www.evil.example",
    "*bold* _it_ -struck- +in+ ^up^ ~down~ ??cite?? {{mono}} **b** ~~s~~ `c` ```",
    "\\*not bold\\* \\{code} \\\\{code} \\\\\\{code} \\[a\\|b\\]",
    "\\b(CVE-\\d{4}-\\d{4,}) C:\\temp\\new",
    "one\ntwo\r\nthree\u2028four\u2029five\x0bsix\x85seven",
    f"a{BIDI}b\u200bc\u200dd\ufeffe\x00f\x1bg\x7fh",
    "&lt;b&gt; &#123;code&#125; &commat;admin https&colon;//evil.example AT&T",
    "||head|| |cell| h1. Big bq. quote # list - list 1. list ---- === * list > quote",
    "",
    "   ",
    "\u0301\ud83d e\u0301 👩\u200d👩\u200d👧 שלום مرحبا 你好",
]
TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=40) | st.text(
    alphabet="\\{}[]()*_+^~?!|%#@-`<>&:/.w1h \n" + JOINER, max_size=25
)


def read_jira(shown: str) -> str:
    """What Jira shows of a text; fails when anything in it means something."""
    out = []
    for at, char in enumerate(shown):
        before, after = shown[at - 1 : at], shown[at + 1 : at + 2]
        if char == "\\":
            assert before != "\\", "two backslashes break the line"
            if after in JIRA_MEANS and after:
                continue
            assert after == JOINER, "a backslash is kept from what follows"
        elif char in JIRA_MEANS:
            assert before == "\\", f"{char!r} is live in {shown!r}"
        out.append(char)
    return "".join(out).replace(JOINER, "")


def read_linear(shown: str) -> str:
    """What Linear shows of a text; fails when anything in it means something."""
    out, at = [], 0
    while at < len(shown):
        char = shown[at]
        if char == "\\":
            at += 1
            char = shown[at]
            assert char in LINEAR_MEANS | {"."}
        else:
            assert char not in LINEAR_MEANS, f"{char!r} is live in {shown!r}"
        out.append(char)
        at += 1
    return "".join(out).replace(JOINER, "")


def check(shown: str) -> None:
    """What holds in both."""
    assert "\n" not in shown
    assert "://" not in shown
    assert not re.search(r"(?i)(?<![a-z0-9])www\.", shown)
    strange = {char for char in shown if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"}}
    assert strange <= {JOINER}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_on_jira(text: str) -> None:
    shown = jira.escape(text)
    check(shown)
    assert read_jira(shown) == one_line(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_on_linear(text: str) -> None:
    shown = linear.escape(text)
    check(shown)
    assert read_linear(shown) == one_line(text)
    assert not re.search(rf"@(?!{JOINER})", shown)


@given(TEXT)
def test_any_text_is_read_as_written_on_jira(text: str) -> None:
    shown = jira.escape(text)
    check(shown)
    assert read_jira(shown) == one_line(text)


@given(TEXT)
def test_any_text_is_read_as_written_on_linear(text: str) -> None:
    shown = linear.escape(text)
    check(shown)
    assert read_linear(shown) == one_line(text)
    assert not re.search(rf"@(?!{JOINER})", shown)


@given(TEXT)
def test_nothing_leaves_a_code_span_on_linear(text: str) -> None:
    shown = linear.render([Paragraph((code(text),))])
    if not one_line(text):
        assert shown == ""
        return
    assert shown[0] == shown[-1] == "`"
    assert "`" not in shown[1:-1]
    check(shown)


@given(TEXT)
def test_nothing_leaves_a_code_span_on_jira(text: str) -> None:
    shown = jira.render([Paragraph((code(text),))])
    assert shown == "" or (shown[:2], shown[-2:]) == ("{{", "}}")
    read_jira(shown[2:-2])


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_a_text_never_begins_a_block_of_its_own(texts: list[str]) -> None:
    prose: Prose = [Bullets(tuple((plain(text),) for text in texts))]
    for markup, sign in ((jira, "* "), (linear, "- ")):
        lines = markup.render(prose).split("\n")
        assert len(lines) == len(texts)
        assert all(line.startswith(sign) for line in lines)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("h1. Big", f"h1{JOINER}. Big"),
        ("bq. said", f"bq{JOINER}. said"),
        ("# one", "\\# one"),
        ("- one", "\\- one"),
        ("mailto:x", f"mailto{JOINER}:x"),
        ("\\d", f"\\{JOINER}d"),
        ("\\{code}", f"\\{JOINER}\\{{code\\}}"),
        ("&lt;", f"&{JOINER}lt;"),
        ("a & b", "a & b"),
        ("smile :D", f"smile :{JOINER}D"),
        ("http://x", f"http:{JOINER}//x"),
        ("ABC-1", f"ABC-{JOINER}1".replace("-", "\\-")),
    ],
)
def test_jira_escapes(text: str, shown: str) -> None:
    assert jira.escape(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1. one", "1\\. one"),
        ("2026. A year", "2026\\. A year"),
        ("1.5 of it", "1.5 of it"),
        ("# one", "\\# one"),
        ("> said", "\\> said"),
        ("&lt;", "\\&lt;"),
        ("@ada", f"@{JOINER}ada"),
        ("www.x.example", f"www{JOINER}.x.{JOINER}example"),
        ("ENG-1", f"ENG\\-{JOINER}1"),
        ("#1", f"\\#{JOINER}1"),
        ("pre-flight", "pre\\-flight"),
        ("\\d", "\\\\d"),
    ],
)
def test_linear_escapes(text: str, shown: str) -> None:
    assert linear.escape(text) == shown


SHAPES: Prose = (
    Paragraph((plain("One "), bold("two"), plain(" and "), code("three"), plain("."))),
    Bullets(((plain("a"),), (bold("b"), plain(": c")))),
)


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        (jira, "One *two* and {{three}}.\n\n* a\n* *b*: c"),
        (linear, "One **two** and `three`.\n\n- a\n- **b**: c"),
    ],
)
def test_paragraphs_bullets_and_styles(markup: object, shown: str) -> None:
    render = jira.render if markup is jira else linear.render
    assert render(SHAPES) == shown


@pytest.mark.parametrize("span", [plain(""), bold(""), code(" \n "), bold("\u200b")])
def test_a_span_of_nothing_shows_nothing(span: Span) -> None:
    for render in (jira.render, linear.render):
        assert render([Paragraph((plain("a"), span, plain("b")))]) in ("ab", "a b")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\n b\t\tc", "a b c"),
        ("  a  ", "a"),
        ("a\x00b", "ab"),
        (f"a{BIDI}b", "ab"),
        ("a\u2028b", "a b"),
        ("a\u00a0b", "a b"),
        ("a\u3164b\U000e0101c\u2800", "abc"),
        ("e\u0301 👍 你", "e\u0301 👍 你"),
        ("", ""),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line
