"""The sentences people read: plain, one label or several, every reason in them."""

from __future__ import annotations

import pytest

from trackers.jira.markup import render as wiki
from trackers.linear.markup import render as markdown
from trackers.prose import Prose
from workers.wording import (
    Reason,
    and_list,
    labelled,
    labels_taken_off,
    reads_like,
    suggested,
    suggestions_settled,
)

ONE = [Reason("security", ('the title has the word "XSS"',))]
TWO = [*ONE, Reason("web shop", ("the component is Shop", "the type is Bug", "the title has the word shop"))]
LEARNED = Reason("crash", ('issues that say "segfault" usually get it here (about 94 in 100)',), learned=True)
COMPONENT = Reason("component API", ("past issues like it usually got it here",), True, True)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (["a", "b", "c", "d"], "a, b, c and d"),
    ],
)
def test_and_list(parts: list[str], expected: str) -> None:
    assert and_list(parts) == expected


def test_one_label_put_on() -> None:
    assert markdown(labelled(ONE)) == (
        "This label was added by the team's rules:\n\n"
        '- **security**: the title has the word "XSS".\n\n'
        "If it does not fit, take it off: it will not be put on this issue again."
    )


def test_several_labels_put_on() -> None:
    text = wiki(labelled(TWO))
    assert text.startswith("These labels were added by the team's rules:\n\n* *security*: ")
    assert "* *web shop*: the component is Shop, the type is Bug and the title has the word shop.\n" in text
    assert text.endswith("If one does not fit, take it off: it will not be put on this issue again.")


def test_what_was_put_on_earlier_is_told_too() -> None:
    assert markdown(labelled(ONE, ["crash", "ui"])) == (
        "This label was added by the team's rules:\n\n"
        '- **security**: the title has the word "XSS".\n\n'
        "Added earlier:\n\n"
        "- **crash**\n"
        "- **ui**\n\n"
        "If one does not fit, take it off: it will not be put on this issue again."
    )


def test_one_label_suggested() -> None:
    text = markdown(suggested(ONE))
    assert text.startswith("This label may fit; nothing was changed:\n")
    assert text.endswith("\n\nPut it on if you agree.")


def test_several_labels_suggested() -> None:
    text = markdown(suggested(TWO))
    assert text.startswith("These labels may fit; nothing was changed:\n")
    assert text.endswith("\n\nPut on those you agree with.")


@pytest.mark.parametrize(
    ("reasons", "head"),
    [
        ([LEARNED], "This label was added because of what past issues got:"),
        ([LEARNED, LEARNED], "These labels were added because of what past issues got:"),
        (
            [*ONE, LEARNED],
            "These labels were added by the team's rules and because of what past issues got:",
        ),
        ([COMPONENT], "This component was added because of what past issues got:"),
        (
            [*ONE, COMPONENT],
            "These labels and components were added by the team's rules and because of what past issues got:",
        ),
    ],
)
def test_the_head_tells_by_whose_word(reasons: list[Reason], head: str) -> None:
    assert markdown(labelled(reasons)).splitlines()[0] == head


def test_a_suggested_component_is_called_one() -> None:
    assert markdown(suggested([COMPONENT])).startswith("This component may fit; nothing was changed:")


def test_a_remark_on_a_type_says_that_nothing_was_changed() -> None:
    assert markdown(reads_like(Reason("Bug", ("issues that say it usually get it",), learned=True))) == (
        "By its text this reads like the type **Bug**: issues that say it usually get it. "
        "The type was not changed."
    )


@pytest.mark.parametrize(
    "prose",
    [
        labelled(ONE),
        labelled(TWO),
        labelled([*TWO, LEARNED, COMPONENT]),
        suggested(ONE),
        suggested(TWO),
        suggestions_settled(),
        labels_taken_off(),
        reads_like(LEARNED),
    ],
)
def test_every_line_is_a_sentence(prose: Prose) -> None:
    for line in markdown(prose).split("\n"):
        assert not line or line.removeprefix("- ").removeprefix("**")[0].isalnum()
        assert not line or line[-1] in ".:"


def test_a_label_with_markup_in_its_name_stays_a_name() -> None:
    text = markdown(labelled([Reason("**evil** [x](y)", ("it fits",))]))
    assert "- **\\*\\*evil\\*\\* \\[x\\]\\(y\\)**: it fits." in text
