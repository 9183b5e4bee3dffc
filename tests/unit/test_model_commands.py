"""``model …``: staged, looked at, promoted and taken back, with a sentence for whatever cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from redis import Redis

from classifiers.head import Packed
from classifiers.model_files import write_model
from sprintwarden import models
from sprintwarden.settings import Complaint
from store import keys
from store.models import ModelShelf, Refusal, Slot, Verdict
from store.outcomes import Outcomes
from store.watch import Moved, Reply, Report, Sighting, Watch, count
from tests.unit.models import ToyHead, content, open_toy

BAD = Verdict(False, ("It is worse on the newest months.",))


def of(shelf: ModelShelf) -> Outcomes:
    return Outcomes(shelf._redis)


@pytest.fixture
def shelf(redis: Redis) -> ModelShelf:
    return ModelShelf(redis)


def stage(shelf: ModelShelf, folder: Path, seed: int = 0, verdict: Verdict | None = None) -> str:
    id_ = write_model(folder / f"model-{seed}", content(seed, card=f"# Card {seed}\n"))
    models.stage(shelf, "acme", folder / f"model-{seed}", verdict, opener=open_toy)
    return id_


def serve(shelf: ModelShelf, folder: Path, *seeds: int) -> list[str]:
    ids = []
    for seed in seeds:
        ids.append(stage(shelf, folder, seed))
        models.promote(shelf, of(shelf), "acme", "labels")
    return ids


def slots(rows: list[dict[str, object]]) -> dict[object, object]:
    return {row["slot"]: row["id"] for row in rows}


def test_a_model_is_staged_promoted_and_taken_back(shelf: ModelShelf, tmp_path: Path) -> None:
    one, two = serve(shelf, tmp_path, 0, 1)
    three = stage(shelf, tmp_path, 2)
    assert slots(models.list_models(shelf)) == {"staged": three, "serving": two, "previous": one}
    assert slots(models.rollback(shelf, "acme", "labels")) == {
        "staged": three,
        "serving": one,
        "previous": two,
    }
    assert slots(models.promote(shelf, of(shelf), "acme", "labels")) == {"serving": three, "previous": one}


def test_the_list_is_for_machines_and_for_people(shelf: ModelShelf, tmp_path: Path) -> None:
    assert models.show_models(models.list_models(shelf)) == "No models: the rules alone label."
    id_ = stage(shelf, tmp_path, verdict=BAD)
    rows = models.list_models(shelf)
    assert json.loads(json.dumps(rows)) == rows
    (row,) = rows
    assert (row["connection"], row["target"], row["slot"], row["id"]) == ("acme", "labels", "staged", id_)
    assert (row["created"], row["issues"], row["tags"]) == ("2026-03-02T09:00:00+00:00", 200, 2)
    assert "drift" not in row
    assert (row["gate"], row["because"]) == ("refused", ["It is worse on the newest months."])
    shown = models.show_models(rows)
    assert shown.startswith(f"acme  labels  staged: {id_[:12]} since 20")
    assert "on 200 issues, 2 tags" in shown
    assert "refused by the gate\n      It is worse" in shown
    assert models.list_models(shelf, "other") == []
    assert models.list_models(shelf, "acme") == rows


def test_a_model_that_workers_refuse_is_shown_as_that(shelf: ModelShelf, tmp_path: Path) -> None:
    one, two = serve(shelf, tmp_path, 0, 1)
    shelf.note_refusal(("acme", "labels"), Refusal(two, "arrays.npz is missing.", datetime.now(UTC), one))
    serving, previous = models.list_models(shelf)
    assert (serving["refused"], serving["instead"]) == ("arrays.npz is missing.", one)
    assert previous["refused"] is None
    assert f"refused by a worker, {one[:12]} serves instead: arrays.npz is missing." in models.show_models(
        [serving, previous]
    )


def test_what_the_gate_refused_is_promoted_by_force_alone(shelf: ModelShelf, tmp_path: Path) -> None:
    id_ = stage(shelf, tmp_path, verdict=BAD)
    with pytest.raises(Complaint, match=r"worse on the newest months\. Give --force"):
        models.promote(shelf, of(shelf), "acme", "labels")
    assert slots(models.promote(shelf, of(shelf), "acme", "labels", force=True)) == {"serving": id_}
    after = shelf.slots(("acme", "labels"))
    assert after is not None
    assert after.switch is not None
    assert after.switch.because == ("By command, against the gate's verdict.",)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            lambda shelf: models.promote(shelf, of(shelf), "acme", "labels"),
            "No model is staged for labels of acme",
        ),
        (lambda shelf: models.rollback(shelf, "acme", "type"), "No model serves type of acme, and none did"),
        (lambda shelf: models.card(shelf, "acme", "type"), "No serving model for type of acme"),
        (
            lambda shelf: models.card(shelf, "acme", "labels", Slot.STAGED),
            "There are models for labels of acme",
        ),
        (lambda shelf: models.card_of_folder(Path("none")), "The model in none cannot be used"),
        (lambda shelf: models.stage(shelf, "acme", Path("none")), "there is no such folder"),
    ],
)
def test_what_cannot_be_is_said_and_changes_nothing(
    shelf: ModelShelf, redis: Redis, tmp_path: Path, command: Callable[[ModelShelf], object], said: str
) -> None:
    serve(shelf, tmp_path, 0)
    before = redis.hgetall(keys.MODELS)
    with pytest.raises(Complaint, match=said):
        command(shelf)
    assert redis.hgetall(keys.MODELS) == before


def test_without_any_model_it_says_what_to_do(shelf: ModelShelf) -> None:
    with pytest.raises(Complaint, match="There are no models yet: train one"):
        models.promote(shelf, of(shelf), "acme", "labels")


def test_a_model_that_does_not_open_is_not_staged(shelf: ModelShelf, redis: Redis, tmp_path: Path) -> None:
    def breaks(_: Packed) -> ToyHead:
        raise AssertionError("a damaged model is not opened")

    write_model(tmp_path / "model", content())
    (tmp_path / "model" / "arrays.npz").write_bytes(b"x")
    with pytest.raises(Complaint, match=r"arrays\.npz has 1 bytes where"):
        models.stage(shelf, "acme", tmp_path / "model", opener=breaks)
    write_model(tmp_path / "foreign", content())
    with pytest.raises(Complaint, match="a kind of head that this release lacks: 'toy'"):
        models.stage(shelf, "acme", tmp_path / "foreign")
    told = {name: value for name, value in content().manifest.items() if name != "thresholds"}
    write_model(tmp_path / "mute", replace(content(), manifest=told))
    with pytest.raises(Complaint, match="when the model may speak"):
        models.stage(shelf, "acme", tmp_path / "mute", opener=open_toy)
    assert list(redis.scan_iter()) == []


def test_a_card_is_that_of_the_slot_or_the_folder(shelf: ModelShelf, redis: Redis, tmp_path: Path) -> None:
    ids = serve(shelf, tmp_path, 0, 1)
    assert models.card(shelf, "acme", "labels") == "# Card 1\n"
    assert models.card(shelf, "acme", "labels", Slot.PREVIOUS) == "# Card 0\n"
    assert models.card_of_folder(tmp_path / "model-0") == "# Card 0\n"
    write_model(tmp_path / "plain", content(card=""))
    with pytest.raises(Complaint, match="has no card"):
        models.card_of_folder(tmp_path / "plain")
    redis.set(keys.model(ids[1]), b"damaged")
    with pytest.raises(Complaint, match="cannot be read: The archive is damaged"):
        models.card(shelf, "acme", "labels")
    redis.delete(keys.model(ids[1]))
    with pytest.raises(Complaint, match="Redis holds no file"):
        models.card(shelf, "acme", "labels")


def test_after_the_card_comes_what_the_model_did_here(
    shelf: ModelShelf, redis: Redis, tmp_path: Path
) -> None:
    one, two = serve(shelf, tmp_path, 0, 1)
    stage(shelf, tmp_path, 2)
    outcomes, watch, place = Outcomes(redis), Watch(redis), ("acme", "labels")
    now = datetime(2026, 3, 11, tzinfo=UTC)
    pipe = redis.pipeline()
    for model, project in ((one, "OLD"), (two, "ABC"), (two, "ABC")):
        count(pipe, "acme", Sighting(model, "labels", project, Reply.TAGGED, date(2026, 3, 2)))
    pipe.execute()
    outcomes.mute("acme", "labels", "billing", "2 of 12 were right")
    outcomes.keep_shift("acme", "labels", {"shared": -0.5, "projects": {}}, 12)
    watch.keep(place, Report(two, now, (Moved("best", "none", 0.0, "the surety is what it was"),)))

    def page(slot: Slot) -> str:
        return models.card_in_use(shelf, watch, outcomes, place, slot, now)

    serving = page(Slot.SERVING)
    assert serving.startswith("# Card 1\n\n## In use\n\n")
    assert "| 2026-03-02 | 2 | 100 % | 0 % | 0 % |" in serving
    assert "- billing: since 20" in serving
    assert "The surety is what it was." in serving
    assert "Chances are lowered: 0.80 counts as 0.71." in serving
    assert "| OLD | 1 |" in page(Slot.PREVIOUS)
    assert "Nobody has compared" in page(Slot.PREVIOUS)
    assert page(Slot.STAGED) == "# Card 2\n", "it has done nothing yet"


def test_muted_labels_are_listed_with_their_reason(shelf: ModelShelf, redis: Redis, tmp_path: Path) -> None:
    outcomes = Outcomes(redis)
    assert models.show_mutes(models.list_mutes(shelf, outcomes)) == "No label is muted."
    serve(shelf, tmp_path, 0)
    outcomes.mute("acme", "labels", "billing", "Of 12 uses 3 were right.")
    (row,) = models.list_mutes(shelf, outcomes, "acme")
    assert (row["target"], row["label"], row["why"]) == ("labels", "billing", "Of 12 uses 3 were right.")
    assert models.list_mutes(shelf, outcomes, "other") == []
    assert models.show_mutes([row]).startswith("acme  labels  billing: since 20")
    assert models.unmute(outcomes, "acme", "labels", "billing").startswith("billing may be proposed again")
    assert models.list_mutes(shelf, outcomes) == []
    with pytest.raises(Complaint, match="'billing' is not muted for labels of acme"):
        models.unmute(outcomes, "acme", "labels", "billing")
