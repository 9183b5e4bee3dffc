"""Adding a connection to connections.yaml: what was there stays, to the byte, and the result is read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.connection_schema import Deployment
from rules.connections import load_connections
from rules.source import read_source
from sprintwarden.connections_text import Draft, Reference, names_in, with_connection
from sprintwarden.settings import Complaint
from trackers.model import TrackerKind

SECRETS = {"TOKEN": "token-0001", "HOOK": "hook-secret-1", "KEY": "linear-key-1"}
JIRA = Draft(
    name="acme-jira",
    tracker=TrackerKind.JIRA,
    deployment=Deployment.CLOUD,
    url="https://acme.example",
    api_url="https://api.example/ex/jira/1a-2b",
    auth=(("email", "bot@acme.example"), ("token", Reference("env", "TOKEN"))),
    service_account=True,
    hook=Reference("env", "HOOK"),
    places=("ABC", "NO"),
    boards=("12",),
)
LINEAR = Draft(
    name="acme-linear",
    tracker=TrackerKind.LINEAR,
    deployment=None,
    url="https://api.linear.app",
    api_url="",
    auth=(("client_id", "0123: #id"), ("client_secret", Reference("env", "KEY"))),
    service_account=False,
    hook=Reference("env", "HOOK"),
    places=("ENG",),
    cycles=True,
)
OTHER = """\
  old-one:   # the first
    tracker: linear
    auth: {key: {env: KEY}}
    webhook:
      secrets:
      - {env: HOOK}   # shared
    teams:
      - ENG
"""
SHIPPED = (Path(__file__).parents[2] / "config" / "connections.yaml").read_text(encoding="utf-8")
FILES = {
    "shipped": SHIPPED,
    "nothing": "",
    "only a comment": "# mine\n",
    "no key": "version: 1\n",
    "no line end": "version: 1\nconnections: {}",
    "null": "version: 1\nconnections: ~  # none yet\n",
    "bare": "version: 1\nconnections:\n",
    "one": f"version: 1\nconnections:\n{OTHER}",
    "one without a line end": f"version: 1\nconnections:\n{OTHER}".rstrip("\n"),
    "comments behind": f"version: 1\nconnections:\n{OTHER}    # cycles later\n\n# the end\n",
    "version behind": f"connections:\n{OTHER}version: 1 # v\n",
    "windows": f"version: 1\r\nconnections: {{}}  # none\r\n{'#' * 3}\r\n",
    "windows with one": f"# é\nversion: 1\nconnections:\n{OTHER}# the end\n".replace("\n", "\r\n"),
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES.keys())
@pytest.mark.parametrize("draft", [JIRA, LINEAR], ids=lambda draft: draft.name)
def test_a_connection_is_added_and_all_else_stays(text: str, draft: Draft) -> None:
    new = with_connection(text, draft)
    loaded = {one.name: one for one in load_connections(new.encode(), "connections.yaml", SECRETS)}
    assert loaded[draft.name].projects == draft.places
    assert set(loaded) == {*names_in(text), draft.name}
    lines, added = new.splitlines(), [f"  {line}" for line in draft.lines()]
    at = lines.index(added[0])
    assert lines[at : at + len(added)] == added
    rest = lines[:at] + lines[at + len(added) :]
    kept, before = _others(rest), _others(text.splitlines())
    # A file that does not say its version gets it behind what it says.
    assert before in (kept[len(kept) - len(before) :], kept[: len(before)])


def _others(lines: list[str]) -> list[str]:
    return [line for line in lines if "connections:" not in line]


def test_line_ends_are_those_of_the_file() -> None:
    new = with_connection(FILES["windows"], JIRA)
    assert "\n" not in new.replace("\r\n", "")
    assert new.startswith("version: 1\r\nconnections:  # none\r\n  acme-jira:\r\n")


def test_what_is_said_is_what_is_read_back() -> None:
    text = with_connection(with_connection("", JIRA), LINEAR)
    jira, linear = load_connections(text.encode(), "connections.yaml", SECRETS)
    assert (jira.api, jira.url, jira.boards, jira.service_account) == (JIRA.api_url, JIRA.url, ("12",), True)
    assert (linear.cycles, linear.service_account, linear.deployment) == (True, False, None)
    assert (
        read_source(text.encode(), "c").data["connections"]["acme-linear"]["auth"]["client_id"] == "0123: #id"
    )
    assert jira.projects == ("ABC", "NO")


def test_a_byte_order_mark_is_left_out() -> None:
    marked = "\ufeffversion: 1\nconnections: {}\n"
    assert names_in(marked) == ()
    assert with_connection(marked, JIRA) == with_connection(marked[1:], JIRA)


def test_one_of_the_same_name_is_replaced_alone() -> None:
    after = "\n  # about the next\n  other:\n    tracker: linear\n"
    text = f"version: 1\nconnections:\n  # about ours\n{OTHER.replace('old-one', 'acme-jira')}{after}"
    new = with_connection(text, JIRA)
    assert new == "".join(
        ["version: 1\nconnections:\n  # about ours\n", *(f"  {line}\n" for line in JIRA.lines()), after]
    )


def test_an_alias_at_the_end_is_no_end() -> None:
    text = (
        "version: 1\nconnections:\n  a:\n    tracker: linear\n    auth: {key: &k {env: KEY}}\n"
        "    teams: [ENG]\n    webhook: {secrets: [*k]}\n"
        "  b:\n    tracker: linear\n    auth: {key: *k}\n    teams: [ENG]\n"
        "    webhook:\n      secrets:\n      - *k\n"
    )
    assert with_connection(text, JIRA).startswith(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 1\nconnections: {a: {tracker: linear}}\n", "braces"),
        ("version: [1\n", "no valid YAML"),
        ("- a\n", "no mapping"),
        ("version: 1\nconnections: hello\n", "no mapping of names to connections"),
        ("version: 1\nconnections: [a]\n", "no mapping of names to connections"),
        ("version: 1\nconnections:\n- a: {tracker: linear}\n", "no mapping of names to connections"),
    ],
)
def test_where_none_can_be_added_that_is_said(text: str, said: str) -> None:
    with pytest.raises(Complaint, match=said):
        names_in(text)
    with pytest.raises(Complaint, match=said):
        with_connection(text, JIRA)
