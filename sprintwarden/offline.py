"""``replay``: what one saved webhook body would lead to, without a network, a Redis or an account."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from classifiers.examples import Target
from classifiers.tagger import Tagger
from classifiers.tagging import Judgement, asked, filed, judge
from rules.load import RuleBook, load_rules
from rules.problems import BadFile
from sprintwarden.predicting import open_model
from sprintwarden.settings import Complaint
from store.journal import Journal
from trackers.jira import fields as jira_fields
from trackers.jira import markup as jira_markup
from trackers.jira import webhook as jira
from trackers.jira.service import JiraPalette
from trackers.linear import fields as linear_fields
from trackers.linear import markup as linear_markup
from trackers.linear import webhook as linear
from trackers.linear.service import LinearPalette, UsableLabel
from trackers.model import Event, HintKind, Issue, Label, Memory, Refused, Scope, TrackerKind
from trackers.protocol import Palette
from trackers.reading import mapping
from webhook_app.intake import parse_json
from workers.decide import applies, situation
from workers.plan import plan
from workers.taggers import TARGETS

NO_TAGGERS: Final[Mapping[Target, Tagger]] = MappingProxyType({})
_NAMELESS = "replay"
"""The connection's name in a replay: no layer of a rules file is called so unless an admin wants it."""


def replay(
    tracker: TrackerKind, body: bytes, book: RuleBook, taggers: Mapping[Target, Tagger] = NO_TAGGERS
) -> dict[str, Any]:
    """``{status, reason, hints, plan, …}`` for one body. Its signature and age are not looked at.

    ``plan`` lists the operations, ``decision`` tells what they rest on: the mode, each label with its
    reasons, what is withheld, and why there is nothing to do.
    """
    digest = hashlib.sha256(body).hexdigest()
    parse = jira.parse if tracker is TrackerKind.JIRA else linear.parse
    try:
        payload = parse_json(body)
        event = parse(payload, connection=_NAMELESS, digest=digest, scope=Scope())
    except Refused as refused:
        return _told("refused", str(refused.reason), refused.sentence)
    if event.ignored is not None:
        return _told("ignored", str(event.ignored), event.detail, event.name)
    hints = [hint.to_json() for hint in event.hints]
    decision = _decision(tracker, mapping(payload), event, book, taggers)
    return _told("queued", "", event.detail, event.name, hints, decision)


def _told(
    status: str,
    reason: str,
    detail: str,
    event: str = "",
    hints: Sequence[Mapping[str, Any]] = (),
    decision: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    decided = dict(decision or {})
    return {
        "status": status,
        "reason": reason or None,
        "detail": detail or None,
        "event": event or None,
        "hints": list(hints),
        "plan": decided.pop("operations", []),
        "decision": decided or None,
    }


def _decision(
    tracker: TrackerKind,
    payload: Mapping[str, Any],
    event: Event,
    book: RuleBook,
    taggers: Mapping[Target, Tagger],
) -> dict[str, Any] | None:
    kinds = {HintKind.ISSUE_CREATED, HintKind.ISSUE_CHANGED}
    about = [hint for hint in event.hints if hint.kind in kinds]
    if not about:
        return None
    issue = _issue(tracker, payload)
    rules = book.effective(_NAMELESS, issue.project)
    # The body is its own present: how long ago it was recorded says nothing about what it asked for.
    now = about[0].at or issue.updated or datetime.now(UTC)
    because = applies(about, issue, rules, Scope(), now=now, open_comment=False)
    if because is not None:
        return {"mode": str(rules.mode), "labels": [], "operations": [], "because": str(because)}
    vetoed = {label: "event" for hint in about for label in hint.labels_removed}
    at = situation(issue, Journal(), Memory(), vetoed, {})
    render = jira_markup.render if tracker is TrackerKind.JIRA else linear_markup.render
    answers = {
        target: tagger.answer(filed(issue), asked(rules, target))
        for target, tagger in taggers.items()
        if target in TARGETS[tracker] and rules.learned.asks(target)
    }
    judgement = judge(rules, issue, answers)
    return plan(judgement, at, rules, _palette(tracker, issue, judgement), render).to_json()


def _issue(tracker: TrackerKind, payload: Mapping[str, Any]) -> Issue:
    if tracker is TrackerKind.JIRA:
        return jira_fields.issue_from_json(mapping(payload.get("issue")))
    return linear_fields.issue_from_json(mapping(payload.get("data") or payload.get("issueData")))


def _palette(tracker: TrackerKind, issue: Issue, judgement: Judgement) -> Palette:
    if tracker is TrackerKind.JIRA:
        return JiraPalette()
    # Offline nobody can say which labels the team has: the names proposed stand for them.
    names = {proposal.label for proposal in judgement.proposals}
    labels = [*issue.labels, *(Label(f"by-name:{name}", name) for name in sorted(names))]
    return LinearPalette([UsableLabel(label, of_team=True) for label in labels])


def read_taggers(folders: Sequence[Path]) -> dict[Target, Tagger]:
    """The models in ``folders``, by what they were trained for. Raises Complaint."""
    found: dict[Target, Tagger] = {}
    for folder in folders:
        tagger, manifest = open_model(folder)
        target = Target(manifest["target"])
        if target in found:
            raise Complaint(f"{folder} is a second model for {target}: name one of each kind.")
        found[target] = tagger
    return found


def read_rules(path: Path) -> RuleBook:
    """A rules file, compiled. Raises Complaint with every problem of it."""
    try:
        return load_rules(path.read_bytes(), str(path))
    except OSError as error:
        raise Complaint(f"{path} cannot be read: {error.strerror}.") from error
    except BadFile as error:
        raise Complaint(str(error)) from error
