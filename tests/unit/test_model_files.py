"""A model on disk: the same bytes again, and every way it can be wrong refused in a sentence."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifiers import model_files
from classifiers.head import Packed
from classifiers.model_files import (
    BadModel,
    Content,
    open_head,
    pack,
    read_model,
    read_packed,
    unpack,
    write_model,
)
from store.models import MOST_BYTES
from tests.unit.models import TOLD, content, open_toy


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound model, not to be touched."""
    folder = tmp_path_factory.mktemp("sound") / "model"
    write_model(folder, content())
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A sound model of this test's own."""
    return Path(shutil.copytree(sound, tmp_path / "model"))


def refusal(call: Callable[..., object], *args: object) -> str:
    with pytest.raises(BadModel) as caught:
        call(*args)
    text = str(caught.value)
    assert text.endswith("."), "a sentence"
    return text


def sealed(folder: Path, **changes: Any) -> None:
    """Set names in the manifest, and every hash to what is there, as one who forges a model would."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for name in manifest["files"]:
        data = (folder / name).read_bytes()
        manifest["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    manifest.update(changes)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def npz(folder: Path, entries: Mapping[str, bytes], **how: Any) -> None:
    """Put a forged ``arrays.npz`` into a model and seal it."""
    with zipfile.ZipFile(folder / "arrays.npz", "w", **how) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    sealed(folder)


def npy(array: Any, *, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=allow_pickle)
    return buffer.getvalue()


def same(one: Content, other: Content) -> bool:
    arrays, others = one.packed.arrays, other.packed.arrays
    return (
        (one.packed.kind, one.packed.facts, one.manifest, one.card)
        == (other.packed.kind, other.packed.facts, other.manifest, other.card)
        and list(arrays) == list(others)
        and all(arrays[name].dtype == others[name].dtype for name in arrays)
        and all(np.array_equal(arrays[name], others[name]) for name in arrays)
    )


def test_a_model_comes_back_as_it_was(folder: Path) -> None:
    found = read_model(folder)
    assert same(found, content())
    assert found.id == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert sorted(path.name for path in folder.iterdir()) == [
        "arrays.npz", "card.md", "facts.json", "manifest.json",
    ]  # fmt: skip


def test_arrays_that_were_read_cannot_be_changed(folder: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        read_model(folder).packed.arrays["weights"][0, 0] = 1


def test_numpy_itself_reads_the_arrays(folder: Path) -> None:
    with np.load(folder / "arrays.npz", allow_pickle=False) as found:
        for name, array in content().packed.arrays.items():
            assert np.array_equal(found[name], array)


def test_the_same_model_has_the_same_id_and_bytes_wherever_it_is(folder: Path, tmp_path: Path) -> None:
    ids = {write_model(tmp_path / name, content()) for name in ("one", "two")}
    assert ids == {read_model(folder).id}
    os.utime(tmp_path / "two" / "facts.json", (1, 1))
    assert pack(tmp_path / "one") == pack(tmp_path / "two") == pack(folder)
    assert write_model(tmp_path / "other", content(1)) not in ids


def test_an_archive_unpacks_to_the_same_model(folder: Path, tmp_path: Path) -> None:
    data = pack(folder)
    assert same(read_packed(data), content())
    unpack(data, tmp_path / "copy")
    assert read_model(tmp_path / "copy").id == read_packed(data).id == read_model(folder).id
    assert pack(tmp_path / "copy") == data


def test_a_model_is_packed_without_a_folder_just_the_same(folder: Path) -> None:
    assert model_files.pack_content(content()) == pack(folder)


def test_a_model_read_and_written_again_is_the_same(folder: Path, tmp_path: Path) -> None:
    assert write_model(tmp_path / "again", read_model(folder)) == read_model(folder).id


def test_a_model_without_a_card_is_whole(tmp_path: Path) -> None:
    write_model(tmp_path / "model", content(card=""))
    assert read_model(tmp_path / "model").card == ""
    assert not (tmp_path / "model" / "card.md").exists()


def test_a_model_replaces_the_one_before_and_leaves_nothing_beside(folder: Path) -> None:
    write_model(folder, content(1, card=""))
    assert same(read_model(folder), content(1, card=""))
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_disk_that_fails_leaves_the_model_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_model(folder, content(1))
    assert same(read_model(folder), content())
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_rename_that_fails_puts_the_model_before_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def second_fails(path: Path, target: Path) -> Path:
        if target == folder and not path.name.endswith(".old"):
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", second_fails)
    with pytest.raises(OSError, match="Input/output"):
        write_model(folder, content(1))
    assert same(read_model(folder), content())
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert "'notes.txt', which is no part of a model" in refusal(write_model, tmp_path, content())
    assert "is a file" in refusal(write_model, tmp_path / "notes.txt", content())
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    write_model(tmp_path / "new", content())
    assert same(read_model(tmp_path / "new"), content())


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"w": np.array([1.0, math.nan])}, "arrays.npz holds numbers in 'w' that are not finite"),
        ({"w": np.array([1.0, math.inf], np.float16)}, "not finite"),
        ({"w": np.array([{}], dtype=object)}, "holds object in 'w'"),
        ({"w": np.array(["2026-01-01"], dtype="datetime64[D]")}, "holds datetime64[D] in 'w'"),
    ],
)
def test_arrays_that_could_not_be_read_again_are_not_written(
    arrays: dict[str, Any], said: str, tmp_path: Path
) -> None:
    assert said in refusal(write_model, tmp_path / "model", Content(Packed("toy", arrays, {}), TOLD))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("facts", "told", "said"),
    [
        ({"x": math.nan}, {}, "facts.json cannot be written"),
        ({"x": np.float32(1)}, {}, "facts.json cannot be written"),
        ({"x": "\ud800"}, {}, "facts.json cannot be written"),
        ({}, {"metrics": {"f1": math.inf}}, "manifest.json cannot be written"),
        ({}, {"files": {}}, "'files' is for the files themselves"),
        ({}, {"precision": 2}, "manifest.json is not in shape at 'precision'"),
    ],
)
def test_facts_that_could_not_be_read_again_are_not_written(
    facts: dict[str, Any], told: dict[str, Any], said: str, tmp_path: Path
) -> None:
    wrong = Content(Packed("toy", {}, facts), {**TOLD, **told})
    assert said in refusal(write_model, tmp_path / "model", wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_model_over_ten_megabytes_is_not_written(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 10_000_001, dtype=np.uint8)
    large = Content(Packed("toy", {"w": noise}, {}), TOLD)
    assert "at most 10,000,000" in refusal(write_model, tmp_path / "model", large)
    assert list(tmp_path.iterdir()) == []
    assert model_files.MOST_PACKED == MOST_BYTES, "what is written can be kept in Redis"


@pytest.mark.parametrize("name", ["manifest.json", "arrays.npz", "facts.json", "card.md"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    said = refusal(read_model, folder)
    assert str(folder) in said
    assert name in said


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path / 'none'} cannot be used: there is no such folder" in refusal(
        read_model, tmp_path / "none"
    )


@pytest.mark.parametrize("name", ["manifest.json", "arrays.npz", "facts.json", "card.md"])
def test_a_file_cut_off_is_named(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:-7])
    said = refusal(read_model, folder)
    assert name in said
    assert "cut off" in said or "no JSON" in said


@pytest.mark.parametrize("name", ["arrays.npz", "facts.json", "card.md"])
def test_a_flipped_byte_is_noticed_wherever_it_is(folder: Path, name: str) -> None:
    path = folder / name
    sound = path.read_bytes()
    for at in {0, len(sound) // 3, len(sound) // 2, len(sound) - 1}:
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 0x10]) + sound[at + 1 :])
        assert f"{name} is not the file that manifest.json names" in refusal(read_model, folder)


@pytest.mark.parametrize("name", ["arrays.npz", "facts.json"])
def test_a_file_of_another_model_is_noticed(folder: Path, tmp_path: Path, name: str) -> None:
    write_model(tmp_path / "other", content(1, card="# Another"))
    (tmp_path / "other" / "facts.json").write_bytes(b'{"words":[]}')
    shutil.copy(tmp_path / "other" / name, folder / name)
    assert name in refusal(read_model, folder)


def test_no_damaged_archive_gives_another_model(folder: Path) -> None:
    """Every byte in turn: either it is refused in a sentence, or the model is the same all the same."""
    sound = pack(folder)
    harmless = 0
    for at in range(0, len(sound), 3):
        damaged = sound[:at] + bytes([sound[at] ^ 0x41]) + sound[at + 1 :]
        try:
            found = read_packed(damaged)
        except BadModel:
            continue
        assert found.id == read_packed(sound).id
        assert same(found, content())
        harmless += 1
    assert harmless < len(sound) / 10


def test_a_truncated_archive_is_refused_wherever_it_ends(folder: Path) -> None:
    sound = pack(folder)
    inner = sound.index(b"PK\x05\x06") + 22
    assert inner < len(sound), "the arrays are an archive inside the archive"
    for length in (*range(0, len(sound), 97), inner, len(sound) - 1):
        assert "is damaged" in refusal(read_packed, sound[:length])
        assert "is damaged" in refusal(read_packed, sound[len(sound) - length :])


def test_bytes_before_or_after_an_archive_are_refused(folder: Path) -> None:
    sound = pack(folder)
    assert "its end is missing" in refusal(read_packed, sound + b"more")
    assert "its beginning is missing" in refusal(read_packed, b"more" + sound)


def test_an_archive_of_anything_else_is_refused() -> None:
    assert "no archive at all" in refusal(read_packed, b"PK\x03\x04 nothing")
    assert "no archive at all" in refusal(read_packed, b"")
    assert "at most 10,000,000" in refusal(read_packed, b"x" * 10_000_001)


@pytest.mark.parametrize("version", [2, 0, "1", None])
def test_a_foreign_format_version_is_refused(folder: Path, version: object) -> None:
    sealed(folder, format=version)
    assert f"manifest.json is of format version {version!r}" in refusal(read_model, folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": 7}, "which kind of head"),
        ({"files": []}, "which files belong to it"),
        ({"files": {"arrays.npz": {"size": 1}}}, "'sha256'"),
        ({"files": {"arrays.npz": "abc"}}, "not in shape"),
        ({"target": "colour"}, "'target'"),
        ({"made_with": {"python": "3.13"}}, "'made_with.numpy'"),
        ({"created": 5}, "'created'"),
        ({"window": []}, "'window'"),
        ({"issues": {"ABC": -1}}, "'issues.ABC'"),
        ({"issues": {"ABC": True}}, "'issues.ABC'"),
        ({"tags": ["checkout"]}, "'tags'"),
        ({"precision": 1.0}, "'precision'"),
        ({"metrics": None}, "'metrics'"),
    ],
)
def test_a_manifest_out_of_shape_is_refused_and_the_place_named(
    folder: Path, changes: dict[str, Any], said: str
) -> None:
    sealed(folder, **changes)
    assert said in refusal(read_model, folder)


@pytest.mark.parametrize("text", [b"", b"[1]", b'"x"', b"{", b"\xff", b'{"a":NaN}', b"[" * 100_000])
@pytest.mark.parametrize("name", ["manifest.json", "facts.json"])
def test_json_of_another_shape_is_refused(folder: Path, name: str, text: bytes) -> None:
    (folder / name).write_bytes(text)
    if name != "manifest.json":
        sealed(folder)
    said = refusal(read_model, folder)
    assert f"{name} is no JSON" in said or f"{name} is JSON, but not an object" in said


def test_a_card_that_is_no_text_is_refused(folder: Path) -> None:
    (folder / "card.md").write_bytes(b"\xff\xfe")
    sealed(folder)
    assert "card.md is not UTF-8" in refusal(read_model, folder)


def test_pickle_inside_the_arrays_is_never_run(folder: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(tmp_path / "sprung"),))

    trap = np.empty(1, dtype=object)
    trap[0] = Trap()
    npz(folder, {"w.npy": npy(trap, allow_pickle=True)})
    assert "holds object in 'w'" in refusal(read_model, folder)
    assert not (tmp_path / "sprung").exists()


def claiming(shape: tuple[int, ...], data: bytes) -> bytes:
    buffer = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue() + data


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"w.npy": npy([1.0, math.nan])}, "holds numbers in 'w' that are not finite"),
        ({"w.npy": npy(np.array([-math.inf], np.float32))}, "not finite"),
        ({"readme.txt": b"hello"}, "holds 'readme.txt', which is no array"),
        ({".npy": npy([1])}, "holds '.npy', which is no array"),
        ({"w.npy": b"not an array"}, "holds 'w', which is no array"),
        ({"w.npy": b""}, "holds 'w', which is no array"),
        ({"w.npy": npy([1.0, 2.0])[:-3]}, "more or fewer numbers in 'w'"),
        ({"w.npy": npy([1.0]) + b"more"}, "more or fewer numbers in 'w'"),
        ({"w.npy": claiming((10**15,), b"1234")}, "more or fewer numbers in 'w'"),
        ({"w.npy": claiming((-1, -1), b"1234")}, "more or fewer numbers in 'w'"),
        ({"w.npy": npy(np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")]))}, "only numbers"),
        ({"w.npy": npy([1])[:6] + b"\x09\x00" + npy([1])[8:]}, "'w'"),
    ],
)
def test_arrays_that_are_none_are_refused(folder: Path, entries: dict[str, bytes], said: str) -> None:
    npz(folder, entries)
    assert said in refusal(read_model, folder)


def test_a_bomb_in_the_arrays_is_not_unpacked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "MOST_UNPACKED", 1_000_000)
    npz(folder, {"w.npy": npy(np.zeros(125_000))}, compression=zipfile.ZIP_DEFLATED)
    assert (folder / "arrays.npz").stat().st_size < 2_000
    assert "arrays.npz would unpack to" in refusal(read_model, folder)


def lying(data: bytes, size: int) -> bytes:
    """The archive of one entry with another unpacked size in both its headers."""
    at = data.index(b"PK\x01\x02")
    field = size.to_bytes(4, "little")
    return data[:22] + field + data[26 : at + 24] + field + data[at + 28 :]


def test_a_bomb_that_lies_about_its_size_is_not_unpacked(folder: Path) -> None:
    npz(folder, {"w.npy": bytes(20_000_000)}, compression=zipfile.ZIP_DEFLATED)
    path = folder / "arrays.npz"
    path.write_bytes(lying(path.read_bytes(), 500))
    sealed(folder)
    tracemalloc.start()
    try:
        assert "arrays.npz is damaged" in refusal(read_model, folder)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def rezipped(data: bytes, *more: tuple[str, bytes], without: str = "", **how: Any) -> bytes:
    """The archive with other entries, or in another manner."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", **how) as new:
        for name in old.namelist():
            if name != without:
                new.writestr(name, old.read(name))
        for name, content_ in more:
            new.writestr(name, content_)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil", "sub/arrays.npz", "notes.txt", "MANIFEST.JSON"])
def test_a_foreign_entry_is_refused_and_written_nowhere(folder: Path, tmp_path: Path, name: str) -> None:
    data = rezipped(pack(folder), (name, b"x"))
    assert "is no part of a model" in refusal(unpack, data, tmp_path / "to" / "copy")
    assert not (tmp_path / "to").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_entry_that_is_there_twice_is_refused(folder: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        data = rezipped(pack(folder), ("facts.json", b"{}"))
    assert "two entries of one name" in refusal(read_packed, data)


def test_other_compressions_are_refused(folder: Path) -> None:
    assert "compressed in a way" in refusal(
        read_packed, rezipped(pack(folder), compression=zipfile.ZIP_BZIP2)
    )


def test_an_entry_that_is_missing_is_named(folder: Path) -> None:
    assert "facts.json is missing" in refusal(read_packed, rezipped(pack(folder), without="facts.json"))
    said = refusal(read_packed, rezipped(pack(folder), without="card.md"))
    assert "'card.md' is named but not there" in said


def test_a_bomb_in_the_archive_is_not_unpacked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "MOST_UNPACKED", 1_000_000)
    huge = b" " * 1_000_001
    data = rezipped(pack(folder), ("card.md", huge), without="card.md", compression=zipfile.ZIP_DEFLATED)
    assert len(data) < 20_000
    assert "would unpack to" in refusal(read_packed, data)


def test_foreign_files_in_a_folder_are_named(folder: Path) -> None:
    (folder / "model.pkl").write_bytes(b"x")
    assert "'model.pkl' is no part of a model" in refusal(read_model, folder)
    assert "'model.pkl' is no part of a model" in refusal(pack, folder)


def test_a_card_the_manifest_does_not_know_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "model", content(card=""))
    (tmp_path / "model" / "card.md").write_text("# Forged")
    assert "'card.md' is there but not named" in refusal(read_model, tmp_path / "model")


def test_a_file_too_large_for_any_model_is_not_even_read(folder: Path) -> None:
    with (folder / "facts.json").open("r+b") as stream:
        stream.truncate(model_files.MOST_UNPACKED + 1)
    assert "facts.json has 128,000,001 bytes" in refusal(read_model, folder)


def test_a_folder_in_place_of_a_file_is_refused(folder: Path) -> None:
    (folder / "facts.json").unlink()
    (folder / "facts.json").mkdir()
    assert "facts.json is not a plain file" in refusal(read_model, folder)


def test_a_kind_of_head_nobody_knows_is_refused() -> None:
    assert "lacks: 'toy'" in refusal(open_head, content().packed)


@pytest.mark.parametrize("kind", ["exclusive", "ranking"])
def test_a_head_that_cannot_be_made_of_its_parts_is_refused(kind: str) -> None:
    said = refusal(open_head, replace(content().packed, kind=kind))
    assert f"do not make a head of kind {kind!r}" in said
    assert "größe" not in said, "words of people's issues stay out of messages"


def test_the_head_of_tests_opens() -> None:
    assert open_toy(content().packed).tags == ("checkout", "search")
