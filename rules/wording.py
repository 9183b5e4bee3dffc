"""The sentences of a sprint's comment as templates, which an admin may replace.

A template is text with placeholders in braces, each a bare name, and ``**bold**`` parts. Nothing in
it is ever run or looked up: a placeholder is put in the place of its name, and that is all. An empty
text leaves the sentence out where the comment reads well without it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

MAX_TEMPLATE_CHARS: Final = 500
EVERYWHERE: Final = frozenset({"sprint", "noun"})
"""Placeholders that any template may have: the sprint's name, and "sprint" or "cycle"."""

_BRACED: Final = re.compile(r"\{([^{}]*)\}")
_PIECE: Final = re.compile(r"\*\*|\{[^{}]*\}|(?:(?!\*\*)[^{}])+")
_NAME: Final = re.compile(r"[a-z_]+\Z")


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence as shipped."""

    text: str
    fields: frozenset[str]
    """Placeholders that may stand in it."""
    needs: frozenset[str]
    """Those it would not be understood without."""
    optional: bool
    """Whether an empty text may leave it out."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a template: text as it stands, or the name of a placeholder."""

    text: str
    is_field: bool
    bold: bool


def pieces(text: str) -> Iterator[Piece]:
    """``text``, which ``check_template`` has found good, in its parts."""
    bold = False
    for part in _PIECE.findall(text):
        if part == "**":
            bold = not bold
        else:
            is_field = part[0] == "{"
            yield Piece(part[1:-1] if is_field else part, is_field, bold)


def check_template(name: str, text: str) -> str | None:
    """What is wrong with ``text`` in the place of the template ``name``, as a sentence; None if nothing."""
    template = TEMPLATES.get(name)
    if template is None:
        return f'there is no sentence "{name[:60]}"{_did_you_mean(name, TEMPLATES)}'
    if not text.strip():
        return None if template.optional else f'the sentence "{name}" cannot be left out'
    return _bad_text(text) or _bad_braces(text, template) or _missing(text, template)


def _bad_text(text: str) -> str | None:
    if len(text) > MAX_TEMPLATE_CHARS:
        return f"a sentence can have at most {MAX_TEMPLATE_CHARS} characters; this one has {len(text)}"
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text):
        return "a sentence must not contain control characters or line breaks"
    if text.count("**") % 2:
        return "a bold part begins and ends with **; here one of them is missing"
    if "****" in text or not all(part.strip() for part in text.split("**")[1::2]):
        return "there is nothing between a ** and the next"
    return None


def _bad_braces(text: str, template: Template) -> str | None:
    known = ", ".join(f"{{{name}}}" for name in sorted(template.fields))
    for name in _BRACED.findall(text):
        if name in template.fields:
            continue
        if not _NAME.match(name):
            return f'a placeholder is a bare name in braces, not "{{{name[:60]}}}"; here there are {known}'
        meant = _did_you_mean(name, template.fields)
        return f'unknown placeholder "{name[:60]}"{meant}; here there are {known}'
    if re.search(r"[{}]", _BRACED.sub("", text)):
        return "a brace stands only around a placeholder; here one does not"
    return None


def _missing(text: str, template: Template) -> str | None:
    missing = sorted(template.needs - set(_BRACED.findall(text)))
    return f"the placeholder {{{missing[0]}}} is missing, without which it says nothing" if missing else None


def _did_you_mean(wrong: str, known: Mapping[str, object] | frozenset[str]) -> str:
    close = get_close_matches(wrong[:60].strip().lower(), known, n=1)
    return f' (did you mean "{close[0]}"?)' if close else ""


def _template(text: str, needs: str = "", *, optional: bool = True) -> Template:
    fields = EVERYWHERE | frozenset(_BRACED.findall(text))
    return Template(text, fields, frozenset(needs.split()), optional)


def _head(text: str) -> Template:
    return _template(text, "sprint", optional=False)


TEMPLATES: Final[Mapping[str, Template]] = MappingProxyType(
    {
        # What happened.
        "head_overcommitted": _head("**{sprint} holds more than this team usually finishes.**"),
        "head_behind": _head("**{sprint} may finish less than was planned.**"),
        "head_scope": _head("**{sprint} has grown past its limit for added work.**"),
        "head_scope_too": _template("**It has also grown past its limit for added work.**"),
        "head_grown": _head("**{sprint} holds work that asks for more than it did at the start.**"),
        "head_stalled": _head("**{sprint} holds work that is not moving.**"),
        "planned": _template("It was planned at {committed}.", "committed"),
        "planned_now": _template("It was planned at {committed} and now stands at {now}.", "committed now"),
        "done": _template("Done so far: {done}.", "done"),
        "changes": _template("What has changed since {since}:"),
        "added": _template("Added: {keys} ({amount})", "keys"),
        "removed": _template("Taken out: {keys} ({amount})", "keys"),
        "reestimated": _template("Re-estimated: {changes} ({difference})", "changes"),
        "not_counted": _template("Not counted as added: {reasons}", "reasons"),
        "other_changes": _template("Other changes: {difference}", "difference"),
        # What it means.
        "scope": _template(
            "Added work and raised estimates come to {grown_by}, {grown_share} of the plan; "
            "this board's limit is {budget}."
        ),
        "crossing": _template("It was crossed with {key}.", "key"),
        "past": _template(
            "In most of its last {sprints} this team finished {range}, usually about {usual}.", "usual"
        ),
        "past_few": _template(
            "In its last {sprints} this team finished {range}, usually about {usual}.", "usual"
        ),
        "chance": _template(
            "The chance of finishing {share} of the {planned} planned is {enough}.", "enough"
        ),
        # Said in its place once something was taken out of the plan.
        "chance_left": _template(
            "The chance of finishing {share} of the {planned} left of the plan is {enough}.", "enough"
        ),
        "chance_all": _template("For all of it the chance is {all}.", "all"),
        "growth_ahead": _template(
            "The chance that added work passes this board's limit of {budget} before the end is {growth}.",
            "growth",
        ),
        # What would help.
        "way_out": _template(
            "Moving {keys} ({amount}, not started) to a later {noun} would bring the chance of finishing "
            "{share} of the rest to {after}.",
            "keys",
        ),
        "way_out_part": _template(
            "Moving {keys} ({amount}, not started) to a later {noun} would help, but not enough: the chance "
            "of finishing {share} of the rest would be {after}. It may be worth talking about what else "
            "this {noun} can do without.",
            "keys",
        ),
        "no_way_out": _template(
            "Moving single issues to a later {noun} would change little; it may be worth talking about "
            "the scope of this {noun} as a whole."
        ),
        # Issues to look at.
        "grown": _template("Asking for more than at the start:"),
        "grown_item": _template("{key}: {what}", "key what", optional=False),
        "stalled": _template("Not moving:"),
        "stalled_item": _template("{key}: {what}", "key what", optional=False),
        "more_items": _template("and {issues} more", "issues"),
        # Why we think so.
        "how": _template(
            "How this was worked out: {sprints} of this team, the state of this one and the time left "
            "suggest about {expected} done by the end, 8 times in 10 between {low} and {high}."
        ),
        "how_new": _template(
            "How this was worked out: the {noun}s of other teams (this one has finished none yet), the state "
            "of this one and the time left suggest about {expected} done by the end, 8 times in 10 between "
            "{low} and {high}."
        ),
        "how_counts": _template("All that gets done counts, also what joined after the start."),
        "how_most": _template("“Usually” is the median; “most” leaves out the best and the worst tenth."),
        "how_line": _template("This board warns when the chance of finishing {share} is below {line}."),
        "how_first": _template("A first estimate shows among the re-estimates but does not count as growth."),
        "how_unestimated": _template("Without an estimate: {issues}, each counted as {each}."),
        "how_away": _template("Absences take {away} of the team's working days still to come."),
        "how_rebuilt": _template(
            "The start was seen late, so what was planned is taken from the histories of the issues."
        ),
        "how_grown": _template(
            "New things are lines added to a description after the start that seem to ask for more."
        ),
        "how_advice": _template("This is advice: nothing was moved or re-estimated."),
        "snooze": _template(
            "To hear no more about this {noun}, add the label {label} to this issue.", "label"
        ),
        # What becomes of the comment later.
        "well_again": _head("**{sprint}: what was warned of here no longer holds.**"),
        "ended": _head("**{sprint} is over.** It was planned at {committed} and ended with {done} done."),
        "snoozed": _head(
            "**No more is said about {sprint}**, as the label {label} asks. Take it off to hear more."
        ),
        "moved": _template(
            "**What there is to say about {sprint}** now stands on {key}.", "sprint key", optional=False
        ),
        "snoozed_by_command": _head("**No more is said about {sprint}**, as somebody asked."),
        "put_off": _head("**{sprint} has been put off.** What was warned of here no longer holds."),
        "deleted": _head("**{sprint} is not there any more.** What was warned of here no longer matters."),
        "reopened": _head("**{sprint} was opened again** and is watched as before."),
    }
)
"""Every sentence by name."""
