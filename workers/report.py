"""From records of runs to what a team is told: what was done, undone, withheld, or would have been. Pure.

An issue counts once however many runs it had, but in each mode apart: what a dry run would have done
is never added to what was done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from rules.schema import Mode
from store import keys
from trackers.model import Subject, SubjectKind
from workers.decide import Because
from workers.record import Outcome
from workers.trial import note

_REASONS: Final = 3
"""Told of each label, the most frequent first."""
_ORDER: Final = (Mode.DRY_RUN, Mode.SUGGEST, Mode.APPLY)

Record = Mapping[str, Any]
"""As ``workers.record.record`` makes it."""
Counts = tuple[tuple[str, int], ...]
"""Most frequent first."""


@dataclass(frozen=True, slots=True)
class Told:
    """All that is on record of one subject."""

    subject: Subject
    runs: Sequence[Record]
    """Newest first."""
    undone: frozenset[str] = frozenset()
    """Names of labels of ours that people took off this issue, without their groups."""
    name: str = ""
    """Of a sprint."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a label fitted, by whose word."""

    source: str
    """``rule <name>`` or ``learned``."""
    issues: int
    because: tuple[str, ...]
    """In the words of one of them, without a full stop: what was there, not what a rule would not have."""


@dataclass(frozen=True, slots=True)
class LabelCount:
    """One label in one mode."""

    label: str
    issues: int
    undone: int
    """Issues from which a person took it off."""
    reasons: tuple[Reason, ...]
    examples: tuple[str, ...]

    @property
    def kept(self) -> float:
        """The share (0..1) that people left on."""
        return 1 - self.undone / self.issues


@dataclass(frozen=True, slots=True)
class WithheldCount:
    """A label that fitted and was not put on."""

    label: str
    why: str
    issues: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModeReport:
    """What was done about issues in one mode."""

    mode: Mode
    first: datetime
    """Its first and last run in the span."""
    last: datetime
    issues: int
    filed: int
    """Of these the newly filed."""
    backfilled: int
    """Of these the ones that a backfill labelled."""
    labelled: int
    """Issues with at least one label put on, suggested, or (in a dry run) meant."""
    labels: tuple[LabelCount, ...]
    withheld: tuple[WithheldCount, ...]
    unlabelled: Counts
    """Issues without any, by why."""


@dataclass(frozen=True, slots=True)
class SprintsReport:
    """What was said of sprints; counts are of sprints unless they say otherwise."""

    sprints: int = 0
    warned: int = 0
    would_warn: int = 0
    """In a dry run."""
    edited: int = 0
    settled: int = 0
    snoozed: int = 0
    concerns: Counts = ()
    """Of the warnings, also those of a dry run."""
    silent: Counts = ()
    """Sprints about which nothing was said at all, by why."""
    late: int = 0
    """Issues that were labelled for having joined late."""
    named: tuple[str, ...] = ()
    """Sprints that were warned about, or would have been."""


@dataclass(frozen=True, slots=True)
class Report:
    """One connection's report, or that of all."""

    runs: int
    modes: tuple[ModeReport, ...]
    """Those there were: dry run, suggest, apply."""
    sprints: SprintsReport
    ignored: Counts
    """Runs that came to nothing before a plan was made, by why."""
    postponed: Counts
    """Runs that were to be tried again, by cause."""
    dead: Counts
    """Runs by which a subject was given up, by cause."""
    refused: Counts
    """Writes that the tracker would not have, by its reason."""
    crowded: int
    """Subjects with so many runs that the oldest of the span may not be kept any more."""


def report(told: Iterable[Told], since: datetime) -> Report:
    """The report over all runs at ``since`` or later."""
    tally = Tally(since)
    for one in told:
        tally.add(one)
    return tally.report()


@dataclass(slots=True)
class Tally:
    """A report as it grows: of each subject little more than a count is kept."""

    since: datetime
    _runs: int = 0
    _modes: dict[Mode, _Mode] = field(default_factory=dict)
    _sprints: _Sprints = field(default_factory=lambda: _Sprints())
    _ignored: Counter[str] = field(default_factory=Counter)
    _postponed: Counter[str] = field(default_factory=Counter)
    _dead: Counter[str] = field(default_factory=Counter)
    _refused: Counter[str] = field(default_factory=Counter)
    _crowded: int = 0

    def add(self, told: Told) -> None:
        """Count one subject; to be called once for each."""
        runs = [run for run in told.runs if _at(run) >= self.since]
        self._runs += len(runs)
        self._crowded += len(runs) >= keys.DECISIONS_KEPT
        for run in runs:
            self._count(run)
        if told.subject.kind is SubjectKind.ISSUE:
            self._add_issue(told, runs)
        elif told.subject.kind is SubjectKind.SPRINT:
            self._sprints.add(told, runs)

    def report(self) -> Report:
        return Report(
            self._runs,
            tuple(self._modes[mode].report(mode) for mode in _ORDER if mode in self._modes),
            self._sprints.report(),
            _counts(self._ignored),
            _counts(self._postponed),
            _counts(self._dead),
            _counts(self._refused),
            self._crowded,
        )

    def _count(self, run: Record) -> None:
        match run["outcome"]:
            case Outcome.IGNORED:
                self._ignored[str(run["because"])] += 1
            case Outcome.POSTPONED if run["because"] != Because.QUIET:
                self._postponed[run["cause"]] += 1
            case Outcome.DEAD:
                self._dead[run["cause"]] += 1
            case Outcome.PARTLY_REFUSED:
                self._refused.update(run.get("refused") or [run["cause"]])

    def _add_issue(self, told: Told, runs: Sequence[Record]) -> None:
        key = next((str(run["issue"]) for run in runs if run.get("issue")), told.subject.id)
        by_mode: dict[Mode, list[Record]] = {}
        for run in runs:
            if run.get("plan"):
                by_mode.setdefault(Mode(run["plan"]["mode"]), []).append(run)
        for mode, made in by_mode.items():
            held = self._modes.setdefault(mode, _Mode(_at(made[-1]), _at(made[0])))
            held.add(key, made, told.undone if mode is Mode.APPLY else frozenset())


@dataclass(slots=True)
class _Reason:
    issues: int
    because: tuple[str, ...]


@dataclass(slots=True)
class _Label:
    name: str
    issues: int = 0
    undone: int = 0
    reasons: dict[str, _Reason] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    def count(self) -> LabelCount:
        often = sorted(self.reasons.items(), key=lambda pair: -pair[1].issues)[:_REASONS]
        reasons = tuple(Reason(source, one.issues, one.because) for source, one in often)
        return LabelCount(self.name, self.issues, self.undone, reasons, tuple(self.examples))


@dataclass(slots=True)
class _Mode:
    first: datetime
    last: datetime
    issues: int = 0
    filed: int = 0
    backfilled: int = 0
    labelled: int = 0
    labels: dict[str, _Label] = field(default_factory=dict)
    withheld: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    held: Counter[tuple[str, str]] = field(default_factory=Counter)
    unlabelled: Counter[str] = field(default_factory=Counter)

    def add(self, key: str, runs: Sequence[Record], undone: frozenset[str]) -> None:
        """Count one issue by its runs in this mode, newest first."""
        self.first, self.last = min(self.first, _at(runs[-1])), max(self.last, _at(runs[0]))
        self.issues += 1
        self.filed += any(hint["kind"] == "issue_created" for run in runs for hint in run["hints"])
        self.backfilled += any(run["because"] == Because.BACKFILL for run in runs)
        got = {name.casefold(): name for run in runs for name in _got(run)}
        self.labelled += bool(got)
        for folded, name in got.items():
            self._label(folded, name, key, runs, undone)
        newest = runs[0]
        if not got:
            self.unlabelled[str(newest["because"] or newest["outcome"])] += 1
        for one in newest["plan"].get("withheld", ()):
            if one["label"].casefold() not in got:
                place = (one["label"], one["why"])
                self.held[place] += 1
                note(self.withheld.setdefault(place, []), key)

    def _label(
        self, folded: str, name: str, key: str, runs: Sequence[Record], undone: frozenset[str]
    ) -> None:
        label = self.labels.setdefault(folded, _Label(name))
        label.issues += 1
        label.undone += name.rpartition("/")[2] in undone or name in undone
        note(label.examples, key)
        planned = (one for run in runs for one in run["plan"].get("labels", ()))
        why = next((one for one in planned if one["label"].casefold() == folded), None)
        if why is not None:
            words = why.get("seen") or why["because"]
            reason = label.reasons.setdefault(why["source"], _Reason(0, tuple(words)))
            reason.issues += 1

    def report(self, mode: Mode) -> ModeReport:
        labels = sorted(self.labels.values(), key=lambda one: (-one.issues, one.name))
        withheld = (
            WithheldCount(label, why, count, tuple(self.withheld[label, why]))
            for (label, why), count in self.held.most_common()
        )
        return ModeReport(
            mode,
            self.first,
            self.last,
            self.issues,
            self.filed,
            self.backfilled,
            self.labelled,
            tuple(label.count() for label in labels),
            tuple(withheld),
            _counts(self.unlabelled),
        )


def _got(run: Record) -> list[str]:
    """The labels that a run put on or suggested; of a dry run, would have put on."""
    if run["plan"]["mode"] == Mode.APPLY:
        return list((run.get("written") or {}).get("labels", ()))
    done = run["outcome"] in (Outcome.DRY_RUN, Outcome.SUGGESTED)
    return [one["label"] for one in run["plan"]["labels"]] if done else []


@dataclass(slots=True)
class _Sprints:
    sprints: int = 0
    warned: int = 0
    would_warn: int = 0
    edited: int = 0
    settled: int = 0
    snoozed: int = 0
    concerns: Counter[str] = field(default_factory=Counter)
    silent: Counter[str] = field(default_factory=Counter)
    late: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, told: Told, runs: Sequence[Record]) -> None:
        """Count one sprint by its runs, newest first."""
        planned = [run for run in runs if run.get("plan")]
        if not planned:
            return
        done = {verb for run in planned for verb in _said(run)}
        self.sprints += 1
        self.warned += "post_comment" in done
        self.edited += "edit_comment" in done
        self.settled += "settle_comment" in done
        self.snoozed += any(run["because"] == Because.SNOOZED for run in planned)
        marked = {
            key
            for run in planned
            for key, verb in run["plan"].get("marked", {}).items()
            if verb == "add_labels"
        }
        self.late += len(marked)
        warnings = [run for run in planned if _is_warning(run)]
        self.would_warn += bool(warnings) and "post_comment" not in done
        if warnings:
            self.concerns.update({one for run in warnings for one in run["plan"]["sprint"]["concerns"]})
            note(self.named, told.name or told.subject.id)
        elif not done:
            self.silent[str(planned[0]["because"] or planned[0]["outcome"])] += 1

    def report(self) -> SprintsReport:
        return SprintsReport(
            self.sprints,
            self.warned,
            self.would_warn,
            self.edited,
            self.settled,
            self.snoozed,
            _counts(self.concerns),
            _counts(self.silent),
            self.late,
            tuple(self.named),
        )


def _said(run: Record) -> list[str]:
    """What was done to the comment: ``post_comment``, ``edit_comment``, ``settle_comment``."""
    if not (run.get("written") or {}).get("comment"):
        return []
    return [str(operation["do"]) for operation in run["plan"]["operations"]]


def _is_warning(run: Record) -> bool:
    """Whether a first comment was written, or would have been in a dry run."""
    verbs = [operation["do"] for operation in run["plan"]["operations"]]
    wrote = run["outcome"] == Outcome.DRY_RUN or bool((run.get("written") or {}).get("comment"))
    return wrote and "post_comment" in verbs and bool(run["plan"].get("sprint"))


def _at(run: Record) -> datetime:
    return datetime.fromisoformat(run["at"])


def _counts(counter: Counter[str]) -> Counts:
    return tuple(counter.most_common())
