"""The kinds of value that only the settings of sprints need: shares, days, times of day, zones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from rules.fields import printable, refusal
from rules.validate import SWITCHES, did_you_mean, quoted, with_point

MAX_MENTION_CHARS: Final = 200

_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?) ?%\Z")
_ISSUE_KEY = re.compile(r"[A-Z0-9][A-Z0-9_]*-[1-9][0-9]*\Z")
_ISSUE_ADDRESS = re.compile(
    r"https?://[^\s?#]+/(?:browse|issue)/([A-Z0-9][A-Z0-9_]*-[1-9][0-9]*)(?:[/?#]|\Z)"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])\Z")
_SHORT_TIME = re.compile(r"[0-9]:[0-5][0-9]\Z")


def read_share(value: Any) -> float:
    """``15%`` or ``0.15`` as a number from 0 to 1. Raises a validation error for anything else."""
    percent = _PERCENT.match(value) if isinstance(value, str) else None
    share = float(percent[1]) / 100 if percent else value
    if isinstance(share, bool) or not isinstance(share, int | float):
        raise refusal(
            "a share is a number with % behind it, such as 15%, or a part of one, such as 0.15"
            + with_point(value)
        )
    if not percent and 1 < share <= 100:
        raise refusal(f"this is more than the whole (did you mean {share:g}% or {share / 100:g}?)")
    if not 0 <= share <= 1:
        raise refusal("a share is between 0% and 100%")
    return float(share)


def _some(share: float) -> float:
    if share == 0:
        raise refusal('this must be more than 0; "enabled: false" switches the warning off')
    return share


def read_day(value: Any) -> date:
    """A date written as 2026-12-24. Raises a validation error for anything else."""
    if isinstance(value, str) and _DAY.match(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise refusal(f"there is no such day as {value}") from None
    raise refusal("a date is written as year, month and day, such as 2026-12-24")


def read_time(value: Any) -> time:
    """A time of day written as 08:00. Raises a validation error for anything else."""
    hit = _TIME.match(value) if isinstance(value, str) else None
    if hit:
        return time(int(hit[1]), int(hit[2]))
    hint = ""
    if isinstance(value, str) and _SHORT_TIME.match(value):
        hint = f' (did you mean "0{value}"?)'
    elif value == "24:00":
        hint = ' (did you mean "00:00"?)'
    raise refusal(f'a time of day is hours and minutes in quotes, from "00:00" to "23:59"{hint}')


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of zones, such as Europe
        raise refusal(
            f"there is no time zone {quoted(text)}{_meant_zone(text)}: zones are named as in Europe/Oslo"
        ) from None
    return text


def _meant_zone(text: str) -> str:
    # Only those with a place in them: of three letters every three letters are nearly the same.
    zones = sorted(zone for zone in available_timezones() if "/" in zone)
    place = text.strip().replace(" ", "_").casefold()
    in_place = [zone for zone in zones if zone.rpartition("/")[2].casefold() == place]
    return f' (did you mean "{in_place[0]}"?)' if in_place else did_you_mean(text, zones)


def _issue_key(text: str) -> str:
    if _ISSUE_KEY.match(text):
        return text
    address = _ISSUE_ADDRESS.match(text)
    meant = address[1] if address else text.upper()
    hint = f' (did you mean "{meant}"?)' if _ISSUE_KEY.match(meant) else ""
    raise refusal(f"an issue is named by its key, such as OPS-12{hint}")


def _mention(text: str) -> str:
    printable(text, "a mention")
    if len(text) > MAX_MENTION_CHARS:
        raise refusal(
            f"a mention can have at most {MAX_MENTION_CHARS} characters; this one has {len(text):,}"
        )
    return text


@dataclass(frozen=True, slots=True)
class Or:
    """Marks a value in whose place one of these words may stand: ``false`` takes an inherited one away.

    The kind it marks does not name them, for of a union every alternative would be told to the admin
    as a mistake of its own.
    """

    words: tuple[bool, ...] = (False,)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(self._held, handler(source))

    def _held(self, value: Any, inner: ValidatorFunctionWrapHandler) -> Any:
        if isinstance(value, bool) and value in self.words:
            return value
        try:
            return inner(value)
        except ValidationError:
            meant = SWITCHES.get(value.casefold()) if isinstance(value, str) else None
            if meant in [str(word).lower() for word in self.words]:
                raise refusal(f"{quoted(value)} does not fit here (did you mean {meant}?)") from None
            raise

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"enum": list(self.words)}]}


Share = Annotated[
    float,
    BeforeValidator(read_share),
    WithJsonSchema(
        {
            "title": "a share",
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": r"^([0-9]{1,2}(\.[0-9]{1,3})?|100(\.0{1,3})?) ?%$"},
            ],
            "examples": ["15%", 0.15],
        }
    ),
]
SomeShare = Annotated[Share, AfterValidator(_some)]
Day = Annotated[
    date,
    BeforeValidator(read_day),
    WithJsonSchema(
        {
            "title": "a date",
            "type": "string",
            "format": "date",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            "examples": ["2026-12-24"],
        }
    ),
]
TimeOfDay = Annotated[
    time,
    BeforeValidator(read_time),
    WithJsonSchema(
        {
            "title": "a time of day",
            "type": "string",
            "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$",
            "examples": ["08:00", "18:30"],
        }
    ),
]
Zone = Annotated[
    str,
    AfterValidator(_zone),
    WithJsonSchema(
        {
            "title": "a time zone",
            "type": "string",
            "pattern": "^[A-Za-z0-9_+/-]+$",
            "examples": ["Europe/Oslo", "America/New_York", "UTC"],
        }
    ),
]
IssueKey = Annotated[
    str,
    AfterValidator(_issue_key),
    WithJsonSchema(
        {
            "title": "an issue's key",
            "type": "string",
            "pattern": "^[A-Z0-9][A-Z0-9_]*-[1-9][0-9]*$",
            "examples": ["OPS-12"],
        }
    ),
]
Mention = Annotated[
    str,
    AfterValidator(_mention),
    WithJsonSchema({"title": "a mention", "type": "string", "minLength": 1, "maxLength": MAX_MENTION_CHARS}),
]
