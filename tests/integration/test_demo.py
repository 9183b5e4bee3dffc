"""How the demo tells its story; tests/browser/test_story.py plays the real one to its end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.story import Act, Cast
from sprintwarden import demo


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


def set_up(monkeypatch: pytest.MonkeyPatch, tell: Callable[[], bool]) -> list[str]:
    """A demo without a stage, in which ``tell`` is the story; what became of the stage."""
    stages: list[str] = []

    @contextmanager
    def no_stage(*_: object) -> Iterator[SimpleNamespace]:
        try:
            yield SimpleNamespace(url="", jira=SimpleNamespace(url=""), linear=SimpleNamespace(url=""))
        finally:
            stages.append("cleared")

    monkeypatch.setattr(demo, "Stage", no_stage)
    monkeypatch.setattr(demo, "_Teller", lambda _: SimpleNamespace(tell=tell))
    return stages


@pytest.mark.parametrize(("good", "code"), [(True, 0), (False, 1)])
def test_the_exit_code_tells_how_the_story_went(
    monkeypatch: pytest.MonkeyPatch, good: bool, code: int
) -> None:
    set_up(monkeypatch, lambda: good)
    assert demo.play(once=True) == code


def test_who_kills_it_has_the_stage_cleared_as_by_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed() -> bool:
        signal.raise_signal(signal.SIGTERM)
        return True

    before = signal.getsignal(signal.SIGTERM)
    stages = set_up(monkeypatch, killed)
    with pytest.raises(KeyboardInterrupt):
        demo.play(once=True)
    assert stages == ["cleared"]
    assert signal.getsignal(signal.SIGTERM) is before
