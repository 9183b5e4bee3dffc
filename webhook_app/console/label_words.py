"""How labels stand, in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from store.label_views import Line, Serving, State
from store.watch import Rate

MUTED: Final = "muted"
MANY: Final = {"labels": "labels", "components": "components", "type": "types"}
"""What each target is called."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A state of labels as people read it."""

    level: str
    word: str
    means: str
    """What is so, and what to do where there is something to do."""


STANDINGS: Final = {
    MUTED: Standing("amber", "Muted", "No model puts it on; rules still may. Unmute it to let it return."),
    State.DOUBTFUL: Standing(
        "amber",
        "Below what is asked",
        "It is put on, and right less often than is asked: chance alone would tell so of one good label in "
        "ten. The clock mutes it by itself once it is surer; mute it now if it annoys people.",
    ),
    State.UNPROVEN: Standing("quiet", "On trial", "It is put on, with too few outcomes to judge it by."),
    State.SERVING: Standing("ok", "Serving", "It is put on wherever the model is sure enough."),
    State.SILENT: Standing(
        "quiet",
        "Silent",
        "No chance of the model's would be enough for the precision that is asked. Ask for less in the rules "
        "(tagging.learned.precision), or train again when there are more issues.",
    ),
    State.RARE: Standing(
        "quiet", "Too rare", "It was used too seldom in the past for the model to put it on."
    ),
    State.NEVER: Standing(
        "quiet", "Never", "The rules say that no model puts it on (tagging.learned.never)."
    ),
    State.UNASKED: Standing(
        "quiet",
        "Not asked",
        "No project's rules ask the model (tagging.learned.enabled, tagging.learned.targets).",
    ),
    State.REMARK: Standing("quiet", "A remark", "Types are never changed; a comment may remark on them."),
    State.RULES: Standing(
        "quiet",
        "By rules alone",
        "Rules put it on; the model that serves does not know it.",
    ),
    State.UNKNOWN: Standing(
        "quiet", "Not served", "The model that serves does not know it, and no rule puts it on."
    ),
}
"""In the order in which people should look at them."""
_PUT_ON: Final = frozenset({State.DOUBTFUL, State.UNPROVEN, State.SERVING})


def standing(state: str, serving: Serving | None) -> Standing:
    """How a label in this state stands where this model serves."""
    found = STANDINGS[state]
    if state not in (State.RULES, State.UNKNOWN) or (serving is not None and serving.readable):
        return found
    model = "no model serves here" if serving is None else "the file of the model that serves cannot be read"
    rules = "Rules put it on" if state == State.RULES else "No rule puts it on"
    return replace(found, means=f"{rules}; {model}.")


def is_put_on(state: str) -> bool:
    """Whether the model that serves puts it on."""
    return state in _PUT_ON


def percent(share: float) -> str:
    """``85 %``; what is next to nothing or nearly all does not read as nothing or all."""
    told = f"{100 * share:.0f}"
    if (told == "0" and share > 0) or (told == "100" and share < 1):
        told = "< 1" if told == "0" else "> 99"
    return f"{told}\u00a0%"


def share_of(rate: Rate) -> str:
    """``91 %``, of at least one."""
    return percent(rate.right / rate.total)


def interval(rate: Rate) -> str:
    """``79 to 96 %``."""
    return f"{100 * rate.low:.0f} to {percent(rate.high)}"


def counted(rate: Rate) -> str:
    """``41 of 45 right, 79 to 96 %``."""
    return f"{rate.right:,} of {rate.total:,} right, {interval(rate)}"


def by_line(line: Line) -> str:
    """From which chance on something is put on, as a sentence."""
    if line.chance is None:
        return f"Asked to be right {percent(line.asked)} of the time it stays silent: {line.why_not}."
    kept = ""
    if line.total:
        kept = (
            f", which was right {percent(line.right / line.total)} of the time in its trial "
            f"({line.right:,} of {line.total:,})"
        )
    own = f" That is {line.unmoved:.2f} as the model itself gives it." if line.unmoved is not None else ""
    return f"Put on from a chance of {line.chance:.2f} on{kept}; {percent(line.asked)} is asked.{own}"


def lines(serving: Serving) -> tuple[str, ...]:
    """When the model that serves puts something on."""
    if not serving.readable:
        return ("Its file cannot be read here; the log of the clock says why. Train and promote it anew.",)
    if not serving.lines:
        return ("No project's rules ask it (tagging.learned.enabled, tagging.learned.targets).",)
    return tuple(by_line(line) for line in serving.lines)
