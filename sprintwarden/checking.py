"""``check``: what is wrong with a rules file, and which of its labels a tracker does not have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rules.load import load_rules
from rules.problems import BadFile, Problem
from rules.source import Source, read_source
from sprintwarden.alone import OwnCache, OwnGate
from sprintwarden.settings import Complaint, Settings
from sprintwarden.wiring import named, read_connections
from trackers.model import TrackerKind
from workers.shop import open_tracker


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem, as ``check`` prints it."""

    problem: Problem

    def __str__(self) -> str:
        return str(self.problem)

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self.problem)


def check_rules(settings: Settings, file: Path | None, connection: str | None) -> tuple[Finding, ...]:
    """Everything wrong with ``file`` (by default the configured one).

    With ``connection``, also labels unknown to that tracker. Raises Complaint when the file cannot
    be read or the connection is not there.
    """
    path = file or settings.rules_file
    try:
        text = path.read_bytes()
    except OSError as error:
        raise Complaint(f"{path} cannot be read: {error.strerror}.") from error
    try:
        load_rules(text, str(path))
    except BadFile as error:
        return tuple(map(Finding, error.problems))
    if connection is None:
        return ()
    return tuple(map(Finding, _unknown_labels(settings, read_source(text, str(path)), connection)))


def _unknown_labels(settings: Settings, source: Source, name: str) -> list[Problem]:
    connection = named(read_connections(settings.connections_file), name)
    tracker, _ = open_tracker(connection, OwnGate(), OwnCache())
    known = tracker.label_names(connection.projects)
    if known is None:
        raise Complaint(f"{name} cannot list its labels: Jira Data Center offers no way to ask for them.")
    found = []
    for path, label in _labels(source.data):
        wanted = tracker.label_name(label)
        if wanted.casefold() not in {one.casefold() for one in known}:
            made = connection.tracker is TrackerKind.JIRA
            after = (
                "Jira makes it at its first use" if made else "it is not put on unless create_labels is true"
            )
            found.append(source.problem(path, f'{name} has no label "{wanted}": {after}'))
    return sorted(found)


def _labels(data: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every label a rule puts on, with its place in the file."""
    layers: list[tuple[tuple[str | int, ...], Any]] = [(("defaults",), data.get("defaults"))]
    for section in ("connections", "projects"):
        layers += [((section, key), layer) for key, layer in (data.get(section) or {}).items()]
    for where, layer in layers:
        rules = ((layer or {}).get("tagging") or {}).get("rules") or []
        for index, rule in enumerate(rules):
            at = (*where, "tagging", "rules", index)
            if "label" in rule:
                yield (*at, "label"), rule["label"]
            for number, label in enumerate(rule.get("labels") or []):
                yield (*at, "labels", number), label
