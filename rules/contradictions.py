"""Conditions that cannot hold, whatever an issue may be.

Nothing is said that is not certain: conditions are looked at as a formula of single statements, and
only statements that exclude each other by what they say count. Patterns are equal or not; no more is
asked of them. ``any`` beside ``any`` is not multiplied out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from rules.layers import listed, mapping
from rules.patterns import composed
from rules.source import Path
from trackers.model import AuthorKind

NOTHING: Final = "\0"
"""The name of what is not there, as a field's only value: an issue without a type."""

_ONE_VALUE: Final = frozenset({"type", "priority", "project", "author"})
_NAMED: Final = (*sorted(_ONE_VALUE), "team", "component", "labels")
_TEXTS: Final = {
    "title": frozenset({"title"}),
    "body": frozenset({"body"}),
    "text": frozenset({"title", "body"}),
}
_EVERY_AUTHOR: Final = frozenset(map(str, AuthorKind))

Kind = Literal["word", "stem", "phrase", "regex"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing looked for in a text."""

    kind: Kind
    text: str
    exact: bool
    """Whether capitals matter."""

    @property
    def sought(self) -> str:
        """Its text as texts are compared by it."""
        return self.text if self.exact else _folded(self.text)

    def within(self, wide: Piece) -> bool:
        """Whether ``wide`` is found wherever this is."""
        if wide.exact and not self.exact:
            return False
        if "regex" in (self.kind, wide.kind):
            return self.kind == wide.kind and self.text == wide.text
        text, part = (self.text, wide.text) if wide.exact else (_folded(self.text), _folded(wide.text))
        if wide.kind == "phrase":
            return part in text
        if wide.kind == "stem":
            return self.kind != "phrase" and text.startswith(part)
        return self.kind == "word" and text == part


def pieces(key: str, texts: Any, exact: bool) -> tuple[Piece, ...]:
    """What a list of ``words`` or ``phrases``, or a ``regex``, looks for; nothing if it is none such."""
    if key == "regex":
        return (Piece("regex", texts, exact),) if isinstance(texts, str) and texts else ()
    wanted = listed(texts)
    if not all(isinstance(text, str) and text.strip("* ") for text in wanted):
        return ()
    return tuple(_piece(key, text, exact) for text in wanted)


def _piece(key: str, text: str, exact: bool) -> Piece:
    plain = " ".join(composed(text).replace("\u2019", "'").replace("\u2018", "'").split())
    if key == "phrases":
        return Piece("phrase", plain, exact)
    return (
        Piece("stem", plain.removesuffix("*"), exact) if plain.endswith("*") else Piece("word", plain, exact)
    )


def _folded(text: str) -> str:
    """``text`` in small letters, one for one as re2 has them; ``casefold`` would make two of some."""
    if text.isascii():
        return text.lower()
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)


@dataclass(frozen=True, slots=True)
class Statement:
    """One field holds one of some names, or one of some pieces of text; or none of them."""

    path: Path | None
    """Where it stands; None for what is known otherwise."""
    field: str
    holds: bool
    names: frozenset[str] = frozenset()
    pieces: tuple[Piece, ...] = ()
    places: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Group:
    """Parts that must all hold, or of which one must."""

    path: Path
    every: bool
    parts: tuple[Statement | Group, ...] = ()
    negated: bool = False
    """It stands under a ``not``."""


Formula = Statement | Group


@dataclass(frozen=True, slots=True)
class Clash:
    """Two statements that cannot both hold."""

    path: Path | None
    other: Path | None
    field: str
    within: Path
    """The condition that cannot hold because of it."""


def known(field: str, *names: str) -> Statement:
    """What is certain of every issue a rule is held against: ``field`` is one of ``names``."""
    return Statement(None, field, True, frozenset(map(_name, names)))


def of_rule(path: Path, rule: dict[str, Any], *, holds: bool = True) -> Group:
    """The conditions of the rule at ``path``; its ``labels`` are what it puts on, no condition."""
    return formula(path, {key: value for key, value in rule.items() if key != "labels"}, holds=holds)


def formula(path: Path, conditions: Any, *, holds: bool = True) -> Group:
    """The conditions at ``path``, or (not ``holds``) their opposite.

    What has not the shape of a condition becomes a part that may always hold.
    """
    parts: list[Formula] = []
    for key, value in mapping(conditions).items():
        here = (*path, key)
        if key in _NAMED:
            parts.append(_names(here, key, value, holds))
        elif key in _TEXTS:
            parts += _text(here, key, mapping(value), holds)
        elif key in ("any", "all"):
            inner = tuple(
                formula((*here, index), item, holds=holds) for index, item in enumerate(listed(value))
            )
            parts.append(Group(here, (key == "all") == holds, inner, not holds))
        elif key == "not":
            parts.append(formula(here, value, holds=not holds))
    return Group(path, holds, tuple(parts), not holds)


def _names(path: Path, key: str, value: Any, holds: bool) -> Formula:
    names = listed(value)
    if not names or not all(isinstance(name, str) for name in names):
        return Group(path, True)
    field = "project" if key == "team" else key
    return Statement(path, field, holds, frozenset(map(_name, names)))


def _name(name: str) -> str:
    return composed(name).casefold().strip()


def _text(path: Path, key: str, condition: dict[str, Any], holds: bool) -> Iterator[Formula]:
    exact = condition.get("case_sensitive") is True
    for kind in ("words", "phrases", "regex"):
        if kind in condition:
            found = pieces(kind, condition[kind], exact)
            here = (*path, kind)
            yield Statement(here, key, holds, frozenset(), found, _TEXTS[key]) if found else Group(here, True)


def clash(whole: Formula, beside: Sequence[Statement] = ()) -> Clash | None:
    """Why ``whole`` cannot hold beside what is known; None when it may."""
    if isinstance(whole, Statement):
        return _between([*beside, whole], whole.path or ())
    if not whole.every:
        found = [clash(part, beside) for part in whole.parts]
        first = found[0] if found else None
        return first if all(found) else None
    facts, groups = _flat(whole)
    held = [*beside, *facts]
    return _between(held, whole.path) or next(filter(None, (clash(group, held) for group in groups)), None)


def dead_parts(whole: Group, beside: Sequence[Statement] = ()) -> Iterator[Clash]:
    """The alternatives under ``any`` that cannot hold, though ``whole`` may; the outermost of each."""
    facts, groups = (
        _flat(whole) if whole.every else ([], [part for part in whole.parts if isinstance(part, Group)])
    )
    held = [*beside, *facts]
    for group in groups:
        found = None if whole.every or whole.negated else clash(group, held)
        if found:
            yield Clash(found.path, found.other, found.field, group.path)
        else:
            yield from dead_parts(group, held)


def _flat(whole: Group) -> tuple[list[Statement], list[Group]]:
    """The statements that must all hold, however deep they stand, and the groups that offer a choice."""
    facts: list[Statement] = []
    groups: list[Group] = []
    for part in whole.parts:
        if isinstance(part, Statement):
            facts.append(part)
        elif part.every or len(part.parts) == 1:
            inner_facts, inner_groups = _flat(part)
            facts += inner_facts
            groups += inner_groups
        else:
            groups.append(part)
    return facts, groups


def _between(statements: Sequence[Statement], within: Path) -> Clash | None:
    for field in dict.fromkeys(statement.field for statement in statements if statement.names):
        about = [statement for statement in statements if statement.field == field and statement.names]
        found = _one_value(field, about) if _has_one_value(field, about) else _many_values(about)
        if found:
            return Clash(found[1].path, found[0].path, field, within)
    texts = [statement for statement in statements if statement.pieces]
    found = _texts(texts)
    return Clash(found[1].path, found[0].path, found[1].field, within) if found else None


def _has_one_value(field: str, about: list[Statement]) -> bool:
    return field in _ONE_VALUE or any(NOTHING in statement.names for statement in about)


def _one_value(field: str, about: list[Statement]) -> tuple[Statement, Statement] | None:
    left: frozenset[str] | None = None
    asked = [statement for statement in about if statement.holds]
    excluded = [statement for statement in about if not statement.holds]
    for number, statement in enumerate(asked):
        left = statement.names if left is None else left & statement.names
        if not left:
            return asked[max(number - 1, 0)], statement
    if left is None and field == "author":
        left = _EVERY_AUTHOR
    for statement in excluded:
        if left is not None and not (left := left - statement.names):
            return (asked or excluded)[0], statement
    return None


def _many_values(about: list[Statement]) -> tuple[Statement, Statement] | None:
    excluded = [statement for statement in about if not statement.holds]
    none_of = frozenset().union(*(statement.names for statement in excluded))
    for statement in about:
        if statement.holds and statement.names <= none_of:
            return statement, next(other for other in excluded if other.names & statement.names)
    return None


def _texts(texts: list[Statement]) -> tuple[Statement, Statement] | None:
    excluded = [statement for statement in texts if not statement.holds]
    for statement in texts if excluded else ():
        if statement.holds:
            covers = [_excluding(piece, place, excluded)
                      for piece in statement.pieces for place in statement.places]  # fmt: skip
            first = covers[0]
            if first is not None and all(covers):
                return statement, first
    return None


def _excluding(piece: Piece, place: str, excluded: list[Statement]) -> Statement | None:
    return next(
        (
            other
            for other in excluded
            if place in other.places and any(piece.within(wide) for wide in other.pieces)
        ),
        None,
    )
