"""Random stories tried in numbers, as Hypothesis makes them up."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

_QUIET: Final = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
_TRIES: Final = 5


class WithEvents(RuleBasedStateMachine):
    """A story whose events arrive late, in another order, twice, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Any] = []
        """Sent, and not arrived."""
        self.delivered: list[Any] = []

    @abstractmethod
    def deliver(self, event: Any) -> None:
        """Have an event arrive, which may have arrived before."""

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def one_arrives(self, data: st.DataObject) -> None:
        self.deliver(self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1))))

    @precondition(lambda self: self.waiting)
    @rule()
    def all_arrive(self) -> None:
        while self.waiting:
            self.deliver(self.waiting.pop(0))

    @precondition(lambda self: self.delivered)
    @rule(data=st.data())
    def one_arrives_again(self, data: st.DataObject) -> None:
        self.deliver(self.delivered[data.draw(st.integers(0, len(self.delivered) - 1))])

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def one_is_lost(self, data: st.DataObject) -> None:
        self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))


def tell(story: Callable[[], RuleBasedStateMachine], examples: int, steps: int, *, anew: bool) -> None:
    """Try so many stories of up to so many steps; ``anew`` are others each time.

    A tracker and its webhooks take real time: should what may happen next be another thing when a story is
    begun in the same way again, which Hypothesis does not go on with, stories are begun anew.
    """
    how = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=_QUIET,
        database=None,
        derandomize=not anew,
    )
    for left in reversed(range(_TRIES)):
        try:
            run_state_machine_as_test(story, settings=how)  # type: ignore[arg-type]
        except FlakyStrategyDefinition:
            if not left:
                raise
        else:
            return
