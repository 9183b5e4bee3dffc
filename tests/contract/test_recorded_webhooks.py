"""Bodies that real sites once sent, kept beside the repository: what becomes of each.

They are recordings of other projects and not part of this one; where they are missing the tests
are skipped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackers.jira import webhook as jira
from trackers.jira.fields import issue_from_json as jira_issue
from trackers.linear import webhook as linear
from trackers.linear.fields import issue_from_json as linear_issue
from trackers.model import Event, Refused, Scope

FIXTURES = Path(__file__).parents[2].parent / "shared" / "fixtures"

pytestmark = pytest.mark.skipif(
    not FIXTURES.is_dir(),
    reason=f"There are no recorded webhook bodies at {FIXTURES}, beside the repository.",
)


class Outcome(NamedTuple):
    """What one recording must lead to: the kinds of its hints, or the reason for having none."""

    kinds: tuple[str, ...] = ()
    ignored: str | None = None
    changed: tuple[str, ...] = ()
    """Of the first hint."""


CREATED = Outcome(("issue_created",))
UNUSED = Outcome(ignored="unused_event")
MOVED_ON = Outcome(("issue_changed",), changed=("status",))
UNWATCHED = Outcome(ignored="no_watched_field")

OUTCOMES = {
    "jira/cloud-board_configuration_changed.json": UNUSED,
    "jira/cloud-comment_created.json": UNUSED,
    "jira/cloud-issue_created-2026-custom_fields.json": CREATED,
    "jira/cloud-issue_created-basic.json": CREATED,
    "jira/cloud-issue_created-many_fields.json": Outcome(("issue_created", "sprint_joined")),
    "jira/cloud-issue_updated-assigned.json": UNWATCHED,
    "jira/cloud-issue_updated-commented.json": UNWATCHED,
    "jira/cloud-issue_updated-components.json": Outcome(("issue_changed",), changed=("components",)),
    "jira/cloud-issue_updated-issuetype.json": UNWATCHED,
    "jira/cloud-issue_updated-labels.json": Outcome(("issue_changed",), changed=("labels",)),
    "jira/cloud-issue_updated-number_custom_field.json": UNWATCHED,
    "jira/cloud-issue_updated-priority_raised.json": UNWATCHED,
    "jira/cloud-issue_updated-rank.json": UNWATCHED,
    "jira/cloud-issue_updated-resolved.json": MOVED_ON,
    "jira/cloud-issue_updated-sprint_added.json": Outcome(("sprint_joined",)),
    "jira/cloud-issue_updated-status.json": MOVED_ON,
    "jira/cloud-issue_updated-summary.json": Outcome(("issue_changed",), changed=("title",)),
    "jira/cloud-issuelink_created.json": UNUSED,
    "jira/cloud-sprint_created.json": Outcome(("sprint_changed",)),
    "jira/cloud-sprint_started.json": Outcome(("sprint_changed",), changed=("state",)),
    "jira/cloud-sprint_updated.json": Outcome(("sprint_changed",), changed=("state", "startDate", "endDate")),
    "jira/cloud-worklog_created-2026.json": UNUSED,
    "jira/dc-comment_created.json": UNUSED,
    "jira/dc-issue_updated-labels.json": Outcome(("issue_changed",), changed=("labels",)),
    "jira/dc-issue_updated-no_event_type.json": UNWATCHED,
    "linear/comment-create.json": UNUSED,
    "linear/comment-remove.json": UNUSED,
    "linear/cycle-update-rename-2021.json": Outcome(("sprint_changed",), changed=("name",)),
    "linear/issue-create-labelled.json": CREATED,
    "linear/issue-create-no-description.json": CREATED,
    "linear/issue-create-sub-issue.json": CREATED,
    "linear/issue-label-update-2021.json": UNUSED,
    "linear/issue-update-cycle-and-state-2021.json": Outcome(
        ("issue_changed", "sprint_joined"), changed=("sprint", "status")
    ),
    "linear/issue-update-estimate-2021.json": Outcome(("sprint_touched",), changed=("points",)),
    "linear/issue-update-title-in-cycle.json": Outcome(("issue_changed",), changed=("title",)),
    "linear/project-update-create.json": UNUSED,
    "linear/project-update-status.json": UNUSED,
    "linear/reaction-create-2021.json": UNUSED,
}


def parse(name: str, payload: object, scope: Scope) -> Event:
    reader = jira.parse if name.startswith("jira/") else linear.parse
    return reader(payload, connection="recorded", digest="d", scope=scope)


def load(name: str) -> Any:
    return orjson.loads((FIXTURES / name).read_bytes())


def test_every_recording_has_its_outcome() -> None:
    found = {str(path.relative_to(FIXTURES)) for path in FIXTURES.glob("*/*.json")}
    assert found == set(OUTCOMES)


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcome(name: str) -> None:
    event = parse(name, load(name), Scope())
    changed = event.hints[0].changed if event.hints else ()
    assert Outcome(tuple(str(hint.kind) for hint in event.hints), event.ignored, changed) == OUTCOMES[name]
    assert all(hint.at for hint in event.hints)
    orjson.dumps([hint.to_json() for hint in event.hints])


@pytest.mark.parametrize("name", [name for name, outcome in OUTCOMES.items() if outcome.kinds])
def test_a_connection_that_names_something_else_hears_nothing(name: str) -> None:
    event = parse(name, load(name), Scope(projects=frozenset({"NONE"}), boards=frozenset()))
    assert event.ignored in ("project_not_named", "board_not_named")


@pytest.mark.parametrize("name", [name for name in OUTCOMES if "issue-" in name or "issue_" in name])
def test_issue_is_read_whole(name: str) -> None:
    payload = load(name)
    if name.startswith("jira/"):
        issue = jira_issue(payload["issue"], base_url="https://acme.example")
    elif payload["type"] == "Issue":
        issue = linear_issue(payload["data"], url=payload.get("url"))
    else:
        return
    assert issue.key.startswith(f"{issue.project}-")
    assert issue.title
    assert issue.updated
    assert issue.author == "person"
    assert issue.url


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_recording_with_parts_missing_or_replaced(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(OUTCOMES)))
    payload = load(name)
    for _ in range(data.draw(st.integers(1, 6))):
        place = payload
        while isinstance(place, dict | list) and place:
            key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            if data.draw(st.booleans()) or not isinstance(place[key], dict | list):
                place[key] = data.draw(
                    st.sampled_from([None, "", 0, [], {}, True, "x", [{}], {"id": None}, -1.5])
                )
                break
            place = place[key]
    for scope in (Scope(), Scope(projects=frozenset({"TES", "WEB"}), boards=frozenset({"9", "WEB"}))):
        try:
            event = parse(name, payload, scope)
        except Refused:
            continue
        assert bool(event.hints) is (event.ignored is None)
