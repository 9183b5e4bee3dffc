"""Rules compiled once and held against many issues, with the reasons for and against."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, Protocol

from rules.patterns import Finder, composed, phrases_finder, regex_finder, words_finder
from rules.schema import Condition, Conditions, LearnedTarget, Mode, Rule, TextCondition
from trackers.model import AuthorKind, Issue

MAX_TEXT_BYTES = 64 * 1024
MAX_FOUND_CHARS = 60
MAX_NAMED = 5

Kind = Literal["word", "phrase", "regex", "value"]

_UNSEEN = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_TEXTS = {"title": "the title", "body": "the description", "text": "the title or description"}
_AUTHORS = {
    AuthorKind.PERSON: "a person of the team",
    AuthorKind.APP: "an app",
    AuthorKind.CUSTOMER: "a customer",
    AuthorKind.UNKNOWN: "unknown",
}


@dataclass(frozen=True, slots=True)
class Because:
    """One thing seen on an issue: something a rule asks about is there, or is not.

    ``wanted`` is the admin's own word, phrase, pattern or name; where none of several is there, all
    of them in a row: ``"a", "b" or "c"``. ``found`` is what the issue holds, as its writer wrote
    it: one line, at most 60 characters, no control characters. ``negated`` tells that the rule
    asks for the opposite (it stands under a ``not``).
    """

    field: str
    kind: Kind
    wanted: str
    found: str
    present: bool
    negated: bool = False

    def sentence(self) -> str:
        """The same in plain words, without a full stop."""
        words = _text_sentence(self) if self.kind != "value" else _value_sentence(self)
        return f"{words}, which this rule excludes" if self.present and self.negated else words

    def plainly(self) -> str:
        """The same for whoever reads the issue and never saw the rules: what was found, not the pattern
        that found it."""
        if self.kind == "regex" and self.present:
            return f'{_TEXTS[self.field]} says "{self.found}"'
        return self.sentence()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says about one issue: ``because`` if it matched, else what is ``lacking``."""

    rule: str
    labels: tuple[str, ...]
    matched: bool
    because: tuple[Because, ...]
    lacking: tuple[Because, ...]
    alternatives: int = 0
    """How many it offers, where one would be enough; 0 where it asks for more than that."""


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule ready to be held against issues."""

    name: str
    labels: tuple[str, ...]
    check: Check
    conditions: Conditions = field(compare=False, repr=False)
    """What ``check`` looks for, as the file says it."""


@dataclass(frozen=True, slots=True)
class LearnedRules:
    """What is asked of models that learnt from past issues."""

    enabled: bool = True
    targets: frozenset[LearnedTarget] = frozenset(LearnedTarget)
    precision: float = 0.85
    """Of labels and types: the share (0..1) of what is put on that must be right."""
    components_precision: float = 0.8
    max_labels: int = 3
    """The most labels, and the most components, on one issue."""
    never: frozenset[str] = frozenset()
    """Names that are never proposed, in lower case."""

    def asks(self, target: str) -> bool:
        """Whether models of ``target`` are heard."""
        return self.enabled and target in self.targets


@dataclass(frozen=True, slots=True)
class ProjectRules:
    """All that holds for one project or team, inherited settings included."""

    mode: Mode
    window: timedelta
    comment: bool
    comment_outside: bool
    create_labels: bool
    max_labels: int
    rules: tuple[CompiledRule, ...]
    learned: LearnedRules = LearnedRules()


def match(rules: ProjectRules, issue: Issue) -> tuple[Verdict, ...]:
    """Hold every rule against the issue: one verdict each, in the rules' order.

    The time is linear in the text, of which at most 64 KiB each of title and description are seen.
    """
    seen = _Seen.of(issue)
    return tuple(_verdict(rule, seen) for rule in rules.rules)


def compile_rule(rule: Rule) -> CompiledRule:
    """The rule with its patterns compiled; what the schema let through always compiles."""
    labels = rule.labels or ((rule.label,) if rule.label else ())
    conditions = rule.model_copy(update=dict.fromkeys(("name", "label", "labels")))
    return CompiledRule(rule.name or labels[0], labels, _compile(rule), conditions)


def _verdict(rule: CompiledRule, seen: _Seen) -> Verdict:
    held, facts = rule.check(seen, False)
    alternatives = len(rule.check.checks) if isinstance(rule.check, _Any) else 0
    return Verdict(rule.name, rule.labels, held, facts if held else (), () if held else facts, alternatives)


@dataclass(frozen=True, slots=True)
class _Seen:
    """An issue as the checks see it: text as bytes, names folded (each with its own spelling)."""

    texts: dict[str, bytes]
    names: dict[str, dict[str, str]]

    @classmethod
    def of(cls, issue: Issue) -> _Seen:
        project = {_fold(issue.project): issue.project}
        return cls(
            {"title": _clip(issue.title), "body": _clip(issue.body)},
            {
                "type": _names([issue.type]),
                "priority": _names([issue.priority]),
                "component": _names(issue.components),
                "project": project,
                "team": project,
                "author": {issue.author.value: issue.author.value},
                "labels": _names(name for label in issue.labels for name in (label.path, label.name)),
            },
        )


Outcome = tuple[bool, tuple[Because, ...]]


class Check(Protocol):
    """Tells whether a condition holds, and the facts that make it so."""

    def __call__(self, seen: _Seen, negated: bool, /) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class _Text:
    fields: tuple[str, ...]
    kind: Kind
    finder: Finder
    absent: tuple[tuple[Because, ...], tuple[Because, ...]]

    def __call__(self, seen: _Seen, negated: bool, /) -> Outcome:
        for name in self.fields:
            hit = self.finder.find(seen.texts[name])
            if hit is not None:
                found, wanted = hit
                return True, (Because(name, self.kind, wanted, readable(found), True, negated),)
        return False, self.absent[negated]


@dataclass(frozen=True, slots=True)
class _Names:
    field: str
    wanted: dict[str, str]
    listed: str

    def __call__(self, seen: _Seen, negated: bool, /) -> Outcome:
        there = seen.names[self.field]
        for folded, name in self.wanted.items():
            if folded in there:
                return True, (Because(self.field, "value", name, readable(there[folded]), True, negated),)
        found = ", ".join(list(there.values())[:MAX_NAMED])
        return False, (Because(self.field, "value", self.listed, readable(found), False, negated),)


@dataclass(frozen=True, slots=True)
class _All:
    checks: tuple[Check, ...]

    def __call__(self, seen: _Seen, negated: bool, /) -> Outcome:
        outcomes = [check(seen, negated) for check in self.checks]
        held = all(outcome[0] for outcome in outcomes)
        return held, tuple(fact for holds, facts in outcomes if holds is held for fact in facts)


@dataclass(frozen=True, slots=True)
class _Any:
    checks: tuple[Check, ...]

    def __call__(self, seen: _Seen, negated: bool, /) -> Outcome:
        outcomes = [check(seen, negated) for check in self.checks]
        held = any(outcome[0] for outcome in outcomes)
        return held, tuple(fact for holds, facts in outcomes if holds is held for fact in facts)


@dataclass(frozen=True, slots=True)
class _Not:
    check: Check

    def __call__(self, seen: _Seen, negated: bool, /) -> Outcome:
        held, facts = self.check(seen, not negated)
        return not held, facts


def _compile(conditions: Conditions) -> Check:
    checks: list[Check] = []
    for name, fields in (("title", ("title",)), ("body", ("body",)), ("text", ("title", "body"))):
        wanted: TextCondition | None = getattr(conditions, name)
        if wanted is not None:
            checks += _text_checks(name, fields, wanted)
    for name in ("type", "priority", "component", "project", "team", "author"):
        values: tuple[str, ...] | None = getattr(conditions, name)
        if values is not None:
            checks.append(_names_check(name, values))
    if isinstance(conditions, Condition) and conditions.labels is not None:
        checks.append(_names_check("labels", conditions.labels))
    if conditions.any is not None:
        checks.append(_Any(tuple(map(_compile, conditions.any))))
    if conditions.all is not None:
        checks.append(_All(tuple(map(_compile, conditions.all))))
    if conditions.not_ is not None:
        checks.append(_Not(_compile(conditions.not_)))
    return checks[0] if len(checks) == 1 else _All(tuple(checks))


def _text_checks(name: str, fields: tuple[str, ...], wanted: TextCondition) -> list[Check]:
    exact = bool(wanted.case_sensitive)
    checks: list[Check] = []
    kinds: tuple[tuple[Kind, tuple[str, ...] | None, Callable[..., Finder]], ...] = (
        ("word", wanted.words, words_finder),
        ("phrase", wanted.phrases, phrases_finder),
    )
    for kind, texts, finder in kinds:
        if texts is not None:
            checks.append(
                _text_check(
                    name,
                    fields,
                    kind,
                    _either([f'"{text}"' for text in texts]),
                    finder(texts, case_sensitive=exact),
                )
            )
    if wanted.regex is not None:
        finder_ = regex_finder(wanted.regex, case_sensitive=exact)
        checks.append(_text_check(name, fields, "regex", wanted.regex, finder_))
    return checks


def _text_check(name: str, fields: tuple[str, ...], kind: Kind, wanted: str, finder: Finder) -> _Text:
    absent, excluded = (Because(name, kind, wanted, "", False, negated) for negated in (False, True))
    return _Text(fields, kind, finder, ((absent,), (excluded,)))


def _names_check(name: str, values: Iterable[str]) -> _Names:
    spelled = list(map(str, values))
    shown = [_AUTHORS[AuthorKind(value)] for value in spelled] if name == "author" else spelled
    return _Names(name, {_fold(value): value for value in spelled}, _either(shown))


def readable(text: str) -> str:
    """``text`` on one line, without control characters, at most 60 characters long."""
    piece = _UNSEEN.sub("", text[: 4 * MAX_FOUND_CHARS])
    shown = "".join(" " if character.isspace() else character for character in piece)
    shown = "".join(c for c in shown if unicodedata.category(c) not in ("Cc", "Cs"))
    line = " ".join(shown.split())
    return line if len(line) <= MAX_FOUND_CHARS else line[: MAX_FOUND_CHARS - 1].rstrip() + "…"


def _clip(text: str) -> bytes:
    return composed(text[:MAX_TEXT_BYTES]).encode("utf-8", "replace")[:MAX_TEXT_BYTES]


def _names(names: Iterable[str | None]) -> dict[str, str]:
    return {_fold(name): name for name in names if name}


def _fold(name: str) -> str:
    return composed(name).casefold().strip()


def _either(names: list[str]) -> str:
    rest = len(names) - MAX_NAMED
    shown = [*names[:MAX_NAMED], f"{rest} more"] if rest > 1 else names
    return " or ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def _text_sentence(fact: Because) -> str:
    where = _TEXTS[fact.field]
    if fact.kind == "regex":
        if fact.present:
            return f'{where} matches the pattern {fact.wanted}: "{fact.found}"'
        return f"nothing in {where} matches the pattern {fact.wanted}"
    what = "word" if fact.kind == "word" else "words"
    if fact.present:
        return f'{where} has the {what} "{fact.found}"'
    return f"the {what} {fact.wanted} {'is' if fact.kind == 'word' else 'are'} not in {where}"


def _value_sentence(fact: Because) -> str:
    if fact.field == "labels":
        return f"the issue {'has' if fact.present else 'does not have'} the label {fact.wanted}"
    found = _AUTHORS[AuthorKind(fact.found)] if fact.field == "author" else fact.found
    if fact.present:
        return f"the {fact.field} is {found}"
    if not found:
        return f"the issue has no {fact.field}, so it is not {fact.wanted}"
    return f"the {fact.field} is {found}, not {fact.wanted}"
