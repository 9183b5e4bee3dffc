"""From records of runs to a report, over records made as a run makes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from classifiers.tagging import Proposal
from rules.schema import Mode
from sprintwarden.comment_examples import PLANNED
from store import keys
from store.inbox import Batch
from tests.conftest import ISSUE, Floor, changed, hint
from trackers.model import Comment, Hint, Label, Memory, Subject, SubjectKind
from trackers.protocol import AddLabels, Failure, PutComment, Written
from workers.apply import Applied
from workers.decide import Because
from workers.plan import Chosen, Plan, Withheld
from workers.record import Ending, Outcome, outcome_of, record
from workers.report import ModeReport, Reason, Report, Told, report
from workers.run import run as work
from workers.sprint_book import Home
from workers.sprint_plan import SprintPlan

NOW = datetime.now(UTC)
WEEK_AGO = NOW - timedelta(days=7)
SECURITY, SLOW = Label("security", "security"), Label("slow", "slow")
FITS = {
    SECURITY: Proposal("security", "rule security", ('the title has the word "xss"',)),
    SLOW: Proposal("slow", "learned", ("issues like it had it",)),
}
SPRINT = Subject("acme", SubjectKind.SPRINT, "37")


def run(ending: Ending, *hints: Hint, days_ago: float = 1, subject: Subject = ISSUE) -> dict[str, Any]:
    """The record of a run that ended so, as of some days ago."""
    batch = Batch(subject, 7, hints or (hint(),), 1, 0, "", timedelta(0))
    at = (NOW - timedelta(days=days_ago)).isoformat(timespec="milliseconds")
    return record(batch, replace(ending, key="ABC-1"), timedelta(0)) | {"at": at}


def planned(mode: Mode, *labels: Label, withheld: Sequence[Withheld] = ()) -> Plan:
    operations = (AddLabels(labels, (), Memory()),) if labels else ()
    chosen = tuple(Chosen(FITS[label], label) for label in labels)
    because = None if labels else Because.ALL_WITHHELD if withheld else Because.NOTHING_FITS
    return Plan(mode, chosen, withheld=tuple(withheld), operations=operations, because=because)


def done(mode: Mode, *labels: Label, withheld: Sequence[Withheld] = ()) -> Ending:
    plan = planned(mode, *labels, withheld=withheld)
    return outcome_of(plan, Applied((Written(labels),)) if mode is Mode.APPLY and labels else Applied())


def issue(number: int, *runs: dict[str, Any], undone: Iterable[str] = ()) -> Told:
    """An issue with its runs, newest first."""
    named = [one | {"issue": f"ABC-{number}"} for one in runs]
    return Told(Subject("acme", SubjectKind.ISSUE, str(number)), named, frozenset(undone))


def told(*subjects: Told) -> Report:
    return report(subjects, WEEK_AGO)


def only(found: Report) -> ModeReport:
    (mode,) = found.modes
    return mode


def test_a_dry_run_tells_what_would_have_been_labelled_and_why() -> None:
    mode = only(
        told(
            issue(1, run(done(Mode.DRY_RUN, SECURITY))),
            issue(2, run(done(Mode.DRY_RUN, SECURITY, SLOW))),
            issue(3, run(done(Mode.DRY_RUN))),
        )
    )
    assert (mode.mode, mode.issues, mode.filed, mode.labelled) == (Mode.DRY_RUN, 3, 3, 2)
    security, slow = mode.labels
    assert (security.label, security.issues, security.examples) == ("security", 2, ("ABC-1", "ABC-2"))
    assert security.reasons == (Reason("rule security", 2, ('the title has the word "xss"',)),)
    assert (slow.label, slow.issues) == ("slow", 1)
    assert mode.unlabelled == (("nothing_fits", 1),)


def test_why_a_label_fitted_leaves_out_what_was_not_there() -> None:
    seen = 'the title has the word "xss"'
    proposal = Proposal("security", "rule security", (seen, "the component is UI, not Docs"), told=(seen,))
    plan = Plan(Mode.SUGGEST, (Chosen(proposal, SECURITY),), operations=(PutComment("labels", "text"),))
    made = run(outcome_of(plan, Applied((Written(comment=Comment("c1", "labels")),))))
    (label,) = only(told(issue(1, made))).labels
    assert label.reasons == (Reason("rule security", 1, (seen,)),)
    assert made["plan"]["labels"][0]["because"] == [*proposal.because]


def test_an_issue_with_several_runs_counts_once() -> None:
    edited = run(done(Mode.DRY_RUN, SECURITY), changed("title"), days_ago=1)
    mode = only(told(issue(1, edited, run(done(Mode.DRY_RUN, SECURITY), days_ago=2))))
    assert (mode.issues, mode.labelled, mode.labels[0].issues) == (1, 1, 1)


def test_labels_put_on_and_taken_off_by_people_give_the_share_that_stayed() -> None:
    mode = only(
        told(
            issue(1, run(done(Mode.APPLY, SECURITY)), undone=["security"]),
            *(issue(number, run(done(Mode.APPLY, SECURITY))) for number in (2, 3, 4)),
        )
    )
    (security,) = mode.labels
    assert (security.issues, security.undone, security.kept) == (4, 1, 0.75)


def test_a_label_taken_off_is_known_by_its_name_without_its_group() -> None:
    area = Label("uuid", "security", "area")
    plan = Plan(Mode.APPLY, (Chosen(FITS[SECURITY], area),), operations=(AddLabels((area,), (), Memory()),))
    ending = outcome_of(plan, Applied((Written((area,)),)))
    (label,) = only(told(issue(1, run(ending), undone=["security"]))).labels
    assert (label.label, label.undone) == ("area/security", 1)
    assert label.reasons[0].source == "rule security"


def test_a_label_that_the_tracker_refused_was_not_put_on() -> None:
    plan = planned(Mode.APPLY, SECURITY)
    refused = Written(failures=(Failure(plan.operations[0], "The field is not on the screen."),))
    found = told(issue(1, run(outcome_of(plan, Applied((refused,))))))
    assert only(found).labelled == 0
    assert found.refused == (("The field is not on the screen.", 1),)


def test_modes_are_told_apart_each_with_its_time() -> None:
    switched = [
        run(done(Mode.APPLY, SECURITY), days_ago=1),
        run(done(Mode.DRY_RUN, SECURITY), days_ago=3),
    ]
    dry, applied = told(issue(1, *switched), issue(2, run(done(Mode.DRY_RUN), days_ago=5))).modes
    assert (dry.mode, dry.issues, dry.labelled) == (Mode.DRY_RUN, 2, 1)
    assert (applied.mode, applied.issues, applied.labelled) == (Mode.APPLY, 1, 1)
    assert [round((NOW - at).total_seconds() / 86_400) for at in (dry.first, dry.last)] == [5, 3]
    assert applied.first == applied.last


def test_suggestions_are_no_labels_put_on() -> None:
    plan = planned(Mode.SUGGEST, SECURITY)
    comment = Applied((Written(comment=Comment("c1", "labels")),))
    mode = only(told(issue(1, run(outcome_of(plan, comment)))))
    assert (mode.mode, mode.labelled, mode.labels[0].undone) == (Mode.SUGGEST, 1, 0)


def test_a_suggestion_that_the_tracker_refused_was_not_made() -> None:
    plan = replace(planned(Mode.SUGGEST, SECURITY), operations=(PutComment("labels", "text"),))
    refused = Applied((Written(failures=(Failure(plan.operations[0], "Comments are closed."),)),))
    assert only(told(issue(1, run(outcome_of(plan, refused))))).labelled == 0


def test_what_is_withheld_is_told_unless_it_was_put_on_after_all() -> None:
    held = Withheld(FITS[SECURITY], "a person took it off this issue")
    found = only(
        told(
            issue(1, run(done(Mode.APPLY, withheld=[held]))),
            issue(2, run(done(Mode.APPLY, withheld=[held])), run(done(Mode.APPLY, SECURITY), days_ago=2)),
        )
    )
    (withheld,) = found.withheld
    assert (withheld.label, withheld.issues, withheld.examples) == ("security", 1, ("ABC-1",))
    assert withheld.why == "a person took it off this issue"
    assert found.unlabelled == (("all_withheld", 1),)


def test_runs_before_the_span_do_not_count() -> None:
    found = told(issue(1, run(done(Mode.APPLY, SECURITY), days_ago=8)))
    assert (found.runs, found.modes) == (0, ())


def test_runs_that_came_to_nothing_are_counted_by_why() -> None:
    found = told(
        issue(1, run(Ending(Outcome.IGNORED, Because.ECHO)), run(Ending(Outcome.POSTPONED, cause="Away."))),
        issue(2, run(Ending(Outcome.IGNORED, Because.ECHO)), run(Ending(Outcome.DEAD, cause="Broken."))),
    )
    assert found.runs == 4
    assert found.ignored == (("echo_of_our_own_write", 2),)
    assert (found.postponed, found.dead) == ((("Away.", 1),), (("Broken.", 1),))
    assert found.modes == ()


def test_a_subject_whose_list_is_full_may_lack_runs() -> None:
    many = [run(Ending(Outcome.IGNORED, Because.ECHO))] * keys.DECISIONS_KEPT
    assert told(issue(1, *many), issue(2, many[0])).crowded == 1


def post(mode: Mode = Mode.APPLY, comment: str | None = None, *, settles: bool = False) -> Ending:
    operation = PutComment("sprint 37", "text", comment, settles)
    plan = SprintPlan(mode, PLANNED, (operation,), Home("1", "ABC-1"))
    written = Applied((Written(comment=Comment("c1", "sprint 37")),))
    return outcome_of(plan, written if mode is Mode.APPLY else Applied())


def silent(because: Because) -> Ending:
    return outcome_of(SprintPlan(Mode.APPLY, PLANNED, because=because), Applied())


@pytest.mark.parametrize(
    ("why", "endings", "counts"),
    [
        ("posted", [post()], {"warned": 1}),
        (
            "edited and settled",
            [post(comment="c1", settles=True), post(comment="c1"), post()],
            {"warned": 1, "edited": 1, "settled": 1},
        ),
        ("dry", [post(Mode.DRY_RUN)], {"would_warn": 1}),
        ("silent", [silent(Because.ALL_WELL)], {}),
        ("snoozed", [silent(Because.SNOOZED)], {"snoozed": 1}),
    ],
)
def test_sprints_count_once_by_what_was_said(why: str, endings: list[Ending], counts: dict[str, int]) -> None:
    runs = [run(ending, subject=SPRINT) for ending in endings]
    sprints = told(Told(SPRINT, runs, name="Sprint 37")).sprints
    names = ("warned", "would_warn", "edited", "settled", "snoozed")
    assert sprints.sprints == 1
    assert {name: getattr(sprints, name) for name in names} == dict.fromkeys(names, 0) | counts, why
    spoken = bool(counts.keys() - {"snoozed"})
    assert sprints.named == (("Sprint 37",) if spoken else ())
    assert bool(sprints.silent) is not spoken
    assert sprints.concerns == ((("overcommitted", 1),) if spoken else ())


def test_issues_marked_as_late_are_counted_once() -> None:
    plan = SprintPlan(
        Mode.APPLY,
        PLANNED,
        because=Because.NOTHING_NEW,
        labels=(("ABC-9", "add_labels"), ("ABC-8", "remove_labels")),
    )
    runs = [run(outcome_of(plan, Applied()), subject=SPRINT)] * 2
    assert told(Told(SPRINT, runs)).sprints.late == 1


def test_quiet_hours_are_no_trouble() -> None:
    waits = Ending(Outcome.POSTPONED, Because.QUIET, plan=SprintPlan(Mode.APPLY, PLANNED))
    found = told(Told(SPRINT, [run(waits, subject=SPRINT)]))
    assert found.postponed == ()
    assert found.sprints.silent == (("quiet_hours", 1),)


def test_records_of_earlier_releases_name_an_issue_by_its_id() -> None:
    old = run(done(Mode.APPLY, SECURITY))
    del old["issue"]
    (label,) = only(told(Told(ISSUE, [old]))).labels
    assert label.examples == (ISSUE.id,)


def test_a_real_runs_records_make_a_report(floor: Floor) -> None:
    for name in ("dry_run", "apply"):
        floor.rules(name)
        floor.offer(hint(digest=name))
        assert work(floor.shop, ISSUE, floor.token()) is not None
    found = told(*(Told(subject, runs) for subject, runs in floor.shop.decisions.every("acme")))
    assert found.runs == 2
    assert [(mode.mode, mode.issues, mode.filed, mode.labelled) for mode in found.modes] == [
        (Mode.DRY_RUN, 1, 1, 1),
        (Mode.APPLY, 1, 1, 1),
    ]
    for mode in found.modes:
        (label,) = mode.labels
        assert (label.label, label.examples) == ("security", ("ABC-1",))
        assert label.reasons == (Reason("rule security", 1, ('the title has the word "XSS"',)),)


def test_every_subject_is_found_once_whatever_else_is_there(floor: Floor) -> None:
    subjects = {Subject("acme", SubjectKind.ISSUE, str(number)) for number in range(230)}
    for subject in subjects | {Subject("acme-2", SubjectKind.ISSUE, "1")}:
        floor.shop.decisions.add(subject, {"n": 2}, {})
        floor.shop.decisions.add(subject, {"n": 1}, {"runs": 1})
    floor.redis.lpush(f"{keys.DECISIONS}acme:epic:7", "{}")
    found = list(floor.shop.decisions.every("acme"))
    assert len(found) == len(subjects)
    assert {subject for subject, _ in found} == subjects
    assert all([record["n"] for record in records] == [1, 2] for _, records in found)
    assert len(list(floor.shop.decisions.every())) == len(subjects) + 1
