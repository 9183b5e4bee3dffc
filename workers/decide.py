"""Whether hints call for anything, before and after the issue was read. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rules.matching import ProjectRules
from store.journal import CommentRecord, CommentState, Journal
from trackers.model import Hint, HintKind, Issue, Memory, Scope
from trackers.protocol import LABELS_TOPIC, Recall
from workers.lessons import PUT_ON, Us, may_teach, precedes_our_write

TAGGED_BY: frozenset[str] = frozenset({"title", "description", "project"})
"""A change of these, soon after an issue's creation, calls for labels anew."""


class Because(StrEnum):
    """Why a run does nothing, or nothing more. Each is a metric's label, so the set is closed."""

    ECHO = "echo_of_our_own_write"
    ANSWERED = "answered_by_a_later_reading"
    ONLY_LABELS_CHANGED = "only_labels_changed"
    ONLY_STATUS_CHANGED = "only_status_changed"
    NOTHING_TO_LEARN = "nothing_to_learn"
    DELETED = "deleted"
    GONE = "gone"
    PROJECT_NOT_NAMED = "project_not_named"
    OLDER_THAN_WINDOW = "older_than_window"
    NOTHING_FITS = "nothing_fits"
    ALL_THERE = "all_there_already"
    ALL_WITHHELD = "all_withheld"
    DRY_RUN = "dry_run"
    BOARD_NOT_NAMED = "board_not_named"
    BOARD_WITHOUT_SPRINTS = "board_without_sprints"
    SPRINTS_OFF = "sprints_off"
    LOOKED = "looked"
    """A look at a board is done; it has its sprints checked."""
    SPRINT_NOT_STARTED = "sprint_not_started"
    SPRINT_OVER = "sprint_over"
    ALL_WELL = "all_well"
    TOO_FEW_SPRINTS = "too_few_finished_sprints"
    NOTHING_NEW = "nothing_new_to_say"
    SNOOZED = "snoozed"
    COMMENT_DELETED = "comment_deleted"
    NO_HOME = "no_place_for_a_comment"
    SEEN_OUTSIDE = "seen_outside"
    QUIET = "quiet_hours"
    CAUGHT_UP = "caught_up"
    """A catch-up is done; it has the issues worked that it found."""
    ALREADY_JUDGED = "already_judged"
    """A catch-up found a change, and not of what the issue says."""
    BACKFILL = "backfill"
    """Nobody told of it: somebody had the issues looked at that were there before."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What the hints alone tell: the reading to make, or why none is needed."""

    recall: Recall | None = None
    because: Because | None = None
    vetoed: Mapping[str, str] = field(default_factory=dict)
    """Label id → how we know: taken off by a person, as the events tell."""


def glance(hints: Sequence[Hint], journal: Journal, us: Us | None, *, recalls_labels: bool) -> Glance:
    """What ``hints`` about one subject call for, given what we remember of it.

    ``us`` is our account; ``recalls_labels`` says that the tracker needs to be asked about
    labels people took off (Linear), because no reading tells by itself.
    """
    if hints and hints[-1].kind is HintKind.ISSUE_DELETED:
        return Glance(because=Because.DELETED)
    vetoed = {
        label: "event" for hint in hints for label in hint.labels_removed if label not in journal.withdrawn
    }
    silence = _needs_no_reading(hints, journal, us)
    if silence is not None:
        return Glance(because=silence, vetoed=vetoed)
    unsure = not journal.known or journal.intent is not None
    written = journal.intent is not None and journal.intent.comment == LABELS_TOPIC
    # Where one may be posted, no record of one is no proof: a Redis that failed over forgot its last second.
    unrecorded = LABELS_TOPIC not in journal.comments and (unsure or calls_for_labels(hints))
    sought = LABELS_TOPIC in journal.doubted or written or unrecorded
    topics = (LABELS_TOPIC,) if sought else ()
    return Glance(Recall(memory=recalls_labels and unsure, comments=topics), vetoed=vetoed)


def _needs_no_reading(hints: Sequence[Hint], journal: Journal, us: Us | None) -> Because | None:
    if not hints:
        return None
    if all(is_echo(hint, journal, us.id if us else None) for hint in hints):
        return Because.ECHO
    if all(is_answered(hint, journal) for hint in hints):
        return Because.ANSWERED
    if any(hint.kind is not HintKind.ISSUE_CHANGED for hint in hints):
        return None
    if calls_for_labels(hints) or may_teach(hints, journal, us):
        return None
    if only_status(hints):
        return Because.NOTHING_TO_LEARN
    # A second comment may stand there, whatever became of the first.
    return None if journal.doubted or has_open_comment(journal.comments) else Because.ONLY_LABELS_CHANGED


def is_echo(hint: Hint, journal: Journal, me: str | None) -> bool:
    """Whether an event tells of our own write and nothing else (P6).

    Known by content (only labels were added, all of them ours) together with the ``updated`` our
    write returned or, where the tracker returns none, with our account as actor. The actor alone
    proves nothing: the token may belong to a person.
    """
    # An event of a long bulk write comes before the write is over, and only then is it noted.
    put_on = journal.applied.keys() | set(journal.intent.labels if journal.intent else ())
    ours = bool(hint.labels_added) and put_on >= set(hint.labels_added)
    if not ours or hint.labels_removed or not _only_labels(hint):
        return False
    if hint.updated is not None and hint.updated == journal.write_updated:
        return True
    return journal.write_updated is None and me is not None and hint.actor == me


def is_answered(hint: Hint, journal: Journal) -> bool:
    """Whether our last reading was as new as the event's own ``updated``.

    An equal time counts only when it has a fraction of a second: some Data Center databases keep
    whole seconds, in which two changes look alike. Labels taken off are never skipped over: the
    event itself is the news.
    """
    if hint.kind is HintKind.ISSUE_DELETED or hint.labels_removed:
        return False
    read = journal.seen_updated if hint.kind is HintKind.ISSUE_FOUND else journal.read_updated
    if hint.updated is None or read is None:
        return False
    if hint.updated == read:
        return hint.updated.microsecond != 0
    return hint.updated < read


def _only_labels(hint: Hint) -> bool:
    return hint.kind is HintKind.ISSUE_CHANGED and set(hint.changed) <= PUT_ON


def only_status(hints: Sequence[Hint]) -> bool:
    """Whether the issue moved on, and nothing that was said or labelled changed."""
    return bool(hints) and all(
        "status" in hint.changed and PUT_ON.isdisjoint(hint.changed) and TAGGED_BY.isdisjoint(hint.changed)
        for hint in hints
    )


@dataclass(frozen=True, slots=True)
class Situation:
    """All a plan rests on: the issue as read, and what people and we did to it before."""

    issue: Issue
    journal: Journal
    vetoed: Mapping[str, str]
    """Label id → how we know that a person took it off."""
    applied: frozenset[str]
    """Ids of the labels we ever put on."""
    comments: Mapping[str, CommentRecord]
    """Our comments by topic, on record or found on the tracker."""
    unsure: bool = False
    """A person may have taken labels off without our knowing which."""


def situation(
    issue: Issue,
    journal: Journal,
    memory: Memory,
    seen: Mapping[str, str],
    found: Mapping[str, CommentRecord],
) -> Situation:
    """Put together what is known. A label we applied that is not there now was taken off by a person (P5)."""
    present = {label.id for label in issue.tags}
    # What we took off again ourselves is nobody's no.
    withdrawn = journal.withdrawn.keys()
    applied = (frozenset(journal.applied) | memory.applied) - withdrawn
    # A reading older than our own write cannot show its labels: that they lack in it means nothing.
    expected = memory.applied - withdrawn if precedes_our_write(issue, journal) else applied
    vetoed = {
        **dict.fromkeys(memory.vetoed - present - withdrawn, "history"),
        **dict.fromkeys(expected - present, "state"),
    }
    vetoed |= journal.vetoed
    vetoed |= seen
    return Situation(issue, journal, vetoed, applied, _comments(journal, found), not memory.whole)


def _comments(journal: Journal, found: Mapping[str, CommentRecord]) -> dict[str, CommentRecord]:
    """What stands on the issue of ours: as we remember it, but as it was found where our last write of it
    has an unknown outcome. One that a person deleted stays so."""
    comments = {**found, **journal.comments}
    doubted = journal.intent.comment if journal.intent is not None else None
    if doubted is not None and doubted in found:
        held = comments[doubted]
        # Unchanged, it is also in the state we remember.
        if held.state is not CommentState.DELETED and held.digest != found[doubted].digest:
            comments[doubted] = found[doubted]
    return comments


def applies(
    hints: Sequence[Hint],
    issue: Issue,
    rules: ProjectRules,
    scope: Scope,
    *,
    now: datetime,
    open_comment: bool,
    unjudged: bool = False,
) -> Because | None:
    """Why tagging does not act on an issue that was read, or None when it does.

    ``unjudged`` says that a catch-up, which tells not what changed, found an issue that is young and says
    something that was not judged.
    """
    if not is_named(issue, scope):
        return Because.PROJECT_NOT_NAMED
    if any(hint.kind is HintKind.ISSUE_CREATED for hint in hints):
        return None
    young = is_young(issue, rules, now)
    if calls_for_labels(hints):
        return None if young else Because.OLDER_THAN_WINDOW
    if unjudged:
        return None
    if only_status(hints):
        return Because.ONLY_STATUS_CHANGED
    if open_comment:
        return None
    if was_found(hints):
        return Because.ALREADY_JUDGED if young else Because.OLDER_THAN_WINDOW
    return Because.ONLY_LABELS_CHANGED


def is_named(issue: Issue, scope: Scope) -> bool:
    """Whether the issue is in a project that its connection names: in no other is anything written."""
    return scope.projects is None or issue.project in scope.projects


def is_young(issue: Issue, rules: ProjectRules, now: datetime) -> bool:
    """Whether a change of what the issue says still calls for labels."""
    return issue.created is None or now - issue.created <= rules.window


def was_found(hints: Sequence[Hint]) -> bool:
    """Whether a catch-up came upon the issue."""
    return any(hint.kind is HintKind.ISSUE_FOUND for hint in hints)


def is_reworded(issue: Issue, journal: Journal) -> bool:
    """Whether an issue that was read says something else than when its labels were judged last."""
    return journal.text is not None and journal.text != text_digest(issue)


def is_unjudged(issue: Issue, journal: Journal) -> bool:
    """Whether nobody ever judged what an issue says; also where Redis lost who did."""
    # Records from before that digest was kept have the time of the judgement alone.
    return is_reworded(issue, journal) or (journal.text is None and journal.read_updated is None)


def text_digest(issue: Issue) -> str:
    """Stands for what an issue says, and where: all that labels are called for by (``TAGGED_BY``)."""
    told = json.dumps([issue.project, issue.title, issue.body])
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def calls_for_labels(hints: Sequence[Hint]) -> bool:
    """Whether what happened may call for labels: an issue is new, or what it says has changed."""
    # Without a hint that could be understood, anything may have changed.
    return not hints or any(
        hint.kind is HintKind.ISSUE_CREATED or not TAGGED_BY.isdisjoint(hint.changed) for hint in hints
    )


def has_open_comment(comments: Mapping[str, CommentRecord]) -> bool:
    """Whether our comment about labels stands on the issue, not settled yet."""
    comment = comments.get(LABELS_TOPIC)
    return comment is not None and comment.state is CommentState.POSTED
