"""What a rule may say but surely does not mean."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final

from rules.contradictions import Group, Statement, clash, dead_parts, known, of_rule, pieces
from rules.fields import MAX_WORDS
from rules.layers import Layers, LayerSet, key_of, listed, mapping, rule_names
from rules.regex_checks import has_dead_part, is_dead, is_doubled, is_glob
from rules.remarks import Remark
from rules.source import Path, Source
from rules.sprint_rules import SprintRules
from rules.sprints_layers import SCOPE_LABEL
from rules.validate import quoted

SNOOZE_LABEL: Final = SprintRules().snooze_label

_NAMED: Final = ("type", "priority", "component", "project", "team", "labels", "author")
_TEXTS: Final = ("title", "body", "text")
_NO_CONDITION: Final = frozenset({"name", "label", "labels"})
_TINY: Final = re.compile(r"[A-Za-z]{1,2}\Z")
_WORDS_IN_ONE: Final = re.compile(r"[^\W\d][\w-]*(?: ?[,;|] ?[^\W\d][\w-]*)+\Z")
_SNOOZE: Final = ("sprints", "notify", "snooze_label")
_SCOPE: Final = ("sprints", "scope_creep", "label")


def rule_remarks(source: Source, layers: Layers) -> Iterator[Remark]:
    """What is to be said of the rules of all layers."""
    named = _named_elsewhere(layers)
    yield from _spelling(source, layers)
    yield from _clashing_labels(layers)
    for where in layers.data:
        rules = _rules(layers, where)
        yield from _same_conditions(source, rules, named)
        for path, rule in rules:
            yield from _logic(source, where, path, rule)
            yield from _too_many(layers, where, path, rule)
            yield from _lists(path, {key: value for key, value in rule.items() if key not in _NO_CONDITION})


def _named_elsewhere(layers: Layers) -> set[str]:
    """The names of rules that a layer leaves out, or that more than one layer has."""
    seen: set[str] = set()
    found: set[str] = set()
    for where in layers.data:
        tagging = mapping(layers.own(where, "tagging"))
        names = {name.casefold() for _, name in rule_names(tagging)}
        found |= (names & seen) | {str(name).casefold() for name in listed(tagging.get("without"))}
        seen |= names
    return found


def _rules(layers: Layers, where: Path) -> list[tuple[Path, dict[str, Any]]]:
    path = (*where, "tagging", "rules")
    listed_rules = listed(layers.own(where, "tagging", "rules"))
    return [((*path, index), rule) for index, rule in enumerate(listed_rules) if isinstance(rule, dict)]


def labels_of(path: Path, rule: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Every label that the rule at ``path`` puts on, with its place."""
    if isinstance(rule.get("label"), str):
        yield (*path, "label"), rule["label"]
    for index, label in enumerate(listed(rule.get("labels"))):
        if isinstance(label, str):
            yield (*path, "labels", index), label


def _logic(source: Source, where: Path, path: Path, rule: dict[str, Any]) -> Iterator[Remark]:
    whole = of_rule(path, rule)
    if not whole.parts or clash(whole):
        return
    if clash(of_rule(path, rule, holds=False)):
        yield Remark(
            "always-matches", path, "every issue matches this rule: one of its conditions always holds"
        )
    key = key_of(where)
    for dead in dead_parts(whole, [known("project", key)] if key else []):
        if dead.path is None or dead.other is None:
            why = f"every issue here is of {key}"
        else:
            why = (
                f"line {source.locate_key(dead.path)[0]} contradicts line {source.locate_key(dead.other)[0]}"
            )
        yield Remark("dead-alternative", dead.within, f"this can never hold: {why}")
    yield from _asked_for(path, rule, whole)


def _asked_for(path: Path, rule: dict[str, Any], whole: Group) -> Iterator[Remark]:
    worn = {
        name
        for part in _surely(whole)
        if part.field == "labels" and part.holds and len(part.names) == 1
        for name in part.names
    }
    labels = [label.casefold() for _, label in labels_of(path, rule)]
    if labels and worn.issuperset(labels):
        message = "this rule changes nothing: it asks for the very label it puts on"
        yield Remark("asks-for-its-label", path, message)


def _surely(whole: Group) -> Iterator[Statement]:
    for part in whole.parts if whole.every else ():
        if isinstance(part, Statement):
            yield part
        else:
            yield from _surely(part)


def _same_conditions(
    source: Source, rules: list[tuple[Path, dict[str, Any]]], named: set[str]
) -> Iterator[Remark]:
    first: dict[str, Path] = {}
    for path, rule in rules:
        conditions = {key: value for key, value in rule.items() if key not in _NO_CONDITION}
        name = str(rule.get("name") or next((label for _, label in labels_of(path, rule)), "")).casefold()
        # A rule that a layer leaves out or replaces by name has reason to stand alone.
        if not conditions or name in named:
            continue
        other = first.setdefault(json.dumps(conditions, sort_keys=True), path)
        if other != path:
            line = source.locate(other)[0]
            message = (
                f"this asks for the very same as the rule in line {line}: one rule can put on several labels"
            )
            yield Remark("same-conditions", path, message)


def _too_many(layers: Layers, where: Path, path: Path, rule: dict[str, Any]) -> Iterator[Remark]:
    at = ("tagging", "max_labels")
    limits = layers.may_be(where, *at, default=5) + layers.inside(where, *at)
    labels = {label for _, label in labels_of(path, rule)}
    if all(isinstance(limit, int) for limit in limits) and len(labels) > max(limits):
        message = f"this rule has {len(labels)} labels, of which an issue gets {max(limits)} (max_labels)"
        yield Remark("too-many-labels", (*path, "labels"), message, at_key=True)


def _spelling(source: Source, layers: Layers) -> Iterator[Remark]:
    """Labels that differ in capitals alone, where both may come to one issue."""

    @cache
    def spelled(one: LayerSet) -> dict[str, tuple[str, Path]]:
        return _first_spelled(layers, layers.members(one))

    for where in layers.data:
        own = _first_spelled(layers, [where])
        if not own:
            continue
        known = [*map(spelled, layers.outer(where)), own]
        for path, label in (found for rule in _rules(layers, where) for found in labels_of(*rule)):
            first, other = next(set_[label.casefold()] for set_ in known if label.casefold() in set_)
            if first != label:
                line = source.locate(other)[0]
                message = f"this label is written {quoted(first)} in line {line}: write it the same"
                yield Remark("label-spelling", path, message)


def _first_spelled(layers: Layers, those: Iterable[Path]) -> dict[str, tuple[str, Path]]:
    """How each label that the rules of these layers put on is written first, and where."""
    first: dict[str, tuple[str, Path]] = {}
    for path, label in (
        found for where in those for rule in _rules(layers, where) for found in labels_of(*rule)
    ):
        first.setdefault(label.casefold(), (label, path))
    return first


def _clashing_labels(layers: Layers) -> Iterator[Remark]:
    """Rules that put on what silences a sprint, or what tells that an issue was added to one."""
    for where in layers.data:
        snooze = layers.may_be(where, *_SNOOZE, default=SNOOZE_LABEL)
        scope = layers.may_be(where, *_SCOPE, default=False)
        ours = {
            **_all_the_same(
                [SCOPE_LABEL if one is True else one for one in scope], "marks what joined a sprint late"
            ),
            **_all_the_same(snooze, "silences the warnings of a sprint"),
        }
        for path, rule in _rules(layers, where):
            for at, label in labels_of(path, rule):
                if what := ours.get(label.casefold()):
                    yield Remark(
                        "label-clash", at, f"the label {quoted(label)} {what}: no rule may put it on"
                    )


def _all_the_same(labels: list[Any], meaning: str) -> dict[str, str]:
    names = {label.casefold() if isinstance(label, str) else "" for label in labels}
    return dict.fromkeys(names - {""}, meaning) if len(names) == 1 else {}


def _lists(path: Path, conditions: Any) -> Iterator[Remark]:
    """What is to be said of the lists and patterns of a condition and of those within it."""
    for key, value in mapping(conditions).items():
        here = (*path, key)
        if key in _TEXTS:
            yield from _text(here, mapping(value))
        elif key in _NAMED:
            yield from _repeated(here, value)
            if key == "type":
                yield from _in_one_text(here, value)
        elif key in ("any", "all"):
            for index, item in enumerate(listed(value)):
                yield from _lists((*here, index), item)
        elif key == "not":
            yield from _lists(here, value)


def _repeated(path: Path, values: Any) -> Iterator[Remark]:
    seen: dict[str, str] = {}
    for index, value in enumerate(listed(values)):
        if isinstance(value, str):
            first = seen.get(value.casefold())
            if first is not None:
                yield Remark(
                    "needless-entry", (*path, index), f"{quoted(value)} adds nothing to {quoted(first)}"
                )
        seen.setdefault(str(value).casefold(), str(value))


def _text(path: Path, condition: dict[str, Any]) -> Iterator[Remark]:
    exact = condition.get("case_sensitive") is True
    for key in ("words", "phrases"):
        yield from _needless((*path, key), key, condition.get(key), exact)
    yield from _in_one_text((*path, "words"), condition.get("words"))
    for index, phrase in enumerate(listed(condition.get("phrases"))):
        if (
            isinstance(phrase, str)
            and _TINY.match(phrase.strip())
            and not (exact and len(phrase.strip()) == 2)
        ):
            message = f"{quoted(phrase)} is found inside of other words, in nearly every text: use words"
            yield Remark("short-phrase", (*path, "phrases", index), message)
    if isinstance(condition.get("regex"), str):
        yield from _regex((*path, "regex"), condition["regex"])


def _needless(path: Path, key: str, texts: Any, exact: bool) -> Iterator[Remark]:
    # A list that is longer is refused for it.
    found = pieces(key, texts, exact)[:MAX_WORDS]
    # Looked at pair by pair are only those whose text stands in another's too, for lists may be long.
    every = "\0".join(piece.sought for piece in found)
    wider = [(other, wide) for other, wide in enumerate(found) if every.count(wide.sought) > 1]
    for index, piece in enumerate(found if wider else ()):
        for other, wide in wider:
            # Of two equal ones the first is kept.
            if other != index and piece.within(wide) and not (wide.within(piece) and index < other):
                message = f"{quoted(texts[index])} adds nothing to {quoted(texts[other])}"
                yield Remark("needless-entry", (*path, index), message)
                break


def _in_one_text(path: Path, texts: Any) -> Iterator[Remark]:
    for index, text in enumerate(listed(texts)):
        if isinstance(text, str) and _WORDS_IN_ONE.match(text):
            split = ", ".join(re.split(r" ?[,;|] ?", text))
            message = f"this looks for all of it with its signs: write it as entries, [{split}]"
            yield Remark("list-in-one-text", (*path, index), message)


def _regex(path: Path, pattern: str) -> Iterator[Remark]:
    if has_dead_part(pattern) and not is_dead(pattern):
        message = "a part of this can match no text: it goes on after its end or before its start"
        yield Remark("dead-alternative", path, message)
    if is_doubled(pattern):
        message = "this looks for a backslash and a letter: in single quotes a backslash is not doubled"
        yield Remark("doubled-backslash", path, message)
    if is_glob(pattern):
        message = f"the star repeats the letter before it: for any ending write words: [{pattern}]"
        yield Remark("star-of-words", path, message)
