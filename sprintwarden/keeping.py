"""Secrets into files of their own, and connections.yaml replaced whole: all of it, or nothing."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rules.connections import load_connections
from rules.problems import BadFile
from rules.secret import Secret
from sprintwarden.connections_text import Reference
from sprintwarden.settings import Complaint

FOLDER: Final = "secrets"
"""Beside connections.yaml; nobody but its owner may look into it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A secret with where it is kept."""

    secret: Secret
    reference: Reference
    fresh: bool = False
    """It is not there yet."""
    generated: bool = False
    """Nobody has seen it."""

    def place(self, config: Path) -> str:
        """Where it is, as a phrase; ``config`` is the folder of connections.yaml."""
        if self.reference.kind == "env":
            return f"in the environment variable {self.reference.name}"
        return f"in the file {config / self.reference.name}"


def free_file(config: Path, name: str) -> Reference:
    """A file for a new secret: never one that is there already."""
    for number in range(1, 1_000):
        candidate = f"{FOLDER}/{name}" if number == 1 else f"{FOLDER}/{name}-{number}"
        if not (config / candidate).exists():
            return Reference("file", candidate)
    raise Complaint(f"{config / FOLDER} is full of files named {name}; take the old ones away.")


def in_environment(variable: str, flag: str) -> Kept:
    """The secret an environment variable holds. Raises Complaint when it holds none."""
    value = os.environ.get(variable, "").strip()
    if not value:
        # Not by its name: it may be the secret itself, given in the wrong place.
        raise Complaint(f"{flag}: there is no such environment variable, or it is empty.")
    return Kept(Secret(value), Reference("env", variable))


def in_file(path: Path, config: Path, flag: str) -> Kept:
    """The secret a file holds. Raises Complaint when it cannot be read."""
    try:
        value = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise Complaint(f"{flag}: {path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise Complaint(f"{flag}: {path} is not UTF-8 text.") from None
    whole, folder = path.resolve(), config.resolve()
    inside = whole.is_relative_to(folder)
    return Kept(Secret(value), Reference("file", str(whole.relative_to(folder) if inside else whole)))


def put(file: Path, text: str, secrets: Sequence[Kept]) -> None:
    """Write the fresh secrets and replace ``file`` by ``text``.

    The text is loaded first as a process would; what was wrong with the old one already is no hindrance.
    Raises Complaint, with nothing changed.
    """
    target = file.resolve()
    environ = dict(os.environ) | {
        kept.reference.name: kept.secret.reveal() for kept in secrets if kept.reference.kind == "env"
    }
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _secret_files(target.parent, secrets):
            old = target.read_bytes() if target.exists() else b""
            new = _complaints(text.encode(), file, environ) - _complaints(old, file, environ)
            if new:
                raise Complaint("The connection would not be good: " + "; ".join(sorted(new)) + ".")
            _replace(target, text.encode())
    except OSError as error:
        raise Complaint(
            f"{error.filename or file} cannot be written: {error.strerror}. "
            "Nothing was changed; --print shows the text to put there."
        ) from error


@contextlib.contextmanager
def _secret_files(config: Path, secrets: Sequence[Kept]) -> Iterator[None]:
    """The files of fresh secrets, taken away again unless all goes well."""
    made: list[Path] = []
    try:
        for kept in secrets:
            if kept.fresh and kept.reference.kind == "file":
                path = config / kept.reference.name
                path.parent.mkdir(mode=0o700, exist_ok=True)
                # Exclusive, so that no secret of another is ever written over.
                with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                    made.append(path)
                    stream.write(f"{kept.secret.reveal()}\n")
        yield
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise


def _complaints(text: bytes, file: Path, environ: Mapping[str, str]) -> Counter[str]:
    """What is wrong with the text, without the lines, which move when something is added above."""
    try:
        load_connections(text, str(file), environ)
    except BadFile as error:
        return Counter(problem.message for problem in error.problems)
    return Counter()


def _replace(target: Path, text: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(target.stat().st_mode & 0o777 if target.exists() else 0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
