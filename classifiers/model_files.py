"""A trained model on disk, and as one archive: data only, checked before it is believed.

A model is a folder of ``manifest.json``, ``arrays.npz``, ``facts.json`` (vocabularies, settings) and,
if it has one, ``card.md``. The manifest names the SHA-256 of each other file, so that its own, the
model's id, vouches for every byte.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifiers.archive import BadArchive, read_archive, write_archive
from classifiers.arrays import read_arrays, write_arrays
from classifiers.examples import Filed
from classifiers.head import Head, Packed
from classifiers.manifest import (
    MANIFEST,
    BadModel,
    Manifest,
    read_json,
    read_manifest,
    write_json,
    write_manifest,
)

__all__ = [
    "BadModel",
    "Content",
    "open_head",
    "pack",
    "pack_content",
    "read_model",
    "read_packed",
    "unpack",
    "write_model",
]

MOST_PACKED: Final = 10_000_000
"""Bytes of a whole model, compressed."""
MOST_UNPACKED: Final = 128_000_000
"""Bytes of its files together, and of its arrays in memory: enough for 100,000 words × 300 tags."""

ARRAYS: Final = "arrays.npz"
FACTS: Final = "facts.json"
CARD: Final = "card.md"
_NEEDED: Final = (MANIFEST, ARRAYS, FACTS)
_NAMES: Final = (*_NEEDED, CARD)


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """All that a model file holds."""

    packed: Packed
    manifest: Mapping[str, Any]
    """What training has to tell, JSON; its least shape is ``classifiers.manifest.Told``."""
    card: str = ""
    """Markdown for people; empty for none."""
    id: str = ""
    """SHA-256 of the manifest it was read with; empty before it is written."""


def write_model(folder: Path, content: Content) -> str:
    """Write a model to ``folder``, whole or not at all, and give its id.

    A model that is there already is replaced; a folder that holds anything else is left alone.

    Raises:
        BadModel: the content could not be read again or is too large, or the folder is not ours.
        OSError: the disk is full, read-only, ...
    """
    parts, id_ = _written(content)
    _archive(parts)
    _place(folder, parts)
    return id_


def read_model(folder: Path) -> Content:
    """The model in ``folder``.

    Raises:
        BadModel: anything about it is wrong.
    """
    return _of_folder(folder)[1]


def pack(folder: Path) -> bytes:
    """The model in ``folder`` as one archive: the same model, the same bytes.

    Raises:
        BadModel: anything about the model is wrong.
    """
    return _archive(_of_folder(folder)[0])


def pack_content(content: Content) -> bytes:
    """The archive that :func:`pack` would make of ``content`` once written, without a folder in between.

    Raises:
        BadModel: the content could not be read again, or is too large.
    """
    return _archive(_written(content)[0])


def unpack(data: bytes, folder: Path) -> None:
    """Write what :func:`pack` made to ``folder``, as :func:`write_model` does.

    Raises:
        BadModel: anything about the archive or the folder is wrong; nothing is written then.
        OSError: the disk is full, read-only, ...
    """
    parts = _entries(data)
    _parse(parts)
    _place(folder, parts)


def read_packed(data: bytes) -> Content:
    """The model in an archive that :func:`pack` made, without a folder in between.

    Raises:
        BadModel: anything about it is wrong.
    """
    return _parse(_entries(data))


def read_told(data: bytes) -> Mapping[str, Any]:
    """What the manifest in such an archive tells, once all files are what it says. The arrays stay packed:
    to open those of a large model takes ten times as long.

    Raises:
        BadModel: the archive or its manifest is wrong.
    """
    return _manifest(_entries(data)).told


def open_head(packed: Packed) -> Head:
    """The head that ``packed`` holds, tried on a made-up issue.

    Raises:
        BadModel: no head of that kind is known, or it cannot work with these arrays and facts.
    """
    try:
        head = _unpack_head(packed)
        _try_out(head)
    except BadModel:
        raise
    except Exception as error:
        # Its own words may quote the vocabulary, and that comes from people's issues.
        name = type(error).__name__
        raise BadModel(
            f"{ARRAYS} and {FACTS} do not make a head of kind {packed.kind!r} ({name})."
        ) from error
    return head


def _unpack_head(packed: Packed) -> Head:
    match packed.kind:
        case "exclusive":
            from classifiers.exclusive import ExclusiveHead

            return ExclusiveHead.unpack(packed)
        case "ranking":
            from classifiers.ranking import RankingHead

            return RankingHead.unpack(packed)
        case _:
            raise BadModel(f"{MANIFEST} names a kind of head that this release lacks: {packed.kind!r}.")


def _try_out(head: Head) -> None:
    """Arrays that do not fit each other are often noticed only when a head reads something."""
    project = next(iter(head.uses), "")
    reading = head.read(Filed(project, " ".join(head.tags[:3]), "It fails since the last update."))
    if reading.p.shape != (len(reading.tags),) or not np.isfinite(reading.p).all():
        raise ValueError("its chances do not fit its tags")
    if reading.tags:
        reading.because(0)


def _written(content: Content) -> tuple[dict[str, bytes], str]:
    """The files' bytes by name, and the model's id; read back once, so that what is written can be read."""
    try:
        parts = {ARRAYS: write_arrays(content.packed.arrays), FACTS: write_json(FACTS, content.packed.facts)}
    except BadArchive as error:
        raise BadModel(f"{ARRAYS} cannot be written: it {error}.") from None
    if content.card:
        parts[CARD] = content.card.encode()
    parts = {MANIFEST: write_manifest(content.packed.kind, content.manifest, parts), **parts}
    return parts, _parse(parts).id


def _of_folder(folder: Path) -> tuple[dict[str, bytes], Content]:
    try:
        parts = _files(folder)
        return parts, _parse(parts)
    except BadModel as error:
        raise BadModel(f"The model in {folder} cannot be used: {error}") from None


def _files(folder: Path) -> dict[str, bytes]:
    """The bytes of each file, no more than any model may have."""
    if not folder.is_dir():
        raise BadModel("there is no such folder.")
    if foreign := _foreign(folder):
        raise BadModel(f"{foreign!r} is no part of a model; take it out of the folder.")
    parts = {}
    for name in _NAMES:
        path = folder / name
        if path.exists() and not path.is_file():
            raise BadModel(f"{name} is not a plain file.")
        if path.exists():
            parts[name] = _bytes(path)
    return parts


def _bytes(path: Path) -> bytes:
    try:
        if (size := path.stat().st_size) > MOST_UNPACKED:
            raise BadModel(f"{path.name} has {size:,} bytes, and at most {MOST_UNPACKED:,} are read.")
        return path.read_bytes()
    except OSError as error:
        raise BadModel(f"{path.name} cannot be read ({error.strerror}).") from None


def _foreign(folder: Path) -> str | None:
    return min({path.name for path in folder.iterdir()} - set(_NAMES), default=None)


def _archive(parts: Mapping[str, bytes]) -> bytes:
    data = write_archive({name: parts[name] for name in _NAMES if name in parts}, stored=(ARRAYS,))
    if len(data) > MOST_PACKED:
        raise BadModel(
            f"the model has {len(data):,} bytes compressed, and at most {MOST_PACKED:,} are taken:"
            " train it on fewer tags or words."
        )
    return data


def _entries(data: bytes) -> dict[str, bytes]:
    if len(data) > MOST_PACKED:
        raise BadModel(f"The archive has {len(data):,} bytes, and at most {MOST_PACKED:,} are taken.")
    try:
        return read_archive(data, most=MOST_UNPACKED)
    except BadArchive as error:
        raise BadModel(f"The archive {error}.") from None


def _manifest(parts: Mapping[str, bytes]) -> Manifest:
    """The manifest of a model's files, each of which is held against what it says."""
    if missing := [name for name in _NEEDED if name not in parts]:
        raise BadModel(f"{missing[0]} is missing.")
    if foreign := sorted(parts.keys() - set(_NAMES)):
        raise BadModel(f"{foreign[0]!r} is no part of a model.")
    manifest = read_manifest(parts[MANIFEST])
    others = parts.keys() - {MANIFEST}
    if odd := sorted(others ^ manifest.files.keys()):
        said = "is there but not named" if odd[0] in others else "is named but not there"
        raise BadModel(f"{odd[0]!r} {said} in {MANIFEST}.")
    for name in manifest.files:
        manifest.check(name, parts[name])
    return manifest


def _parse(parts: Mapping[str, bytes]) -> Content:
    """The content of a model's files, each held against what the manifest says of it."""
    manifest = _manifest(parts)
    if len(parts[ARRAYS]) > MOST_PACKED:
        raise BadModel(f"{ARRAYS} has {len(parts[ARRAYS]):,} bytes, and at most {MOST_PACKED:,} are taken.")
    try:
        arrays = read_arrays(parts[ARRAYS], most=MOST_UNPACKED)
        card = parts.get(CARD, b"").decode()
    except BadArchive as error:
        raise BadModel(f"{ARRAYS} {error}.") from None
    except UnicodeDecodeError:
        raise BadModel(f"{CARD} is not UTF-8 text.") from None
    packed = Packed(manifest.kind, arrays, read_json(FACTS, parts[FACTS]))
    return Content(packed, manifest.told, card, manifest.id)


def check_place(folder: Path) -> None:
    """Refuse a place for a model that is neither free nor a model's already.

    Raises:
        BadModel: it is a file, or a folder that holds something else.
    """
    if folder.exists() and not folder.is_dir():
        raise BadModel(f"{folder} is a file; name a folder for the model.")
    if folder.exists() and (foreign := _foreign(folder)):
        raise BadModel(f"{folder} holds {foreign!r}, which is no part of a model; name another folder.")


def _place(folder: Path, parts: Mapping[str, bytes]) -> None:
    """Write beside, then rename: whoever looks sees the old model, the new one or none, never a half."""
    check_place(folder)
    beside = folder.parent / f".{folder.name}.{secrets.token_hex(4)}"
    aside = beside.with_name(f"{beside.name}.old")
    beside.mkdir(parents=True)
    try:
        for name, data in parts.items():
            _write(beside / name, data)
        _sync(beside)
        if folder.exists():
            folder.rename(aside)
        beside.rename(folder)
        _sync(folder.parent)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        if aside.exists() and not folder.exists():
            aside.rename(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
