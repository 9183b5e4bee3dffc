"""What is left of a deleted issue in what is remembered of a sprint: its numbers."""

from __future__ import annotations

from datetime import UTC, datetime

from classifiers.sprint_memory import SprintMemory, Stay
from trackers.sprints import Stage, Unit
from workers.sprint_book import GONE, Home, Said, SprintBook

T0 = datetime(2026, 3, 2, tzinfo=UTC)


def stay(id_: str, parent: str | None = None) -> Stay:
    return Stay(id_, f"ABC-{id_}", True, 3.0, 3.0, Stage.TODO, "open", parent=parent, lines=("f00",))


def book(home: Home, retired: Home | None = None) -> SprintBook:
    stays = {one.id: one for one in (stay("7001"), stay("7002", parent="7001"))}
    said = Said(keys=("ABC-7001", "ABC-7002"))
    memory = SprintMemory(T0, stays=stays)
    marked, settled = frozenset({"7001"}), frozenset({"7001", "7002"})
    return SprintBook(
        memory, Unit.POINTS, "1", home=home, retired=retired, said=said, marked=marked, settled=settled
    )


def test_a_deleted_issue_leaves_its_numbers_and_no_name() -> None:
    left = book(Home("7001", "ABC-7001"), retired=Home("7001", "ABC-7001")).without("7001")
    assert "7001" not in left.to_text()
    (name,) = left.memory.stays.keys() - {"7002"}
    assert (left.memory.stays[name].first, left.memory.stays[name].key) == (3.0, GONE)
    assert left.memory.stays["7002"].parent == name
    assert left.home == left.retired == Home("", GONE)


def test_an_issue_that_only_bears_the_comment_is_forgotten_too() -> None:
    held = book(Home("9", "OPS-12", tracking=True))
    assert (held.key_of("9"), held.key_of("7002"), held.key_of("8")) == ("OPS-12", "ABC-7002", None)
    left = held.without("9")
    assert "OPS-12" not in left.to_text()
    assert (left.home, left.memory) == (Home("", GONE, tracking=True), held.memory)
