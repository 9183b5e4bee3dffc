"""Every operation we send fits both schemas, stays cheap, and is asked for by what may pause it."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from graphql import FieldNode, GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate

from sandbox.linear.api import sdl
from sandbox.linear.complexity import Estimator
from tests.contract.conftest import LinearRig
from trackers.linear.batch import SEEN
from trackers.linear.client import documents
from trackers.linear.cycles import PAGE, PAST_PAGE
from trackers.linear.search import HISTORIES_PAGE
from trackers.linear.search import PAGE as SEARCH_PAGE
from trackers.linear.updates import PAGE as UPDATES_PAGE

VENDOR = Path(__file__).parents[2].parent / "shared" / "reference" / "linear-schema.graphql"
DOCUMENTS = documents()
MOST_POINTS = {
    "WhoAmI": 3,
    "ReadIssue": 325,
    "MoreHistory": 140,
    "PastIssues": 5_700,
    "PastHistory": 285,
    "SearchIssues": 9_100,
    "Histories": 9_200,
    "GlimpseIssues": 700,
    "Updates": 910,
    "UsableLabels": 370,
    "TeamsByKey": 70,
    "Teams": 175,
    "Team": 3,
    "OpenCycles": 60,
    "Cycle": 5_200,
    "CyclePasts": 6_400,
    "CyclePast": 520,
    "PastCycles": 100,
    "PastCycleIssues": 600,
    "Webhooks": 275,
    "CreateWebhook": 4,
    "EnableWebhook": 2,
    "IssuePlace": 2,
    "MoveAndBack": 3,
    "TryToWrite": 2,
    "CreateLabel": 3,
    "EditLabels": 3,
    "LabelIssues": 3,
    "EditLabelsAndPostComment": 6,
    "EditLabelsAndEditComment": 6,
    "PostComment": 3,
    "EditComment": 3,
}
"""What each operation may cost; a key has millions of points an hour, one query 10,000."""
PAGES = {
    "Cycle": PAGE,
    "CyclePasts": PAST_PAGE,
    "SearchIssues": SEARCH_PAGE,
    "Histories": HISTORIES_PAGE,
    "GlimpseIssues": SEEN,
    "Updates": UPDATES_PAGE,
}
"""The page that is asked for, of those whose page is a variable."""


@functools.cache
def vendors_schema() -> GraphQLSchema:
    return build_schema(VENDOR.read_text("utf-8"))


@functools.cache
def toys_schema() -> GraphQLSchema:
    return build_schema(sdl())


def operation(name: str) -> OperationDefinitionNode:
    (node,) = parse(DOCUMENTS[name]).definitions
    assert isinstance(node, OperationDefinitionNode)
    return node


def test_every_operation_has_a_bound_on_its_cost() -> None:
    assert MOST_POINTS.keys() == DOCUMENTS.keys()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_operation_fits_the_vendors_schema(name: str) -> None:
    if not VENDOR.exists():
        pytest.skip(f"The vendor's schema is not at {VENDOR}, beside the repository.")
    assert validate(vendors_schema(), parse(DOCUMENTS[name])) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_operation_fits_the_toys_schema(name: str) -> None:
    assert validate(toys_schema(), parse(DOCUMENTS[name])) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_operation_stays_within_its_cost(name: str) -> None:
    cost = Estimator(toys_schema(), {}, {"first": PAGES.get(name)}).cost(operation(name))
    assert MOST_POINTS[name] * 0.7 < cost <= MOST_POINTS[name]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_operation_is_asked_for_by_its_name_and_its_root_fields(linear: LinearRig, name: str) -> None:
    node = operation(name)
    assert node.name is not None and node.name.value == name
    roots = [field.name.value for field in node.selection_set.selections if isinstance(field, FieldNode)]
    expected = dict.fromkeys(["all", f"endpoint:{name}", *(f"endpoint:{root}" for root in roots)])
    assert linear.client._scopes[name] == tuple(expected)


def test_labels_stand_before_the_comment() -> None:
    for name in ("EditLabelsAndPostComment", "EditLabelsAndEditComment"):
        fields = [field for field in operation(name).selection_set.selections if isinstance(field, FieldNode)]
        assert [field.alias.value for field in fields if field.alias] == ["labels", "comment"]
