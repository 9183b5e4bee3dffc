"""Templates of a sprint's comment: what an admin may write in one, and what is said of the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.wording import MAX_TEMPLATE_CHARS, TEMPLATES, Piece, check_template, pieces


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_is_shipped_is_good(name: str) -> None:
    template = TEMPLATES[name]
    assert check_template(name, template.text) is None
    assert template.needs <= template.fields


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("planed", "x", 'there is no sentence "planed" (did you mean "planned"?)'),
        ("done", "{don} done", 'unknown placeholder "don" (did you mean "done"?); here there are {done}, '),
        ("done", "{zzz} {done}", 'unknown placeholder "zzz"; here there are {done}, {noun}, {sprint}'),
        ("done", "nothing", "the placeholder {done} is missing"),
        ("done", "{done.__class__}", 'a placeholder is a bare name in braces, not "{done.__class__}"'),
        ("done", "{done[0]}", 'not "{done[0]}"'),
        ("done", "{done!r}", 'not "{done!r}"'),
        ("done", "{done:>100000}", 'not "{done:>100000}"'),
        ("done", "{0}", 'not "{0}"'),
        ("done", "{} {done}", 'not "{}"'),
        ("done", "{ done }", 'not "{ done }"'),
        ("done", "{{done}}", "a brace stands only around a placeholder"),
        ("done", "{done", "a brace stands only around a placeholder"),
        ("done", "done} {done}", "a brace stands only around a placeholder"),
        ("done", "{done} ** x", "one of them is missing"),
        ("done", "{done} ****", "there is nothing between"),
        ("done", "**{done}****{noun}**", "there is nothing between"),
        ("done", "**a** {done} ** **", "there is nothing between"),
        ("done", "{done}\nmore", "control characters or line breaks"),
        ("done", "{done}\x00", "control characters or line breaks"),
        ("done", "{done}\u2028", "control characters or line breaks"),
        ("done", "{done}" + "x" * MAX_TEMPLATE_CHARS, f"at most {MAX_TEMPLATE_CHARS} characters"),
        ("head_behind", "", 'the sentence "head_behind" cannot be left out'),
        ("head_behind", "  ", "cannot be left out"),
        ("head_behind", "It is late.", "the placeholder {sprint} is missing"),
    ],
)
def test_what_is_wrong_is_told(name: str, text: str, told: str) -> None:
    found = check_template(name, text)
    assert found is not None
    assert told in found
    assert "\n" not in found
    assert len(found) < 400


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("done", ""),
        ("done", "Ferdig i {sprint}: **{done}** 100 % $HOME `x` <b>"),
        ("chance", "{enough}"),
        ("head_stalled", "**{sprint}** **stalls**"),
        ("snooze", "{label} * {noun}"),
    ],
)
def test_what_is_good_is_taken(name: str, text: str) -> None:
    assert check_template(name, text) is None


def test_the_pieces_of_a_template() -> None:
    assert list(pieces("**{sprint} is** a*b {done}.")) == [
        Piece("sprint", True, True),
        Piece(" is", False, True),
        Piece(" a*b ", False, False),
        Piece("done", True, False),
        Piece(".", False, False),
    ]


@given(
    st.sampled_from(sorted(TEMPLATES)),
    st.text(alphabet="{}*:.![]_ adonekysprinhwt\n", max_size=40) | st.text(max_size=60),
)
def test_a_text_is_refused_or_loses_nothing(name: str, text: str) -> None:
    if check_template(name, text) is None:
        parts = list(pieces(text))
        assert {part.text for part in parts if part.is_field} <= TEMPLATES[name].fields
        again = "".join(f"{{{part.text}}}" if part.is_field else part.text for part in parts)
        assert again == text.replace("**", "")
