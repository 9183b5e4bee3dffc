"""Random stories tried in numbers, as Hypothesis makes them up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

_QUIET: Final = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
_TRIES: Final = 5


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
