"""Secrets into files of their own, and connections.yaml replaced whole: all of it, or nothing."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rules.connections import NoSecret, load_connections, secret_in, secret_of
from rules.problems import BadFile
from rules.secret import Secret
from sprintwarden.connections_text import Reference
from sprintwarden.settings import Complaint

FOLDER: Final = "secrets"
"""Beside connections.yaml; nobody but its owner may look into it, and git looks past it."""
_UNTRACKED: Final = ".gitignore"


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

    def holder(self, config: Path) -> str:
        """The same as what holds it: ``the value of $NAME``, ``the content of PATH``."""
        if self.reference.kind == "env":
            return f"the value of ${self.reference.name}"
        return f"the content of {config / self.reference.name}"


def free_file(config: Path, name: str) -> Reference:
    """A file for a new secret: never one that is there already."""
    for number in range(1, 1_000):
        candidate = f"{FOLDER}/{name}" if number == 1 else f"{FOLDER}/{name}-{number}"
        if not (config / candidate).exists():
            return Reference("file", candidate)
    raise Complaint(f"{config / FOLDER} is full of files named {name}; take the old ones away.")


def in_environment(variable: str, flag: str) -> Kept:
    """The secret an environment variable holds. Raises Complaint when it holds none."""
    # Not by its name, here and for a file: it may be the secret itself, given in the wrong place.
    with _told(flag):
        secret = secret_of(os.environ.get(variable), "the environment variable it names")
    return Kept(secret, Reference("env", variable))


def in_file(path: Path, config: Path, flag: str) -> Kept:
    """The secret a file holds. Raises Complaint when it holds none."""
    with _told(flag):
        secret = secret_in(path, "the file it names")
    # Links are kept: what they lead to may change, as it does where Kubernetes puts secrets.
    whole, folder = path.absolute(), config.absolute()
    if ".." in (*whole.parts, *folder.parts):
        whole, folder = path.resolve(), config.resolve()
    inside = whole.is_relative_to(folder)
    return Kept(secret, Reference("file", str(whole.relative_to(folder) if inside else whole)))


@contextlib.contextmanager
def _told(flag: str) -> Iterator[None]:
    try:
        yield
    except NoSecret as fault:
        raise Complaint(f"{flag}: {fault}.") from None


def refuse_managed(file: Path) -> None:
    """Raises Complaint for a file that Kubernetes puts there, which would undo what is written.

    Source: Kubernetes, volumes of ConfigMaps and Secrets, whose files are links by way of ``..data``.
    """
    if file.is_symlink() and "..data" in file.readlink().parts:
        raise Complaint(
            f"Kubernetes puts {file} there, from a ConfigMap or a Secret, and would undo any change of it. "
            "--print shows the text to put there."
        )


def put(file: Path, text: str, secrets: Sequence[Kept]) -> tuple[str, ...]:
    """Write the fresh secrets beside ``file``, where they are read from even if it is a link, and replace
    it (or what it leads to) by ``text``. Gives what a person should know all the same, in sentences.

    The text is loaded first as a process would; what was wrong with the old one already is no hindrance.
    Raises Complaint, with nothing changed.
    """
    target = file.resolve()
    environ = dict(os.environ) | {
        kept.reference.name: kept.secret.reveal() for kept in secrets if kept.reference.kind == "env"
    }
    try:
        with _secret_files(file.parent, secrets):
            old = target.read_bytes() if target.exists() else b""
            wrong = _complaints(text.encode(), file, environ)
            if new := wrong - _complaints(old, file, environ):
                raise Complaint("The connection would not be good: " + "; ".join(sorted(new)) + ".")
            _replace(target, text.encode())
    except OSError as error:
        raise Complaint(
            f"{error.filename or file} cannot be written: {error.strerror}. "
            "Nothing was changed; --print shows the text to put there."
        ) from error
    return tuple(_remarks(file, sorted(wrong)))


def _remarks(file: Path, wrong: Sequence[str]) -> Iterator[str]:
    if wrong:
        yield (
            f"{file} still does not load here, for what was wrong before: {'; '.join(wrong)}. "
            "`sprintwarden doctor` says where."
        )
    folder = file.parent / FOLDER
    mode = stat.S_IMODE(folder.stat().st_mode) if folder.exists() else 0
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield f"Others may write in {folder} (mode {mode:04o}), and so replace a secret: chmod 700 it."


@contextlib.contextmanager
def _secret_files(config: Path, secrets: Sequence[Kept]) -> Iterator[None]:
    """The files of fresh secrets and their folders, taken away again unless all goes well."""
    made: list[Path] = []

    def make(folder: Path, mode: int) -> None:
        for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
            missing.mkdir(mode)
            made.append(missing)

    def write(path: Path, text: str) -> None:
        # Exclusive, so that no secret of another is ever written over.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            made.append(path)
            stream.write(f"{text}\n")

    try:
        make(config, 0o755)
        for kept in secrets:
            if kept.fresh and kept.reference.kind == "file":
                path = config / kept.reference.name
                make(path.parent, 0o700)
                if not (path.parent / _UNTRACKED).exists():
                    write(path.parent / _UNTRACKED, "*")
                write(path, kept.secret.reveal())
        yield
    except BaseException:
        for path in reversed(made):
            # What somebody else put into a folder meanwhile keeps it.
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        raise


def _complaints(text: bytes, file: Path, environ: Mapping[str, str]) -> Counter[str]:
    """What is wrong with the text, without the lines, which move when something is added above."""
    try:
        load_connections(text, str(file), environ)
    except BadFile as error:
        return Counter(problem.message for problem in error.problems)
    return Counter()


def _replace(target: Path, text: bytes) -> None:
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        # Nobody has heard of the other file.
        error.filename = str(target)
        raise
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
