"""The kinds of value the files share: names, labels, durations, sizes, words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from rules.patterns import MAX_REGEX_CHARS, BadPattern, regex_finder

MAX_LABEL_CHARS = 255
MAX_WORDS = 300
MAX_WORD_CHARS = 100
MAX_LIST_CHARS = 6_000

_DURATION = re.compile(r"([1-9][0-9]{0,6})(s|m|h|d)\Z")
_NO_TIME = re.compile(r"0[smhd]?\Z")
_IN_WORDS = re.compile(
    r"([1-9][0-9]{0,6}) ?(s|m|h|d|w)(?:ec|ecs|econds?|in|ins|inutes?|r|rs|ours?|ays?|eeks?)?\Z", re.IGNORECASE
)
_SIZE = re.compile(r"([1-9][0-9]{0,9})(KiB|MiB)\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"KiB": 1024, "MiB": 1024 * 1024}
_HOURS = 48
"""A bare number up to this may well be one of hours."""
_LONGEST = timedelta(days=366)


Default = bool | int | float | str | list[str]
"""What a file would say to get what holds anyway."""


class Mode(StrEnum):
    """What happens with a decision."""

    DRY_RUN = "dry_run"
    SUGGEST = "suggest"
    APPLY = "apply"


class Strictly(BaseModel):
    """A part of a file: no unknown keys, no value turned silently into another kind."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Group(Strictly):
    """Settings that are inherited one by one: whoever says some of them leaves the others as they were.

    Any other part of a file is one value, which takes the inherited one's place as a whole.
    """


def setting(description: str, default: Default | None = None, *, meaning: str = "", **schema: Any) -> Any:
    """A field that a layer may leave out.

    ``default`` is what then holds where no layer says it, as it would be written in the file; None where
    nothing that could be written means the same, and ``meaning`` tells it. ``schema`` is added to the JSON
    Schema.
    """
    if default is not None:
        schema["default"] = default
        description += f" Default {_as_words(default)}{meaning and f': {meaning}'}."
    elif meaning:
        description += f" Default: {meaning}."
    return Field(default=None, description=description, json_schema_extra=schema)


def leaves(group: type[Group], at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Every single setting of a group and of the groups in it, with its keys from there down."""
    for name, info in group.model_fields.items():
        path = (*at, info.alias or name)
        inner = next((kind for kind in get_args(info.annotation) if _is_group(kind)), None)
        yield from leaves(inner, path) if inner else [(path, info)]


def _is_group(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Group)


def _as_words(value: Default) -> str:
    """A default as a sentence would have it."""
    match value:
        case bool():
            return str(value).lower()
        case list():
            return ", ".join(value) or "none"
    return str(value)


def refusal(sentence: str) -> PydanticCustomError:
    """The error to raise in a validator so that ``sentence`` reaches the admin as it is."""
    return PydanticCustomError("sentence", "{sentence}", {"sentence": sentence})


def _version(value: Any) -> Any:
    # Literal would let 1.0 and true pass, which equal 1.
    if value is None or (type(value) is int and value == 1):
        return value
    raise refusal('the only version there is so far is "version: 1"')


def read_duration(value: Any) -> timedelta:
    """A length of time written as 90s, 15m, 1h or 2d. Raises a validation error for anything else."""
    if isinstance(value, timedelta):
        return value
    hit = _DURATION.match(value) if isinstance(value, str) else None
    if hit is None:
        raise refusal(
            "a duration is a whole number with s, m, h or d behind it, such as 90s, 15m, 1h or 2d"
            + _meant_duration(value)
        )
    length = timedelta(seconds=int(hit[1]) * _SECONDS[hit[2]])
    if length > _LONGEST:
        raise refusal("a duration can be at most 366d")
    return length


def _meant_duration(value: Any) -> str:
    if type(value) is int and 0 < value <= 9_999_999:
        return (
            f" (did you mean {value}m or {value}h?)"
            if value <= _HOURS
            else f" (did you mean {value}s or {value}m?)"
        )
    hit = _IN_WORDS.match(value.strip()) if isinstance(value, str) else None
    if hit is None or hit[0].endswith("M"):  # which may be a month
        return ""
    number, unit = int(hit[1]), hit[2].lower()
    return f" (did you mean {7 * number}d?)" if unit == "w" else f" (did you mean {number}{unit}?)"


def _grace(value: Any) -> timedelta:
    none = isinstance(value, str) and _NO_TIME.match(value)
    return timedelta(0) if none or (type(value) is int and value == 0) else read_duration(value)


def _size(value: Any) -> int:
    hit = _SIZE.match(value) if isinstance(value, str) else None
    size = int(hit[1]) * _BYTES[hit[2]] if hit else value
    if not isinstance(size, int) or isinstance(size, bool):
        raise refusal("a size is a whole number of bytes, or one with KiB or MiB behind it, such as 5MiB")
    if not 1024 <= size <= 64 * _BYTES["MiB"]:
        raise refusal("a size must be between 1KiB and 64MiB")
    return size


def printable(text: str, what: str) -> str:
    """``text`` if it is one line with something to read. Raises a validation error about ``what`` if not."""
    if not text.strip():
        raise refusal(f"{what} must not be empty")
    if text != text.strip():
        raise refusal(f"{what} must not begin or end with a space")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        raise refusal(f"{what} must not contain control characters or line breaks")
    return text


def _label(text: str) -> str:
    printable(text, "a label")
    if len(text) > MAX_LABEL_CHARS:
        raise refusal(f"a label can have at most {MAX_LABEL_CHARS} characters; this one has {len(text)}")
    return text


def _name(text: str) -> str:
    printable(text, "a name")
    if len(text) > MAX_LABEL_CHARS:
        raise refusal(f"a name can have at most {MAX_LABEL_CHARS} characters; this one has {len(text)}")
    return text


def _phrase(text: str) -> str:
    if not text.strip():
        raise refusal("a phrase must not be empty")
    if len(text) > MAX_WORD_CHARS:
        raise refusal(
            f"a word or phrase can have at most {MAX_WORD_CHARS} characters; this one has {len(text)}"
        )
    return text


def _word(text: str) -> str:
    stem = _phrase(text).removesuffix("*")
    if not stem.strip():
        raise refusal("a star alone would match every word: put letters before it")
    if stem != stem.rstrip():
        raise refusal("a star must follow its word without a space")
    if "*" in stem:
        raise refusal("a star can only stand at the end of a word; use regex for anything else")
    return text


def _regex(text: str) -> str:
    try:
        # Compiled as the larger, case-insensitive program: what fits so, fits either way.
        regex_finder(text)
    except BadPattern as error:
        raise refusal(str(error)) from None
    return text


def _bounded(texts: tuple[str, ...]) -> tuple[str, ...]:
    total = sum(map(len, texts))
    if total > MAX_LIST_CHARS:
        raise refusal(
            f"this list has {total:,} characters in all, more than {MAX_LIST_CHARS:,}: use several conditions"
        )
    return texts


_LINE = {"type": "string", "minLength": 1, "maxLength": MAX_LABEL_CHARS, "pattern": r"^\S(.*\S)?$"}
_WORD = {
    "title": "a word",
    "type": "string",
    "maxLength": MAX_WORD_CHARS,
    "pattern": r"^[^*]*[^*\s]\*?$",
    "examples": ["crash*", "does not work"],
}
_PHRASE = {"title": "a phrase", "type": "string", "maxLength": MAX_WORD_CHARS, "pattern": r"\S"}

T = TypeVar("T")
# Strict mode would want a tuple where YAML can only give a list.
Listed = Annotated[tuple[T, ...], Strict(False), Field(min_length=1)]
Version = Annotated[Literal[1], BeforeValidator(_version)]
Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    WithJsonSchema(
        {
            "title": "a duration",
            "type": "string",
            "pattern": "^[1-9][0-9]{0,6}(s|m|h|d)$",
            "examples": ["90s", "15m", "1h", "2d"],
        }
    ),
]
Grace = Annotated[
    timedelta,
    BeforeValidator(_grace),
    WithJsonSchema(
        {
            "title": "a duration",
            "anyOf": [
                {"type": "string", "pattern": "^(0|[1-9][0-9]{0,6})(s|m|h|d)$"},
                {"enum": [0, "0"]},
            ],
            "examples": ["0s", "90m", "24h"],
        }
    ),
]
"""A duration that may be none at all."""
Size = Annotated[
    int,
    BeforeValidator(_size),
    WithJsonSchema(
        {
            "title": "a size",
            "anyOf": [
                {"type": "integer", "minimum": 1024, "maximum": 64 * _BYTES["MiB"]},
                {"type": "string", "pattern": "^[1-9][0-9]{0,9}(KiB|MiB)$"},
            ],
            "examples": ["512KiB", "5MiB"],
        }
    ),
]
LabelName = Annotated[
    str,
    AfterValidator(_label),
    WithJsonSchema({"title": "a label", **_LINE}),
]
Name = Annotated[
    str,
    AfterValidator(_name),
    WithJsonSchema({"title": "a name", **_LINE}),
]
Words = Annotated[
    Listed[Annotated[str, AfterValidator(_word), WithJsonSchema(_WORD)]],
    Field(max_length=MAX_WORDS),
    AfterValidator(_bounded),
]
Phrases = Annotated[
    Listed[Annotated[str, AfterValidator(_phrase), WithJsonSchema(_PHRASE)]],
    Field(max_length=MAX_WORDS),
    AfterValidator(_bounded),
]
Regex = Annotated[
    str,
    AfterValidator(_regex),
    WithJsonSchema(
        {"title": "a regular expression", "type": "string", "minLength": 1, "maxLength": MAX_REGEX_CHARS}
    ),
]
