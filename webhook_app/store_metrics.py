"""The part of ``/metrics`` that is read from Redis at each scrape: what workers did, and what waits.

It is the same from whichever machine it is scraped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisError

from store.budget import standing_pauses
from store.catch_ups import CatchUps, HookState
from store.crew import QUEUES, Crew
from store.decisions import Decisions
from store.durability import memory
from store.heard import Heard
from store.inbox import depth
from store.models import ModelShelf, Place
from store.rulebook import RulebookShelf
from store.watch import Rate, Reply, Report, Watch
from store.writes import Writes

MOST_LABELS: Final = 200
"""Labels, and projects, that have series of their own; a tracker may have thousands."""
_NAMED: Final = ("outcomes", "answers")
"""The counts whose third part is a label or a project."""
_OFF: Final = (HookState.OFF, HookState.LEFT_OFF)
ENDINGS: Final = (
    "applied", "suggested", "dry_run", "nothing", "ignored", "partly_refused", "postponed", "dead",
)  # fmt: skip
"""How a run may end: ``workers.record.Outcome``, which this room does not know. There from the beginning."""


class StoreCollector(Collector):
    """What Redis knows, asked at each scrape."""

    def __init__(self, redis: Redis, connections: Iterable[str]) -> None:
        self._redis = redis
        self._connections = tuple(connections)

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("sprintwarden_redis_up", "Whether Redis answered this scrape.")
        try:
            found = [
                *self._inbox_metrics(),
                *self._worker_metrics(),
                *self._run_metrics(),
                *self._model_metrics(),
                *self._watch_metrics(),
                *self._rules_metrics(),
                *self._connection_metrics(),
                *self._pause_metrics(),
                *self._memory_metrics(),
            ]
        except RedisError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from found

    def _inbox_metrics(self) -> Iterator[Metric]:
        inbox = depth(self._redis)
        yield _gauge(
            "sprintwarden_inbox_pending", "Subjects with hints waiting or being worked.", inbox.pending
        )
        yield _gauge("sprintwarden_inbox_due", "Subjects that are due and not taken yet.", inbox.due)
        yield _gauge(
            "sprintwarden_inbox_waiting",
            "Subjects that are due, whether or not they were handed out, with no run begun.",
            inbox.waiting,
        )
        yield _gauge(
            "sprintwarden_inbox_oldest_overdue_seconds",
            "How late the oldest subject waiting is.",
            inbox.oldest_overdue.total_seconds(),
        )
        yield _gauge("sprintwarden_dead_letters", "Subjects that were given up.", inbox.dead)

    def _worker_metrics(self) -> Iterator[Metric]:
        workers = GaugeMetricFamily("sprintwarden_workers", "Workers that are alive.", labels=("queue",))
        crew = Crew(self._redis)
        for queue in QUEUES:
            workers.add_metric([queue], len(crew.alive(queue)))
        yield workers

    def _run_metrics(self) -> Iterator[Metric]:
        runs = CounterMetricFamily(
            "sprintwarden_runs", "Runs by how they ended.", labels=("connection", "outcome", "because")
        )
        labels = CounterMetricFamily(
            "sprintwarden_labels_added", "Labels put on issues.", labels=("connection",)
        )
        comments = CounterMetricFamily(
            "sprintwarden_comments_written", "Comments posted or edited.", labels=("connection",)
        )
        discarded = CounterMetricFamily(
            "sprintwarden_dead_letters_discarded",
            "Dead letters that a person threw away, with the events in them.",
            labels=("connection",),
        )
        counted = Decisions(self._redis).counters()
        for name in self._connections:
            counted.setdefault(f"discarded|{name}", 0)
            counted.setdefault(f"labels|{name}", 0)
            counted.setdefault(f"comments|{name}", 0)
            for ending in ENDINGS:
                counted.setdefault(f"runs|{name}|{ending}|", 0)
        outcomes = CounterMetricFamily(
            "sprintwarden_label_outcomes",
            "What people made of what models put on: confirmed, corrected, or withdrawn (a confirmation "
            "that a correction took the place of).",
            labels=("connection", "target", "label", "outcome"),
        )
        mutes = CounterMetricFamily(
            "sprintwarden_labels_muted",
            "Labels and components that were muted because they were wrong too often.",
            labels=("connection", "target"),
        )
        answers = CounterMetricFamily(
            "sprintwarden_model_answers",
            "New issues that a serving model was asked about, by what it said: tagged (a tag was sure "
            "enough), silent, or abstained (the issue is empty, tiny or unlike any learnt).",
            labels=("connection", "target", "project", "outcome"),
        )
        for place in {tuple(name.split("|")[1:4]) for name in counted if name.startswith("answers|")}:
            for reply in Reply:
                counted.setdefault("|".join(("answers", *place, reply)), 0)
        for place in ModelShelf(self._redis).all():
            counted.setdefault("|".join(("mutes", *place)), 0)
        found = CounterMetricFamily(
            "sprintwarden_catch_up_issues",
            "Issues that catch-ups came upon: seen, and missed, where something was done that no event told.",
            labels=("connection", "outcome"),
        )
        for name in self._connections:
            counted.setdefault(f"catch_up|{name}|seen", 0)
            counted.setdefault(f"catch_up|{name}|missed", 0)
        families = {
            "runs": runs, "labels": labels, "comments": comments, "outcomes": outcomes, "mutes": mutes,
            "answers": answers, "catch_up": found, "discarded": discarded,
        }  # fmt: skip
        for name, value in sorted(_most_used(counted).items()):
            kind, *values = name.split("|")
            # A newer worker may count what this version has no name for.
            if kind in families:
                families[kind].add_metric(values, value)
        yield from families.values()

    def _model_metrics(self) -> Iterator[Metric]:
        info = GaugeMetricFamily(
            "sprintwarden_model_info", "Models by slot.", labels=("connection", "target", "slot", "id")
        )
        refused = GaugeMetricFamily(
            "sprintwarden_model_refused",
            "1 while the gate refuses the staged model, or a worker the serving one.",
            labels=("connection", "target", "by"),
        )
        shelf = ModelShelf(self._redis)
        for place, slots in sorted(shelf.all().items()):
            for slot, entry in slots.models.items():
                info.add_metric([*place, slot, entry.id[:12]], 1)
            verdict = slots.staged.verdict if slots.staged else None
            refused.add_metric([*place, "gate"], int(verdict is not None and not verdict.passed))
            refused.add_metric([*place, "worker"], int(shelf.refusal(place) is not None))
        yield info
        yield refused

    def _watch_metrics(self) -> Iterator[Metric]:
        drift = GaugeMetricFamily(
            "sprintwarden_model_drift",
            "Population stability index of the newest issues against the training window, by measure; "
            "absent while too few came. 0.1 is some drift, 0.25 much.",
            labels=("connection", "target", "measure"),
        )
        tags = GaugeMetricFamily(
            "sprintwarden_label_precision",
            "Share of what models put on that people left on, by label, and the ends of its 95 % interval.",
            labels=("connection", "target", "label", "bound"),
        )
        projects = GaugeMetricFamily(
            "sprintwarden_project_precision",
            "The same by project.",
            labels=("connection", "target", "project", "bound"),
        )
        for place, report in self._reports():
            for moved in report.moved:
                if moved.size != "unknown":
                    drift.add_metric([*place, moved.measure], moved.index)
            _add_rates(tags, place, report.labels)
            _add_rates(projects, place, report.projects)
        yield from (drift, tags, projects)

    def _reports(self) -> Iterator[tuple[Place, Report]]:
        watch = Watch(self._redis)
        for place, slots in sorted(ModelShelf(self._redis).all().items()):
            report = watch.report(place, slots.serving.id) if slots.serving else None
            if report is not None:
                yield place, report

    def _rules_metrics(self) -> Iterator[Metric]:
        shelf = RulebookShelf(self._redis)
        version, since, refused = shelf.version(), shelf.since(), shelf.turned()
        info = GaugeMetricFamily(
            "sprintwarden_rules_info", "The rules in force; no version before the first.", labels=("version",)
        )
        info.add_metric([version or ""], 1)
        yield info
        yield _gauge(
            "sprintwarden_rules_in_force_timestamp_seconds",
            "Since when the rules in force are that; 0 before the first.",
            since.timestamp() if since else 0,
        )
        yield _gauge(
            "sprintwarden_rules_file_refused",
            "1 while the newest rules file is not the one in force because of its errors.",
            int(refused is not None),
        )
        yield _gauge(
            "sprintwarden_rules_file_problems",
            "How much is wrong with the refused rules file; 0 while none is refused.",
            len(refused.problems) if refused else 0,
        )
        yield _gauge(
            "sprintwarden_rules_file_refused_timestamp_seconds",
            "Since when it is refused; 0 while none is.",
            refused.since.timestamp() if refused else 0,
        )
        yield _gauge(
            "sprintwarden_rules_files_behind",
            "Good rules files of clocks that hold another version than the one in force.",
            sum(seen.turned is None and seen.version != version for seen in shelf.files()),
        )

    def _connection_metrics(self) -> Iterator[Metric]:
        last = GaugeMetricFamily(
            "sprintwarden_last_delivery_timestamp_seconds",
            "When the last genuine delivery came, whatever became of it; 0 before the first.",
            labels=("connection",),
        )
        held = GaugeMetricFamily(
            "sprintwarden_writing_held",
            "1 while nothing is written to the tracker because too much was in a short time.",
            labels=("connection",),
        )
        skew = GaugeMetricFamily(
            "sprintwarden_clock_skew_seconds",
            "How far our clock is ahead of the tracker's, below zero where it is behind; absent until a few "
            "deliveries told.",
            labels=("connection",),
        )
        caught_up = GaugeMetricFamily(
            "sprintwarden_catch_up_last_success_timestamp_seconds",
            "When a catch-up last came to its end; 0 before the first.",
            labels=("connection",),
        )
        off = GaugeMetricFamily(
            "sprintwarden_webhook_off",
            "1 while the webhook was found switched off in the tracker, and still is.",
            labels=("connection",),
        )
        heard, writes, catch_ups = Heard(self._redis), Writes(self._redis), CatchUps(self._redis)
        for name in self._connections:
            when = heard.last(name)
            last.add_metric([name], when.timestamp() if when else 0)
            held.add_metric([name], int(writes.held(name) is not None))
            standing = catch_ups.standing(name)
            done, hooked = (standing.done, standing.hooked) if standing else (None, None)
            caught_up.add_metric([name], done.ended.timestamp() if done else 0)
            off.add_metric([name], int(hooked is not None and hooked.state in _OFF))
            ahead = heard.skew(name)
            if ahead is not None:
                skew.add_metric([name], ahead.total_seconds())
        yield last
        yield skew
        yield held
        yield caught_up
        yield off

    def _pause_metrics(self) -> Iterator[Metric]:
        pauses = GaugeMetricFamily(
            "sprintwarden_pause_seconds",
            "Pauses in force, by what they cover; all issues of an account are one.",
            labels=("scope",),
        )
        for scope, left in standing_pauses(self._redis):
            pauses.add_metric([scope], left)
        yield pauses

    def _memory_metrics(self) -> Iterator[Metric]:
        used = GaugeMetricFamily("sprintwarden_redis_memory_bytes", "Memory that Redis uses, where it tells.")
        limit = GaugeMetricFamily(
            "sprintwarden_redis_memory_limit_bytes",
            "Memory beyond which Redis takes nothing more, where it tells; 0 without a limit.",
        )
        full = memory(self._redis)
        if full is not None:
            used.add_metric([], full.used)
            limit.add_metric([], full.limit)
        yield from (used, limit)


def _most_used(counted: Mapping[str, int]) -> dict[str, int]:
    """The counts, with those of all but the labels and projects used most summed up under ``other``."""
    used: dict[str, dict[tuple[str, ...], int]] = {kind: {} for kind in _NAMED}
    for name, value in counted.items():
        kind, *values = name.split("|")
        if kind in used:
            place = tuple(values[:3])
            used[kind][place] = used[kind].get(place, 0) + value
    named = {
        (kind, *place)
        for kind, own in used.items()
        for place, _ in sorted(own.items(), key=lambda item: (-item[1], item[0]))[:MOST_LABELS]
    }
    told: dict[str, int] = {}
    for name, value in counted.items():
        kind, *values = name.split("|")
        if kind in _NAMED and (kind, *values[:3]) not in named:
            values[2] = "other"
        shown = "|".join((kind, *values))
        told[shown] = told.get(shown, 0) + value
    return told


def _add_rates(family: GaugeMetricFamily, place: Place, rates: Mapping[str, Rate]) -> None:
    for name, rate in rates.items():
        family.add_metric([*place, name, "got"], rate.right / rate.total)
        family.add_metric([*place, name, "low"], rate.low)
        family.add_metric([*place, name, "high"], rate.high)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
