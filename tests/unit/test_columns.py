"""Tables that fit a terminal."""

from __future__ import annotations

from sprintwarden.columns import WIDTH, counted, table


def test_names_stand_to_the_left_and_numbers_to_the_right() -> None:
    assert table(
        ("label", "now", "lost", "for example"), [("bug", 7, "", "+ A-1"), ("slow", 12, "−3", "")]
    ) == [
        "  label  now  lost  for example",
        "  bug      7        + A-1",
        "  slow    12    −3",
    ]


def test_what_is_too_long_ends_in_an_ellipsis() -> None:
    lines = table(("label", "because"), [("x" * 80, "y" * 200)])
    assert [len(line) <= WIDTH for line in lines] == [True, True]
    assert lines[1].count("…") == 2


def test_no_rows_are_no_table() -> None:
    assert table(("label", "now"), []) == []


def test_one_is_told_from_many() -> None:
    assert [counted(number, "label") for number in (0, 1, 2)] == ["0 labels", "1 label", "2 labels"]
