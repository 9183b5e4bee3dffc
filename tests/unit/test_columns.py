"""Tables and paragraphs that fit a terminal."""

from __future__ import annotations

from sprintwarden.columns import WIDTH, counted, plain, table, wrapped


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


def test_a_paragraph_breaks_between_words_but_never_inside_a_pattern() -> None:
    lead = "the first thing that is said here is rather long and fills most of the line, so "
    pattern = r"\b(is|gets|very|too) slow (and|or) tired\b"
    lines = wrapped(f'{lead}the title matches the pattern {pattern}: "very slow and tired"', "  ", hang=4)
    assert pattern in " ".join(lines) and any(pattern in line for line in lines)
    assert [len(line) - len(line.lstrip()) for line in lines] == [2, 6]
    silent = f"{lead}nothing in the title matches the pattern {pattern} and nothing in the body matches it"
    assert any(pattern in line for line in wrapped(silent))
    assert all(len(line) <= WIDTH for line in (*lines, *wrapped(silent)))


def test_nothing_that_a_terminal_would_obey_is_left_in_a_text() -> None:
    hostile = "Board\x1b[2J\x1b]0;owned\x07 \u202egnp\u202c\r\ud800\x9b31m"
    assert plain(hostile) == "Board[2J]0;owned gnp31m"
    assert plain("one\n\ttwo, naïve 漢字 🎉") == "one\n\ttwo, naïve 漢字 🎉"
