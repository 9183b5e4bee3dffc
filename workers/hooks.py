"""Our webhook, looked at now and then, and switched on again where its tracker gave it up.

Linear switches a webhook off that failed too often, and tells nobody who would act on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import structlog

from store.catch_ups import Hooked, HookState
from trackers.errors import TrackerError
from trackers.probe import Hook, Probe
from workers import failures
from workers.shop import Desk, Shop

log = structlog.get_logger("hooks")

LOOK_EVERY: Final = timedelta(hours=1)
SELDOM: Final = timedelta(days=1)
"""How often an account is tried that may not see webhooks."""
ENABLED_FOR: Final = timedelta(days=1)
"""Off again so soon after we switched it on: that was a person."""


def mind(shop: Shop, desk: Desk, before: Hooked | None, now: datetime, *, at_once: bool = False) -> None:
    """Look at a connection's webhook if it is time (or ``at_once``), switch it on again if it may be, and
    keep what was found. A tracker that does not answer is asked again an hour later.
    """
    webhook = desk.connection.webhook
    if webhook is None or not webhook.keep_enabled or desk.probe is None:
        return
    if before is not None and not at_once and now - before.looked < _every(before):
        return
    name = desk.connection.name
    try:
        found = _look(desk.probe(), name, before, now)
    except failures.NOT_OF_A_PART:
        raise
    except Exception as error:
        if failures.is_ours(error):
            log.exception("the webhook could not be looked at", connection=name)
        else:
            log.warning("the webhook could not be looked at", connection=name, cause=str(error))
        found = replace(before or Hooked(HookState.UNSEEN, now), looked=now)
    shop.catch_ups.note_hook(name, found)


def ours(hooks: Sequence[Hook], name: str) -> list[Hook]:
    """Those that send to the connection ``name``, whatever host the service is reached by."""
    return [hook for hook in hooks if urlsplit(hook.url).path.rstrip("/").endswith(f"/webhooks/{name}")]


def _every(before: Hooked) -> timedelta:
    return SELDOM if before.state is HookState.UNSEEN else LOOK_EVERY


def _look(probe: Probe, name: str, before: Hooked | None, now: datetime) -> Hooked:
    hooks = probe.hooks()
    enabled = before.enabled if before is not None else None
    if hooks is None:
        return Hooked(HookState.UNSEEN, now, enabled)
    found = ours(hooks, name)
    on = {hook.url for hook in found if hook.enabled}
    # Beside one that is on, what sends to another address is another installation's.
    off = [hook for hook in found if not hook.enabled and (not on or hook.url in on)]
    if not off:
        return Hooked(HookState.ON if found else HookState.NONE, now, enabled)
    if before is not None and (before.state is HookState.LEFT_OFF or _is_recent(enabled, now)):
        if before.state is not HookState.LEFT_OFF:
            log.warning("the webhook is off again and is left alone", connection=name)
        return Hooked(HookState.LEFT_OFF, now, enabled)
    return _enable(probe, name, off, now)


def _enable(probe: Probe, name: str, off: Sequence[Hook], now: datetime) -> Hooked:
    try:
        for hook in off:
            probe.enable(hook)
    except TrackerError as error:
        log.warning("the webhook is off and was not switched on", connection=name, cause=str(error))
        return Hooked(HookState.OFF, now, said=str(error))
    log.warning("the webhook was off and is switched on again", connection=name)
    return Hooked(HookState.ON, now, enabled=now)


def _is_recent(enabled: datetime | None, now: datetime) -> bool:
    return enabled is not None and now - enabled < ENABLED_FOR
