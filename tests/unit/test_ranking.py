"""The ranking head learns what a project's people tag, tells why, and stays silent where they did."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from classifiers.examples import Example, Filed
from classifiers.head import Fitted, Reading
from classifiers.pairs import INPUTS, PairWeights, shipped
from classifiers.pairs_fit import Pairs, fit_pairs, own_start
from classifiers.ranking import RankingHead
from classifiers.ranking_fit import fit_ranking
from classifiers.ranking_rows import walk

SHOP = {
    "Checkout": ("basket", "coupon", "card", "order"),
    "Search": ("query", "results", "filter", "index"),
    "Accounts": ("password", "profile", "signup", "avatar"),
    "Shipping": ("parcel", "courier", "tracking", "label"),
    "Mail": ("newsletter", "bounce", "sender", "inbox"),
    "Reports": ("chart", "export", "totals", "quarter"),
}
ENGINE = {
    "Core: Parser": ("grammar", "token", "syntax", "brace"),
    "Core: Scheduler": ("queue", "timer", "priority", "thread"),
    "Core: Storage": ("disk", "page", "snapshot", "compaction"),
    "Module: Console": ("prompt", "colour", "history", "cursor"),
    "Module: Network": ("socket", "packet", "latency", "proxy"),
    "Module: Plugins": ("extension", "manifest", "loader", "hook"),
}
FILLER = "the page shows an error after we changed something yesterday and nobody knows why".split()  # noqa: SIM905


def issues(project: str, about: Mapping[str, Sequence[str]], count: int, seed: int = 1) -> list[Example]:
    """Issues on one topic each, sometimes two, in the words people use for it."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        tags = draw.sample(sorted(about), 2 if draw.random() < 0.15 else 1)
        said = [word for tag in tags for word in draw.sample(about[tag], 2)]
        title = " ".join(draw.sample(FILLER, 2) + said[:1]).capitalize()
        body = " ".join(draw.sample(FILLER, 8) + said[1:] + draw.sample(FILLER, 3))
        made.append(Example(f"{project}-{number}", Filed(project, title, body), float(number), tuple(tags)))
    return made


def best(reading: Reading) -> str:
    return reading.tags[int(reading.p.argmax())]


def chance(reading: Reading, tag: str) -> float:
    return float(reading.p[reading.tags.index(tag)])


@pytest.fixture(scope="module")
def history() -> list[Example]:
    rare = Example("SHOP-r", Filed("SHOP", "Kiosk in the hall is dark", ""), 60.0, ("Kiosk",))
    return [*issues("SHOP", SHOP, 170), rare, *issues("ENG", ENGINE, 150, seed=2)]


@pytest.fixture(scope="module")
def fitted(history: list[Example]) -> Fitted:
    return fit_ranking(history)


def test_learns_what_each_project_tags(fitted: Fitted) -> None:
    later = [*issues("SHOP", SHOP, 40, seed=8), *issues("ENG", ENGINE, 40, seed=9)]
    right = [best(fitted.head.read(issue.filed)) in issue.tags for issue in later]
    assert np.mean(right) > 0.9
    reading = fitted.head.read(Filed("SHOP", "Coupon lost", "the basket forgets the coupon of the order"))
    assert chance(reading, "Checkout") > 0.5
    assert set(reading.tags) == {*SHOP, "Kiosk"}


def test_two_tags_can_fit_one_issue(fitted: Fitted) -> None:
    reading = fitted.head.read(
        Filed("SHOP", "Search filter and parcel tracking", "query results, courier label")
    )
    assert set(np.array(reading.tags)[np.argsort(-reading.p)[:2]]) == {"Search", "Shipping"}


def test_name_of_a_tag_used_once_is_found(fitted: Fitted) -> None:
    reading = fitted.head.read(Filed("SHOP", "Kiosk: nothing happens", "we changed something yesterday"))
    assert best(reading) == "Kiosk"
    named = reading.because(reading.tags.index("Kiosk"))[0]
    assert named.text == 'the title names "Kiosk"'
    assert named.weight > 0


def test_reasons_are_words_of_the_issue_as_written(fitted: Fitted) -> None:
    reading = fitted.head.read(Filed("ENG", "Prompt loses its Cursor", "colour and HISTORY are gone"))
    terms = reading.because(reading.tags.index("Module: Console"))
    texts = {word for term in terms for word in term.text.split()}
    assert {"Cursor", "HISTORY"} <= texts
    assert [term.weight for term in terms] == sorted((term.weight for term in terms), reverse=True)


def test_reason_names_the_part_of_the_name_that_was_found(fitted: Fitted) -> None:
    reading = fitted.head.read(Filed("ENG", "Slow start", "the parsers need a second"))
    texts = [term.text for term in reading.because(reading.tags.index("Core: Parser"))]
    assert any(text.startswith("the text names") for text in texts)


def test_honest_rows_are_answers_about_the_future(history: list[Example], fitted: Fitted) -> None:
    honest = fitted.honest
    shop = [at for at, example in enumerate(history) if example.filed.project == "SHOP"]
    created = sorted(history[at].created for at in shop)
    answered = {history[at].created for at in honest.example if at in set(shop)}
    assert min(answered) >= created[int(0.39 * len(created))]
    assert honest.p.shape == honest.right.shape == honest.tag.shape == honest.example.shape
    for at, tag, right in list(zip(honest.example, honest.tag, honest.right, strict=True))[:500]:
        assert right == (fitted.head.tags[tag] in history[at].tags)
    sure = honest.p >= 0.8
    assert sure.sum() > 50
    assert honest.right[sure].mean() > 0.8


def test_order_of_the_examples_does_not_matter(history: list[Example], fitted: Fitted) -> None:
    again = fit_ranking(history[::-1])
    filed = history[3].filed
    assert np.array_equal(again.head.read(filed).p, fitted.head.read(filed).p)
    assert {history[::-1][at].id for at in again.honest.example} == {
        history[at].id for at in fitted.honest.example
    }


def test_same_examples_give_the_same_head(history: list[Example], fitted: Fitted) -> None:
    again, once = fit_ranking(history).head.pack(), fitted.head.pack()
    assert again.facts == once.facts
    assert all(np.array_equal(again.arrays[name], array) for name, array in once.arrays.items())


def test_packed_head_answers_as_before(history: list[Example], fitted: Fitted) -> None:
    back = RankingHead.unpack(fitted.head.pack())
    assert back.tags == fitted.head.tags
    assert back.uses == fitted.head.uses
    for example in history[::40]:
        before, after = fitted.head.read(example.filed), back.read(example.filed)
        assert after.tags == before.tags
        np.testing.assert_allclose(after.p, before.p, atol=1e-6)
        assert after.because(0) == before.because(0)


def test_foreign_or_torn_head_is_refused(fitted: Fitted) -> None:
    packed = fitted.head.pack()
    with pytest.raises(ValueError, match="of kind 'exclusive'"):
        RankingHead.unpack(replace(packed, kind="exclusive"))
    torn = {**packed.arrays, "0.often": packed.arrays["0.often"][:-1]}
    with pytest.raises(ValueError, match="do not fit"):
        RankingHead.unpack(replace(packed, arrays=torn))


def test_names_that_say_nothing_do_not_spoil_the_rest(history: list[Example]) -> None:
    codes = {tag: f"zq{number}" for number, tag in enumerate([*SHOP, *ENGINE, "Kiosk"])}
    coded = [replace(one, tags=tuple(codes[tag] for tag in one.tags)) for one in history]
    head = fit_ranking(coded).head
    later = issues("SHOP", SHOP, 40, seed=8)
    right = [best(head.read(issue.filed)) in {codes[tag] for tag in issue.tags} for issue in later]
    assert np.mean(right) > 0.85


def test_project_never_seen_is_asked_by_names_alone(fitted: Fitted) -> None:
    reading = fitted.head.read(Filed("NEW", "Checkout: cannot pay", "it fails"))
    assert set(reading.tags) == set(fitted.head.tags)
    assert best(reading) == "Checkout"
    assert reading.p.max() <= 0.5
    assert reading.because(reading.tags.index("Checkout"))[0].text == 'the title names "Checkout"'


def test_issues_without_a_tag_teach_silence(history: list[Example]) -> None:
    shop = [example for example in history if example.filed.project == "SHOP"]
    bare = [
        Example(
            f"bare-{n}", Filed("SHOP", "Basket talk", "basket, coupon and the order of cards"), n + 0.5, ()
        )
        for n in range(170)
    ]
    asked = Filed("SHOP", "Basket talk", "basket, coupon and the order of cards")
    loud = chance(fit_ranking(shop).head.read(asked), "Checkout")
    assert chance(fit_ranking([*shop, *bare]).head.read(asked), "Checkout") < loud / 3


def test_weighty_examples_count_more() -> None:
    made = issues("SHOP", SHOP, 60)
    word = [Filed("SHOP", "Gizmo again", "the gizmo blinks") for _ in range(8)]
    other = ("Mail", "Search")
    told = [Example(f"w{n}", filed, 100.0 + n, (other[n % 2],)) for n, filed in enumerate(word)]

    def lead(heavy: str) -> float:
        weighed = [replace(one, weight=8.0 if heavy in one.tags else 1.0) for one in told]
        reading = fit_ranking([*made, *weighed]).head.read(Filed("SHOP", "Gizmo", "gizmo blinks"))
        return chance(reading, "Mail") - chance(reading, "Search")

    assert lead("Mail") > lead("Search") + 0.1


def test_people_stay_out_of_the_vocabulary() -> None:
    made = [
        replace(one, filed=replace(one.filed, body=f"Asked Zebulon Quartz. {one.filed.body}"))
        for one in issues("SHOP", SHOP, 30)
    ]
    packed = fit_ranking(made, names=frozenset({"Zebulon Quartz"})).head.pack()
    told = str(packed.facts).lower()
    assert "basket" in told
    assert "zebulon" not in told
    assert "quartz" not in told


@pytest.mark.parametrize("count", [1, 5, 20, 50])
def test_few_issues_do(count: int) -> None:
    fitted = fit_ranking(issues("SHOP", SHOP, count))
    reading = fitted.head.read(Filed("SHOP", "Coupon lost", "basket"))
    assert np.isfinite(reading.p).all()
    assert len(reading.p) == len(reading.tags)
    RankingHead.unpack(fitted.head.pack())


@pytest.mark.parametrize(
    "examples",
    [
        [],
        [Example("1", Filed("P", "", ""), 1.0, ("A",))] * 12,
        [Example(str(n), Filed("P", "👍", ""), float(n), ("AB"[n % 2],)) for n in range(12)],
        [Example(str(n), Filed("P", f"Issue {n}", "same"), float(n), ("A",)) for n in range(12)],
        [Example(str(n), Filed("P", f"Issue {n}", "same"), float(n), ()) for n in range(12)],
        [Example(str(n), Filed("P", f"Issue {n}", "other"), float(n), (f"T{n}",)) for n in range(12)],
        [*issues("SHOP", SHOP, 30), Example("1", Filed("ONE", "Alone", ""), 1.0, ("Solo",))],
    ],
    ids=[
        "none",
        "no text",
        "no words",
        "always the same tag",
        "never a tag",
        "every tag once",
        "project of one issue",
    ],
)
def test_odd_histories_do_no_harm(examples: list[Example]) -> None:
    head = fit_ranking(examples).head
    for filed in (
        Filed("P", "", ""),
        Filed("P", "Issue same", "x"),
        Filed("ONE", "Solo alone", ""),
        Filed("", "A", ""),
    ):
        reading = head.read(filed)
        assert ((reading.p >= 0) & (reading.p <= 1)).all()
        for i in range(len(reading.tags)):
            reading.because(i)


def test_project_where_nothing_was_ever_tagged_stays_silent(history: list[Example]) -> None:
    bare = [Example(f"b{n}", Filed("BARE", "Basket", "coupon"), float(n), ()) for n in range(10)]
    assert fit_ranking([*history[:60], *bare]).head.read(Filed("BARE", "Checkout", "coupon")).tags == ()


def test_reading_tells_how_much_it_knows(fitted: Fitted) -> None:
    known = fitted.head.read(Filed("SHOP", "Coupon basket", "order card"))
    assert (known.words, known.known) == (4, 1.0)
    assert fitted.head.read(Filed("SHOP", "Bonjour tout monde", "")).known == 0.0


def test_longer_histories_are_walked_in_fewer_steps() -> None:
    assert len(walk(1_000)) > len(walk(10_000)) > len(walk(100_000)) == 1


def test_too_many_pairs_are_thinned_evenly(history: list[Example], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("classifiers.ranking_rows.MOST_PAIRS", 500)
    thin = fit_ranking(history)
    assert 250 < len(thin.honest.p) <= 600
    asked = Filed("SHOP", "Coupon lost", "the basket forgets the coupon of the order")
    assert best(thin.head.read(asked)) == "Checkout"


def test_few_pairs_leave_the_shipped_weights_and_many_do_not() -> None:
    random_ = np.random.default_rng(0)

    def moved(count: int) -> float:
        inputs = (shipped().mean + shipped().scale * random_.normal(size=(count, len(INPUTS)))).astype(
            np.float32
        )
        right = inputs[:, INPUTS.index("name")] > shipped().mean[INPUTS.index("name")]
        zeros = np.zeros(count, np.int32)
        pairs = Pairs(zeros, zeros, zeros.astype(np.int8), inputs, right, np.ones(count, np.float32))
        return float(np.abs(fit_pairs(pairs, shipped()).weights - shipped().weights).max())

    assert moved(0) == 0
    assert moved(10) < 0.3
    assert moved(20_000) > 1


def test_pair_weights_find_what_made_the_pairs() -> None:
    random_ = np.random.default_rng(0)
    true = np.linspace(-1, 1, len(INPUTS))
    inputs = random_.normal(size=(60_000, len(INPUTS))).astype(np.float32)
    right = random_.random(60_000) < 1 / (1 + np.exp(-(inputs @ true - 1)))
    zeros = np.zeros(60_000, np.int32)
    pairs = Pairs(zeros, zeros, zeros.astype(np.int8), inputs, right, np.ones(60_000, np.float32))
    found = fit_pairs(pairs, own_start(pairs))
    np.testing.assert_allclose(found.raw, true, atol=0.06)


def test_weights_of_other_inputs_are_refused() -> None:
    facts = shipped().to_facts()
    del facts["inputs"]["name"]
    with pytest.raises(ValueError, match="other inputs"):
        PairWeights.from_facts(facts)
