"""The demo's story: what people do in both trackers, and what must have come of it.

Each act does something and names what is missing until its effects are there. At the end the toys'
own write logs are counted: an effect too many is a failure like one too few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sandbox.iterations import Iteration, JiraSprint, LinearCycle
from sandbox.remote import Remote
from sandbox.sprint_story import Play, past_of_the_team, sprint_acts

_PROJECT, _TEAM = "ABC", "ENG"
HOSTILE_TITLE = 'XSS "><script>alert(1)</script> {html}x{html} [~admin] @everyone *bold* http://evil.invalid'


@dataclass(slots=True)
class Cast:
    """Both toys, and what the story remembers from act to act."""

    jira: Remote
    linear: Remote
    jira_project: str = _PROJECT
    linear_team: str = _TEAM
    keys: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    plays: dict[str, Play] = field(default_factory=dict)

    def play(self, tracker: str) -> Play:
        """One tracker's sprint."""
        if tracker not in self.plays:
            if tracker == "Jira":
                work: Iteration = JiraSprint(self.jira, self.jira_project)
            else:
                work = LinearCycle(self.linear, self.linear_team)
            self.plays[tracker] = Play(tracker, work)
        return self.plays[tracker]


def prepare(jira: Remote, linear: Remote) -> None:
    """Give both teams finished sprints, before anybody looks."""
    past_of_the_team(JiraSprint(jira, _PROJECT))
    past_of_the_team(LinearCycle(linear, _TEAM))


Missing = Iterator[str]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happens. ``missing`` yields what is not so yet; nothing when all is well."""

    title: str
    do: Callable[[Cast], None]
    missing: Callable[[Cast], Missing]


def acts() -> tuple[Act, ...]:
    """The story, in order."""
    return (
        Act("Jira: an issue is filed that names an attack", _file_xss, _xss_is_labelled),
        Act("Linear: an issue is filed, and described two seconds later", _file_slow, _slow_is_labelled),
        Act("Jira: an issue that says nothing yet gets a better title", _file_vague, _vague_is_labelled),
        Act("Jira: the first delivery comes a second time", _deliver_twice, _second_is_a_duplicate),
        Act("Linear: somebody forges a delivery", _forge, _forgery_is_refused),
        Act("Linear: an issue with a hostile title", _file_hostile, _hostile_is_inert),
        Act("Jira: a person takes a label off, and edits the title later", _undo_jira, _undo_jira_holds),
        Act("Linear: a person takes a label off, and edits the text later", _undo_linear, _undo_linear_holds),
        *_sprint_acts("Jira"),
        *_sprint_acts("Linear"),
    )


def _sprint_acts(tracker: str) -> Iterator[Act]:
    def on(what: Callable[[Play], Any], cast: Cast) -> Any:
        return what(cast.play(tracker))

    for act in sprint_acts():
        yield Act(f"{tracker}: {act.title}", partial(on, act.do), partial(on, act.missing))


def extra_effects(cast: Cast) -> list[str]:
    """Writes the story does not account for, by the toys' own logs."""
    found = []
    expected = {
        "Jira label edits": (_count(cast.jira, "PUT issue"), 2),
        "Jira comments": (_count(cast.jira, "POST comment"), 3),
        "Jira comment edits": (_count(cast.jira, "PUT comment"), 4),
        "Linear labels made": (_count(cast.linear, "issueLabelCreate"), 1),
        "Linear label edits": (_count(cast.linear, "issueUpdate"), 2),
        "Linear comments": (_count(cast.linear, "commentCreate"), 3),
        "Linear comment edits": (_count(cast.linear, "commentUpdate"), 4),
    }
    for what, (seen, wanted) in expected.items():
        if seen != wanted:
            found.append(f"{what}: {seen}, expected {wanted}")
    known = {
        "PUT issue",
        "POST comment",
        "PUT comment",
        "issueUpdate",
        "commentCreate",
        "commentUpdate",
        "issueLabelCreate",
    }
    for toy in (cast.jira, cast.linear):
        found += [
            f"unexpected write: {call['operation']}"
            for call in toy.writes()
            if call["operation"] not in known
        ]
    return found


def _count(toy: Remote, operation: str) -> int:
    return sum(call["operation"] == operation for call in toy.writes())


def _file_xss(cast: Cast) -> None:
    title = "Search box reflects its input: XSS on the results page"
    cast.keys["xss"] = cast.jira.create(cast.jira_project, title, type="Task")["key"]


def _xss_is_labelled(cast: Cast) -> Missing:
    yield from _has(cast.jira, cast.keys["xss"], {"security"}, comment="XSS")


def _file_slow(cast: Cast) -> None:
    issue = cast.linear.create(
        cast.linear_team,
        "Trouble with the basket page",
        body="With fifty articles it takes 20 seconds, and the tab's memory leak never ends.",
        describe_later=True,
    )
    cast.keys["slow"] = issue["key"]


def _slow_is_labelled(cast: Cast) -> Missing:
    yield from _has(cast.linear, cast.keys["slow"], {"performance"}, comment="memory leak")


def _file_vague(cast: Cast) -> None:
    cast.keys["vague"] = cast.jira.create(cast.jira_project, "Something is odd here", type="Task")["key"]
    cast.jira.edit(cast.keys["vague"], title="Typo in the installation guide, docs are misleading")


def _vague_is_labelled(cast: Cast) -> Missing:
    yield from _has(cast.jira, cast.keys["vague"], {"documentation"}, comment="docs")


def _deliver_twice(cast: Cast) -> None:
    first = next(one for one in cast.jira.deliveries() if one["event"] == "jira:issue_created")
    cast.numbers["twice"] = cast.jira.deliver_again(first["n"])


def _second_is_a_duplicate(cast: Cast) -> Missing:
    answer = _delivery(cast.jira, cast.numbers["twice"])["answer"] or {}
    if answer.get("status") != "duplicate":
        yield "the second delivery is not answered as a duplicate"


def _forge(cast: Cast) -> None:
    first = cast.linear.deliveries()[0]
    cast.numbers["forged"] = cast.linear.deliver_again(first["n"], forged=True)


def _forgery_is_refused(cast: Cast) -> Missing:
    if _delivery(cast.linear, cast.numbers["forged"])["status"] != 401:
        yield "the forged delivery is not refused"


def _file_hostile(cast: Cast) -> None:
    cast.keys["hostile"] = cast.linear.create(cast.linear_team, HOSTILE_TITLE)["key"]


def _hostile_is_inert(cast: Cast) -> Missing:
    yield from _has(cast.linear, cast.keys["hostile"], {"security"}, comment="XSS")
    for comment in _bot_comments(cast.linear, cast.keys["hostile"]):
        if any(piece in comment["body"] for piece in ("<script", "[~admin]", "@everyone", "http://evil")):
            yield "the hostile title is alive in our comment"


def _undo_jira(cast: Cast) -> None:
    cast.jira.edit(cast.keys["xss"], remove_labels=["security"])
    cast.jira.edit(cast.keys["xss"], title="Search box reflects its input (XSS, confirmed)")


def _undo_jira_holds(cast: Cast) -> Missing:
    yield from _settled(cast.jira)
    if "security" in cast.jira.issue(cast.keys["xss"])["labels"]:
        yield "a label that a person took off is back"
    if not _says(cast.jira, cast.keys["xss"], "taken off"):
        yield "our comment still speaks of a label that is gone"


def _undo_linear(cast: Cast) -> None:
    cast.linear.edit(cast.keys["slow"], remove_labels=["performance"])
    cast.linear.edit(cast.keys["slow"], body="The memory leak is still there in the newest release.")


def _undo_linear_holds(cast: Cast) -> Missing:
    yield from _settled(cast.linear)
    if "performance" in cast.linear.issue(cast.keys["slow"])["labels"]:
        yield "a label that a person took off is back"
    if not _says(cast.linear, cast.keys["slow"], "taken off"):
        yield "our comment still speaks of a label that is gone"


def _says(toy: Remote, key: str, words: str) -> bool:
    return [words in comment["body"] for comment in _bot_comments(toy, key)] == [True]


def _has(toy: Remote, key: str, labels: set[str], comment: str) -> Missing:
    issue = toy.issue(key)
    if set(issue["labels"]) != labels:
        yield f"{key} has the labels {sorted(issue['labels'])}, expected {sorted(labels)}"
    told = _bot_comments(toy, key)
    if len(told) != 1 or comment not in told[0]["body"]:
        yield f"{key} has no single comment that gives the reason"


def _bot_comments(toy: Remote, key: str) -> list[dict[str, Any]]:
    return [comment for comment in toy.issue(key)["comments"] if comment["author"] == "Sprintwarden"]


def _settled(toy: Remote) -> Missing:
    if toy.pending():
        yield "webhooks are still under way"


def _delivery(toy: Remote, n: int) -> dict[str, Any]:
    return next(one for one in toy.deliveries() if one["n"] == n)
