"""What the commands print for people: plain sentences, most important first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sprintwarden.columns import WIDTH, counted, shortened, wrapped
from store.reasons import why
from trackers.spans import in_utc
from workers.wording import and_list

_DECISIONS: Final = 5
"""Told of an issue, unless all are wanted."""


def show_plan(plan: Mapping[str, Any], indent: str = "  ") -> list[str]:
    """A plan's labels with their reasons, what is withheld, and why nothing is done."""
    lines = [indent + line for line in _sprint(plan.get("sprint"))]
    lines += [
        f"{indent}{label['label']}: {and_list(label['because'])} ({label['source']})"
        for label in plan.get("labels", ())
    ]
    lines += [f"{indent}{label}: there already" for label in plan.get("already", ())]
    lines += [f"{indent}{held['label']}: withheld, {held['why']}" for held in plan.get("withheld", ())]
    lines += [indent + line for reserve in plan.get("models", ()) for line in _reserve(reserve)]
    if like := plan.get("reads_like"):
        lines.append(f"{indent}reads like the type {like['label']}: {and_list(like['because'])}")
    for operation in plan.get("operations", ()):
        if operation["do"] == "add_labels":
            lines.append(f"{indent}→ add {and_list(operation['labels'])}")
        elif operation["do"] == "remove_labels":
            lines.append(f"{indent}→ take off {and_list(operation['labels'])}")
        else:
            where = f" on {plan['home']}" if plan.get("home") else ""
            lines.append(f"{indent}→ {operation['do'].replace('_', ' ')}{where}")
            lines += [f"{indent}    {line}" for line in str(operation.get("body", "")).splitlines()]
    for key, done in plan.get("marked", {}).items():
        lines.append(f"{indent}→ {done.replace('_', ' ')} on {key}, which came late or did not stay")
    lines += [f"{indent}a label stays as it is: {why_not}" for why_not in plan.get("labels_refused", ())]
    if plan.get("because"):
        unsure = plan["because"] == "nothing_fits" and plan.get("models")
        also = ", and no model is sure of anything" if unsure else ""
        lines.append(f"{indent}Nothing to do: {why(plan['because'])}{also}.")
    return lines


def _sprint(figures: Mapping[str, Any] | None) -> list[str]:
    """The figures of a sprint that a plan was made from."""
    if not figures:
        return []
    unit, forecast = figures["unit"], figures["forecast"]
    concerns = and_list([str(one).replace("_", " ") for one in figures["concerns"]]) or "none"
    return [
        f"committed {figures['committed']:g} {unit}, now {figures['now']:g}, done {figures['done']:g}; "
        f"grown by {figures['share']:.0%} of a budget of {figures['budget']:.0%}",
        f"chance that everything is done {forecast['p_all_done']:.0%}, that it is overcommitted "
        f"{forecast['p_overcommitted']:.0%}; expected {forecast['expected']:.1f} "
        f"({forecast['low']:.0f} to {forecast['high']:.0f})",
        f"chance that it grows past its budget {forecast['p_scope_creep']:.0%}",
        f"concerns: {concerns}",
    ]


def _reserve(reserve: Mapping[str, Any]) -> list[str]:
    """What the model of one target keeps to itself."""
    if reserve["abstained"]:
        return [f"the model of {reserve['target']} is silent: {reserve['abstained']}"]
    return [f"{held['label']}: not by the model, {_nearly(held)}" for held in reserve["held_back"]]


def _nearly(held: Mapping[str, Any]) -> str:
    terms = [f'"{term["text"]}"' for term in held["chance"]["terms"]]
    return f"{held['why']} (for it: {and_list(terms)})" if terms else str(held["why"])


def show_replay(told: Mapping[str, Any]) -> str:
    """A replay."""
    status, reason = told["status"], told["reason"]
    lines = [f"{told['event'] or 'The body'}: {status}" + (f", {why(reason)}" if reason else "")]
    if told["detail"]:
        lines.append(f"  {told['detail']}")
    for hint in told["hints"]:
        changed = f" ({', '.join(hint['changed'])})" if hint.get("changed") else ""
        lines.append(f"  {hint['kind'].replace('_', ' ')}: {hint['subject'].partition(':')[2]}{changed}")
    if told["decision"]:
        lines.append(f"Plan, in mode {told['decision']['mode']}:")
        lines += show_plan({**told["decision"], "operations": told["plan"]})
    return "\n".join(lines)


def show_explanation(told: Mapping[str, Any], *, every: bool = False) -> str:
    """An explanation: with ``every`` decision, and everything that silent rules lack."""
    labels = ", ".join(told["labels"]) or "none"
    lines = [f"{told['issue']} ({told['connection']}), labels now: {labels}", ""]
    lines += ["Decisions so far, newest first:", *_latest(told["decisions"], every=every), ""]
    lines.append(f"Now, by rules version {told['rules']['version']}:")
    lines += show_plan(told["now"]) if told["now"] else [f"  Nothing: {why(told['because'])}."]
    if told["now"] and told["because"] == "dry_run":
        lines.append(f"  Not done: {why(told['because'])}.")
    if told["rules"]["refused"]:
        lines.append("  The newest rules file is not in force, because of its errors:")
        lines += [f"    {problem}" for problem in told["rules"]["refused"]]
    lines += ["", f"Rules that are silent, and what they lack{'' if every else ' (--all tells it in full)'}:"]
    lines += [_silence(silent, every=every) for silent in told["silent"]] or ["  none"]
    return "\n".join(piece for line in lines for piece in _folded(line))


def _latest(records: Sequence[Mapping[str, Any]], *, every: bool) -> list[str]:
    shown = records if every else records[:_DECISIONS]
    lines = _decisions(shown) or ["  none: no event about this issue has been worked"]
    rest = len(records) - len(shown)
    return lines + ([f"  and {counted(rest, 'earlier one')} (--all tells them)"] if rest else [])


def _silence(silent: Mapping[str, Any], *, every: bool) -> str:
    name, lacking = str(silent["source"]).removeprefix("rule "), silent["lacking"]
    if every:
        return f"  {name}: {and_list(lacking)}"
    if len(lacking) == 1:
        return shortened(f"  {name}: {lacking[0]}", WIDTH)
    if silent["alternatives"]:
        return f"  {name}: none of its {silent['alternatives']} alternatives holds"
    return f"  {name}: {len(lacking)} conditions do not hold"


def _folded(line: str) -> list[str]:
    bare = line.lstrip(" ")
    return wrapped(bare, " " * (len(line) - len(bare)), hang=4) or [""]


def show_sprint(told: Mapping[str, Any]) -> str:
    """What is known of a sprint."""
    lines = [f"{told['name'] or told['sprint']} ({told['connection']})"]
    if told["activated"]:
        rebuilt = ", put together afterwards" if told["rebuilt"] else ""
        lines.append(f"Began {in_utc(told['activated'])}{rebuilt}; counted in {told['counted_in']}.")
        lines.append(f"Committed at the start: {', '.join(told['committed']) or 'nothing'}.")
    lines.append(f"Its comment stands on {told['home']}." if told["home"] else "It has no comment.")
    lines += ["", "Decisions so far, newest first:"]
    lines += _decisions(told["decisions"]) or ["  none"]
    return "\n".join(lines)


def show_decision(record: Mapping[str, Any]) -> list[str]:
    """One decision record: when, on what event, how it ended, and its plan."""
    kinds = dict.fromkeys(hint["kind"].replace("_", " ") for hint in record.get("hints", ()))
    events = and_list(list(kinds)) or "no event"
    head = f"  {in_utc(record['at'])}  {record['outcome'].replace('_', ' ')}  on {events}"
    if record.get("because"):
        head += f": {why(record['because'])}"
    lines = [head]
    if record.get("cause"):
        lines.append(f"      {record['cause']}")
    if record.get("plan"):
        lines += show_plan({**record["plan"], "because": None}, "      ")
    return lines


def show_dead(told: Sequence[Mapping[str, Any]]) -> str:
    """The dead letters."""
    if not told:
        return "No dead letters."
    return "\n".join(
        f"{letter['subject']}  since {in_utc(letter['since'])}, attempts: {letter['attempts']}. "
        f"{letter['cause']}"
        for letter in told
    )


def _decisions(records: Iterable[Mapping[str, Any]]) -> list[str]:
    return [line for record in records for line in show_decision(record)]
