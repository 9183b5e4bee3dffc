"""The model a worker answers with: switches are followed, and nothing broken takes a good one's place."""

from __future__ import annotations

import multiprocessing
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import structlog
from redis import Redis
from redis.exceptions import RedisError
from structlog.typing import EventDict

from classifiers.head import Packed
from classifiers.model_files import BadModel, pack, write_model
from sprintwarden.embedded import EmbeddedRedis
from store import keys
from store.connect import connect
from store.models import ModelShelf
from tests.unit.models import TOLD, ToyHead, content, open_toy, packed_file
from workers.models_in_force import LOOK_EVERY_S, LiveModels

LABELS = ("acme", "labels")
FACTS = {"created": "2026-03-02T09:00:00+00:00", "issues": 200, "tags": 2}


@dataclass
class Bench:
    """A shelf, one worker process' models, and its clock."""

    redis: Redis
    folder: Path
    seconds: float = 1_000.0
    opened: list[Packed] = field(default_factory=list)
    shelf: ModelShelf = field(init=False)
    live: LiveModels = field(init=False)

    def __post_init__(self) -> None:
        self.shelf = ModelShelf(self.redis)
        self.restart()

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def restart(self) -> None:
        """Another worker process with the same disk."""
        self.live = LiveModels(self.shelf, self.cache, monotonic=lambda: self.seconds, opener=self.open)

    def open(self, packed: Packed) -> ToyHead:
        self.opened.append(packed)
        return open_toy(packed)

    def stage(self, seed: int, damage: Callable[[bytes], bytes] = bytes) -> str:
        id_, file = packed_file(seed)
        self.shelf.stage(LABELS, id_, damage(file), FACTS)
        return id_

    def serve(self, seed: int, damage: Callable[[bytes], bytes] = bytes) -> str:
        """Let a model serve; its id."""
        id_ = self.stage(seed, damage)
        self.shelf.promote(LABELS, id_)
        return id_

    def now(self) -> str | None:
        """The id of the model at work, once the time to ask again has come."""
        self.seconds += LOOK_EVERY_S
        loaded = self.live.now(*LABELS)
        return loaded.id if loaded else None


@pytest.fixture
def bench(redis: Redis, tmp_path: Path) -> Bench:
    return Bench(redis, tmp_path)


def flipped(file: bytes) -> bytes:
    middle = len(file) // 2
    return file[:middle] + bytes([file[middle] ^ 0xFF]) + file[middle + 1 :]


def errors(logs: list[EventDict]) -> list[EventDict]:
    return [entry for entry in logs if entry["log_level"] == "error"]


def test_without_a_model_there_is_none(bench: Bench) -> None:
    assert bench.now() is None
    bench.stage(0)
    assert bench.now() is None, "staged is not serving"
    assert bench.opened == []


def test_a_switch_is_picked_up_and_opened_once(bench: Bench) -> None:
    one = bench.serve(0)
    loaded = bench.live.now(*LABELS)
    assert loaded is not None
    assert loaded.id == one
    assert loaded.manifest["tags"] == TOLD["tags"]
    assert loaded.head.tags == ("checkout", "search")
    assert [bench.now(), bench.now()] == [one, one]
    assert len(bench.opened) == 1
    two = bench.serve(1)
    assert bench.now() == two
    bench.shelf.rollback(LABELS, two)
    assert bench.now() == one
    bench.shelf.rollback(LABELS, one)
    assert bench.now() == two


def test_rolling_back_the_only_model_leaves_the_rules_alone(bench: Bench) -> None:
    one = bench.serve(0)
    assert bench.now() == one
    bench.shelf.rollback(LABELS, one)
    assert bench.now() is None


def test_redis_is_asked_at_most_every_five_seconds(bench: Bench) -> None:
    one = bench.serve(0)
    assert bench.now() == one
    two = bench.serve(1)
    asked = bench.redis.info("commandstats")["cmdstat_hget"]["calls"]
    for _ in range(49):
        bench.seconds += LOOK_EVERY_S / 50
        loaded = bench.live.now(*LABELS)
        assert loaded is not None
        assert loaded.id == one
    assert bench.redis.info("commandstats")["cmdstat_hget"]["calls"] == asked
    bench.seconds += LOOK_EVERY_S / 50 + 0.001
    loaded = bench.live.now(*LABELS)
    assert loaded is not None
    assert loaded.id == two


def test_places_are_told_apart(bench: Bench) -> None:
    labels = bench.serve(0)
    id_, file = packed_file(1, target="type")
    bench.shelf.stage(("acme", "type"), id_, file, FACTS)
    bench.shelf.promote(("acme", "type"), id_)
    found = [bench.live.now("acme", "labels"), bench.live.now("acme", "type"), bench.live.now("b", "labels")]
    assert [loaded and loaded.id for loaded in found] == [labels, id_, None]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (flipped, ""),
        (lambda file: file[:-100], "The archive is damaged"),
        (lambda _: b"", "The archive is damaged"),
        (lambda _: b"\x80\x04\x95 pickle", "The archive is damaged"),
    ],
)
def test_a_corrupt_file_leaves_the_model_before_at_work(
    bench: Bench, damage: Callable[[bytes], bytes], said: str
) -> None:
    one = bench.serve(0)
    assert bench.now() == one
    with structlog.testing.capture_logs() as logs:
        two = bench.serve(1, damage)
        assert [bench.now(), bench.now(), bench.now()] == [one, one, one]
    (entry,) = errors(logs)
    assert (entry["connection"], entry["target"]) == LABELS
    assert (entry["model"], entry["serves"]) == (two[:12], one[:12])
    refusal = bench.shelf.refusal(LABELS)
    assert refusal is not None
    assert (refusal.id, refusal.instead) == (two, one)
    assert said in refusal.why
    three = bench.serve(2)
    assert bench.now() == three
    assert bench.shelf.refusal(LABELS) is None


def test_a_worker_that_starts_with_a_corrupt_file_takes_the_model_before(bench: Bench) -> None:
    one, two = bench.serve(0), bench.serve(1, flipped)
    assert bench.now() == one
    refusal = bench.shelf.refusal(LABELS)
    assert refusal is not None
    assert (refusal.id, refusal.instead) == (two, one)


def test_with_no_sound_model_at_all_the_rules_alone_label(bench: Bench) -> None:
    bench.serve(0, flipped)
    bench.serve(1, flipped)
    with structlog.testing.capture_logs() as logs:
        assert bench.now() is None
    (entry,) = errors(logs)
    assert entry["serves"] == "the rules alone"
    refusal = bench.shelf.refusal(LABELS)
    assert refusal is not None
    assert refusal.instead is None


def foreign_version(file: bytes, folder: Path) -> bytes:
    """The same archive as a later release would write it."""
    path = folder / "foreign.zip"
    with zipfile.ZipFile(path, "w") as new, zipfile.ZipFile(folder / "sound.zip") as old:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(
                name, data.replace(b'"format":1', b'"format":2') if name == "manifest.json" else data
            )
    return path.read_bytes()


def test_a_model_of_another_release_is_refused(bench: Bench, tmp_path: Path) -> None:
    one = bench.serve(0)

    def foreign(file: bytes) -> bytes:
        (tmp_path / "sound.zip").write_bytes(file)
        return foreign_version(file, tmp_path)

    bench.serve(1, foreign)
    assert bench.now() == one
    refusal = bench.shelf.refusal(LABELS)
    assert refusal is not None
    assert "format version 2" in refusal.why


def test_a_file_of_another_model_is_refused(bench: Bench) -> None:
    one = bench.serve(0)
    other, file = packed_file(5)
    bench.serve(1, lambda _: file)
    assert bench.now() == one
    refusal = bench.shelf.refusal(LABELS)
    assert refusal is not None
    assert f"another model's ({other[:12]})" in refusal.why


def test_a_model_of_another_target_is_refused(bench: Bench) -> None:
    id_, file = packed_file(0, target="components")
    bench.shelf.stage(LABELS, id_, file, FACTS)
    bench.shelf.promote(LABELS, id_)
    assert bench.now() is None
    refusal = bench.shelf.refusal(LABELS)
    assert refusal is not None
    assert "trained for components, and is put to labels" in refusal.why


def test_a_model_that_does_not_say_when_to_speak_is_refused(bench: Bench, tmp_path: Path) -> None:
    manifest = {name: value for name, value in TOLD.items() if name != "thresholds"}
    id_ = write_model(tmp_path / "mute", replace(content(), manifest=manifest))
    bench.shelf.stage(LABELS, id_, pack(tmp_path / "mute"), FACTS)
    bench.shelf.promote(LABELS, id_)
    assert bench.now() is None
    refusal = bench.shelf.refusal(LABELS)
    assert refusal is not None
    assert "does not say when the model may speak" in refusal.why


def test_a_head_that_does_not_open_is_refused(bench: Bench) -> None:
    def none_opens(_: Packed) -> ToyHead:
        raise BadModel("arrays.npz and facts.json do not make a head.")

    one = bench.serve(0)
    assert bench.now() == one
    live = LiveModels(bench.shelf, bench.cache, opener=none_opens)
    assert live.now(*LABELS) is None
    refusal = bench.shelf.refusal(LABELS)
    assert refusal is not None
    assert (refusal.id, refusal.why) == (one, "arrays.npz and facts.json do not make a head.")


def test_a_file_that_is_gone_is_refused_and_mended_by_staging_it_again(bench: Bench) -> None:
    one, two = bench.serve(0), bench.serve(1)
    bench.redis.delete(keys.model(two))
    assert bench.now() == one
    refusal = bench.shelf.refusal(LABELS)
    assert refusal is not None
    assert "Redis holds no file of it" in refusal.why
    bench.stage(1)
    assert bench.now() == two
    assert bench.shelf.refusal(LABELS) is None


def test_a_refusal_is_told_again_while_it_lasts(bench: Bench) -> None:
    bench.serve(0, flipped)
    assert bench.now() is None
    before = bench.shelf.refusal(LABELS)
    bench.shelf.settle_refusal(LABELS)
    assert bench.now() is None
    assert bench.shelf.refusal(LABELS) == before


def test_a_refusal_is_logged_once_whatever_else_is_switched(bench: Bench) -> None:
    one = bench.serve(0)
    assert bench.now() == one
    with structlog.testing.capture_logs() as logs:
        bench.serve(1, flipped)
        assert bench.now() == one
        bench.stage(2)
        assert bench.now() == one
    assert len(errors(logs)) == 1
    assert bench.shelf.refusal(LABELS) is not None


def test_a_switch_while_a_model_is_fetched_is_no_refusal(bench: Bench) -> None:
    """The file looked for goes just before it is read, with the slot that named it."""
    one = bench.serve(0)
    fetch = bench.shelf.file
    seen: list[str] = []

    def late(id_: str) -> bytes | None:
        if not seen:
            seen.extend([bench.serve(1), bench.serve(2)])
        return fetch(id_)

    bench.shelf.file = late  # type: ignore[method-assign]
    with structlog.testing.capture_logs() as logs:
        assert bench.now() == seen[1]
    assert one not in seen
    assert errors(logs) == []
    assert bench.shelf.refusal(LABELS) is None


def test_a_flushed_redis_leaves_the_model_at_work(bench: Bench) -> None:
    one = bench.serve(0)
    assert bench.now() == one
    bench.redis.flushall()
    assert [bench.now(), bench.now()] == [one, one]
    two = bench.serve(1)
    assert bench.now() == two


def test_a_redis_that_fails_ends_the_run_and_is_asked_again(
    own_redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    redis = connect(own_redis_server.url)
    bench = Bench(redis, tmp_path)
    one = bench.serve(0)
    assert bench.now() == one
    own_redis_server.stop()
    for _ in range(2):
        with pytest.raises(RedisError):
            bench.now()
    redis.close()


def test_a_restart_reads_the_disk_and_not_redis(bench: Bench) -> None:
    one = bench.serve(0)
    assert bench.now() == one
    bench.redis.delete(keys.model(one))
    bench.restart()
    assert bench.now() == one


@pytest.mark.parametrize("damage", [flipped, lambda file: file[:50], lambda _: b""])
def test_a_damaged_file_on_disk_is_fetched_anew(bench: Bench, damage: Callable[[bytes], bytes]) -> None:
    one = bench.serve(0)
    assert bench.now() == one
    path = bench.cache / f"{one}.zip"
    sound = path.read_bytes()
    path.write_bytes(damage(sound))
    bench.restart()
    assert bench.now() == one
    assert bench.shelf.refusal(LABELS) is None
    assert path.read_bytes() == sound


def test_another_models_file_on_disk_is_not_taken_for_this_one(bench: Bench) -> None:
    one = bench.serve(0)
    _, file = packed_file(7)
    bench.cache.mkdir()
    (bench.cache / f"{one}.zip").write_bytes(file)
    loaded = bench.live.now(*LABELS)
    assert loaded is not None
    assert loaded.id == one
    assert (bench.cache / f"{one}.zip").read_bytes() != file


def test_an_id_that_is_a_path_is_refused(bench: Bench) -> None:
    _, file = packed_file(0)
    bench.shelf.stage(LABELS, "../../evil", file, FACTS)
    bench.shelf.promote(LABELS, "../../evil")
    assert bench.now() is None
    refusal = bench.shelf.refusal(LABELS)
    assert refusal is not None
    assert "no SHA-256" in refusal.why


def test_files_no_slot_names_leave_the_disk(bench: Bench) -> None:
    for seed in range(5):
        last = bench.serve(seed)
        assert bench.now() == last
    slots = bench.shelf.slots(LABELS)
    assert slots is not None
    kept = {path.stem for path in bench.cache.iterdir()}
    assert kept == {entry.id for entry in slots.models.values()}
    assert len(kept) == 2


def test_half_written_files_of_the_dead_leave_the_disk_and_those_of_the_living_stay(bench: Bench) -> None:
    bench.cache.mkdir()
    for name, age in (("dead.part", 1), ("living.part", None)):
        (bench.cache / name).write_bytes(b"half")
        if age is not None:
            os.utime(bench.cache / name, (age, age))
    one = bench.serve(0)
    assert bench.now() == one
    assert {path.name for path in bench.cache.iterdir()} == {"living.part", f"{one}.zip"}


def test_a_disk_that_fails_costs_a_line_in_the_log(bench: Bench) -> None:
    bench.cache.write_text("a file where the folder should be")
    one = bench.serve(0)
    with structlog.testing.capture_logs() as logs:
        assert bench.now() == one
    assert {entry["event"] for entry in logs} == {"cached model not read", "model not cached"}


def follow(url: str, cache: Path, ids: list[str]) -> None:
    """One process: take each model as it comes, with nothing held from the one before."""
    redis = connect(url)
    with structlog.testing.capture_logs() as logs:
        for id_ in ids * 10:
            live = LiveModels(ModelShelf(redis), cache, opener=open_toy)
            loaded = live.now(id_[:3], "labels")
            assert loaded is not None
            assert loaded.id == id_
            (cache / f"{id_}.zip").unlink(missing_ok=True)
    assert logs == [], "no process ever saw a file that another had half written"
    redis.close()


def test_processes_that_share_a_folder_do_not_hurt_each_other(
    redis_server: EmbeddedRedis, bench: Bench
) -> None:
    ids = []
    for seed in range(3):
        id_, file = packed_file(seed)
        bench.shelf.stage((id_[:3], "labels"), id_, file, FACTS)
        bench.shelf.promote((id_[:3], "labels"), id_)
        ids.append(id_)
    fork = multiprocessing.get_context("fork")
    crowd = [fork.Process(target=follow, args=(redis_server.url, bench.cache, ids)) for _ in range(3)]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join()
    assert [process.exitcode for process in crowd] == [0, 0, 0]
    assert [path.name for path in bench.cache.glob("*.part")] == []
    assert all(bench.shelf.refusal((id_[:3], "labels")) is None for id_ in ids)
