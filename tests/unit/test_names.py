"""A tag's name is found in an issue however it is written there, and told apart by how telling it is."""

from __future__ import annotations

import numpy as np
import pytest

from classifiers.compounds import said
from classifiers.names import FIRST, OPENING, PART, PREFIX, NameIndex, NameInputs, name_stems, stem, telling
from classifiers.text import Plain

TAGS = ("Core: Debugging", "Core: Logging", "Core: Routing", "LiveView", "REST API", "Configuration")


def found(title: str, body: str = "", tags: tuple[str, ...] = TAGS) -> NameInputs:
    index = NameIndex(name_stems(tags))
    marks = index.marks(said(Plain(title, body)))
    return index.inputs(marks[None], telling(200, np.full(len(index.stems), 4.0)))


def best(inputs: NameInputs) -> str:
    return TAGS[int(inputs.share[0].argmax())]


@pytest.mark.parametrize(
    ("title", "tag"),
    [
        ("Debugger stops twice", "Core: Debugging"),
        ("Breakpoint lost after debugging a test", "Core: Debugging"),
        ("Crash in LiveViewController on start", "LiveView"),
        ("live_view does not refresh", "LiveView"),
        ("Wrong status code of the rest api", "REST API"),
    ],
)
def test_name_is_found_in_other_forms(title: str, tag: str) -> None:
    assert best(found(title)) == tag


def test_word_common_to_many_names_is_no_sign_of_any() -> None:
    assert not found("Core dump on start").share.any()


def test_words_left_when_all_are_common_stay() -> None:
    assert name_stems(("Core", "Core: A1", "Core: B1", "Core: C1"))[0] == (stem("core"),)


def test_where_the_name_stands_counts() -> None:
    column = TAGS.index("Core: Logging")
    title, body = found("Logging is slow"), found("Start is slow", "It happens with logging on.")
    assert title.opening[0, column] > body.opening[0, column] == 0
    assert title.first[0, column] == 1
    assert body.first[0, column] == 0
    assert title.share[0, column] == body.share[0, column] > 0


@pytest.mark.parametrize("title", ["[Logging] slow start", "Logging: slow start", "Logging - slow start"])
def test_bracket_and_prefix_are_known(title: str) -> None:
    index = NameIndex(name_stems(TAGS))
    marks = index.marks(said(Plain(title, "")))
    assert marks[index.places[stem("logging")]] & PREFIX
    assert not index.marks(said(Plain("Slow logging: on start", "")))[0] & PREFIX


def test_shortened_and_contained_names_count_as_parts() -> None:
    column = TAGS.index("Configuration")
    short, long = found("Broken config file"), found("Reconfiguration fails")
    assert short.share[0, column] == long.share[0, column] == 0
    assert short.part[0, column] > 0
    assert long.part[0, column] > 0


def test_rare_name_tells_more_than_a_common_one() -> None:
    index = NameIndex(name_stems(("tizen", "http")))
    marks = index.marks(said(Plain("http on tizen", "")))
    inputs = index.inputs(marks[None], telling(200, np.array([1.0, 100.0])))
    assert inputs.share[0, 0] > 3 * inputs.share[0, 1] > 0


def test_gap_is_to_the_best_found_name() -> None:
    gap = found("Debugger and logging, but mostly the REST API").gap[0]
    assert gap.max() == 0
    assert gap[TAGS.index("LiveView")] < 0


def test_long_title_is_read_as_text() -> None:
    issue = said(Plain("", " ".join(["word"] * 30 + ["logging"])))
    assert issue.opening == 12
    assert not issue.titled
    index = NameIndex(name_stems(TAGS))
    mark = int(index.marks(issue)[index.places[stem("logging")]])
    assert mark
    assert not mark & (OPENING | FIRST | PART)


def test_names_without_words_and_no_tags_at_all_do_no_harm() -> None:
    assert not found("++ and --", tags=("++", "--")).share.any()
    assert found("Anything", tags=()).share.shape == (1, 0)
