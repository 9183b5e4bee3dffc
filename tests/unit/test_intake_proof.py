"""Who may knock: every kind of proof, right and wrong, and what is said and kept of a wrong one."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from structlog.typing import EventDict

from tests.unit import front_door
from tests.unit.front_door import SECRETS, House, basic, digest, jira_body, linear_body, signed

server, redis, house, lines = front_door.server, front_door.redis, front_door.house, front_door.lines

BODY = jira_body()


@pytest.mark.parametrize("method", ["sha256", "sha384", "sha512"])
def test_a_jira_signature_is_taken(house: House, method: str) -> None:
    answer = house.post("jira", BODY, X_Hub_Signature=f"{method}={digest(BODY, 'JIRA_HOOK', method)}")
    assert (answer.status, answer.told) == (200, {"status": "queued", "hints": 1})


def test_a_linear_signature_is_taken(house: House) -> None:
    assert house.linear(linear_body()).told == {"status": "queued", "hints": 1}


def test_a_user_and_password_are_taken(house: House) -> None:
    answer = house.post("basic", BODY, Authorization=basic("hook", SECRETS["PASSWORD"]))
    assert answer.told["status"] == "queued"


def test_a_token_is_taken_from_its_header(house: House) -> None:
    answer = house.post("token", BODY, X_Sprintwarden_Token=SECRETS["TOKEN"])
    assert answer.told["status"] == "queued"


def test_a_token_is_taken_from_the_address(house: House) -> None:
    assert house.post("token", BODY, f"?token={quote(SECRETS['TOKEN'])}").told["status"] == "queued"


GOOD = digest(BODY, "JIRA_HOOK")
BAD_JIRA = {
    "of another body": signed(b"{}"),
    "truncated": f"sha256={GOOD[:-1]}",
    "too long": f"sha256={GOOD}0",
    "not hex": f"sha256={'z' * 64}",
    "empty": "sha256=",
    "without its method": GOOD,
    "of a weak method": f"sha1={digest(BODY, 'JIRA_HOOK', 'sha1')}",
    "of another connection's secret": signed(BODY, "OTHER_HOOK"),
    "not ASCII": "sha256=é",
}


@pytest.mark.fault(1)
@pytest.mark.parametrize("signature", BAD_JIRA.values(), ids=BAD_JIRA.keys())
def test_a_wrong_jira_signature_is_refused(house: House, signature: str) -> None:
    answer = house.post("jira", BODY, X_Hub_Signature=signature)
    assert (answer.status, answer.told["reason"]) == (401, "bad_signature")
    assert answer.told["detail"].endswith(".")
    assert house.stored() == []


LINEAR = linear_body()
BAD_LINEAR = {
    "of another body": digest(b"{}", "LINEAR_HOOK"),
    "truncated": digest(LINEAR, "LINEAR_HOOK")[:-1],
    "too long": digest(LINEAR, "LINEAR_HOOK") + "0",
    "not hex": "z" * 64,
    "with Jira's method before it": "sha256=" + digest(LINEAR, "LINEAR_HOOK"),
    "of another connection's secret": digest(LINEAR, "JIRA_HOOK"),
}


@pytest.mark.fault(1)
@pytest.mark.parametrize("signature", BAD_LINEAR.values(), ids=BAD_LINEAR.keys())
def test_a_wrong_linear_signature_is_refused(house: House, signature: str) -> None:
    answer = house.post("linear", LINEAR, Linear_Signature=signature)
    assert (answer.status, answer.told["reason"]) == (401, "bad_signature")
    assert house.stored() == []


@pytest.mark.fault(1)
@pytest.mark.parametrize("name", ["jira", "linear", "basic", "token"])
def test_a_delivery_without_any_proof_is_refused(house: House, name: str) -> None:
    answer = house.post(name, BODY)
    assert (answer.status, answer.told["reason"]) == (401, "missing_credentials")
    assert answer.told["detail"].startswith("There is no")
    assert house.stored() == []


@pytest.mark.parametrize("user", ["hook", "other"])
def test_a_wrong_password_is_refused(house: House, user: str) -> None:
    password = "wrong" if user == "hook" else SECRETS["PASSWORD"]
    answer = house.post("basic", BODY, Authorization=basic(user, password))
    assert (answer.status, answer.told["reason"]) == (401, "bad_credentials")


@pytest.mark.parametrize("query", ["?token=wrong", "?token=", "?other=1", "?" + "&" * 50, "?token=%ff"])
def test_a_wrong_token_in_the_address_is_refused(house: House, query: str) -> None:
    assert house.post("token", BODY, query).status == 401


@pytest.mark.fault(2)
def test_both_secrets_are_good_while_one_replaces_the_other(house: House) -> None:
    one, other = jira_body("1"), jira_body("2")
    assert house.jira(one, "turning", "OLD_HOOK").told["status"] == "queued"
    assert house.jira(other, "turning", "NEW_HOOK").told["status"] == "queued"


@pytest.mark.fault(2)
def test_a_secret_that_was_removed_is_good_no_more(house: House) -> None:
    assert house.jira(BODY, "turned", "OLD_HOOK").status == 401
    assert house.jira(BODY, "turned", "NEW_HOOK").status == 200


def test_an_unknown_connection_is_not_found(house: House) -> None:
    answer = house.jira(BODY, "nobody")
    assert (answer.status, answer.told["reason"]) == (404, "unknown_connection")
    assert house.stored() == []
    assert house.notes("unknown:refused") == []


@pytest.mark.fault(1)
def test_a_refused_delivery_is_noted_without_its_body(house: House) -> None:
    house.post("jira", BODY, X_Hub_Signature="sha256=00")
    (note,) = house.notes("jira:refused")
    assert (note["outcome"], note["reason"], note["digest"]) == ("refused", "bad_signature", "")
    assert "Checkout" not in str(note)


@pytest.mark.fault(1, 61)
def test_neither_answer_nor_log_nor_store_holds_a_secret_or_the_text(
    house: House, lines: list[EventDict]
) -> None:
    body = jira_body(title="Zanzibar is on fire", webhookEvent="jira:unheard_of")
    told = [
        house.jira(body),
        house.jira(jira_body(title="Zanzibar is on fire")),
        house.jira(jira_body(project="ZZZ", title="Zanzibar is on fire")),
        house.jira(body, "turning", "JIRA_HOOK"),
        house.post("basic", body, Authorization=basic("hook", SECRETS["PASSWORD"] + "x")),
        house.post("token", body, f"?token={SECRETS['TOKEN']}"),
        house.post("token", body, f"?token={SECRETS['TOKEN']}-wrong"),
        house.post("nobody", body, f"?token={SECRETS['TOKEN']}"),
        house.post("jira", b"Zanzibar" + body, X_Hub_Signature=signed(b"Zanzibar" + body)),
        house.linear(linear_body(title="Zanzibar is on fire")),
        house.linear(linear_body(title="Zanzibar is on fire", age_ms=-front_door.HOUR_MS)),
    ]
    kept = [_held(house, str(key)) for key in house.redis.scan_iter()]
    seen = f"{told} {lines} {kept}"
    assert len(lines) >= len(told)
    for hidden in [*SECRETS.values(), "Zanzibar"]:
        assert hidden not in seen


def _held(house: House, key: str) -> str:
    match house.redis.type(key):
        case "list":
            return str(house.redis.lrange(key, 0, -1))
        case "hash":
            return str(house.redis.hgetall(key))
        case "zset":
            return str(house.redis.zrange(key, 0, -1))
    return str(house.redis.get(key))
