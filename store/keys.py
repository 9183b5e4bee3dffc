"""Every key this service owns in Redis, who writes it and how long it lives.

All keys share one prefix, so that the service can live beside others in one database.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from trackers.model import Subject

PREFIX: Final = "sw:"

PENDING: Final = PREFIX + "pending"
"""Sorted set, subject → when the clock looks at it next (ms). Inbox. Lives while work waits."""
HANDED: Final = PREFIX + "handed"
"""Sorted set, subject that was handed out with no run of it begun yet → when it was due first (ms). Inbox.
Lives while work waits."""
DEAD: Final = PREFIX + "dead"
"""Sorted set, subject → when it was given up (ms). Inbox. Entries leave after ``DEAD_LIFE``."""
TOKEN: Final = PREFIX + "token"
"""Counter of leases given, so that a newer token is always a larger number. Inbox. Kept."""
HINTS: Final = PREFIX + "hints:"
"""List per subject: ``<received ms> <hint JSON>``, oldest first. Inbox. Lives until worked."""
SUBJECT: Final = PREFIX + "subject:"
"""Hash per subject: first, last, settle, ceiling, token, lease, begun, attempts, waits, not_before, cause.
Inbox."""
CLAIM: Final = PREFIX + "claim:"
"""String per connection and body digest. Inbox. Lives ``CLAIM_LIFE``."""
JOURNAL: Final = PREFIX + "journal:"
"""Hash per issue: what we applied, what people took off, our comments, the open intent. ``JOURNAL_LIFE``."""
DECISIONS: Final = PREFIX + "decisions:"
"""List per subject: decision records, newest first. ``DECISIONS_LIFE``, at most ``DECISIONS_KEPT``."""
FEED: Final = PREFIX + "feed"
"""Sorted set: a line per decision of any subject, ``<subject> <JSON>`` → when it was made (ms), at most
``FEED_KEPT``. Feed. ``DECISIONS_LIFE``, of each line and of all."""
DOOR: Final = PREFIX + "door:"
"""List per connection: deliveries ignored or refused, newest first, at most ``DOOR_KEPT``. ``DOOR_LIFE``."""
PAUSE: Final = PREFIX + "pause:"
"""String per tracker host, identity and scope: why we pause. Budget. Lives as long as the pause."""
PAUSES: Final = PREFIX + "pauses"
"""Sorted set: tracker host, identity and scope, all issues' as one → until when it is paused (ms). Budget.
Lives as long as the longest pause."""
LEFT: Final = PREFIX + "left:"
"""String per tracker host and identity: the share of the scarcest limit that was left when it last told.
Budget. ``LEFT_LIFE``."""
CACHE: Final = PREFIX + "cache:"
"""String per cached reading of a tracker (labels, fields). Lives as long as its writer said."""
COUNTERS: Final = PREFIX + "counters"
"""Hash of what workers did, for the metrics page. Kept."""
RULEBOOK: Final = PREFIX + "rulebook"
"""Hash: the rules text in force, its version and since when; the versions that made way. Kept."""
RULES_FILES: Final = PREFIX + "rules-files"
"""Hash, host and path → what a clock finds in its rules file: its version or its problems (JSON), told anew
all the while. RulebookShelf. A row counts for ``RULES_FILE_LIFE``; ``RULES_FILES_LIFE``."""
WRITTEN: Final = PREFIX + "written:"
"""Sorted set per connection: issues written to lately → when that was last (ms); never more than the rules
allow in their window. Writes. Lives as long as the window."""
ISSUE_WRITES: Final = PREFIX + "issue-writes:"
"""String per issue: how many runs wrote to it of late. Writes. The window of that count: an hour."""
HELD: Final = PREFIX + "held:"
"""Hash per connection to which nothing is written: since when, how many were written to, and what the rules
allowed. Writes. Kept until somebody lifts it."""
HEARD: Final = PREFIX + "heard"
"""Hash, connection → when the last genuine delivery came (ms). Door. Kept."""
LAST_WRITE: Final = PREFIX + "last-write"
"""Hash, connection → when its tracker was last written to (ms). Journals. Kept."""
SKEW: Final = PREFIX + "skew:"
"""List per connection: by how much our clock was ahead of its tracker's when it told of something new (ms),
newest first, at most ``SKEW_KEPT``. Door. ``SKEW_LIFE``."""
MODELS: Final = PREFIX + "models"
"""Hash, connection and target → which models stand in which slot, since when and why (JSON). Kept."""
MODEL: Final = PREFIX + "model:"
"""String per model id: its file, bytes. Models. Lives while any slot of ``MODELS`` names it."""
MODEL_REFUSED: Final = PREFIX + "model-refused:"
"""String per connection and target: why a worker cannot use the model that should serve, and what
serves instead. Written again while it is so. ``MODEL_REFUSED_LIFE``."""
RETRAIN: Final = PREFIX + "retrain:"
"""String per connection whose training is under way. Retraining. ``RETRAIN_LIFE``."""
SPRINT: Final = PREFIX + "sprint:"
"""String per running or lately closed sprint: its baseline and what became of it, in numbers, ids and keyed
hashes; what was said of it (JSON). Sprints. ``SPRINT_LIFE`` after the last look."""
SPRINT_VIEW: Final = PREFIX + "sprint-view:"
"""String per running or lately closed sprint: what the console shows of it, in numbers, issues' keys and the
text of our comment (JSON). SprintViews. ``SPRINT_LIFE`` after the last look."""
SPRINT_SHORT: Final = PREFIX + "sprint-short:"
"""String per running or lately closed sprint: the same in short, for lists (JSON). SprintViews.
``SPRINT_LIFE`` after the last look."""
SNOOZE: Final = PREFIX + "snooze:"
"""String per sprint that the command was asked to be silent about. Sprints. ``SPRINT_LIFE``."""
PLANNED: Final = PREFIX + "planned:"
"""Hash per connection: sprints seen before their start → when that was last (ms). ``PLANNED_LIFE``."""
RUNNING: Final = PREFIX + "running:"
"""Hash per connection: the sprints watched at present, id → board. Sprints. ``SPRINT_LIFE``."""
CLOSED: Final = PREFIX + "closed:"
"""Sorted set per connection, sprint → when it was closed (ms); as long as its book lives. Sprints.
``SPRINT_LIFE``."""
FINISHED: Final = PREFIX + "finished:"
"""Hash per connection and board: finished sprints in numbers (JSON), by their end the newest
``FINISHED_KEPT``. Sprints. All of them ``FINISHED_LIFE`` after one was last added."""
ROUNDS: Final = PREFIX + "rounds"
"""Sorted set, board → when it is looked at next (ms). The clock puts boards in and takes those of a
connection that is gone out; a look takes out one that is no longer named. Kept."""
HASH_KEY: Final = PREFIX + "hash-key"
"""String: the key of the hashes that stand for words of issues. Sprints. Kept."""
BACKFILL: Final = PREFIX + "backfill:"
"""Hash per connection: how far its backfill is (JSON), and what people wish of it. Backfills.
``BACKFILL_LIFE`` after the last sign of it."""
BACKFILL_TODO: Final = PREFIX + "backfill-todo:"
"""Hash per connection: the issues its backfill has yet to write to, without their text (JSON). Backfills.
Until they are written to or the backfill ends, ``BACKFILL_LIFE`` at most."""
BACKFILL_LEASE: Final = PREFIX + "backfill-lease:"
"""String per connection whose backfill somebody is at. Backfills. ``BACKFILL_LEASE_LIFE``, renewed."""
BACKFILL_CALL: Final = PREFIX + "backfill-call:"
"""String per connection for whose backfill a job was just enqueued. Backfills. ``BACKFILL_CALL_LIFE``."""
CATCH_UP: Final = PREFIX + "catch-up:"
"""Hash per connection: since when it is known and caught up, when that is due next (ms); the scan under way,
the last that ended, what a person asked for, what is known of the webhook (JSON). CatchUps. Kept."""
TRIALS: Final = PREFIX + "trials"
"""Sorted set, trial of an edited rules file → when it was asked for (ms). Trials. ``TRIAL_LIFE`` after one
was last asked for."""
TRIAL: Final = PREFIX + "trial:"
"""Hash per trial: what is tried and by whom, how far it is, what came of it. Trials. ``TRIAL_LIFE``; deleted
when an issue of its connection is."""
BEAT: Final = PREFIX + "beat:"
"""String per kind of process: when one last showed a sign of life. ``BEAT_LIFE``."""

CLAIM_LIFE: Final = timedelta(hours=48)
DEAD_LIFE: Final = timedelta(days=30)
JOURNAL_LIFE: Final = timedelta(days=180)
DECISIONS_LIFE: Final = timedelta(days=90)
DECISIONS_KEPT: Final = 50
FEED_KEPT: Final = 20_000
DOOR_LIFE: Final = timedelta(days=7)
DOOR_KEPT: Final = 1_000
SKEW_LIFE: Final = timedelta(days=1)
SKEW_KEPT: Final = 20
"""Enough for a median, and few enough that a clock that was set right is soon known to be."""
LEFT_LIFE: Final = timedelta(hours=1)
TRIAL_LIFE: Final = timedelta(hours=1)
BEAT_LIFE: Final = timedelta(seconds=20)
"""A clock beats every second, but may wait for a slow Redis, or look after the house, in between."""
SPRINT_LIFE: Final = timedelta(days=120)
PLANNED_LIFE: Final = timedelta(days=14)
FINISHED_LIFE: Final = timedelta(days=400)
FINISHED_KEPT: Final = 60
"""Twice what is read of a tracker at most, so that nothing is read again because it was dropped."""
MODEL_REFUSED_LIFE: Final = timedelta(days=1)
RETRAIN_LIFE: Final = timedelta(hours=8)
RULES_FILE_LIFE: Final = timedelta(seconds=12)
"""Two tellings may fail before a clock's file counts no more."""
RULES_FILE_RESTART: Final = timedelta(seconds=5)
"""Longer than the restart of a clock takes: meanwhile the file of one that ended still counts."""
RULES_FILES_LIFE: Final = timedelta(days=1)
BACKFILL_LIFE: Final = timedelta(days=7)
BACKFILL_LEASE_LIFE: Final = timedelta(seconds=20)
BACKFILL_CALL_LIFE: Final = timedelta(seconds=45)


def hints(subject: Subject) -> str:
    return f"{HINTS}{subject}"


def subject_state(subject: Subject) -> str:
    return f"{SUBJECT}{subject}"


def claim(connection: str, digest: str) -> str:
    return f"{CLAIM}{connection}:{digest}"


def journal(subject: Subject) -> str:
    return f"{JOURNAL}{subject}"


def decisions(subject: Subject) -> str:
    return f"{DECISIONS}{subject}"


def door(connection: str) -> str:
    return f"{DOOR}{connection}"


def skew(connection: str) -> str:
    return f"{SKEW}{connection}"


def pause(host: str, identity: str, scope: str) -> str:
    return f"{PAUSE}{host}:{identity}:{scope}"


def left(host: str, identity: str) -> str:
    return f"{LEFT}{host}:{identity}"


def cache(name: str) -> str:
    return f"{CACHE}{name}"


def model(id_: str) -> str:
    return f"{MODEL}{id_}"


def model_refused(place: str) -> str:
    return f"{MODEL_REFUSED}{place}"


def retrain(connection: str) -> str:
    return f"{RETRAIN}{connection}"


def backfill(connection: str) -> str:
    return f"{BACKFILL}{connection}"


def backfill_todo(connection: str) -> str:
    return f"{BACKFILL_TODO}{connection}"


def backfill_lease(connection: str) -> str:
    return f"{BACKFILL_LEASE}{connection}"


def backfill_call(connection: str) -> str:
    return f"{BACKFILL_CALL}{connection}"


def written(connection: str) -> str:
    return f"{WRITTEN}{connection}"


def issue_writes(connection: str, issue: str) -> str:
    return f"{ISSUE_WRITES}{connection}:{issue}"


def held(connection: str) -> str:
    return f"{HELD}{connection}"


def sprint(subject: Subject) -> str:
    return f"{SPRINT}{subject}"


def sprint_view(subject: Subject) -> str:
    return f"{SPRINT_VIEW}{subject}"


def sprint_short(subject: Subject) -> str:
    return f"{SPRINT_SHORT}{subject}"


def snooze(subject: Subject) -> str:
    return f"{SNOOZE}{subject}"


def planned(connection: str) -> str:
    return f"{PLANNED}{connection}"


def running(connection: str) -> str:
    return f"{RUNNING}{connection}"


def closed(connection: str) -> str:
    return f"{CLOSED}{connection}"


def finished(connection: str, board: str) -> str:
    return f"{FINISHED}{connection}:{board}"


def catch_up(connection: str) -> str:
    return f"{CATCH_UP}{connection}"


def trial(id_: str) -> str:
    return f"{TRIAL}{id_}"


def beat(process: str) -> str:
    return f"{BEAT}{process}"


OUTCOMES: Final = PREFIX + "outcomes:"
"""List per connection and target: what people made of a model's answers, newest first, at most
``OUTCOMES_KEPT``. Outcomes. ``OUTCOMES_LIFE``."""
LESSONS: Final = PREFIX + "lessons"
"""Hash, connection and target → outcomes ever noted. Outcomes. ``OUTCOMES_LIFE``."""
SHIFT: Final = PREFIX + "shift:"
"""Hash per connection and target: the shift learnt, from how many outcomes. Outcomes. ``OUTCOMES_LIFE``."""
MUTES: Final = PREFIX + "mutes:"
"""Hash per connection and target: muted labels with since and why, and which outcomes no longer count for a
label that returned: the models they are of, and until when. Outcomes. ``OUTCOMES_LIFE``."""
SEEN: Final = PREFIX + "seen:"
"""Hash per connection, target, model and week (its Monday): new issues by project and reply, and by cell
of the model's drift reference. Journals count, Watch reads. ``SEEN_LIFE``; at most ``SEEN_WEEKS`` are
looked at, and only the serving and the previous model's are kept."""
WATCH: Final = PREFIX + "watch:"
"""Hash per connection and target: the models with counts and their last week, the clock's report, the
alarms already told. Watch. ``WATCH_LIFE``."""
PUT_ON: Final = PREFIX + "put-on:"
"""Hash per connection and week (its Monday): new issues looked at, and those that rules or models put each
label on. Decisions count, ``store.put_on`` reads. ``SEEN_LIFE``."""
LABEL_VIEW: Final = PREFIX + "label-view:"
"""Hash per connection and target: what the console shows of its labels, in counts and names (JSON).
LabelViews. ``LABEL_VIEW_LIFE`` after a clock last looked."""

OUTCOMES_LIFE: Final = timedelta(days=365)
OUTCOMES_KEPT: Final = 5_000
SEEN_WEEKS: Final = 12
SEEN_LIFE: Final = timedelta(weeks=SEEN_WEEKS)
WATCH_LIFE: Final = timedelta(weeks=SEEN_WEEKS)
LABEL_VIEW_LIFE: Final = timedelta(days=7)


def outcomes(connection: str, target: str) -> str:
    return f"{OUTCOMES}{connection}:{target}"


def shift(connection: str, target: str) -> str:
    return f"{SHIFT}{connection}:{target}"


def mutes(connection: str, target: str) -> str:
    return f"{MUTES}{connection}:{target}"


def seen(connection: str, target: str, model: str, week: str) -> str:
    return f"{SEEN}{connection}:{target}:{model}:{week}"


def watch(connection: str, target: str) -> str:
    return f"{WATCH}{connection}:{target}"


def put_on(connection: str, week: str) -> str:
    return f"{PUT_ON}{connection}:{week}"


def label_view(connection: str, target: str) -> str:
    return f"{LABEL_VIEW}{connection}:{target}"


CONSOLE_KEY: Final = PREFIX + "console-key"
"""String: the key that signs the console's cookies. Sessions. Kept."""
CONSOLE_SESSION: Final = PREFIX + "console-session:"
"""String per session of the console, by the digest of its id: whose it is, and the password's mark (JSON).
Sessions. ``CONSOLE_IDLE`` after it was last used; deleted at log-out."""
CONSOLE_TRIES: Final = PREFIX + "console-tries:"
"""String per address, or browser that logged in before, or all: attempts to log in. Attempts.
``CONSOLE_TRIES_LIFE``."""
CONSOLE_WAIT: Final = PREFIX + "console-wait:"
"""String per the same that is to wait before the next attempt. Attempts. As long as the wait."""
CONSOLE_LOG: Final = PREFIX + "console-log"
"""List: what was changed in the console and by whom (JSON), newest first, at most ``CONSOLE_LOG_KEPT``.
``CONSOLE_LOG_LIFE``."""

CONSOLE_IDLE: Final = timedelta(hours=1)
CONSOLE_TRIES_LIFE: Final = timedelta(hours=1)
CONSOLE_LOG_LIFE: Final = timedelta(days=90)
CONSOLE_LOG_KEPT: Final = 500


def console_session(digest: str) -> str:
    return f"{CONSOLE_SESSION}{digest}"


def console_tries(who: str) -> str:
    return f"{CONSOLE_TRIES}{who}"


def console_wait(who: str) -> str:
    return f"{CONSOLE_WAIT}{who}"
