"""``explain`` of an issue that a tracker does not have, or does not show."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis

from rules.load import load_rules
from sandbox.jira import JiraConfig
from sandbox.jira import create_app as create_jira
from sandbox.linear import LinearConfig
from sandbox.linear import create_app as create_linear
from sandbox.server import start
from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.explaining import explain
from sprintwarden.settings import Complaint, read_settings
from store.rulebook import RulebookShelf

TOKEN = "long-enough-for-a-token"
RULES = b"version: 1\ndefaults: {tagging: {rules: [{label: security, title: {words: [xss]}}]}}\n"
JIRA = "tracker: jira, auth: {email: bot@example.invalid, token: {env: TOKEN}}, projects: [ABC]"
LINEAR = "tracker: linear, auth: {key: {env: TOKEN}}, teams: [ABC]"
FILE = "version: 1\nconnections: {acme: {url: '%s', webhook: {secrets: [{env: TOKEN}]}, %s}}\n"


@pytest.mark.parametrize("part", [JIRA, LINEAR], ids=["jira", "linear"])
def test_an_issue_that_is_not_there_is_named_as_it_was_asked_for(
    part: str, tmp_path: Path, redis: Redis, redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    linear = LinearConfig(token=TOKEN, teams=("ABC",))
    app = create_jira(JiraConfig(token=TOKEN)) if part == JIRA else create_linear(linear)
    RulebookShelf(redis).publish(load_rules(RULES, "rules.yaml").version_id, RULES)
    told = {"SPRINTWARDEN_CONFIG": str(tmp_path), "REDIS_URL": redis_server.url, "TOKEN": TOKEN}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    with start(app) as server:
        (tmp_path / "connections.yaml").write_text(FILE % (server.url, part))
        with pytest.raises(Complaint) as found:
            explain(read_settings(), "acme", "ABC-99")
    app.extensions["sandbox"].sender.close()
    assert str(found.value) == "acme has no issue ABC-99, or the account may not see it."
