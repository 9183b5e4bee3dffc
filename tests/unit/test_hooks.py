"""Our webhook, looked at: which are switched on again, and which are another's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from rules.connection_schema import WebhookAuth
from rules.connections import Webhook
from rules.secret import Secret
from store.catch_ups import HookState
from tests.conftest import CONNECTION, Floor
from trackers.probe import Hook
from workers import hooks

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
WEBHOOK = Webhook(WebhookAuth.SIGNATURE, (Secret("not-a-secret"),), 1024, keep_enabled=True)


@dataclass
class Listed:
    """A tracker's webhooks."""

    there: list[Hook]
    enabled: list[str] = field(default_factory=list)

    def hooks(self) -> tuple[Hook, ...]:
        return tuple(self.there)

    def enable(self, hook: Hook) -> None:
        self.enabled.append(hook.id)


def hook(id_: str, host: str, *, on: bool) -> Hook:
    return Hook(id_, "Sprintwarden", f"https://{host}/webhooks/acme", on, ("Issue",))


@pytest.mark.parametrize(
    ("there", "enabled", "state"),
    [
        ([hook("ours", "a.example", on=False)], ["ours"], HookState.ON),
        (
            [hook("public", "a.example", on=False), hook("private", "a.example", on=True)],
            ["public"],
            HookState.ON,
        ),
        ([hook("ours", "a.example", on=True), hook("trial", "b.example", on=False)], [], HookState.ON),
        ([], [], HookState.NONE),
    ],
)
def test_what_is_switched_on_again(
    floor: Floor, there: list[Hook], enabled: list[str], state: HookState
) -> None:
    listed = Listed(there)
    connection = replace(CONNECTION, webhook=WEBHOOK)
    desk = replace(floor.shop.desks["acme"], connection=connection, probe=lambda: cast("Any", listed))
    hooks.mind(floor.shop, desk, None, NOW)
    assert listed.enabled == enabled
    floor.shop.catch_ups.begin("acme")
    found = floor.shop.catch_ups.standing("acme")
    assert found is not None
    assert found.hooked is not None
    assert found.hooked.state is state


def test_a_webhook_that_nobody_can_read_hinders_no_catch_up(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Listed([])
    monkeypatch.setattr(listed, "hooks", lambda: [][1])
    desk = replace(
        floor.shop.desks["acme"],
        connection=replace(CONNECTION, webhook=WEBHOOK),
        probe=lambda: cast("Any", listed),
    )
    hooks.mind(floor.shop, desk, None, NOW)
    floor.shop.catch_ups.begin("acme")
    found = floor.shop.catch_ups.standing("acme")
    assert found is not None
    assert found.hooked is not None
    assert (found.hooked.state, found.hooked.looked) == (HookState.UNSEEN, NOW)
