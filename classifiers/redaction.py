"""What must never become a token: secrets, addresses, and the people of a tracker.

Made for learning, where a word too many taken out costs nothing: what only looks like a key goes too.
Every pattern takes time linear in the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

SHORTEST_PART: Final = 3
"""Characters from which a part of a person's name is taken out on its own."""

LONGEST_WORD: Final = 40
"""Characters. What goes on longer without a mark in it was not written by a person."""
_AMAZON: Final = 40
"""Characters of a secret access key, which has no form of its own."""

_KEY_BLOCK: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}-----.*?(?:-----END [A-Z0-9 ]{0,40}-----|\Z)", re.DOTALL
)


def _assigned(tail: str) -> re.Pattern[str]:
    """What follows a word for a secret: the rest of the word (``tail``), and the secret."""
    return re.compile(
        rf"{tail}(?:[\"'`*_]{{0,3}}\s{{0,3}}(?:=>|:=|[:=])\s{{0,3}}"
        r"(?:\"[^\"\n]{0,300}\"?|'[^'\n]{0,300}'?|`[^`\n]{0,300}`?|[^\s,;&]{1,500})"
        r"|\s{1,3}(?:is|was)\s{1,3}(?=[^\s\d]{0,100}\d)\S{1,500})",
        re.IGNORECASE,
    )


_AUTHORIZED: Final = re.compile(
    r"[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:(?:basic|bearer|digest|token)\s{1,3})?\S{1,500}", re.IGNORECASE
)
_TAKES: Final = (
    ("pass", _assigned(r"(?:(?:word|wd|phrase|code)\w{0,20})?")),
    ("pwd", _assigned(r"\w{0,20}")),
    ("secret", _assigned(r"\w{0,20}")),
    ("token", _assigned(r"(?!i[sz])\w{0,20}")),
    ("key", _assigned(r"(?:(?<=[_-]key)|(?<=apikey)|(?<=(?:api|ess|ate) key)|(?<=accesskey))\w{0,20}")),
    ("credential", _assigned("s?")),
    ("cookie", _assigned("s?")),
    ("session", _assigned("[_-]?id")),
    ("authorization", _AUTHORIZED),
    ("bearer ", re.compile(r"\s{0,3}(?=\S{0,300}\d)[\w.~+/=-]{8,}")),
    ("basic ", re.compile(r"\s{0,3}[\w+/]{6,}={1,2}")),
)
"""A word in lower case, and what must follow it to be a secret."""
_KNOWN_KEY: Final = re.compile(
    r"[._~%+=/-]*(?:"
    r"eyJ[\w-]{8,}(?:\.[\w-]*)*"  # JSON Web Token
    r"|(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{12,}|AIza[\w-]{20,}|ya29\.[\w-]+"  # Amazon, Google
    r"|gh[a-z]_\w{16,}|github_pat_\w+|glpat-[\w-]+|AT[A-Z]TT3[\w=-]+"  # GitHub, GitLab, Atlassian
    r"|xox[a-z]-[\w-]+|xapp-[\w-]+|lin_(?:api|oauth|wh)_\w+"  # Slack, Linear
    r"|[spr]k[-_](?:live|test|proj|ant)[-_][\w-]+|sk-[\w-]{16,}|whsec_\w+"  # Stripe and the like
    r"|npm_\w{16,}|pypi-[\w-]{16,}|hf_\w{16,}|SG\.[\w-]+\.[\w-]+|shp[a-z]{2}_\w{16,}|do[a-z]_v1_\w+"
    r")"
)
_NET: Final = re.compile(r"://([^\s<>\"'`)\]|}]*)")
_WWW: Final = re.compile(r"(?<!\w)(www\.[^\s<>\"'`)\]|}]+)", re.IGNORECASE)
_HOST_ENDS: Final = re.compile(r"[/?#\\]")
_MENTION: Final = re.compile(r"\[~[^\]\n]{0,200}\]|@\[[^\]\n]{0,200}\]")
_ADDRESS: Final = re.compile(r"(?<![\w.+%-])[\w.+%-]++@[^\W\d_][\w.-]*|@[\w.-]+")
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_HEX: Final = re.compile(r"[0-9A-Fa-f]{5,}(?![^\W_])")
_LONG_NUMBER: Final = re.compile(r"\d{5,}")
_LONG_RUN: Final = re.compile(r"[A-Za-z0-9+/=_.~%-]{10,}")
_RUN_PARTS: Final = re.compile(r"[^/=.%~+]{10,}")
_TURN: Final = re.compile(r"[a-z](?=[A-Z0-9])|[A-Z](?=[0-9])|[0-9](?=[A-Za-z])")
_LETTERS: Final = re.compile(r"[A-Za-z0-9]+")
_NAME_WORD: Final = re.compile(r"[^\W_]+")
_NO_SPACES: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Names:
    """People's display names, ready to be looked for."""

    parts: frozenset[str]
    """Single words that are taken out wherever they stand."""
    whole: dict[str, tuple[tuple[str, ...], ...]]
    """First word → names as words, for names with parts too short to be taken out alone."""
    unspaced: tuple[str, ...]
    """Names in scripts without spaces, longest first."""

    @classmethod
    def of(cls, names: Collection[str]) -> Names:
        """``names``: of people alone. An automation's name ("Jira Bot") would take its words away."""
        parts: set[str] = set()
        whole: dict[str, set[tuple[str, ...]]] = {}
        unspaced: set[str] = set()
        for name in names:
            name = unicodedata.normalize("NFC", name).strip().lower()
            spelled = tuple(_NAME_WORD.findall(name))
            if not spelled:
                continue
            parts.update(part for part in map(_unaccented, spelled) if len(part) >= SHORTEST_PART)
            if _NO_SPACES.search(name):
                unspaced.add(name)
            parts.update(part for part in spelled if len(part) >= SHORTEST_PART)
            parts.add("".join(spelled))
            if any(len(part) < SHORTEST_PART for part in spelled):
                whole.setdefault(spelled[0], set()).add(spelled)
        return cls(
            frozenset(parts),
            {first: tuple(sorted(ways)) for first, ways in whole.items()},
            tuple(sorted(unspaced, key=lambda name: (-len(name), name))),
        )


NOBODY: Final = Names(frozenset(), {}, ())


def redact(text: str, names: Names = NOBODY) -> str:
    """``text`` with a space in place of secret-looking strings, e-mail addresses, mentions, identifiers,
    long numbers and the people of ``names``. Of an address on the net its host stays."""
    if "-----BEGIN" in text:
        text = _KEY_BLOCK.sub(" ", text)
    text = _without(text, _told_secrets(text))
    if "://" in text:
        text = _NET.sub(_host, text.replace("https://", "://").replace("http://", "://"))
    if "www." in text:
        text = _WWW.sub(_host, text)
    if "@" in text or "[~" in text:
        text = _ADDRESS.sub(" ", _MENTION.sub(" ", text))
    text = _LONG_RUN.sub(_unless_secret, text)
    text = _HEX.sub(_unless_word, text)
    text = _LONG_NUMBER.sub(" ", text)
    return text if names is NOBODY else _without_names(text, names)


def _told_secrets(text: str) -> list[tuple[int, int]]:
    """Where a word says that a secret follows. Found by that word: the patterns are slow."""
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)
    spans = []
    for word, what in _TAKES:
        at = lowered.find(word)
        while at >= 0:
            told = what.match(text, at + len(word))
            if told:
                spans.append((at, told.end()))
            at = lowered.find(word, told.end() if told else at + len(word))
    return spans


def _without(text: str, spans: Collection[tuple[int, int]]) -> str:
    pieces, end = [], 0
    for first, last in sorted(spans):
        if first >= end:
            pieces.append(text[end:first])
        end = max(end, last)
    return " ".join((*pieces, text[end:]))


def _host(address: re.Match[str]) -> str:
    host = _HOST_ENDS.split(address[1], maxsplit=1)[0].rpartition("@")[2].partition(":")[0]
    return f" {host} "


def _unless_word(run: re.Match[str]) -> str:
    found, before = run[0], run.string[max(run.start() - 2, 0) : run.start()]
    if before in ("0x", "0X"):
        return " "
    if found.isalpha() or len(found) < 7 or before[-1:].isalnum():
        return found
    return " "


def _unless_secret(run: re.Match[str]) -> str:
    whole = run[0]
    if len(whole) <= LONGEST_WORD and whole.isalpha() and whole[1:].islower():
        return whole
    if _secret(whole):
        return " "
    if whole.count("-") >= 4:
        whole = _UUID.sub(" ", whole)
    return _RUN_PARTS.sub(lambda part: " " if _secret(part[0]) else part[0], whole)


def _secret(run: str) -> bool:
    return bool(_KNOWN_KEY.match(run)) or _random(run)


def _random(run: str) -> bool:
    """Whether letters, digits and cases change too often, or go on too long, for something a person named.

    By chance alone they change at 45 % of the characters; in camel case at 20 %.
    """
    turns = len(_TURN.findall(run))
    if turns < 4 and len(run) < LONGEST_WORD:
        return False
    letters = "".join(_LETTERS.findall(run))
    length = len(letters)
    turns = len(_TURN.findall(letters))
    if length >= 10 and turns >= (0.3 if length >= 16 else 0.4) * length:
        return True
    if length > LONGEST_WORD and length == len(run):
        return True
    return len(run) == _AMAZON and "." not in run and _mixed(letters)


def _mixed(letters: str) -> bool:
    return not (letters.islower() or letters.isupper()) and any(map(str.isdigit, letters))


def _without_names(text: str, names: Names) -> str:
    for name in names.unspaced:
        if name in text:
            text = text.replace(name, " ")
    found = [(word.start(), word.end(), word[0].lower()) for word in _NAME_WORD.finditer(text)]
    spelled = [word for _, _, word in found]
    hidden = {at for at, word in enumerate(spelled) if word in names.parts}
    for at, word in enumerate(spelled):
        for whole in names.whole.get(word, ()):
            if tuple(spelled[at : at + len(whole)]) == whole:
                hidden.update(range(at, at + len(whole)))
    return _without(text, [found[at][:2] for at in hidden])


def _unaccented(word: str) -> str:
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter)
    )
