"""A model card: what a model was trained on, what it can do and where it is weak. Markdown.

After M. Mitchell et al., "Model cards for model reporting", FAT* 2019. It holds counts, names of
tags and projects, and figures; never a word of an issue.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from classifiers.evaluate import Evaluation, Marks
from classifiers.examples import Target
from classifiers.figures import percent, weaknesses, with_interval
from classifiers.intervals import Share
from classifiers.markdown import bullets, cell, named, section, table
from classifiers.thresholds import Thresholds

SHOWN: Final = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99)
WIDE: Final = 0.3
"""An interval wider than this says little."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """All a card tells; ``facts_of`` and ``read_facts`` keep it beside the model."""

    model: str
    """Its version, as the commands name it."""
    source: str
    """Where the issues came from, such as ``connection acme-jira``."""
    target: Target
    exclusive: bool
    window: tuple[str, str]
    """The creation of the oldest and of the newest issue, as people read dates."""
    projects: dict[str, int]
    """Issues of each."""
    uses: dict[str, dict[str, int]]
    """Project → tag → times used in the window."""
    asked: float
    thresholds: Thresholds
    trial: Evaluation
    """On the newest issues, answered by models that had not learnt them, held to ``asked``."""
    trained: tuple[str, ...]
    """How, in sentences."""
    versions: dict[str, str]
    """Of Python and the libraries."""
    sha256: str
    """Of the model file."""


def render(card: CardFacts) -> str:
    """The card as Markdown."""
    parts = (
        _head(card),
        _data(card),
        _promise(card),
        _figures(card.trial),
        _tags(card),
        _projects(card.trial),
        _reliability(card.trial),
        section("Known weak spots", bullets(weak_spots(card) or ["None that the trial could show."])),
        section("How it was trained", bullets(card.trained)),
        _versions(card),
    )
    return "\n".join(chain.from_iterable(parts)).rstrip() + "\n"


def weak_spots(card: CardFacts) -> list[str]:
    """What a reader should not rely on, in sentences."""
    found = [*_broken_promise(card), *_silent_tags(card), *_unsure_tags(card)]
    found += [
        f"{cell(row.project)}: {' and '.join(weaknesses(row))}."
        for row in card.trial.projects
        if weaknesses(row)
    ]
    untagged = Share(card.trial.issues - card.trial.answered, card.trial.issues)
    if untagged.right:
        found.append(f"{percent(untagged)} of the issues in the trial got no tag at all.")
    return found


def _broken_promise(card: CardFacts) -> Iterator[str]:
    silence = card.thresholds.silence(card.asked)
    if silence:
        yield f"It stays silent at the asked precision of {card.asked:.2f}: {silence}."
    elif card.trial.marks.precision.interval().high < card.asked:
        yield (
            f"Asked for a precision of {card.asked:.2f} it got {with_interval(card.trial.marks.precision)}."
        )


def _silent_tags(card: CardFacts) -> Iterator[str]:
    never = [tag for tag, marks in card.trial.tags.items() if marks.true and not marks.applied]
    if never:
        yield f"True in the trial, but never applied: {named(never)}."
    most: dict[str, int] = {}
    for tag, times in chain.from_iterable(own.items() for own in card.uses.values()):
        most[tag] = max(times, most.get(tag, 0))
    rare = sorted(tag for tag, times in most.items() if times < card.thresholds.min_uses)
    if rare:
        yield f"Used too seldom to be applied (under {card.thresholds.min_uses} times): {named(rare)}."


def _unsure_tags(card: CardFacts) -> Iterator[str]:
    applied = {tag: marks.precision for tag, marks in card.trial.tags.items() if marks.applied}
    under = [tag for tag, share in applied.items() if share.interval().high < card.asked]
    if under:
        yield f"Surely less precise than asked: {named(under)}."
    wide = [tag for tag, share in applied.items() if share.interval().high - share.interval().low > WIDE]
    if wide:
        yield f"Applied too seldom in the trial to know how precise they are: {named(wide)}."


def _head(card: CardFacts) -> list[str]:
    kind = "exactly one for each issue" if card.exclusive else "any number for each issue"
    return [
        f"# Model card: {card.target} · {cell(card.model)}",
        "",
        f"Proposes {card.target} for new issues, {kind}, from title and description; it is silent where "
        f"it is not sure enough. Trained on {cell(card.source)}. It is advice: people have the last word.",
        "",
    ]


def _data(card: CardFacts) -> list[str]:
    rows = [
        (project, str(count), str(len(card.uses.get(project, {}))))
        for project, count in card.projects.items()
    ]
    total = sum(card.projects.values())
    told = f"{total} issues, created from {card.window[0]} to {card.window[1]}."
    return section("Data", [told, "", *table(("project", "issues", "tags in use"), rows)])


def _promise(card: CardFacts) -> list[str]:
    rows = []
    for asked in SHOWN:
        rung = card.thresholds.rung(asked)
        if rung is None or rung.line is None:
            rows.append((f"{asked:.2f}", "silent", "-", "-"))
        else:
            tagged = percent(Share(rung.issues, card.thresholds.issues))
            rows.append((f"{asked:.2f}", f"{rung.line:.2f}", with_interval(rung.got), tagged))
    told = (
        f"Answers to {card.thresholds.issues} issues by models that had not learnt them. The interval "
        "holds 95 % (Wilson). The lines were chosen on these same answers, so expect a little less."
    )
    head = ("asked precision", "chance needed", "got", "issues tagged")
    return section("Asked against got", [told, "", *table(head, rows)])


def _figures(trial: Evaluation) -> list[str]:
    asked = "" if trial.asked is None else f" (asked {trial.asked:.2f})"
    return section(
        "Trial on the newest issues",
        bullets(
            [
                f"{trial.issues} issues, {percent(trial.coverage)} of them tagged",
                f"precision {with_interval(trial.marks.precision)}{asked}",
                f"recall {with_interval(trial.marks.recall)}",
                f"F1 {trial.marks.f1:.2f} over all tags together, {trial.macro_f1:.2f} as the mean of tags",
                f"first proposal right {with_interval(trial.first)}, "
                f"one of three {with_interval(trial.among_three)}",
            ]
        ),
    )


def _tags(card: CardFacts) -> list[str]:
    nothing = Marks(0, 0, 0)
    uses: dict[str, int] = {}
    for tag, times in chain.from_iterable(own.items() for own in card.uses.values()):
        uses[tag] = uses.get(tag, 0) + times
    rows = []
    for tag in sorted(uses.keys() | card.trial.tags.keys(), key=lambda tag: (-uses.get(tag, 0), tag)):
        marks = card.trial.tags.get(tag, nothing)
        shares = (with_interval(marks.precision), with_interval(marks.recall))
        rows.append((tag, str(uses.get(tag, 0)), str(marks.true), str(marks.applied), *shares))
    head = ("tag", "uses", "true in trial", "applied", "precision", "recall")
    return section("Tags", table(head, rows))


def _projects(trial: Evaluation) -> list[str]:
    rows = [
        (
            row.project,
            str(row.issues),
            percent(Share(row.answered, row.issues)),
            with_interval(row.marks.precision),
            with_interval(row.first),
            " and ".join(weaknesses(row)) or "-",
        )
        for row in trial.projects
    ]
    head = ("project", "issues", "tagged", "precision", "first right", "surely")
    return section("Projects", table(head, rows))


def _reliability(trial: Evaluation) -> list[str]:
    rows = [
        (f"{one.low:.1f} to {one.high:.1f}", str(one.got.total), f"{one.mean_p:.2f}", with_interval(one.got))
        for one in trial.reliability
    ]
    told = f"Of the best proposal of each issue; off by {trial.calibration_error:.3f} on average."
    return section(
        "Chance against truth", [told, "", *table(("chance", "issues", "said", "was right"), rows)]
    )


def _versions(card: CardFacts) -> list[str]:
    rows = [*card.versions.items(), ("model file, SHA-256", f"`{card.sha256}`")]
    return section("Versions", table(("what", "version"), rows))
