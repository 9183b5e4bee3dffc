"""``docs/redis-keys.md`` says what is so: every kind of key, its type, its owner and how long it lives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from store import keys
from tests.conftest import Floor
from tests.unit.test_store_keys import bury, lived_through

ROOT: Final = Path(__file__).parents[2]
_SECONDS: Final = {"seconds": 1, "minutes": 60, "hour": 3600, "hours": 3600, "day": 86_400, "days": 86_400}
_TYPES: Final = {"string": "string", "hash": "hash", "list": "list", "sorted set": "zset"}


@dataclass(frozen=True, slots=True)
class Row:
    """What the page says of one kind of key."""

    type: str
    owner: str
    life: str

    def longest(self) -> float:
        """Seconds it may live untouched; -1 where it ends with what it is about, or never."""
        found = re.match(r"(\d+) (\w+)", self.life)
        return int(found[1]) * _SECONDS[found[2]] if found else -1


def rows() -> dict[str, Row]:
    """By kind, such as ``hints`` of ``sw:hints:SUBJECT``."""
    lines = (ROOT / "docs" / "redis-keys.md").read_text(encoding="utf-8").splitlines()
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `sw:")
    ]
    return {row[0].strip("`").split(":")[1]: Row(_TYPES[row[2]], row[3].strip("`"), row[4]) for row in cells}


def kinds() -> dict[str, str]:
    """Kind → the name in ``store.keys`` it is made of."""
    named = {name: value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str)}
    return {value.split(":")[1]: name for name, value in named.items() if value != keys.PREFIX}


def test_every_kind_of_key_has_its_row_and_no_other() -> None:
    assert set(rows()) == set(kinds())


def test_types_and_lives_are_those_found_in_redis(floor: Floor, tmp_path: Path) -> None:
    lived_through(floor, tmp_path)
    bury(floor, "2")
    told, wrong = rows(), []
    for name in map(str, floor.redis.scan_iter(f"{keys.PREFIX}*")):
        row, left = told[name.split(":")[1]], floor.redis.ttl(name)
        lives = left == -1 if row.longest() < 0 else 0 <= left <= row.longest()
        if floor.redis.type(name) != row.type or not lives:
            wrong.append((name, floor.redis.type(name), left))
    assert wrong == []


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_the_owner_of_a_key_is_who_makes_it(kind: str) -> None:
    constant = kinds()[kind]
    source = (ROOT / "store" / "keys.py").read_text(encoding="utf-8")
    makers = re.findall(rf'def (\w+)\([^)]*\) -> str:\n    return f"\{{{constant}\}}', source)
    owner = (ROOT / rows()[kind].owner).read_text(encoding="utf-8")
    scripts = [path for path in (ROOT / "store" / "lua").iterdir() if f'"{path.stem}"' in owner]
    said = "".join([owner, *(path.read_text(encoding="utf-8") for path in scripts)])
    assert re.search(rf"\b({'|'.join([constant, *makers])})\b|'{kind}:?'", said)
