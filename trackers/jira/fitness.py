"""Whether an account may do on a Jira what we need, and whether the fields are there.

Sources: developer.atlassian.com, Jira Cloud platform REST API ("Get my permissions", "Get edit issue
metadata", "Get fields") and Jira Software REST API ("Get configuration"); Data Center answers alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from trackers.errors import Forbidden, Gone, Rejected
from trackers.jira.boards import BoardSettings, board_settings
from trackers.jira.paging import in_projects
from trackers.jira.setup import Fields, fields_from
from trackers.probe import Finding, Level
from trackers.reading import items, mapping, reference, text
from trackers.sprints import Unit

_BOARD: Final = "/rest/agile/1.0/board/{board}"
_NEEDED: Final = {
    "BROWSE_PROJECTS": "see the project",
    "EDIT_ISSUES": "edit issues",
    "ADD_COMMENTS": "comment",
    "EDIT_OWN_COMMENTS": "edit its own comments",
}
_QUIET: Final = ("ADMINISTER_PROJECTS", "ADMINISTER")
_BULK: Final = "BULK_CHANGE"


@dataclass(frozen=True, slots=True)
class BoardFacts:
    """What ``connect`` and ``doctor`` tell of a board."""

    name: str
    project: str | None
    has_sprints: bool
    unit: str
    """The name of the field of its estimates, or that there is none."""
    is_told: bool
    """Whether the board itself says what it is estimated in."""


class JiraFitness:
    """Findings about one account on one Jira."""

    def __init__(self, call: Callable[..., Any], *, cloud: bool) -> None:
        self._call = call
        self._cloud = cloud

    def findings(
        self, places: Sequence[str], boards: Sequence[str], wrong_kind: str | None
    ) -> tuple[Finding, ...]:
        """All of them; ``wrong_kind`` says that the site is not what it is taken for, and is then all."""
        if wrong_kind is not None:
            return (Finding(Level.FAIL, "deployment", wrong_kind, _DEPLOYMENT),)
        found: list[Finding] = []
        for place in places:
            found += self._place(place)
        if self._cloud:
            found.append(self._bulk())
        if boards:
            facts = {board: self._known(board) for board in boards}
            found += self._sprint_fields([one for one in facts.values() if one is not None])
            found += [_board(board, one, places) for board, one in facts.items()]
        return tuple(found)

    def board(self, board: str) -> BoardFacts:
        """A board's facts in two requests, three for a team-managed one. Raises Gone."""
        path = {"board": board}
        about = mapping(self._call("GET", _BOARD, path=path))
        configuration = mapping(self._call("GET", _BOARD + "/configuration", path=path))
        settings = board_settings(about, configuration, self._fields)
        return BoardFacts(
            name=settings.board.name or board,
            project=settings.board.project,
            has_sprints=settings.board.has_sprints and (settings.is_scrum or self._lists_sprints(board)),
            unit=self._unit(settings),
            is_told=bool(mapping(configuration.get("estimation"))),
        )

    def _known(self, board: str) -> BoardFacts | None:
        try:
            return self.board(board)
        except (Forbidden, Gone):
            return None

    def _lists_sprints(self, board: str) -> bool:
        """A team-managed board has sprints only where its team switched them on."""
        try:
            self._call("GET", _BOARD + "/sprint", path={"board": board}, params={"maxResults": "1"})
        except Rejected:
            return False
        return True

    def _unit(self, settings: BoardSettings) -> str:
        if settings.board.unit is Unit.ISSUES or settings.estimate is None:
            return "no estimate, issues are counted"
        return settings.estimate_name or self._names.get(settings.estimate, settings.estimate)

    @cached_property
    def _listed(self) -> list[Any]:
        return items(self._call("GET", "/rest/api/2/field"))

    @cached_property
    def _fields(self) -> Fields:
        return fields_from(self._listed)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        told = ((text(raw.get("id")), text(raw.get("name"))) for raw in map(mapping, self._listed))
        return {id_: name for id_, name in told if id_ and name}

    def _granted(self, permissions: Sequence[str], **where: str) -> frozenset[str]:
        params = {"permissions": ",".join(permissions), **where}
        told = mapping(
            mapping(self._call("GET", "/rest/api/2/mypermissions", params=params)).get("permissions")
        )
        return frozenset(name for name in permissions if mapping(told.get(name)).get("havePermission"))

    def _place(self, place: str) -> Iterator[Finding]:
        about = f"project {place}"
        try:
            self._call("GET", "/rest/api/2/project/{project}", path={"project": place})
            granted = self._granted([*_NEEDED, *_QUIET], projectKey=place)
        except (Forbidden, Gone):
            fix = "Check the key, and give the account the permission Browse Projects there."
            yield Finding(Level.FAIL, about, f"The account does not see a project {place}.", fix)
            return
        missing = [word for name, word in _NEEDED.items() if name not in granted]
        if missing:
            fix = "Add the account to a role that may, in the project's permissions."
            yield Finding(Level.FAIL, about, f"The account may not {_listing(missing)}.", fix)
        else:
            yield Finding(Level.OK, about, f"The account may {_listing(list(_NEEDED.values()))}.")
        if granted.isdisjoint(_QUIET):
            yield Finding(
                Level.WARN,
                about,
                "Edits send mail to the watchers: only a project's administrators may edit without.",
                "Make the account an administrator of the project, or live with the mail.",
            )
        yield from self._screen(place)

    def _screen(self, place: str) -> Iterator[Finding]:
        """Whether issues have labels on their screens, by the newest issue there is."""
        issue = self._newest(place)
        if issue is None:
            return
        try:
            meta = mapping(self._call("GET", "/rest/api/2/issue/{issue}/editmeta", path={"issue": issue}))
        except (Forbidden, Gone):
            return
        if "labels" not in mapping(meta.get("fields")):
            yield Finding(
                Level.FAIL,
                f"project {place}",
                "Labels cannot be edited there: the field is not on the newest issue's edit screen.",
                "Add the field Labels to the project's screens.",
            )

    def _newest(self, place: str) -> str | None:
        path = "/rest/api/2/search/jql" if self._cloud else "/rest/api/2/search"
        jql = f"{in_projects([place])} ORDER BY created DESC"
        try:
            answer = self._call("GET", path, params={"jql": jql, "fields": "labels", "maxResults": "1"})
        except Rejected:
            return None
        return next((reference(mapping(one).get("id")) for one in items(mapping(answer).get("issues"))), None)

    def _bulk(self) -> Finding:
        try:
            may = _BULK in self._granted([_BULK])
        except Rejected:
            may = False
        if may:
            return Finding(Level.OK, "bulk change", "The account may edit many issues at once.")
        return Finding(
            Level.WARN,
            "bulk change",
            "The account may not edit many issues at once: a backfill writes one by one.",
            "Give it the global permission Make bulk changes, if you label what is there already.",
        )

    def _sprint_fields(self, boards: Sequence[BoardFacts]) -> Iterator[Finding]:
        fields = self._fields
        if fields.sprint is None:
            yield Finding(
                Level.FAIL,
                "sprint field",
                "The site has no sprint field that the account can see.",
                "Give the account access to Jira Software.",
            )
        else:
            yield Finding(Level.OK, "sprint field", f"{fields.sprint_name} ({fields.sprint}).")
        named = [f"{self._names.get(id_, id_)} ({id_})" for id_ in fields.points]
        if not named:
            yield Finding(Level.WARN, "points field", "The site has no field for story points.", _NO_POINTS)
        elif len(named) == 1 or all(board.is_told for board in boards):
            used = "" if len(named) == 1 else " Each board says which it uses."
            yield Finding(Level.OK, "points field", f"{'; '.join(named)}.{used}")
        else:
            yield Finding(
                Level.WARN,
                "points field",
                f"There are {len(named)}: {'; '.join(named)}. A board that does not say which it uses "
                f"(team-managed) is read by {named[0]}.",
                "Check that its teams estimate in that field.",
            )


_DEPLOYMENT: Final = "Set the connection's deployment, and give it credentials of that kind."
_NO_POINTS: Final = "Estimate in a number field called Story Points, or in time; else issues are counted."


def _board(board: str, facts: BoardFacts | None, places: Sequence[str]) -> Finding:
    about = f"board {board}"
    if facts is None:
        fix = "Check its number (it stands in the board's address) and that the account sees its project."
        return Finding(Level.FAIL, about, f"The account does not see a board {board}.", fix)
    if not facts.has_sprints:
        fix = "Name a scrum board, or switch sprints on in the team-managed project's features."
        return Finding(Level.FAIL, about, f"{facts.name} has no sprints.", fix)
    if facts.project is not None and facts.project not in places:
        sentence = f"{facts.name} is of project {facts.project}, which the connection does not name."
        return Finding(Level.WARN, about, sentence, f"Add {facts.project} to its projects if that is meant.")
    return Finding(Level.OK, about, f"{facts.name} has sprints, estimated in: {facts.unit}.")


def _listing(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
