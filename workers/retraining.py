"""Training anew by the clock: when it is due, and the bulk job that does it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from redis import Redis

from classifiers.examples import Target
from store import keys
from store.models import ModelShelf, Slots
from workers import failures
from workers.shop import Shop

log = structlog.get_logger("retraining")
BULK_LIMIT: Final = timedelta(hours=6)
"""A bulk job is stopped after this; gathering waits for the tracker's limits."""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class Retraining:
    """Says which connections are due. Any number of clocks may ask: each is given out once."""

    def __init__(self, redis: Redis, every: timedelta) -> None:
        """``every`` of nothing means never."""
        self._redis = redis
        self._shelf = ModelShelf(redis)
        self._every = every

    def due(self) -> list[str]:
        """Connections with a serving model and none trained for ``every``, claimed for the caller.

        A claim whose training came to nothing ends after ``keys.RETRAIN_LIFE``, or a seventh of ``every``
        if that is longer, and the connection is due again. Raises what a failing Redis raises.
        """
        if not self._every:
            return []
        trained: dict[str, datetime] = {}
        serving = set()
        for (connection, _), slots in self._shelf.all().items():
            # One target that cannot be learnt any more is no reason to gather all of it again and again.
            trained[connection] = max(trained.get(connection, _NEVER), _newest(slots))
            serving |= {connection} if slots.serving else set()
        now = datetime.now(UTC)
        old = sorted(name for name in serving if now - trained[name] > self._every)
        return [name for name in old if self._claim(name)]

    def _claim(self, connection: str) -> bool:
        life = max(keys.RETRAIN_LIFE, self._every / 7)
        return bool(self._redis.set(keys.retrain(connection), "1", nx=True, px=life))


def _newest(slots: Slots) -> datetime:
    """When the newest model of a place was trained."""
    created = (datetime.fromisoformat(entry.facts["created"]) for entry in slots.models.values())
    return max(created, default=_NEVER)


def retrain(shop: Shop, connection: str) -> None:
    """Gather a connection's history and train every target anew that has a serving model.

    What cannot be done now is logged and left to the next time: the models that serve stay.
    """
    # Bulk work alone pays for what training loads.
    from classifiers.manifest import BadModel
    from classifiers.training import TooLittle
    from store.models import NotSwitched
    from workers.history import NotGathered, discard, gather, sweep
    from workers.learning import asked_by
    from workers.training import raise_model

    desk = shop.desks.get(connection)
    if desk is None:
        log.warning("not trained anew: this worker does not know the connection", connection=connection)
        return
    # Not where `train --connection` gathers: whoever is done first deletes what is there.
    folder = shop.history / f"{connection}.anew"
    sweep(shop.history)
    book = shop.rules.now()
    try:
        gathered = gather(
            desk.tracker,
            desk.connection,
            folder,
            progress=lambda _: None,
            wait=time.sleep,
            passing=book.scope_labels if book else (),
        )
    except NotGathered as error:
        log.warning("history not gathered", connection=connection, error=str(error))
        return
    asked = asked_by(shop.rules)
    for target in _serving(shop, connection):
        try:
            raise_model(
                shop.models,
                shop.outcomes,
                (connection, str(target)),
                gathered,
                precision=asked(connection, str(target), desk.connection.projects),
                succeed_by_itself=True,
            )
        except (TooLittle, BadModel, NotSwitched) as error:
            log.warning("not trained anew", connection=connection, target=str(target), error=str(error))
        except failures.NOT_OF_A_PART:
            raise
        except Exception:
            # What a target's history does to us must not keep the others from being learnt.
            log.exception("training failed", connection=connection, target=str(target))
    discard(folder)


def _serving(shop: Shop, connection: str) -> list[Target]:
    places = shop.models.all()
    return [
        target
        for target in Target
        if (slots := places.get((connection, str(target)))) is not None and slots.serving is not None
    ]
