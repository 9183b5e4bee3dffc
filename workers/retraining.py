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
from workers.shop import Shop

log = structlog.get_logger("retraining")
BULK_LIMIT: Final = timedelta(hours=6)
"""A bulk job is stopped after this; gathering waits for the tracker's limits."""


class Retraining:
    """Says which connections are due. Any number of clocks may ask: each is given out once."""

    def __init__(self, redis: Redis, every: timedelta) -> None:
        """``every`` of nothing means never."""
        self._redis = redis
        self._shelf = ModelShelf(redis)
        self._every = every

    def due(self) -> list[str]:
        """Connections with a serving model and none trained for ``every``, claimed for the caller.

        A claim whose training came to nothing ends after ``keys.RETRAIN_LIFE``, and the connection is
        due again. Raises what a failing Redis raises.
        """
        if not self._every:
            return []
        places = self._shelf.all()
        old = sorted({place[0] for place, slots in places.items() if self._is_old(slots)})
        return [name for name in old if self._claim(name)]

    def _is_old(self, slots: Slots) -> bool:
        trained = [datetime.fromisoformat(entry.facts["created"]) for entry in slots.models.values()]
        return slots.serving is not None and datetime.now(UTC) - max(trained) > self._every

    def _claim(self, connection: str) -> bool:
        return bool(self._redis.set(keys.retrain(connection), "1", nx=True, px=keys.RETRAIN_LIFE))


def retrain(shop: Shop, connection: str) -> None:
    """Gather a connection's history and train every target anew that has a serving model.

    What cannot be done now is logged and left to the next time: the models that serve stay.
    """
    # Bulk work alone pays for what training loads.
    from classifiers.manifest import BadModel
    from classifiers.training import TooLittle
    from store.models import NotSwitched
    from workers.history import NotGathered, discard, gather
    from workers.learning import asked_by
    from workers.training import raise_model

    desk = shop.desks.get(connection)
    if desk is None:
        log.warning("not trained anew: this worker does not know the connection", connection=connection)
        return
    folder = shop.history / connection
    try:
        gathered = gather(desk.tracker, desk.connection, folder, progress=lambda _: None, wait=time.sleep)
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
    discard(folder)


def _serving(shop: Shop, connection: str) -> list[Target]:
    places = shop.models.all()
    return [
        target
        for target in Target
        if (slots := places.get((connection, str(target)))) is not None and slots.serving is not None
    ]
