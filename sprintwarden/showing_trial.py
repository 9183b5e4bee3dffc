"""What ``try`` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from rules.differences import Differences
from rules.schema import Mode
from sprintwarden.columns import counted, shortened, table, wrapped
from trackers.spans import in_utc
from workers.sprint_trial import SprintChange, in_words
from workers.trial import Comparison, Example, LabelChange, ProjectChange, Reach
from workers.try_rules import Rules, Trial
from workers.wording import and_list

_DONE: Final = {Mode.APPLY: "put on", Mode.SUGGEST: "suggested", Mode.DRY_RUN: "only recorded"}
_MOVED: Final = "has its turn at another place, which matters where max_labels leaves labels out"
_WRITES: Final = {
    Mode.APPLY: "labels would be put on",
    Mode.SUGGEST: "labels would only be suggested",
    Mode.DRY_RUN: "nothing would be written any more",
}
_SAYS: Final = {
    Mode.APPLY: "warnings would be written",
    Mode.SUGGEST: "warnings would be written",
    Mode.DRY_RUN: "nothing would be said of them any more",
}
_MOST_PLACES: Final = 6
_MOST_SHOWN: Final = 40
"""Labels in the table; the rest are counted."""


def show_trial(trial: Trial) -> str:
    """For people."""
    found = trial.comparison
    if found is None:
        held = _named(trial.now)
        return f"{trial.new.file} has the same text as the rules in force ({held}): nothing differs."
    lines = [
        f"In force: {_named(trial.now)}.",
        f"New: {_named(trial.new)}.",
        f"Held against each other over {trial.over},",
        "as if each were filed now. Nothing was written.",
        "",
        *_modes(trial.differences),
        *_labels(found),
        *_projects(found),
        *_differences(trial),
        *_sprints(trial),
    ]
    for remark in trial.remarks:
        lines += ["", *wrapped(remark, "")]
    return "\n".join(lines)


def _named(rules: Rules) -> str:
    if rules.since is None:
        return f"version {rules.book.version_id}, from {rules.file}"
    return f"version {rules.book.version_id}, by which the service works since {in_utc(rules.since)}"


def _modes(differ: Differences) -> Iterator[str]:
    """What is written at all: it matters more than which labels."""
    told: set[tuple[str, Any, Any]] = set()
    for one in differ.settings:
        if one.path == "mode":
            told |= {(place, one.now, one.new) for place in one.places}
            go = "goes" if len(one.places) == 1 else "go"
            yield from wrapped(
                f"{_where(one.places)} {go} from {one.now} to {one.new}: {_WRITES[Mode(one.new)]}.", ""
            )
    for one in differ.settings:
        places = tuple(place for place in one.places if (place, one.now, one.new) not in told)
        if one.path == "sprints.mode" and places:
            yield from wrapped(
                f"Sprints of {_where(places)} go from {one.now} to {one.new}: {_SAYS[Mode(one.new)]}.", ""
            )


def _labels(found: Comparison) -> Iterator[str]:
    if not found.issues:
        yield "There are no issues to hold them against."
        return
    if not found.changed:
        yield f"None of {counted(found.issues, 'issue')} would get other labels."
    else:
        yield (
            f"{found.changed} of {counted(found.issues, 'issue')} would get other labels: "
            f"{counted(found.gained, 'label')} gained, {found.lost} lost."
        )
    fitting = [label for label in found.labels if label.now or label.new]
    if fitting:
        yield ""
        yield from table(
            ("label", "now", "new", "gained", "lost", "for example"), list(map(_row, fitting[:_MOST_SHOWN]))
        )
    if len(fitting) > _MOST_SHOWN:
        yield f"  and {len(fitting) - _MOST_SHOWN} more (--json tells all)"
    yield from _reasons(found)
    yield from _withheld(found)


def _row(label: LabelChange) -> tuple[object, ...]:
    gained = f"+{label.gained}" if label.gained else ""
    lost = f"−{label.lost}" if label.lost else ""
    keys = [f"+ {', '.join(label.gained_on)}"] if label.gained_on else []
    keys += [f"− {', '.join(label.lost_on)}"] if label.lost_on else []
    return label.label, label.now, label.new, gained, lost, "  ".join(keys)


def _reasons(found: Comparison) -> Iterator[str]:
    examples = [
        (sign, label.label, example)
        for label in found.labels[:_MOST_SHOWN]
        for sign, example in (("+", label.gain), ("−", label.loss))
        if example is not None
    ]
    if not examples:
        return
    yield ""
    yield "Why, by an example of each:"
    for sign, label, example in examples:
        told = f"{sign} {label} on {example.key}: {_because(example)}"
        yield from wrapped(told, hang=4)


def _because(example: Example) -> str:
    source = f" ({example.source})" if example.source else ""
    return f"{and_list(example.because)}{source}"


def _withheld(found: Comparison) -> Iterator[str]:
    held = [(label.label, one) for label in found.labels for one in label.withheld]
    if not held:
        return
    yield ""
    yield "Fits by the new file, and is withheld:"
    for label, one in held[:_MOST_SHOWN]:
        told = f"{label} on {counted(one.issues, 'issue')} ({', '.join(one.examples)}): {one.why}"
        yield from wrapped(told, hang=4)
    if len(held) > _MOST_SHOWN:
        yield f"  and {len(held) - _MOST_SHOWN} more"


def _projects(found: Comparison) -> Iterator[str]:
    if not found.projects:
        return
    yield ""
    yield "By project or team:"
    for project in found.projects:
        told = f"{project.project}: {_project(project)}"
        yield from wrapped(told, hang=4)


def _project(project: ProjectChange) -> str:
    now, new = project.now, project.new
    modes = f"{now.mode} → {new.mode}" if now.mode is not new.mode else f"{new.mode}, as before"
    told = f"{modes}: {_reach(new, project.issues)} would be {_DONE[new.mode]}"
    if now == new:
        return f"{told}, as is so now."
    before = f", {_DONE[now.mode]}" if now.mode is not new.mode else ""
    return f"{told}; now {_reach(now, project.issues)}{before}."


def _reach(reach: Reach, issues: int) -> str:
    if not reach.labels:
        return f"no label on {counted(issues, 'issue')}"
    return f"{counted(reach.labels, 'label')} on {reach.issues} of {counted(issues, 'issue')}"


def _differences(trial: Trial) -> Iterator[str]:
    settings, rules = trial.differences.settings, trial.differences.rules
    if settings or rules:
        yield ""
        yield "Settings and rules that differ:"
    for one in settings:
        line = f"; line {one.line}" if one.line else ""
        told = f"{one.path}: {_value(one.now)} → {_value(one.new)} ({_where(one.places)}{line})"
        yield from wrapped(told, hang=4)
    for rule in rules:
        change = _MOVED if rule.change == "moved" else rule.change
        yield from wrapped(f"rule {rule.name}: {change} ({_where(rule.places)})", hang=4)


def _value(value: Any) -> str:
    if value is None:
        return "unset"
    return shortened(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 60)


def _where(places: tuple[str, ...]) -> str:
    rest = len(places) - _MOST_PLACES
    return ", ".join(places[:_MOST_PLACES]) + (f" and {rest} more" if rest > 0 else "")


def _sprints(trial: Trial) -> Iterator[str]:
    if not trial.sprints:
        return
    yield ""
    yield "Running sprints of boards whose settings differ:"
    for sprint in trial.sprints:
        yield f"  {sprint.name or sprint.sprint} (board {sprint.board})"
        for line in _sprint(sprint):
            yield from wrapped(line, "    ", hang=2)


def _sprint(change: SprintChange) -> Iterator[str]:
    if change.differs:
        yield f"now: {in_words(change.now)}"
        yield f"new: {in_words(change.new)}"
    else:
        yield f"as now: {in_words(change.new)}"
