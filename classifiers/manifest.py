"""``manifest.json``: what a model is, how it was trained, and the hash of each file beside it."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated, Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from classifiers.examples import Target

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
"""The version of this form. A reader takes its own and no other."""
_OWN: Final = ("format", "kind", "files")
"""What a manifest says of the files themselves; the rest is what training has to tell."""


class BadModel(Exception):
    """A model that is not used; its text is a sentence naming the file and the cause."""


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


_Count = Annotated[int, Field(ge=0)]
_Moment = str | float | None


class MadeWith(_Shape):
    """Versions of what trained the model."""

    python: str
    numpy: str
    scikit_learn: str


class Window(_Shape):
    """The first and last moment of the examples: ISO 8601, or a number where the source has no dates."""

    first: _Moment
    last: _Moment


class Told(_Shape):
    """The least that training tells; it adds what serving needs (thresholds, drift reference, ...)."""

    target: Annotated[Target, Field(strict=False)]
    product: str
    """Our version when it was trained."""
    made_with: MadeWith
    created: str
    """ISO 8601, UTC."""
    window: Window
    issues: dict[str, _Count]
    """Project → issues trained on."""
    tags: dict[str, _Count]
    """Tag → uses in the window, over all projects."""
    precision: Annotated[float, Field(gt=0, lt=1)]
    """What is asked for where nobody says otherwise."""
    metrics: dict[str, Any]


class _File(_Shape):
    sha256: str
    size: _Count


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read and is in shape."""

    id: str
    """SHA-256 of its bytes: the model's id."""
    kind: str
    told: dict[str, Any]
    files: Mapping[str, _File]

    def check(self, name: str, data: bytes) -> None:
        """Raise BadModel unless ``data`` is the file of that name."""
        file = self.files[name]
        if len(data) != file.size:
            raise BadModel(
                f"{name} has {len(data):,} bytes where {MANIFEST} says {file.size:,}:"
                " it was cut off or replaced."
            )
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise BadModel(f"{name} is not the file that {MANIFEST} names: its SHA-256 differs.")


def made_with() -> dict[str, str]:
    """The versions a training runs with, as :class:`MadeWith` wants them. Loads none of them."""
    return {
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "scikit_learn": version("scikit-learn"),
    }


def write_manifest(kind: str, told: Mapping[str, Any], parts: Mapping[str, bytes]) -> bytes:
    """The manifest of the files ``parts``.

    Raises:
        BadModel: what training tells is no JSON, or uses a name that is kept for the files.
    """
    if clash := [name for name in _OWN if name in told]:
        raise BadModel(f"{MANIFEST}: {clash[0]!r} is for the files themselves; training must not set it.")
    files = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for name, data in parts.items()
    }
    return write_json(MANIFEST, {"format": FORMAT, "kind": kind, "files": files, **told})


def read_manifest(data: bytes) -> Manifest:
    """The manifest in ``data``.

    Raises:
        BadModel: it is no JSON, of another version, or not in shape.
    """
    told = read_json(MANIFEST, data)
    if told.get("format") != FORMAT:
        raise BadModel(
            f"{MANIFEST} is of format version {told.get('format')!r}, and this release reads {FORMAT}:"
            " train the model anew, or use the release that wrote it."
        )
    kind, files = told.get("kind"), told.get("files")
    if not isinstance(kind, str) or not isinstance(files, dict):
        raise BadModel(f"{MANIFEST} does not say which kind of head it is of, and which files belong to it.")
    try:
        Told.model_validate(told)
        checked = {name: _File.model_validate(file) for name, file in files.items()}
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "files"
        raise BadModel(f"{MANIFEST} is not in shape at {place!r}: {first['msg']}.") from None
    rest = {name: value for name, value in told.items() if name not in _OWN}
    return Manifest(hashlib.sha256(data).hexdigest(), kind, rest, checked)


def write_json(name: str, value: Mapping[str, Any]) -> bytes:
    """``value`` as JSON in its own order. Raises BadModel naming ``name`` when it cannot be."""
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BadModel(f"{name} cannot be written as JSON ({error}).") from None


def read_json(name: str, data: bytes) -> dict[str, Any]:
    """The JSON object in ``data``. Raises BadModel, for the file ``name``, when there is none."""
    try:
        value = orjson.loads(data)
    except ValueError as error:
        raise BadModel(f"{name} is no JSON ({error}).") from None
    if not isinstance(value, dict):
        raise BadModel(f"{name} is JSON, but not an object.")
    return value
