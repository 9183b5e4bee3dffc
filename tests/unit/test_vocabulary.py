"""Vocabularies: the figures of scikit-learn, counted with bounded memory, told and read back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]

from classifiers.text import char_grams, word_grams, words
from classifiers.vocabulary import Blocks, Vocabulary

TEXTS = [
    "The login page crashes after the second login",
    "Login with a wrong password shows a blank page",
    "Export to CSV drops the last line",
    "CSV export: the export is slow, the page times out",
    "",
    "Übersicht zeigt keine Zahlen",
]
STREAMS = [word_grams(words(text)) for text in TEXTS]
documents = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=12), min_size=1, max_size=20)


def scikit(**settings: object) -> TfidfVectorizer:
    return TfidfVectorizer(sublinear_tf=True, smooth_idf=True, norm="l2", **settings)


@pytest.mark.parametrize("min_df", [1, 2])
def test_words_and_pairs_have_the_figures_of_scikit_learn(min_df: int) -> None:
    theirs = scikit(ngram_range=(1, 2), min_df=min_df)
    expected = theirs.fit_transform(TEXTS).toarray()
    counted = Vocabulary.count(STREAMS, min_df=min_df)
    assert counted.tokens == tuple(theirs.get_feature_names_out())
    np.testing.assert_allclose(counted.idf, theirs.idf_, rtol=1e-6)
    np.testing.assert_allclose(counted.matrix(STREAMS).toarray(), expected, atol=1e-6)


def test_runs_of_characters_have_the_figures_of_scikit_learn() -> None:
    theirs = scikit(analyzer="char_wb", ngram_range=(2, 5))
    expected = theirs.fit_transform(TEXTS).toarray()
    streams = [char_grams(text) for text in TEXTS]
    vocabulary = Vocabulary.count(streams)
    assert vocabulary.tokens == tuple(theirs.get_feature_names_out())
    np.testing.assert_allclose(vocabulary.matrix(streams).toarray(), expected, atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(documents)
def test_an_issue_is_the_same_row_when_served_as_in_training(streams: list[list[str]]) -> None:
    vocabulary = Vocabulary.count(streams)
    rows = vocabulary.matrix(streams)
    for at, tokens in enumerate([*streams]):
        row = vocabulary.encode(tokens)
        dense = np.zeros(len(vocabulary), np.float32)
        dense[row.columns] = row.values
        np.testing.assert_allclose(dense, rows[at].toarray()[0], atol=1e-6)
        assert sorted(row.columns) == list(row.columns)
    assert [str(each.dtype) for each in (*row, rows)] == ["int32", "float32", "float32"]


@pytest.mark.parametrize("at_once", [1, 3])
def test_it_does_not_matter_how_many_issues_are_counted_at_a_time(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Vocabulary.count(STREAMS, min_df=2)
    rows = expected.matrix(STREAMS).toarray()
    for module in ("census", "rows"):
        monkeypatch.setattr(f"classifiers.{module}.AT_ONCE", at_once)
    vocabulary = Vocabulary.count(STREAMS, min_df=2)
    assert vocabulary.tokens == expected.tokens
    np.testing.assert_array_equal(vocabulary.matrix(STREAMS).toarray(), rows)


def test_unknown_tokens_and_no_tokens_give_an_empty_row() -> None:
    vocabulary = Vocabulary.count([["crash"], ["crash", "login"]])
    for tokens in ([], ["nobody", "knows"]):
        row = vocabulary.encode(tokens)
        assert len(row.columns) == len(row.values) == 0
    assert vocabulary.known(["crash", "nobody", "nobody"]) == 0.5
    assert vocabulary.known([]) == 0
    assert len(Vocabulary.count([])) == 0
    assert len(Vocabulary.count([]).encode(["crash"]).columns) == 0


def test_the_tokens_of_most_issues_are_kept_and_equals_by_alphabet() -> None:
    streams = [["often", "b"], ["often", "a"], ["often", "c"]]
    assert Vocabulary.count(streams, most=2).tokens == ("a", "often")


def test_with_little_room_a_count_is_too_low_by_a_bound_and_frequent_tokens_stay() -> None:
    rare = [[f"once{n}", f"also{n}", "always", *(["half"] if n % 2 else [])] for n in range(2_000)]
    tokens = [token for document in rare for token in document]
    assert len(set(tokens)) == 4_002
    fold = 200
    streams = [rare[at : at + fold] for at in range(0, len(rare), fold)]
    many = [[token for document in part for token in document] for part in streams]
    exact = Vocabulary.count(many, min_df=2)
    tight = Vocabulary.count(many, min_df=2, room=500)
    assert tight.tokens == exact.tokens == ("always", "half")


def test_a_crowded_count_keeps_what_comes_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classifiers.census.AT_ONCE", 20)
    streams = [[f"once{n}", "always", *(["early"] if n < 60 else [])] for n in range(400)]
    assert Vocabulary.count(streams, min_df=5, room=50).tokens == ("always", "early")
    crowded = Vocabulary.count(streams, room=50)
    assert len(crowded) < 100
    assert {"always", "early"} <= set(crowded.tokens)


def test_a_token_with_a_line_break_is_refused() -> None:
    with pytest.raises(ValueError, match="line break"):
        Vocabulary.count([["two\nlines"]])


def test_a_vocabulary_is_told_as_json_and_read_back() -> None:
    vocabulary = Vocabulary.count(STREAMS)
    again = Vocabulary.from_facts(json.loads(json.dumps(vocabulary.to_facts())), vocabulary.idf)
    assert again.tokens == vocabulary.tokens
    np.testing.assert_array_equal(again.encode(STREAMS[0]).values, vocabulary.encode(STREAMS[0]).values)
    empty = Vocabulary.count([])
    assert Vocabulary.from_facts(empty.to_facts(), empty.idf).tokens == ()
    with pytest.raises(ValueError, match="figures"):
        Vocabulary.from_facts(vocabulary.to_facts(), vocabulary.idf[1:])
    with pytest.raises(ValueError, match="figures"):
        Vocabulary.from_facts({"tokens": "same\nsame"}, np.ones(2))


def test_blocks_stand_side_by_side_with_their_weights() -> None:
    issues: list[tuple[list[str], ...]] = [
        (["crash", "login"], [], ["bug"]),
        (["export"], [], ["bug", "form"]),
    ]
    streams = list(zip(*issues, strict=True))
    counted = [Vocabulary.count(stream, min_df=2 if at == 2 else 1) for at, stream in enumerate(streams)]
    blocks = Blocks(tuple(counted), (0.5, 1.0, 2.0))
    rows = blocks.matrix(issues)
    assert [len(each) for each in blocks.vocabularies] == [3, 0, 1]
    assert (len(blocks), blocks.starts) == (4, (0, 3, 3))
    assert [blocks.token(column) for column in range(4)] == [
        (0, "crash"),
        (0, "export"),
        (0, "login"),
        (2, "bug"),
    ]
    np.testing.assert_allclose(rows.toarray()[1], [0, 0.5, 0, 2])
    row = blocks.encode(issues[0])
    np.testing.assert_allclose(row.values, rows.toarray()[0][row.columns], rtol=1e-6)
    assert list(row.columns) == [0, 2, 3]
    with pytest.raises(ValueError, match="zip"):
        blocks.encode([["crash"]])
