"""Gathering training data from a toy tracker: whole, once each, whatever happens in between."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import pytest

from rules.connections import Connection
from tests.conftest import CONNECTION
from tests.contract.conftest import JiraRig, LinearRig, MakeJira, MakeLinear, add, jira_labels
from workers.history import RESUMABLE, SWEPT, HistoryFile, NotGathered, Progress, discard, gather, sweep

ISSUES = 7


class Killed(Exception):
    """Stands for the end of the process."""


def filled(make_jira: MakeJira, deployment: str) -> JiraRig:
    jira = make_jira(deployment=deployment)
    jira.site.toy.sender.set_target(None)
    toy = jira.site.toy
    for n in range(ISSUES):
        wish = {"project": "ABC", "title": f"Problem {n}", "body": "It hurts.", "labels": ["pain"]}
        toy.create_issue(wish)
        toy.edit_issue(f"ABC-{n + 1}", {"title": f"Edited {n}"})
        toy.create_issue(wish | {"project": "OPS"})
    return jira


@pytest.fixture(params=["cloud", "data_center"])
def jira(request: pytest.FixtureRequest, make_jira: MakeJira) -> JiraRig:
    return filled(make_jira, request.param)


@pytest.fixture
def cloud(make_jira: MakeJira) -> JiraRig:
    return filled(make_jira, "cloud")


class Run:
    """One gathering: what it told, and how long it waited."""

    def __init__(self, rig: JiraRig | LinearRig, folder: Path, connection: Connection = CONNECTION) -> None:
        self.rig = rig
        self.folder = folder
        self.connection = connection
        self.told: list[Progress] = []
        self.waits: list[float] = []
        self.on_page: Callable[[int], None] = lambda pages: None

    def __call__(self, since: datetime | None = None) -> HistoryFile:
        return gather(
            self.rig.service,
            self.connection,
            self.folder,
            since=since,
            progress=self._progress,
            wait=self._wait,
            page_size=3,
        )

    def _progress(self, at: Progress) -> None:
        self.told.append(at)
        if at.waiting is None:
            self.on_page(sum(told.waiting is None for told in self.told))

    def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.rig.gate.pauses.clear()


def lines(found: HistoryFile) -> list[dict[str, Any]]:
    return [json.loads(line) for line in found.issues.read_text("utf-8").splitlines()]


def titles(found: HistoryFile) -> list[str]:
    return [line["title"] for line in lines(found)]


def killed_after(pages: int) -> Callable[[int], None]:
    def kill(seen: int) -> None:
        if seen == pages:
            raise Killed

    return kill


def test_file_holds_every_issue_as_filed_and_nobodys_name(jira: JiraRig, tmp_path: Path) -> None:
    run = Run(jira, tmp_path / "history" / "acme")
    found = run()
    assert titles(found) == [f"Problem {n}" for n in range(ISSUES)]
    assert lines(found)[0] == {
        "id": "10000",
        "key": "ABC-1",
        "project": "ABC",
        "created": lines(found)[0]["created"],
        "title": "Problem 0",
        "body": "It hurts.",
        "type": "Task",
        "labels": ["pain"],
        "components": [],
        "resolved": False,
    }
    assert json.loads(found.people.read_text("utf-8")) == ["Robin Person"]
    assert "Robin" not in found.issues.read_text("utf-8")
    assert (found.count, found.moved) == (ISSUES, 0)
    assert run.told[-1] == Progress(ISSUES, ISSUES)


def test_only_the_owner_can_read_what_was_gathered(cloud: JiraRig, tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    Run(cloud, folder)()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_killed_between_pages_it_goes_on_to_the_same_file(jira: JiraRig, tmp_path: Path) -> None:
    whole = Run(jira, tmp_path / "whole")().issues.read_bytes()
    for pages in (1, 2):
        run = Run(jira, tmp_path / f"broken after {pages}")
        run.on_page = killed_after(pages)
        with pytest.raises(Killed):
            run()
        run.on_page = lambda seen: None
        found = run()
        assert found.issues.read_bytes() == whole
        assert found.count == ISSUES
        assert json.loads(found.people.read_text("utf-8")) == ["Robin Person"]


def test_killed_in_the_middle_of_a_page_it_goes_on_to_the_same_file(cloud: JiraRig, tmp_path: Path) -> None:
    whole = Run(cloud, tmp_path / "whole")().issues.read_bytes()
    for number, tail in enumerate((b'{"id": "half a li', b'{"id": "10012", "title": "Not counted yet"}\n')):
        run = Run(cloud, tmp_path / f"{number}")
        run.on_page = killed_after(1)
        with pytest.raises(Killed):
            run()
        with (run.folder / "issues.jsonl").open("ab") as file:
            file.write(tail)
        assert Run(cloud, run.folder)().issues.read_bytes() == whole


def test_finished_gathering_is_given_back_without_asking(cloud: JiraRig, tmp_path: Path) -> None:
    first = Run(cloud, tmp_path / "acme")()
    cloud.forget_calls()
    assert Run(cloud, tmp_path / "acme")() == first
    assert cloud.calls == []


def test_another_question_begins_anew(cloud: JiraRig, tmp_path: Path) -> None:
    Run(cloud, tmp_path / "acme")()
    assert Run(cloud, tmp_path / "acme")(since=datetime.now(UTC) + timedelta(days=2)).count == 0


def test_what_cannot_be_gone_on_with_is_begun_anew(cloud: JiraRig, tmp_path: Path) -> None:
    found = Run(cloud, tmp_path)()
    state = tmp_path / "state.json"
    began = datetime.now(UTC) - RESUMABLE
    old = json.dumps(json.loads(state.read_text()) | {"began": began.isoformat()})
    for damaged, content in ((state, old), (state, "["), (state, "{}"), (found.issues, '{"id": "1"}\n')):
        damaged.write_text(content)
        cloud.forget_calls()
        again = Run(cloud, tmp_path)()
        assert cloud.calls and titles(again) == [f"Problem {n}" for n in range(ISSUES)]


def test_place_the_tracker_has_forgotten_is_found_again(cloud: JiraRig, tmp_path: Path) -> None:
    run = Run(cloud, tmp_path / "acme")
    run.on_page = killed_after(2)
    with pytest.raises(Killed):
        run()
    cloud.fault("GET search", "status", status=400)
    found = Run(cloud, tmp_path / "acme")()
    assert titles(found) == [f"Problem {n}" for n in range(ISSUES)]


def test_issues_deleted_and_filed_meanwhile_neither_hide_nor_double_others(
    make_jira: MakeJira, tmp_path: Path
) -> None:
    jira = filled(make_jira, "data_center")
    run = Run(jira, tmp_path)

    def meddle(seen: int) -> None:
        if seen == 1:
            jira.site.toy.delete_issue("ABC-1")
            jira.site.toy.delete_issue("ABC-2")
            jira.site.issue(title="New")

    run.on_page = meddle
    assert titles(run()) == [*(f"Problem {n}" for n in range(ISSUES)), "New"]


def test_limit_is_waited_out_for_as_long_as_it_says(cloud: JiraRig, tmp_path: Path) -> None:
    run = Run(cloud, tmp_path / "acme")
    cloud.fault("GET search", "rate_limit", headers={"Retry-After": "7"})
    assert run().count == ISSUES
    assert run.waits == [7.0]
    assert any(at.waiting and "limits" in at.waiting for at in run.told)


def test_tracker_that_is_away_is_asked_again_a_few_times(cloud: JiraRig, tmp_path: Path) -> None:
    run = Run(cloud, tmp_path / "acme")
    cloud.fault("GET search", "status", status=502, times=5)
    assert run().count == ISSUES
    assert run.waits == [5.0, 10.0, 20.0, 40.0, 80.0]
    cloud.fault("GET search", "status", status=500, times=6)
    with pytest.raises(NotGathered, match=r"acme: Jira answered 500.*the same command goes on"):
        Run(cloud, tmp_path / "other")()


def test_what_waiting_cannot_mend_ends_with_a_sentence(cloud: JiraRig, tmp_path: Path) -> None:
    for status, said in ((403, "forbids"), (400, "will not have"), (401, "check the token")):
        run = Run(cloud, tmp_path / "acme")
        cloud.fault("GET search", "status", status=status)
        with pytest.raises(NotGathered, match=f"^acme: .*{said}") as caught:
            run()
        assert run.waits == [] and "Problem" not in str(caught.value)


def test_second_gathering_into_a_folder_is_refused_while_one_runs(cloud: JiraRig, tmp_path: Path) -> None:
    run = Run(cloud, tmp_path / "acme")

    def intrude(seen: int) -> None:
        with pytest.raises(NotGathered, match="Another process"):
            Run(cloud, tmp_path / "acme")()

    run.on_page = intrude
    assert run().count == ISSUES


def test_everything_is_deleted_after_training(cloud: JiraRig, tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    Run(cloud, folder)()
    (folder / "people.json.new").write_text("half")
    discard(folder)
    assert not folder.exists()
    discard(folder)


def aged(folder: Path, age: timedelta = SWEPT) -> None:
    """Make a gathering look as if it had begun so long ago."""
    state = folder / "state.json"
    began = (datetime.now(UTC) - age).isoformat()
    state.write_text(json.dumps(json.loads(state.read_text()) | {"began": began}))


def test_what_can_no_longer_be_gone_on_with_is_swept(cloud: JiraRig, tmp_path: Path) -> None:
    for name in ("old", "first page", "noted", "fresh", "late"):
        run = Run(cloud, tmp_path / name)
        run.on_page = killed_after(2)
        with pytest.raises(Killed):
            run()
    aged(tmp_path / "old")
    aged(tmp_path / "late", RESUMABLE)
    (tmp_path / "first page" / "state.json").unlink()
    long_ago = (datetime.now(UTC) - SWEPT).timestamp()
    os.utime(tmp_path / "first page" / "issues.jsonl", (long_ago, long_ago))
    aged(tmp_path / "noted")
    (tmp_path / "noted" / "notes.txt").write_text("mine")
    sweep(tmp_path)
    assert sorted(str(file.relative_to(tmp_path)) for file in tmp_path.glob("[!fl]*/*")) == [
        "noted/notes.txt"
    ]
    assert not (tmp_path / "old").exists() and not (tmp_path / "first page").exists()
    assert Run(cloud, tmp_path / "fresh")().count == ISSUES
    assert (tmp_path / "late" / "issues.jsonl").stat().st_size > 0, "somebody may just be reading it"
    sweep(tmp_path / "nowhere")


def test_a_gathering_under_way_is_not_swept(cloud: JiraRig, tmp_path: Path) -> None:
    run = Run(cloud, tmp_path / "acme")

    def meddle(seen: int) -> None:
        aged(tmp_path / "acme")
        sweep(tmp_path)

    run.on_page = meddle
    assert titles(run()) == [f"Problem {n}" for n in range(ISSUES)]


def test_a_gathering_swept_as_it_begins_begins_anew(
    cloud: JiraRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Run(cloud, tmp_path / "acme")()
    aged(tmp_path / "acme")
    lock = fcntl.flock

    def swept_first(file: IO[bytes], how: int) -> None:
        monkeypatch.undo()
        sweep(tmp_path)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", swept_first)
    assert titles(Run(cloud, tmp_path / "acme")()) == [f"Problem {n}" for n in range(ISSUES)]


def test_what_is_not_ours_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    discard(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_tags_of_ours_are_told_by_what_people_made_of_them(make_jira: MakeJira, tmp_path: Path) -> None:
    jira = make_jira()
    unknown, resolved, edited, corrected = (jira.issue(labels=["pain"]) for _ in range(4))
    for issue in (unknown, resolved, edited, corrected):
        jira.send(issue, jira_labels("security"))
    jira.site.toy.edit_issue(resolved.key, {"status": "Done"})
    jira.site.toy.edit_issue(edited.key, {"priority": "Low"})
    jira.site.toy.edit_issue(corrected.key, {"remove_labels": ["security"]})
    told = [(line["labels"], line.get("ours"), line.get("weight")) for line in lines(Run(jira, tmp_path)())]
    assert told == [
        (["pain", "security"], ["security"], None),
        (["pain", "security"], None, 3.0),
        (["pain", "security"], None, 3.0),
        (["pain"], None, 3.0),
    ]


def test_linear_labels_are_told_with_their_group(make_linear: MakeLinear, tmp_path: Path) -> None:
    linear = make_linear(past_cycles=())
    for n in range(ISSUES):
        issue = linear.issue(title=f"Problem {n}", labels=["Area/ui"])
        linear.send(issue, add(linear.label(issue, "security")))
    connection = replace(CONNECTION, projects=("ENG",))
    run = Run(linear, tmp_path / "acme", connection)
    run.on_page = killed_after(2)
    with pytest.raises(Killed):
        run()
    found = Run(linear, tmp_path / "acme", connection)()
    assert titles(found) == [f"Problem {n}" for n in range(ISSUES)]
    told = {(*sorted(line["labels"]), *line["ours"]) for line in lines(found)}
    assert told == {("Area/ui", "security", "security")}
