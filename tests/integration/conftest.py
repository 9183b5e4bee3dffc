"""Who acts on the stage of a module, in the tests that act on each tracker in turn."""

from __future__ import annotations

import pytest

from sprintwarden.stage import Stage
from tests.integration.scene import TRACKERS, Side
from tests.integration.sprint_stage import Of, Teams


@pytest.fixture(params=TRACKERS)
def side(request: pytest.FixtureRequest, stage: Stage) -> Side:
    """One tracker of the module's ``stage``."""
    return Side(stage, request.param)


@pytest.fixture(params=TRACKERS)
def team(request: pytest.FixtureRequest, teams: Teams) -> Of:
    """A team of one tracker by the name of its settings, with a past."""
    return lambda name: teams.team(request.param, name).with_past()


@pytest.fixture
def jira(teams: Teams) -> Of:
    """A team with a board on Jira by the name of its settings, with a past."""
    return lambda name: teams.team("jira", name).with_past()
