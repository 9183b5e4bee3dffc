"""``/readyz``: whether deliveries can be taken and will be worked, each check with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from rules.connections import Connection
from store.budget import Budget
from store.cache import Cache
from store.catch_ups import CatchUps, HookState, Standing
from store.connect import trouble
from store.crew import BULK, LIVE, Crew
from store.durability import Trait, copies, rewriting, traits
from store.heard import Heard
from store.inbox import Depth, depth
from store.keys import BEAT_LIFE, beat
from store.models import Entry, ModelShelf, Refusal, Slots
from store.rulebook import RulebookShelf, Turned
from store.watch import Report, Watch
from store.writes import Held, Writes
from trackers.limits import CREDENTIALS_REFUSED, EVERYTHING, host_of
from trackers.spans import in_utc, in_words

IN_STEP: Final = timedelta(seconds=30)
"""Clocks that differ by no more cost nothing yet; a delivery may be refused from a minute on."""

LATE_AFTER: Final = 3
"""Periods without a finished catch-up that mean that something hinders it."""
_GRACE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    detail: str
    vital: bool = True
    """Whether it decides readiness: no delivery should be sent here while it is not ok."""
    halts: bool = False
    """Whether deliveries are taken but not worked while it is not ok."""


def checks(
    redis: Redis, connections: Sequence[Connection], *, replicas: int = 0, may_forget: bool = False
) -> tuple[Check, ...]:
    """Look at everything the service needs. Never raises.

    ``replicas`` is how many of them must hold a delivery; with ``may_forget`` a Redis that can lose events
    only warns.
    """
    try:
        return (
            *_redis(redis, replicas, may_forget=may_forget),
            *_rules(redis),
            _clock(redis),
            *_workers(redis),
            *_identities(redis, connections),
            *_credentials(redis, connections),
            *_deliveries(redis, [connection.name for connection in connections if connection.webhook]),
            *_times(redis, [connection.name for connection in connections]),
            *_found_by_asking(redis, connections),
            *_writing(redis, [connection.name for connection in connections]),
            *_models(redis, [connection.name for connection in connections]),
        )
    except RedisError as error:
        return (Check("redis", False, trouble(error)),)


def ready(found: Iterable[Check]) -> bool:
    """Whether every vital check is well."""
    return all(check.ok for check in found if check.vital)


def _redis(redis: Redis, replicas: int, *, may_forget: bool) -> Iterable[Check]:
    kept, copied = traits(redis), copies(redis, replicas)
    yield _writable(redis)
    yield from (_check(trait, vital=not may_forget) for trait in kept)
    yield from (_check(trait, vital=trait.vital) for trait in copied)
    rewritten = rewriting(redis)
    if rewritten is not None:
        yield _check(rewritten, vital=rewritten.vital)


def _writable(redis: Redis) -> Check:
    """One that is full, read-only or cannot append to its file answers all the same."""
    try:
        redis.set(beat("web"), "now", px=BEAT_LIFE)
    except ResponseError as error:
        return Check("redis", False, f"Redis answers, but every delivery is sent away: {error}.")
    return Check("redis", True, "Redis answers.")


def _check(trait: Trait, *, vital: bool) -> Check:
    """What Redis does not tell only warns."""
    return Check(trait.name, trait.ok is True, trait.sentence, vital and trait.ok is not None)


def _rules(redis: Redis) -> Iterable[Check]:
    shelf = RulebookShelf(redis)
    version, since = shelf.version(), shelf.since()
    if version is None or since is None:
        told = "No good rules file was seen yet: nothing is done. Start the clock, and mend rules.yaml."
        yield Check("rules", False, told, vital=False, halts=True)
    else:
        age = in_words(datetime.now(UTC) - since)
        yield Check("rules", True, f"Version {version} has been in force for {age}.", vital=False)
    files = shelf.files()
    refused = [_refused(seen.place, seen.turned, version) for seen in files if seen.turned]
    if refused:
        yield Check("newest rules file", False, "\n".join(refused), vital=False)
    behind = [seen for seen in files if seen.turned is None and seen.version != version]
    if behind:
        held = " and ".join(f"{seen.place} holds version {seen.version}" for seen in behind)
        told = f"{held}, but {version} is in force. Bring the files in step: what is saved last rules all."
        yield Check("rules files", False, told, vital=False)


def _refused(place: str, turned: Turned, version: str | None) -> str:
    """What is wrong with a file, since when, and what goes on meanwhile."""
    rules = f"version {version} stays in force" if version else "nothing is done until it is good"
    head = f"{place} was refused {_ago(turned.since)}; {rules}. Mend it and save it."
    return "\n".join((head, *turned.problems))


def _ago(since: datetime) -> str:
    return f"{in_words(datetime.now(UTC) - since)} ago"


def _clock(redis: Redis) -> Check:
    alive = redis.get(beat("clock")) is not None
    silent = f"No clock has ticked for {in_words(BEAT_LIFE)}: start `sprintwarden clock`."
    return Check("clock", alive, "The clock ticks." if alive else silent, vital=False, halts=True)


def _workers(redis: Redis) -> Iterable[Check]:
    crew = Crew(redis)
    live, bulk = len(crew.alive(LIVE)), len(crew.alive(BULK))
    yield Check("live workers", live > 0, _live(live, depth(redis)), vital=False, halts=True)
    jobs = crew.waiting(BULK)
    yield Check("bulk workers", bool(bulk or not jobs), _bulk(bulk, jobs), vital=False)


def _live(alive: int, inbox: Depth) -> str:
    queued = "nothing waits"
    if inbox.waiting:
        waiting = _many(inbox.waiting, "issue or sprint waits", "issues or sprints wait")
        queued = f"{waiting}, the oldest for {in_words(inbox.oldest_overdue)}"
    if alive:
        return f"{_many(alive, 'is', 'are')} alive; {queued}."
    return f"No live worker is alive; {queued}: start `sprintwarden work live`."


def _bulk(alive: int, jobs: int) -> str:
    if alive:
        return f"{_many(alive, 'is', 'are')} alive."
    if jobs:
        queued = _many(jobs, "training, backfill or trial waits", "trainings, backfills and trials wait")
        return f"No bulk worker is alive; {queued}: start `sprintwarden work bulk`."
    return "None is alive, and no training, backfill or trial waits for one."


def _many(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def _identities(redis: Redis, connections: Iterable[Connection]) -> Iterable[Check]:
    for connection in connections:
        known = Cache(redis, connection.name, connection.account).get("identity") is not None
        unknown = (
            "No worker has learned yet whose account the token is. "
            f"`sprintwarden doctor {connection.name}` tells what hinders it."
        )
        said = "The account is known." if known else unknown
        yield Check(f"identity of {connection.name}", known, said, vital=False)


def _credentials(redis: Redis, connections: Iterable[Connection]) -> Iterable[Check]:
    """Whether the trackers take what we log in with, as far as they were asked."""
    for one in connections:
        pause = Budget(redis, host_of(one.url), one.account).standing((EVERYTHING,))
        refusal = pause if pause is not None and pause.reason == CREDENTIALS_REFUSED else None
        said = _refusal(one.name, refusal.left) if refusal else "They are not refused."
        yield Check(f"credentials of {one.name}", refusal is None, said, vital=False, halts=True)


def _refusal(name: str, left: timedelta) -> str:
    return (
        "The tracker refuses them: nothing is read or written there, and what comes waits. Renew the token; "
        f"`sprintwarden doctor {name}` tells whether it holds. They are tried again in {in_words(left)}."
    )


def _deliveries(redis: Redis, connections: Iterable[str]) -> Iterable[Check]:
    """When each tracker was last heard of. Silence is no fault: it may have nothing to say."""
    heard = Heard(redis)
    for name in connections:
        last = heard.last(name)
        never = f"None came yet; `sprintwarden doctor {name}` tells whether the webhook works."
        said = f"{_ago(last).capitalize()}." if last else never
        yield Check(f"last delivery of {name}", True, said, vital=False)


def _times(redis: Redis, connections: Iterable[str]) -> Iterable[Check]:
    """The clocks that are not in step with ours; it only warns, for no other machine may be the better."""
    heard = Heard(redis)
    for name in connections:
        ahead = heard.skew(name)
        if ahead is not None and abs(ahead) > IN_STEP:
            yield Check(f"time of {name}", False, _out_of_step(ahead), vital=False)


def _out_of_step(ahead: timedelta) -> str:
    way, cost = (
        ("ahead of", "Deliveries count as older than they are: late ones may be refused.")
        if ahead > timedelta()
        else ("behind", "Deliveries seem to come from the future, and may be refused for it.")
    )
    return f"Our clock is {in_words(abs(ahead))} {way} the tracker's. {cost} Set it right by NTP."


def _found_by_asking(redis: Redis, connections: Sequence[Connection]) -> Iterable[Check]:
    catch_ups = CatchUps(redis)
    standings = catch_ups.standings([one.name for one in connections])
    yield from _catch_ups(connections, standings, catch_ups.now())
    yield from _hooks(connections, standings)


def _catch_ups(
    connections: Iterable[Connection], standings: Mapping[str, Standing], now: datetime
) -> Iterable[Check]:
    """Whether each tracker is asked what changed as often as it should be."""
    for one in connections:
        name, every, standing = f"catch-up of {one.name}", one.catch_up, standings.get(one.name)
        if every is None:
            yield Check(name, True, "It is switched off: what no webhook tells is not found.", vital=False)
        elif standing is None:
            yield Check(name, True, "The clock has not come to it yet.", vital=False)
        else:
            last = standing.done.ended if standing.done else standing.first
            ok = now - last <= LATE_AFTER * every + _GRACE
            yield Check(name, ok, _caught_up(one.name, standing, every, now, ok=ok), vital=False)


def _caught_up(name: str, standing: Standing, every: timedelta, now: datetime, *, ok: bool) -> str:
    done = standing.done
    if ok and done is None:
        return f"None was due yet; the tracker is asked every {in_words(every)}."
    if ok and done is not None:
        unknown = ", ".join(done.scan.unknown)
        but = f" The tracker knows no project {unknown}: mend connections.yaml." if unknown else ""
        seen, unread = done.scan.seen, done.scan.unread
        told = f"{_many(seen, 'issue', 'issues')} changed, {unread} of them read for it"
        return f"{in_words(now - done.ended).capitalize()} ago: {told}.{but}"
    last = f"The last ended {in_words(now - done.ended)} ago" if done else "None has ended yet"
    return (
        f"{last}, and one is due every {in_words(every)}. `sprintwarden catch-up {name}` asks for one and "
        "says what hinders it."
    )


def _hooks(connections: Iterable[Connection], standings: Mapping[str, Standing]) -> Iterable[Check]:
    """The webhooks that were found off, and those that are on again. What is not known is not told."""
    for one in connections:
        standing = standings.get(one.name) if one.webhook is not None else None
        hooked = standing.hooked if standing else None
        name = f"webhook of {one.name}"
        if hooked is None:
            continue
        if hooked.state is HookState.ON:
            since = f" Switched on again by us {_ago(hooked.enabled)}." if hooked.enabled else ""
            yield Check(name, True, f"It is on.{since}", vital=False)
        elif hooked.state is HookState.LEFT_OFF:
            told = (
                "It is off. We had switched it on, and it was off again within a day: it is left alone until "
                "somebody switches it on. Until then all is found by catch-up, later."
            )
            yield Check(name, False, told, vital=False)
        elif hooked.state is HookState.OFF:
            told = f"It is off and could not be switched on. {hooked.said} Switch it on in the tracker."
            yield Check(name, False, told, vital=False)


def _writing(redis: Redis, connections: Iterable[str]) -> Iterable[Check]:
    writes = Writes(redis)
    for name in connections:
        held = writes.held(name)
        said = "It goes on." if held is None else _held(name, held)
        yield Check(f"writing to {name}", held is None, said, vital=False, halts=True)


def _held(name: str, held: Held) -> str:
    return (
        f"It was stopped {_ago(held.since)}: {held.issues} issues were written to within "
        f"{in_words(held.window)}, the most the rules allow. What would be written waits. Look at some "
        f"of those issues; if they are right, say `sprintwarden resume {name}`, else mend the rules first."
    )


def _models(redis: Redis, connections: Sequence[str]) -> Iterable[Check]:
    """What each connection labels by. A model that is missing or refused only warns: the rules go on."""
    shelf, watch = ModelShelf(redis), Watch(redis)
    every = shelf.all()
    for name in connections:
        places = sorted(place for place in every if place[0] == name)
        if not places:
            yield Check(f"models of {name}", True, "There is no model: the rules alone label.", vital=False)
        for place in places:
            refusal, serving = shelf.refusal(place), every[place].serving
            report = watch.report(place, serving.id) if serving else None
            said = _serving(serving, refusal) + _drift(report) + _staged(every[place])
            yield Check(f"model of {name} for {place[1]}", refusal is None, said, vital=False)


def _serving(serving: Entry | None, refusal: Refusal | None) -> str:
    if refusal is not None:
        instead = f"{refusal.instead[:12]} serves" if refusal.instead else "The rules alone label"
        since = in_utc(refusal.since)
        return f"Model {refusal.id[:12]} was refused by a worker, {since}: {refusal.why} {instead} instead."
    if serving is None:
        return "No model serves: the rules alone label."
    return f"Model {serving.id[:12]} serves since {in_utc(serving.since)}."


def _drift(report: Report | None) -> str:
    """Nothing while too few issues came to tell."""
    moved = report.moved if report else ()
    drifted = "; ".join(one.sentence for one in moved if one.size in ("some", "much"))
    if drifted:
        return f" Its newest issues have drifted: {drifted}."
    alike = any(one.size == "none" for one in moved)
    return " Its newest issues are like those it was trained on." if alike else ""


def _staged(slots: Slots) -> str:
    staged = slots.staged
    if staged is None:
        return ""
    said = f" Model {staged.id[:12]} is staged since {in_utc(staged.since)}"
    if staged.verdict is None or staged.verdict.passed:
        return f"{said}."
    return f"{said}; the gate refused it: {' '.join(staged.verdict.because)}"
