"""Half a character, where a text was cut in the middle of one: read from either tracker, and kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from redis import Redis

from classifiers.sprint_memory import SprintMemory
from store.decisions import Decisions
from store.feed import Feed
from tests.contract.conftest import JiraRig, MakeLinear
from trackers.model import Subject, SubjectKind, component_label
from trackers.protocol import Recall
from trackers.sprints import Unit
from workers.sprint_book import SprintBook

HALF = "cut \ud83d"
WHOLE = "cut \N{REPLACEMENT CHARACTER}"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def book(name: str) -> SprintBook:
    return SprintBook(SprintMemory(NOW), Unit.POINTS, "1", name)


def test_jiras_sprints_are_kept(jira: JiraRig) -> None:
    id_ = jira.site.sprint(start=True)
    jira.site.toy.state.sprints[id_].name = HALF
    for name in (jira.service.sprint(str(id_)).sprint.name, jira.service.open_sprints("1")[0].name):
        assert SprintBook.from_text(book(name).to_text()).name == WHOLE


def test_jiras_issues_are_read(jira: JiraRig) -> None:
    told = jira.issue()
    issue = jira.site.toy.state.issues[told.id]
    issue.summary, issue.labels = HALF, ["cut\ud83d"]
    found = jira.service.read(told.id, Recall()).issue
    assert (found.title, found.labels[0].name) == (WHOLE, "cut\N{REPLACEMENT CHARACTER}")


def test_jiras_components_are_read_fresh_and_remembered(jira: JiraRig) -> None:
    issue = jira.issue()
    project = jira.site.toy.state.projects["ABC"]
    project.components = [replace(project.components[0], name=HALF)]
    for _ in ("fresh", "remembered"):
        assert jira.service.setup.components("ABC") == (WHOLE,)
        assert jira.service.palette(issue).find(f"component {WHOLE}") == component_label(WHOLE)


def test_linears_cycles_labels_and_issues_are_read(make_linear: MakeLinear) -> None:
    linear = make_linear(past_cycles=())
    issue = linear.issue()
    state = linear.tracker.state
    state.issues[issue.id] = replace(state.issues[issue.id], title=HALF)
    state.cycles |= {id_: replace(cycle, name=HALF) for id_, cycle in state.cycles.items()}
    state.labels |= {id_: replace(label, name=HALF) for id_, label in state.labels.items()}
    assert linear.service.read(issue.id, Recall()).issue.title == WHOLE
    assert linear.service.palette(issue).find(WHOLE) is not None
    names = {sprint.name for sprint in linear.service.open_sprints("ENG")}
    assert names == {WHOLE}
    assert book(names.pop()).to_text()


def test_no_record_fails_for_it(redis: Redis) -> None:
    # Records of before it was mended at the door may hold it, too.
    subject = Subject("acme", SubjectKind.ISSUE, "1")
    label = {"label": HALF, "source": "learned", "because": [HALF]}
    record = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "outcome": "applied",
        "issue": "ABC-1",
        "hints": [{"kind": "issue_created"}],
        "plan": {"labels": [label]},
        "written": {"labels": [HALF], "comment": None},
    }
    Decisions(redis).add(subject, record, {})
    assert Decisions(redis).of(subject)
    assert Feed(redis).newest(1)[0].labels
