"""Asks whether anything that is locked here is known to be vulnerable: ``make audit``.

Names and versions of the lock files go to OSV, which gathers PyPA's and GitHub's advisories, in one
request; nothing else of this machine does. What is found and not excused in ``audit-ignore.txt`` fails.
Where OSV cannot be asked that is said, and fails only with ``--strict``: a network fault is no vulnerability.
Source: google.github.io/osv.dev/post-v1-querybatch.
"""

from __future__ import annotations

import json
import re
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Final

import httpx

HERE: Final = Path(__file__).parent
SERVICE: Final = "https://api.osv.dev"
_LOCKED: Final = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)
_EXCUSE: Final = re.compile(r"(?P<id>[A-Z][\w-]+) until (?P<day>\d{4}-\d{2}-\d{2}): (?P<why>\S.*)")
_MOST_AT_ONCE: Final = 1_000
"""The most that OSV takes in one request."""
_ROUNDS: Final = 20
_PATIENCE_S: Final = 30.0
"""For all of it: who sends a byte now and then shall not hold a check up."""


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One locked release."""

    name: str
    version: str

    def query(self, page: str | None) -> Mapping[str, Any]:
        """The question about it, for the page that an earlier answer named."""
        asked = {"package": {"name": self.name, "ecosystem": "PyPI"}, "version": self.version}
        return asked if page is None else {**asked, "page_token": page}


class NotAsked(Exception):
    """OSV gave no answer that could be read. The sentence says why."""


class BadExcuse(Exception):
    """A line of ``audit-ignore.txt`` that is none."""


def locked(*files: Path) -> list[Package]:
    """What the lock files name, each release once."""
    found = (_LOCKED.findall(file.read_text(encoding="utf-8")) for file in files)
    return sorted({Package(*one) for each in found for one in each})


def excused(file: Path, today: date) -> frozenset[str]:
    """The ids that are excused ``today``. Raises BadExcuse for a line that cannot be read."""
    ids = set()
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        read = _EXCUSE.fullmatch(line.strip())
        try:
            last = date.fromisoformat(read["day"] if read else "")
        except ValueError:
            raise BadExcuse(f"{file.name}, line {number}: write `ID until YYYY-MM-DD: why`.") from None
        if read and today <= last:
            ids.add(read["id"])
    return frozenset(ids)


def vulnerabilities(packages: Sequence[Package], service: str) -> dict[Package, set[str]]:
    """The ids known of each package that has any. Raises NotAsked."""
    found: dict[Package, set[str]] = {}
    asked: list[tuple[Package, str | None]] = [(package, None) for package in packages]
    until = monotonic() + _PATIENCE_S
    with httpx.Client(base_url=service, timeout=10) as http:
        for _ in range(_ROUNDS):
            if not asked:
                return found
            now, asked = asked[:_MOST_AT_ONCE], asked[_MOST_AT_ONCE:]
            for (package, _page), (ids, page) in zip(now, _answers(http, now, until), strict=True):
                if ids:
                    found.setdefault(package, set()).update(ids)
                if page:
                    asked.append((package, page))
    raise NotAsked(f"{http.base_url.host} comes to no end")


def _answers(
    http: httpx.Client, asked: Sequence[tuple[Package, str | None]], until: float
) -> list[tuple[set[str], str | None]]:
    """The ids of each answer, and the page to go on at."""
    queries = [package.query(page) for package, page in asked]
    host = http.base_url.host
    try:
        with http.stream("POST", "/v1/querybatch", json={"queries": queries}) as response:
            response.raise_for_status()
            results = json.loads(_body(response, until))["results"]
        if len(results) == len(asked):
            return [_read(one) for one in results]
    except httpx.HTTPStatusError as error:
        raise NotAsked(f"{host} answered {error.response.status_code}") from None
    except httpx.HTTPError as error:
        raise NotAsked(f"{host} gave no answer ({type(error).__name__})") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise NotAsked(f"{host} answered what OSV does not")


def _body(response: httpx.Response, until: float) -> bytes:
    read = bytearray()
    for chunk in response.iter_bytes():
        read += chunk
        if monotonic() > until:
            raise NotAsked(f"{response.url.host} takes too long")
    return bytes(read)


def _read(result: dict[str, Any]) -> tuple[set[str], str | None]:
    ids = {one["id"] for one in result.get("vulns", ())}
    if not all(isinstance(id_, str) and id_.isprintable() for id_ in ids):
        raise ValueError
    return ids, result.get("next_page_token")


def main(arguments: Sequence[str] | None = None) -> int:
    """0: nothing is known, or nothing could be asked; 1: something is; 2: not asked, with ``--strict``."""
    parser = ArgumentParser(prog="audit", description="Look for known vulnerabilities in what is locked.")
    parser.add_argument("--strict", action="store_true", help="fail where OSV cannot be asked")
    parser.add_argument("--service", default=SERVICE, help=f"OSV, or a mirror of it ({SERVICE})")
    parser.add_argument("--ignore", type=Path, default=HERE / "audit-ignore.txt", help="what is excused")
    parser.add_argument("lists", type=Path, nargs="*", help="lock files (runtime.txt and dev.txt)")
    chosen = parser.parse_args(arguments)
    packages = locked(*(chosen.lists or (HERE / "runtime.txt", HERE / "dev.txt")))
    try:
        fine = excused(chosen.ignore, datetime.now(UTC).date())
        found = vulnerabilities(packages, chosen.service)
    except BadExcuse as error:
        return _end(1, str(error))
    except NotAsked as error:
        return _end(
            2 if chosen.strict else 0,
            f"NOT AUDITED: {error}. Whether the {len(packages)} locked packages are known to be vulnerable "
            "was not found out. Say `make audit` where that host can be reached.",
        )
    bad = [
        f"{package.name} {package.version}: https://osv.dev/vulnerability/{id_}"
        for package, ids in sorted(found.items())
        for id_ in sorted(ids - fine)
    ]
    if bad:
        return _end(1, "\n".join([*bad, "Raise the version in pyproject.toml and say `make lock`."]))
    return _end(0, f"None of the {len(packages)} locked packages is known to be vulnerable.")


def _end(status: int, told: str) -> int:
    sys.stderr.write(f"{told}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
