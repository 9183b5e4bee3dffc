"""Schemathesis makes requests from the API's own document, and judges every answer by it: ``make api-check``.

It is no dependency of ours: pytest would load its plugin at every start, which takes seconds. uv fetches it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Thread

import pytest
from redis import Redis
from werkzeug.serving import make_server

from sprintwarden.embedded import EmbeddedRedis
from store.feed import Feed
from tests.conftest import CONNECTION, Floor
from tests.unit.api_scene import LABEL, fill
from tests.unit.console_scene import TOKEN, console_app

TOOL = "schemathesis==4.32.5"
PATIENCE_S = 900


@pytest.fixture
def site(redis_server: EmbeddedRedis, floor: Floor) -> Iterator[str]:
    """The address of a console with something to show."""
    server = make_server("127.0.0.1", 0, console_app(redis_server.url, [CONNECTION]), threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def tool() -> list[str]:
    """The command that runs schemathesis."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    command = [uv or "", "tool", "run", "--from", TOOL, "schemathesis"]
    if uv is None or subprocess.run([*command, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("uv is not here, or could not fetch schemathesis.")
    return command


def that_exist(redis: Redis, trial: str) -> Mapping[str, Mapping[str, str]]:
    """Of paths that nobody finds by chance, what there is."""
    return {
        "/sprints/{connection}/{id}": {"path.connection": "acme", "path.id": "37"},
        "/decisions/{id}": {"path.id": str(Feed(redis).newest(1)[0].place)},
        "/trials/{id}": {"path.id": trial},
        "/labels/label": {"query.connection": "acme", "query.target": "labels", "query.name": LABEL},
    }


def settings(known: Mapping[str, Mapping[str, str]]) -> str:
    """The same as a configuration file of schemathesis."""
    parts = (
        f"[[operations]]\ninclude-path = {json.dumps(path)}\n[operations.parameters]\n"
        + "".join(f"{json.dumps(name)} = {json.dumps(value)}\n" for name, value in values.items())
        for path, values in known.items()
    )
    return "\n".join(parts)


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE_S)
@pytest.mark.parametrize(("known", "examples"), [(False, 400), (True, 50)], ids=["anything", "what there is"])
def test_schemathesis_finds_nothing(
    site: str, floor: Floor, tool: list[str], known: bool, examples: int, tmp_path: Path
) -> None:
    trial = fill(floor)
    file = tmp_path / "schemathesis.toml"
    file.write_text(settings(that_exist(floor.redis, trial)) if known else "", encoding="utf-8")
    command = [*tool, f"--config-file={file}", "run", f"{site}/api/v1/openapi.json"]
    command += [f"--header=Authorization: Bearer {TOKEN}", "--checks=all", f"--max-examples={examples}"]
    done = subprocess.run(
        [*command, "--continue-on-failure", "--workers=2", "--no-color"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
