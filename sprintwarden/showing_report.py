"""What ``report`` prints: sentences first, then tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from rules.schema import Mode
from sprintwarden.columns import counted, table, wrapped
from sprintwarden.reporting import Hold, Reported
from store import keys
from store.reasons import why
from trackers.spans import in_utc
from workers.report import Counts, LabelCount, ModeReport, Report, SprintsReport
from workers.wording import and_list

_MOST_SHOWN: Final = 30
"""Labels in a table; the rest are counted."""
_CAUSES: Final = 3
_BECAUSE: Final = 2
"""Told of one reason; a rule may hold for many."""
_CALLED: Final = {Mode.DRY_RUN: "in dry run", Mode.SUGGEST: "suggesting", Mode.APPLY: "applying"}


def report_json(told: Reported) -> dict[str, Any]:
    """For ``--json``."""
    return {
        "since": told.since.isoformat(timespec="seconds"),
        "until": told.until.isoformat(timespec="seconds"),
        "records_kept_days": keys.DECISIONS_LIFE.days,
        "dead_letters": told.waiting,
        "held": {
            name: {"since": hold.since.isoformat(timespec="seconds"), "waiting": hold.waiting}
            for name, hold in told.holds.items()
        },
        "connections": {name: _json(one) for name, one in told.connections.items()},
        "total": _json(told.total),
    }


def _json(report: Report) -> dict[str, Any]:
    data = asdict(report)
    for mode, one in zip(data["modes"], report.modes, strict=True):
        for label, found in zip(mode["labels"], one.labels, strict=True):
            label["kept"] = round(found.kept, 4)
        mode["first"], mode["last"] = one.first.isoformat(), one.last.isoformat()
    for name in ("ignored", "postponed", "dead", "refused"):
        data[name] = dict(getattr(report, name))
    for name in ("concerns", "silent"):
        data["sprints"][name] = dict(getattr(report.sprints, name))
    for mode, one in zip(data["modes"], report.modes, strict=True):
        mode["unlabelled"] = dict(one.unlabelled)
    return data


def show_report(told: Reported) -> str:
    """For people."""
    days = round((told.until - told.since).total_seconds() / 86_400)
    span = f"the last {counted(days, 'day')}"
    lines: list[str] = []
    if told.beyond:
        kept = counted(keys.DECISIONS_LIFE.days, "day")
        lines += [*wrapped(f"Records are kept for {kept}: of what was before, nothing is known.", ""), ""]
    for name, one in told.connections.items():
        held = _held(name, told.holds[name]) if name in told.holds else ()
        lines += [f"{name}, {span}:", *held, *_summary(one, name, days), ""]
    if len(told.connections) > 1 and told.total.runs:
        lines += [f"All of them, {span}:", *_sentences(told.total), ""]
    if told.waiting:
        waiting = counted(told.waiting, "dead letter")
        lines += [*wrapped(f"{waiting} at present: `sprintwarden dead-letters list` tells why.", ""), ""]
    for name, one in told.connections.items():
        lines += _details(one, name)
    return "\n".join(lines).rstrip()


def _held(name: str, hold: Hold) -> Iterator[str]:
    wait = counted(hold.waiting, "issue or sprint waits", "issues and sprints wait")
    yield from wrapped(
        f"Nothing is written to it since {in_utc(hold.since)}, for that would be more than the rules allow; "
        f"{wait} now. `sprintwarden resume {name}` lets it go on."
    )


def _summary(report: Report, name: str, days: int) -> Iterator[str]:
    if report.runs:
        yield from _sentences(report)
    else:
        yield from wrapped(
            f"Nothing was decided in {counted(days, 'day')}: is the webhook connected? "
            f"`sprintwarden doctor {name}` tells."
        )


def _details(report: Report, name: str) -> Iterator[str]:
    """The tables behind the sentences."""
    for mode in report.modes:
        parts = (
            _labels(mode),
            _reasons(mode),
            _withheld(mode),
            _counts("Without a label, by why:", mode.unlabelled, "issue"),
        )
        yield from _section(f"{name}, {_CALLED[mode.mode]}:", map(list, parts))
    ignored = list(_counts("", report.ignored, "run"))
    yield from _section(f"{name}, runs that came to nothing before a plan was made:", [ignored])


def _section(head: str, parts: Iterable[list[str]]) -> Iterator[str]:
    there = [part for part in parts if part]
    if there:
        yield head
    for part in there:
        yield from part
        yield ""


def _sentences(report: Report) -> Iterator[str]:
    for mode in report.modes:
        yield from wrapped(_mode(mode))
    for sentence in _sprints(report.sprints):
        yield from wrapped(sentence)
    trouble = (
        ("Postponed and tried again", report.postponed),
        ("Given up", report.dead),
        ("Refused by the tracker", report.refused),
    )
    for what, counts in trouble:
        if counts:
            yield from wrapped(f"{what}: {counted(_sum(counts), 'time')}. {_causes(counts)}")
    if report.crowded:
        yield from wrapped(
            f"Of {counted(report.crowded, 'issue or sprint', 'issues or sprints')} only the newest "
            f"{keys.DECISIONS_KEPT} runs are kept, which may not be all."
        )
    if not report.modes and not report.sprints.sprints:
        yield from wrapped(f"Nothing to decide on so far ({counted(report.runs, 'run')}).")


def _mode(mode: ModeReport) -> str:
    first, last = in_utc(mode.first), in_utc(mode.last)
    span = first if first == last else f"{first} to {last}"
    of = f"{mode.labelled} of {counted(mode.issues, 'new issue' if mode.filed == mode.issues else 'issue')}"
    others = [(mode.filed, "newly filed"), (mode.backfilled, "by a backfill")]
    parts = [f"{number} {what}" for number, what in others if 0 < number < mode.issues]
    of += f" ({and_list(parts)})" if parts else ""
    match mode.mode:
        case Mode.DRY_RUN:
            return f"In dry run ({span}) it would have labelled {of}. Nothing was written."
        case Mode.SUGGEST:
            return f"Suggesting ({span}), it proposed labels on {of}."
        case Mode.APPLY:
            return f"Applying ({span}), it labelled {of}.{_undone(mode)}"


def _undone(mode: ModeReport) -> str:
    put_on = sum(label.issues for label in mode.labels)
    if not put_on:
        return ""
    undone = sum(label.undone for label in mode.labels)
    if not undone:
        return f" People left all {counted(put_on, 'label')} on."
    return f" People took {undone} of {counted(put_on, 'label')} off again: {1 - undone / put_on:.0%} stayed."


def _sprints(sprints: SprintsReport) -> Iterator[str]:
    if not sprints.sprints:
        return
    told = [
        (sprints.warned, "warned about"),
        (sprints.would_warn, "in dry run, would have been warned about"),
        (sprints.edited, "brought up to date"),
        (sprints.settled, "settled"),
        (sprints.snoozed, "snoozed"),
    ]
    done = and_list([f"{number} {what}" for number, what in told if number]) or "nothing said"
    yield f"{counted(sprints.sprints, 'sprint')} looked at: {done}."
    if sprints.named:
        concerns = and_list([f"{name.replace('_', ' ')} {number} ×" for name, number in sprints.concerns])
        yield f"The warnings: {concerns}; for example {and_list(list(sprints.named))}."
    if sprints.late:
        yield f"{counted(sprints.late, 'issue')} that joined a sprint late got the label for it."
    if sprints.silent:
        because = "; ".join(f"{number} because {why(name)}" for name, number in sprints.silent)
        yield f"Silent about {_sum(sprints.silent)}: {because}."


def _labels(mode: ModeReport) -> Iterator[str]:
    if not mode.labels:
        return
    shown = mode.labels[:_MOST_SHOWN]
    match mode.mode:
        case Mode.APPLY:
            heads = ("put on", "issues", "taken off", "stayed", "for example")
            yield from table(heads, [_applied(label) for label in shown])
        case Mode.SUGGEST:
            yield from table(("suggested", "issues", "for example"), [_meant(label) for label in shown])
        case Mode.DRY_RUN:
            yield from table(("would be put on", "issues", "for example"), [_meant(label) for label in shown])
    if len(mode.labels) > len(shown):
        yield f"  and {len(mode.labels) - len(shown)} more (--json tells all)"


def _reasons(mode: ModeReport) -> Iterator[str]:
    if mode.labels:
        yield "  Why, most frequent first:"
    for label in mode.labels[:_MOST_SHOWN]:
        for reason in label.reasons:
            words = f": {and_list(_first(reason.because))}" if reason.because else ""
            yield from wrapped(f"{label.label}, {reason.source}, {reason.issues} ×{words}", "    ", hang=4)


def _first(because: Sequence[str]) -> list[str]:
    rest = len(because) - _BECAUSE
    return [*because[:_BECAUSE], *([f"{rest} more"] if rest > 0 else [])]


def _applied(label: LabelCount) -> tuple[object, ...]:
    return label.label, label.issues, label.undone or "", f"{label.kept:.0%}", ", ".join(label.examples)


def _meant(label: LabelCount) -> tuple[object, ...]:
    return label.label, label.issues, ", ".join(label.examples)


def _withheld(mode: ModeReport) -> Iterator[str]:
    rows = [(held.label, held.issues, held.why) for held in mode.withheld[:_MOST_SHOWN]]
    yield from table(("withheld", "issues", "because"), rows)


def _counts(head: str, counts: Counts, noun: str) -> Iterator[str]:
    if head and counts:
        yield f"  {head}"
    for name, number in counts:
        yield from wrapped(f"{counted(number, noun)}: {why(name)}", "    ")


def _causes(counts: Counts) -> str:
    told = [f"{number} × {cause}" for cause, number in counts[:_CAUSES]]
    rest = len(counts) - len(told)
    return " ".join(told) + (f" And {rest} other causes." if rest > 0 else "")


def _sum(counts: Counts) -> int:
    return sum(number for _, number in counts)
