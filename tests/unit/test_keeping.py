"""Secrets named by flags, and the writing of them: what is used, where it lands, and what is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.connections import load_connections
from rules.secret import Secret
from sprintwarden import keeping
from sprintwarden.connections_text import Reference
from sprintwarden.keeping import Kept, in_environment, in_file, put, refuse_managed
from sprintwarden.settings import Complaint
from tests.unit.front_door import hook_of

SECRET = "the-secret-nobody-sees"
FRESH = Kept(Secret(SECRET), Reference("file", "secrets/acme-hook"), fresh=True)
EMPTY = "version: 1\nconnections: {}\n"
TEXT = """\
version: 1
connections:
  acme:
    tracker: linear
    auth: {key: {env: A_KEY}}
    webhook: {secrets: [{file: secrets/acme-hook}]}
    teams: [ENG]
"""
OTHER = """\
  other:
    tracker: linear
    auth: {key: {env: ELSEWHERE}}
    webhook: {secrets: [{env: ELSEWHERE}]}
    teams: [ENG]
"""
ENVIRON = {"A_KEY": "a-key-of-somebody"}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ELSEWHERE", raising=False)
    folder = tmp_path / "config"
    folder.mkdir()
    made = folder / "connections.yaml"
    made.write_text(EMPTY)
    return made


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (None, "is not set"),
        ("", "is empty"),
        ("   ", "is empty"),
        (f"{SECRET} ", "a space before or after"),
        ("the-sécret-nobody-sees", "outside ASCII"),
        ("the-secret-\u00a0nobody-sees", "outside ASCII"),
        ("the-secret\nnobody-sees", "line break"),
        ("short", "shorter than 8"),
    ],
)
def test_what_a_process_would_not_take_is_no_secret_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: str | None, said: str
) -> None:
    monkeypatch.delenv("ACME_TOKEN", raising=False)
    if held is not None:
        monkeypatch.setenv("ACME_TOKEN", held)
    with pytest.raises(Complaint, match=f"^--token-env: .*{said}") as caught:
        in_environment("ACME_TOKEN", "--token-env")
    assert "nobody" not in str(caught.value)
    if held is not None:
        (tmp_path / "token").write_text(held)
        with pytest.raises(Complaint, match=f"^--token-file: .*{said}") as caught:
            in_file(tmp_path / "token", tmp_path, "--token-file")
        assert "nobody" not in str(caught.value)


def test_a_secret_given_for_its_place_is_not_repeated(tmp_path: Path) -> None:
    for path in (Path(SECRET), Path(SECRET * 50), tmp_path / SECRET):
        with pytest.raises(Complaint, match=r"^--token-file: the file it names cannot be read") as caught:
            in_file(path, tmp_path, "--token-file")
        assert SECRET not in str(caught.value)
    with pytest.raises(
        Complaint, match=r"^--token-env: the environment variable it names is not set"
    ) as caught:
        in_environment(SECRET.replace("-", "_"), "--token-env")
    assert "nobody" not in str(caught.value)


def test_a_file_is_named_as_it_was_given_and_not_where_links_lead(tmp_path: Path) -> None:
    (tmp_path / "..1").mkdir()
    (tmp_path / "..1" / "token").write_text(f"{SECRET}\n")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "token").symlink_to("..data/token")
    assert in_file(tmp_path / "token", tmp_path, "--token-file").reference.name == "token"
    assert in_file(tmp_path / "..1" / ".." / "..1" / "token", tmp_path, "-").reference.name == "..1/token"


def test_secrets_lie_where_they_are_read_from_though_the_file_is_a_link(file: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "real.yaml"
    real.parent.mkdir()
    file.rename(real)
    file.symlink_to(real)
    assert put(file, TEXT, [FRESH]) == ()
    assert file.is_symlink()
    assert below(real.parent) == ["real.yaml"]
    (found,) = load_connections(file.read_bytes(), str(file), ENVIRON)
    assert hook_of(found).secrets == (Secret(SECRET),)


def test_a_link_to_nowhere_leaves_nothing_behind(file: Path, tmp_path: Path) -> None:
    file.unlink()
    file.symlink_to(tmp_path / "nowhere" / "x.yaml")
    with pytest.raises(Complaint, match=r"nowhere/x\.yaml cannot be written: No such file"):
        put(file, TEXT, [FRESH])
    assert below(file.parent) == ["connections.yaml"]
    assert not (tmp_path / "nowhere").exists()


def test_no_folder_is_left_behind_by_what_is_not_written(file: Path) -> None:
    folder = file.parent / "new" / "newer"
    with pytest.raises(Complaint, match="would not be good"):
        put(folder / "connections.yaml", TEXT.replace("linear", "trello"), [FRESH])
    assert below(file.parent) == ["connections.yaml"]
    assert put(folder / "connections.yaml", TEXT, [FRESH]) == ()
    assert (folder / "secrets" / "acme-hook").read_text() == f"{SECRET}\n"


def test_a_folder_of_another_is_not_taken_away(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file.parent / "secrets").mkdir()

    def fails(*_: object) -> None:
        raise OSError(30, "Read-only file system", str(file))

    monkeypatch.setattr(keeping, "_replace", fails)
    with pytest.raises(Complaint, match=r"Read-only file system.*--print shows"):
        put(file, TEXT, [FRESH])
    assert below(file.parent) == ["connections.yaml", "secrets"]


def test_what_kubernetes_puts_there_is_not_written(file: Path) -> None:
    refuse_managed(file)
    (file.parent / "..1").mkdir()
    (file.parent / "..data").symlink_to("..1")
    file.rename(file.parent / "..1" / file.name)
    file.symlink_to(Path("..data") / file.name)
    with pytest.raises(Complaint, match=r"Kubernetes puts .* --print shows the text"):
        refuse_managed(file)


def test_what_was_wrong_already_is_told(file: Path) -> None:
    file.write_text(f"version: 1\nconnections:\n{OTHER}")
    (remark, *others) = put(file, TEXT + OTHER, [FRESH])
    assert "still does not load here" in remark
    assert "the environment variable ELSEWHERE is not set" in remark
    assert others == []


@pytest.mark.parametrize(("mode", "told"), [(0o777, True), (0o730, True), (0o755, False), (0o700, False)])
def test_a_folder_that_others_may_write_in_is_told(file: Path, mode: int, told: bool) -> None:
    folder = file.parent / "secrets"
    folder.mkdir()
    folder.chmod(mode)
    remarks = put(file, TEXT, [FRESH])
    assert [f"(mode {mode:04o})" in remark for remark in remarks] == [True] * told
