"""Jira webhook bodies, small ones of each shape: Cloud, Data Center, old servers, nonsense."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any, ClassVar

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackers.jira.webhook import SIGNATURE_HEADER, parse, verify
from trackers.model import Event, Hint, HintKind, IgnoredBecause, Refused, RefusedBecause, Scope

Json = dict[str, Any]

WATCHING = Scope(projects=frozenset({"SHOP"}), boards=frozenset({"12"}))
NO_BOARDS = Scope(projects=frozenset({"SHOP"}), boards=frozenset())
SPRINT_FIELD = "customfield_10020"
OLD_SPRINT = (
    "com.atlassian.greenhopper.service.sprint.Sprint@1f2e[id={id},rapidViewId=12,state={state},"
    "name=Week, id=99,state=CLOSED,goal=[x],startDate=<null>,endDate=<null>,"
    "completeDate=<null>,sequence={id}]"
)
SORTED_SPRINT = (
    "com.atlassian.greenhopper.service.sprint.Sprint@1f2e[completeDate=<null>,endDate=<null>,"
    "goal=ship, id=99,state=CLOSED,id={id},name=Week 2,rapidViewId=12,sequence={id},"
    "startDate=<null>,state={state}]"
)


def read(payload: object, scope: Scope = WATCHING) -> Event:
    return parse(payload, connection="site", digest="d1", scope=scope)


def issue(**fields: Any) -> Json:
    known = {
        "summary": "Checkout fails",
        "project": {"key": "SHOP"},
        "updated": "2026-03-04T12:00:00.000+0000",
    }
    return {"id": "501", "key": "SHOP-7", "self": "https://nowhere.example/1", "fields": {**known, **fields}}


def item(field: str, field_id: Any = None, **sides: Any) -> Json:
    custom = field_id is not None and field_id.startswith("customfield_")
    base = {"field": field, "fieldtype": "custom" if custom else "jira"}
    if field_id is not None:
        base["fieldId"] = field_id
    return {**base, "from": None, "fromString": None, "to": None, "toString": None, **sides}


def updated(*items: Json, kind: Any = "issue_updated", **fields: Any) -> Json:
    return {
        "timestamp": 1772625600250,
        "webhookEvent": "jira:issue_updated",
        "issue_event_type_name": kind,
        "user": {"accountId": "acc-1", "accountType": "atlassian"},
        "issue": issue(**fields),
        "changelog": {"id": "9", "items": list(items)},
    }


def created(**fields: Any) -> Json:
    body = updated(item("summary", "summary", toString="Checkout fails"), kind="issue_created", **fields)
    return {**body, "webhookEvent": "jira:issue_created"}


def sprint_event(name: str, **sprint: Any) -> Json:
    known = {"id": 31, "state": "active", "name": "Week 2", "originBoardId": 12}
    return {"timestamp": 1772625600250, "webhookEvent": name, "sprint": {**known, **sprint}}


def kinds(event: Event) -> list[tuple[str, str]]:
    return [(str(hint.kind), hint.subject.id) for hint in event.hints]


class TestSignature:
    def test_published_test_vector(self) -> None:
        signature = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
        verify(b"Hello World!", signature, [b"It's a Secret to Everybody"])
        assert SIGNATURE_HEADER == "X-Hub-Signature"

    @pytest.mark.parametrize("method", ["sha256", "sha384", "sha512"])
    def test_any_of_several_secrets_and_stronger_methods(self, method: str) -> None:
        digest = hmac.new(b"new", b"body", method).hexdigest()
        verify(b"body", f"{method}={digest}", [b"old", b"new"])
        verify(b"body", f" {method.upper()}={digest.upper()} ", [b"new", b"old"])

    @pytest.mark.parametrize("signature", [None, "", " "])
    def test_missing(self, signature: str | None) -> None:
        with pytest.raises(Refused) as caught:
            verify(b"body", signature, [b"secret"])
        assert caught.value.reason is RefusedBecause.MISSING_CREDENTIALS

    def test_wrong(self) -> None:
        good = hmac.new(b"secret", b"body", "sha256").hexdigest()
        sha1 = hmac.new(b"secret", b"body", hashlib.sha1).hexdigest()
        wrong = ["sha256=", f"sha256={good[:-1]}", f"sha256={good}0", good, f"sha1={sha1}", f"md5={good}"]
        wrong += [
            f"sha512={good}",
            f"sha256=={good}",
            "sha256=zz",
            "sha256=é",
            f"sha256={good},sha256={good}",
        ]
        for signature in wrong:
            with pytest.raises(Refused) as caught:
                verify(b"body", signature, [b"secret"])
            assert caught.value.reason is RefusedBecause.BAD_SIGNATURE
        with pytest.raises(Refused):
            verify(b"body ", f"sha256={good}", [b"secret"])
        with pytest.raises(Refused):
            verify(b"body", f"sha256={good}", [])

    @given(st.text())
    def test_any_header_at_all(self, signature: str) -> None:
        with pytest.raises(Refused):
            verify(b"body", signature, [b"secret"])


class TestIssueCreated:
    def test_one_hint_that_tells_no_edits(self) -> None:
        (hint,) = read(created()).hints
        assert hint.kind is HintKind.ISSUE_CREATED
        assert str(hint.subject) == "site:issue:501"
        assert hint.changed == ()
        assert hint.actor == "acc-1"
        assert hint.at == datetime(2026, 3, 4, 12, 0, 0, 250_000, tzinfo=UTC)
        assert hint.updated == datetime(2026, 3, 4, 12, tzinfo=UTC)

    def test_sprints_from_field_value_open_ones_only(self) -> None:
        value = [{"id": 30, "state": "closed", "boardId": 12}, {"id": 31, "state": "active", "boardId": 12}]
        event = read(created(**{SPRINT_FIELD: value}))
        assert kinds(event) == [("issue_created", "501"), ("sprint_joined", "31")]
        assert event.hints[0].sprints_joined == ("31",)

    @pytest.mark.parametrize("form", [OLD_SPRINT, SORTED_SPRINT])
    def test_sprints_from_old_text_values(self, form: str) -> None:
        value = [form.format(id=30, state="CLOSED"), form.format(id=32, state="FUTURE")]
        assert kinds(read(created(**{SPRINT_FIELD: value})))[1:] == [("sprint_joined", "32")]

    def test_sprint_from_changelog_alone_and_from_both_once(self) -> None:
        body = created()
        body["changelog"]["items"].append(item("Sprint", SPRINT_FIELD, to="31", toString="Week 2"))
        assert kinds(read(body))[1:] == [("sprint_joined", "31")]
        body["issue"]["fields"][SPRINT_FIELD] = [{"id": 31, "state": "future"}]
        assert kinds(read(body))[1:] == [("sprint_joined", "31")]
        body["issue"]["fields"][SPRINT_FIELD] = [{"id": 31, "state": "closed"}]
        assert kinds(read(body))[1:] == []

    def test_no_sprint_hints_when_no_board_is_named(self) -> None:
        body = created(**{SPRINT_FIELD: [{"id": 31, "state": "active"}]})
        assert kinds(read(body, NO_BOARDS)) == [("issue_created", "501")]

    def test_without_changelog(self) -> None:
        body = created()
        del body["changelog"]
        assert kinds(read(body)) == [("issue_created", "501")]


class TestIssueUpdated:
    @pytest.mark.parametrize(
        ("change", "name"),
        [
            (item("summary", "summary", fromString="a", toString="b"), "title"),
            (item("description", "description", fromString="a", toString=None), "description"),
            (item("Summary", fromString="a", toString="b"), "title"),
            (item("description", fromString=None, toString="b"), "description"),
        ],
    )
    def test_watched_text(self, change: Json, name: str) -> None:
        (hint,) = read(updated(change)).hints
        assert (hint.kind, hint.changed) == (HintKind.ISSUE_CHANGED, (name,))

    def test_labels_taken_off_and_put_on_are_told_apart(self) -> None:
        (hint,) = read(updated(item("labels", "labels", fromString="a b", toString="b c"))).hints
        assert (hint.labels_added, hint.labels_removed) == (("c",), ("a",))
        (hint,) = read(updated(item("labels", "labels", fromString="b", toString="b c"))).hints
        assert (hint.labels_added, hint.labels_removed, hint.changed) == (("c",), (), ("labels",))
        (hint,) = read(updated(item("labels", fromString="a", toString=None))).hints
        assert hint.labels_removed == ("a",)

    def test_components_stand_among_the_labels(self) -> None:
        gone = item("Component", "components", **{"from": "4", "fromString": "Web shop"})
        new = item("Component", "components", to="5", toString="API")
        (hint,) = read(updated(gone, new)).hints
        assert (hint.labels_added, hint.labels_removed) == (("component API",), ("component Web shop",))
        assert set(hint.changed) == {"components"}
        (hint,) = read(updated(item("Component", fromString="API"), item("labels", toString="API"))).hints
        assert (hint.labels_added, hint.labels_removed) == (("API",), ("component API",))
        (hint,) = read(updated(item("Component", "components", to="4"))).hints
        assert (hint.labels_added, hint.labels_removed) == ((), ())

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            (item("issuetype", "issuetype"), "type"),
            (item("IssueParentAssociation"), "parent"),
            (item("Rank", "customfield_10019"), "Rank"),
            (item("Story Points", "customfield_10016", toString="5"), "points"),
            (item("Weight", "customfield_10099", toString="5"), "Weight"),
            (item("Description", "customfield_10098", toString="text"), "Description"),
            ({**item("Summary"), "fieldtype": "custom"}, "Summary"),
        ],
    )
    def test_fields_nobody_watches(self, change: Json, name: str) -> None:
        event = read(updated(change))
        assert (event.ignored, event.detail) == (IgnoredBecause.NO_WATCHED_FIELD, f"changed: {name}")

    @pytest.mark.parametrize(
        "changes",
        [
            [item("status", "status", **{"from": "1", "to": "3"})],
            [item("Status")],
            [item("resolution", "resolution", to="10000"), item("status", "status")],
            [item("resolution", to="1")],
        ],
    )
    def test_a_change_of_status_or_resolution_is_one_of_status(self, changes: list[Json]) -> None:
        (hint,) = read(updated(*changes)).hints
        assert (hint.kind, hint.changed) == (HintKind.ISSUE_CHANGED, ("status",))

    @pytest.mark.parametrize(
        ("user", "automated"),
        [
            ({"accountId": "5b1", "accountType": "atlassian"}, False),
            ({"accountId": "5b1", "accountType": "app"}, True),
            ({"name": "robin", "key": "robin"}, False),
            (None, False),
        ],
    )
    def test_an_app_is_known_by_its_kind_of_account(self, user: Json | None, automated: bool) -> None:
        (hint,) = read({**updated(item("status", "status")), "user": user}).hints
        assert hint.automated is automated
        assert Hint.from_json(hint.to_json()) == hint

    def test_unwatched_changes_ride_on_a_watched_one(self) -> None:
        body = updated(
            item("priority", "priority"), item("summary", "summary"), item("Story Points", "customfield_1")
        )
        (hint,) = read(body).hints
        assert hint.changed == ("priority", "title", "points")

    def test_sprint_change_is_a_set_difference(self) -> None:
        body = updated(item("Sprint", SPRINT_FIELD, **{"from": "28, 30", "to": "28, 31"}))
        assert kinds(read(body)) == [("sprint_joined", "31"), ("sprint_left", "30")]
        body = updated(item("Sprint", **{"from": "", "to": 31}))
        assert kinds(read(body)) == [("sprint_joined", "31")]
        event = read(body, NO_BOARDS)
        assert (event.hints, event.ignored) == ((), IgnoredBecause.BOARD_NOT_NAMED)

    def test_long_lists_of_sprints_are_read_whole(self) -> None:
        before = ", ".join(str(number) for number in range(1000, 1200))
        body = updated(item("Sprint", SPRINT_FIELD, **{"from": before, "to": f"{before}, 31"}))
        assert kinds(read(body)) == [("sprint_joined", "31")]

    def test_sprint_and_title_together(self) -> None:
        body = updated(item("summary", "summary"), item("Sprint", SPRINT_FIELD, **{"from": "30", "to": ""}))
        event = read(body)
        assert kinds(event) == [("issue_changed", "501"), ("sprint_left", "30")]
        assert event.hints[0].sprints_left == ("30",)

    def test_sprint_named_without_ids_falls_back_to_the_field(self) -> None:
        change = item("Sprint", SPRINT_FIELD, fromString="Week 1", toString="Week 2")
        value = [{"id": 30, "state": "closed"}, {"id": 31, "state": "active"}]
        assert kinds(read(updated(change, **{SPRINT_FIELD: value}))) == [("sprint_joined", "31")]
        assert read(updated(change)).ignored is IgnoredBecause.NO_WATCHED_FIELD

    def test_sprint_field_under_another_name_is_known_by_its_value(self) -> None:
        change = item("Iteration", SPRINT_FIELD, **{"from": "", "to": "31"})
        body = updated(change, **{SPRINT_FIELD: [{"id": 31, "state": "active"}]})
        assert kinds(read(body)) == [("sprint_joined", "31")]

    def test_move_out_of_a_named_project_is_looked_at(self) -> None:
        moved = [
            item(
                "project", "project", **{"from": "1", "to": "2"}, fromString="The shop", toString="Elsewhere"
            ),
            item("Key", "Key", fromString="SHOP-7", toString="ELSE-3"),
        ]
        body = updated(*moved, kind="issue_moved", project={"key": "ELSE"})
        (hint,) = read(body).hints
        assert (hint.kind, hint.changed) == (HintKind.ISSUE_CHANGED, ("project",))
        other = Scope(projects=frozenset({"OTHER"}))
        assert read(body, other).ignored is IgnoredBecause.PROJECT_NOT_NAMED
        assert kinds(read(body, Scope(projects=frozenset({"ELSE"})))) == [("issue_changed", "501")]

    @pytest.mark.parametrize("changelog", [None, {}, {"items": []}, {"items": None}, [], "x"])
    def test_comment_dressed_as_an_update(self, changelog: object) -> None:
        body = {**updated(kind="issue_commented"), "changelog": changelog, "comment": {"id": "1"}}
        event = read(body)
        assert event.ignored is IgnoredBecause.NO_WATCHED_FIELD
        assert event.detail == "issue_commented: no field changed"

    def test_project_not_named(self) -> None:
        event = read(updated(item("summary", "summary"), project={"key": "OTHER"}))
        assert event.ignored is IgnoredBecause.PROJECT_NOT_NAMED
        assert "OTHER" in event.detail

    def test_project_known_from_the_key_alone(self) -> None:
        body = updated(item("summary", "summary"), project=None)
        assert kinds(read(body)) == [("issue_changed", "501")]
        del body["issue"]["key"]
        with pytest.raises(Refused, match=r"issue\.key"):
            read(body)
        assert kinds(read(body, Scope())) == [("issue_changed", "501")]


RUNNING = {"id": 31, "state": "active", "boardId": 12}
NUMBER = item("Poäng", "customfield_10099", fromString="3", toString="5.0")


class TestSprintTouched:
    @pytest.mark.parametrize(
        "change",
        [
            item("Story Points", "customfield_10016", fromString="3", toString="5"),
            item("Story point estimate", "customfield_10016", toString="0.5"),
            item("Story Points", "customfield_10016", fromString="3"),
            {**item("Story Points", fromString="3.0", toString="5.0"), "fieldtype": "custom"},
            NUMBER,
            item("timeoriginalestimate", "timeoriginalestimate", **{"from": "3600", "to": "7200"}),
            item("status", "status", **{"from": "1", "to": "3"}),
            item("resolution", "resolution", to="1"),
            item("description", "description", fromString="a", toString="b"),
            item("issuetype", "issuetype", **{"from": "1", "to": "2"}),
            item("IssueParentAssociation", to="400"),
            item("Key", "Key", fromString="SHOP-7", toString="SHOP-8"),
        ],
    )
    def test_what_its_figures_depend_on_has_a_running_sprint_read_again(self, change: Json) -> None:
        event = read(updated(change, **{SPRINT_FIELD: [{"id": 30, "state": "closed"}, RUNNING]}))
        hint = event.hints[-1]
        assert (hint.kind, str(hint.subject)) == (HintKind.SPRINT_TOUCHED, "site:sprint:31")
        assert (hint.issue, hint.actor, len(hint.changed)) == ("501", "acc-1", 1)
        assert [str(hint.kind) for hint in event.hints[:-1]] in ([], ["issue_changed"])
        assert Hint.from_json(hint.to_json()) == hint

    @pytest.mark.parametrize(
        "change",
        [
            item("labels", "labels", toString="scope-added"),
            item("Component", "components", to="4", toString="API"),
            item("assignee", "assignee", to="acc-2", toString="Robin"),
            item("summary", "summary", fromString="a", toString="b"),
            item("Rank", "customfield_10019", fromString="", toString="Ranked higher"),
            item("Team", "customfield_10001", to="4", toString="4"),
            item("Notes", "customfield_10002", fromString="4 days", toString="5"),
            item("Flagged", "customfield_10003", toString="Impediment"),
        ],
    )
    def test_anything_else_does_not(self, change: Json) -> None:
        event = read(updated(change, **{SPRINT_FIELD: [RUNNING]}))
        assert HintKind.SPRINT_TOUCHED not in {hint.kind for hint in event.hints}

    @pytest.mark.parametrize(
        "value", [[{**RUNNING, "state": "future"}], [{**RUNNING, "state": "closed"}], [], None]
    )
    def test_a_sprint_that_does_not_run_is_left_alone(self, value: object) -> None:
        event = read(updated(NUMBER, **{SPRINT_FIELD: value}))
        assert event.ignored is IgnoredBecause.NO_WATCHED_FIELD

    def test_a_sprint_of_another_board_is_left_alone(self) -> None:
        body = updated(NUMBER, **{SPRINT_FIELD: [{**RUNNING, "boardId": 13}]})
        assert read(body).hints == () and kinds(read(body, Scope())) == [("sprint_touched", "31")]
        assert read(updated(NUMBER, **{SPRINT_FIELD: [RUNNING]}), NO_BOARDS).hints == ()

    @pytest.mark.parametrize("form", [OLD_SPRINT, SORTED_SPRINT])
    def test_old_text_values_are_read_alike(self, form: str) -> None:
        body = updated(NUMBER, **{SPRINT_FIELD: [form.format(id=31, state="ACTIVE")]})
        assert kinds(read(body)) == [("sprint_touched", "31")]
        assert kinds(read(body, Scope(boards=frozenset({"9"})))) == []

    def test_a_sprint_just_joined_is_told_once(self) -> None:
        moved = item("Sprint", SPRINT_FIELD, **{"from": "", "to": "31"})
        event = read(updated(moved, NUMBER, **{SPRINT_FIELD: [RUNNING]}))
        assert kinds(event) == [("sprint_joined", "31")]
        assert event.hints[0].issue == "501"

    def test_moves_name_the_issue_and_whether_an_app_did_it(self) -> None:
        body = updated(item("Sprint", SPRINT_FIELD, **{"from": "30", "to": "31"}))
        body["user"] = {"accountId": "bot", "accountType": "app"}
        assert [(hint.issue, hint.automated) for hint in read(body).hints] == [("501", True)] * 2
        new = {**created(**{SPRINT_FIELD: [RUNNING]})}
        assert read(new).hints[1].issue == "501"

    def test_a_deleted_issue_changes_its_sprint(self) -> None:
        body = updated(**{SPRINT_FIELD: [RUNNING]})
        body["webhookEvent"] = "jira:issue_deleted"
        del body["changelog"]
        assert kinds(read(body)) == [("issue_deleted", "501"), ("sprint_touched", "31")]
        assert read(body).hints[1].issue == "501"
        assert kinds(read(body, NO_BOARDS)) == [("issue_deleted", "501")]


def moved_in(**fields: Any) -> Json:
    """Somebody puts an issue into sprint 31 and estimates it anew."""
    return updated(item("Sprint", SPRINT_FIELD, **{"from": "", "to": "31"}), NUMBER, **fields)


class TestSprintsOfManyProjectsAndBoards:
    """A sprint can hold issues of any project, and an issue can be in a sprint of any board."""

    ELSEWHERE: ClassVar = {"key": "OPS"}

    def test_an_issue_of_any_project_counts_in_a_named_boards_sprint(self) -> None:
        there = {"project": self.ELSEWHERE, SPRINT_FIELD: [RUNNING]}
        event = read(moved_in(**there))
        assert kinds(event) == [("sprint_joined", "31")]
        assert event.hints[0].issue == "501"
        assert kinds(read(created(**there))) == [("sprint_joined", "31")]
        status = item("status", "status", **{"from": "1", "to": "3"})
        assert kinds(read(updated(status, **there))) == [("sprint_touched", "31")]
        deleted = {**updated(**there), "webhookEvent": "jira:issue_deleted"}
        assert kinds(read(deleted)) == [("issue_deleted", "501"), ("sprint_touched", "31")]

    @pytest.mark.parametrize("value", [[{**RUNNING, "boardId": 13}], [{"id": 31, "state": "active"}], []])
    def test_of_another_project_only_what_is_surely_a_named_boards_counts(self, value: list[Json]) -> None:
        there = {"project": self.ELSEWHERE, SPRINT_FIELD: value}
        left = updated(item("Sprint", SPRINT_FIELD, **{"from": "31", "to": ""}), **there)
        for body in (moved_in(**there), created(**there), left):
            assert read(body).ignored is IgnoredBecause.PROJECT_NOT_NAMED
        # It may have been of a named project once, and then there is something to forget.
        deleted = {**updated(**there), "webhookEvent": "jira:issue_deleted"}
        assert kinds(read(deleted)) == [("issue_deleted", "501")]

    def test_a_sprint_of_another_board_is_not_joined(self) -> None:
        elsewhere = {SPRINT_FIELD: [{**RUNNING, "boardId": 13}]}
        event = read(moved_in(**elsewhere))
        assert (event.hints, event.ignored) == ((), IgnoredBecause.BOARD_NOT_NAMED)
        assert kinds(read(created(**elsewhere))) == [("issue_created", "501")]

    def test_what_is_left_for_another_boards_sprint_is_told(self) -> None:
        move = item("Sprint", SPRINT_FIELD, **{"from": "30", "to": "31"})
        event = read(updated(move, **{SPRINT_FIELD: [{**RUNNING, "boardId": 13}]}))
        assert kinds(event) == [("sprint_left", "30")]


class TestOtherEvents:
    def test_issue_deleted_has_no_changelog(self) -> None:
        body = updated()
        body["webhookEvent"] = "jira:issue_deleted"
        del body["changelog"], body["issue_event_type_name"]
        assert kinds(read(body)) == [("issue_deleted", "501")]

    @pytest.mark.parametrize(
        ("name", "changed"),
        [
            ("sprint_created", ()),
            ("sprint_updated", ()),
            ("sprint_started", ("state",)),
            ("sprint_closed", ("state",)),
        ],
    )
    def test_sprint_changed(self, name: str, changed: tuple[str, ...]) -> None:
        (hint,) = read(sprint_event(name)).hints
        assert (hint.kind, str(hint.subject)) == (HintKind.SPRINT_CHANGED, "site:sprint:31")
        assert (hint.actor, hint.updated, hint.changed) == (None, None, changed)
        assert (hint.issue, hint.automated) == (None, False)

    def test_sprint_updated_tells_what_changed(self) -> None:
        body = sprint_event("sprint_updated")
        body["oldValue"] = {**body["sprint"], "state": "future"}
        assert read(body).hints[0].changed == ("state",)

    def test_sprint_deleted(self) -> None:
        assert kinds(read(sprint_event("sprint_deleted"))) == [("sprint_deleted", "31")]

    @pytest.mark.parametrize(
        ("board", "scope", "heard"),
        [
            (13, WATCHING, False),
            ("12", WATCHING, True),
            (None, WATCHING, True),
            (13, Scope(), True),
            (12, NO_BOARDS, False),
            (None, NO_BOARDS, False),
        ],
    )
    def test_sprint_events_are_filtered_by_board(self, board: object, scope: Scope, heard: bool) -> None:
        event = read(sprint_event("sprint_started", originBoardId=board), scope)
        assert bool(event.hints) is heard
        assert event.ignored is (None if heard else IgnoredBecause.BOARD_NOT_NAMED)

    @pytest.mark.parametrize(
        "name",
        [
            "comment_created",
            "worklog_deleted",
            "attachment_created",
            "issuelink_created",
            "issue_property_set",
            "board_configuration_changed",
            "jira:version_released",
            "project_archived",
            "issuetype_created",
            "filter_updated",
            "user_deleted",
            "option_voting_changed",
            "jira_expression_evaluation_failed",
        ],
    )
    def test_unused(self, name: str) -> None:
        event = read({"timestamp": 1, "webhookEvent": name})
        assert (event.name, event.ignored) == (name, IgnoredBecause.UNUSED_EVENT)

    @pytest.mark.parametrize("body", [{}, {"webhookEvent": "jira:moon_rose"}, {"user": {"name": "x"}}])
    def test_unknown(self, body: Json) -> None:
        assert read(body).ignored is IgnoredBecause.UNKNOWN_EVENT


class TestDataCenterAndOldServers:
    def test_actor_by_name_or_key(self) -> None:
        body = updated(item("summary"))
        body["user"] = {"name": "ada", "key": "JIRAUSER1", "emailAddress": "ada@example.com"}
        assert read(body).hints[0].actor == "ada"
        del body["user"]["name"]
        assert read(body).hints[0].actor == "JIRAUSER1"
        del body["user"]
        assert read(body).hints[0].actor is None

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [("issue_created", "issue_created"), ("issue_deleted", "issue_deleted"), (None, "issue_changed")],
    )
    def test_body_without_event_name(self, kind: str | None, expected: str) -> None:
        body = {**updated(item("summary")), "issue_event_type_name": kind}
        del body["webhookEvent"]
        assert kinds(read(body)) == [(expected, "501")]

    def test_issue_without_any_sign_of_what_happened(self) -> None:
        assert read({"issue": issue()}).ignored is IgnoredBecause.UNKNOWN_EVENT


class TestWrongShape:
    @pytest.mark.parametrize("payload", [None, [], "x", 1, True, [{}]])
    def test_not_an_object(self, payload: object) -> None:
        with pytest.raises(Refused) as caught:
            read(payload)
        assert caught.value.reason is RefusedBecause.WRONG_SHAPE

    @pytest.mark.parametrize("id_", [None, "", "../1", "1 2", {}, [], True, "9" * 300])
    def test_no_usable_id(self, id_: object) -> None:
        body = updated(item("summary"))
        body["issue"]["id"] = id_
        with pytest.raises(Refused, match=r"issue\.id"):
            read(body)
        with pytest.raises(Refused, match=r"sprint\.id"):
            read(sprint_event("sprint_started", id=id_))

    def test_hints_and_names_are_bounded(self) -> None:
        many = ",".join(map(str, range(5000)))
        body = updated(
            item("Sprint", SPRINT_FIELD, to=many),
            item("labels", "labels", fromString=" ".join(f"label{n}" for n in range(5000))),
            *(item("f" * 500 + str(n), "customfield_1") for n in range(500)),
        )
        event = read(body)
        assert len(event.hints) == 50
        assert "further hints" in event.detail
        assert len(orjson.dumps(event.hints[0].to_json())) < 50_000
