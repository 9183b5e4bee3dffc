"""What is still known when Redis has forgotten everything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sprintwarden.stage import Stage
from store.rulebook import RulebookShelf
from tests.integration import scene
from tests.integration.scene import Side, until

pytestmark = pytest.mark.process

SETTLED_S = 10


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with scene.stage(tmp_path_factory.mktemp("stage"), scene.QUICK) as made:
        yield made


def test_a_label_a_person_took_off_stays_off_when_redis_has_forgotten_everything(side: Side) -> None:
    key = side.file()
    until(side.stage, side.has(key, "security"), SETTLED_S)
    side.toy.edit(key, remove_labels=["security"])
    scene.settle(side.stage)
    side.stage.redis.flushall()
    side.toy.edit(key, title="XSS in the search box, and more")
    scene.settle(side.stage)
    assert side.labels(key) == set()
    assert side.writes(key)["labels"] == 1


@pytest.mark.fault(20)
def test_what_we_wrote_is_not_written_again_when_redis_has_forgotten_everything(side: Side) -> None:
    key = side.file()
    until(side.stage, side.has(key, "security"), SETTLED_S)
    scene.settle(side.stage)
    side.stage.redis.flushall()
    side.toy.edit(key, body="Described at more length.")
    scene.settle(side.stage)
    assert side.writes(key) == scene.ONCE


@pytest.mark.fault(20)
def test_the_rules_are_in_force_again_when_redis_has_forgotten_everything(stage: Stage) -> None:
    stage.redis.flushall()
    until(stage, lambda: RulebookShelf(stage.redis).version() is not None, 5)
