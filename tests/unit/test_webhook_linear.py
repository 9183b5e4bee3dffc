"""Linear webhook bodies, small ones of each shape: today's envelope, old ones, special ones, nonsense."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackers.linear.webhook import SIGNATURE_HEADER, check_age, parse, sent, verify
from trackers.model import Event, HintKind, IgnoredBecause, Refused, RefusedBecause, Scope

Json = dict[str, Any]

FIXTURES = Path(__file__).parents[2].parent / "shared" / "fixtures" / "linear"

WATCHING = Scope(projects=frozenset({"ENG"}), boards=frozenset({"ENG"}))
NO_CYCLES = Scope(projects=frozenset({"ENG"}), boards=frozenset())
BUG, UI, API = "label-bug", "label-ui", "label-api"


def read(payload: object, scope: Scope = WATCHING) -> Event:
    return parse(payload, connection="space", digest="d1", scope=scope)


def event(action: str, before: Json | None = None, **data: Any) -> Json:
    known = {
        "id": "issue-1",
        "identifier": "ENG-7",
        "number": 7,
        "title": "Checkout fails",
        "updatedAt": "2026-03-04T12:00:00.000Z",
        "labelIds": [BUG],
        "labels": [{"id": BUG, "name": "Bug", "color": "#f00"}],
        "team": {"id": "team-1", "key": "ENG", "name": "Engineering"},
        "teamId": "team-1",
    }
    body = {
        "action": action,
        "type": "Issue",
        "actor": {"id": "user-1", "type": "user", "name": "Ada"},
        "createdAt": "2026-03-04T12:00:00.250Z",
        "data": {**known, **data},
        "organizationId": "org-1",
        "webhookId": "hook-1",
        "webhookTimestamp": 1772625600250,
    }
    return (
        body
        if before is None
        else {**body, "updatedFrom": {"updatedAt": "2026-03-04T11:00:00.000Z", **before}}
    )


def cycle(action: str, before: Json | None = None, **data: Any) -> Json:
    body = {**event(action, before), "type": "Cycle"}
    return {
        **body,
        "data": {"id": "cycle-1", "teamId": "team-1", "updatedAt": "2026-03-04T12:00:00Z", **data},
    }


def kinds(found: Event) -> list[tuple[str, str]]:
    return [(str(hint.kind), hint.subject.id) for hint in found.hints]


class TestSignature:
    def test_bare_lower_case_hex_under_any_secret(self) -> None:
        digest = hmac.new(b"new", b"body", "sha256").hexdigest()
        verify(b"body", digest, [b"old", b"new"])
        assert SIGNATURE_HEADER == "Linear-Signature"
        for wrong in (digest.upper(), f"sha256={digest}", digest[:-1], digest + "0", "é", "zz"):
            with pytest.raises(Refused) as caught:
                verify(b"body", wrong, [b"old", b"new"])
            assert caught.value.reason is RefusedBecause.BAD_SIGNATURE

    @pytest.mark.parametrize("signature", [None, "", " "])
    def test_missing(self, signature: str | None) -> None:
        with pytest.raises(Refused) as caught:
            verify(b"body", signature, [b"secret"])
        assert caught.value.reason is RefusedBecause.MISSING_CREDENTIALS

    @given(st.text())
    def test_any_header_at_all(self, signature: str) -> None:
        with pytest.raises(Refused):
            verify(b"body", signature, [b"secret"])


class TestAge:
    NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
    LIMIT = timedelta(seconds=60)
    TOO_OLD = timedelta(hours=12)

    def check(self, **ago: float) -> bool:
        return check_age(self.NOW - timedelta(**ago), self.NOW, self.LIMIT, self.TOO_OLD)

    def test_fresh_late_and_too_old(self) -> None:
        assert not self.check(seconds=0)
        assert not self.check(seconds=60)
        assert not self.check(seconds=-60)
        assert self.check(seconds=61)
        assert self.check(hours=12)
        with pytest.raises(Refused) as caught:
            self.check(hours=12, seconds=1)
        assert caught.value.reason is RefusedBecause.TOO_OLD

    def test_in_future(self) -> None:
        with pytest.raises(Refused, match="61 s ahead") as caught:
            self.check(seconds=-61)
        assert caught.value.reason is RefusedBecause.IN_FUTURE

    def test_sent(self) -> None:
        assert sent(event("create")) == datetime(2026, 3, 4, 12, 0, 0, 250_000, tzinfo=UTC)
        assert sent({"webhookTimestamp": 1772625600250.0}) == sent(event("create"))

    @pytest.mark.parametrize("stamp", [None, "1772625600250", True, [], 1e300, float("nan"), 10**400])
    def test_no_timestamp(self, stamp: object) -> None:
        with pytest.raises(Refused) as caught:
            sent({"webhookTimestamp": stamp})
        assert caught.value.reason is RefusedBecause.NO_TIMESTAMP

    def test_sent_of_no_object(self) -> None:
        with pytest.raises(Refused) as caught:
            sent([])
        assert caught.value.reason is RefusedBecause.WRONG_SHAPE


class TestIssueEvents:
    def test_create(self) -> None:
        (hint,) = read(event("create")).hints
        assert (hint.kind, str(hint.subject)) == (HintKind.ISSUE_CREATED, "space:issue:issue-1")
        assert (hint.actor, hint.changed) == ("user-1", ())
        assert hint.at == datetime(2026, 3, 4, 12, 0, 0, 250_000, tzinfo=UTC)
        assert hint.updated == datetime(2026, 3, 4, 12, tzinfo=UTC)

    def test_create_in_a_cycle(self) -> None:
        body = event("create", cycleId="cycle-1")
        assert kinds(read(body)) == [("issue_created", "issue-1"), ("sprint_joined", "cycle-1")]
        assert kinds(read(body, NO_CYCLES)) == [("issue_created", "issue-1")]

    def test_remove(self) -> None:
        assert kinds(read(event("remove", trashed=True))) == [("issue_deleted", "issue-1")]

    @pytest.mark.parametrize(
        ("before", "data", "changed"),
        [
            ({"title": "Old"}, {}, ("title",)),
            ({"description": "Old", "descriptionData": "{}"}, {}, ("description",)),
            ({"description": None}, {"description": "New"}, ("description",)),
            ({"descriptionData": None}, {"descriptionData": "{}"}, ("description",)),
            ({"teamId": "team-9"}, {}, ("project",)),
            (
                {"title": "Old", "stateId": "s1", "sortOrder": 1},
                {"stateId": "s2"},
                ("title", "status", "sortOrder"),
            ),
            ({"stateId": "s1"}, {"stateId": "s2"}, ("status",)),
            (
                {"completedAt": None, "stateId": "s1"},
                {"completedAt": "2026-03-04T12:00:00.000Z", "stateId": "s2"},
                ("status",),
            ),
        ],
    )
    def test_watched(self, before: Json, data: Json, changed: tuple[str, ...]) -> None:
        (hint,) = read(event("update", before, **data)).hints
        assert (hint.kind, hint.changed) == (HintKind.ISSUE_CHANGED, changed)

    @pytest.mark.parametrize(
        ("before", "data", "detail"),
        [
            ({"estimate": 3}, {}, "changed: points"),
            (
                {"assigneeId": None, "priority": 0},
                {"assigneeId": "u", "priority": 1},
                "changed: assignee, priority",
            ),
            ({"labelIds": [UI, BUG]}, {"labelIds": [BUG, UI]}, "no field changed"),
            (
                {"description": None, "estimate": None, "cycleId": None, "title": "Checkout fails"},
                {},
                "no field changed",
            ),
            ({"description": "Same", "descriptionData": "{}"}, {"description": "Same"}, "no field changed"),
            ({}, {}, "no field changed"),
        ],
    )
    def test_not_watched(self, before: Json, data: Json, detail: str) -> None:
        found = read(event("update", before, **data))
        assert (found.ignored, found.detail) == (IgnoredBecause.NO_WATCHED_FIELD, detail)

    def test_labels_by_id(self) -> None:
        (hint,) = read(event("update", {"labelIds": []})).hints
        assert (hint.labels_added, hint.labels_removed, hint.changed) == ((BUG,), (), ("labels",))
        (hint,) = read(event("update", {"labelIds": [BUG, UI]}, labelIds=[UI, API])).hints
        assert (hint.labels_added, hint.labels_removed, hint.changed) == ((API,), (BUG,), ("labels",))
        (hint,) = read(event("update", {"labelIds": [BUG]}, labelIds=None)).hints
        assert hint.labels_removed == (BUG,)

    @pytest.mark.parametrize(
        ("before", "data", "moves"),
        [
            (None, "c2", [("sprint_joined", "c2")]),
            ("c1", None, [("sprint_left", "c1")]),
            ("c1", "c2", [("sprint_joined", "c2"), ("sprint_left", "c1")]),
        ],
    )
    def test_cycles(self, before: str | None, data: str | None, moves: list[tuple[str, str]]) -> None:
        body = event("update", {"cycleId": before, "estimate": 1}, **({"cycleId": data} if data else {}))
        assert kinds(read(body)) == moves
        found = read(body, NO_CYCLES)
        assert (found.hints, found.ignored) == ((), IgnoredBecause.BOARD_NOT_NAMED)
        assert kinds(read(body, Scope())) == moves

    @pytest.mark.parametrize(
        ("actor", "automated"),
        [
            ({"id": "user-1", "type": "user", "name": "Robin"}, False),
            ({"id": "user-1", "name": "Robin", "email": "robin@acme.example"}, False),
            ({"id": "client-1", "type": "OauthClient", "name": "Triage bot"}, True),
            ({"id": "int-1", "type": "integration", "service": "github"}, True),
            (None, False),
        ],
    )
    def test_an_app_is_known_by_what_its_actor_lacks(self, actor: Json | None, automated: bool) -> None:
        (hint,) = read({**event("update", {"stateId": "s1"}), "actor": actor}).hints
        assert hint.automated is automated

    @pytest.mark.parametrize(
        ("before", "data", "changed"),
        [
            ({"estimate": 3}, {"estimate": 5}, ("points",)),
            ({"estimate": 3}, {}, ("points",)),
            ({"stateId": "s1", "sortOrder": 1}, {"stateId": "s2"}, ("status",)),
            ({"description": "Old", "descriptionData": "{}"}, {"description": "New"}, ("description",)),
            ({"parentId": None}, {"parentId": "issue-2"}, ("parent",)),
            ({"trashed": True, "archivedAt": "2026-03-04T11:00:00Z"}, {}, ("trashed", "archivedAt")),
            ({"estimate": 3, "title": "Old", "stateId": "s1"}, {}, ("points", "status")),
        ],
    )
    def test_what_a_cycle_counts_by_touches_it(
        self, before: Json, data: Json, changed: tuple[str, ...]
    ) -> None:
        body = event("update", before, cycleId="c1", **data)
        hint = read(body).hints[-1]
        assert (hint.kind, str(hint.subject)) == (HintKind.SPRINT_TOUCHED, "space:sprint:c1")
        assert (hint.issue, hint.changed, hint.actor) == ("issue-1", changed, "user-1")
        for elsewhere in (read(body, NO_CYCLES), read({**body, "data": {**body["data"], "cycleId": None}})):
            assert all(hint.kind is HintKind.ISSUE_CHANGED for hint in elsewhere.hints)

    @pytest.mark.parametrize(
        "before",
        [
            {"labelIds": [UI]},
            {"sortOrder": 1, "prioritySortOrder": 2},
            {"assigneeId": "user-9"},
            {"priority": 3},
            {"title": "Old"},
            {"subscriberIds": []},
            {"estimate": None, "stateId": None, "parentId": None, "archivedAt": None},
        ],
    )
    def test_other_changes_do_not_touch_the_cycle(self, before: Json) -> None:
        found = read(event("update", before, cycleId="c1"))
        assert all(hint.kind is HintKind.ISSUE_CHANGED for hint in found.hints)

    def test_joining_says_enough(self) -> None:
        found = read(event("update", {"cycleId": None, "stateId": "s1"}, cycleId="c1", stateId="s2"))
        assert kinds(found) == [("issue_changed", "issue-1"), ("sprint_joined", "c1")]

    def test_removal_touches_the_cycle(self) -> None:
        body = event("remove", trashed=True, cycleId="c1")
        assert kinds(read(body)) == [("issue_deleted", "issue-1"), ("sprint_touched", "c1")]
        assert read(body).hints[1].issue == "issue-1"
        assert kinds(read(body, NO_CYCLES)) == [("issue_deleted", "issue-1")]

    def test_moves_name_the_issue(self) -> None:
        for body in (
            event("create", cycleId="c1"),
            event("update", {"cycleId": "c2"}, cycleId="c1"),
            event("update", {"cycleId": "c2"}),
        ):
            moves = [hint for hint in read(body).hints if str(hint.subject).startswith("space:sprint:")]
            assert moves and {hint.issue for hint in moves} == {"issue-1"}

    @pytest.mark.parametrize(
        ("actor", "automated"),
        [
            ({"id": "user-1", "type": "user", "name": "Robin"}, False),
            ({"id": "client-1", "type": "OauthClient", "name": "Triage bot"}, True),
            (None, True),
        ],
    )
    def test_move_without_an_actor_is_linears_own(self, actor: Json | None, automated: bool) -> None:
        body = {**event("update", {"cycleId": "c1"}, cycleId="c2"), "actor": actor}
        assert [hint.automated for hint in read(body).hints] == [automated] * 2

    @pytest.mark.parametrize(
        ("before", "state", "automated"),
        [
            ({"cycleId": None, "stateId": "s1"}, "started", True),
            ({"cycleId": None, "stateId": "s1"}, "completed", True),
            ({"cycleId": None, "stateId": "s1"}, "unstarted", False),
            ({"cycleId": None, "stateId": "s1"}, "canceled", False),
            ({"cycleId": None, "stateId": "s1"}, None, False),
            ({"cycleId": None}, "started", False),
            ({"cycleId": "c1", "stateId": "s1"}, "started", False),
        ],
    )
    def test_joining_by_being_begun_is_linears_own(
        self, before: Json, state: str | None, automated: bool
    ) -> None:
        found = read(event("update", before, cycleId="c2", stateId="s2", state={"id": "s2", "type": state}))
        joined = [hint for hint in found.hints if hint.kind is HintKind.SPRINT_JOINED]
        assert [hint.automated for hint in joined] == [automated]
        assert not any(hint.automated for hint in found.hints if hint.kind is HintKind.ISSUE_CHANGED)

    def test_title_and_cycle_in_one(self) -> None:
        found = read(event("update", {"cycleId": "c1", "title": "Old"}))
        assert kinds(found) == [("issue_changed", "issue-1"), ("sprint_left", "c1")]
        assert found.hints[0].sprints_left == ("c1",)

    def test_team_not_named(self) -> None:
        found = read(event("update", {"title": "Old"}, team={"key": "OPS"}))
        assert (found.ignored, "OPS" in found.detail) == (IgnoredBecause.PROJECT_NOT_NAMED, True)

    def test_a_deletion_is_told_of_any_team(self) -> None:
        """It may have been of a named one once, and then there is something to forget."""
        found = read(event("remove", team={"key": "OPS"}))
        assert kinds(found) == [("issue_deleted", "issue-1")]

    @pytest.mark.parametrize(
        ("previous", "heard"), [(["ENG-3"], True), (["OPS-1"], False), ([], True), (None, True), ([3], True)]
    )
    def test_move_to_another_team(self, previous: object, heard: bool) -> None:
        before = {"teamId": "team-9", "cycleId": "c1"}
        found = read(event("update", before, team={"key": "DOC"}, previousIdentifiers=previous))
        expected = [("issue_changed", "issue-1"), ("sprint_left", "c1")] if heard else []
        assert kinds(found) == expected
        assert found.ignored is (None if heard else IgnoredBecause.PROJECT_NOT_NAMED)

    def test_team_known_from_the_identifier_alone(self) -> None:
        body = event("update", {"title": "Old"}, team=None)
        assert kinds(read(body)) == [("issue_changed", "issue-1")]
        del body["data"]["identifier"]
        with pytest.raises(Refused, match=r"data\.team\.key"):
            read(body)

    def test_old_envelope(self) -> None:
        body = event("update", {"title": "Old", "estimate": None})
        for key in ("actor", "organizationId", "webhookId", "webhookTimestamp"):
            del body[key]
        for key in ("identifier", "labels"):
            del body["data"][key]
        (hint,) = read(body).hints
        assert (hint.actor, hint.changed) == (None, ("title",))
        body["actor"] = None
        assert read(body).hints[0].actor is None


class TestOtherEvents:
    @pytest.mark.parametrize("action", ["create", "update"])
    def test_cycle_changed(self, action: str) -> None:
        (hint,) = read(cycle(action, {"name": "Old", "completedAt": None})).hints
        assert (hint.kind, str(hint.subject)) == (HintKind.SPRINT_CHANGED, "space:sprint:cycle-1")
        assert (hint.changed, hint.updated) == (("name",), datetime(2026, 3, 4, 12, tzinfo=UTC))

    def test_cycle_removed(self) -> None:
        assert kinds(read(cycle("remove"))) == [("sprint_deleted", "cycle-1")]

    def test_cycle_by_team(self) -> None:
        assert kinds(read(cycle("update", team={"key": "ENG"}))) == [("sprint_changed", "cycle-1")]
        assert read(cycle("update", team={"key": "OPS"})).ignored is IgnoredBecause.BOARD_NOT_NAMED
        assert read(cycle("update"), NO_CYCLES).ignored is IgnoredBecause.BOARD_NOT_NAMED
        assert read(cycle("update", team={"key": "OPS"}), Scope()).hints

    @pytest.mark.parametrize("kind", ["Comment", "Attachment"])
    def test_comments_and_attachments(self, kind: str) -> None:
        body = {"action": "create", "type": kind, "data": {"id": "c", "issueId": "issue-1"}}
        assert read(body).ignored is IgnoredBecause.UNUSED_EVENT
        body["data"] = {"id": "c", "issue": {"id": "issue-1"}}
        assert read(body).ignored is IgnoredBecause.UNUSED_EVENT
        body["data"] = {"id": "c", "projectUpdateId": "p"}
        assert read(body).ignored is IgnoredBecause.NOT_ABOUT_AN_ISSUE

    @pytest.mark.parametrize(
        "body",
        [
            {"type": "IssueSLA", "action": "breached", "issueData": {"id": "issue-1", "cycleId": None}},
            {"type": "OAuthApp", "action": "revoked", "oauthClientId": "o"},
            {
                "type": "AppUserNotification",
                "action": "issueMention",
                "notification": {"type": "issueMention"},
            },
            {"type": "PermissionChange", "action": "teamAccessChanged", "addedTeamIds": []},
            {"type": "AgentSessionEvent", "action": "created", "agentSession": {}},
            {"type": "IssueLabel", "action": "update", "data": {"id": "l"}},
            {"type": "Reaction", "action": "create", "data": {}},
            {"type": "Release", "action": "create", "data": None},
        ],
    )
    def test_unused(self, body: Json) -> None:
        found = read(body)
        assert (found.ignored, found.name) == (
            IgnoredBecause.UNUSED_EVENT,
            f"{body['type']}/{body['action']}",
        )

    @pytest.mark.parametrize(
        "body", [{}, {"type": "Moon", "action": "create"}, {"type": "Issue", "action": "sing"}]
    )
    def test_unknown(self, body: Json) -> None:
        assert read(body).ignored is IgnoredBecause.UNKNOWN_EVENT


class TestWrongShape:
    @pytest.mark.parametrize("payload", [None, [], "x", 1, True])
    def test_not_an_object(self, payload: object) -> None:
        with pytest.raises(Refused) as caught:
            read(payload)
        assert caught.value.reason is RefusedBecause.WRONG_SHAPE

    @pytest.mark.parametrize("id_", [None, "", "../1", {}, [], True])
    def test_no_usable_id(self, id_: object) -> None:
        with pytest.raises(Refused, match=r"data\.id"):
            read(event("create", id=id_))
        with pytest.raises(Refused, match=r"data\.id"):
            read(cycle("update", id=id_))

    def test_no_data(self) -> None:
        with pytest.raises(Refused, match=r"data\.id"):
            read({"type": "Issue", "action": "create"})


@pytest.mark.parametrize(
    ("name", "hints"),
    [
        ("cycle-update-rename-2021", [("sprint_changed", None, ("name",))]),
        (
            "issue-update-cycle-and-state-2021",
            [
                ("issue_changed", None, ("sprint", "status")),
                ("sprint_joined", "236e0fe8-xxxx-xxxx-xxxx-b2df06e33810", ()),
            ],
        ),
        (
            "issue-update-estimate-2021",
            [("sprint_touched", "236e0fe8-xxxx-xxxx-xxxx-b2df06e33810", ("points",))],
        ),
        ("issue-update-title-in-cycle", [("issue_changed", None, ("title",))]),
    ],
)
def test_what_recorded_bodies_tell_of_cycles(name: str, hints: list[object]) -> None:
    path = FIXTURES / f"{name}.json"
    if not path.exists():
        pytest.skip(f"There is no recorded body at {path}, beside the repository.")
    found = read(orjson.loads(path.read_bytes()), Scope()).hints
    assert [(str(hint.kind), hint.issue, hint.changed) for hint in found] == hints
    assert {str(hint.subject) for hint in found if hint.issue} <= {
        "space:sprint:8becebd5-xxxx-xxxx-xxxx-5a4c46206590"
    }
