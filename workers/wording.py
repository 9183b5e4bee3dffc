"""The sentences people read on an issue. Plain words, every label with its reasons, nobody named."""

from __future__ import annotations

from collections.abc import Sequence

from trackers.prose import Block, Bullets, Paragraph, Spans, bold, plain

Reasons = Sequence[tuple[str, tuple[str, ...]]]
"""Labels in order, each with its reasons as sentences without a full stop."""


def labelled(reasons: Reasons) -> tuple[Block, ...]:
    """What was put on an issue, and how to undo it for good."""
    one = len(reasons) == 1
    head = (
        "This label was added by the team's rules:" if one else "These labels were added by the team's rules:"
    )
    undo = (
        "If it does not fit, take it off: it will not be put on this issue again."
        if one
        else "If one does not fit, take it off: it will not be put on this issue again."
    )
    return (Paragraph((plain(head),)), _bullets(reasons), Paragraph((plain(undo),)))


def suggested(reasons: Reasons) -> tuple[Block, ...]:
    """What would fit; nothing was changed."""
    one = len(reasons) == 1
    head = "This label may fit; nothing was changed:" if one else "These labels may fit; nothing was changed:"
    after = "Put it on if you agree." if one else "Put on those you agree with."
    return (Paragraph((plain(head),)), _bullets(reasons), Paragraph((plain(after),)))


def suggestions_settled() -> tuple[Block, ...]:
    """The suggestion has been answered, one way or the other."""
    return (Paragraph((plain("Labels were suggested here. Nothing is left to suggest."),)),)


def labels_taken_off() -> tuple[Block, ...]:
    """What we put on is gone, by a person's hand."""
    told = "Labels were added here by the team's rules and taken off again."
    after = "They will not be put on this issue again."
    return (Paragraph((plain(f"{told} {after}"),)),)


def _bullets(reasons: Reasons) -> Bullets:
    return Bullets(tuple(_bullet(label, because) for label, because in reasons))


def _bullet(label: str, because: tuple[str, ...]) -> Spans:
    return (bold(label), plain(f": {and_list(because)}."))


def and_list(parts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
