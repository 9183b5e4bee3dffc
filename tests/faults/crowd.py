"""People at work in a toy tracker, remembered well enough to say what should have come of it."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.iterations import JiraSprint, LinearCycle
from tests.integration.scene import Side

BIRDS: Final = ("kestrel", "osprey", "merlin", "harrier", "falcon")
"""A word of a title, and the label it calls for."""
PROJECTS: Final = {"jira": "ABC", "linear": "ENG"}
BOT: Final = "Sprintwarden"
_OWN: Final = "team-b"
"""A label that only people use."""


def rules(tracking: dict[str, str]) -> str:
    """Rules that label by ``BIRDS``; ``tracking`` is the issue of each project that sprints are told on."""
    every = [{"label": bird, "title": {"words": [bird]}} for bird in BIRDS]
    return json.dumps(
        {
            "version": 1,
            "defaults": {
                "mode": "apply",
                "writes": {"most": 100_000, "window": "10m"},
                "tagging": {"comment": True, "create_labels": True, "rules": every},
                "sprints": {"scope_creep": {"grace": "0s"}},
            },
            "projects": {
                project: {"sprints": {"notify": {"tracking_issue": key}}} for project, key in tracking.items()
            },
        }
    )


@dataclass
class Filed:
    """One issue, as the people who work on it would tell."""

    key: str
    birds: frozenset[str]
    """Those its title names now."""
    ever: frozenset[str]
    refused: set[str] = field(default_factory=set)
    """Labels of ours that a person took off."""
    own: set[str] = field(default_factory=set)
    """Labels that people put on."""
    uncommented: bool = False
    """A person deleted our comment."""
    deleted: bool = False


class Crowd:
    """The people of one tracker. Each ``step`` is one thing that one of them does."""

    def __init__(self, side: Side, chance: random.Random) -> None:
        self.side = side
        self.issues: list[Filed] = []
        self.done: Counter[str] = Counter()
        self._chance = chance
        self._number = 0
        self._sprint: JiraSprint | LinearCycle | None = None

    def begin(self) -> None:
        """Have a label of their own, and start a sprint of five issues in a team with a past."""
        if self.side.tracker == "linear":
            self.side.toy.control("POST", "/linear/labels", {"name": _OWN})
        toy, project = self.side.toy, PROJECTS[self.side.tracker]
        sprint = JiraSprint(toy, project) if self.side.tracker == "jira" else LinearCycle(toy, project)
        for number in range(4):
            sprint.remember((5, 3, 5, 5), 13, ended_days_ago=15.0 * (4 - number))
        for number in range(5):
            sprint.plan(f"planned work {number}", 3)
        sprint.start()
        self._sprint = sprint

    def step(self) -> None:
        """Do one thing."""
        acts: dict[Callable[[], None], int] = {
            self._file: 38,
            self._rename: 22,
            self._refuse: 12,
            self._put_on: 6,
            self._uncomment: 4,
            self._delete: 3,
            self._repeat: 12,
            self._forge: 3,
        }
        act = self._chance.choices(list(acts), list(acts.values()))[0]
        self.done[act.__name__.strip("_")] += 1
        act()

    def _file(self) -> None:
        birds = self._some_birds()
        if self._sprint is not None and self._chance.random() < 0.02:
            key = self._sprint.add(self._title(birds), self._chance.choice((1, 2, 3)))
        else:
            key = self.side.file(self._title(birds))
        self.issues.append(Filed(key, birds, birds))

    def _rename(self) -> None:
        if (issue := self._one()) is not None:
            issue.birds = self._some_birds()
            issue.ever |= issue.birds
            self.side.toy.edit(issue.key, title=self._title(issue.birds))

    def _refuse(self) -> None:
        issue = self._one()
        if issue is None:
            return
        ours = sorted(set(self.side.toy.issue(issue.key)["bot_labels"]) - issue.own)
        if ours:
            label = self._chance.choice(ours)
            issue.refused.add(label)
            self.side.toy.edit(issue.key, remove_labels=[label])

    def _put_on(self) -> None:
        if (issue := self._one()) is not None:
            issue.own.add(_OWN)
            self.side.toy.edit(issue.key, add_labels=[_OWN])

    def _uncomment(self) -> None:
        issue = self._one()
        if issue is None:
            return
        for comment in self.side.toy.issue(issue.key)["comments"]:
            if comment["author"] == BOT:
                issue.uncommented = True
                self.side.toy.delete_comment(comment["id"])

    def _delete(self) -> None:
        if (issue := self._one()) is not None:
            issue.deleted = True
            self.side.toy.delete(issue.key)

    def _repeat(self) -> None:
        self._again(forged=False)

    def _forge(self) -> None:
        self._again(forged=True)

    def _again(self, *, forged: bool) -> None:
        if self._number:
            self.side.toy.deliver_again(self._chance.randint(1, self._number), forged=forged)

    def _one(self) -> Filed | None:
        # Mostly one of the newest: what is edited within the hour counts.
        alive = [issue for issue in self.issues[-60:] if not issue.deleted]
        return self._chance.choice(alive) if alive else None

    def _some_birds(self) -> frozenset[str]:
        return frozenset(self._chance.sample(BIRDS, self._chance.choice((0, 1, 1, 2))))

    def _title(self, birds: frozenset[str]) -> str:
        self._number += 1
        return " ".join(["seen today:", *sorted(birds), str(self._number)])


@dataclass
class Verdict:
    """What was lost and what was done twice, each in a sentence."""

    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)


def judge(crowd: Crowd) -> Verdict:
    """Hold what the toy tracker has against what its people did."""
    verdict = Verdict()
    views = {view["key"]: view for view in crowd.side.toy.issues()}
    put_on = label_writes(crowd.side)
    for issue in crowd.issues:
        if not issue.deleted:
            _judge_issue(issue, views[issue.key], verdict)
        for label, times in put_on[issue.key].items():
            if times > 1:
                verdict.twice.append(f"{issue.key}: {label} was put on {times} times")
    return verdict


def _judge_issue(issue: Filed, view: dict[str, Any], verdict: Verdict) -> None:
    labels = set(view["labels"])
    comments = [comment for comment in view["comments"] if comment["author"] == BOT]
    if missing := issue.birds - issue.refused - labels:
        verdict.lost.append(f"{issue.key}: {', '.join(sorted(missing))} missing")
    if lost := issue.own - labels:
        verdict.lost.append(f"{issue.key}: a person's {', '.join(lost)} was taken off")
    if back := issue.refused & labels:
        verdict.twice.append(f"{issue.key}: {', '.join(sorted(back))} put back against a person's word")
    if strange := labels - issue.ever - issue.own:
        verdict.twice.append(f"{issue.key}: {', '.join(sorted(strange))} for no reason")
    if len(comments) > (0 if issue.uncommented else 1):
        verdict.twice.append(f"{issue.key}: {len(comments)} comments")


def label_writes(side: Side) -> dict[str, Counter[str]]:
    """By issue, how often each label was put on by the service, as the tracker's own events tell."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    told: set[str] = set()
    for delivery in side.toy.deliveries():
        # The same event may have been sent more than once.
        if delivery["digest"] not in told:
            told.add(delivery["digest"])
            body = json.loads(delivery["body"])
            key, added = _added_in_jira(body) if side.tracker == "jira" else _added_in_linear(body)
            found[key].update(added)
    return found


def _added_in_jira(body: dict[str, Any]) -> tuple[str, Iterator[str]]:
    ours = body.get("user", {}).get("displayName") == BOT
    items = body.get("changelog", {}).get("items", ()) if ours else ()
    added = (
        label
        for item in items
        if item["field"] == "labels"
        for label in set((item["toString"] or "").split()) - set((item["fromString"] or "").split())
    )
    return body.get("issue", {}).get("key", ""), added


def _added_in_linear(body: dict[str, Any]) -> tuple[str, Iterator[str]]:
    data, before = body.get("data") or {}, body.get("updatedFrom") or {}
    ours = (body.get("actor") or {}).get("name") == BOT and "labelIds" in before
    labels = data.get("labels", ()) if ours else ()
    added = (label["name"] for label in labels if label["id"] not in before["labelIds"])
    return data.get("identifier", ""), added
