"""Everything a worker works with, wired once per process."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import assert_never

from redis import Redis

from rules.connection_schema import Deployment
from rules.connections import AccessToken, ApiKey, ClientCredentials, Connection, EmailToken
from store import keys
from store.backfills import Backfills
from store.budget import Budget
from store.cache import Cache
from store.catch_ups import CatchUps
from store.decisions import Decisions
from store.inbox import Inbox
from store.journal import Journals
from store.models import ModelShelf
from store.outcomes import Outcomes
from store.rulebook import RulebookShelf
from store.sprint_views import SprintViews
from store.sprints import Sprints
from store.trials import Trials
from store.writes import Writes
from trackers import protocol
from trackers.http import open_http, tls_context
from trackers.jira import markup as jira_markup
from trackers.jira.client import JiraClient
from trackers.jira.service import JiraService
from trackers.jira.setup import JiraSetup, connect_with
from trackers.limits import host_of
from trackers.linear import markup as linear_markup
from trackers.linear.client import Credentials, LinearClient
from trackers.linear.service import LinearService
from trackers.model import Subject, SubjectKind
from trackers.probe import Probe
from trackers.prose import Prose
from trackers.protocol import Tracker
from workers import checkpoints
from workers.apply import Applier
from workers.breaker import Breaker
from workers.checkpoints import Checkpoint
from workers.forecasters import Forecasters
from workers.gate import SharedGate
from workers.learning import Learnt
from workers.models_in_force import LiveModels
from workers.probes import Access, open_probe
from workers.rules_in_force import LiveRules
from workers.taggers import Taggers

LEASE = timedelta(seconds=45)
"""How long a run may be silent before its subject is given to another; renewed before each write."""
LOOK_EVERY = timedelta(minutes=15)
MODELS = "models"
"""In the data folder: copies of the models that Redis holds; may be emptied at any time."""
HISTORY = "history"
RUN_LIMIT = timedelta(seconds=35)
"""A run is stopped after this; shorter than the lease, longer than a read and a write that time out."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One connection's place on the floor."""

    connection: Connection
    tracker: Tracker
    render: Callable[[Prose], str]
    applier: Applier
    gate: SharedGate | None = None
    """Through which the tracker is asked, where that is counted."""
    probe: Callable[[], Probe] | None = None
    """Opens the tracker's probe, where its webhook is to be looked at."""


@dataclass(frozen=True, slots=True)
class Shop:
    """The floor: the shared memory and a desk for each connection."""

    inbox: Inbox
    journals: Journals
    decisions: Decisions
    rules: LiveRules
    desks: dict[str, Desk]
    checkpoint: Checkpoint
    outcomes: Outcomes
    models: ModelShelf
    taggers: Taggers
    history: Path
    """Folder for what a training gathers, while it lasts."""
    sprints: Sprints
    sprint_views: SprintViews
    forecasters: Forecasters
    look_every: timedelta
    """How often a board is looked at when nothing is told of it."""
    backfills: Backfills
    catch_ups: CatchUps
    trials: Trials


def open_shop(
    redis: Redis,
    connections: Sequence[Connection],
    *,
    data: Path,
    checkpoint: Checkpoint = checkpoints.nothing,
    lease: timedelta = LEASE,
    look_every: timedelta = LOOK_EVERY,
) -> Shop:
    """Wire the floor. Opens no connection to anything yet.

    ``data`` is this machine's folder: copies of models by their hash, and what a training gathers.
    ``look_every`` is how often boards are looked at when no event tells of them.
    """
    inbox = Inbox(redis, lease=lease)
    journals = Journals(redis)
    outcomes = Outcomes(redis)
    models = ModelShelf(redis)
    rules = LiveRules(RulebookShelf(redis))
    writes = Writes(redis)

    context = tls_context()

    def desk(connection: Connection) -> Desk:
        gate = SharedGate(Budget(redis, host_of(connection.url), connection.account))
        cache = Cache(redis, connection.name, connection.account)
        tracker, render = open_tracker(connection, gate, cache, context)
        breaker = Breaker(connection.name, writes, rules)
        applier = Applier(tracker, inbox, journals, checkpoint, breaker)
        return Desk(
            connection,
            tracker,
            render,
            applier,
            gate,
            lambda: open_probe(Access.of(connection), gate, context),
        )

    return Shop(
        inbox=inbox,
        journals=journals,
        decisions=Decisions(redis),
        rules=rules,
        desks={connection.name: desk(connection) for connection in connections},
        checkpoint=checkpoint,
        outcomes=outcomes,
        models=models,
        taggers=Taggers(LiveModels(models, data / MODELS), Learnt(outcomes)),
        history=data / HISTORY,
        sprints=Sprints(redis),
        sprint_views=SprintViews(redis),
        forecasters=Forecasters(),
        look_every=look_every,
        backfills=Backfills(redis, lease=min(lease, keys.BACKFILL_LEASE_LIFE)),
        catch_ups=CatchUps(redis),
        trials=Trials(redis),
    )


def watched_boards(connections: Sequence[Connection]) -> list[Subject]:
    """The boards whose sprints are watched, as subjects of their rounds."""
    return [
        Subject(connection.name, SubjectKind.BOARD, board)
        for connection in connections
        for board in sorted(connection.scope().boards or ())
    ]


def open_tracker(
    connection: Connection,
    gate: protocol.Gate,
    cache: protocol.Cache,
    context: ssl.SSLContext | None = None,
) -> tuple[Tracker, Callable[[Prose], str]]:
    """The tracker behind a connection, with the way its comments are written."""
    match connection.auth:
        case EmailToken(email, token):
            return _jira(connection, gate, cache, context, basic=(email, token.reveal())), jira_markup.render
        case AccessToken(token):
            return _jira(connection, gate, cache, context, bearer=token.reveal()), jira_markup.render
        case ApiKey(key):
            credentials = Credentials(key=key.reveal())
        case ClientCredentials(client_id, client_secret):
            credentials = Credentials(client=(client_id, client_secret.reveal()))
        case _:
            assert_never(connection.auth)
    http = open_http({"Accept": "application/json"}, context)
    client = LinearClient(http, connection.url, gate, credentials)
    return LinearService(client, cache, connection.name), linear_markup.render


def _jira(
    connection: Connection,
    gate: protocol.Gate,
    cache: protocol.Cache,
    context: ssl.SSLContext | None,
    *,
    basic: tuple[str, str] | None = None,
    bearer: str | None = None,
) -> JiraService:
    http = open_http({"Accept": "application/json"}, context)
    if basic is not None:
        http.auth = basic
    else:
        http.headers["Authorization"] = f"Bearer {bearer}"
    setup = JiraSetup(connect_with(connection.api, basic=basic, bearer=bearer), gate, cache)
    client = JiraClient(http, connection.api, gate)
    cloud = connection.deployment is Deployment.CLOUD
    return JiraService(client, setup, cloud=cloud, base_url=connection.url)
