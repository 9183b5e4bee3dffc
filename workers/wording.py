"""The sentences people read on an issue. Plain words, every label with its reasons, nobody named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trackers.prose import Block, Bullets, Paragraph, Span, bold, plain, shortened

_MAX_NAME_CHARS: Final = 120
_MAX_REASON_CHARS: Final = 500
"""What a tracker or a rules file names may be of any length; a comment is not."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One label or component, and why it fits."""

    name: str
    because: tuple[str, ...]
    """Sentences without a full stop."""
    learned: bool = False
    """Known from past issues, not from a rule."""
    component: bool = False


def labelled(reasons: Sequence[Reason], earlier: Sequence[str] = ()) -> tuple[Block, ...]:
    """What was put on an issue, by whose word, and how to undo it for good.

    ``earlier`` are names of what was put on for reasons that the issue no longer gives.
    """
    one = len(reasons) == 1
    head = f"{_these(reasons)} {'was' if one else 'were'} added {_whose(reasons)}:"
    undo = (
        "If it does not fit, take it off: it will not be put on this issue again."
        if one and not earlier
        else "If one does not fit, take it off: it will not be put on this issue again."
    )
    before = _added_earlier(earlier)
    return (_sentences(head), _bullets(reasons), *(before if earlier else ()), _sentences(undo))


def still_there(earlier: Sequence[str]) -> tuple[Block, ...]:
    """What is left of what was put on, though the issue gives no reason for any of it now."""
    undo = "If one does not fit, take it off: it will not be put on this issue again."
    return (*_added_earlier(earlier), _sentences(undo))


def suggested(reasons: Sequence[Reason]) -> tuple[Block, ...]:
    """What would fit; nothing was changed."""
    one = len(reasons) == 1
    after = "Put it on if you agree." if one else "Put on those you agree with."
    head = f"{_these(reasons)} may fit; nothing was changed:"
    return (_sentences(head), _bullets(reasons), _sentences(after))


def reads_like(reason: Reason) -> tuple[Block, ...]:
    """A remark on an issue's type, which is never changed."""
    because = f": {_because(reason)}. The type was not changed."
    return (Paragraph((plain("By its text this reads like the type "), _named(reason.name), plain(because))),)


def suggestions_settled() -> tuple[Block, ...]:
    """The suggestion has been answered, one way or the other."""
    return (_sentences("Labels were suggested here. Nothing is left to suggest."),)


def labels_taken_off() -> tuple[Block, ...]:
    """What we put on is gone, by a person's hand."""
    told = "What was added here was taken off again. It will not be put on this issue again."
    return (_sentences(told),)


def _added_earlier(names: Sequence[str]) -> tuple[Block, ...]:
    return (_sentences("Added earlier:"), Bullets(tuple((_named(name),) for name in names)))


def _these(reasons: Sequence[Reason]) -> str:
    kinds = sorted({"component" if reason.component else "label" for reason in reasons}, reverse=True)
    if len(reasons) == 1:
        return f"This {kinds[0]}"
    return f"These {and_list([f'{kind}s' for kind in kinds])}"


def _whose(reasons: Sequence[Reason]) -> str:
    """By whose word labels were put on, for the end of a sentence."""
    if not any(reason.learned for reason in reasons):
        return "by the team's rules"
    if all(reason.learned for reason in reasons):
        return "because of what past issues got"
    return "by the team's rules and because of what past issues got"


def _sentences(text: str) -> Paragraph:
    return Paragraph((plain(text),))


def _bullets(reasons: Sequence[Reason]) -> Bullets:
    return Bullets(tuple((_named(reason.name), plain(f": {_because(reason)}.")) for reason in reasons))


def _named(name: str) -> Span:
    return bold(shortened(name, _MAX_NAME_CHARS))


def _because(reason: Reason) -> str:
    return and_list([shortened(sentence, _MAX_REASON_CHARS) for sentence in reason.because])


def and_list(parts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
