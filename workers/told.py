"""The parts of a plan as JSON: the one form that the record, ``explain`` and ``replay`` show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from classifiers.tagging import Chance, Proposal, Reserve
from rules.matching import readable
from trackers.protocol import AddLabels, DropComment, Operation, PutComment, RemoveLabels


def proposal_json(proposal: Proposal) -> dict[str, Any]:
    told: dict[str, Any] = {
        "label": proposal.label,
        "source": proposal.source,
        "because": list(proposal.because),
    }
    if proposal.told not in ((), proposal.because):
        told["seen"] = list(proposal.told)
    return told | {"chance": _chance_json(proposal.chance)} if proposal.chance else told


def _chance_json(chance: Chance) -> dict[str, Any]:
    rival = chance.runner_up
    return {
        "p": round(chance.p, 4),
        "threshold": chance.threshold and round(chance.threshold, 4),
        "runner_up": {"label": rival[0], "p": round(rival[1], 4)} if rival else None,
        "terms": [{"text": readable(term.text), "weight": round(term.weight, 3)} for term in chance.terms],
    }


def reserve_json(reserve: Reserve) -> dict[str, Any]:
    return {
        "target": str(reserve.target),
        "abstained": reserve.abstained or None,
        "held_back": [proposal_json(item.proposal) | {"why": item.why} for item in reserve.held_back],
    }


def operation_json(operation: Operation) -> Mapping[str, Any]:
    match operation:
        case AddLabels(labels, new, _):
            return {
                "do": "add_labels",
                "labels": [label.path for label in labels] + [made.name for made in new],
                "create": [made.name for made in new],
            }
        case RemoveLabels(labels):
            return {"do": "remove_labels", "labels": [label.path for label in labels]}
        case PutComment(topic, body, id_, settles):
            verb = "settle_comment" if settles else ("edit_comment" if id_ else "post_comment")
            return {"do": verb, "topic": topic, "body": body}
        case DropComment(topic, _):
            return {"do": "drop_comment", "topic": topic}
