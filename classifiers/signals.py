"""What a reporter's text shows beside its words: a form's fields, how the title opens, and counts.

Everything is told as tokens, so that a model can count and weigh them as it does words. Markdown forms
and Jira wiki headings are read alike. The body is taken with its markup (``text.guarded``). Every
pattern takes time linear in the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

LONGEST: Final = 50
"""Characters kept of a heading or a line of a form."""
LONGEST_ANSWER: Final = 40
"""A longer answer is free text."""
BINS: Final = 8
"""Counts from 2 ** (BINS - 1) on look alike; a text's length may have twice as many."""

_COMMENT: Final = re.compile(r"<!--(.*?)(?:-->|\Z)", re.DOTALL)
_FENCED: Final = re.compile(
    r"```.*?(?:```|\Z)|\{(code|noformat)\b[^{}\n]{0,100}\}.*?(?:\{\1\}|\Z)", re.DOTALL
)
_HEADING: Final = re.compile(
    r"[ ]{0,3}(?:#{1,6}[ \t]+(?P<hash>[^\n]{1,200})|h[1-6]\.[ \t]*(?P<wiki>[^\n]{1,200})"
    r"|(?P<stars>\*{1,2})(?P<bold>[^*\n]{2,60})(?P=stars):?[ \t]*$)"
)
_KEY_VALUE: Final = re.compile(
    r"[ \t]*(?:[-*][ \t]+)?\*{0,2}(?P<key>[A-Za-z][\w /()'?-]{1,40})\*{0,2}:\*{0,2}[ \t]+"
    r"(?P<value>\S[^\n]{0,39})$"
)
_BOX: Final = re.compile(r"[ \t]*[-*][ \t]+\[(?P<mark>[ xX])\][ \t]*(?P<text>[^\n]{1,100})")
_BRACKET: Final = re.compile(r"\[([^\[\]\n]{1,30})\]")
_PREFIX: Final = re.compile(r"([\w .()/-]{1,25}):\s")
_WORD: Final = re.compile(r"\w+|\?")
_NO_ANSWER: Final = frozenset({"_no response_", "no response", "n/a", "none"})

_QUESTION_WORDS: Final = frozenset({"how", "what", "why", "where", "when", "which", "who"})
_QUESTION_OPENERS: Final = _QUESTION_WORDS | frozenset(
    {"is", "are", "can", "could", "should", "does", "do", "would", "will", "has"}
)
_FAILURE: Final = re.compile(
    r"\b(?:errors?|crash\w*|fail\w*|leak\w*|cannot|can't|wrong\w*|broken|exception|segfault|incorrect\w*"
    r"|not work\w*|doesn'?t work|unable|missing|bug|invalid|hang\w*|freez\w*)\b",
    re.IGNORECASE,
)

_COUNTED: Final[Mapping[str, re.Pattern[str]]] = {
    "images": re.compile(r"!\[|<img\b|![^\s!|]{1,200}\.(?:png|jpe?g|gif)\b", re.IGNORECASE),
    "links": re.compile(r"https?://", re.IGNORECASE),
    "trace": re.compile(
        r"^[ \t]*(?:at [\w$.<>/]{1,200}[ ]?\(|File \"[^\"\n]{1,300}\", line \d|Traceback\b|Caused by:"
        r"|[\w.]{1,200}(?:Exception|Error)\b)",
        re.MULTILINE,
    ),
    "versions": re.compile(r"\b\d+\.\d+"),
    "references": re.compile(r"(?<![\w#])#\d+\b|\b[A-Z]{2,10}-\d+\b"),
    "fences": re.compile(r"```|\{(?:code|noformat)\b|<pre\b"),
    "list": re.compile(r"^[ \t]*(?:[-*#]|\d{1,2}\.)[ \t]", re.MULTILINE),
    "emoji": re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]"),
}
"""Looked for in the body with its markup."""
_SAID: Final[Mapping[str, tuple[str, ...]]] = {
    "i": ("i", "my", "me"),
    "we": ("we", "our", "us"),
    "please": ("please", "help", "thank", "thanks"),
    "want": (
        *("would", "should", "add", "support", "feature", "allow", "ability", "want", "need"),
        *("implement", "implemented", "implementation", "implementing", "propose", "proposal", "suggest"),
        "suggestion",
    ),
    "failure": (
        *("error", "errors", "crash", "crashes", "crashed", "fail", "fails", "failed", "failing", "failure"),
        *("expected", "actual", "reproduce", "reproduced", "reproducing", "reproduction"),
    ),
    "wonder": (
        *("wonder", "wondering", "question", "questions", "possible", "why", "know", "understand"),
        "understanding",
    ),
    "question": ("?",),
}
"""Words counted in title and body outside of code."""
_SAYS: Final = {word: name for name, words in _SAID.items() for word in words}
_HOW: Final = re.compile(r"\bhow (?:to|do|can|should)\b")
_SAMPLE: Final = 1_000
"""Characters in which capitals are counted."""

_NUMBER_PHRASES: Final = {
    "headings": "the headings of a form",
    "boxes": "check boxes",
    "images": "a picture",
    "links": "a link",
    "trace": "a stack trace",
    "versions": "version numbers",
    "references": "references to other issues",
    "fences": "a block of code",
    "list": "a list",
    "emoji": "emoji",
    "i": "the reporter speaks of themselves",
    "we": 'it speaks of "we"',
    "please": "it asks for help",
    "want": "it says what should be there",
    "failure": "it tells of something failing",
    "how": "it asks how to do something",
    "wonder": "it wonders about something",
    "question": "a question",
}
_LENGTHS: Final = frozenset({"title", "body", "prose", "lines", "ticks"})


def form_fields(body: str) -> list[str]:
    """Headings, short answers under them, ``Key: value`` lines, check boxes and the form's own comments."""
    found: dict[str, None] = {}
    for token in _fields(body):
        found[token] = None
    for comment in _COMMENT.findall(body):
        for line in comment.splitlines():
            if said := _norm(line):
                found[f"comment={said}"] = None
    return list(found)


def prose(body: str) -> str:
    """The body without headings, check boxes and comments: what the reporter said themselves."""
    lines = _COMMENT.sub(" ", body).split("\n")
    return "\n".join(line for line in lines if _heading(line) is None and not _BOX.match(line))


def title_opening(title: str) -> list[str]:
    """Tags in brackets, a prefix before a colon, the first words; whether it asks or tells of a failure."""
    found = [f"bracket={_norm(inside)}" for inside in _BRACKET.findall(title)]
    rest = _BRACKET.sub(" ", title).strip()
    if prefix := _PREFIX.match(rest):
        found.append(f"prefix={_norm(prefix[1])}")
        found += [f"after={word}" for word in _words(rest[prefix.end() :])[:1]]
    words = _words(rest)
    found += [f"first={word}" for word in words[:1]]
    if len(words) > 1:
        found.append(f"first two={words[0]} {words[1]}")
    if words and words[0] in _QUESTION_OPENERS:
        found.append("asks=first")
    if not _QUESTION_WORDS.isdisjoint(words):
        found.append("asks=somewhere")
    if "?" in title:
        found.append("asks=mark")
    if _FAILURE.search(title):
        found.append("failure=title")
    return list(dict.fromkeys(found))


def numbers(title: str, body: str) -> list[str]:
    """Counts in powers of two (0, 1, 2-3, 4-7 …), each as one token such as ``trace=2``."""
    shown = _COMMENT.sub(" ", body)
    said = _FENCED.sub(" ", shown)
    spoken = f"{title}\n{said}".lower()
    lines = shown.split("\n")
    counts = {
        "title": len(title.split()),
        "body": len(body.split()),
        "prose": len(said.split()),
        "lines": len(lines) - 1,
        "ticks": shown.count("`"),
        "headings": sum(_heading(line) is not None for line in lines),
        "boxes": sum(_BOX.match(line) is not None for line in lines),
        "how": len(_HOW.findall(spoken)),
    }
    counts |= {name: len(pattern.findall(shown)) for name, pattern in _COUNTED.items()}
    says = Counter(map(_SAYS.get, _WORD.findall(spoken)))
    counts |= {name: says[name] for name in _SAID}
    sample = f"{title}\n{shown}"[:_SAMPLE]
    letters, capitals = sum(map(str.isalpha, sample)), sum(map(str.isupper, sample))
    found = [
        f"{name}={_bin(count, 2 * BINS if name in _LENGTHS else BINS)}" for name, count in counts.items()
    ]
    return [*found, f"capitals={20 * capitals // letters if letters else 0}"]


def phrase(token: str) -> str:
    """A token of this module in plain words, as a reason for a person to read; "" if it is none."""
    name, _, value = token.partition("=")
    match name:
        case "heading":
            return f'the form has "{value}"'
        case "answer" | "value":
            question, _, answer = value.partition("=")
            return f'the form says "{question}: {answer}"'
        case "key":
            return f'a line "{value}:"'
        case "empty":
            return f'nothing under "{value}"'
        case "ticked" | "open":
            return f'"{value}" is {"ticked" if name == "ticked" else "not ticked"}'
        case "comment":
            return f'the form\'s note "{value}"'
        case _:
            return _title_phrase(name, value)


def _title_phrase(name: str, value: str) -> str:
    match name:
        case "bracket":
            return f'the title is marked "[{value}]"'
        case "first" | "first two" | "prefix":
            return f'the title begins with "{value}"'
        case "after":
            return f'the title goes on with "{value}"'
        case "asks":
            return "the title has a question word" if value == "somewhere" else "the title asks a question"
        case "failure" if value == "title":
            return "the title tells of a failure"
        case _:
            return _number_phrase(name, value)


def _number_phrase(name: str, value: str) -> str:
    """What an issue lacks convinces nobody, nor does how long it is."""
    return "" if value == "0" else _NUMBER_PHRASES.get(name, "")


def _fields(body: str) -> Iterator[str]:
    asked = ""
    for line in _COMMENT.sub(" ", body).split("\n"):
        if (heading := _heading(line)) is not None:
            if asked:
                yield f"empty={asked}"
            yield f"heading={heading}"
            asked = heading
            continue
        text = line.strip()
        if asked and text:
            yield from _answer(asked, text)
            asked = ""
        yield from _line(line)


def _answer(asked: str, text: str) -> Iterator[str]:
    if text.lower() in _NO_ANSWER:
        yield f"empty={asked}"
    elif len(text) <= LONGEST_ANSWER:
        yield f"answer={asked}={_norm(text)}"


def _line(line: str) -> Iterator[str]:
    if box := _BOX.match(line):
        yield f"{'open' if box['mark'] == ' ' else 'ticked'}={_norm(box['text'])}"
    elif pair := _KEY_VALUE.match(line):
        key = _norm(pair["key"])
        yield f"key={key}"
        yield f"value={key}={_norm(pair['value'])}"


def _heading(line: str) -> str | None:
    found = _HEADING.match(line)
    if found is None:
        return None
    return _norm(found["hash"] or found["wiki"] or found["bold"] or "").strip("#:* ") or None


def _norm(text: str) -> str:
    """Lower case, one space, digits as 0: a form's text is the same whatever version it names."""
    return re.sub(r"\d", "0", " ".join(text.lower().split()))[:LONGEST].rstrip()


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _bin(count: int, most: int) -> int:
    return min(count.bit_length(), most)
