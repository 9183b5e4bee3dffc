"""Boards and sprints of Jira, in as few requests as can be.

Paths after developer.atlassian.com, Jira Software REST API 1.0. The ``jira`` library has no call for
a board's configuration or for the issues of a sprint, so all of it goes by ``JiraClient``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, Protocol

from trackers import rebuild
from trackers.errors import Forbidden, Gone, Rejected, ServerFault, Stale, TrackerError
from trackers.jira.boards import BoardSettings, board_settings
from trackers.jira.changelogs import Changelogs
from trackers.jira.changes import Reader
from trackers.jira.comments import OwnComments
from trackers.jira.past import Entry
from trackers.jira.setup import JiraSetup
from trackers.jira.sprints import COUNTED, LIVE, sprint_from_json, sprint_issue, with_parents
from trackers.reading import ident, items, mapping
from trackers.sprints import (
    Amount,
    Board,
    Finished,
    IssuePast,
    OwnComment,
    Sprint,
    SprintReading,
    SprintState,
    Stage,
    round_of,
)

_AGILE: Final = "/rest/agile/1.0"
_BOARD: Final = _AGILE + "/board/{board}"
_SPRINT: Final = _AGILE + "/sprint/{sprint}"
_ISSUES: Final = 100
_SPRINTS: Final = 50
_NEWEST: Final = 30
"""A board's older sprints are not read: teams change, and no figure looks further back."""
_TOLD: Final = ("id", "name", "state", "startDate", "endDate", "completeDate", "originBoardId")

Raw = Mapping[str, Any]


class Call(Protocol):
    """Asks Jira, as ``JiraClient.call`` does."""

    def __call__(self, method: str, template: str, **asked: Any) -> Any: ...


class JiraAgile:
    """The boards and sprints of one connection."""

    def __init__(
        self,
        call: Call,
        setup: JiraSetup,
        comments: OwnComments,
        changelogs: Changelogs | None,
        base_url: str,
    ) -> None:
        """``changelogs`` are those that Cloud serves for many issues; Data Center has none such."""
        self._call = call
        self._setup = setup
        self._comments = comments
        self._changelogs = changelogs
        self._base_url = base_url

    def board(self, board: str) -> Board:
        """See ``trackers.protocol.Tracker.board``."""
        return self._settings(board).board

    def open_sprints(self, board: str) -> tuple[Sprint, ...]:
        """See ``trackers.protocol.Tracker.open_sprints``."""
        return self._read_sprints(board, self._listed(board, "active,future"))

    def sprint(self, sprint: str, past: bool) -> SprintReading:
        """See ``trackers.protocol.Tracker.sprint``."""
        found = self._sprint(sprint)
        if not found.board:
            # Without a board nothing tells how its work is to be counted.
            return SprintReading(found, ())
        try:
            return self._whole(found, past)
        except Gone as error:
            raise Stale("The sprint, or an issue in it, went away while it was read.") from error

    def _whole(self, sprint: Sprint, past: bool) -> SprintReading:
        settings = self._settings_for(sprint)
        extra = [*LIVE, self._setup.fields().sprint or ""]
        raws = self._issues(sprint, settings, [*extra, "comment"] if past else extra, past=past)
        reading = self._reading(sprint, settings, raws, past)
        if not past:
            return reading
        ours = tuple(
            OwnComment(ident(raw.get("id")) or "", ident(raw.get("key")) or "", comment)
            for raw, comment in self._comments.on(raws, lambda topic: round_of(sprint.id, topic) is not None)
        )
        return SprintReading(sprint, reading.issues, ours)

    def finished(self, board: Board, known: Collection[str], most: int) -> Iterator[Finished]:
        """See ``trackers.protocol.Tracker.finished``: each is read when it is asked for.

        At most ``most`` are tried. One that Jira does not let us read keeps no other from being told; why
        is raised at the end.
        """
        refused: TrackerError | None = None
        for sprint in islice((one for one in self._closed(board.id) if one.id not in known), most):
            try:
                told = self._finished(sprint.id, board)
            except (Forbidden, Rejected, ServerFault, Stale) as error:
                refused = error
                continue
            if told is not None:
                yield told
        if refused is not None:
            raise refused

    def _finished(self, id_: str, board: Board) -> Finished | None:
        """None for a sprint that was deleted, or opened again, since it was listed."""
        try:
            # Only this one request is held back: a reading begun is carried through.
            sprint = self._sprint(id_, bulk=True)
            if sprint.state is not SprintState.CLOSED:
                self._setup.forget_list(_closed_list(board.id))
                return None
            if rebuild.finished(SprintReading(sprint, ()), board.unit) is None:
                return _without_figures(sprint, board)
            settings = self._settings_for(sprint)
            raws = self._issues(sprint, settings, (), past=True)
        except Gone:
            self._setup.forget_list(_closed_list(board.id))
            return None
        reading = self._reading(sprint, settings, raws, past=True)
        return rebuild.finished(reading, board.unit, board.unestimated)

    def _settings_for(self, sprint: Sprint) -> BoardSettings:
        """Those of the sprint's board. Where that is gone, the sprint itself need not be."""
        try:
            return self._settings(sprint.board)
        except Gone as error:
            raise Forbidden(
                f"The sprint's board cannot be seen: board {sprint.board} was deleted, or the account may "
                "not browse its project."
            ) from error

    def _settings(self, board: str) -> BoardSettings:
        def ask() -> list[Any]:
            path = {"board": board}
            return [self._call("GET", _BOARD + rest, path=path) for rest in ("", "/configuration")]

        about, configuration = self._setup.remembered_hour(f"board:{board}", ask)
        return board_settings(mapping(about), mapping(configuration), self._setup.fields())

    def _closed(self, board: str) -> tuple[Sprint, ...]:
        """The newest closed sprints of a board, newest first."""

        def more(start: int) -> list[dict[str, Any]]:
            listed = self._listed(board, "closed", bulk=True, start=start)
            return [{name: one[name] for name in _TOLD if name in one} for one in listed]

        listed = self._setup.grown_list(_closed_list(board), more)
        dated = [
            (sprint.completed, sprint) for sprint in self._read_sprints(board, listed) if sprint.completed
        ]
        dated.sort(key=lambda pair: pair[0], reverse=True)
        return tuple(sprint for _, sprint in dated[:_NEWEST])

    def _listed(self, board: str, states: str, bulk: bool = False, start: int = 0) -> list[Raw]:
        """A board's sprints from a position on.

        Of a board that may have no sprints at all, a refusal to list them says so.
        """
        found: list[Raw] = []
        while True:
            position = str(start + len(found))
            params = {"state": states, "startAt": position, "maxResults": str(_SPRINTS)}
            path = {"board": board}
            try:
                # Pages begun are carried through, or what is held back would begin anew each time.
                held = bulk and not found
                answer = self._call("GET", _BOARD + "/sprint", path=path, params=params, bulk=held)
            except Rejected:
                if found or self._settings(board).is_scrum:
                    raise
                return []
            page = mapping(answer)
            fresh = [mapping(one) for one in items(page.get("values"))]
            found += fresh
            if not fresh or page.get("isLast", True):
                return found

    def _read_sprints(self, board: str, listed: Sequence[Raw]) -> tuple[Sprint, ...]:
        """Those made on the board: it also lists sprints of other boards that hold an issue it shows."""
        now = datetime.now(UTC)
        read = (sprint_from_json(raw, self._base_url, now) for raw in listed)
        return tuple(sprint for sprint in read if sprint is not None and sprint.board == board)

    def _sprint(self, sprint: str, bulk: bool = False) -> Sprint:
        raw = mapping(self._call("GET", _SPRINT, path={"sprint": sprint}, bulk=bulk))
        found = sprint_from_json(raw, self._base_url, datetime.now(UTC))
        if found is None:
            raise ServerFault("Jira answered for a sprint without a sprint in it.")
        return found

    def _issues(
        self, sprint: Sprint, settings: BoardSettings, extra: Sequence[str], *, past: bool
    ) -> list[Raw]:
        fields = [field for field in (*COUNTED, *extra, settings.estimate) if field]
        params = {"fields": ",".join(fields), "maxResults": str(_ISSUES)}
        if past:
            params["expand"] = "changelog"
        found: dict[str, Raw] = {}
        totals: set[int] = set()
        start = 0
        while True:
            asked = {**params, "startAt": str(start)}
            path = {"sprint": sprint.id}
            answer = self._call("GET", _SPRINT + "/issue", path=path, params=asked)
            page = mapping(answer)
            listed = [mapping(one) for one in items(page.get("issues"))]
            fresh = {id_: one for one in listed if (id_ := ident(one.get("id"))) is not None}
            total = page.get("total")
            if isinstance(total, int):
                totals.add(total)
            if len(totals) > 1 or fresh.keys() & found.keys():
                # Behind an issue that left or moved up, another one was passed over.
                raise Stale("The sprint's issues changed while their pages were read.")
            start += len(listed)
            found |= fresh
            if not listed or (isinstance(total, int) and start >= total):
                return list(found.values())

    def _reading(
        self, sprint: Sprint, settings: BoardSettings, raws: Sequence[Raw], past: bool
    ) -> SprintReading:
        pasts = self._pasts(raws, settings) if past else {}
        issues = [
            sprint_issue(raw, rank, sprint, settings, pasts.get(ident(raw.get("id")) or ""))
            for rank, raw in enumerate(raws)
        ]
        return SprintReading(sprint, with_parents(issues))

    def _pasts(self, raws: Sequence[Raw], settings: BoardSettings) -> dict[str, IssuePast]:
        def stage(status: str) -> Stage:
            known = status in settings.columns
            return settings.stage(status, None if known else self._setup.categories().get(status))

        reader = Reader(self._setup.fields(), settings, stage)
        logs = {ident(raw.get("id")) or "": mapping(raw.get("changelog")) for raw in raws}
        cut = [id_ for id_, log in logs.items() if _is_cut(log)]
        whole: Mapping[str, list[Entry]] = (
            self._changelogs.of(cut, reader.field_ids) if self._changelogs is not None else {}
        )
        return {
            id_: reader.past(whole.get(id_, items(log.get("histories"))), id_ in whole or id_ not in cut)
            for id_, log in logs.items()
        }


def _closed_list(board: str) -> str:
    return f"closed-sprints:{board}"


def _without_figures(sprint: Sprint, board: Board) -> Finished | None:
    """A sprint whose dates, edited since, leave it no time: told as one without work, which is no evidence,
    so that it is known and not read again."""
    ended = sprint.completed or sprint.end
    if ended is None:
        return None
    nothing = Amount()
    return Finished(
        id=sprint.id,
        board=sprint.board,
        start=ended,
        ended=ended,
        planned_days=0.0,
        committed=nothing,
        delivered=nothing,
        added=nothing,
        estimated=0.0,
        approximate=True,
        unit=board.unit,
    )


def _is_cut(log: Raw) -> bool:
    total = log.get("total")
    return isinstance(total, int) and total > len(items(log.get("histories")))
