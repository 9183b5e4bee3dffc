"""``train``, ``predict`` and ``evaluate`` over files: what they read, and how they complain of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from classifiers.issues_file import Line, read_issues
from classifiers.json_lines import BadLine
from sprintwarden.settings import Complaint

MOST_SHOWN = 20
"""Complaints about single lines; the rest are counted."""


def lines_of(path: Path, *, strict: bool) -> Iterator[Line]:
    """The issues of a file. Bad lines are told on stderr and passed over.

    Raises Complaint when the file cannot be read, or at its end when a line was bad and ``strict``.
    """
    bad = 0
    try:
        for line in read_issues(path):
            if not isinstance(line, BadLine):
                yield line
                continue
            bad += 1
            if bad <= MOST_SHOWN:
                sys.stderr.write(f"{line}\n")
    except OSError as error:
        raise Complaint(f"{path} cannot be read: {error.strerror}.") from error
    if bad > MOST_SHOWN:
        sys.stderr.write(f"... and {bad - MOST_SHOWN} more bad lines.\n")
    if bad and strict:
        raise Complaint(f"{path} has {_counted(bad)}; mend them, or leave out --strict to pass over them.")


def _counted(bad: int) -> str:
    return "1 bad line" if bad == 1 else f"{bad} bad lines"
