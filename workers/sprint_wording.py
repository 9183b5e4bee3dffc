"""The one comment about a sprint: what happened, what it means, what would help, why we think so.

Plain words, every number explained, nobody named, issues by their keys alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from classifiers.sprint_judgement import Concern, Grown, Item, Reestimate, Scope, SprintJudgement, Stalled
from rules.wording import TEMPLATES, pieces
from trackers.prose import (
    Block,
    Bullets,
    Paragraph,
    Prose,
    Span,
    Spans,
    Style,
    bold,
    code,
    joined,
    plain,
    raw,
    shortened,
)
from trackers.sprints import Sprint, Unit
from workers import sprint_figures as figures
from workers.wording import and_list

AS_SHIPPED: Final[Mapping[str, str]] = MappingProxyType({})
_MAX_NAME_CHARS: Final = 80
_MOST_ITEMS: Final = 10
_LIKELY: Final = 0.6
"""From this chance on it is said that a sprint will grow past its limit."""
_ENOUGH_FOR_TENTHS: Final = 5
"""With fewer sprints than this, the range of the past holds all of them."""

_NOT_COUNTED: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "late_planning": ("issue", "planned soon after the start"),
        "carried_over": ("issue", "carried over from before"),
        "automated": ("issue", "added by an automation"),
        "subtask": ("sub-task", "of planned work"),
        "undone": ("issue", "that came and left again"),
    }
)


@dataclass(frozen=True, slots=True)
class Voice:
    """How a board is spoken to. ``wording`` holds the admin's own templates, checked, by name."""

    sprint: Sprint
    wording: Mapping[str, str]
    noun: str = "sprint"
    """"sprint" or "cycle"."""
    zone: str = "UTC"
    """The IANA name of the zone that dates are told in."""

    def say(self, name: str, **values: str | Spans) -> Spans:
        """The sentence ``name`` with what it asks for of ``values``; nothing where the admin left it out."""
        text = self.wording.get(name, TEMPLATES[name].text)
        known = {"sprint": self._name(), "noun": self.noun, **values}
        spans: list[Span] = []
        for piece in pieces(text if text.strip() else ""):
            value = known[piece.text] if piece.is_field else piece.text
            filled = (plain(value),) if isinstance(value, str) else value
            spans += map(_emboldened, filled) if piece.bold else filled
        return joined(spans)

    def _name(self) -> str:
        return shortened(self.sprint.name, _MAX_NAME_CHARS) or f"This {self.noun}"


def sprint_comment(
    judgement: SprintJudgement,
    wording: Mapping[str, str] = AS_SHIPPED,
    *,
    snooze_label: str,
    mention: str | None = None,
    noun: str = "sprint",
    zone: str = "UTC",
) -> Prose:
    """What is said about a sprint with at least one concern.

    ``mention`` is the admin's own text in the tracker's own markup and stands first.
    """
    voice = Voice(judgement.sprint, wording, noun, zone)
    blocks: list[Block | None] = [
        Paragraph((raw(mention),)) if mention else None,
        *_situation(voice, judgement),
        _paragraph(_way_out(voice, judgement)),
        *_grown(voice, judgement),
        *_stalled(voice, judgement),
        _paragraph(*_how(voice, judgement)),
        _paragraph(voice.say("snooze", label=(code(snooze_label),))),
    ]
    return tuple(block for block in blocks if block is not None)


def well_again(
    judgement: SprintJudgement,
    wording: Mapping[str, str] = AS_SHIPPED,
    *,
    noun: str = "sprint",
    zone: str = "UTC",
) -> Prose:
    """A warning's comment once nothing it warned of holds any more."""
    voice = Voice(judgement.sprint, wording, noun, zone)
    return _single(voice.say("well_again"), *_size(voice, judgement), *_chances(voice, judgement))


def ended(
    sprint: Sprint,
    unit: Unit,
    committed: float,
    delivered: float,
    wording: Mapping[str, str] = AS_SHIPPED,
    *,
    noun: str = "sprint",
) -> Prose:
    """A sprint that is over: what was planned and what was done, in ``unit``."""
    told = {"committed": figures.amount(committed, unit), "done": figures.amount(delivered, unit)}
    return _single(Voice(sprint, wording, noun).say("ended", **told))


def snoozed(
    sprint: Sprint, snooze_label: str | None, wording: Mapping[str, str] = AS_SHIPPED, *, noun: str = "sprint"
) -> Prose:
    """Somebody asked for silence: by the label, or without one by the command."""
    if snooze_label is None:
        return _single(Voice(sprint, wording, noun).say("snoozed_by_command"))
    return _single(Voice(sprint, wording, noun).say("snoozed", label=(code(snooze_label),)))


def moved(
    sprint: Sprint, home: str, wording: Mapping[str, str] = AS_SHIPPED, *, noun: str = "sprint"
) -> Prose:
    """The warning stands on another issue now, the one with the key ``home``."""
    return _single(Voice(sprint, wording, noun).say("moved", key=(figures.key(home),)))


def deleted(sprint: Sprint, wording: Mapping[str, str] = AS_SHIPPED, *, noun: str = "sprint") -> Prose:
    """The sprint is no more."""
    return _single(Voice(sprint, wording, noun).say("deleted"))


def put_off(sprint: Sprint, wording: Mapping[str, str] = AS_SHIPPED, *, noun: str = "sprint") -> Prose:
    """The sprint had begun, and its start was moved into the future."""
    return _single(Voice(sprint, wording, noun).say("put_off"))


def reopened(sprint: Sprint, wording: Mapping[str, str] = AS_SHIPPED, *, noun: str = "sprint") -> Prose:
    """A sprint that was over goes on, and nothing is to be warned of so far."""
    return _single(Voice(sprint, wording, noun).say("reopened"))


def _situation(voice: Voice, judgement: SprintJudgement) -> list[Block | None]:
    """What happened and what it means: one paragraph, or two around the list of changes."""
    heads = [voice.say(name) for name in _heads(judgement)]
    if not judgement.concerns & {Concern.OVERCOMMITTED, Concern.SCOPE_CREEP}:
        return [_paragraph(*heads)]
    size = _size(voice, judgement)
    meaning = [
        *_growth(voice, judgement),
        *_past(voice, judgement),
        *_chances(voice, judgement),
        _growth_ahead(voice, judgement),
    ]
    changes = _changes(voice, judgement)
    if not changes:
        return [_paragraph(*heads, *size, *meaning)]
    since = figures.day(judgement.activated, judgement.at, voice.zone)
    return [
        _paragraph(*heads, *size),
        _paragraph(voice.say("changes", since=since)),
        Bullets(tuple(changes)),
        _paragraph(*meaning),
    ]


def _heads(judgement: SprintJudgement) -> list[str]:
    """The names of the first sentences, gravest concern first."""
    scope_too = Concern.SCOPE_CREEP in judgement.concerns
    if Concern.OVERCOMMITTED in judgement.concerns:
        head = "head_overcommitted" if _is_more_than_usual(judgement) else "head_behind"
        return [head, "head_scope_too"] if scope_too else [head]
    if scope_too:
        return ["head_scope"]
    return ["head_grown" if Concern.GROWN in judgement.concerns else "head_stalled"]


def _is_more_than_usual(judgement: SprintJudgement) -> bool:
    return bool(judgement.past.last) and round(judgement.scope.now) > round(judgement.past.usual)


def _size(voice: Voice, judgement: SprintJudgement) -> list[Spans]:
    """What was planned, what is in it now, and what is done."""
    scope, unit = judgement.scope, judgement.unit
    committed = figures.amount(scope.committed, unit)
    if unit is not Unit.ISSUES:
        committed += f" in {figures.count(scope.committed_issues, 'issue')}"
    now = figures.amount(scope.now, unit)
    is_as_planned = not _has_changed(scope) and now == figures.amount(scope.committed, unit)
    size = voice.say("planned" if is_as_planned else "planned_now", committed=committed, now=now)
    done = voice.say("done", done=figures.amount(scope.done, unit)) if scope.done >= figures.LITTLE else ()
    return [size, done]


def _has_changed(scope: Scope) -> bool:
    return bool(scope.added or scope.removed or scope.reestimated or scope.not_counted)


def _changes(voice: Voice, judgement: SprintJudgement) -> list[Spans]:
    """One line for each kind of change; with them the figures from planned to now add up."""
    scope, unit = judgement.scope, judgement.unit
    lines = [
        _moved_work(voice, "added", scope.added, unit),
        _moved_work(voice, "removed", scope.removed, unit),
    ]
    if scope.reestimated:
        told = figures.difference(sum(one.after - one.before for one in scope.reestimated), unit)
        changes = figures.listed([_reestimate(one, unit) for one in scope.reestimated])
        lines.append(voice.say("reestimated", changes=changes, difference=told))
    rest = _unexplained(scope)
    reasons = [_not_counted(why, many) for why, many in sorted(scope.not_counted.items()) if many]
    if reasons:
        more = f" ({figures.difference(rest, unit)})" if abs(rest) >= figures.LITTLE else ""
        lines.append(voice.say("not_counted", reasons=and_list(reasons) + more))
    elif abs(rest) >= figures.LITTLE:
        lines.append(voice.say("other_changes", difference=figures.difference(rest, unit)))
    return [line for line in lines if line]


def _moved_work(voice: Voice, name: str, items: Sequence[Item], unit: Unit) -> Spans:
    if not items:
        return ()
    keys, amount = _moves(items, unit)
    return voice.say(name, keys=keys, amount=amount)


def _moves(items: Sequence[Item], unit: Unit) -> tuple[Spans, str]:
    return figures.keys([item.key for item in items]), figures.work([item.amount for item in items], unit)


def _reestimate(one: Reestimate, unit: Unit) -> Spans:
    to = f" from {figures.number(one.before)} to {figures.amount(one.after, unit)}"
    return (figures.key(one.key), plain(to))


def _unexplained(scope: Scope) -> float:
    """What is in the sprint now beyond the plan and the changes told one by one."""
    added, removed = (sum(item.amount for item in items) for items in (scope.added, scope.removed))
    reestimated = sum(one.after - one.before for one in scope.reestimated)
    return scope.now - (scope.committed + added - removed + reestimated)


def _not_counted(why: str, many: int) -> str:
    one, told = _NOT_COUNTED.get(why, ("issue", "for other reasons"))
    return f"{figures.count(many, one)} {told}"


def _growth(voice: Voice, judgement: SprintJudgement) -> list[Spans]:
    if Concern.SCOPE_CREEP not in judgement.concerns:
        return []
    scope = judgement.scope
    crossing = voice.say("crossing", key=(figures.key(scope.crossing),)) if scope.crossing else ()
    growth = voice.say(
        "scope",
        grown_by=figures.amount(scope.grown_by, judgement.unit),
        grown_share=figures.beyond(scope.share, judgement.budget),
        budget=figures.percent(judgement.budget),
    )
    return [growth, crossing]


def _past(voice: Voice, judgement: SprintJudgement) -> list[Spans]:
    past = judgement.past
    if past.last < 2:
        return []
    told = voice.say(
        "past" if past.last >= _ENOUGH_FOR_TENTHS else "past_few",
        sprints=figures.count(past.last, voice.noun),
        range=figures.between(past.low, past.high, judgement.unit),
        usual=figures.roughly(past.usual),
    )
    return [told]


def _chances(voice: Voice, judgement: SprintJudgement) -> list[Spans]:
    """The chance that the warning is about, then that of everything."""
    enough, everything = map(figures.about, (_p_enough(judgement), judgement.forecast.p_all_done))
    scope = judgement.scope
    name = "chance_left" if scope.committed - scope.plan_left >= figures.LITTLE else "chance"
    planned = figures.amount(scope.plan_left, judgement.unit)
    chance = voice.say(name, share=_share(judgement), planned=planned, enough=enough)
    if judgement.done_share >= 1 or everything == enough:
        return [chance]
    return [chance, voice.say("chance_all", all=everything)]


def _growth_ahead(voice: Voice, judgement: SprintJudgement) -> Spans:
    """That more is to come, where that is likelier than not and has not happened yet."""
    chance = judgement.forecast.p_scope_creep
    if not judgement.watches_scope or Concern.SCOPE_CREEP in judgement.concerns or chance < _LIKELY:
        return ()
    budget = figures.percent(judgement.budget)
    return voice.say("growth_ahead", budget=budget, growth=figures.about(chance))


def _p_enough(judgement: SprintJudgement) -> float:
    return 1 - judgement.forecast.p_overcommitted


def _share(judgement: SprintJudgement) -> str:
    return "all" if judgement.done_share >= 1 else f"at least {figures.percent(judgement.done_share)}"


def _way_out(voice: Voice, judgement: SprintJudgement) -> Spans:
    way = judgement.way_out
    if way is None or Concern.OVERCOMMITTED not in judgement.concerns:
        return ()
    if not way.move or not figures.reads_better(_p_enough(judgement), way.p_enough):
        return voice.say("no_way_out")
    keys, amount = _moves(way.move, judgement.unit)
    name = "way_out" if way.reaches else "way_out_part"
    after = figures.about(way.p_enough)
    return voice.say(name, keys=keys, amount=amount, share=_share(judgement), after=after)


def _grown(voice: Voice, judgement: SprintJudgement) -> list[Block | None]:
    if Concern.GROWN not in judgement.concerns:
        return []
    items = [
        voice.say("grown_item", key=(figures.key(one.key),), what=what)
        for one in judgement.grown
        if (what := _demands(one, judgement.unit))
    ]
    return _list_of(voice, judgement, "grown", items)


def _demands(one: Grown, unit: Unit) -> str:
    told = []
    if one.new_demands:
        told.append(f"{figures.count(one.new_demands, 'new thing')} in its description")
    if one.subtasks:
        told.append(figures.count(one.subtasks, "new sub-task"))
    if one.after is not None and one.after != one.before:
        before = "none" if one.before is None else figures.number(one.before)
        told.append(f"an estimate of {figures.amount(one.after, unit)} ({before} at the start)")
    return and_list(told)


def _stalled(voice: Voice, judgement: SprintJudgement) -> list[Block | None]:
    if Concern.STALLED not in judgement.concerns:
        return []
    items = [
        voice.say("stalled_item", key=(figures.key(one.key),), what=_standing(voice, judgement, one))
        for one in judgement.stalled
    ]
    return _list_of(voice, judgement, "stalled", items)


def _standing(voice: Voice, judgement: SprintJudgement, one: Stalled) -> Spans:
    """By a date: a count of days would have to be edited every day."""
    since = figures.day(judgement.at - timedelta(days=one.days), judgement.at, voice.zone)
    told = [plain(f"in its present state since {since}")]
    if one.usual is not None:
        usual = figures.days(one.usual)
        told.append(plain(f"; 85 in 100 issues of this board leave it within {usual}"))
    if one.blockers:
        told += [plain("; it waits for "), *figures.keys(one.blockers), plain(", still open")]
    return joined(told)


def _list_of(
    voice: Voice, judgement: SprintJudgement, name: str, items: Sequence[Spans]
) -> list[Block | None]:
    shown = list(items[:_MOST_ITEMS])
    if len(items) > _MOST_ITEMS:
        shown.append(voice.say("more_items", issues=figures.count(len(items) - _MOST_ITEMS, "issue")))
    is_the_head = f"head_{name}" in _heads(judgement)
    return (
        [None if is_the_head else _paragraph(voice.say(name)), Bullets(tuple(item for item in shown if item))]
        if items
        else []
    )


def _how(voice: Voice, judgement: SprintJudgement) -> list[Spans]:
    weighed = judgement.concerns & {Concern.OVERCOMMITTED, Concern.SCOPE_CREEP}
    grown = [voice.say("how_grown")] if any(one.new_demands for one in judgement.grown) else []
    return [
        *(_how_foretold(voice, judgement) if weighed else ()),
        *(grown if Concern.GROWN in judgement.concerns else ()),
        voice.say("how_advice"),
    ]


def _how_foretold(voice: Voice, judgement: SprintJudgement) -> list[Spans]:
    forecast, past, unit = judgement.forecast, judgement.past, judgement.unit
    # What is done stays done, which no forecast of a whole sprint knows.
    expected, low, high = (
        max(amount, judgement.scope.done) for amount in (forecast.expected, forecast.low, forecast.high)
    )
    told = [
        voice.say(
            "how" if past.sprints else "how_new",
            expected=figures.of(figures.roughly(expected), unit),
            low=figures.roughly(low),
            high=figures.of(figures.roughly(high), unit),
            sprints=figures.count(past.sprints, f"finished {voice.noun}"),
        ),
    ]
    if _has_changed(judgement.scope):
        told.append(voice.say("how_counts"))
    if past.last >= _ENOUGH_FOR_TENTHS:
        told.append(voice.say("how_most"))
    line = figures.percent(judgement.warn_below)
    if Concern.OVERCOMMITTED in judgement.concerns:
        told.append(voice.say("how_line", share=_share(judgement), line=line))
    if Concern.SCOPE_CREEP in judgement.concerns and _holds_first_estimates(judgement.scope):
        told.append(voice.say("how_first"))
    if judgement.scope.unestimated and unit is not Unit.ISSUES:
        issues = figures.count(judgement.scope.unestimated, "issue")
        each = figures.amount(judgement.unestimated_as, unit)
        told.append(voice.say("how_unestimated", issues=issues, each=each))
    if away := round(100 * judgement.away):
        told.append(voice.say("how_away", away=f"{away} %"))
    if judgement.rebuilt:
        told.append(voice.say("how_rebuilt"))
    return told


def _holds_first_estimates(scope: Scope) -> bool:
    """Whether re-estimates are told that the growth leaves out."""
    added = sum(item.amount for item in scope.added)
    raised = sum(one.after - one.before for one in scope.reestimated)
    return added + max(raised, 0.0) - scope.grown_by >= figures.LITTLE


def _emboldened(span: Span) -> Span:
    return bold(span.text) if span.style is Style.PLAIN else span


def _single(*sentences: Spans) -> Prose:
    paragraph = _paragraph(*sentences)
    return (paragraph,) if paragraph else ()


def _paragraph(*sentences: Spans) -> Paragraph | None:
    """``sentences`` in a row; None when every one was left out."""
    spans: list[Span] = []
    for sentence in filter(None, sentences):
        spans += [plain(" "), *sentence] if spans else sentence
    return Paragraph(joined(spans)) if spans else None
