"""What a sprint costs: a burst of changes is one run, and a run is a few requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from store.inbox import Inbox
from tests.integration import sprint_stage
from tests.integration.scene import until
from tests.integration.sprint_stage import SOON_S, Of, Team, Teams
from workers.rounds import have_checked

pytestmark = pytest.mark.process

PACE = sprint_stage.PACE | {"SPRINTWARDEN_SETTLE_SPRINT_S": "1.5"}
SETTINGS: dict[str, dict[str, Any]] = {"burst": {}, "large": {}, "edited": {}}
READS = {"jira": 3, "linear": 2}
LEASE = timedelta(seconds=2)


@pytest.fixture(scope="module")
def teams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Teams]:
    with sprint_stage.teams(tmp_path_factory.mktemp("stage"), SETTINGS, PACE) as made:
        yield made


@pytest.mark.fault(26)
def test_thirty_issues_dragged_in_at_once_are_one_run_and_one_comment(team: Of) -> None:
    at = team("burst").begun()
    at.know_all_past()
    before = len(at.events())
    dragged = at.backlog([2.0] * 30)
    for key in dragged:
        at.work.put_in(key)
    at.says("stands at 68 points", "30 issues, 60 points")
    at.settle()
    assert len(at.events()) == before + 1
    for key in dragged:
        at.side.toy.edit(key, points=3)
    at.says("stands at 98 points")
    at.settle()
    assert len(at.events()) == before + 2
    ((home, _),) = at.placed_comments()
    assert at.side.writes(home) == {"comments": 1, "comment edits": 1}
    assert sum(len(at.side.comments(key)) for key in (*at.keys, *dragged)) == 1


def test_a_check_of_sixty_issues_that_finds_nothing_new_takes_few_requests(team: Of) -> None:
    at = sixty(team("large"))
    have_checked(Inbox(at.stage.redis, lease=LEASE), at.sprint, datetime.now(UTC), timedelta(0))
    until(at.stage, lambda: bool(at.side.toy.calls()), SOON_S)
    at.settle()
    asked = requests(at)
    assert "issues" in asked[-1]
    assert len(asked) <= READS[at.side.tracker], asked
    assert at.side.toy.writes() == []


def test_a_check_of_sixty_issues_that_edits_its_comment_takes_few_requests(team: Of) -> None:
    at = sixty(team("edited"))
    at.side.toy.edit(at.keys[0], points=5)
    at.says("stands at 182 points")
    at.settle()
    *asked, written = requests(at)
    assert written in ("PUT comment", "commentUpdate")
    assert len(asked) <= READS[at.side.tracker], asked


def sixty(at: Team) -> Team:
    """The same with a sprint of 60 issues that was warned of, and no request counted yet."""
    at.plan([3.0] * 60, quiet=True)
    at.work.start()
    at.says("planned at 180 points in 60 issues")
    at.know_all_past()
    at.side.toy.forget_calls()
    return at


def requests(at: Team) -> list[str]:
    """What was asked of the tracker. A cycle comes in one request with its issues, which are counted."""
    return [call["operation"] for call in at.side.toy.calls() if call["operation"] != "cycle"]
