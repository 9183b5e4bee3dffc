"""Zip archives as plain data: read whole, bounded, and the same bytes for the same content."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Collection, Mapping
from typing import Final

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_READABLE: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_MOST_ENTRIES: Final = 1_000
_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    LookupError,
    RuntimeError,
    OSError,
    ValueError,
    struct.error,
)


class BadArchive(ValueError):
    """An archive that is not read; its text says why, as the end of a sentence."""


def write_archive(entries: Mapping[str, bytes], *, stored: Collection[str] = ()) -> bytes:
    """A zip of ``entries`` in their order, without times; those named in ``stored`` stay uncompressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            # The same on every system, so that the same content has the same bytes.
            info.create_system, info.external_attr = 3, 0o644 << 16
            info.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return buffer.getvalue()


def read_archive(data: bytes, *, most: int) -> dict[str, bytes]:
    """Every entry by name; never more than ``most`` bytes are unpacked, whatever the archive claims.

    Nothing is written anywhere: what a name may be is for the caller to say.

    Raises:
        BadArchive: it is damaged, too large, or of a make that :func:`write_archive` never produces.
    """
    # A reader of zips looks for the end backwards, and would take the archive inside one that was cut off.
    if data[-_END_BYTES:].find(_END) != 0:
        raise BadArchive("is damaged or no archive at all (its end is missing)")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            _check(infos, most)
            return {info.filename: _read(archive, info) for info in infos}
    except BadArchive:
        raise
    except _BROKEN as error:
        raise BadArchive(f"is damaged or no archive at all ({error})") from None


def _check(infos: list[zipfile.ZipInfo], most: int) -> None:
    if len(infos) > _MOST_ENTRIES:
        raise BadArchive(f"holds {len(infos):,} entries, and at most {_MOST_ENTRIES:,} are read")
    if infos and min(info.header_offset for info in infos) != 0:
        raise BadArchive("is damaged or no archive at all (its beginning is missing)")
    if len({info.filename for info in infos}) < len(infos):
        raise BadArchive("holds two entries of one name")
    if any(info.compress_type not in _READABLE for info in infos):
        raise BadArchive("is compressed in a way that is not read here")
    if (size := sum(info.file_size for info in infos)) > most:
        raise BadArchive(f"would unpack to {size:,} bytes, and at most {most:,} are read")


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as stream:
        # An explicit size keeps zlib from unpacking more than was announced before it is noticed.
        data = stream.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise BadArchive(f"is cut off in {info.filename!r}")
    return data
