"""What there is to run the service with: it parses, and every name in it exists. Needs no docker."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import requires
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from ruamel.yaml import YAML
from typer.main import get_command

from deploy import lint
from rules.connections import load_connections
from rules.load import load_rules
from sprintwarden.cli import app
from sprintwarden.settings import Settings
from tests.unit import front_door
from tests.unit.front_door import House
from tests.unit.test_docs_metrics import documented, emitted
from workers.shop import RUN_LIMIT

server, redis, house = front_door.server, front_door.redis, front_door.house

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"
UNITS: Final = DEPLOY / "systemd"
MANIFESTS: Final = DEPLOY / "kubernetes"
GUIDE: Final = ROOT / "docs" / "operations.md"
COMPOSE: Final = ROOT / "compose.yaml"
DOCKERFILE: Final = ROOT / "Dockerfile"
ALERTS: Final = DEPLOY / "prometheus" / "alerts.yaml"
DASHBOARD: Final = DEPLOY / "grafana" / "dashboard.json"
ALL: Final = (
    *(GUIDE, COMPOSE, DOCKERFILE),
    *(path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix != ".pyc"),
)

PATIENCE: Final = RUN_LIMIT + timedelta(seconds=5)
_SETTING: Final = re.compile(r"\bSPRINTWARDEN_[A-Z_]+")
_METRIC: Final = re.compile(r"\b(sprintwarden_[a-z_]+)\b(?:\{([^}]*)\})?")
_CALL: Final = re.compile(r"(?<!--namespace )\bsprintwarden ([a-z][^`\n]*)")
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
_SCRAPED: Final = {"instance", "job"}
"""Labels that Prometheus adds."""


def _yaml(path: Path) -> list[Any]:
    return list(YAML(typ="safe", pure=True).load_all(path.read_text(encoding="utf-8")))


def _processes() -> dict[str, list[str]]:
    """Of the Procfile, by name: what ``sprintwarden`` is told."""
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    return {name: command.split()[1:] for name, command in (line.split(": ") for line in lines)}


def _deployments() -> dict[str, Any]:
    found = [part for path in sorted(MANIFESTS.glob("*.yaml")) for part in _yaml(path)]
    return {
        part["metadata"]["name"].removeprefix("sprintwarden-"): part["spec"]["template"]["spec"]
        for part in found
        if part["kind"] == "Deployment"
    }


def _alerts() -> list[dict[str, Any]]:
    return [rule for group in _yaml(ALERTS)[0]["groups"] for rule in group["rules"]]


def _queries() -> Iterator[str]:
    """Every expression of the alerts and of the dashboard."""
    yield from (alert["expr"] for alert in _alerts())
    yield from lint.queries(json.loads(DASHBOARD.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", [path for path in ALL if path.suffix in (".yaml", ".json")], ids=str)
def test_it_parses(path: Path) -> None:
    parsed = json.loads(path.read_text(encoding="utf-8")) if path.suffix == ".json" else _yaml(path)
    assert parsed


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_setting_exists(path: Path) -> None:
    known = {f"SPRINTWARDEN_{name.upper()}" for name in Settings.model_fields}
    assert set(_SETTING.findall(path.read_text(encoding="utf-8"))) <= known


def test_every_way_runs_the_processes_of_the_procfile() -> None:
    wanted = _processes()
    assert set(wanted) == {"web", "worker", "bulk", "clock"}
    services = _yaml(COMPOSE)[0]["services"]
    assert {name: services[name]["command"] for name in services if name != "redis"} == wanted
    assert {name: pod["containers"][0]["args"] for name, pod in _deployments().items()} == wanted
    units = {
        path.stem.removeprefix("sprintwarden-"): _unit(path)["ExecStart"].split()[1:]
        for path in UNITS.glob("*.service")
    }
    assert units == wanted


def _unit(path: Path) -> dict[str, str]:
    lines = [line.partition("=") for line in path.read_text(encoding="utf-8").splitlines() if "=" in line]
    return {name: value for name, _, value in lines if not name.startswith("#")}


def test_every_command_of_the_guide_exists() -> None:
    calls = [shlex.split(call, comments=True) for call in _CALL.findall(GUIDE.read_text(encoding="utf-8"))]
    assert len(calls) > 30
    whole: Any = get_command(app)
    for words in calls:
        command, rest = whole, list(words)
        while hasattr(command, "commands"):
            assert rest, f"{words} ends in the middle"
            assert rest[0] in command.commands, f"{words}: there is no {rest[0]}"
            command = command.commands[rest.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= options, words


def test_a_run_is_let_to_its_end_everywhere() -> None:
    common = _unit(UNITS / "sprintwarden-.service.d" / "10-common.conf")
    assert timedelta(seconds=int(common["TimeoutStopSec"])) >= PATIENCE
    assert common["KillMode"] == "mixed", "a worker that is told twice to end may drop its run"
    for name, pod in _deployments().items():
        assert timedelta(seconds=pod["terminationGracePeriodSeconds"]) >= PATIENCE, name
    for name, service in _yaml(COMPOSE)[0]["services"].items():
        assert timedelta(seconds=int(service["stop_grace_period"].removesuffix("s"))) >= PATIENCE, name


def test_every_metric_that_is_asked_for_exists_with_its_labels() -> None:
    known = documented()
    for query in _queries():
        for name, selectors in _METRIC.findall(query):
            assert name in known, f"{name} in {query}"
            labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selectors))
            assert labels <= known[name].labels | _SCRAPED, query
    told = {name for name, _ in _METRIC.findall(GUIDE.read_text(encoding="utf-8"))}
    assert told <= set(known)


def test_each_check_that_an_alert_asks_for_exists(house: House) -> None:
    names = [labels["check"] for labels, _ in emitted(house)["sprintwarden_check_ok"].samples]
    asked = [selector for alert in _alerts() for selector in re.findall(r'check=~?"([^"]+)"', alert["expr"])]
    assert len(asked) > 3
    for selector in asked:
        assert any(re.fullmatch(selector, name) for name in names), selector


def test_every_alert_has_a_section_that_says_what_to_do() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    alerts = _alerts()
    names = [alert["alert"] for alert in alerts]
    assert len(set(names)) == len(names)
    sections = dict(re.findall(r"^### (Sprintwarden\w+)\n(.+?)(?=^##)", text, re.MULTILINE | re.DOTALL))
    assert set(sections) == set(names)
    for name, section in sections.items():
        assert all(f"**{part}**" in section for part in ("Means", "Look", "Do")), name
    for alert in alerts:
        assert alert["labels"]["severity"] in ("page", "ticket")
        assert alert["annotations"]["runbook"] == f"docs/operations.md#{alert['alert'].lower()}"
        assert alert["annotations"].keys() == {"summary", "description", "runbook"}


@pytest.mark.parametrize("page", ["operations.md", "metrics.md"])
def test_every_link_leads_somewhere(page: str) -> None:
    here = ROOT / "docs" / page
    for link in _LINK.findall(here.read_text(encoding="utf-8")):
        file, _, anchor = link.partition("#")
        target = (here.parent / file).resolve() if file else here
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target), link


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_example_for_kubernetes_is_good(tmp_path: Path) -> None:
    data = {name: text for part in _yaml(MANIFESTS / "config.yaml") for name, text in part["data"].items()}
    load_rules(data["rules.yaml"].encode(), "rules.yaml")
    secrets = _yaml(MANIFESTS / "secret.example.yaml")[0]["stringData"]
    for name, text in secrets.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    text = data["connections.yaml"].replace("/etc/sprintwarden-secrets", str(tmp_path))
    assert [one.name for one in load_connections(text.encode(), "connections.yaml", {})] == ["acme-jira"]
    for pod in _deployments().values():
        for variable in pod["containers"][0]["env"]:
            if "valueFrom" in variable:
                assert variable["valueFrom"]["secretKeyRef"]["key"] in secrets


def test_every_manifest_but_the_example_is_applied() -> None:
    (whole,) = _yaml(MANIFESTS / "kustomization.yaml")
    there = {path.name for path in MANIFESTS.glob("*.yaml")}
    assert set(whole["resources"]) == there - {"kustomization.yaml", "secret.example.yaml"}


def test_each_pod_is_locked_in() -> None:
    for name, pod in _deployments().items():
        own = pod["containers"][0]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert own["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert own["resources"]["requests"].keys() == {"cpu", "memory"}, name
        mounts, volumes = own["volumeMounts"], pod["volumes"]
        assert {mount["name"] for mount in mounts} == {volume["name"] for volume in volumes}, name


def test_only_web_is_probed_and_only_webhooks_are_public() -> None:
    probes = {"livenessProbe", "readinessProbe", "startupProbe"}
    probed = {name: probes & pod["containers"][0].keys() for name, pod in _deployments().items()}
    assert probed == {"web": probes, "worker": set(), "bulk": set(), "clock": set()}
    (ingress,) = _yaml(MANIFESTS / "ingress.yaml")
    paths = [path["path"] for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
    assert paths == ["/webhooks/"]


def test_the_redis_of_compose_is_fit() -> None:
    command = _yaml(COMPOSE)[0]["services"]["redis"]["command"]
    told = dict(zip(command[1::2], command[2::2], strict=True))
    assert (told["--appendonly"], told["--maxmemory-policy"]) == ("yes", "noeviction")


def test_the_image_installs_by_hash_and_is_not_root() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"python:3.13-slim"}
    for line in re.findall(r"pip install (.+?)(?: \\)?$", text, re.MULTILINE):
        assert "--require-hashes" in line or "--no-index" in line, line
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["10001:10001"]


def test_what_builds_the_image_is_locked() -> None:
    (picked,) = re.findall(r"\^\(([\w|-]+)\)==", DOCKERFILE.read_text(encoding="utf-8"))
    locked = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    names = set(picked.split("|"))
    needed = [Requirement(text) for name in names for text in requires(name) or ()]
    there = {"python_version": "3.13", "extra": ""}
    assert {one.name for one in needed if one.marker is None or one.marker.evaluate(there)} <= names
    for name in names:
        found = re.findall(
            rf"^{name}==\S+ \\\n((?:    --hash=\S+(?: \\)?\n)+)    # via", locked, re.MULTILINE
        )
        assert len(found) == 1, name


def test_the_image_gets_every_package_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert let_in == {*packages, "pyproject.toml", "README.md", "LICENSE", "requirements"}


def test_each_secret_of_the_units_is_shown_where_it_lies() -> None:
    text = (UNITS / "sprintwarden-.service.d" / "20-secrets.conf").read_text(encoding="utf-8")
    loaded = re.findall(r"^LoadCredential=([\w-]+):(\S+)$", text, re.MULTILINE)
    assert loaded
    assert all(path == f"/etc/sprintwarden/secrets/{name}" for name, path in loaded)
    assert "BindReadOnlyPaths=%d:/etc/sprintwarden/secrets" in text.splitlines()


@pytest.mark.parametrize("tool", ["systemd-analyze", "promtool", "kubectl"])
def test_what_is_installed_here_finds_nothing(tool: str, tmp_path: Path) -> None:
    seen = list(lint.seen(look for look in lint.looks(tmp_path) if look.tool == tool))
    assert seen
    if any(one.faults is None for one in seen):
        pytest.skip(f"{tool} is not installed.")
    assert [one for one in seen if one.faults] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_linter_finds_anything() -> None:
    ran = subprocess.run([sys.executable, lint.__file__], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_a_setting_that_systemd_does_not_know_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells of one with exit code 0."""
    monkeypatch.setattr(lint, "UNITS", tmp_path / "units")
    shutil.copytree(UNITS, lint.UNITS)
    unit = lint.UNITS / "sprintwarden-web.service"
    unit.write_text(unit.read_text(encoding="utf-8").replace("MemoryMax", "MemoryMost"), encoding="utf-8")
    verify = next(look for look in lint.looks(tmp_path) if look.tool == "systemd-analyze")
    (one,) = lint.seen([verify])
    assert one.faults is not None
    assert "MemoryMost" in one.faults


def test_the_guide_names_each_linter_in_the_version_that_runs() -> None:
    table = GUIDE.read_text(encoding="utf-8").partition("## How these files are checked")[2]
    for name, tool in lint.TOOLS.items():
        assert f"`{name}`" in table, name
        if name in lint.FETCHED:
            package = tool.command[tool.command.index("--from") + 1]
            assert f"`{package}`" in table, package
