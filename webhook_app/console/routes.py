"""What ``/api/v1`` answers, in one table: by it requests are answered, refused and documented."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter, with_config
from werkzeug.exceptions import NotFound

from store.label_views import TARGETS
from webhook_app.console import decisions, label_data, now, queue, rules, sprints, trials
from webhook_app.console.decision import Decision
from webhook_app.console.house import House
from webhook_app.console.label_words import STANDINGS
from webhook_app.console.wording import OUTCOMES

Given = Mapping[str, str]
"""What a request names: the parts of its path and its parameters, which are known and well-formed."""


@dataclass(frozen=True, slots=True)
class Route:
    """One path below ``/api/v1``."""

    path: str
    """As Flask writes it: ``/decisions/<id>``."""
    name: str
    """Its operation's, for who generates a client."""
    answer: type
    gather: Callable[[House, Given], object]
    """Makes an ``answer``. Raises NotFound with a sentence where there is none."""
    summary: str
    query: type | None = None
    """A dataclass of the parameters, which are texts; None: there are none."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Of the path, each with what it is."""

    def adapter(self) -> TypeAdapter[Any]:
        """Judges the parameters, and has their schema."""
        return _adapter(self.query or _Nothing)


def _one_of(names: Collection[str], about: str) -> Any:
    known: list[JsonValue] = ["", *names]
    return Field(pattern=f"^({'|'.join(names)})?$", description=about, json_schema_extra={"enum": known})


_CLOSED: Final = ConfigDict(extra="forbid")
_Connection = Annotated[
    str, Field(description="Of one connection alone, by its name in `connections.yaml`. Else of all.")
]
_Place = Annotated[str, Field(pattern=r"^([^:@]+:(issue|sprint|board|catch_up):[^@]+@[0-9]{1,15})?$")]
_Target = Annotated[str, _one_of(dict.fromkeys(chain(*TARGETS.values())), "What is put on issues.")]


@with_config(_CLOSED)
@dataclass(frozen=True, slots=True)
class _Nothing:
    """No parameters."""


@with_config(_CLOSED)
@dataclass(frozen=True, slots=True)
class _Decisions:
    connection: _Connection = ""
    project: Annotated[str, Field(description="Of the issues of one project or team alone, by its key.")] = ""
    label: Annotated[str, Field(description="Those that put this label on, or meant to.")] = ""
    outcome: Annotated[
        str,
        _one_of((*OUTCOMES, decisions.EVERYTHING), "Those that ended so. Without it, those with an effect."),
    ] = ""
    key: Annotated[
        str, Field(description="About one issue, by its key; of any outcome unless one is given.")
    ] = ""
    subject: Annotated[
        str,
        Field(
            pattern=r"^([^:]+:(issue|sprint|board|catch_up):.+)?$",
            description="About one issue or sprint, by its `subject`; of any outcome unless one is given.",
        ),
    ] = ""
    before: Annotated[
        _Place, Field(description="The id of a decision, for older ones: `older` of a page.")
    ] = ""
    after: Annotated[
        _Place, Field(description="The id of a decision, for newer ones: `newer` of a page.")
    ] = ""


@with_config(_CLOSED)
@dataclass(frozen=True, slots=True)
class _Sprints:
    connection: _Connection = ""


@with_config(_CLOSED)
@dataclass(frozen=True, slots=True)
class _Labels:
    connection: _Connection = ""
    target: _Target = ""
    state: Annotated[str, _one_of(STANDINGS, "Labels that stand so.")] = ""
    name: Annotated[str, Field(description="Those whose name holds this, in whatever case.")] = ""
    start: Annotated[
        str, Field(pattern="^[0-9]{0,5}$", description="How many of those found to pass over.")
    ] = ""


@with_config(_CLOSED)
@dataclass(frozen=True, slots=True)
class _Label:
    connection: Annotated[str, Field(description="The name of its connection.")]
    target: _Target
    name: Annotated[str, Field(description="Its name.")]


@with_config(_CLOSED)
@dataclass(frozen=True, slots=True)
class _Rules:
    connection: Annotated[str, Field(description="At its first project.")] = ""
    place: Annotated[str, Field(description="`CONNECTION/PROJECT`, one of `places`. Else the first.")] = ""
    board: Annotated[
        str, Field(description="One of `boards`, whose sprints may have settings of their own.")
    ] = ""


def _rules(house: House, given: Given) -> rules.Rules:
    found = rules.gather(house, given)
    # A person sees that the page is of another place than was asked for; a machine does not look.
    if given.get("place", "") not in ("", found.place):
        raise NotFound("There is no such place: it is one of those that /api/v1/rules tells as `places`.")
    if given.get("board", "") not in ("", found.board):
        raise NotFound("There is no such board at that place: it is one of those told as `boards`.")
    return found


ROUTES: Final = (
    Route("/now", "now", now.Now, lambda house, _: now.gather(house), "Whether all is well, and what to do"),
    Route(
        "/decisions",
        "decisions",
        decisions.DecisionsPage,
        decisions.gather,
        f"Decisions, the newest first, {decisions.MOST} at a time",
        _Decisions,
    ),
    Route(
        "/decisions/<id>",
        "decision",
        Decision,
        lambda house, given: decisions.gather_one(house, given["id"]),
        "One decision: its events, reasons, plan, writes, and what became of them",
        parts={"id": "Its id, as a page of decisions tells it."},
    ),
    Route(
        "/sprints",
        "sprints",
        sprints.Sprints,
        lambda house, given: sprints.gather(house, given.get("connection")),
        "Sprints that run, and those that ended",
        _Sprints,
    ),
    Route(
        "/sprints/<connection>/<id>",
        "sprint",
        sprints.Opened,
        lambda house, given: sprints.gather_one(house, given["connection"], given["id"]),
        "One sprint: how it is going, and where it is heading",
        parts={"connection": "The name of its connection.", "id": "Its id in the tracker."},
    ),
    Route(
        "/labels",
        "labels",
        label_data.Labels,
        label_data.gather,
        f"The labels of one connection, {label_data.MOST} at a time: how often each is put on and right",
        _Labels,
    ),
    Route("/labels/label", "label", label_data.OneLabel, label_data.gather_one, "One label", _Label),
    Route(
        "/rules",
        "rules",
        rules.Rules,
        _rules,
        "The rules that hold at a place, with the lines that say so",
        _Rules,
    ),
    Route(
        "/rules/file",
        "rules_file",
        rules.RulesFile,
        lambda house, _: rules.gather_file(house),
        "The file in force",
    ),
    Route(
        "/queue",
        "queue",
        queue.QueuePage,
        lambda house, _: queue.gather(house),
        "What waits, is worked, was put off or given up",
    ),
    Route(
        "/trials/<id>",
        "trial",
        trials.TrialPage,
        lambda house, given: trials.find_trial(house, given["id"]),
        "A trial of an edited rules file",
        parts={"id": "Its id, as the list in the rules tells it."},
    ),
)


@lru_cache
def _adapter(query: type) -> TypeAdapter[Any]:
    return TypeAdapter(query)
