"""What stands behind the reasons that are kept by their names: a sentence for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_WHY: Final[Mapping[str, str]] = {
    "echo_of_our_own_write": "the event told of our own write",
    "answered_by_a_later_reading": "a later reading had already seen the change",
    "only_labels_changed": "only labels or components changed, which calls for nothing",
    "only_status_changed": "only the status changed, which calls for no label",
    "nothing_to_learn": "the status changed, and no answer of a model about the issue is open",
    "deleted": "the issue was deleted",
    "gone": "the issue is not there any more, or the account may not see it",
    "project_not_named": "the connection does not name this project or team",
    "older_than_window": "the issue is older than the time in which edits are looked at",
    "nothing_fits": "no rule fits",
    "all_there_already": "every label that fits is there already",
    "all_withheld": "every label that fits is withheld",
    "dry_run": "the mode is dry_run: nothing is written",
    "board_without_sprints": "the board has no sprints: it is a kanban board, or its team has no cycles",
    "sprints_off": "the rules say not to watch the sprints of this board",
    "looked": "the board was looked at, and its sprints are checked",
    "sprint_not_started": "the sprint has not started: planning calls for nothing",
    "sprint_over": "the sprint is over, and nothing is left to settle",
    "all_well": "the sprint is well",
    "too_few_finished_sprints": "the board has too few finished sprints to be judged by",
    "nothing_new_to_say": "nothing has changed that is worth another word",
    "snoozed": "somebody asked for silence about this sprint",
    "comment_deleted": "a person deleted the comment about this sprint, so it is not written again",
    "no_place_for_a_comment": "there is no issue that the comment could stand on",
    "seen_outside": "the issue is mirrored outside the workspace, and comments there are not allowed",
    "quiet_hours": "it is quiet hours; it is said later",
    "caught_up": "the tracker was asked what changed, and what nobody had told of is worked",
    "already_judged": "it was found changed, and what it says was judged before",
    "backfill": "a backfill went over issues that were there before",
    "unknown_event": "this kind of event is not known",
    "unused_event": "nothing listens to this kind of event",
    "no_watched_field": "nothing that is watched has changed",
    "board_not_named": "the connection does not name this board",
    "not_about_an_issue": "it is not about an issue",
}


def why(name: str | None) -> str:
    """The sentence behind a reason's name."""
    return _WHY.get(name or "", name or "")
