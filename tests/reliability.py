"""From tests that cause faults to the table in ``docs/reliability.md``.

A test names the fault it causes, ``@pytest.mark.fault(13)``, and may tell what came of it in words or
figures, ``seen("labelled once, 3.1 s after the kill")``. ``pytest --reliability FILE`` then writes the
table anew between its two marks in the file. Tests marked ``slow`` run only when asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.faults.catalogue import FAULTS, Fault

_BEGIN: Final = "<!-- faults: written by make faults -->"
_END: Final = "<!-- end of faults -->"


@dataclass
class Row:
    """What the tests of one fault came to."""

    held: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: int = 0
    seen: list[str] = field(default_factory=list)

    def words(self) -> str:
        """The table's last column."""
        if self.failed:
            return "**not so**: " + ", ".join(f"`{name}`" for name in self.failed)
        if not self.held:
            return "not tried here" if self.skipped else "no test"
        # A test with many examples tells the same of each.
        told = "; ".join(dict.fromkeys(self.seen))
        return f"{told or 'as expected'} ({self.held} {'test' if self.held == 1 else 'tests'})"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--reliability", type=Path, help="Write the table of faults into this file.")
    parser.addoption("--slow", action="store_true", help="Run the slow tests too.")


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("--reliability")
    if file is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Table(file))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "slow" in str(config.getoption("-m")) or config.getoption("--slow"):
        return
    wait = pytest.mark.skip(reason="It is slow: ask for it with --slow, or -m slow.")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(wait)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("fault"):
        item.user_properties += [("fault", int(number)) for number in mark.args]


@pytest.fixture
def seen(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Tell what came of the fault, for the table: a clause without a full stop."""
    return lambda words: record_property("seen", words)


class _Table:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._rows: dict[int, Row] = defaultdict(Row)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        told = [str(words) for name, words in report.user_properties if name == "seen"]
        for number in (value for name, value in report.user_properties if name == "fault"):
            row = self._rows[int(str(number))]
            if report.failed:
                row.failed.append(report.nodeid)
            elif report.skipped:
                row.skipped += 1
            else:
                row.held += 1
                row.seen += told

    def pytest_sessionfinish(self) -> None:
        before, _, rest = self._file.read_text(encoding="utf-8").partition(_BEGIN)
        _, _, after = rest.partition(_END)
        text = "\n".join([before + _BEGIN, "", *table(FAULTS, self._rows), "", _END + after])
        self._file.write_text(text, encoding="utf-8")


def table(faults: Iterable[Fault], rows: Mapping[int, Row]) -> Iterable[str]:
    """The faults by area, as lines of Markdown."""
    area = ""
    for fault in faults:
        if fault.area != area:
            area = fault.area
            yield from ("", f"### {area}", "", "| | fault | expected | seen |", "| --- | --- | --- | --- |")
        seen = rows.get(fault.number, Row()).words().replace("|", "\\|")
        yield f"| F{fault.number} | {fault.what} | {fault.expected} | {seen} |"
