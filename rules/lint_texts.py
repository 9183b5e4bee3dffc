"""Names and texts that are not what they look like: words once true or false, and quotes that are none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rules.layers import Layers, mapping
from rules.remarks import Remark
from rules.source import Path, Source
from rules.validate import ONCE_BOOLEAN, SWITCHES, quoted

_NAMES: Final = frozenset({"label", "labels", "name", "without", "never"})
_SOUGHT: Final = frozenset({"words", "phrases", "type", "priority", "component"})
_SNOOZE: Final = ("sprints", "notify", "snooze_label")
_SCOPE: Final = ("sprints", "scope_creep", "label")
_OPENING: Final = frozenset("“„‟«")
_PAIRS: Final = frozenset({"‘’", "‚‘", "‚’", "””", "»«"})
_QUOTES: Final = "".join(_OPENING | _PAIRS) + "”»"


def text_remarks(source: Source, layers: Layers) -> Iterator[Remark]:
    """What is to be said of the names and texts of all layers. In quotes, a text is meant as it stands."""
    for where in layers.data:
        tagging = _texts((*where, "tagging"), mapping(layers.own(where, "tagging")))
        ours = [((*where, *keys), layers.own(where, *keys)) for keys in (_SNOOZE, _SCOPE)]
        for path, text in (*tagging, *ours):
            if not isinstance(text, str) or not source.is_bare(path):
                continue
            key = next(str(step) for step in reversed(path) if isinstance(step, str))
            # What stands for the label of scope_creep is refused, as it may be true or false.
            if (key in _NAMES or path[-1] == _SNOOZE[-1]) and path[-3:] != _SCOPE:
                yield from _once_boolean(path, text)
            if key in _NAMES | _SOUGHT or path[-1] == _SNOOZE[-1] or path[-3:] == _SCOPE:
                yield from _typographic(path, text)


def _texts(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """Every single value in ``value``, with its place."""
    inner = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    if inner is None:
        yield path, value
        return
    for step, part in inner:
        yield from _texts((*path, step), part)


def _once_boolean(path: Path, text: str) -> Iterator[Remark]:
    if text.casefold() in ONCE_BOOLEAN:
        message = (
            f'"{text}" is text here and does not mean {SWITCHES[text.casefold()]}: '
            f'for that very name write "{text}" in quotes'
        )
        yield Remark("yes-or-no", path, message)


def _typographic(path: Path, text: str) -> Iterator[Remark]:
    if text[:1] in _OPENING or text[:1] + text[-1:] in _PAIRS:
        plain = text.strip(_QUOTES).strip()
        message = (
            f"these are typographic quotes, which are taken as part of the text: write {quoted(plain)} "
            "with plain quotes"
        )
        yield Remark("typographic-quotes", path, message)
