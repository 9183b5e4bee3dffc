"""A burst at the front door of the whole service: every delivery is answered, stored and worked."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.load import burst_of
from sprintwarden.stage import Script, Stage
from tests.faults.crowd import rules

pytestmark = pytest.mark.process


@pytest.mark.slow
@pytest.mark.fault(12)
@pytest.mark.skipif(
    shutil.which("wrk") is None, reason="wrk is not installed; Debian has a package of that name."
)
def test_a_burst_of_a_thousand_a_second_is_taken_whole(tmp_path: Path, seen: Callable[[str], None]) -> None:
    script = Script(rules({}), workers=2, without=frozenset({"bulk"}))
    with Stage(tmp_path, script) as stage:
        came = burst_of(stage, 1_000, 10)
    assert (came.bad, came.lost) == (0, 0)
    assert came.labelled == came.writes == 200
    seen(
        f"{came.rate:.0f} a second, p99 {came.p99_ms:.0f} ms beside all else on "
        f"this machine; {came.stored} stored, none lost; 200 issues labelled once each, the last "
        f"{came.calm:.0f} s after the burst"
    )
