"""What people do to a sprint in the toy Jira, and the hints that its webhooks give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.jira import people
from sandbox.remote import Remote
from tests.contract.conftest import JiraRig, MakeJira, jira_labels, say
from tests.contract.jira_site import Site
from trackers.jira.webhook import parse
from trackers.model import Hint, HintKind, Scope, SubjectKind
from trackers.protocol import Recall

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SCOPE = Scope(projects=frozenset({"ABC"}), boards=frozenset({"1"}))


class Watched:
    """A running sprint on a toy Jira, and what was heard of it since it was last asked."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.people = Remote(site.url)
        self.sprint = people.create_sprint(self.people, 1, "Week 1", START, START + timedelta(days=7))
        self.ids = [
            str(self.people.create("ABC", "Work", sprint=self.sprint, points=3)["id"]) for _ in range(2)
        ]
        people.start_sprint(self.people, self.sprint)
        self._heard = 0
        self.heard()

    def heard(self, scope: Scope = SCOPE) -> list[Hint]:
        """The hints about sprints."""
        events = self.site.events()
        fresh, self._heard = events[self._heard :], len(events)
        told = (parse(body, connection="site", digest="d", scope=scope).hints for body in fresh)
        return [hint for hints in told for hint in hints if hint.subject.kind is SubjectKind.SPRINT]

    def kinds(self) -> list[tuple[HintKind, str, str | None]]:
        return [(hint.kind, hint.subject.id, hint.issue) for hint in self.heard()]


@pytest.fixture
def watched(jira: JiraRig) -> Watched:
    return Watched(jira.site)


def test_start_and_end_are_changes_of_state(jira: JiraRig) -> None:
    toy = Remote(jira.site.url)
    watched = Watched(jira.site)
    people.close_sprint(toy, watched.sprint)
    (hint,) = [hint for hint in watched.heard() if hint.kind is HintKind.SPRINT_CHANGED]
    assert "state" in hint.changed
    planned = people.create_sprint(toy, 1, "Week 2", START, START + timedelta(days=7))
    watched.heard()
    people.start_sprint(toy, planned)
    assert all("state" in hint.changed for hint in watched.heard())


@pytest.mark.parametrize(
    "wish",
    [{"points": 5}, {"status": "In Progress"}, {"status": "Done"}, {"body": "More of it"}, {"type": "Bug"}],
)
def test_changed_work_has_the_sprint_read_again(watched: Watched, wish: dict[str, object]) -> None:
    watched.people.edit("ABC-1", **wish)
    assert watched.kinds() == [(HintKind.SPRINT_TOUCHED, str(watched.sprint), watched.ids[0])]


@pytest.mark.parametrize(
    "wish",
    [{"add_labels": ["x"]}, {"assignee": "Sam Writer"}, {"title": "Named better"}, {"priority": "Low"}],
)
def test_what_changes_no_figure_does_not(watched: Watched, wish: dict[str, object]) -> None:
    watched.people.edit("ABC-1", **wish)
    assert watched.kinds() == []


def test_our_own_labels_and_comments_do_not(jira: JiraRig) -> None:
    watched = Watched(jira.site)
    issue = jira.service.read("ABC-1", Recall()).issue
    jira.send(issue, jira_labels("scope-added"), say())
    assert watched.kinds() == []


def test_issues_that_come_and_go_are_named(watched: Watched) -> None:
    sprint = str(watched.sprint)
    new = watched.people.create("ABC", "More work", sprint=watched.sprint)
    moved = watched.people.create("ABC", "Other work")
    watched.people.edit(moved["key"], sprint=watched.sprint)
    watched.people.edit("ABC-2", sprint=None)
    watched.people.delete("ABC-1")
    assert watched.kinds() == [
        (HintKind.SPRINT_JOINED, sprint, new["id"]),
        (HintKind.SPRINT_JOINED, sprint, moved["id"]),
        (HintKind.SPRINT_LEFT, sprint, watched.ids[1]),
        (HintKind.SPRINT_TOUCHED, sprint, watched.ids[0]),
    ]


def test_an_apps_additions_are_told_apart(make_jira: MakeJira) -> None:
    watched = Watched(make_jira(bot_is_app=True).site)
    for actor in ("Sprintwarden", "Robin Person"):
        watched.people.edit(watched.people.create("ABC", "Work")["key"], sprint=watched.sprint, actor=actor)
    assert [hint.automated for hint in watched.heard()] == [True, False]


def test_carry_over_joins_the_next_sprint_and_leaves_none(watched: Watched) -> None:
    following = people.create_sprint(watched.people, 1, "Week 2", START, START + timedelta(days=7))
    watched.people.edit("ABC-1", status="Done")
    watched.heard()
    people.close_sprint(watched.people, watched.sprint)
    assert watched.kinds() == [
        (HintKind.SPRINT_CHANGED, str(watched.sprint), None),
        (HintKind.SPRINT_JOINED, str(following), watched.ids[1]),
    ]


def test_sprint_of_a_board_that_is_not_named_is_left_alone(watched: Watched) -> None:
    watched.people.edit("ABC-1", points=8)
    assert watched.heard(Scope(SCOPE.projects, frozenset({"2"}))) == []
