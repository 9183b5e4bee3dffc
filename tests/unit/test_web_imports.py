"""What the web process loads, and that loading our modules does nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]


def run(code: str, **environ: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", dedent(code)],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_web_process_loads_nothing_heavy() -> None:
    loaded = run(
        """
        import sys
        import sprintwarden.cli, sprintwarden.serving
        from sprintwarden.settings import read_settings
        sprintwarden.serving.build_web(read_settings()).test_client().get("/readyz")
        print("\\n".join(sys.modules))
        """,
        REDIS_URL="redis://127.0.0.1:1/0",
        SPRINTWARDEN_CONFIG=str(ROOT / "config"),
    )
    rooms = {name.partition(".")[0] for name in loaded}
    assert not rooms & {"sklearn", "scipy", "numpy", "jira", "rq"}
    # The names of what a model can tag stand in that room, and the command line offers them.
    assert {name for name in loaded if name.startswith("classifiers.")} <= {"classifiers.examples"}
    # The watch over the parent process stands in that room, and is a dozen lines.
    assert {name for name in loaded if name.startswith("workers.")} <= {"workers.lifeline"}


def test_loading_a_module_opens_no_connection_reads_no_data_and_starts_nothing() -> None:
    done = run(
        """
        import importlib, os, pkgutil, sys, threading

        seen = []
        root = os.getcwd() + os.sep

        def watch(event, args):
            if event.startswith(("socket.connect", "socket.bind", "subprocess.", "os.fork")):
                seen.append(event)
            elif event == "open" and isinstance(args[0], str):
                path = os.path.abspath(args[0])
                code = path.endswith((".py", ".pyc", ".so")) or ".pyc." in path
                if path.startswith(root) and ".venv" not in path and not code:
                    seen.append(path)

        rooms = "classifiers rules sandbox sprintwarden store trackers webhook_app workers".split()
        names = list(rooms)
        for room in rooms:
            names += [m.name for m in pkgutil.walk_packages([room], room + ".")]
        names = [name for name in names if not name.endswith("__main__")]
        sys.addaudithook(watch)
        for name in names:
            importlib.import_module(name)
        assert len(names) > 80, names
        assert threading.active_count() == 1
        print(*seen)
        """,
        REDIS_URL="redis://127.0.0.1:1/0",
    )
    assert done == []
