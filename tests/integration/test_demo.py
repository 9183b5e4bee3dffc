"""The demo: exit code 0 when all its effects are as expected, 1 when one is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.story import Act, Cast
from sprintwarden import demo

ROOT = Path(__file__).parents[2]


@pytest.mark.process
@pytest.mark.timeout(300)
def test_the_demo_plays_to_its_end_and_every_effect_is_as_expected(tmp_path: Path) -> None:
    unset = ("REDIS_URL", "PROMETHEUS_MULTIPROC_DIR")
    environ = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-m", "sprintwarden", "demo", "--once"],
        cwd=ROOT,
        env={**environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✓ Every effect is as expected, and there is none too many." in done.stdout
    assert "✗" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


class Bystander:
    """A toy tracker in which nothing happens."""

    def __init__(self, writes: list[dict[str, Any]]) -> None:
        self._writes = writes

    def pending(self) -> int:
        return 0

    def deliveries(self) -> list[dict[str, Any]]:
        return []

    issues = deliveries

    def writes(self) -> list[dict[str, Any]]:
        return self._writes


class BareStage:
    """A stage on which nothing waits."""

    class Redis:
        def zcard(self, _: str) -> int:
            return 0

        def hgetall(self, _: str) -> dict[str, str]:
            return {}

    def __init__(self, writes: list[dict[str, Any]]) -> None:
        self.jira = Bystander(writes)
        self.linear = Bystander([])
        self.redis = self.Redis()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_ACT_S", 0.3)
    monkeypatch.setattr(demo, "_QUIET_S", 0.0)


def never(_: Cast) -> Iterator[str]:
    yield "ABC-1 has no label"


def well(_: Cast) -> Iterator[str]:
    yield from ()


def tell(monkeypatch: pytest.MonkeyPatch, *acts: Act, extra: list[str]) -> bool:
    monkeypatch.setattr(demo, "acts", lambda: acts)
    monkeypatch.setattr(demo, "extra_effects", lambda cast: extra)
    return demo._Teller(BareStage([])).tell()  # type: ignore[arg-type]


@pytest.mark.usefixtures("hurried")
def test_an_effect_that_is_missing_fails_the_story_and_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    acts = [Act("It goes well", lambda cast: None, well), Act("It does not", lambda cast: None, never)]
    assert not tell(monkeypatch, *acts, extra=[])
    out = capsys.readouterr().out
    assert "  ✗ ABC-1 has no label" in out
    assert "✓" not in out


@pytest.mark.usefixtures("hurried")
def test_an_effect_too_many_fails_the_story_and_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not tell(monkeypatch, Act("It goes well", lambda cast: None, well), extra=["Jira comments: 3"])
    assert "✗ Jira comments: 3" in capsys.readouterr().out


@pytest.mark.usefixtures("hurried")
def test_a_story_without_fault_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tell(monkeypatch, Act("It goes well", lambda cast: None, well), extra=[])


@pytest.mark.parametrize(("good", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_tells_how_the_story_went(
    monkeypatch: pytest.MonkeyPatch, good: bool, code: int
) -> None:
    @contextmanager
    def no_stage(*_: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(url="")

    class Told:
        def __init__(self, _: object) -> None:
            pass

        def tell(self) -> bool:
            return good

    monkeypatch.setattr(demo, "Stage", no_stage)
    monkeypatch.setattr(demo, "_Teller", Told)
    assert demo.play(once=True) == code
