"""One thing to warn of, before it has a line and column."""

from __future__ import annotations

from typing import NamedTuple

from rules.source import Path


class Remark(NamedTuple):
    """A warning by its name, at a path of the file."""

    name: str
    """One of ``rules.warning_names.WARNINGS``."""
    path: Path
    message: str
    at_key: bool = False
    """It is about the key that ends the path, not about the value."""
