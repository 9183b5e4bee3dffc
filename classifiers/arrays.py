"""Arrays as an ``npz`` file that any numpy reads, taken back without pickle and without a copy."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from classifiers.archive import BadArchive, read_archive, write_archive

_ENDING: Final = ".npy"
_VERSION: Final = (1, 0)
_PLAIN: Final = frozenset("biufUS")
"""Numbers, truth values and text. Objects would need pickle, which runs what it reads."""


def write_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """What ``np.savez_compressed`` would write; the same arrays, the same bytes.

    Raises:
        BadArchive: an array holds objects.
    """
    return write_archive({f"{name}{_ENDING}": _dump(name, array) for name, array in arrays.items()})


def read_arrays(data: bytes, *, most: int) -> dict[str, NDArray[Any]]:
    """Every array by name, read-only. Never more than ``most`` bytes are unpacked.

    Raises:
        BadArchive: the file is damaged or too large, or an array is cut off, of objects, or not finite.
    """
    return {_stem(name): _load(_stem(name), raw) for name, raw in read_archive(data, most=most).items()}


def _stem(name: str) -> str:
    if not name.endswith(_ENDING) or name == _ENDING:
        raise BadArchive(f"holds {name!r}, which is no array")
    return name.removesuffix(_ENDING)


def _dump(name: str, array: NDArray[Any]) -> bytes:
    _check_kind(name, array.dtype)
    buffer = io.BytesIO()
    npy.write_array(buffer, array, version=_VERSION, allow_pickle=False)
    return buffer.getvalue()


def _load(name: str, raw: bytes) -> NDArray[Any]:
    stream = io.BytesIO(raw)
    try:
        if npy.read_magic(stream) != _VERSION:
            raise BadArchive(f"holds {name!r} in a form of array that is not read here")
        shape, columns_first, dtype = npy.read_array_header_1_0(stream)
        _check_kind(name, dtype)
        # Held against the bytes that are there: a header may claim more than any memory holds.
        count, start = math.prod(shape), stream.tell()
        if min(shape, default=0) < 0 or count * dtype.itemsize != len(raw) - start:
            raise BadArchive(f"holds more or fewer numbers in {name!r} than its shape {shape} says")
        flat = np.frombuffer(raw, dtype, count, start) if count else np.empty(0, dtype)
        array = flat.reshape(shape, order="F" if columns_first else "C")
    except BadArchive:
        raise
    except (ValueError, TypeError, OverflowError, SyntaxError, RecursionError, MemoryError) as error:
        raise BadArchive(f"holds {name!r}, which is no array ({error})") from None
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise BadArchive(f"holds numbers in {name!r} that are not finite")
    return array


def _check_kind(name: str, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in _PLAIN:
        raise BadArchive(f"holds {dtype} in {name!r}, and only numbers, truth values and text are taken")
