"""One run over all hints about one subject: load ▸ decide ▸ plan ▸ apply ▸ record."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from structlog.contextvars import bound_contextvars

from classifiers.tagging import Answers, judge
from rules.load import RuleBook
from rules.matching import ProjectRules
from rules.schema import Mode
from store.inbox import Batch
from store.journal import Journal
from trackers.errors import Forbidden, Stale, Unauthorized
from trackers.model import Hint, HintKind, Issue, Subject, SubjectKind, TrackerKind
from trackers.protocol import LABELS_TOPIC, AddLabels, Reading, Recall
from workers import failures
from workers.apply import LeaseLost
from workers.catch_up import catch_up, is_missed
from workers.decide import (
    Because,
    Glance,
    Situation,
    applies,
    calls_for_labels,
    glance,
    has_open_comment,
    is_named,
    is_reworded,
    is_unjudged,
    is_young,
    situation,
    text_digest,
    was_found,
)
from workers.doubles import doubt, drop_doubles, expect_double, look_until_sure
from workers.failures import Again, Bury, Fate, Ignore, Leave, Standing
from workers.learning import remember
from workers.lessons import Us, lessons
from workers.plan import Plan, plan, records
from workers.purging import purge, was_purged
from workers.record import Ending, Outcome, counters, outcome_of, record
from workers.rounds import look
from workers.shop import Desk, Shop
from workers.sprint_check import check
from workers.sprint_plan import scope_told
from workers.taggers import answers_of, forecasts
from workers.watching import sightings

log = structlog.get_logger("run")
_KEPT_DAILY: Final = timedelta(hours=20)
_GIVEN_BACK: Final = (Outcome.POSTPONED, Outcome.DEAD)
"""Endings that end the lease as well."""
_BY_CLOCK: Final = frozenset({HintKind.SPRINT_DUE, HintKind.BOARD_DUE, HintKind.CATCH_UP_DUE})


def run(shop: Shop, subject: Subject, token: int) -> Ending | None:
    """Work a subject under the lease that ``token`` stands for; None when it is not ours (any more).

    Whatever goes wrong with the tracker or in a step becomes an ending by the table of
    ``workers.failures``. Only a failing Redis is raised: nothing can be kept then, and the lease
    brings the subject back.
    """
    batch = shop.inbox.begin(subject, token)
    if batch is None:
        return None
    digests = list(dict.fromkeys(hint.digest[:12] for hint in batch.hints))
    # So that whatever is logged on the way is found by the deliveries that led to it.
    with bound_contextvars(subject=str(subject), token=token, digests=digests):
        return _run(shop, batch)


def _run(shop: Shop, batch: Batch) -> Ending | None:
    started = time.monotonic()
    shop.checkpoint("begun")
    ending = _ending(shop, batch)
    if ending is None:
        log.warning("lease lost")
        return None
    took = timedelta(seconds=time.monotonic() - started)
    if ending.outcome not in _GIVEN_BACK and not shop.inbox.renew(batch):
        # Whoever has it now may have purged it, and nothing shall be kept of it then.
        log.warning("lease lost")
        return None
    _keep(shop, batch, ending, took)
    _log(batch, ending, took)
    return ending


def _ending(shop: Shop, batch: Batch) -> Ending | None:
    poisoned = failures.died(batch.attempts, batch.cause, silent=batch.silent)
    if poisoned is not None:
        return _fated(shop, batch, poisoned)
    try:
        return _work(shop, batch)
    except failures.NEVER_OURS:
        raise
    except Exception as error:
        chosen = failures.fate(error, Standing(batch.attempts, batch.waited))
        if failures.is_ours(error):
            log.exception("run failed")
        return _fated(shop, batch, chosen)


def _work(shop: Shop, batch: Batch) -> Ending:
    desk = shop.desks.get(batch.subject.connection)
    if desk is None:
        raise failures.UnknownConnection(
            "This worker does not know the connection; restart it if connections.yaml has changed."
        )
    match batch.subject.kind:
        case SubjectKind.ISSUE:
            return _issue(shop, desk, batch)
        case SubjectKind.SPRINT:
            book = _rules(shop)
            return replace(check(shop, desk, batch, book), rules=book.version_id)
        case SubjectKind.BOARD:
            book = _rules(shop)
            return replace(look(shop, desk, batch, book), rules=book.version_id)
        case SubjectKind.CATCH_UP:
            return catch_up(shop, desk, batch, _rules(shop))


def _rules(shop: Shop) -> RuleBook:
    book = shop.rules.now()
    if book is None:
        raise failures.NoRules("No good rules file was found yet; mend config/rules.yaml.")
    return book


def _issue(shop: Shop, desk: Desk, batch: Batch) -> Ending:
    journal = shop.journals.read(batch.subject)
    us = _us(desk, journal)
    seen = _glance(shop, desk, batch, journal, us)
    if seen.because is Because.DELETED:
        return Ending(Outcome.IGNORED, Because.DELETED, purge=True)
    if seen.recall is None:
        shop.journals.note_vetoes(batch.subject, seen.vetoed)
        told = [hint.updated for hint in batch.hints if hint.updated is not None]
        if seen.because is Because.ECHO and told:
            # Who tells of our write has told of an edit just before it, too: no catch-up need look again.
            shop.journals.note_looked(batch.subject, max(told))
        _learn(shop, batch, journal, us)
        return Ending(Outcome.IGNORED, seen.because)
    book = _rules(shop)
    if batch.waits and desk.applier.breaker is not None:
        # One of a long queue that is held back, perhaps: it asks before it costs the tracker a reading.
        desk.applier.breaker.require_writing()
    reading = load(desk, batch.subject.id, seen.recall, batch.hints)
    if not shop.inbox.renew(batch):
        raise LeaseLost(str(batch.subject))
    found = records(reading.comments)
    at = situation(reading.issue, journal, reading.memory, seen.vetoed, found)
    doubt(shop, desk, batch.subject, journal, at.comments)
    shop.journals.note_read(
        batch.subject,
        vetoed=at.vetoed,
        applied=at.applied - journal.applied.keys(),
        comments={topic: at.comments[topic] for topic in found},
    )
    _learn(shop, batch, journal, us, reading.issue)
    shop.checkpoint("loaded")
    now = datetime.now(UTC)
    rules = book.effective(desk.connection.name, reading.issue.project)
    young = is_young(reading.issue, rules, now)
    found_so = was_found(batch.hints) and young and is_unjudged(reading.issue, journal)
    called_for = calls_for_labels(batch.hints) or found_so
    if rules.mode is not Mode.DRY_RUN and is_named(reading.issue, desk.connection.scope()):
        drop_doubles(desk, batch, at.issue, at.comments, reading.comments)
    ending = _act(shop, desk, batch, at, rules, called_for=called_for)
    look_until_sure(shop, batch.subject, journal)
    key, read, text = reading.issue.key, reading.issue.updated, text_digest(reading.issue)
    if young and is_reworded(reading.issue, journal) and not called_for:
        # What it says now is still to be judged, when the event of that comes or a catch-up finds it.
        read = None
    return replace(
        ending, rules=book.version_id, key=key, url=_address(desk, reading.issue), read=read, text=text
    )


def _glance(shop: Shop, desk: Desk, batch: Batch, journal: Journal, us: Us | None) -> Glance:
    """What the hints call for; a reading at least where they may be told late of what was deleted."""
    recalls_labels = not desk.tracker.sees_own_labels
    seen = glance(batch.hints, journal, us, recalls_labels=recalls_labels)
    if seen.recall is not None or seen.because is Because.DELETED:
        return seen
    if journal.known or not was_purged(shop, batch.subject):
        return seen
    # It shall leave nothing, unless the tracker has it back.
    return replace(seen, recall=Recall(memory=recalls_labels, comments=(LABELS_TOPIC,)), because=None)


def _address(desk: Desk, issue: Issue) -> str | None:
    """Where people find an issue of Linear, without its title, which Linear's links end with."""
    if desk.tracker.kind is not TrackerKind.LINEAR or not issue.url or issue.key not in issue.url:
        return None
    return issue.url.partition(issue.key)[0] + issue.key


def _act(
    shop: Shop, desk: Desk, batch: Batch, at: Situation, rules: ProjectRules, *, called_for: bool
) -> Ending:
    because = applies(
        batch.hints,
        at.issue,
        rules,
        desk.connection.scope(),
        now=datetime.now(UTC),
        open_comment=has_open_comment(at.comments),
        unjudged=called_for,
    )
    shop.checkpoint("decided")
    if because is not None:
        return Ending(Outcome.IGNORED, because)
    said = shop.taggers.ask(desk.connection.name, desk.tracker.kind, at.issue, rules)
    made = plan_for(desk, at, rules, answers_of(said))
    if not called_for and _tells_nothing_new(at, made):
        return Ending(Outcome.IGNORED, Because.ONLY_LABELS_CHANGED)
    shop.checkpoint("planned")
    operations = () if made.dry else made.operations
    if not desk.tracker.posts_once:
        expect_double(shop, batch.subject, at.journal, operations)
    applied = desk.applier.apply(batch, at.issue, operations)
    remember(
        shop.journals,
        batch.subject,
        *forecasts(said, at, made, applied),
        journal=at.journal,
        sightings=sightings(said, batch.hints, at, datetime.now(UTC)),
    )
    return outcome_of(made, applied)


def _tells_nothing_new(at: Situation, made: Plan) -> bool:
    """Whether a change of labels alone left nothing to say.

    It may settle our comment; it is no reason to put further labels on, nor to tell anew, in the words
    of a newer model, why those are there that still are.
    """
    if any(isinstance(item, AddLabels) for item in made.operations):
        return True
    return made.mode is Mode.APPLY and at.applied <= {label.id for label in at.issue.tags}


def load(desk: Desk, issue: str, recall: Recall, hints: tuple[Hint, ...]) -> Reading:
    """Read the issue's present state. Raises Stale when an event already told of a newer one."""
    try:
        reading = desk.tracker.read(issue, recall)
    except Forbidden as error:
        # A lost licence or a wall in between: nothing of this one issue, and it may be mended any time.
        raise Unauthorized(f"The account may not read. {error}") from error
    told = max((hint.updated for hint in hints if hint.updated is not None), default=None)
    read = reading.issue.updated
    if told is None or read is None:
        return reading
    if read.microsecond == 0:
        # Some Data Center databases keep whole seconds: the reading cannot be newer than that.
        told = told.replace(microsecond=0)
    if read < told:
        raise Stale("The tracker answered with an older state than its event told of.")
    return reading


def plan_for(desk: Desk, at: Situation, rules: ProjectRules, answers: Answers) -> Plan:
    """What would be done about an issue by its project's rules and the models, whatever called for it."""
    judgement = judge(rules, at.issue, answers)
    made = plan(judgement, at, rules, desk.tracker.palette(at.issue), desk.render)
    if made.missing and desk.tracker.look_again(at.issue):
        made = plan(judgement, at, rules, desk.tracker.palette(at.issue), desk.render)
    return made


def _us(desk: Desk, journal: Journal) -> Us | None:
    """Our account, asked only where an echo or a person's edit could be told by it."""
    guessed = any(one.guesses for one in journal.forecasts.values())
    written = journal.applied or journal.intent
    if not (guessed or (written and journal.write_updated is None)):
        return None
    me = desk.tracker.identity()
    return Us(me.id, only_ours=me.is_app or desk.connection.service_account)


def _learn(shop: Shop, batch: Batch, journal: Journal, us: Us | None, issue: Issue | None = None) -> None:
    """Count what people made of a model's answer, before the hints that tell it are done with."""
    if us is None or not journal.forecasts:
        return
    tracker = shop.desks[batch.subject.connection].tracker

    def known(name: str) -> bool:
        if issue is None:
            return True
        # An old list would still have what an admin has just renamed.
        tracker.look_again(issue)
        return tracker.palette(issue).find(name) is not None

    found = lessons(batch.hints, journal, us, datetime.now(UTC), issue, known)
    if found:
        shop.outcomes.settle(batch.subject, found)


def _fated(shop: Shop, batch: Batch, fate: Fate) -> Ending | None:
    match fate:
        case Leave():
            return None
        case Ignore(because):
            return Ending(Outcome.IGNORED, because, purge=because is Because.GONE and _deleted(shop, batch))
        case Again(delay, cause, free):
            given_back = shop.inbox.postpone(batch, delay, cause, free=free)
            return Ending(Outcome.POSTPONED, cause=cause) if given_back else None
        case Bury(cause):
            return Ending(Outcome.DEAD, cause=cause) if shop.inbox.bury(batch, cause) else None


def _deleted(shop: Shop, batch: Batch) -> bool:
    """Whether nothing may be kept of a subject that is gone.

    The order of events is not promised: the deletion may have come before an edit. It may even have been
    worked then; of an issue about which nothing is known, a late event shall leave nothing.
    """
    if any(hint.kind is HintKind.ISSUE_DELETED for hint in batch.hints):
        return True
    return batch.subject.kind is SubjectKind.ISSUE and not shop.journals.read(batch.subject).known


def _keep(shop: Shop, batch: Batch, ending: Ending, took: timedelta) -> None:
    """Record the run, then take its hints out of the inbox: dying in between only repeats the record."""
    counted = counters(batch.subject.connection, ending)
    if batch.subject.kind is SubjectKind.ISSUE and is_missed(batch, ending):
        counted[f"catch_up|{batch.subject.connection}|missed"] = 1
    if ending.purge:
        purge(shop, batch.subject)
        shop.decisions.count(counted)
    elif _is_routine(shop, batch, ending):
        shop.decisions.count(counted)
    else:
        shop.decisions.add(batch.subject, record(batch, ending, took), counted)
        if ending.read is not None and ending.outcome is Outcome.IGNORED:
            # What was ignored for its age or its project may be called for by an event still to come.
            shop.journals.note_looked(batch.subject, ending.read)
        elif ending.read is not None:
            shop.journals.note_answered(batch.subject, ending.read, ending.text)
    shop.checkpoint("recorded")
    if ending.outcome not in _GIVEN_BACK:
        shop.inbox.finish(batch)


def _is_routine(shop: Shop, batch: Batch, ending: Ending) -> bool:
    """Whether it came out as the last time: such runs would crowd out what is worth reading.

    So of what waits for the same reason as before, and of what the clock asked: of this one is kept once a
    day, for its figures.
    """
    if ending.outcome is Outcome.POSTPONED and ending.cause:
        return batch.waits > 0 and batch.cause == ending.cause
    by_clock = all(hint.kind in _BY_CLOCK for hint in batch.hints)
    if not by_clock or ending.outcome not in (Outcome.NOTHING, Outcome.IGNORED):
        return False
    last = shop.decisions.last(batch.subject)
    return (
        last is not None
        and (last["outcome"], last["because"]) == (ending.outcome, ending.because)
        and scope_told(last.get("plan")) == scope_told(ending.plan.to_json() if ending.plan else None)
        and datetime.now(UTC) - datetime.fromisoformat(last["at"]) < _KEPT_DAILY
    )


def _log(batch: Batch, ending: Ending, took: timedelta) -> None:
    log.info(
        "run",
        outcome=str(ending.outcome),
        because=str(ending.because) if ending.because else None,
        cause=ending.cause or None,
        attempt=batch.attempts,
        took_ms=round(took.total_seconds() * 1000),
    )
