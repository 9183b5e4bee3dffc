"""Random stories of people, events, kills and a tracker in bad health, judged by what is on the issue."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
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
from tests.faults.interleaving import BOT, TRACKERS, Killed, Parcel, World
from tests.faults.stories import WithEvents, tell
from workers.checkpoints import PLACES
from workers.failures import ATTEMPTS

WORDS: Final = ("xss", "guide", "wish")
_RULES: Final = """\
version: 1
defaults:
  mode: apply
  tagging:
    comment: true
    rules:
"""
BOOKS: Final = (
    {"xss": "security", "guide": "documentation", "wish": "Feature"},
    {"xss": "security", "guide": "Feature"},
)
"""Two versions of the rules: word → label."""
OURS: Final = ("security", "documentation", "Feature")
LABELS: Final = (*OURS, "Bug")
LABELLING: Final = "PUT issue|issueUpdate"
COMMENTING: Final = "(POST|PUT) comment|comment(Create|Update)"
SETTLED: Final = "taken off again"


def rules_of(book: int) -> str:
    lines = [
        f"      - {{label: {label}, text: {{words: [{word}]}}}}\n" for word, label in BOOKS[book].items()
    ]
    return _RULES + "".join(lines)


class Posted:
    """A webhook on its way, with what it would tell us."""

    def __init__(self, parcel: Parcel, step: int, removed: frozenset[str], of_text: bool) -> None:
        self.parcel = parcel
        self.step = step
        """Of the story, when it was sent."""
        self.removed = removed
        """Labels that people took off with it."""
        self.of_text = of_text
        """Whether it tells that the issue is new, or reads differently."""


class Story(WithEvents):
    """One issue from its filing on."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        world.begin(rules_of(0))
        self.step = 0
        self.book = 0
        self.books_since_text = {0}
        self.away = False
        """Whether it is in a project that is none of ours."""
        self.comment_rewritten = False
        self.failures = 0
        self.troubles = 0
        self.deleted_at: int | None = None
        self.forgot_at = -1
        self.text_at = 0
        self.taken_off: set[str] = set()
        """Labels that people ever took off."""
        self.put_back: set[str] = set()
        self.known_by_state: set[str] = set()
        """… that we had put on: our own memory, the tracker's and the state all tell."""
        self.known_by_event: set[str] = set()
        """… of which an event told us."""
        self.forbidden: set[str] = set()
        self.of_held: set[str] = set()
        self.comment_gone = False
        self.memory_lost = False

    # -- people ---------------------------------------------------------------------------------

    @initialize(words=st.sets(st.sampled_from(WORDS)), labels=st.sets(st.sampled_from(LABELS), max_size=1))
    def files(self, words: set[str], labels: set[str]) -> None:
        wish = {"project": self.world.project, "title": self._title(words), "labels": sorted(labels)}
        made = self.world.toy.create_issue(wish)
        self.id, self.key = str(made["id"]), str(made["key"])
        self.filed_at = datetime.now(UTC) - timedelta(minutes=1)
        self.names = {self.id, self.key}
        self.world.filed.append(self.id)
        self.words = words
        self.added = self.world.remember(self.id)
        self._post(of_text=True)

    @property
    def alive(self) -> bool:
        return self.deleted_at is None

    @precondition(lambda self: self.alive)
    @rule(words=st.sets(st.sampled_from(WORDS)), body=st.booleans())
    def rewrites(self, words: set[str], body: bool) -> None:
        # Either the title says it all or the description does.
        title = "Something else" if body else self._title(words)
        self._edit(title=f"{title} {self.step}", body=self._title(words) if body else "")
        self.words = words
        self.text_at = self.step
        self.books_since_text = {self.book}
        self._post(of_text=True)

    @precondition(lambda self: self.alive)
    @rule(label=st.sampled_from(LABELS))
    def changes_a_label(self, label: str) -> None:
        """Takes it off where it is there, puts it on where it is not."""
        if label not in self._labels():
            self.put_back.add(label)
            self._edit(add_labels=[label])
            self._post()
            return
        if label in self.added():
            self.known_by_state.add(label)
        self.taken_off.add(label)
        self.put_back.discard(label)
        self._edit(remove_labels=[label])
        # In a project that is not named nothing is listened to, and what was never ours leaves no trace.
        self._post(frozenset() if self.away else frozenset({label}))

    @precondition(lambda self: self.alive and self.our_comments())
    @rule()
    def deletes_our_comment(self) -> None:
        self.comment_gone = True
        self.world.toy.delete_comment(self.our_comments()[0]["id"])
        self._post()

    @precondition(lambda self: self.alive and self.our_comments())
    @rule()
    def rewrites_our_comment(self) -> None:
        self.comment_rewritten = True
        self.world.rewrite_comment(self.our_comments()[0]["id"], "Thank you, noted.")
        self._post()

    @precondition(lambda self: self.alive and not self.world.is_linear and self.world.held is None)
    @rule()
    def moves_elsewhere_or_back(self) -> None:
        self.away = not self.away
        self.key = self.world.move(self.id, "OPS" if self.away else self.world.project)
        self.names.add(self.key)
        self.text_at = self.step
        self.books_since_text = {self.book}
        self._post(of_text=True)

    @precondition(lambda self: self.alive)
    @rule(status=st.sampled_from(["Done", "In Progress"]))
    def moves_on(self, status: str) -> None:
        self._edit(status=status)
        self._post()

    @precondition(lambda self: self.alive and self.step > 5)
    @rule()
    def deletes(self) -> None:
        self.world.toy.delete_issue(self.key)
        # That it is deleted no answer hides.
        self.world.cache.forget()
        self.deleted_at = self.step
        self._post()

    # -- events ---------------------------------------------------------------------------------

    @rule()
    def is_caught_up(self) -> None:
        self.world.catch_up()

    # -- runs -----------------------------------------------------------------------------------

    @precondition(lambda self: self._busy)
    @rule()
    def works(self) -> None:
        self._runs()

    @precondition(lambda self: self._busy and self.failures < ATTEMPTS - 2)
    @rule(place=st.sampled_from(PLACES), passes=st.integers(0, 1))
    def is_killed(self, place: str, passes: int) -> None:
        """At ``place``, or where that is passed for the second time: at the comment's write."""
        left = [None] * passes

        def kill(here: str) -> None:
            if here == place:
                if not left:
                    raise Killed
                left.pop()

        self._fails()
        self._runs(kill)

    @precondition(lambda self: self._busy and self.world.held is None and self.failures < ATTEMPTS - 2)
    @rule(place=st.sampled_from(PLACES))
    def stands_still(self, place: str) -> None:
        self.of_held = self._unwanted()
        self.world.time_passes()
        self._watched(lambda: self.world.hold(place), self.of_held)

    @precondition(lambda self: self.world.held is not None and self.failures < ATTEMPTS - 2)
    @rule()
    def is_overtaken(self) -> None:
        """The lease of the run that stands still ends, and another takes the issue over."""
        under_way = self.world.half_written
        self._fails()
        self.world.time_passes(also_held=True)
        self.forbidden = self._unwanted()
        self._watched(self.world.work, self.forbidden)
        if under_way:
            # No tracker of the two offers to write on a condition: what is under way gets there.
            self._watched(self.world.release, self.of_held)

    @precondition(lambda self: self.world.held is not None)
    @rule()
    def goes_on(self) -> None:
        self._watched(self.world.release, self.of_held)

    # -- the world in a bad state -----------------------------------------------------------------

    @precondition(lambda self: self.failures < ATTEMPTS - 2)
    @rule(
        kind=st.sampled_from(["reset", "reset_after", "rate_limit", "500", "503"]),
        operation=st.sampled_from([".*", LABELLING, COMMENTING]),
    )
    def tracker_fails(self, kind: str, operation: str) -> None:
        self._fails()
        if kind.isdigit():
            self.world.fault(operation, "status", status=int(kind))
        else:
            self.world.fault(operation, kind)

    @precondition(lambda self: self.alive and not self.world.cache.lags)
    @rule()
    def tracker_lags(self) -> None:
        self.troubles += 1
        self.world.cache.lags = True

    @rule(all_of_it=st.booleans())
    def redis_forgets(self, all_of_it: bool) -> None:
        if self.world.half_written:
            return
        self.troubles += 1
        self.memory_lost = True
        if not self.world.is_linear:
            self.known_by_event.clear()
        if all_of_it:
            self.forgot_at = self.step
            self.world.forget_all(rules_of(self.book))
            self.failures = 0
        else:
            self.world.redis.delete(keys.journal(self.world.subject(self.id)))

    @rule()
    def rules_change(self) -> None:
        self.book = 1 - self.book
        self.books_since_text.add(self.book)
        self.world.put_in_force(rules_of(self.book))

    # -- the end ----------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if hasattr(self, "key"):
                self._ends()
        finally:
            self.world.release()

    def _ends(self) -> None:
        self.world.toy.faults.clear()
        self.world.cache.lags = False
        self._watched(self.world.release, self.of_held)
        self._post()
        self._comes_to_rest()
        # What events were lost, and what was told before Redis forgot it.
        self.world.catch_up(self.filed_at if self.memory_lost else None)
        self._comes_to_rest()
        self._judge()

    def _comes_to_rest(self) -> None:
        for _ in range(30):
            while self.waiting:
                self.deliver(self.waiting.pop(0))
            if not self._runs():
                return
        raise AssertionError("It never comes to rest.")

    def _judge(self) -> None:
        redis = self.world.redis
        assert not redis.zcard(keys.PENDING) and not redis.zcard(keys.DEAD)
        assert not [*redis.scan_iter(match=f"{keys.HINTS}*")]
        added = self.added()
        assert len(added) == len(set(added)), f"put on twice: {added}"
        writes = self.world.writes(self.names)
        view = self.world.issue(self.id)
        if view is None:
            self._judge_traces()
            return
        there = set(view["labels"])
        wanted = set.intersection(*(self._fitting(book) for book in self.books_since_text))
        if not self.away:
            assert wanted - self.taken_off <= there, f"missing: {wanted - self.taken_off - there}"
        # What people took off before we could know of it may have been put on by us once.
        stays = self.known_by_state - self.put_back
        assert not stays & there, f"a person's no: {stays & there}"
        self._judge_comment(there, set(added))
        assert len(writes) <= 2 * (1 + len(added) + len(self.taken_off)) + 3 * self.troubles, writes

    def _judge_traces(self) -> None:
        """What Redis keeps of an issue of whose deletion we were told, and have not forgotten that."""
        at = self.deleted_at
        if at is not None and self.forgot_at < at and any(one.step > at for one in self.delivered):
            left = self.world.kept_of(self.names)
            assert not left, f"kept of a deleted issue: {left}"

    def _judge_comment(self, there: set[str], added: set[str]) -> None:
        ours = self.our_comments()
        assert len(ours) <= 1, f"{len(ours)} comments"
        if self.comment_gone and (self.world.is_linear or not self.memory_lost):
            # Nothing on a Jira issue tells of a comment that was there; on Linear its id stays taken.
            assert not ours, "a comment that was deleted is back"
        if not ours or self.away or self.comment_rewritten:
            return
        body = ours[0]["body"]
        told = {label for label in OURS if re.search(rf"\*{label}\*", body)}
        if SETTLED in body:
            assert not (added & there) - self.put_back
        else:
            assert told <= there, f"the comment tells of {told - there}"
            assert told, body
            assert (added & there) - self.put_back <= told, f"untold: {(added & there) - told}"

    # -- inside -----------------------------------------------------------------------------------

    @property
    def _busy(self) -> bool:
        return bool(self.world.redis.zcard(keys.PENDING))

    def _title(self, words: set[str]) -> str:
        return " ".join(["Something", *sorted(words)])

    def _fitting(self, book: int) -> set[str]:
        return {label for word, label in BOOKS[book].items() if word in self.words}

    def _edit(self, **wish: Any) -> None:
        self.world.toy.edit_issue(self.key, wish)

    def _labels(self) -> set[str]:
        view = self.world.issue(self.id)
        return set(view["labels"]) if view else set()

    def our_comments(self) -> list[dict[str, Any]]:
        view = self.world.issue(self.id) if hasattr(self, "key") else None
        return [one for one in view["comments"] if one["author"] == BOT] if view else []

    def _post(self, removed: frozenset[str] = frozenset(), *, of_text: bool = False) -> None:
        """What the toy has sent meanwhile is on its way."""
        self.step += 1
        for parcel in self.world.sent:
            self.waiting.append(Posted(parcel, self.step, removed, of_text))
        self.world.sent.clear()

    def deliver(self, posted: Posted) -> None:
        told = self.world.deliver(posted.parcel)
        self.known_by_event |= posted.removed
        if told != "duplicate":
            if posted in self.delivered:
                self.delivered.remove(posted)
            self.delivered.append(posted)

    def _fails(self) -> None:
        self.failures += 1
        self.troubles += 1

    def _unwanted(self) -> set[str]:
        """What no run that begins now may put on."""
        if self.away or not self.alive:
            return set(OURS)
        return self.known_by_state | self.known_by_event

    def _runs(self, at: Callable[[str], None] | None = None) -> int:
        self.world.time_passes()
        return int(self._watched(lambda: self.world.work(at), self._unwanted()))

    def _watched(self, act: Callable[[], Any], unwanted: set[str]) -> Any:
        before = len(self.added())
        answer = act()
        new = self.added()[before:]
        assert not unwanted & set(new), f"put on against a person's word: {unwanted & set(new)}"
        self._post()
        if not self._busy:
            self.failures = 0
        return answer


@pytest.fixture(scope="module", params=TRACKERS)
def world(
    request: pytest.FixtureRequest, redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with ExitStack() as stack:
        redis: Redis = connect(redis_server.url)
        stack.callback(redis.close)
        yield World(stack, redis, request.param, tmp_path_factory.mktemp("data"))


@pytest.mark.fault(29)
def test_any_story_ends_as_people_want_it(world: World) -> None:
    tell(partial(Story, world), 10, 30, anew=False)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.fault(29)
def test_hundreds_of_stories_end_as_people_want_them(world: World, seen: Callable[[str], None]) -> None:
    tell(partial(Story, world), 150, 40, anew=True)
    seen(f"{world.kind}: 150 stories of up to 40 steps")


@pytest.mark.fault(20, 29)
def test_an_event_alone_is_not_taken_for_all_there_is_to_know(world: World) -> None:
    """Redis lost its memory, and then a label is taken off: our comment is there all the same."""
    story = Story(world)
    story.files(words={"xss", "guide"}, labels=set())
    story.all_arrive()
    story.works()
    story.all_arrive()
    story.works()
    world.forget_all(rules_of(0))
    story.changes_a_label("security")
    story.all_arrive()
    story.works()
    story.rewrites(words={"xss", "guide", "wish"}, body=False)
    story.teardown()
    assert story.added() == ["security", "documentation", "Feature"]


@pytest.mark.fault(29, 60)
def test_what_is_told_late_of_a_deleted_issue_is_not_kept(world: World) -> None:
    story = Story(world)
    story.files(words={"xss"}, labels=set())
    story.all_arrive()
    story.works()
    story.all_arrive()
    story.works()
    story.rewrites(words={"guide"}, body=False)
    late = story.waiting.pop()
    story.deletes()
    story.all_arrive()
    story.works()
    story.waiting.append(late)
    story.all_arrive()
    story.teardown()
    assert not world.kept_of(story.names)


@pytest.mark.fault(29, 60)
@pytest.mark.parametrize("known", [True, False])
def test_a_label_taken_off_that_is_told_after_the_deletion_leaves_nothing(world: World, known: bool) -> None:
    story = Story(world)
    story.files(words={"xss"}, labels={"Bug"})
    if known:
        story.all_arrive()
        story.works()
        story.all_arrive()
        story.works()
    else:
        story.waiting.clear()
    story.changes_a_label("Bug")
    late = story.waiting.pop()
    story.deletes()
    story.all_arrive()
    story.works()
    story.waiting.append(late)
    story.teardown()
    assert not world.kept_of(story.names)


@pytest.mark.fault(29, 60)
def test_the_search_for_a_second_comment_leaves_nothing_of_a_deleted_issue(world: World) -> None:
    story = Story(world)
    story.files(words={"xss"}, labels=set())
    story.all_arrive()
    story.is_killed("intended", passes=0 if world.is_linear else 1)
    story.works()
    story.deletes()
    story.teardown()
    assert not world.kept_of(story.names)


@pytest.mark.fault(29, 60)
def test_nothing_is_kept_of_an_issue_that_was_deleted_where_it_was_moved_to(world: World) -> None:
    if world.is_linear:
        pytest.skip("The toy Linear moves no issue to another team.")
    story = Story(world)
    story.files(words={"xss"}, labels=set())
    story.all_arrive()
    story.works()
    story.moves_elsewhere_or_back()
    story.deletes()
    story.teardown()
    assert not world.kept_of(story.names)


@pytest.mark.fault(29, 60)
@pytest.mark.parametrize("place", ["begun", "loaded", "planned", "written", "noted"])
def test_a_run_that_lost_its_lease_keeps_nothing_of_an_issue_that_was_deleted_meanwhile(
    world: World, place: str
) -> None:
    story = Story(world)
    story.files(words={"xss"}, labels=set())
    story.all_arrive()
    story.stands_still(place)
    story.deletes()
    story.all_arrive()
    story.is_overtaken()
    story.goes_on()
    story.teardown()
    assert not world.kept_of(story.names)


@pytest.mark.fault(29)
def test_a_comment_tells_of_no_label_that_was_taken_off_though_nothing_fits_any_more(world: World) -> None:
    story = Story(world)
    story.files(words={"xss", "guide"}, labels=set())
    story.all_arrive()
    story.works()
    story.rewrites(words=set(), body=False)
    story.changes_a_label("security")
    story.teardown()
    (ours,) = story.our_comments()
    assert "documentation" in ours["body"] and "security" not in ours["body"]
