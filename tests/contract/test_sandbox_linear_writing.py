"""The toy Linear over real HTTP: what its mutations do and refuse."""

from __future__ import annotations

import uuid

import pytest

from tests.contract import linear_toy
from tests.contract.linear_toy import COMMENT, UPDATE, Toy

toy, small = linear_toy.toy, linear_toy.small


def test_labels_are_added_removed_and_replaced(toy: Toy) -> None:
    key, ids = toy.issue(labels=["Bug", "api"]), toy.labels()
    wish = {"addedLabelIds": [ids["security"], ids["ui"]], "removedLabelIds": [ids["api"]]}
    assert set(toy.data(UPDATE, id=key, input=wish)["issueUpdate"]["issue"]["labelIds"]) == {
        ids["Bug"],
        ids["security"],
        ids["ui"],
    }
    add = """mutation($i: String!, $l: String!) {
      issueAddLabel(id: $i, labelId: $l) { issue { labelIds updatedAt } } }"""
    first = toy.data(add, i=key, l=ids["documentation"])["issueAddLabel"]["issue"]
    assert toy.data(add, i=key, l=ids["documentation"])["issueAddLabel"]["issue"] == first
    remove = add.replace("issueAddLabel", "issueRemoveLabel")
    assert ids["Bug"] not in toy.data(remove, i=key, l=ids["Bug"])["issueRemoveLabel"]["issue"]["labelIds"]
    view = toy.control("GET", f"/issues/{key}")
    assert set(view["bot_labels"]) == {"security", "ui", "documentation"}
    assert toy.data(UPDATE, id=key, input={"labelIds": []})["issueUpdate"]["issue"]["labelIds"] == []


@pytest.mark.parametrize(
    ("worn", "asked", "message"),
    [
        ("api", "ui", "labelIds not exclusive child labels"),
        ("Bug", "ops-infra", "labelIds for incorrect team"),
        ("Bug", "Area", "labelIds contain a label group"),
        ("Bug", None, "Entity not found: IssueLabel"),
    ],
)
def test_labels_that_do_not_fit_are_refused(toy: Toy, worn: str, asked: str | None, message: str) -> None:
    key, ids = toy.issue(labels=[worn]), toy.labels()
    asked_id = ids[asked] if asked else str(uuid.uuid4())
    refusal = toy.refusal(UPDATE, id=key, input={"addedLabelIds": [asked_id]})
    assert refusal["message"] == message and refusal["path"] == ["issueUpdate"]
    assert refusal["extensions"]["code"] == "INPUT_ERROR"
    assert toy.control("GET", f"/issues/{key}")["labels"] == [worn]


def test_labels_are_made_once(toy: Toy, small: Toy) -> None:
    make = """mutation($input: IssueLabelCreateInput!) {
      issueLabelCreate(input: $input) { issueLabel { id name } } }"""
    wish = {"name": "flaky", "id": str(uuid.uuid4())}
    assert toy.data(make, input=wish)["issueLabelCreate"]["issueLabel"] == wish
    assert "duplicate label name" in toy.refusal(make, input={"name": "Flaky"})["message"]
    assert toy.refusal(make, input=wish | {"name": "b"})["message"] == "conflict on insert of IssueLabel"
    assert small.refusal(make, input=wish)["extensions"]["type"] == "forbidden"


def test_comment_id_of_the_client_is_taken_once(toy: Toy) -> None:
    key, id = toy.issue(), str(uuid.uuid4())
    wish = {"issueId": key, "id": id, "body": "* one  \n* two\n\n", "doNotSubscribeToIssue": True}
    made = toy.data(COMMENT, input=wish)["commentCreate"]["comment"]
    assert made == {"id": id, "body": "- one\n- two"}
    assert toy.control("GET", f"/issues/{key}")["subscribers"] == ["Robin Person"]
    refusal = toy.refusal(COMMENT, input=wish)
    assert refusal["message"] == "conflict on insert of Comment"
    assert refusal["extensions"]["userPresentableMessage"] == f"Entity Comment with id {id} already exists."
    assert refusal["extensions"] | {"code": "INPUT_ERROR", "statusCode": 400} == refusal["extensions"]
    bad = toy.refusal(COMMENT, input=wish | {"id": "no-uuid"})
    assert (bad["message"], bad["extensions"]["code"]) == ("Argument Validation Error", "INVALID_INPUT")


def test_comment_is_edited_and_a_person_deletes_it(toy: Toy) -> None:
    key, id = toy.issue(), str(uuid.uuid4())
    toy.data(COMMENT, input={"issueId": key, "id": id, "body": "one"})
    edit = """mutation($id: String!) { commentUpdate(id: $id, input: {body: "two"}) {
      comment { body editedAt updatedAt } } }"""
    edited = toy.data(edit, id=id)["commentUpdate"]["comment"]
    assert edited["body"] == "two" and edited["editedAt"] == edited["updatedAt"]
    assert toy.data(edit, id=id)["commentUpdate"]["comment"] == edited
    toy.control("DELETE", f"/comments/{id}")
    assert toy.refusal(edit, id=id)["message"] == "Entity not found: Comment"
    assert (
        toy.refusal("query($id: String) { comment(id: $id) { id } }", id=id)["message"]
        == "Entity not found: Comment"
    )
    again = toy.refusal(COMMENT, input={"issueId": key, "id": id, "body": "again"})
    assert again["message"] == "conflict on insert of Comment"
    wish = {"issueId": key, "body": "x", "createAsUser": "Story Teller"}
    query = COMMENT.replace("id body", "user { app } botActor { type userDisplayName }")
    assert (
        toy.data(query, input=wish)["commentCreate"]["comment"]["botActor"]["userDisplayName"]
        == "Story Teller"
    )


def test_batch_project_issue_and_webhook_mutations(toy: Toy) -> None:
    ids = [toy.control("GET", f"/issues/{toy.issue()}")["id"] for _ in range(2)]
    batch = """mutation($ids: [UUID!]!, $input: IssueUpdateInput!) {
      issueBatchUpdate(ids: $ids, input: $input) { issues { estimate } } }"""
    assert (
        toy.data(batch, ids=ids, input={"estimate": 5})["issueBatchUpdate"]["issues"]
        == [{"estimate": 5.0}] * 2
    )
    assert toy.refusal(batch, ids=ids * 26, input={})["message"] == "Argument Validation Error"
    team = toy.data("{ teams { nodes { id } } }")["teams"]["nodes"][0]["id"]
    make = (
        "mutation($i: IssueCreateInput!) { issueCreate(input: $i) { issue { identifier creator { app } } } }"
    )
    made = toy.data(make, i={"teamId": team, "title": "By the bot"})["issueCreate"]["issue"]
    assert made["creator"] == {"app": True}
    toy.control("POST", "/webhook", {"url": "http://127.0.0.1:9/", "secret": "s"})
    hook = toy.data("{ webhooks { nodes { id enabled url resourceTypes } } }")["webhooks"]["nodes"][0]
    assert hook["url"] == "http://127.0.0.1:9/" and "Issue" in hook["resourceTypes"]
    toy.control("PATCH", "/linear/webhook", {"enabled": False})
    wake = "mutation($id: String!) { webhookUpdate(id: $id, input: {enabled: true}) { webhook { enabled } } }"
    assert toy.data(wake, id=hook["id"])["webhookUpdate"]["webhook"] == {"enabled": True}


def test_a_batch_with_one_issue_that_is_refused_changes_none(toy: Toy) -> None:
    free, taken = toy.issue(), toy.issue(labels=["Area/ui"])
    ids = [toy.control("GET", f"/issues/{key}")["id"] for key in (free, taken)]
    batch = """mutation($ids: [UUID!]!, $input: IssueUpdateInput!) {
      issueBatchUpdate(ids: $ids, input: $input) { success } }"""
    refusal = toy.refusal(batch, ids=ids, input={"addedLabelIds": [toy.labels()["api"]]})
    assert refusal["message"] == "labelIds not exclusive child labels"
    assert toy.control("GET", f"/issues/{free}")["labels"] == []


def test_updated_at_strictly_rises(toy: Toy) -> None:
    key, seen = toy.issue(), []
    for points in range(1, 20):
        seen.append(toy.data(UPDATE, id=key, input={"estimate": points})["issueUpdate"]["issue"]["updatedAt"])
    assert seen == sorted(set(seen))


def test_trashed_issue_is_read_by_id_and_a_purged_one_is_gone(toy: Toy) -> None:
    key, query = toy.issue(), "query($id: String!) { issue(id: $id) { trashed archivedAt } }"
    toy.control("DELETE", f"/issues/{key}")
    assert toy.data(query, id=key)["issue"]["trashed"] is True
    assert toy.data("{ issues { nodes { id } } }")["issues"]["nodes"] == []
    toy.control("POST", f"/linear/issues/{key}/purge")
    refusal = toy.refusal(query, id=key)
    assert refusal["message"] == "Entity not found: Issue" and refusal["extensions"]["code"] == "INPUT_ERROR"
