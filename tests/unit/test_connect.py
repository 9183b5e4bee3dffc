"""The walk of ``connect``: what it asks, what it says, and what it leaves in files and in the tracker."""

from __future__ import annotations

import io
import os
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from rules.connection_schema import Deployment, WebhookAuth
from rules.connections import Connection, EmailToken, load_connections
from sprintwarden import keeping, reaching
from sprintwarden.asking import Terminal
from sprintwarden.connecting import connect
from sprintwarden.reaching import Given, Where
from sprintwarden.settings import Complaint, Settings
from tests.unit.front_door import hook_of
from tests.unit.scripted_probe import PERSON, ScriptedProbe
from trackers.errors import Forbidden, TrackerError, Unauthorized, Unreachable
from trackers.model import TrackerKind
from trackers.probe import Hook
from workers.probes import Access

PUBLIC = "https://hooks.acme.example"
IGNORED = "secrets/.gitignore"
TOKEN = "the-token-nobody-sees"
HOOK = "the-hook-secret-nobody-sees"
SHIPPED = (Path(__file__).parents[2] / "config" / "connections.yaml").read_text(encoding="utf-8")
ALL = Given(
    name="acme-jira",
    tracker=TrackerKind.JIRA,
    url="https://acme.example",
    email="bot@acme.example",
    token=Where("--token", env="ACME_TOKEN"),
    places=("abc",),
    boards=("12",),
    service_account=True,
    public_url=PUBLIC,
    register=True,
    write=True,
)
LINEAR = Given(
    name="acme-linear",
    tracker=TrackerKind.LINEAR,
    key=Where("--key", env="ACME_TOKEN"),
    places=("ABC",),
    cycles=True,
    service_account=True,
    public_url=PUBLIC,
    register=True,
    write=True,
)
THERE = Hook("h0", "Ours", f"{PUBLIC}/webhooks/acme-jira", True, ("created", "updated", "deleted"), True)


@dataclass
class Room:
    """A folder of settings, a tracker, and somebody who types."""

    folder: Path
    type_in: Callable[[str], None]
    read: Callable[[], str]
    probe: ScriptedProbe = field(default_factory=ScriptedProbe)
    opened: list[Access] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "connections.yaml"

    def connect(self, given: Given, *typed: str) -> str | None:
        """One walk; its result."""
        self.type_in("".join(f"{line}\n" for line in typed))
        return connect(Settings(config=self.folder), given, Terminal(), self._open)

    def _open(self, access: Access) -> ScriptedProbe:
        self.opened.append(access)
        return self.probe

    def connections(self, **environ: str) -> tuple[Connection, ...]:
        known = {"ACME_TOKEN": TOKEN} | environ
        return load_connections(self.file.read_bytes(), str(self.file), known)

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Room:
    for name in [name for name in os.environ if name.startswith("SPRINTWARDEN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ACME_TOKEN", TOKEN)
    # What a site says of itself without credentials is asked over HTTP; the end-to-end tests do that.
    monkeypatch.setattr(reaching, "deployment_of", lambda url: Deployment.CLOUD)
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "connections.yaml").write_text(SHIPPED, encoding="utf-8")

    def type_in(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return Room(folder, type_in, lambda: capsys.readouterr().err)


def test_with_every_flag_nothing_is_asked(room: Room) -> None:
    assert room.connect(ALL) is None
    (made,) = room.connections()
    assert made == replace(
        made,
        name="acme-jira",
        deployment=Deployment.CLOUD,
        projects=("ABC",),
        boards=("12",),
        service_account=True,
    )
    assert isinstance(made.auth, EmailToken)
    assert (made.auth.email, made.auth.token.reveal()) == ("bot@acme.example", TOKEN)
    secret = hook_of(made).secrets[0].reveal()
    assert room.probe.done == [("register", f"{PUBLIC}/webhooks/acme-jira", secret, ("ABC",), True)]
    assert len(secret) >= 43
    assert room.file.read_text(encoding="utf-8").endswith(SHIPPED.partition("connections: {}")[2])
    said = room.read()
    assert "]: " not in said
    assert TOKEN not in said
    assert secret not in said
    steps = ("Restart", "doctor acme-jira", "check --connection acme-jira", "backfill acme-jira", "report")
    assert [step for step in steps if step not in said] == []
    assert "sprintwarden try" not in said


def test_secrets_are_files_for_their_owner_alone(room: Room) -> None:
    room.connect(ALL)
    file = room.folder / "secrets" / "acme-jira-hook"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert room.files() == {"connections.yaml", IGNORED, "secrets/acme-jira-hook"}


def test_git_looks_past_the_secrets(room: Room) -> None:
    git = ("git", "-C", str(room.folder))
    subprocess.run([*git, "init", "-q"], check=True)
    room.connect(ALL)
    told = subprocess.run([*git, "status", "--porcelain", "-uall"], capture_output=True, check=True)
    assert told.stdout.decode().split() == ["??", "connections.yaml"]


def test_a_person_is_asked_for_everything(room: Room) -> None:
    typed = (
        "jira",
        "https://acme.example/",
        "",
        "bot@acme.example",
        TOKEN,
        "",
        "n",
        "ABC, ops",
        "y",
        "12",
        "y",
        PUBLIC,
    )
    room.probe.identity = PERSON
    assert room.connect(Given(), *typed, "y", "y") is None
    (made,) = room.connections()
    assert (made.name, made.url, made.projects, made.boards) == (
        "acme-jira",
        "https://acme.example",
        ("ABC", "OPS"),
        ("12",),
    )
    assert not made.service_account
    assert isinstance(made.auth, EmailToken)
    assert made.auth.token.reveal() == TOKEN
    assert room.files() == {"connections.yaml", IGNORED, "secrets/acme-jira-hook", "secrets/acme-jira-token"}
    said = room.read()
    assert "looks like a person" in said
    assert "12         Board 12 (story points)" in said
    assert TOKEN not in said


def test_a_typed_secret_may_be_left_to_the_environment(room: Room) -> None:
    given = replace(ALL, token=Where("--token"), register=False)
    room.connect(given, TOKEN, "n", "")
    assert "token: {env: ACME_JIRA_TOKEN}" in room.file.read_text(encoding="utf-8")
    assert "Put the secret you typed in the environment variable ACME_JIRA_TOKEN" in room.read()
    (made,) = room.connections(ACME_JIRA_TOKEN=TOKEN)
    assert made.name == "acme-jira"


def test_printed_is_what_would_have_been_written(room: Room) -> None:
    given = replace(ALL, write=False, register=False)
    text = room.connect(given)
    assert text is not None
    assert room.files() == {"connections.yaml"}
    assert room.file.read_text(encoding="utf-8") == SHIPPED
    assert room.probe.done == []
    secret = room.folder / "secrets" / "acme-jira-hook"
    assert f"Its secret: the content of {secret} (yet to be chosen)" in room.read()
    secret.parent.mkdir()
    secret.write_text(HOOK)
    whole = f"version: 1\nconnections:\n{text}".encode()
    assert load_connections(whole, str(room.file), {"ACME_TOKEN": TOKEN})[0].projects == ("ABC",)


@pytest.mark.parametrize("given", [replace(ALL, write=False), replace(ALL, public_url=None)])
def test_a_webhook_is_not_made_where_its_secret_would_be_lost(room: Room, given: Given) -> None:
    with pytest.raises(Complaint, match="--register needs --public-url, and --write"):
        room.connect(given, "-")
    assert room.probe.done == []


@pytest.mark.parametrize("given", [replace(ALL, register=None, write=None), replace(ALL, write=None)])
def test_where_nobody_answers_nothing_is_written(room: Room, given: Given) -> None:
    assert room.connect(given) is not None
    assert room.files() == {"connections.yaml"}
    assert room.file.read_text(encoding="utf-8") == SHIPPED
    assert room.probe.done == []


def test_enter_alone_writes_what_was_shown_and_makes_the_webhook(room: Room) -> None:
    assert room.connect(replace(ALL, register=None, write=None), "", "") is None
    assert [one.name for one in room.connections()] == ["acme-jira"]
    assert [what for what, *_ in room.probe.done] == ["register"]


def test_a_secret_that_was_not_kept_is_said_to_be_so(room: Room) -> None:
    given = replace(ALL, token=Where("--token"), register=False, write=None)
    assert room.connect(given, TOKEN, "y", "n") is not None
    assert room.files() == {"connections.yaml"}
    said = room.read()
    assert "when all is written? [Y/n]" in said
    assert "no secret was kept." in said
    assert f"Put the secret you typed in the file {room.folder / 'secrets' / 'acme-jira-token'}" in said


@pytest.mark.parametrize(
    ("typed", "said"),
    [("sh0rt", "shorter than 8 characters"), ("with-a\x07-bell-in-it", "control character")],
)
def test_what_cannot_be_a_secret_is_told_at_the_typing(room: Room, typed: str, said: str) -> None:
    room.connect(replace(ALL, token=Where("--token")), typed, TOKEN, "y")
    told = room.read()
    assert "  What was typed " in told and said in told
    assert typed not in told
    (made,) = room.connections()
    assert isinstance(made.auth, EmailToken) and made.auth.token.reveal() == TOKEN


def test_the_interview_speaks_no_flags(room: Room) -> None:
    given = Given(token=Where("--token", env="ACME_TOKEN"), write=False)
    site = ("trello", "jira", "acme", "https://acme.example", "", "bot", "bot@acme.example")
    room.connect(given, *site, "n", "", "XYZ", ",", "ABC", "y", "", "12", "", "hooks", "")
    said = room.read()
    assert said.startswith("Which tracker: jira or linear? [jira]: ")
    for answer in ("Answer jira or linear.", "At least one, such as ABC.", "XYZ is not among", "such as 12."):
        assert answer in said
    assert "--" not in said.partition("Next:")[0]


def test_data_center_before_10_is_asked_how_it_proves_itself(room: Room) -> None:
    room.probe.signs, room.probe.kind = False, "Jira Data Center 9.12.4"
    room.connect(replace(ALL, register=None), "basic", "jira")
    (made,) = room.connections()
    assert (hook_of(made).auth, hook_of(made).user) == (WebhookAuth.BASIC, "jira")
    assert room.probe.done == []
    said = room.read()
    assert "Jira Data Center 9.12.4 signs no deliveries" in said
    assert "as basic jira." in said


def test_the_proof_may_be_said_by_flags(room: Room) -> None:
    room.connect(replace(ALL, register=None, hook_auth=WebhookAuth.TOKEN))
    assert hook_of(room.connections()[0]).auth is WebhookAuth.TOKEN
    said = room.read()
    assert "]: " not in said
    assert "as token None." in said


@pytest.mark.parametrize(
    ("lacking", "flag"),
    [
        ({"tracker": None, "name": None, "url": None}, "--url"),
        ({"email": None}, "--email"),
        ({"token": Where("--token")}, "--token-env or --token-file"),
        ({"places": None}, "--projects"),
    ],
)
def test_what_a_script_left_out_is_named(room: Room, lacking: dict[str, object], flag: str) -> None:
    with pytest.raises(Complaint, match=flag):
        room.connect(replace(ALL, **lacking))  # type: ignore[arg-type]
    assert room.files() == {"connections.yaml"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "Acme Jira"}, "small letters"),
        ({"url": "acme.example"}, "https://"),
        ({"email": "bot"}, "e-mail"),
        ({"places": ("XYZ",)}, "XYZ is not among what the account can see"),
        ({"places": ()}, "names none"),
        ({"boards": ("99",)}, "--boards: 99 is not among"),
        ({"cycles": True}, "--cycles is for Linear"),
        ({"tracker": TrackerKind.LINEAR}, "--email is for Jira"),
        ({"deployment": Deployment.DATA_CENTER}, "the site itself says cloud"),
        ({"token": Where("--token", env="ACME_NOTHING")}, "is not set"),
        ({"token": Where("--token", env="ACME_TOKEN", file=Path("t"))}, "not both"),
        ({"token": Where("--token", file=Path("/nowhere/t"))}, "cannot be read"),
        ({"public_url": "hooks.acme.example"}, "https://"),
        ({"hook_user": "jira"}, "--hook-user goes with --hook-auth basic"),
        ({"hook_auth": WebhookAuth.TOKEN}, "--register makes a webhook that signs"),
    ],
)
def test_a_wrong_flag_is_said_and_nothing_written(room: Room, wrong: dict[str, object], said: str) -> None:
    with pytest.raises(Complaint, match=said):
        room.connect(replace(ALL, **wrong))  # type: ignore[arg-type]
    assert room.files() == {"connections.yaml"}
    assert room.probe.done == []


def test_a_wrong_answer_is_asked_again(room: Room) -> None:
    given = replace(ALL, name=None, places=None)
    room.connect(given, "Not A Name", "team-a", "NOPE", "OPS")
    (made,) = room.connections()
    assert (made.name, made.projects) == ("team-a", ("OPS",))


def test_a_mistyped_token_is_asked_again(room: Room) -> None:
    class Once(ScriptedProbe):
        tries = 0

        def site(self):  # type: ignore[no-untyped-def]
            self.tries += 1
            if self.tries == 1:
                raise Unauthorized("Jira refuses the connection's credentials.")
            return super().site()

    room.probe = Once(kind="Jira Data Center 10.3.5")
    given = replace(ALL, token=Where("--token"), deployment=Deployment.CLOUD)
    room.connect(given, "wrong-token", "y", TOKEN, "y")
    (made,) = room.connections()
    assert isinstance(made.auth, EmailToken)
    assert made.auth.token.reveal() == TOKEN


def test_refused_credentials_of_a_flag_end_the_walk(room: Room) -> None:
    room.probe.fails["site"] = Unauthorized("Jira refuses the connection's credentials.")
    with pytest.raises(TrackerError, match="refuses"):
        room.connect(ALL)
    assert room.files() == {"connections.yaml"}


@pytest.fixture(autouse=True)
def no_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "at_gateway", lambda access, gateway: None)


def test_a_scoped_token_goes_through_the_gateway(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    api = "https://gate.example/ex/jira/1a-2b"
    monkeypatch.setattr(reaching, "at_gateway", lambda access, gateway: replace(access, api_url=api))
    refusing = ScriptedProbe(fails={"site": Unauthorized("no")})
    asked: list[str] = []

    def open_probe(access: Access) -> ScriptedProbe:
        asked.append(access.api_url or access.url)
        return room.probe if access.api_url else refusing

    room.type_in("")
    connect(Settings(config=room.folder), ALL, Terminal(), open_probe)
    assert asked == ["https://acme.example", api]
    (made,) = room.connections()
    assert (made.url, made.api) == ("https://acme.example", api)


@pytest.mark.parametrize("silent", ["the site's own page", "the gateway"])
def test_where_the_gateway_is_away_the_refusal_is_told_first(
    room: Room, monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    away = Unreachable("api.atlassian.com gave no answer (ConnectError).")

    def at_gateway(access: Access, gateway: str) -> Access:
        if silent == "the gateway":
            return replace(access, api_url=f"{gateway}/ex/jira/1a-2b")
        raise away

    def open_probe(access: Access) -> ScriptedProbe:
        return ScriptedProbe(fails={"site": away if access.api_url else Unauthorized("no")})

    monkeypatch.setattr(reaching, "at_gateway", at_gateway)
    room.type_in("")
    with pytest.raises(Unauthorized, match=r"^The site refuses the token \(401\)\. .* gave no answer"):
        connect(Settings(config=room.folder), ALL, Terminal(), open_probe)
    assert room.files() == {"connections.yaml"}


def test_an_existing_connection_is_not_overwritten_unasked(room: Room) -> None:
    room.connect(ALL)
    before, secrets = room.file.read_text(encoding="utf-8"), room.files()
    with pytest.raises(Complaint, match="acme-jira already"):
        room.connect(ALL)
    assert (room.file.read_text(encoding="utf-8"), room.files()) == (before, secrets)


def test_replacing_one_leaves_its_old_secret(room: Room) -> None:
    room.connect(replace(ALL, register=False))
    (old,) = room.connections()
    room.connect(replace(ALL, register=False, places=("OPS",), replace=True))
    (new,) = room.connections()
    assert new.projects == ("OPS",)
    assert hook_of(new).secrets != hook_of(old).secrets
    assert room.files() == {"connections.yaml", IGNORED, "secrets/acme-jira-hook", "secrets/acme-jira-hook-2"}


def test_a_webhook_that_may_not_be_made_leaves_the_rest(room: Room) -> None:
    room.probe.fails["register"] = Forbidden("Jira forbids it.")
    with pytest.raises(Complaint, match="only the webhook is missing"):
        room.connect(ALL)
    said = room.read()
    assert f"Enter {PUBLIC}/webhooks/acme-jira." in said
    assert f"Its secret: the content of {room.folder / 'secrets' / 'acme-jira-hook'}, as signature" in said
    assert room.connections()[0].name == "acme-jira"


def test_broken_off_while_the_webhook_is_made_it_says_what_stands(room: Room) -> None:
    room.probe.fails["register"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        room.connect(ALL)
    assert "The connection stands in connections.yaml; whether the webhook was made" in room.read()
    assert room.connections()[0].name == "acme-jira"


def test_broken_off_while_writing_it_leaves_no_secret(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(keeping, "_replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        room.connect(ALL)
    assert room.files() == {"connections.yaml"}
    assert room.probe.done == []


def test_a_webhook_that_may_not_be_seen_is_left_to_a_person(room: Room) -> None:
    room.probe.webhooks = None
    room.connect(replace(ALL, register=None))
    assert "Open the settings of ABC." in room.read()
    assert room.probe.done == []


def test_a_webhook_that_is_there_is_looked_at_and_kept(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_HOOK", HOOK)
    room.probe.webhooks = [THERE]
    room.connect(replace(ALL, hook_secret=Where("--hook-secret", env="ACME_HOOK")))
    assert room.probe.done == []
    assert "It does not send sprint started." in room.read()
    assert hook_of(room.connections(ACME_HOOK=HOOK)[0]).secrets[0].reveal() == HOOK


def test_a_webhook_that_is_there_for_something_else_is_told(room: Room) -> None:
    room.probe.webhooks = [replace(THERE, covers=frozenset({"OPS"}))]
    room.connect(replace(ALL, hook_secret=Where("--hook-secret", env="ACME_TOKEN")))
    assert room.probe.done == []
    assert "None that sends to us is for ABC" in room.read()


def test_what_a_process_reads_differently_or_not_at_all_is_said(room: Room) -> None:
    room.file.write_bytes(b"\xef\xbb\xbf" + SHIPPED.encode())
    room.connect(replace(ALL, register=False))
    assert "all else in it is as it was but for the byte order mark, which is gone" in room.read()
    (room.folder / "secrets").chmod(0o777)
    room.file.write_text(f"{room.file.read_text()}surplus: 1\n")
    room.connect(replace(ALL, name="b", register=False))
    said = room.read()
    assert "still does not load here" in said
    assert "(mode 0777)" in said


def test_what_kubernetes_puts_there_is_printed_alone(room: Room) -> None:
    (room.folder / "..data").mkdir()
    room.file.rename(room.folder / "..data" / "connections.yaml")
    room.file.symlink_to("..data/connections.yaml")
    with pytest.raises(Complaint, match="--print"):
        room.connect(ALL)
    assert room.connect(replace(ALL, write=False, register=False))


def test_the_secret_of_a_webhook_that_is_there_must_be_given(room: Room) -> None:
    room.probe.webhooks = [THERE]
    with pytest.raises(Complaint, match="--hook-secret-env or --hook-secret-file"):
        room.connect(ALL)


def test_behind_a_firewall_there_is_no_webhook_and_no_secret_of_one(room: Room) -> None:
    room.connect(replace(ALL, public_url=None, register=None, webhook=False))
    (made,) = room.connections()
    assert (made.webhook, made.catch_up) == (None, timedelta(minutes=1))
    assert room.probe.done == []
    assert room.files() == {"connections.yaml"}
    said = room.read()
    assert "]: " not in said
    assert "webhook" not in said
    assert "doctor acme-jira" in said


def test_whether_the_tracker_can_reach_us_is_asked_where_nothing_tells(room: Room) -> None:
    room.connect(replace(LINEAR, public_url=None, register=None), "n")
    assert "Can the tracker reach this service? [Y/n]: " in room.read()
    assert "catch_up: 1m" in room.file.read_text(encoding="utf-8").partition("#  acme")[0]
    assert room.connections()[0].webhook is None


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        (replace(ALL, register=None), "--public-url"),
        (replace(ALL, public_url=None), "--register"),
        (
            replace(
                ALL, public_url=None, register=None, hook_secret=Where("--hook-secret", env="ACME_TOKEN")
            ),
            "--hook-secret-env or --hook-secret-file",
        ),
    ],
)
def test_no_webhook_and_a_flag_of_one_is_a_contradiction(room: Room, given: Given, flag: str) -> None:
    with pytest.raises(Complaint, match=f"^{flag} is for a webhook, and --no-webhook wants none"):
        room.connect(replace(given, webhook=False))
    assert room.files() == {"connections.yaml"}


def test_a_known_address_does_not_make_a_webhook_that_is_not_wanted(room: Room) -> None:
    room.type_in("")
    settings = Settings(config=room.folder, public_url=PUBLIC)
    given = replace(ALL, public_url=None, register=None, webhook=False)
    connect(settings, given, Terminal(), lambda access: room.probe)
    assert room.connections()[0].webhook is None


def test_linear_by_a_key(room: Room) -> None:
    room.probe.kind = "Linear"
    room.connect(LINEAR)
    (made,) = room.connections()
    assert (made.tracker, made.projects, made.cycles) == (TrackerKind.LINEAR, ("ABC",), True)
    assert "url:" not in room.file.read_text(encoding="utf-8").partition("#  acme")[0]


def test_linear_by_client_credentials(room: Room) -> None:
    given = replace(
        LINEAR, key=Where("--key"), client_id="8f2c0e", client_secret=Where("--secret", env="ACME_TOKEN")
    )
    room.connect(given)
    assert 'auth: {client_id: "8f2c0e", client_secret: {env: ACME_TOKEN}}' in room.file.read_text()


def test_linear_chooses_the_secret_of_a_webhook_made_by_hand(room: Room) -> None:
    room.probe.webhooks = None
    room.connect(replace(LINEAR, register=None))
    assert f"Its secret: the content of {room.folder / 'secrets' / 'acme-linear-hook'}" in room.read()
    room.connect(replace(LINEAR, name="b", register=None), "y", HOOK, "y")
    assert hook_of(room.connections()[1]).secrets[0].reveal() == HOOK


def test_secrets_of_other_connections_need_not_be_there(room: Room) -> None:
    text = "version: 1\nconnections:\n  b:\n    tracker: linear\n    auth: {key: {env: ELSEWHERE}}\n"
    room.file.write_text(f"{text}    webhook: {{secrets: [{{env: ELSEWHERE}}]}}\n    teams: [ENG]\n")
    room.connect(replace(ALL, register=False))
    assert [one.name for one in room.connections(ELSEWHERE=HOOK)] == ["b", "acme-jira"]


def test_what_would_not_be_good_is_not_written(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "short")
    with pytest.raises(Complaint, match="shorter than 8 characters"):
        room.connect(ALL)
    assert room.files() == {"connections.yaml"}
    assert room.file.read_text(encoding="utf-8") == SHIPPED
    assert room.probe.done == []


def test_a_folder_that_cannot_be_written_is_said(room: Room) -> None:
    (room.folder / "secrets").write_text("not a folder")
    with pytest.raises(Complaint, match="cannot be written"):
        room.connect(ALL)
    assert room.file.read_text(encoding="utf-8") == SHIPPED


def test_a_link_to_the_file_stays_a_link(room: Room, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.yaml"
    room.file.rename(real)
    real.chmod(0o640)
    room.file.symlink_to(real)
    room.connect(replace(ALL, hook_secret=Where("--hook-secret", env="ACME_TOKEN")))
    assert room.file.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert room.connections()[0].name == "acme-jira"


def test_a_secret_file_beside_the_connections_is_named_from_there(room: Room) -> None:
    (room.folder / "jira-token").write_text(f"{TOKEN}\n")
    room.connect(replace(ALL, token=Where("--token", file=room.folder / "jira-token")))
    assert "token: {file: jira-token}" in room.file.read_text(encoding="utf-8")
    assert room.connections()[0].name == "acme-jira"
