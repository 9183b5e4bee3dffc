"""Lines of a description: which may ask for something, and which are new since the start."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.requirements import MOST_LINES, MOST_WORDS, fingerprint, new_lines, split_lines, words_of

KEY = b"0123456789abcdef"

MARKDOWN = """\
# Export
Accountants want the list as a file.

- [ ] Export as CSV
- [x] Export as **PDF** ([mockup](https://example.org/m))
1. It must be fast. It must not lose a row.
   2) Show progress

![list](https://example.org/a.png)
https://example.org/only-a-link
> somebody said this before
```
print("no demand")
```
| Field | Rule |
|:---|---|
| Name | at most 20 characters |

This line was broken by somebody's editor in the middle of what it has
to say, so both halves are one.
**Notes**
Acceptance criteria:
---
<!-- tell us what you expect -->
java.lang.IllegalStateException: closed
    at com.example.Export.run(Export.java:12)
2026-03-02 10:11:12 WARN nothing here
"""

WIKI = """\
h2. Export
# Ask for the format
# Write the file
* Keep [the old names|https://example.org/names]
(/) Send it by mail
{code:java}
int rows = 0;
{code}
{quote}
somebody said this before
{quote}
bq. and this
|| Field || Rule ||
| Name | at most 20 characters |
!shot.png|thumbnail!
"""


def test_lines_of_markdown() -> None:
    assert split_lines(MARKDOWN) == [
        "Accountants want the list as a file.",
        "Export as CSV",
        "Export as **PDF** ([mockup](https://example.org/m))",
        "It must be fast.",
        "It must not lose a row.",
        "Show progress",
        "| Name | at most 20 characters |",
        "This line was broken by somebody's editor in the middle of what it has to say, "
        "so both halves are one.",
    ]


def test_lines_of_wiki_text() -> None:
    assert [" ".join(words_of(line)) for line in split_lines(WIKI)] == [
        "ask for the format",
        "write the file",
        "keep the old names",
        "send it by mail",
        "name at most 20 characters",
    ]


def test_a_single_hash_is_a_heading_and_two_in_a_row_a_list() -> None:
    assert split_lines("# Goal\nExport it") == ["Export it"]
    assert split_lines("# Export it\n# Print it") == ["Export it", "Print it"]


def test_a_long_line_with_a_colon_may_be_a_demand() -> None:
    assert split_lines("Steps:\nThe export has to name these fields:") == [
        "The export has to name these fields:"
    ]


@pytest.mark.parametrize("text", ["", "   \n\t\n", "```\nnever closed", "{code}\nnever closed", "***", "|||"])
def test_nothing_is_said(text: str) -> None:
    assert split_lines(text) == []
    assert fingerprint(text, KEY) == ()


@given(st.text(alphabet=st.sampled_from("ab .!?#*-|[](){}<>\n`~_:/\\é字1"), max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    lines = split_lines(text)
    assert all(words_of(line) for line in lines)
    assert new_lines(fingerprint(text, KEY), text, KEY) == []


def test_marks_links_and_case_change_no_fingerprint() -> None:
    plain = fingerprint("Export the list as PDF", KEY)
    for same in (
        "- [x] Export the **list** as PDF",
        "* export the [list|https://example.org] as PDF!",
        "3. Export the `list` as [PDF](https://example.org/pdf)",
    ):
        assert fingerprint(same, KEY) == plain


def test_a_fingerprint_is_hashes_that_only_the_key_leads_to() -> None:
    known = fingerprint(MARKDOWN, KEY)
    assert len(known) == len(split_lines(MARKDOWN))
    assert all(re.fullmatch(r"[\w-]+", line) and len(line) % 4 == 0 for line in known)
    assert not set(known) & set(fingerprint(MARKDOWN, b"another key"))


def test_the_words_of_a_line_are_kept_in_no_order_of_the_text() -> None:
    one, other = fingerprint("alpha beta gamma\n\ngamma alpha beta", KEY)
    assert one[:8] != other[:8]
    assert one[8:] == other[8:]


def test_a_fingerprint_is_bounded() -> None:
    line = " ".join(f"word{number}" for number in range(60))
    known = fingerprint("\n".join(f"- {number} {line}" for number in range(500)), KEY)
    assert len(known) == MOST_LINES
    assert {len(line) for line in known} == {8 + 4 * MOST_WORDS}


def test_no_more_is_read_of_characters_that_grow() -> None:
    one_that_grows = "\ufdfa"
    (line,) = split_lines(one_that_grows * 60_000)
    assert len(line) <= 60_000


@pytest.mark.parametrize("key", [b"", b"k" * 65])
def test_a_key_that_is_none_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="key"):
        fingerprint("Export", key)


BEFORE = """\
- Export the list as PDF
- Send the file to the owner by mail
- Keep exported files for thirty days
"""


def fresh(text: str, before: str = BEFORE) -> list[str]:
    return new_lines(fingerprint(before, KEY), text, KEY)


def test_a_line_that_was_not_there_is_new() -> None:
    assert fresh(BEFORE + "- Encrypt the export with a password\n") == ["Encrypt the export with a password"]


def test_moved_ticked_marked_and_deleted_lines_are_not_new() -> None:
    assert fresh("* [x] Keep exported files for *thirty days*\n\n## Now\n1. Export the list as PDF") == []


def test_an_edited_line_is_not_new() -> None:
    assert fresh(BEFORE.replace("thirty days", "sixty days")) == []
    assert fresh(BEFORE.replace("to the owner by mail", "to its owner")) == []


def test_a_line_that_only_begins_like_a_vanished_one_is_new() -> None:
    longer = "Export the list as PDF, Excel and CSV with archived customers, their comments and all prices"
    assert fresh(BEFORE.replace("Export the list as PDF", longer)) == [longer]


def test_little_words_make_no_two_demands_alike() -> None:
    before = "The user must be able to export\nKeep the files"
    assert fresh("The user must be able to print\nKeep the files", before) == [
        "The user must be able to print"
    ]


def test_one_vanished_line_excuses_one_edit() -> None:
    twice = BEFORE.replace(
        "- Export the list as PDF",
        "- Export the long list as A4 PDF\n- Export the short list as A5 PDF",
    )
    assert fresh(twice) == ["Export the short list as A5 PDF"]


def test_the_pieces_of_a_line_that_was_split_are_not_new() -> None:
    before = BEFORE + "- Print invoices, reminders, delivery notes and customs papers in colour\n"
    pieces = BEFORE + "- Print invoices, reminders\n- Print delivery notes\n- Customs papers in colour\n"
    assert fresh(pieces, before) == []


def test_a_line_that_still_stands_excuses_no_other() -> None:
    assert fresh(BEFORE + "- Export the list as PDF with prices") == ["Export the list as PDF with prices"]


def test_a_new_line_that_stands_twice_counts_once() -> None:
    assert fresh(BEFORE + "- Encrypt it\n- encrypt it!") == ["Encrypt it"]


def test_a_text_written_for_the_first_time_or_all_anew_tells_of_nothing_new() -> None:
    assert fresh("- Encrypt it\n- Sign it", before="") == []
    assert fresh("- Encrypt it\n- Sign it") == []
    assert new_lines(fingerprint(BEFORE, b"the former key"), BEFORE, KEY) == []


def test_lines_behind_what_is_remembered_are_not_taken_for_new() -> None:
    lines = [f"- Rule{number} holds for customer{number}" for number in range(MOST_LINES + 30)]
    before = "\n".join(lines)
    assert fresh("\n".join(lines[10:]), before) == []
    longer = [*lines[10:40], "- Encrypt the export", *lines[40:]]
    assert fresh("\n".join(longer), before) == ["Encrypt the export"]


vocabulary = st.sampled_from([f"word{number}" for number in range(40)])
texts = st.lists(st.lists(vocabulary, min_size=1, max_size=6).map(" ".join), max_size=8)


@given(texts, st.randoms(use_true_random=False), texts)
def test_only_lines_that_were_added_are_ever_new(
    before: list[str], shuffle: random.Random, more: list[str]
) -> None:
    lines = [f"- {line}" for line in before]
    now = [*lines, *(f"- {line}" for line in more)]
    shuffle.shuffle(now)
    assert set(fresh("\n".join(now), "\n".join(lines))) <= set(more) - set(before)
