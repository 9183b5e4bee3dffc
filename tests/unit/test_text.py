"""Text as words: markup out, secrets and people never in, and the way back to what was written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer  # type: ignore[import-untyped]

from classifiers.examples import Filed
from classifiers.redaction import Names, redact
from classifiers.text import (
    HEAD,
    TAIL,
    char_grams,
    clean,
    guarded,
    opening,
    plain,
    shortened,
    surface,
    word_grams,
    words,
)

PEOPLE = Names.of(["María López", "Li Wu", "Bo", "王小明", "Jean-Luc O'Neil", "Anna Öberg"])


def tokens(title: str, body: str = "", names: Names = PEOPLE) -> list[str]:
    return words(clean(Filed("ABC", title, body), names).text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("login fails password=hunter2 on retry", "login fails on retry"),
        ("login fails PASSWORD : 'two words' on retry", "login fails on retry"),
        ('{"db_password": "s3cret", "port": 8080}', "db port 8080"),
        ("the password is hunter2 they say", "the they say"),
        ("the token is expired", "the token is expired"),
        ("api_key = 0000, then restart", "api then restart"),
        ("Keyboard: arrow does nothing", "keyboard arrow does nothing"),
        ("set Authorization: Basic dXNlcjpwYXNz first", "set first"),
        ("curl with bearer abcd1234efgh works", "curl with works"),
        ("basic authentication is gone", "basic authentication is gone"),
        ("key ghp_16C7e42F292c6912E7710c838347Ae178B4a leaked", "key leaked"),
        ("key AKIAIOSFODNN7EXAMPLE leaked", "key leaked"),
        ("key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY leaked", "key leaked"),
        ("slack xoxb-1234-abcdef leaked", "slack leaked"),
        ("atlassian ATATT3xFfGF0abc=12 leaked", "atlassian leaked"),
        ("linear lin_api_abcdefgh leaked", "linear leaked"),
        ("header eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.SflKxwRJ leaked", "header leaked"),
        ("value k3j4h5g6f7d8s9a0 leaked", "value leaked"),
        ("value AbCdEfGhIjKlMnOpQrStUvWx leaked", "value leaked"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabcdef\n-----END RSA PRIVATE KEY-----\nthat one", "that one"),
        ("cut off -----BEGIN OPENSSH PRIVATE KEY-----\nabcdef", "cut off"),
        ("write to jane.doe+jira@mail.example.org soon", "write to soon"),
        ("write to jane.doe\\@example.org or jane&#64;example.org soon", "write to or soon"),
        ("pass\u200bword=hunter2 hidden", "hidden"),
        ("thanks @jane and [~accountid:5b10a28] or [~jdoe]", "thanks and or"),
        ("react@17.0.2 breaks", "react breaks"),
        ("see https://me:pw@git.example.com:8080/a/b?token=zzz#frag please", "see git example com please"),
        ("see www.example.com/private/path please", "see www example com please"),
        ("since b862f66c6ff58c115a009513621e5128cb734d52 and a1b2c3d", "since and"),
        ("row 550e8400-e29b-41d4-a716-446655440000 gone", "row gone"),
        ("order 1234567 from 2023 on port 8080", "order from 2023 on port 8080"),
        ("a facade for utf8 in src/main/Foo2Bar.java", "facade for utf8 in src main foo2bar java"),
        ("getUserByIdAndNameForThing is slow", "getuserbyidandnameforthing is slow"),
    ],
)
def test_secrets_and_addresses_never_become_a_token(text: str, left: str) -> None:
    assert tokens("", text) == [word for word in left.split() if len(word) > 1]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("MARÍA said so, Lopez agreed", ["said", "so", "agreed"]),
        ("written by maria_lopez and MaríaLópez", ["written", "by", "and"]),
        ("ask Li Wu, not Wu or Li", ["ask", "not", "wu", "or", "li"]),
        ("bo knows about boxes", ["knows", "about", "boxes"]),
        ("per jean-luc o'neil", ["per"]),
        ("O\u0308berg and Anna", ["and"]),
    ],
)
def test_people_never_become_a_token(text: str, left: list[str]) -> None:
    assert tokens(text) == left


def test_a_name_without_spaces_is_found_inside_a_sentence() -> None:
    assert "小" not in tokens("请问王小明登录失败")
    assert tokens("登录失败") == ["登", "录", "失", "败"]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("h2. Steps\n{code:java}\nopen();\n{code}\nbq. said", "steps open said"),
        ("{color:red}loud{color} {{mono}} {noformat}raw{noformat}", "loud mono raw"),
        ("[the docs|https://docs.example.org/x] !shot-1.png|thumbnail!", "the docs docs example org"),
        ("## Steps\n```js\nopen();\n```\n- [x] **done** and ~~gone~~", "steps js open done and gone"),
        (
            "![alt text](https://img.example.org/a.png) [docs](https://example.org/a)",
            "alt text img example org docs example org",
        ),
        (
            "<details><summary>More</summary>inside &amp; out</details> List<String>",
            "more inside out list string",
        ),
        ("_No response_ but snake_case", "no response but snake_case"),
        ("<!-- tell us more --> all of it", "tell us more all of it"),
    ],
)
def test_markup_leaves_plain_words(text: str, left: str) -> None:
    assert tokens("", text) == left.split()


def test_comments_can_be_left_out() -> None:
    assert words(plain("a <!-- hint\nhint --> word <!-- open", comments=False)) == ["word"]


def test_a_huge_text_keeps_its_beginning_and_end_between_lines() -> None:
    text = "first line\n" + "middle words here\n" * 100_000 + "last question?"
    kept = shortened(text)
    assert len(kept) <= HEAD + TAIL + 1
    assert kept.startswith("first line\nmiddle words here\n")
    assert kept.endswith("middle words here\nlast question?")
    assert set(filter(None, kept.split("\n"))) == {"first line", "middle words here", "last question?"}
    assert words(shortened("x" * 1_000_000)) == []
    assert shortened("short") == "short"


def test_questions_and_letters_are_words_where_asked() -> None:
    assert words("Is it C or D?") == ["is", "it", "or"]
    assert words("Is it C or D?", question=True) == ["is", "it", "or", "?"]
    assert words("Is it C?", shortest=1, question=True) == ["is", "it", "c", "?"]
    assert words("ÄRGER mit Straße") == ["ärger", "mit", "straße"]
    assert word_grams(["one", "two", "three"]) == ["one", "two", "three", "one two", "two three"]
    assert word_grams([]) == []


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("ab Ü?.\n\u3000"), max_size=30))
def test_runs_of_characters_are_those_of_scikit_learn(text: str) -> None:
    theirs = CountVectorizer(analyzer="char_wb", ngram_range=(2, 5)).build_analyzer()
    assert sorted(char_grams(text)) == sorted(theirs(text))


@pytest.mark.parametrize(
    ("title", "body", "expected"),
    [
        ("Login fails", "after the update", "login fails"),
        ("", "one two three four five six seven eight nine ten eleven twelve thirteen", 12),
        (" ".join(["word"] * 30), "body", 12),
        ("", "", ""),
    ],
)
def test_an_issue_opens_with_its_title_or_its_first_words(title: str, body: str, expected: str | int) -> None:
    found = opening(clean(Filed("ABC", title, body)))
    assert len(found) == expected if isinstance(expected, int) else found == expected.split()


def test_a_token_leads_back_to_what_was_written() -> None:
    text = clean(Filed("ABC", "Null **Pointer** in Login", "the null pointer. Is C? LOGIN")).text
    found = surface(text, ["null pointer", "login", "in login", "is", "?", "absent", "pointer is"])
    assert found == {
        "null pointer": "Null Pointer",
        "login": "Login",
        "in login": "in Login",
        "is": "Is",
        "?": "?",
        "pointer is": "pointer Is",
    }


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200), st.text(max_size=400), st.lists(st.text(max_size=20), max_size=4))
def test_any_text_is_read(title: str, body: str, names: list[str]) -> None:
    issue = clean(Filed("ABC", title, body), Names.of(names))
    for token in (*word_grams(words(issue.text)), *char_grams(issue.title), *opening(issue)):
        assert token
        assert "\n" not in token
    issue.text.encode()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "password=",
                "token: ",
                "secret=",
                "Bearer a1",
                "https://",
                "@",
                "[~",
                " ",
                "'",
                '"',
                "=",
                "&#64;",
                "\\",
                "<!--",
                "{code",
                "\n",
                "_",
                "0x",
                "a",
                "9",
            ]
        ),
        max_size=40,
    )
)
def test_pieces_of_markup_and_secrets_in_any_order_are_read(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert not re.search(r"@\w", redact(text))
    for token in words(plain(guarded(text))):
        assert not token.isdigit() or len(token) < 5


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=40),
    st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=3, max_size=12),
    st.text(max_size=40),
)
def test_a_name_that_stands_alone_is_found_in_any_surroundings(before: str, name: str, after: str) -> None:
    names = Names.of([f"{name.title()} Q"])
    assert name not in words(clean(Filed("ABC", "", f"{before} {name.upper()} {after}"), names).text)
