"""The one-of head: what it learns, how it answers, packs and explains itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from classifiers.arrays import read_arrays, write_arrays
from classifiers.examples import Example, Filed
from classifiers.exclusive import ExclusiveHead, mixed_chances
from classifiers.exclusive_fit import fit_exclusive
from classifiers.head import Fitted, Packed

PARTS = ("export", "login page", "search box", "invoice list", "calendar", "report mail")
PLACES = ("on Windows", "in the browser", "after the update", "for new users", "in the archive")
WORDS = {
    "bug": ("{part} crashes {place}", "It fails with an exception and we lost the data of the {part}."),
    "feature": ("Add filters to the {part} {place}", "It would be nice if the {part} offered filters."),
    "question": ("How do I open the {part} {place}?", "I wonder where the {part} is, please help."),
}


def issues(rounds: int = 15, kinds: Sequence[str] = tuple(WORDS)) -> Iterator[Example]:
    """Each project has its own share of kinds, as trackers do."""
    for number in range(rounds):
        for project, kind, times in (("WEB", "bug", 3), ("WEB", "feature", 1), ("APP", "question", 2)):
            if kind not in kinds:
                continue
            for turn in range(times):
                title, body = WORDS[kind]
                part, place = PARTS[(number + turn) % 6], PLACES[(number * 2 + turn) % 5]
                said = {"part": part, "place": place}
                filed = Filed(project, title.format(**said).capitalize(), body.format(**said))
                yield Example(f"{project}-{kind}-{number}-{turn}", filed, float(number), (kind,))


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return fit_exclusive([*issues(), *_app_bugs()])


def _app_bugs() -> Iterator[Example]:
    for number, part in enumerate(PARTS):
        filed = Filed("APP", f"{part} crashes", f"The {part} fails with an exception.")
        yield Example(f"APP-bug-{number}", filed, float(2 * number), ("bug",))


def best(fitted: Fitted, project: str, title: str, body: str = "") -> str:
    reading = fitted.head.read(Filed(project, title, body))
    return reading.tags[int(reading.p.argmax())]


def test_it_learns_what_was_planted(fitted: Fitted) -> None:
    assert best(fitted, "WEB", "Import crashes", "It fails with an exception.") == "bug"
    assert best(fitted, "WEB", "Add a dark mode", "It would be nice to have.") == "feature"
    assert best(fitted, "APP", "How do I change my name?", "I wonder where, please help.") == "question"


def test_a_projects_candidates_are_its_own_tags_and_their_chances_add_up_to_1(fitted: Fitted) -> None:
    web = fitted.head.read(Filed("WEB", "How do I change my name?", ""))
    assert web.tags == ("bug", "feature")
    assert web.p.sum() == pytest.approx(1)
    assert fitted.head.uses["APP"] == {"bug": 6, "question": 30}


def test_of_a_project_never_seen_all_tags_are_candidates(fitted: Fitted) -> None:
    reading = fitted.head.read(Filed("NEW", "Printer crashes", "It fails with an exception."))
    assert reading.tags == ("bug", "feature", "question")
    assert reading.tags[int(reading.p.argmax())] == "bug"


def test_reasons_name_the_planted_words_as_they_were_written(fitted: Fitted) -> None:
    reading = fitted.head.read(Filed("WEB", "Printer CRASHES", "It fails with an Exception."))
    terms = reading.because(reading.tags.index("bug"))
    assert {"CRASHES", "Exception"} & {term.text for term in terms[:5]}
    assert all(term.weight > 0 for term in terms)
    assert [term.weight for term in terms] == sorted((term.weight for term in terms), reverse=True)


def test_reasons_tell_signs_in_plain_words(fitted: Fitted) -> None:
    reading = fitted.head.read(Filed("APP", "How do I print?", ""))
    terms = {term.text for term in reading.because(reading.tags.index("question"))}
    assert terms & {"the title asks a question", 'the title begins with "how do"'}


def test_a_word_is_named_once_though_several_blocks_hold_it(fitted: Fitted) -> None:
    reading = fitted.head.read(Filed("WEB", "Export crashes", "It crashes and crashes."))
    texts = [term.text.lower() for term in reading.because(0)]
    assert len(texts) == len(set(texts))


def test_known_is_the_share_of_words_seen(fitted: Fitted) -> None:
    assert fitted.head.read(Filed("WEB", "Export crashes", "")).known == 1
    assert fitted.head.read(Filed("WEB", "Zwiebeln schneiden", "")).known == 0
    assert fitted.head.read(Filed("WEB", "", "")).words == 0


def test_an_empty_issue_still_gets_chances(fitted: Fitted) -> None:
    reading = fitted.head.read(Filed("NEW", "", ""))
    assert reading.p.sum() == pytest.approx(1)
    assert reading.because(0) == ()


def test_packed_and_unpacked_it_answers_the_same(fitted: Fitted) -> None:
    packed = fitted.head.pack()
    arrays = read_arrays(write_arrays(packed.arrays), most=50_000_000)
    again = ExclusiveHead.unpack(Packed(packed.kind, arrays, json.loads(json.dumps(packed.facts))))
    for example in issues(3):
        before, after = fitted.head.read(example.filed), again.read(example.filed)
        assert before.tags == after.tags
        assert np.array_equal(before.p, after.p)
        assert before.because(0) == after.because(0)


def test_arrays_that_do_not_fit_are_refused(fitted: Fitted) -> None:
    packed = fitted.head.pack()
    short = {**packed.arrays, "weights": packed.arrays["weights"][:-1]}
    with pytest.raises(ValueError, match="do not fit"):
        ExclusiveHead.unpack(replace(packed, arrays=short))


def test_the_same_examples_give_the_same_head() -> None:
    examples = list(issues(8))
    one, other = fit_exclusive(examples), fit_exclusive(examples)
    filed = Filed("WEB", "Add a crash report", "")
    assert np.array_equal(one.head.read(filed).p, other.head.read(filed).p)
    assert np.array_equal(one.honest.p, other.honest.p)


def test_honest_rows_come_from_the_later_part_of_each_project(fitted: Fitted) -> None:
    examples = [*issues(), *_app_bugs()]
    answered = sorted(set(fitted.honest.example.tolist()))
    assert answered
    assert min(examples[at].created for at in answered) > 3
    rows = fitted.honest.example == answered[0]
    assert fitted.honest.p[rows].sum() == pytest.approx(1, abs=1e-5)
    assert fitted.honest.right[rows].sum() <= 1


def test_issues_picked_so_many_of_each_kind_are_no_stream() -> None:
    picked = [
        Example(
            f"{kind}-{number}",
            Filed("WEB", f"{WORDS[kind][0]} {number}", ""),
            float(order * 20 + number),
            (kind,),
        )
        for order, kind in enumerate(WORDS)
        for number in range(20)
    ]
    honest = fit_exclusive(picked).honest
    assert set(honest.example.tolist()) == set(range(60))


def test_a_stream_with_nearly_equal_tags_is_walked_forward() -> None:
    stream = [
        Example(f"{n}", Filed("WEB", f"{WORDS[kind][0]} {n}", ""), float(n), (kind,))
        for n, kind in enumerate(["bug"] * 2 + ["feature", "question", "bug", "bug", "question"] * 8)
    ]
    honest = fit_exclusive(stream).honest
    assert min(honest.example.tolist()) >= 0.4 * len(stream)


def test_weights_matter() -> None:
    contested = Filed("WEB", "Widget", "widget widget")
    other = [
        Example(f"o{n}", Filed("WEB", f"Thing {n}", "thing"), float(n), ("bug", "feature")[n % 2 :][:1])
        for n in range(12)
    ]
    split = [Example(f"c{n}", contested, 20.0 + n, ("bug", "feature")[n % 2 :][:1]) for n in range(8)]

    def chance_of_bug(weight: float) -> float:
        heavy = [replace(one, weight=weight if one.tags == ("bug",) else 1.0) for one in split]
        reading = fit_exclusive([*other, *heavy]).head.read(contested)
        return float(reading.p[reading.tags.index("bug")])

    assert chance_of_bug(5.0) > chance_of_bug(1.0) + 0.1


def test_untagged_issues_are_left_out() -> None:
    untagged = [Example("none", Filed("WEB", "zebra zebra", "zebra"), 0.5, ())]
    examples = [*untagged, *issues(8)]
    fitted = fit_exclusive(examples)
    assert fitted.head.read(Filed("WEB", "zebra", "")).known == 0
    assert all(examples[at].tags for at in fitted.honest.example.tolist())


def test_of_one_tag_there_is_nothing_to_learn() -> None:
    with pytest.raises(ValueError, match="fewer than two"):
        fit_exclusive(list(issues(5, kinds=("bug",))))


def test_a_persons_name_is_never_learnt() -> None:
    examples = [
        replace(example, filed=replace(example.filed, body=f"{example.filed.body} Asked by Zebulon Quist."))
        for example in issues(8)
    ]
    head = fit_exclusive(examples, names=frozenset({"Zebulon Quist"})).head
    told = json.dumps(head.pack().facts).lower()
    assert "zebulon" not in told
    assert "quist" not in told


def test_a_tag_a_member_never_met_has_no_chance() -> None:
    p = mixed_chances(np.array([[[1.0, 1.0, -np.inf]]]), np.array([1.0]), 2.0)
    assert p.tolist() == [[0.5, 0.5, 0.0]]
