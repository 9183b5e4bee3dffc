"""Rules files made up at random: any settings in any layers, with rules that say which layer they are of."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

SAMPLES: dict[str, list[Any]] = {
    "mode": ["dry_run", "suggest", "apply"],
    "tagging.window": ["30m", "2d"],
    "tagging.comment": [True, False],
    "tagging.comment_outside": [True, False],
    "tagging.create_labels": [True, False],
    "tagging.max_labels": [1, 20],
    "tagging.learned.enabled": [True, False],
    "tagging.learned.targets": [["labels"], ["type", "components"]],
    "tagging.learned.precision": [0.6, "90%"],
    "tagging.learned.components_precision": [0.6, 0.9],
    "tagging.learned.max_labels": [1, 7],
    "tagging.learned.never": [[], ["Bug", "later"]],
    "sprints.enabled": [True, False],
    "sprints.mode": ["dry_run", "suggest", "apply"],
    "sprints.measure": ["auto", "issues"],
    "sprints.unestimated": [False, 0, 2.5],
    "sprints.min_history": [0, 5],
    "sprints.overcommit.enabled": [True, False],
    "sprints.overcommit.warn_below": ["10%", 0.5],
    "sprints.overcommit.done_share": ["90%", 0.7],
    "sprints.overcommit.grace": ["2h", 0],
    "sprints.scope_creep.enabled": [True, False],
    "sprints.scope_creep.budget": ["0%", 0.3],
    "sprints.scope_creep.grace": ["2d", "0s"],
    "sprints.scope_creep.label": [True, False, "late"],
    "sprints.requirements": [True, False],
    "sprints.requirement_lines": [[], [{"line": "Target: 4.2", "kind": "formatting"}]],
    "sprints.stalled": [True, False],
    "sprints.notify.tracking_issue": [False, "OPS-1"],
    "sprints.notify.mention": [False, "@dana"],
    "sprints.notify.again": [True, False],
    "sprints.notify.comment_outside": [True, False],
    "sprints.notify.snooze_label": ["hush", "quiet"],
    "sprints.quiet_hours": [
        False,
        {"from": "18:00", "to": "08:00"},
        {"zone": "Europe/Oslo", "from": "12:00", "to": "13:00"},
    ],
    "sprints.working_days": [["mon", "tue"], ["sun"]],
    "sprints.holidays": [[], ["2026-12-24"]],
    "sprints.zone": ["Asia/Tokyo", "UTC"],
    "sprints.people": [False, 6],
    "sprints.away": [[], [{"from": "2026-07-06", "to": "2026-07-24"}]],
    "sprints.wording.how_advice": ["", "Advice."],
    "sprints.wording.changes": ["News since {since}:"],
    "writes.most": [1, 900],
    "writes.window": ["1m", "24h"],
}
"""Values for every setting, of wording for two sentences."""

LAYERS = (
    "defaults",
    "connections acme",
    "connections other",
    "projects ABC",
    "projects acme/ABC",
    "projects XYZ",
    "boards 12",
    "boards acme/12",
    "boards 13",
)
RULE_NAMES = ("Bug", "crash", "docs")


def nested(said: dict[str, Any]) -> dict[str, Any]:
    """``{"a.b": 1}`` as ``{"a": {"b": 1}}``."""
    tree: dict[str, Any] = {}
    for path, value in said.items():
        *above, last = path.split(".")
        part = tree
        for key in above:
            part = part.setdefault(key, {})
        part[last] = value
    return tree


def rule(name: str, layer: str) -> dict[str, Any]:
    """One that names its layer, so that it is known from those of other layers."""
    return {"name": name, "label": f"{name} of {layer}", "title": {"words": [name]}}


@st.composite
def layers(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """What a layer may say."""
    group = name.split()[0]
    allowed = [
        path
        for path in SAMPLES
        if (group != "boards" or path.startswith("sprints."))
        and (not path.startswith("writes.") or group in ("defaults", "connections"))
    ]
    chosen = draw(st.lists(st.sampled_from(allowed), unique=True, max_size=8))
    said = {path: draw(st.sampled_from(SAMPLES[path])) for path in chosen}
    if "sprints.zone" in said and isinstance(said.get("sprints.quiet_hours"), dict):
        del said["sprints.zone"]  # both may name a zone, but not in one layer
    if group != "boards":
        some = st.lists(st.sampled_from(RULE_NAMES), unique=True, min_size=1)
        swapped = draw(st.booleans())
        if draw(st.booleans()) or group == "defaults":
            names = RULE_NAMES if group == "defaults" else draw(some)
            said["tagging.rules"] = [rule(one.swapcase() if swapped else one, name) for one in names]
        if draw(st.booleans()) and group != "defaults":
            said["tagging.without"] = draw(some)
    return nested(said)


@st.composite
def files(draw: st.DrawFn) -> str:
    """A rules file with some of the layers."""
    data: dict[str, Any] = {"version": 1, "defaults": draw(layers("defaults"))}
    for name in draw(st.lists(st.sampled_from(LAYERS[1:]), unique=True)):
        group, key = name.split()
        data.setdefault(group, {})[key] = draw(layers(name))
    return json.dumps(data, indent=1)
