"""``try`` on a file and ``report``, as a user types them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from redis import Redis
from typer.testing import CliRunner, Result

from rules.load import load_rules
from sprintwarden import cli_try
from sprintwarden.embedded import EmbeddedRedis
from sprintwarden.settings import Complaint
from store.decisions import Decisions
from store.inbox import Inbox
from store.journal import Journals
from store.models import ModelShelf
from store.rulebook import RulebookShelf
from store.writes import Writes
from tests.unit.models import open_toy, packed_file
from trackers.model import Hint, HintKind, Subject, SubjectKind
from workers.breaker import why_held
from workers.try_rules import Serving

OLD = """\
version: 1
defaults:
  tagging:
    rules:
      - {label: security, title: {words: [xss]}}
"""
NEW = OLD.replace("[xss]", "[xss, csrf]") + "projects:\n  ABC: {mode: apply}\n"
CONNECTIONS = """\
version: 1
connections:
  acme:
    tracker: jira
    url: https://acme.example
    auth: {email: bot@acme.example, token: {env: TOKEN}}
    webhook: {auth: signature, secrets: [{env: HOOK}]}
    projects: [ABC]
  beta:
    tracker: linear
    auth: {key: {env: TOKEN}}
    webhook: {secrets: [{env: HOOK}]}
    teams: [ENG]
"""
SECRET = "the-title-nobody-may-see"

app = typer.Typer()
app.command("try")(cli_try.try_rules)
app.command()(cli_try.report)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration, a new rules file and three issues; no Redis."""
    (tmp_path / "rules.yaml").write_text(OLD)
    (tmp_path / "new.yaml").write_text(NEW)
    (tmp_path / "connections.yaml").write_text(CONNECTIONS)
    titles = ("XSS", f"csrf {SECRET}", "nothing")
    lines = [
        {"id": f"ABC-{n}", "project": "ABC", "created": n, "title": title, "body": SECRET}
        for n, title in enumerate(titles, 1)
    ]
    (tmp_path / "issues.jsonl").write_text("\n".join(map(json.dumps, lines)))
    monkeypatch.delenv("REDIS_URL", raising=False)
    for name, value in {"SPRINTWARDEN_CONFIG": tmp_path, "SPRINTWARDEN_DATA": tmp_path / "var"}.items():
        monkeypatch.setenv(name, str(value))
    for name in ("TOKEN", "HOOK"):
        monkeypatch.setenv(name, "not-real")
    return tmp_path


@pytest.fixture
def service(
    folder: Path, redis: Redis, redis_server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> Redis:
    """The same with a service's Redis."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    return redis


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=True)


def tried(folder: Path, *more: object) -> Result:
    return run("try", "--rules", folder / "new.yaml", "--issues", folder / "issues.jsonl", *more)


def test_a_file_is_tried_without_a_tracker_or_a_redis(folder: Path) -> None:
    told = tried(folder)
    assert told.exit_code == 0
    assert "1 of 3 issues would get other labels: 1 label gained, 0 lost." in told.output
    assert '+ security on ABC-2: the title has the word "csrf" (rule security)' in told.output
    assert "ABC: dry_run → apply: 2 labels on 2 of 3 issues would be put on" in told.output
    assert "  mode: dry_run → apply (ABC; line 7)" in told.output
    assert "rule security: changed (ABC)" in told.output
    assert f"from {folder / 'rules.yaml'}." in told.output
    assert SECRET not in told.output
    assert max(map(len, told.output.splitlines()[4:])) <= 100


def test_json_tells_the_same(folder: Path) -> None:
    told = json.loads(tried(folder, "--json").stdout)
    assert (told["issues"], told["changed"], told["same_text"]) == (3, 1, False)
    assert told["labels"][0]["gained_on"] == ["ABC-2"]
    assert told["projects"][0]["new"] == {"mode": "apply", "labels": 2, "issues": 2}
    assert told["in_force"]["since"] is None


def test_the_rules_in_force_come_from_redis_when_it_is_there(folder: Path, service: Redis) -> None:
    held = OLD.replace("xss", "nothing").encode()
    version = load_rules(held, "rules.yaml").version_id
    RulebookShelf(service).publish(version, held)
    told = tried(folder)
    assert f"In force: version {version}, by which the service works since" in told.output
    assert "3 of 3 issues would get other labels: 2 labels gained, 1 lost." in told.output


def test_the_same_text_differs_in_nothing(folder: Path) -> None:
    (folder / "new.yaml").write_text(OLD)
    told = tried(folder)
    assert told.exit_code == 0
    assert "has the same text as the rules in force" in told.output
    assert json.loads(tried(folder, "--json").stdout)["same_text"] is True


def test_a_bad_file_is_refused_with_all_its_errors(folder: Path) -> None:
    (folder / "new.yaml").write_text("version: 1\ndefaults:\n  mod: apply\n  tagging: {window: soon}\n")
    told = tried(folder)
    assert isinstance(told.exception, Complaint)
    assert "new.yaml:3:3" in str(told.exception)
    assert "new.yaml:4:" in str(told.exception)


def test_without_issues_to_try_it_on_it_says_so(folder: Path) -> None:
    told = run("try", "--rules", folder / "new.yaml")
    assert isinstance(told.exception, Complaint)
    assert "--connection" in str(told.exception)


def test_what_is_written_at_all_is_told_before_the_labels(folder: Path) -> None:
    (folder / "rules.yaml").write_text(NEW)
    (folder / "new.yaml").write_text(NEW.replace("apply", "dry_run"))
    told = tried(folder).output
    mode = "ABC goes from apply to dry_run: nothing would be written any more."
    assert told.index(mode) < told.index("None of 3 issues would get other labels.")


def test_a_connection_that_there_is_not_is_refused_with_what_was_meant(folder: Path) -> None:
    told = tried(folder, "--connection", "acmee")
    assert isinstance(told.exception, Complaint)
    assert "There is no connection 'acmee' (did you mean \"acme\"?)" in str(told.exception)


def test_whether_there_is_a_connection_is_left_open_where_connections_cannot_be_read(folder: Path) -> None:
    (folder / "connections.yaml").unlink()
    told = tried(folder, "--connection", "acme")
    assert told.exit_code == 0
    assert "nobody knows whether there is a connection acme" in " ".join(told.output.split())


def kept(redis: Redis, number: int, outcome: str, mode: str, connection: str = "acme", **more: Any) -> None:
    """The record of a run about an issue that got ``security``."""
    plan = {
        "mode": mode,
        "labels": [{"label": "security", "source": "rule security", "because": ["it says so"]}],
        "withheld": [],
        "operations": [],
    }
    record = {
        "at": (datetime.now(UTC) - timedelta(days=1)).isoformat(),
        "outcome": outcome,
        "because": None,
        "cause": "",
        "hints": [{"kind": "issue_created"}],
        "issue": f"ABC-{number}",
        "plan": plan,
    }
    Decisions(redis).add(Subject(connection, SubjectKind.ISSUE, str(number)), record | more, {})


def test_a_report_tells_what_was_done_and_undone(service: Redis) -> None:
    for number in range(4):
        kept(service, number, "applied", "apply", written={"labels": ["security"], "comment": None})
    undone = Subject("acme", SubjectKind.ISSUE, "0")
    Journals(service).note_written(undone, labels={"security": "security"})
    Journals(service).note_vetoes(undone, {"security": "event"})
    kept(service, 9, "dry_run", "dry_run", "beta")
    told = run("report")
    assert told.exit_code == 0
    assert "it labelled 4 of 4 new issues." in told.output
    assert "People took 1 of 4 labels off again: 75% stayed." in " ".join(told.output.split())
    assert "it would have labelled 1 of 1 new issue." in told.output
    assert "security, rule security, 4 ×: it says so" in told.output
    assert max(map(len, told.output.splitlines())) <= 100


def test_a_report_says_why_in_short_and_when_in_one_form(service: Redis) -> None:
    because = ["it says so", "it is a bug", "it is urgent", "it is Monday"]
    label = {"label": "security", "source": "rule security", "because": because}
    plan = {"mode": "dry_run", "labels": [label], "withheld": [], "operations": []}
    kept(service, 1, "dry_run", "dry_run", plan=plan, at="2026-03-02T10:01:31+01:00")
    told = run("report", "--days", "3650")
    assert "In dry run (2026-03-02 09:01 UTC) it would have labelled 1 of 1 new issue." in " ".join(
        told.output.split()
    )
    assert "1 ×: it says so, it is a bug and 2 more" in told.output


def test_a_report_without_a_decision_says_so(service: Redis) -> None:
    kept(service, 1, "ignored", "dry_run", plan=None, because="project_not_named")
    assert "Nothing to decide on so far (1 run)." in run("report").output


def test_a_reports_json_has_each_connection_and_the_total(service: Redis) -> None:
    kept(service, 1, "applied", "apply", written={"labels": ["security"], "comment": None})
    kept(service, 2, "dry_run", "dry_run", "beta")
    told = json.loads(run("report", "--json").stdout)
    assert told["connections"]["acme"]["modes"][0]["labels"][0]["kept"] == 1.0
    assert [mode["mode"] for mode in told["total"]["modes"]] == ["dry_run", "apply"]
    assert told["total"]["runs"] == 2


def test_one_connections_report_leaves_the_others_out(service: Redis) -> None:
    kept(service, 1, "dry_run", "dry_run")
    kept(service, 2, "dry_run", "dry_run", "beta")
    assert list(json.loads(run("report", "beta", "--json").stdout)["connections"]) == ["beta"]


def test_where_nothing_was_decided_it_says_what_to_look_at(service: Redis) -> None:
    told = run("report", "acme")
    assert told.exit_code == 0
    assert "Nothing was decided in 7 days: is the webhook connected? `sprintwarden doctor acme` tells." in (
        told.output
    )


def test_a_span_beyond_what_is_kept_is_told(service: Redis) -> None:
    assert "Records are kept for 90 days" in run("report", "--days", 120).output
    assert "Records are kept" not in run("report", "--days", 90).output


def test_an_unknown_connection_is_a_complaint(service: Redis) -> None:
    assert "There is no connection 'gamma'" in str(run("report", "gamma").exception)


def test_a_backfill_is_told_apart_from_new_issues(service: Redis) -> None:
    put_on = {"labels": ["security"], "comment": None}
    kept(service, 1, "applied", "apply", written=put_on)
    kept(service, 2, "applied", "apply", written=put_on, because="backfill", hints=[])
    told = " ".join(run("report", "acme").output.split())
    assert "it labelled 2 of 2 issues (1 newly filed and 1 by a backfill)." in told


def test_a_hold_is_told_with_what_waits_while_it_lasts_and_not_after_it(service: Redis) -> None:
    writes, inbox = Writes(service), Inbox(service, lease=timedelta(minutes=1))
    for number in range(4):
        writes.ask("acme", str(number), 2, timedelta(minutes=10))
    held = writes.held("acme")
    assert held is not None
    for number in (2, 3, 4):
        about = Subject("acme", SubjectKind.ISSUE, str(number))
        hints = [Hint(about, HintKind.ISSUE_CREATED, f"d{number}")]
        inbox.offer("acme", f"d{number}", hints, settle=timedelta(0), ceiling=timedelta(0))
    for taken in inbox.take(2):
        batch = inbox.begin(taken.subject, taken.token)
        assert batch is not None
        inbox.postpone(batch, timedelta(minutes=1), why_held("acme", held), free=True)
        kept(service, int(taken.subject.id), "postponed", "apply", cause=why_held("acme", held))
    told = " ".join(run("report", "acme").output.split())
    assert "2 issues and sprints wait now. `sprintwarden resume acme` lets it go on." in told
    assert json.loads(run("report", "acme", "--json").stdout)["held"]["acme"]["waiting"] == 2
    writes.lift("acme")
    told = " ".join(run("report", "acme").output.split())
    assert "Writing to acme was held at" in told
    assert "Nothing is written" not in told
    assert "wait now" not in told


def test_models_that_serve_are_read_and_nothing_is_kept(redis: Redis) -> None:
    id_, file = packed_file()
    shelf = ModelShelf(redis)
    shelf.stage(("acme", "labels"), id_, file, {})
    shelf.promote(("acme", "labels"), id_)
    before = {name: redis.type(name) for name in redis.scan_iter()}
    models = Serving(ModelShelf(redis), opener=open_toy)
    loaded = models.now("acme", "labels")
    assert loaded is not None
    assert loaded.id == id_
    assert models.now("acme", "components") is None
    assert models.refused == []
    assert {name: redis.type(name) for name in redis.scan_iter()} == before


def test_a_model_that_cannot_be_read_is_told_of_and_the_rules_alone_are_tried(redis: Redis) -> None:
    shelf = ModelShelf(redis)
    shelf.stage(("acme", "labels"), "m1", b"no archive", {})
    shelf.promote(("acme", "labels"), "m1")
    models = Serving(ModelShelf(redis))
    assert models.now("acme", "labels") is None
    assert models.now("acme", "labels") is None
    (refused,) = models.refused
    assert refused.startswith("The model of labels was not asked. ")
