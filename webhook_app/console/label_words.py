"""How labels stand, in words."""

from __future__ import annotations

from dataclasses import dataclass
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
    MUTED: Standing(
        "amber", "Muted", "The model does not put it on. Rules still do; unmute it to let it return."
    ),
    State.DOUBTFUL: Standing(
        "amber",
        "Below what is asked",
        "It is put on, and so far right less often than is asked. The clock mutes it by itself once that is "
        "beyond doubt; mute it now if it annoys people.",
    ),
    State.UNPROVEN: Standing("quiet", "On trial", "It is put on, with too few outcomes to judge it by."),
    State.SERVING: Standing("ok", "Serving", "It is put on wherever the model is sure enough."),
    State.SILENT: Standing(
        "quiet",
        "Silent",
        "No chance of the model's would be enough for the precision that is asked. Ask for less in the rules "
        "(learned.precision), or train again when there are more issues.",
    ),
    State.RARE: Standing(
        "quiet", "Too rare", "It was used too seldom in the past for the model to put it on."
    ),
    State.NEVER: Standing("quiet", "Never", "The rules say never to put it on (learned.never)."),
    State.UNASKED: Standing(
        "quiet", "Not asked", "No project's rules ask the model (learned.enabled, learned.targets)."
    ),
    State.REMARK: Standing("quiet", "A remark", "Types are never changed; a comment may remark on them."),
    State.RULES: Standing(
        "quiet",
        "By rules alone",
        "Rules put it on; the model does not know it. To change that, edit the rules.",
    ),
    State.UNKNOWN: Standing("quiet", "Not served", "The model that serves does not know it, or none serves."),
}
"""In the order in which people should look at them."""


def percent(share: float) -> str:
    """``85 %``."""
    return f"{100 * share:.0f}\u00a0%"


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
        return ("No project's rules ask it (learned.enabled, learned.targets).",)
    return tuple(by_line(line) for line in serving.lines)
