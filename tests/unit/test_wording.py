"""The sentences people read: plain, one label or several, every reason in them."""

from __future__ import annotations

import pytest

from trackers.jira.markup import render as wiki
from trackers.linear.markup import render as markdown
from trackers.prose import Prose
from workers.wording import and_list, labelled, suggested, suggestions_settled

ONE = [("security", ('the title has the word "XSS"',))]
TWO = [*ONE, ("web shop", ("the component is Shop", "the type is Bug", "the title has the word shop"))]


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


def test_one_label_suggested() -> None:
    text = markdown(suggested(ONE))
    assert text.startswith("This label may fit; nothing was changed:\n")
    assert text.endswith("\n\nPut it on if you agree.")


def test_several_labels_suggested() -> None:
    text = markdown(suggested(TWO))
    assert text.startswith("These labels may fit; nothing was changed:\n")
    assert text.endswith("\n\nPut on those you agree with.")


@pytest.mark.parametrize(
    "prose", [labelled(ONE), labelled(TWO), suggested(ONE), suggested(TWO), suggestions_settled()]
)
def test_every_line_is_a_sentence(prose: Prose) -> None:
    for line in markdown(prose).split("\n"):
        assert not line or line.removeprefix("- ").removeprefix("**")[0].isalnum()
        assert not line or line[-1] in ".:"


def test_a_label_with_markup_in_its_name_stays_a_name() -> None:
    text = markdown(labelled([("**evil** [x](y)", ("it fits",))]))
    assert "- **\\*\\*evil\\*\\* \\[x\\]\\(y\\)**: it fits." in text
