"""On how many new issues each label was put, week by week, by the rules and by models.

Counts and names of labels; no issue and no text, so nothing here has to be purged with an issue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, cast

from redis import Redis
from redis.client import Pipeline

from store import keys
from store.watch import week_of
from trackers.model import HintKind, Subject, SubjectKind

_ISSUES: Final = "issues"
_RULES: Final = "rules|"
_MODELS: Final = "models|"
_LEARNED: Final = "learned"
_CARRIED_THROUGH: Final = frozenset({"applied", "suggested", "dry_run", "nothing", "partly_refused"})
"""Outcomes after which a new issue is not looked at again for being new."""


@dataclass(frozen=True, slots=True)
class PutOn:
    """What was put on new issues of a connection. A component is named as ``component_label`` has it."""

    issues: int = 0
    """New ones that were looked at, labelled or not."""
    by_rules: Mapping[str, int] = field(default_factory=dict)
    """Label → issues."""
    by_models: Mapping[str, int] = field(default_factory=dict)


def put(pipe: Pipeline, subject: Subject, record: Mapping[str, Any]) -> None:
    """Count what a decision record tells of a new issue, along with what else ``pipe`` keeps.

    A run that died after its record is repeated, and counts its issue a second time.
    """
    if not _is_of_a_new_issue(subject, record):
        return
    name = keys.put_on(subject.connection, week_of(_moment(record["at"])).isoformat())
    pipe.hincrby(name, _ISSUES, 1)
    written = set((record.get("written") or {}).get("labels", ()))
    for one in (record.get("plan") or {}).get("labels", ()):
        if one["label"] in written:
            by = _MODELS if one["source"] == _LEARNED else _RULES
            # Half a surrogate pair is no text that could be stored; see ``store.feed``.
            pipe.hincrby(name, f"{by}{one['label']}".encode("utf-8", "replace"), 1)
    pipe.expire(name, keys.SEEN_LIFE)


def read(redis: Redis, connection: str, newest: date, weeks: int = keys.SEEN_WEEKS) -> PutOn:
    """All of the newest ``weeks`` calendar weeks, up to that of the Monday ``newest``. One round trip."""
    pipe = redis.pipeline(transaction=False)
    for back in range(weeks):
        pipe.hgetall(keys.put_on(connection, (newest - timedelta(weeks=back)).isoformat()))
    total: Counter[str] = Counter()
    for counts in cast("list[dict[str, str]]", pipe.execute()):
        total.update({name: int(text) for name, text in counts.items()})
    return PutOn(total[_ISSUES], _under(total, _RULES), _under(total, _MODELS))


def _is_of_a_new_issue(subject: Subject, record: Mapping[str, Any]) -> bool:
    if subject.kind is not SubjectKind.ISSUE or record.get("outcome") not in _CARRIED_THROUGH:
        return False
    return any(hint.get("kind") == HintKind.ISSUE_CREATED for hint in record.get("hints", ()))


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at).astimezone(UTC)


def _under(counts: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {name[len(prefix) :]: count for name, count in counts.items() if name.startswith(prefix)}
