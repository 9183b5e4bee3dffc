"""Run one toy tracker from the command line: ``python -m sandbox jira|linear --token T``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

import flask

from sandbox.control import ControlledTracker
from sandbox.sender import Target
from sandbox.server import start


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; ``ready URL`` on stdout says that requests may come."""
    options = _parser().parse_args(arguments)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    app = _linear(options) if options.tracker == "linear" else _jira(options)
    tracker: ControlledTracker = app.extensions["sandbox"]
    if options.webhook:
        tracker.sender.set_target(Target(options.webhook, options.secret, options.auth))
    with start(app, options.host, options.port) as running:
        sys.stdout.write(f"ready {running.url}\n")
        sys.stdout.flush()
        ended.wait()
    tracker.sender.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="A toy Jira or Linear for trying things."
    )
    parser.add_argument("tracker", choices=("jira", "linear"))
    parser.add_argument("--token", required=True, help="the API token (Linear: the key) that is accepted")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--deployment", choices=("cloud", "data_center"), default="cloud", help="Jira only")
    parser.add_argument("--projects", default="", help="project (Linear: team) keys, comma-separated")
    parser.add_argument("--webhook", default="", help="URL that events are sent to")
    parser.add_argument("--secret", default="", help="secret of the webhook")
    parser.add_argument("--auth", choices=("signature", "basic", "token"), default="signature")
    return parser


def _jira(options: argparse.Namespace) -> flask.Flask:
    from sandbox.jira import JiraConfig, create_app

    keys = _keys(options.projects)
    config = JiraConfig(token=options.token, deployment=options.deployment)
    if keys:
        config = JiraConfig(token=options.token, deployment=options.deployment, projects=keys)
    return create_app(config)


def _linear(options: argparse.Namespace) -> flask.Flask:
    from sandbox.linear import LinearConfig, create_app

    keys = _keys(options.projects)
    config = LinearConfig(token=options.token, teams=keys) if keys else LinearConfig(token=options.token)
    return create_app(config)


def _keys(text: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in text.split(",") if key.strip())


if __name__ == "__main__":
    raise SystemExit(main())
