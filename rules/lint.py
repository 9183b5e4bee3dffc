"""What a rules file may say but surely does not mean: named warnings.

Each is certain of what it says, for whoever is warned of nothing stops reading. What can never work as
written is no warning but an error, and refused by ``load_rules``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from rules.layers import DEFAULTS, Layers, listed, mapping, owner, rule_names
from rules.lint_rules import SNOOZE_LABEL, rule_remarks
from rules.lint_sprints import sprint_remarks
from rules.lint_texts import text_remarks
from rules.problems import Warned
from rules.remarks import Remark
from rules.source import Path, Source
from rules.sprints_layers import SCOPE_LABEL


class _Switch(NamedTuple):
    """A setting that, at a certain value, makes others beside it idle."""

    at: tuple[str, ...]
    key: str
    off: Any
    idle: frozenset[str] | None
    """None: all but those of ``kept``."""
    kept: frozenset[str] = frozenset()


_SWITCHES: Final = (
    # The label of scope_creep is kept out of what is learnt, whether or not sprints are watched.
    _Switch(("sprints",), "enabled", False, None, frozenset({"enabled", "scope_creep"})),
    _Switch(("sprints",), "requirements", False, frozenset({"requirement_lines"})),
    _Switch(("sprints",), "measure", "issues", frozenset({"unestimated"})),
    # The other settings of overcommit also shape what is said of added work.
    _Switch(("sprints", "overcommit"), "enabled", False, frozenset({"grace"})),
    _Switch(("tagging", "learned"), "enabled", False, None, frozenset({"enabled"})),
)


def lint(source: Source, today: date) -> tuple[Warned, ...]:
    """Everything in a rules file that is surely not meant, in the file's order.

    Works on the plain data, so it may also be asked about a file that has errors; what has not the
    shape it expects is passed over, and of a file that cannot be read whole nothing is said. ``today``
    tells which absences and holidays are over.
    """
    if source.torn:
        return ()
    layers = Layers.of(source.data)
    return tuple(sorted({warned(source, remark) for remark in _remarks(source, layers, today)}))


def warned(source: Source, remark: Remark) -> Warned:
    """``remark`` with its line and column."""
    return Warned(source.problem(remark.path, remark.message, at_key=remark.at_key), remark.name)


def _remarks(source: Source, layers: Layers, today: date) -> Iterator[Remark]:
    yield from rule_remarks(source, layers)
    yield from text_remarks(source, layers)
    for where in layers.data:
        yield from sprint_remarks((*where, "sprints"), mapping(layers.own(where, "sprints")), today)
        yield from _labels_of_ours(layers, where)
        yield from _idle(source, layers, where)
        yield from _idle_precision(layers, where)
        yield from _replaced(layers, where)
        yield from _over_limit(layers, where)
        yield from _nothing_to_do(layers, where)
        yield from _no_difference(layers, where)


def _idle(source: Source, layers: Layers, where: Path) -> Iterator[Remark]:
    for switch in _SWITCHES:
        path = (*switch.at, switch.key)
        # A layer that turns it on again uses what is said here.
        if layers.own(where, *path) != switch.off or any(
            said != switch.off for said in layers.inside(where, *path)
        ):
            continue
        line = source.locate((*where, *path))[0]
        value = str(switch.off).lower()
        for key in mapping(layers.own(where, *switch.at)):
            if key in switch.idle if switch.idle is not None else key not in switch.kept:
                message = f'"{key}" has no effect: line {line} says "{switch.key}: {value}"'
                yield Remark("no-effect", (*where, *switch.at, key), message, at_key=True)


def _idle_precision(layers: Layers, where: Path) -> Iterator[Remark]:
    learned = mapping(layers.own(where, "tagging", "learned"))
    targets = learned.get("targets")
    if not isinstance(targets, list) or layers.inside(where, "tagging", "learned", "targets"):
        return
    for key, about in (("components_precision", {"components"}), ("precision", {"labels", "type"})):
        if key in learned and not about & set(map(str, targets)):
            message = f'"{key}" has no effect: "targets" has no {" and no ".join(sorted(about))}'
            yield Remark("no-effect", (*where, "tagging", "learned", key), message, at_key=True)


def _replaced(layers: Layers, where: Path) -> Iterator[Remark]:
    tagging = mapping(layers.own(where, "tagging"))
    names = {name.casefold() for _, name in rule_names(tagging)}
    for index, name in enumerate(listed(tagging.get("without"))):
        if isinstance(name, str) and name.casefold() in names:
            message = (
                f'the rule "{name}" of this layer takes the inherited one\'s place by itself: remove this'
            )
            yield Remark("replaced-anyway", (*where, "tagging", "without", index), message)


def _over_limit(layers: Layers, where: Path) -> Iterator[Remark]:
    most = layers.own(where, "tagging", "learned", "max_labels")
    limits = layers.may_be(where, "tagging", "max_labels", default=5)
    targets = layers.may_be(where, "tagging", "learned", "targets", default=["components"])
    limits += layers.inside(where, "tagging", "max_labels")
    targets += layers.inside(where, "tagging", "learned", "targets")
    # Components are counted apart from labels: for them it does matter.
    if (
        not _number(most)
        or not all(map(_number, limits))
        or any("components" in listed(one) for one in targets)
    ):
        return
    if most > max(limits):
        message = f"never more than {max(limits)} labels are put on one issue (tagging.max_labels)"
        yield Remark("learned-over-limit", (*where, "tagging", "learned", "max_labels"), message)


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _nothing_to_do(layers: Layers, where: Path) -> Iterator[Remark]:
    mode = layers.own(where, "mode")
    if mode not in ("apply", "suggest"):
        return
    rules, learned, sprints = ("tagging", "rules"), ("tagging", "learned", "enabled"), ("sprints", "enabled")
    has_rules = layers.may_be(where, *rules, default=None) != [None] or layers.inside(where, *rules)
    learns = layers.may_be(where, *learned, default=True) + layers.inside(where, *learned)
    watches = layers.may_be(where, *sprints, default=True) + layers.inside(where, *sprints)
    if not has_rules and all(said is False for said in learns + watches):
        message = (
            f'"{mode}" has nothing to write here: there is no rule, nothing is learned, no sprint watched'
        )
        yield Remark("nothing-to-do", (*where, "mode"), message)


def _no_difference(layers: Layers, where: Path) -> Iterator[Remark]:
    said = dict(_leaves(layers.data[where], ()))
    # Who says no more than a mode means to hold on to it.
    if where == DEFAULTS or not said.keys() - {("mode",)} or _may_matter(layers, where, said):
        return
    for keys, value in said.items():
        outside = layers.outside(where, *keys)
        surely = layers.own(DEFAULTS, *keys) is not None or (
            where[0] != "boards" and owner(where) is not None
        )
        if not surely or not outside or any(other != value for other in outside):
            return
    yield Remark("no-difference", where, "all of this is inherited anyway: remove it", at_key=True)


def _may_matter(layers: Layers, where: Path, said: Mapping[tuple[str, ...], Any]) -> bool:
    """Whether a key takes back what another key of a layer between may have said."""
    rules, zone = ("tagging", "rules"), ("sprints", "zone")
    return zone in said or (rules in said and bool(layers.outside(where, "tagging", "without")))


def _leaves(value: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    # Quiet hours are taken as a whole: a layer between may have said that there are none.
    if not isinstance(value, dict) or keys[-1:] == ("quiet_hours",):
        yield keys, value
        return
    for key, part in value.items():
        yield from _leaves(part, (*keys, key))


def _labels_of_ours(layers: Layers, where: Path) -> Iterator[Remark]:
    """A label that silences a sprint, or marks what was added to it, must be no other's."""
    label = _scope_label(layers.own(where, "sprints", "scope_creep", "label"))
    snooze = layers.may_be(where, "sprints", "notify", "snooze_label", default=SNOOZE_LABEL)
    if label and all(str(one).casefold() == label.casefold() for one in snooze):
        message = (
            f'"{label}" is also the snooze_label: each issue added would silence the warnings it stands with'
        )
        yield Remark("label-snoozes", (*where, "sprints", "scope_creep", "label"), message)


def _scope_label(said: Any) -> str:
    return SCOPE_LABEL if said is True else said if isinstance(said, str) else ""
