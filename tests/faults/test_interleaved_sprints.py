"""Random stories of a sprint: people, events, kills, losses; judged by what stands on the issues."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    precondition,
    rule,
)
from redis import Redis

from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.connect import connect
from tests.faults.interleaving import TRACKERS, Killed, Parcel
from tests.faults.seasons import SCOPE_LABEL, Remark, Season
from tests.faults.stories import WithEvents, tell
from trackers.model import SubjectKind
from workers import sprint_check
from workers.checkpoints import PLACES
from workers.failures import ATTEMPTS

_RULES: Final = """\
version: 1
defaults:
  mode: apply
  sprints:
    scope_creep: {{grace: 0s, label: {label}}}
    notify: {{again: {again}{home}}}
"""
NAMES: Final = ("Sprint Amber", "Sprint Beryl")
HEAVY: Final = (8.0,) * 6
"""More than thrice what the team usually finishes."""
LIGHT: Final = (3.0, 2.0, 3.0)
WARNS: Final = "add the label"
POINTS_ON: Final = re.compile(r"now stands on ([A-Z]+-\d+)")
WRITING: Final = "(POST|PUT) comment|comment(Create|Update)"
LABELLING: Final = "PUT issue|issueUpdate"

OpenSeason = Callable[[ExitStack], Season]


class SprintStory(WithEvents):
    """One team from the planning of a sprint on."""

    def __init__(self, open_season: OpenSeason) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.season = open_season(self.stack)
        self.world = self.season.world
        self.keys: list[str] = []
        self.started: list[str] = []
        self.closed: list[str] = []
        self.acts = 0
        """What people did."""
        self.troubles = 0
        self.failures = 0
        self.memory_lost = False
        self.unsure = False
        """Whether a run was ended before it could note what it wrote, and none has come to its end since."""
        self.posted: dict[str, list[str]] = {name: [] for name in NAMES}
        """The ids of all comments that ever stood there, oldest first."""
        self.bodies: dict[str, str] = {}
        self.edits: Counter[str] = Counter()
        """Of each comment, those since its sprint was closed."""
        self.refused: set[str] = set()
        """Sprints whose warning a person deleted."""
        self.unknown: set[str] = set()
        """Sprints whose comment was not written to since Redis forgot it."""
        self.touched: set[str] = set()
        """Sprints of which any comment, or the issue it stood on, was deleted."""
        self.joined: dict[str, set[str]] = {name: set() for name in NAMES}
        """Issues that came in after the start."""
        self.label_off: set[str] = set()
        self.done: set[str] = set()

    # -- people ---------------------------------------------------------------------------------

    @initialize(
        heavy=st.booleans(),
        begun=st.sampled_from([True, True, True, False]),
        label=st.booleans(),
        again=st.booleans(),
        tracking=st.booleans(),
    )
    def plans(self, heavy: bool, begun: bool, label: bool, again: bool, tracking: bool) -> None:
        season = self.season
        self.label, self.again, self.tracking = label, again, tracking
        home = ""
        if tracking:
            self.tracking_key = season.file("What the team looks at", 1, None)
            home = f", tracking_issue: {self.tracking_key}"
        told = {"label": SCOPE_LABEL if label else "false", "again": str(again).lower()}
        self.text = _RULES.format(**told, home=home)
        season.begin(self.text)
        season.plan(NAMES[0])
        for number, points in enumerate(HEAVY if heavy else LIGHT):
            self.keys.append(season.file(f"Planned {number}", points, NAMES[0]))
        self.keys.append(season.file("Later", 5, None))
        self.world.sent.clear()
        if begun:
            self.starts(quiet=False)
            self.works_off()

    @property
    def running(self) -> str | None:
        open_ = [name for name in self.started if name not in self.closed]
        return open_[0] if open_ else None

    @property
    def alive(self) -> list[str]:
        return [key for key in self.keys if self.world.issue(key) is not None]

    @precondition(lambda self: self.running is None and len(self.started) < len(self.season.ids))
    @rule(quiet=st.booleans())
    def starts(self, quiet: bool) -> None:
        name = next(name for name in self.season.ids if name not in self.started)
        self.season.start(name, quiet=quiet)
        self.started.append(name)
        self._acts()

    @precondition(lambda self: self.started and len(self.season.ids) == 1)
    @rule()
    def plans_the_next(self) -> None:
        self.season.plan(NAMES[1])
        self._acts()

    @precondition(lambda self: self.season.ids)
    @rule(points=st.sampled_from([2.0, 8.0, 21.0]), times=st.integers(1, 2))
    def files_into_it(self, points: float, times: int) -> None:
        where = self.running or self._to_come()
        for number in range(times):
            key = self.season.file(f"Filed {len(self.keys)} {number}", points, where)
            self.keys.append(key)
            self._came(key, where)
        self._acts(times)

    @precondition(lambda self: self.alive and (self.running or self._to_come()))
    @rule(which=st.integers(0, 30))
    def moves(self, which: int) -> None:
        """Takes it out where it is in, puts it in where it is not."""
        key = self._choose(which)
        inside = self.season.sprint_of(key)
        where = None if inside else self.running or self._to_come()
        if inside in self.closed:
            return
        self.season.put(key, where)
        self._came(key, where)
        self._acts()

    @precondition(lambda self: self.alive)
    @rule(which=st.integers(0, 30), points=st.sampled_from([1.0, 3.0, 13.0]))
    def estimates(self, which: int, points: float) -> None:
        self.world.toy.edit_issue(self._choose(which), {"points": points})
        self._acts()

    @precondition(lambda self: self.alive)
    @rule(which=st.integers(0, 30), status=st.sampled_from(["In Progress", "Done", "Canceled"]))
    def moves_on(self, which: int, status: str) -> None:
        key = self._choose(which)
        if status == "Canceled" and not self.world.is_linear:
            status = "Done"
        self.world.toy.edit_issue(key, {"status": status})
        (self.done.discard if status == "In Progress" else self.done.add)(key)
        self._acts()

    @precondition(lambda self: len(self.alive) > 1)
    @rule(which=st.integers(0, 30))
    def deletes_an_issue(self, which: int) -> None:
        key = self._choose(which)
        for name in NAMES:
            for one in self.season.remarks(name):
                if one.key == key:
                    self._loses(name, one)
        self.world.toy.delete_issue(key)
        self._acts()

    @precondition(lambda self: any(map(self.season.remarks, NAMES)))
    @rule(which=st.integers(0, 5))
    def deletes_our_comment(self, which: int) -> None:
        ours = [(name, one) for name in NAMES for one in self.season.remarks(name)]
        name, one = ours[which % len(ours)]
        self._loses(name, one)
        if not POINTS_ON.search(one.body) and not self._in_doubt and name not in self.unknown:
            self.refused.add(name)
        self.world.toy.delete_comment(one.id)
        self._acts()

    @precondition(lambda self: self._marked())
    @rule(which=st.integers(0, 30))
    def takes_our_label_off(self, which: int) -> None:
        marked = sorted(self._marked())
        key = marked[which % len(marked)]
        self.label_off.add(key)
        self.world.toy.edit_issue(key, {"remove_labels": [SCOPE_LABEL]})
        self._acts()

    @precondition(lambda self: self.running)
    @rule()
    def closes(self) -> None:
        name = self.running
        assert name is not None
        self.season.close(name)
        self.closed.append(name)
        self._acts(len(self.keys))

    # -- runs -----------------------------------------------------------------------------------

    @rule()
    def board_is_looked_at(self) -> None:
        self.season.look()

    @precondition(lambda self: self._busy)
    @rule()
    def works(self) -> None:
        self._runs()

    @precondition(lambda self: self._busy or self.waiting)
    @rule()
    def works_off(self) -> None:
        """All that waits, and what comes of it."""
        for _ in range(3):
            self.all_arrive()
            self._runs()

    @precondition(lambda self: self._busy and self.failures < ATTEMPTS - 3)
    @rule(place=st.sampled_from(PLACES), passes=st.integers(0, 2))
    def is_killed(self, place: str, passes: int) -> None:
        """At ``place``, or where that is passed once more, in a run about a sprint."""
        left = [None] * passes

        def kill(here: str) -> None:
            if here == place and self.world.worked is SubjectKind.SPRINT:
                if not left:
                    self.unsure = True
                    raise Killed
                left.pop()

        self._fails()
        self._runs(kill)

    @precondition(lambda self: self._busy and self.world.held is None and self.failures < ATTEMPTS - 3)
    @rule(place=st.sampled_from(PLACES))
    def stands_still(self, place: str) -> None:
        self.world.time_passes()
        self._watched(lambda: self.world.hold(place, SubjectKind.SPRINT))

    @precondition(lambda self: self.world.held is not None and self.failures < ATTEMPTS - 3)
    @rule()
    def is_overtaken(self) -> None:
        """The lease of the run that stands still ends, and another takes the sprint over."""
        held = self.world.held
        assert held is not None
        self._fails()
        self.world.time_passes(also_held=True)
        self._watched(self.world.work)
        if held.place == "intended":
            # What is under way gets there, and before people do anything more.
            self._watched(self.world.release)

    @precondition(lambda self: self.world.held is not None)
    @rule()
    def goes_on(self) -> None:
        self._watched(self.world.release)

    # -- the world in a bad state -----------------------------------------------------------------

    @precondition(lambda self: self.failures < ATTEMPTS - 3)
    @rule(
        kind=st.sampled_from(["reset", "reset_after", "rate_limit", "500", "503"]),
        operation=st.sampled_from([".*", LABELLING, WRITING]),
    )
    def tracker_fails(self, kind: str, operation: str) -> None:
        self._fails()
        self.unsure = True
        if kind.isdigit():
            self.world.fault(operation, "status", status=int(kind))
        else:
            self.world.fault(operation, kind)

    @precondition(lambda self: self.world.held is None)
    @rule(all_of_it=st.booleans())
    def redis_forgets(self, all_of_it: bool) -> None:
        self.troubles += 1
        self.memory_lost = True
        self.refused.clear()
        self.unknown.update(NAMES)
        if all_of_it:
            self.world.forget_all(self.text)
            self.failures = 0
        else:
            self.season.forget_books()

    # -- the end ----------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if self.keys:
                self._ends()
        finally:
            self.world.release()
            self.stack.close()

    def _ends(self) -> None:
        self.world.toy.faults.clear()
        self._watched(self.world.release)
        for _ in range(3):
            self.season.look()
            for _ in range(30):
                self._take_in()
                while self.waiting:
                    self.deliver(self.waiting.pop(0))
                if not self._runs():
                    break
            else:
                raise AssertionError("It never comes to rest.")
        self._judge()

    def _judge(self) -> None:
        redis = self.world.redis
        assert not redis.zcard(keys.PENDING) and not redis.zcard(keys.DEAD)
        assert not [*redis.scan_iter(match=f"{keys.HINTS}*")]
        for name in self.started:
            self._judge_comments(name, self.season.remarks(name))
        if self.label:
            self._judge_labels()
        assert self.season.writes() <= 4 + 3 * self.acts + 4 * self.troubles

    def _judge_comments(self, name: str, ours: list[Remark]) -> None:
        warnings = [one for one in ours if WARNS in one.body]
        if self.memory_lost and not self.tracking:
            # What stood on an issue that was out of the sprint when we looked again is not found, nor is
            # what we said of it, though the issue may be back by now.
            return
        assert len(warnings) <= 1, f"{len(warnings)} warnings: {warnings}"
        bodies = [one.body for one in ours if not POINTS_ON.search(one.body)]
        assert len(bodies) == len(set(bodies)), f"said twice: {bodies}"
        if name in self.closed and not self.memory_lost:
            assert not warnings, f"a warning of a sprint that is over: {warnings}"
        if name not in self.touched:
            self._judge_pointers(ours)
        told = self.touched | self.refused
        if (
            name == self.running
            and name not in told
            and not self.memory_lost
            and self._open_points(name) >= 48
        ):
            assert len(warnings) == 1, f"no warning: {ours}"

    def _judge_pointers(self, ours: list[Remark]) -> None:
        there = {one.key for one in ours}
        led = {found[1] for one in ours if (found := POINTS_ON.search(one.body))}
        assert led <= there, f"points to nothing: {led - there}"

    def _judge_labels(self) -> None:
        marked, name = self._marked(), self.running
        assert not marked & self.label_off, f"a person's no: {marked & self.label_off}"
        if self.memory_lost:
            return
        inside = {key for key in self.alive if name and self.season.sprint_of(key) == name}
        late = self.joined[name] if name else set()
        assert marked <= inside & late, f"marked: {marked - inside & late}"
        filed = {key for key in late if key in self.fresh}
        assert filed & inside - self.label_off - self.done <= marked, "not marked"

    # -- inside -----------------------------------------------------------------------------------

    @property
    def fresh(self) -> set[str]:
        """Issues that were filed into the sprint that runs now, and never moved."""
        return {key for key in self.joined[self.running or NAMES[0]] if self.came[key] == 1}

    @property
    def _busy(self) -> bool:
        return bool(self.world.redis.zcard(keys.PENDING))

    @property
    def _in_doubt(self) -> bool:
        return self.unsure or self.world.held is not None

    def _to_come(self) -> str | None:
        return next((name for name in self.season.ids if name not in self.started), None)

    def _choose(self, which: int) -> str:
        """An issue; most often one that bears a comment of ours, if there is one."""
        alive = self.alive
        homes = [one.key for name in NAMES for one in self.season.remarks(name) if one.key in alive]
        return homes[-1] if homes and which % 3 == 0 else alive[which % len(alive)]

    def _open_points(self, name: str) -> float:
        inside = [key for key in self.alive if self.season.sprint_of(key) == name and key not in self.done]
        return float(sum(self.world.toy.issue_view(key)["points"] for key in inside))

    def _marked(self) -> set[str]:
        views = {key: self.world.issue(key) for key in self.keys}
        return {key for key, view in views.items() if view and SCOPE_LABEL in view["labels"]}

    def _came(self, key: str, where: str | None) -> None:
        self.came[key] += 1
        if where is not None and where == self.running:
            self.joined[where].add(key)
        else:
            for joined in self.joined.values():
                joined.discard(key)

    @property
    def came(self) -> Counter[str]:
        if not hasattr(self, "_moves"):
            self._moves: Counter[str] = Counter()
        return self._moves

    def _loses(self, name: str, one: Remark) -> None:
        self.touched.add(name)

    def _acts(self, times: int = 1) -> None:
        self.acts += times
        self._take_in()

    def _take_in(self) -> None:
        """What the toy has sent meanwhile is on its way."""
        self.waiting += self.world.sent
        self.world.sent.clear()

    def deliver(self, parcel: Parcel) -> None:
        self.world.deliver(parcel)
        if parcel not in self.delivered:
            self.delivered.append(parcel)

    def _fails(self) -> None:
        self.failures += 1
        self.troubles += 1

    def _runs(self, at: Callable[[str], None] | None = None) -> int:
        self.world.time_passes()
        return int(self._watched(lambda: self.world.work(at)))

    def _watched(self, act: Callable[[], Any]) -> Any:
        """Let runs go on, and judge what they wrote by what was known when they began."""
        over, refused, doubt = set(self.closed), set(self.refused), self._in_doubt
        answer = act()
        for name in NAMES:
            for one in self.season.remarks(name):
                self._judge_write(name, one, over, refused, doubt)
        if not self._busy:
            self.failures = 0
            self.unsure = False
        self._take_in()
        return answer

    def _judge_write(self, name: str, one: Remark, over: set[str], refused: set[str], doubt: bool) -> None:
        if one.id not in self.bodies:
            assert doubt or name not in refused, f"a comment that was deleted is back: {one}"
            assert doubt or name not in over, f"said after the end: {one}"
            self.posted[name].append(one.id)
        elif self.bodies[one.id] != one.body and name in over and not doubt:
            self.edits[one.id] += 1
            assert WARNS not in one.body, f"a warning after the end: {one}"
            assert self.edits[one.id] <= 1, f"edited again after the end: {one}"
        if self.bodies.get(one.id) != one.body:
            self.unknown.discard(name)
        self.bodies[one.id] = one.body


@pytest.fixture(params=TRACKERS)
def open_season(
    request: pytest.FixtureRequest,
    redis_server: EmbeddedRedis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[OpenSeason]:
    redis: Redis = connect(redis_server.url)
    # A minute is over whenever something is worked: what an event told shows by then.
    monkeypatch.setattr(sprint_check, "_BEHIND", sprint_check._BEHIND * 0)
    yield lambda stack: Season(stack, redis, request.param, tmp_path)
    redis.close()


@pytest.mark.fault(29)
def test_any_story_of_a_sprint_leaves_one_true_comment(open_season: OpenSeason) -> None:
    tell(partial(SprintStory, open_season), 3, 14, anew=False)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.fault(29)
def test_hundreds_of_stories_of_sprints_leave_one_true_comment_each(
    open_season: OpenSeason, seen: Callable[[str], None], request: pytest.FixtureRequest
) -> None:
    tell(partial(SprintStory, open_season), 40, 40, anew=True)
    kind = request.node.callspec.params["open_season"]
    seen(f"sprints, {kind}: 40 stories of up to 40 steps")
