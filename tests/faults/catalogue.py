"""The faults the service must survive, and what each may cost. Tests name a fault by its number.

Numbers stand for good: one that is dropped is not given again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which things go wrong."""

    number: int
    area: str
    what: str
    expected: str


_EDGE: Final = "The front door"
_QUEUE: Final = "Queue and workers"
_ORDER: Final = "Bursts and order"
_TRACKER: Final = "Trackers"
_CONFIG: Final = "Rules and models"
_OPERATION: Final = "Operation"
_SAFETY: Final = "Security and privacy"

FAULTS: Final = (
    Fault(
        1,
        _EDGE,
        "a signature that is wrong, missing, cut short, not hex, of odd length, or of another secret",
        "401, counted by reason; nothing is stored, the body is in no log",
    ),
    Fault(
        2,
        _EDGE,
        "two secrets while one is being rotated; then the old one is taken out",
        "both hold; after that the old one gets 401",
    ),
    Fault(3, _EDGE, "an empty secret in the environment", "the process refuses to start and says which"),
    Fault(
        4,
        _EDGE,
        "a Linear delivery older than the limit, from the future, without its time; a wrong clock here",
        "older: taken as late, once; the others: refused; a median skew over 30 s is told on /readyz",
    ),
    Fault(
        5,
        _EDGE,
        "a body over the limit, chunked without length, a gzip bomb, broken UTF-8, deep nesting, "
        "keys twice, NaN",
        "400 or 413, soon, in bounded memory",
    ),
    Fault(
        6,
        _EDGE,
        "the same delivery 50 times at once over 4 web processes",
        "stored once; 49 answers of 200 counted as duplicates",
    ),
    Fault(
        8,
        _EDGE,
        "an event of an unknown type; one of a known type that is not wanted",
        "200 for both, under two counters",
    ),
    Fault(
        9,
        _EDGE,
        "Redis refuses, hangs, is full, read-only or still loading",
        "503 within 2 s, /readyz red, nothing half stored",
    ),
    Fault(
        10,
        _EDGE,
        "Redis dies between the claim of a body and the storing of its hints",
        "both or neither: the sender's next try is worked once",
    ),
    Fault(
        12,
        _EDGE,
        "1,000 events a second for 10 seconds",
        "every one answered and none lost; the queue recovers",
    ),
    Fault(13, _QUEUE, "a worker killed between any two steps of a run", "one effect, within 90 s"),
    Fault(14, _QUEUE, "a worker killed between taking a job and starting it", "one effect, within 90 s"),
    Fault(
        15,
        _QUEUE,
        "a worker frozen until its lease has passed to another, then woken",
        "it starts no further write; one effect",
    ),
    Fault(
        16,
        _QUEUE,
        "a subject that kills its worker every time",
        "spaced attempts, then a dead letter with its cause; others are not held up; a new hint revives it",
    ),
    Fault(
        17,
        _QUEUE,
        "a run that outlasts its limit: in HTTP, in a pattern, in a model",
        "stopped; tried again or a dead letter; the worker lives",
    ),
    Fault(
        18,
        _QUEUE,
        "SIGTERM in the middle of a burst; SIGTERM twice",
        "the run in hand ends, the rest waits; the second signal loses nothing",
    ),
    Fault(
        19,
        _QUEUE,
        "a hint, a lease and a record that the previous version wrote",
        "understood and worked; a hint of a newer version has its subject read anew",
    ),
    Fault(
        20,
        _QUEUE,
        "Redis restarted; a failover that lost the last second; everything flushed",
        "work goes on; what was lost is found by a catch-up; effects stay single",
    ),
    Fault(
        21,
        _QUEUE,
        "Redis slow, reset, half open, or in slices of a few bytes",
        "time-outs hold, no tight loop, nothing twice",
    ),
    Fault(
        22,
        _QUEUE,
        "Redis at its memory limit; a Redis that evicts or does not append to disk",
        "503 at the door; start-up refuses",
    ),
    Fault(
        26,
        _ORDER,
        "30 issues moved into a sprint within 5 seconds",
        "one run about the sprint, two at most; one comment",
    ),
    Fault(27, _ORDER, "an event between a run's reading and its write", "a second run follows and sees it"),
    Fault(
        28,
        _ORDER,
        "events about one subject without end, one a second",
        "a run at every ceiling at the latest",
    ),
    Fault(
        29,
        _ORDER,
        "random orders of events, edits by people, kills and duplicates",
        "one effect a decision, a person's word is final",
    ),
    Fault(
        30,
        _ORDER,
        "a sprint that started while the service was down",
        "its baseline is rebuilt from changelogs, and the comment says so",
    ),
    Fault(
        31,
        _TRACKER,
        "rate limits: in seconds, as a date, zero, absent, absurd; each tracker's own kinds",
        "what the limit covers pauses for all workers, 1 s at least; no attempt is spent",
    ),
    Fault(
        32,
        _TRACKER,
        "500 to 504, time-outs, a connection cut; before and after a write was accepted",
        "tried again; after an unknown outcome looked up before it is repeated",
    ),
    Fault(
        33,
        _TRACKER,
        "401, 403, 404, 409, 413, 422",
        "credentials: all wait and say so; gone: ignored; conflict: read anew; invalid: a dead letter with "
        "the field",
    ),
    Fault(
        35,
        _TRACKER,
        "a person takes our label off, puts it on before us; a label is renamed",
        "final; theirs and not ours; told by doctor",
    ),
    Fault(
        36,
        _TRACKER,
        "our own writes come back as events; another bot answers each of ours",
        "known as ours; an issue's writes are bounded",
    ),
    Fault(
        37, _TRACKER, "the account cannot be asked for its name at the start", "no write until it is known"
    ),
    Fault(
        39,
        _TRACKER,
        "titles with markup, mentions, macros, control characters, emoji, 1 MB long",
        "inert in every comment, bounded in length",
    ),
    Fault(
        41,
        _CONFIG,
        "a rules file with unknown keys, wrong types, rules twice, bad patterns, tabs, a mark of "
        "byte order, an alias bomb, 10 MB",
        "all told at once with their lines; the rules in force stay",
    ),
    Fault(42, _CONFIG, "a pattern made to run for ever against a long text", "linear time, or refused"),
    Fault(
        43,
        _CONFIG,
        "rules saved while runs are under way",
        "each run keeps the one version that its record names",
    ),
    Fault(
        45,
        _CONFIG,
        "issues that are empty, a word, 1 MB, or in another language",
        "silence with a reason, in bounded time",
    ),
    Fault(46, _CONFIG, "a model worse than the one that serves", "refused, with its report kept"),
    Fault(
        47,
        _OPERATION,
        "webhooks switched off for hours; the service down for a day",
        "a catch-up finds every issue, once; Linear's webhook is on again",
    ),
    Fault(48, _OPERATION, "no webhook at all: a service behind a firewall", "polling alone labels and warns"),
    Fault(
        50,
        _OPERATION,
        "more writes in a window than the rules allow",
        "all further ones are held, one message says so; after `resume` nothing is missing",
    ),
    Fault(52, _OPERATION, "a backfill of thousands while live events come", "live events go first"),
    Fault(
        53,
        _OPERATION,
        "several web, worker and clock processes on one Redis, one of each killed",
        "one effect each; the others carry on",
    ),
    Fault(60, _SAFETY, "an issue is deleted", "nothing of it is left in Redis but counts"),
    Fault(
        61,
        _SAFETY,
        "secrets looked for in logs, errors, process lists and Redis after a day's work",
        "none is found",
    ),
    Fault(
        62,
        _SAFETY,
        "a tracker that redirects elsewhere, or names another host in its answers",
        "no request leaves the configured host",
    ),
    Fault(
        63, _SAFETY, "a stranger asks for metrics and readiness", "refused, or told no more than yes or no"
    ),
)
