"""How long the console's pages take the server, in a full house and beside webhooks.

``python -m benchmarks.console [--decisions 10000] [--times 30]``
``python -m benchmarks.console --beside [--processes 1]``

``benchmarks.console_house`` fills a Redis of its own. Then every page and every path of the API is asked for
through Flask's test client, so that all is counted but the network and the web server; in turns, so that what
else the machine does falls on all alike, and in turn with a house that is empty, for the ratio. The first
look is that of a process just forked off, as gunicorn's are, in which no template was compiled and no rules
file was read. A filter is worst that nothing fits: every line of the feed is looked at.

``--beside`` is told in ``benchmarks.console_beside``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from benchmarks.console_beside import beside
from benchmarks.console_house import ENVIRON, JIRA, Size, connections_file, furnish, rules_file
from benchmarks.measuring import quantile
from rules.connections import Connection, load_connections
from rules.secret import Secret
from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.connect import connect
from store.feed import Feed
from store.inbox import Inbox
from store.trials import Trials
from tests.unit.console_scene import csrf_of
from webhook_app.app import WebSettings, create_app
from webhook_app.console.access import Access, hash_of
from webhook_app.console.frame import link

_PASSWORD: Final = "four plain words here"
_FIRST: Final = 3
"""First looks at each page; the one in the middle is told."""
_NOT_ASKED: Final = frozenset({"console.static", "console.nowhere", "console.nothing"})
_LOG_IN, _CHECK = "log in", "check a file of 240 kB"
_ANSWERS: Final = {"home": 303, _LOG_IN: 303, _CHECK: 422}
"""Where that is not 200. A file with a mistake is checked whole, and makes no trial."""

Ask = Callable[[], TestResponse]


@dataclass(slots=True)
class Took:
    """What was measured of one page, in ms."""

    first: float
    later: list[float] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)
    """The same in an empty house, which does not have all pages."""
    size: int = 0
    """Of the answer in bytes."""

    def row(self, name: str) -> str:
        """As it is told."""
        middle = statistics.median(self.later)
        times = f"{self.first:8.1f} {middle:8.1f} {quantile(self.later, 0.95):8.1f} {max(self.later):8.1f}"
        ratio = f"{middle / statistics.median(self.empty):5.1f}" if self.empty else "    –"
        return f"{name:40} {len(self.later):5} {times} {self.size:9,} {ratio}"


def main() -> None:
    """Fill, ask, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=Size().decisions, help="at most 20,000 are kept")
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--beside", action="store_true", help="measure webhooks while pages are read")
    parser.add_argument("--processes", type=int, default=1, help="of gunicorn, with --beside")
    options = parser.parse_args()
    size = Size(decisions=options.decisions)
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedRedis(Path(folder) / "redis")
        server.start()
        try:
            redis, file = connect(server.url), connections_file(size.connections)
            known = load_connections(file.encode(), "connections.yaml", ENVIRON)
            furnish(redis, known, size)
            lines, used = redis.zcard(keys.FEED), redis.info("memory")["used_memory"]
            print(f"{lines:,} decisions, {used / 1e6:.0f} MB in Redis")
            if options.beside:
                beside(Path(folder), server.url, file, hash_of(_PASSWORD), _PASSWORD, options.processes)
            else:
                tell(measured(server.url, redis, known, options.times))
        finally:
            server.stop()


def tell(found: Mapping[str, Took]) -> None:
    """Print a table; times are ms, sizes bytes, and the ratio is that of the median to an empty house's."""
    print(f"{'':40} times    first   median      p95  slowest     bytes ratio")
    for name, took in found.items():
        print(took.row(name))


def measured(url: str, redis: Redis, known: Iterable[Connection], times: int) -> dict[str, Took]:
    """Every page in the house at ``url``, ``times`` times, by what it is."""
    full, empty = (application(place, tuple(known)) for place in (url, f"{url}?db=1"))
    client, other = let_in(full), let_in(empty)
    paths = pages(redis)
    _refuse_gaps(full, paths.values())
    asks: dict[str, Ask] = {name: partial(client.get, path) for name, path in paths.items()}
    asks[_LOG_IN] = partial(full.test_client().post, "/console/login", data={"password": _PASSWORD})
    found = {name: Took(first_look(name, ask)) for name, ask in asks.items()}
    # Its form is shown by this process, which is cold no more.
    asks[_CHECK] = partial(client.post, "/console/rules/trials", data=_form(client))
    found[_CHECK] = Took(first_look(_CHECK, asks[_CHECK]))
    in_empty = {name for name, path in paths.items() if other.get(path).status_code == _status(name)}
    for _ in range(times):
        for name, ask in asks.items():
            took, found[name].size = timed(name, ask)
            found[name].later.append(took)
            if name in in_empty:
                found[name].empty.append(timed(name, partial(other.get, paths[name]))[0])
    return found


def application(url: str, known: tuple[Connection, ...]) -> Flask:
    """The front door with its console."""
    access = Access(password=Secret(hash_of(_PASSWORD)))
    return create_app(WebSettings(redis_url=url, connections=known, console=access))


def let_in(app: Flask) -> FlaskClient:
    """A browser of somebody who has logged in."""
    client = app.test_client()
    client.post("/console/login", data={"password": _PASSWORD, "user": "ada"})
    return client


def pages(redis: Redis) -> dict[str, str]:
    """What is asked for, by what it is: each page as it opens, at its largest, and as the API tells it."""
    feed = Feed(redis)
    newest, middle = feed.newest(1)[0].place, feed.newest(redis.zcard(keys.FEED) // 2)[-1].place
    dead, trial = Inbox(redis, lease=keys.BEAT_LIFE).dead(1)[0], Trials(redis).listed()[0]
    everything = "/console/decisions?outcome=everything"
    label = {"connection": JIRA, "target": "labels", "name": "label 8"}
    return {
        "home": "/console",
        "log-in": "/console/login",
        "now": "/console/now",
        "decisions": "/console/decisions",
        "decisions, everything": everything,
        "decisions, half-way back": f"{everything}&before={middle}",
        "decisions, one label": "/console/decisions?label=label+8",
        "decisions, a label that nothing has": "/console/decisions?outcome=everything&label=none",
        "decisions, an outcome that nothing has": "/console/decisions?outcome=partly_refused",
        "decisions of one issue": "/console/decisions?key=ABC-8",
        "one decision": f"/console/decisions/{newest}",
        "sprints": "/console/sprints",
        "one sprint": f"/console/sprints/{JIRA}/0",
        "labels": "/console/labels",
        "labels by name": "/console/labels?name=label+4",
        "one label": link("/console/labels/label", **label),
        "mute a label?": link("/console/labels/mute", **label, why="it is wrong"),
        "unmute a label?": link("/console/labels/unmute", **label | {"name": "label 0"}),
        "rules": "/console/rules",
        "rules of a board": f"/console/rules?place={JIRA}/OPS&board=12",
        "rules file": "/console/rules/file",
        "try a file": "/console/rules/try",
        "a large trial": f"/console/rules/trials/{trial.id}",
        "queue": "/console/queue",
        "put dead letters back?": link("/console/queue/put-back", cause=dead.cause),
        "discard a dead letter?": f"/console/queue/discard?subject={dead.subject}",
        "api: now": "/api/v1/now",
        "api: decisions": "/api/v1/decisions?outcome=everything",
        "api: one decision": f"/api/v1/decisions/{newest}",
        "api: sprints": "/api/v1/sprints",
        "api: one sprint": f"/api/v1/sprints/{JIRA}/0",
        "api: labels": "/api/v1/labels",
        "api: one label": link("/api/v1/labels/label", **label),
        "api: rules": "/api/v1/rules",
        "api: rules file": "/api/v1/rules/file",
        "api: queue": "/api/v1/queue",
        "api: a large trial": f"/api/v1/trials/{trial.id}",
        "api: its document": "/api/v1/openapi.json",
    }


def _refuse_gaps(app: Flask, paths: Iterable[str]) -> None:
    """A page that is new shall be measured, too."""
    routes = app.url_map.bind("")
    asked = {routes.match(path.partition("?")[0])[0] for path in paths} | _NOT_ASKED
    there = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    missing = sorted(name for name in there - asked if name.startswith("console."))
    if missing:
        raise SystemExit(f"These pages are not measured: {', '.join(missing)}.")


def _form(client: FlaskClient) -> dict[str, str]:
    csrf = csrf_of(client.get("/console/rules/try").text)
    text = f"{rules_file(460)}unknown: true\n"
    return {"csrf": csrf, "text": text, "connection": JIRA, "last": "200"}


def first_look(name: str, ask: Ask) -> float:
    """Milliseconds of a request in a process just forked off this one: the one in the middle of a few."""
    return statistics.median(_forked(name, ask) for _ in range(_FIRST))


def _forked(name: str, ask: Ask) -> float:
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)
    process = fork.Process(target=lambda: there.send(timed(name, ask)[0]))
    process.start()
    there.close()
    took = float(here.recv())
    process.join()
    return took


def timed(name: str, ask: Ask) -> tuple[float, int]:
    """Milliseconds of a request, and the bytes of its answer."""
    began = time.perf_counter()
    answer = ask()
    took = (time.perf_counter() - began) * 1000
    assert answer.status_code == _status(name), (name, answer.status_code)
    return took, len(answer.data)


def _status(name: str) -> int:
    return _ANSWERS.get(name, 200)


if __name__ == "__main__":
    main()
