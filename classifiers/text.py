"""What a reporter wrote, as words a model may learn: cleaned of markup, secrets and people.

``clean`` turns title and body into plain text, still in the reporter's own case and order; everything
else takes that plain text: ``words``, ``word_grams``, ``char_grams``, ``opening``, and ``surface``, which
leads back from a token to what stands in the text. Every pattern takes time linear in the text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from classifiers.examples import Filed
from classifiers.redaction import NOBODY, Names, redact

HEAD: Final = 5_000
"""Characters kept from the beginning of a field."""
TAIL: Final = 1_000
"""Characters kept from the end of a longer field: people ask their question last."""
OPENING: Final = 12
"""Words of the opening where the title is none."""
LONGEST_TITLE: Final = 20
"""Words; a title with more is a whole text in the wrong field."""

_CJK: Final = "\u3040-\u30ff\u3400-\u9fff"
"""Scripts without spaces between words: each character counts as a word, two of them as a 2-gram."""
WORD: Final = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+")
"""Letters, figures and underscores in a row."""
_WORD_OR_QUESTION: Final = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+|\?")
_LONG_WORD: Final = re.compile(rf"[{_CJK}]|[^\W{_CJK}]{{2,}}")
_LONG_WORD_OR_QUESTION: Final = re.compile(rf"[{_CJK}]|[^\W{_CJK}]{{2,}}|\?")
_PATTERNS: Final = {
    (1, False): (WORD, re.compile(r"\w+")),
    (1, True): (_WORD_OR_QUESTION, re.compile(r"\w+|\?")),
    (2, False): (_LONG_WORD, re.compile(r"\w\w+")),
    (2, True): (_LONG_WORD_OR_QUESTION, re.compile(r"\w\w+|\?")),
}

_UNSEEN: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ud800-\udfff]")
_ESCAPED: Final = re.compile(r"\\(?=[^\w\s\\])")

_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_COMMENT_MARK: Final = re.compile(r"<!--|-->")
_MACRO: Final = re.compile(
    r"\{(?:code|noformat|quote|color|panel|anchor|expand|info|note|tip|warning|section|column|toc|csv)"
    r"(?:[:=][^{}\n]{0,300})?\}",
    re.IGNORECASE,
)
_ATTACHED: Final = re.compile(r"![^\s!|]{1,200}\.\w{2,5}(?:\|[^!\n]{0,100})?!")
_LINE_MARK: Final = re.compile(r"^[ \t]*(?:h[1-6]\.|bq\.|fn\d\.)[ \t]", re.MULTILINE)
_TAG: Final = re.compile(
    r"</?(?:a|b|blockquote|br|center|code|details|div|em|font|h[1-6]|hr|i|img|kbd|li|ol|p|pre|s|span|strong|"
    r"sub|summary|sup|table|tbody|td|th|thead|tr|u|ul)(?:\s[^<>]{0,500})?/?>",
    re.IGNORECASE,
)
_FLANKING: Final = re.compile(r"_(?<!\w_)_*|_(?<!__)_*+(?!\w)")
_MARKS: Final = str.maketrans(dict.fromkeys("*`{}|~^", " "))


@dataclass(frozen=True, slots=True)
class Plain:
    """An issue as plain text, in the reporter's own case."""

    title: str
    body: str

    @property
    def text(self) -> str:
        """Title and body, with a line between them."""
        return f"{self.title}\n{self.body}"


def clean(filed: Filed, names: Names = NOBODY) -> Plain:
    """Title and body without markup, secrets, addresses and the people of ``names``."""
    return Plain(plain(guarded(filed.title, names)), plain(guarded(filed.body, names)))


def guarded(text: str, names: Names = NOBODY) -> str:
    """``text`` cut to ``HEAD + TAIL`` characters and redacted, its markup still in place: for whoever
    reads headings, check boxes and the like. Line breaks become ``\\n``."""
    text = shortened(text).replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = unicodedata.normalize("NFC", _UNSEEN.sub("", text))
    # Before the redaction, so that nothing escaped turns into an address or a secret after it.
    if "&" in text:
        text = _UNSEEN.sub("", html.unescape(text))
    if "\\" in text:
        text = _ESCAPED.sub("", text)
    return redact(text, names)


def shortened(text: str) -> str:
    """The first ``HEAD`` and last ``TAIL`` characters, cut between lines, or words where lines are long:
    half a secret could not be known as one."""
    if len(text) <= HEAD + TAIL:
        return text
    head, tail = text[:HEAD], text[-TAIL:]
    return f"{head[: _last_gap(head)]}\n{tail[_first_gap(tail) :]}"


def _last_gap(head: str) -> int:
    line = head.rfind("\n", len(head) // 2)
    return line if line >= 0 else max(head.rfind(" "), 0)


def _first_gap(tail: str) -> int:
    line = tail.find("\n", 0, len(tail) // 2)
    if line >= 0:
        return line
    word = tail.find(" ")
    return word if word >= 0 else len(tail)


def plain(text: str, *, comments: bool = True) -> str:
    """Jira wiki text, Markdown or HTML as plain text. Code stays, its fences go.

    ``comments``: keep the words of HTML comments, which is where a form tells what to fill in.
    """
    if "<" in text:
        text = _COMMENT_MARK.sub(" ", text) if comments else _COMMENT.sub(" ", text)
        text = _TAG.sub(" ", text)
    if "{" in text:
        text = _MACRO.sub(" ", text)
    if "!" in text:
        text = _ATTACHED.sub(" ", text)
    if "." in text:
        text = _LINE_MARK.sub("", text)
    if "_" in text:
        text = _FLANKING.sub(" ", text)
    return text.translate(_MARKS)


def words(text: str, *, shortest: int = 2, question: bool = False) -> list[str]:
    """The words of plain text in lower case, in order; with ``question`` every ``?`` is one too.

    ``shortest``: 1 or 2 characters. Chinese and Japanese characters are words of their own.
    """
    by_character, by_space = _PATTERNS[shortest, question]
    lowered = text.lower()
    return (by_space if lowered.isascii() else by_character).findall(lowered)


def word_grams(found: Sequence[str]) -> list[str]:
    """Words, and every two neighbours joined by a space, as scikit-learn's ``ngram_range=(1, 2)``."""
    return [*found, *map("{} {}".format, found, found[1:])]


def char_grams(text: str, shortest: int = 2, longest: int = 5) -> list[str]:
    """Runs of characters inside words in lower case, as scikit-learn's ``char_wb``: each word has a
    space before and after it, and one shorter than a run counts once."""
    grams: list[str] = []
    for word in text.lower().split():
        padded = f" {word} "
        length = len(padded)
        for size in range(shortest, longest + 1):
            if size >= length:
                grams.append(padded)
                break
            grams += [padded[at : at + size] for at in range(length - size + 1)]
    return grams


def opening(issue: Plain) -> list[str]:
    """The words an issue begins with: its title, or the first ``OPENING`` words of title and body where
    the title is empty or holds the whole text."""
    title = words(issue.title)
    if 1 <= len(title) <= LONGEST_TITLE:
        return title
    return words(issue.text)[:OPENING] if not title else title[:OPENING]


def surface(text: str, tokens: Collection[str]) -> dict[str, str]:
    """The tokens as they first stand in plain text, in its own case; one that stands nowhere in it (a run
    of characters, a letter whose lower case is longer) is left out.

    ``tokens``: words, or two words with a space between, in lower case.
    """
    wanted = set(tokens)
    found: dict[str, str] = {}
    for written in _sequences(text):
        before, before_lowered = "", ""
        for word in written:
            lowered = word.lower()
            if lowered in wanted:
                found.setdefault(lowered, word)
            pair = f"{before_lowered} {lowered}"
            if pair in wanted:
                found.setdefault(pair, f"{before} {word}")
            before, before_lowered = word, lowered
    return found


def _sequences(text: str) -> Iterable[list[str]]:
    """The words as every way of counting them has them: neighbours differ with the short ones."""
    yield _LONG_WORD.findall(text)
    yield _WORD_OR_QUESTION.findall(text)
