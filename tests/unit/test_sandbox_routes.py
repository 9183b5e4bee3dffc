"""Toys of one kind share the table of their addresses, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import flask
import pytest

from sandbox import jira, linear

TOYS: list[Callable[[str], flask.Flask]] = [
    lambda token: jira.create_app(jira.JiraConfig(token=token, deployment="cloud")),
    lambda token: jira.create_app(jira.JiraConfig(token=token, deployment="data_center")),
    lambda token: jira.create_app(jira.JiraConfig(token=token, deployment="data_center", release="9.12.4")),
    lambda token: linear.create_app(linear.LinearConfig(token=token)),
]


@pytest.mark.parametrize("make", TOYS, ids=["cloud", "data_center", "old_data_center", "linear"])
def test_each_address_is_one_of_the_toys_own(make: Callable[[str], flask.Flask]) -> None:
    first, second = make("one"), make("two")
    assert first.url_map is second.url_map
    assert {rule.endpoint for rule in second.url_map.iter_rules()} == second.view_functions.keys()
    project = "ENG" if make is TOYS[-1] else "ABC"
    with second.test_client() as person:
        person.post("/_sandbox/issues", json={"project": project, "title": "Broken"})
        assert len(person.get("/_sandbox/issues").json or ()) == 1
    with first.test_client() as person:
        assert person.get("/_sandbox/issues").json == []
