"""The guides say what the code does: names in their tables are the code's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rules.connections import load_connections
from rules.load import load_rules
from sprintwarden.cli import app
from sprintwarden.settings import Settings
from store.reasons import why
from trackers.model import IgnoredBecause, RefusedBecause
from workers.checkpoints import PLACES
from workers.decide import Because
from workers.failures import ATTEMPTS

ROOT = Path(__file__).parents[2]


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_reason_of_the_front_door_is_in_its_guide() -> None:
    told = set(re.findall(r"`([a-z_]+)`", page("docs/webhooks.md")))
    assert told >= {str(reason) for reason in (*IgnoredBecause, *RefusedBecause)}


def test_every_reason_has_a_sentence_for_people() -> None:
    assert all(why(str(reason)) != str(reason) for reason in (*IgnoredBecause, *Because))


def test_every_setting_is_in_its_guide() -> None:
    told = page("docs/settings.md")
    named = {
        str(field.validation_alias or f"SPRINTWARDEN_{name.upper()}")
        for name, field in Settings.model_fields.items()
    }
    assert [name for name in named if f"`{name}`" not in told] == []


def test_the_readme_names_only_commands_that_exist() -> None:
    named = set(re.findall(r"^sprintwarden ([a-z-]+)", page("README.md"), re.MULTILINE))
    named_by = {
        command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands
    }
    known = {name.replace("_", "-") for name in named_by}
    known |= {group.name or "" for group in app.registered_groups}
    assert named
    assert named <= known


def examples() -> list[tuple[str, str]]:
    """Every YAML example of the guides that is a rules or a connections file, with the page it is on."""
    pages = ("README.md", "docs/admin.md", "docs/sprints.md")
    return [
        (name, text)
        for name in pages
        for text in re.findall(r"^```yaml\n(.*?)^```", page(name), re.MULTILINE | re.DOTALL)
    ]


@pytest.mark.parametrize(("name", "text"), examples())
def test_every_example_is_a_good_file(name: str, text: str, tmp_path: Path) -> None:
    whole = text if "version:" in text else f"version: 1\n{text}"
    if "tracker:" not in whole:
        assert load_rules(whole.encode(), name).version_id
        return
    (tmp_path / "secrets").mkdir()
    for path in re.findall(r"file: ([\w./-]+)", whole):
        (tmp_path / path).write_text("not a real secret")
    environ = dict.fromkeys(re.findall(r"env: (\w+)", whole), "not a real secret")
    assert load_connections(whole.encode(), str(tmp_path / "connections.yaml"), environ)


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    dead = [
        f"{source.relative_to(ROOT)} → {target}"
        for source in pages
        for target in re.findall(r"\]\((?!https?://)([^)#]+)", source.read_text(encoding="utf-8"))
        if not (source.parent / target).exists()
    ]
    assert dead == []


def test_the_guide_to_runs_tells_the_number_of_attempts() -> None:
    assert ATTEMPTS == 8
    assert "eight attempts" in page("docs/how-a-run-works.md")
    assert len(set(PLACES)) == len(PLACES)


def test_every_process_of_the_procfile_is_a_command() -> None:
    lines = page("Procfile").splitlines()
    assert [line.split(":")[0] for line in lines] == ["web", "worker", "bulk", "clock"]
    known = {getattr(command.callback, "__name__", "") for command in app.registered_commands}
    assert {line.split()[2] for line in lines} <= known
