"""What a run did, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LEVELS: Final = {
    "applied": "ok",
    "suggested": "ok",
    "dry_run": "quiet",
    "nothing": "quiet",
    "ignored": "quiet",
    "partly_refused": "amber",
    "postponed": "quiet",
    "dead": "red",
}
"""How good or bad an outcome of a run is."""
OUTCOMES: Final = {
    "applied": "Applied",
    "suggested": "Suggested",
    "dry_run": "Dry run",
    "nothing": "Nothing to do",
    "ignored": "Passed over",
    "partly_refused": "Partly refused",
    "postponed": "Put off",
    "dead": "Given up",
}
_DID: Final = {
    "post_comment": "commented",
    "edit_comment": "edited the comment",
    "settle_comment": "closed the comment",
    "drop_comment": "dropped a second comment",
    "remove_labels": "took a label off",
}
_WOULD: Final = {
    "post_comment": "comment",
    "edit_comment": "edit the comment",
    "settle_comment": "close the comment",
    "drop_comment": "drop a second comment",
    "remove_labels": "take a label off",
}


def did(outcome: str, labels: int, operations: Sequence[str], marked: int = 0) -> str:
    """What a run did: ``Put 2 labels on, commented``; empty when that was nothing.

    Of ``operations``, as a plan names them, those that were done or, in a dry run, would have been.
    """
    would = outcome == "dry_run"
    verbs = _WOULD if would else _DID
    parts = []
    if labels:
        number = "a label" if labels == 1 else f"{labels} labels"
        parts.append(f"suggested {number}" if outcome == "suggested" else f"put {number} on")
        if outcome == "suggested":
            # The comment is the suggestion.
            operations = [one for one in operations if one != "post_comment"]
    parts += [verbs.get(one, one.replace("_", " ")) for one in operations if one != "add_labels"]
    if marked:
        number = "an issue" if marked == 1 else f"{marked} issues"
        parts.append(f"{'bring' if would else 'brought'} the label of {number} in step")
    text = ", ".join(parts)
    return sentence(f"would {text}" if would and text else text)


def sentence(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def and_list(items: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))
