"""May a newly trained model take the place of the one that serves? A verdict in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from classifiers.evaluate import Answered, Evaluation, Marks, evaluate
from classifiers.figures import percent, with_interval
from classifiers.intervals import corrected, difference
from classifiers.paired import Compared, compare
from classifiers.thresholds import Thresholds

MARGIN: Final = 0.02
"""A model that measures worse by more than this is refused even if it may be luck: keeping the
serving one costs little, and there is a next time."""
LEAST_ISSUES: Final = 30
"""For ``MARGIN``; of fewer issues the measured difference is mostly luck."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a candidate may serve, and why, for a person to read."""

    passed: bool
    sentences: tuple[str, ...]
    figures: Mapping[str, Any]
    """The same as JSON-ready numbers."""


def judge(
    candidate: Sequence[Answered], serving: Sequence[Answered] | None, thresholds: Thresholds, asked: float
) -> Verdict:
    """Hold a candidate against the serving model on the newest issues both answered.

    Both sides carry what each model would apply at ``asked``; ``thresholds`` are the candidate's.
    Each answer must come from a model that had not learnt the issue. The candidate's are those of
    its trial. The serving model answers issues filed since its training afresh; for older ones what
    it said in its own trial may be used. So nobody is asked about what he has learnt by heart, but
    the sides are not quite equal: trial answers come from models with less data than the final one,
    and the candidate's trial may have learnt issues newer than any the serving model has seen. The
    first speaks a little against the candidate, the second a little for it.

    Refused is a candidate

    * whose trial reaches ``asked`` at no chance: it could only be silent;
    * that is worse overall, by the F1 of the applied tags, by the share of issues whose first
      proposal is right, or by its precision where that is under ``asked``: surely (the 95 %
      interval of the difference lies under 0, see :func:`classifiers.paired.compare`) or by more
      than ``MARGIN``. A lower F1 is no fault where the serving model breaks its promise and the
      candidate, more silent, keeps it;
    * that is worse on one tag: its precision surely lies under the serving model's, and not surely
      at what was asked or above; or its recall does, on a tag where the serving model kept the
      promise (unless it breaks it as a whole). Surely: Newcombe's interval of the difference at
      95 %, corrected (Bonferroni) for two looks at every tag that either model applied.

    Without a serving model only the first holds.
    """
    silence = thresholds.silence(asked)
    figures: dict[str, Any] = {"asked": asked, "line": thresholds.line(asked)}
    if silence is not None:
        return Verdict(False, (f"Refused: no chance would be enough, because {silence}.",), figures)
    if serving is None:
        return Verdict(True, (_support(thresholds, asked), "Passed: no model serves yet."), figures)
    ours, theirs = _shared(candidate, serving)
    if not ours:
        told = "Passed: there is no issue that both this model and the serving one answered."
        return Verdict(True, (_support(thresholds, asked), told), figures)
    contest = _Contest(evaluate(ours, asked), evaluate(theirs, asked), asked)
    overall = contest.overall(ours, theirs)
    tags = contest.worse_tags()
    passed = not tags and not any(one.worse for one in overall)
    figures |= contest.figures() | {"differences": [one.figures() for one in overall]}
    figures["worse_tags"] = sorted(tags)
    sentences = (
        *contest.opening(),
        *(one.sentence() for one in overall),
        *tags.values(),
        _last(overall, tags),
    )
    return Verdict(passed, sentences, figures)


def _support(thresholds: Thresholds, asked: float) -> str:
    rung = thresholds.rung(asked)
    assert rung is not None  # a line was found
    return (
        f"For an asked precision of {asked:.2f} it got {with_interval(rung.got)} on issues it had not "
        f"seen, with {rung.issues} of {thresholds.issues} issues tagged."
    )


def _shared(
    candidate: Sequence[Answered], serving: Sequence[Answered]
) -> tuple[list[Answered], list[Answered]]:
    there = {_key(one): one for one in serving}
    ours = [one for one in candidate if _key(one) in there]
    return ours, [there[_key(one)] for one in ours]


def _key(one: Answered) -> tuple[str, str]:
    return one.example.filed.project, one.example.id


@dataclass(frozen=True, slots=True)
class _Finding:
    """One figure, and what a lower value of it means."""

    name: str
    compared: Compared
    issues: int
    excuse: str
    """Why less of it is no fault; a half sentence, empty if it is one."""

    @property
    def lower(self) -> bool:
        much = self.issues >= LEAST_ISSUES and self.compared.apart < -MARGIN
        return much or self.compared.between.high < 0

    @property
    def worse(self) -> bool:
        return self.lower and not self.excuse

    def sentence(self) -> str:
        one = self.compared
        said = "better" if one.between.low > 0 else "no worse"
        if self.lower:
            said = f"lower, {self.excuse}" if self.excuse else "worse"
        return (
            f"{self.name} is {said}: {one.candidate:.2f} against {one.serving:.2f}, a difference of "
            f"{one.apart:+.2f} that may lie anywhere from {one.between.low:+.2f} to {one.between.high:+.2f}."
        )

    def figures(self) -> dict[str, Any]:
        between = self.compared.between
        return {"figure": self.name, "low": between.low, "high": between.high, "worse": self.worse}


@dataclass(frozen=True, slots=True)
class _Contest:
    """Two models on the same issues."""

    mine: Evaluation
    other: Evaluation
    asked: float

    @property
    def keeps(self) -> bool:
        precision = self.mine.marks.precision.value
        return precision is not None and precision >= self.asked

    @property
    def mends(self) -> bool:
        """The serving model breaks its promise, the candidate does not."""
        return self.keeps and self.other.keeps_promise is False

    def opening(self) -> tuple[str, str]:
        mine, other = self.mine, self.other
        return (
            f"Compared on the {mine.issues} newest issues that both models answered, at an asked precision "
            f"of {self.asked:.2f}.",
            f"This model tags {percent(mine.coverage)} of them with a precision of "
            f"{with_interval(mine.marks.precision)}; the serving one {percent(other.coverage)} with "
            f"{with_interval(other.marks.precision)}.",
        )

    def overall(self, ours: Sequence[Answered], theirs: Sequence[Answered]) -> tuple[_Finding, ...]:
        pair, issues = compare(ours, theirs), len(ours)
        mended = "but the serving model breaks its promise and this one does not" if self.mends else ""
        kept = "but still what was asked" if self.keeps else ""
        found = (
            _Finding("The F1 of the applied tags", pair.f1, issues, mended),
            _Finding("The share of issues whose first proposal is right", pair.first, issues, ""),
        )
        if not self.mine.marks.applied or not self.other.marks.applied:
            return found
        return (*found, _Finding("The precision of the applied tags", pair.precision, issues, kept))

    def worse_tags(self) -> dict[str, str]:
        """Tag → what is worse, as a sentence."""
        nothing = Marks(0, 0, 0)
        pairs = {
            tag: (self.mine.tags.get(tag, nothing), self.other.tags.get(tag, nothing))
            for tag in sorted(self.mine.tags | self.other.tags)
        }
        pairs = {tag: pair for tag, pair in pairs.items() if any(marks.applied for marks in pair)}
        level = corrected(2 * len(pairs))
        faults = {tag: self._fault(*pair, level) for tag, pair in pairs.items()}
        return {tag: f"On the tag {tag} {fault}." for tag, fault in faults.items() if fault}

    def _fault(self, mine: Marks, other: Marks, level: float) -> str:
        here, there = mine.precision, other.precision
        kept = here.value is not None and here.interval(level).low >= self.asked
        if difference(here, there, level).high < 0 and not kept:
            return f"its precision is {with_interval(here)} against {with_interval(there)}"
        promised = there.value is not None and there.value >= self.asked and not self.mends
        if promised and difference(mine.recall, other.recall, level).high < 0:
            return f"it finds {with_interval(mine.recall)} of the uses against {with_interval(other.recall)}"
        return ""

    def figures(self) -> dict[str, Any]:
        return {
            "issues": self.mine.issues,
            "candidate": _figures(self.mine),
            "serving": _figures(self.other),
        }


def _last(overall: Sequence[_Finding], tags: Mapping[str, str]) -> str:
    where = ["overall"] if any(one.worse for one in overall) else []
    where += [f"on {tag}" for tag in tags]
    if not where:
        return "Passed: it is not worse overall, nor on any tag."
    return f"Refused: it is worse {', '.join(where)}. The serving model stays."


def _figures(found: Evaluation) -> dict[str, Any]:
    return {
        "precision": found.marks.precision.value,
        "recall": found.marks.recall.value,
        "micro_f1": found.marks.f1,
        "first_right": found.first.value,
        "coverage": found.coverage.value,
    }
