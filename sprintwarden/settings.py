"""Settings of one process, from the environment. What an admin tunes about behaviour is in ``config/``."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from rules.connection_schema import Url
from rules.connections import NoSecret, secret_in, secret_of
from rules.secret import Secret
from store.address import parse


class Complaint(Exception):
    """Something the user can mend; shown as it is, without a traceback."""


class Settings(BaseSettings):
    """Every name is read from ``SPRINTWARDEN_<NAME>``; the Redis address from ``REDIS_URL`` or from the file
    of ``REDIS_URL_FILE``."""

    model_config = SettingsConfigDict(env_prefix="SPRINTWARDEN_", frozen=True)

    redis_url: str | None = Field(default=None, validation_alias="REDIS_URL", repr=False)
    redis_url_file: str | None = Field(default=None, validation_alias="REDIS_URL_FILE")
    """Holds that address in place of the environment. Empty, like an empty address, it is not set."""
    redis_may_forget: bool = False
    """Whether to go on with a Redis that evicts keys or appends nothing to disk."""
    config: Path = Path("config")
    """Folder with ``rules.yaml`` and ``connections.yaml``; may be mounted read-only."""
    data: Path = Path("var")
    """Folder for the Redis of ``sprintwarden run``, copies of models, and what a training gathers."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    public_url: Url | None = None
    """Where trackers find this service; deliveries go to ``/webhooks/CONNECTION`` below it."""
    metrics_token: str | None = Field(default=None, repr=False)
    """Who shows it is told metrics and checks; without one, who asks on the machine itself."""
    metrics_token_file: Path | None = None
    """Holds that token in place of the environment."""
    console_password_hash: str | None = Field(default=None, repr=False)
    """What people log in to the console against; `sprintwarden console-password` makes it."""
    console_password_hash_file: Path | None = None
    """Holds that hash in place of the environment."""
    console_header: str | None = None
    """Header in which a reverse proxy tells the console who its user is."""
    console_proxies: str = "127.0.0.1, ::1"
    """Addresses and networks of those proxies."""
    web_processes: int = Field(default=2, ge=1, le=64)
    web_threads: int = Field(default=8, ge=1, le=256)
    """Per process. More cost more in switching than they bring; what comes meanwhile waits milliseconds."""
    sender_patience_s: float = Field(default=10.0, ge=0.1, le=300)
    """How long a sender may be silent in the middle of a request before it is cut off."""
    workers: int = Field(default=2, ge=1, le=64)
    bulk_workers: int = Field(default=1, ge=1, le=64)
    settle_issue_s: float = Field(default=3.0, ge=0, le=300)
    settle_sprint_s: float = Field(default=30.0, ge=0, le=3_600)
    ceiling_issue_s: float = Field(default=30.0, ge=0, le=3_600)
    ceiling_sprint_s: float = Field(default=300.0, ge=0, le=3_600)
    sprint_look_s: float = Field(default=900.0, ge=1, le=86_400)
    """How often a board is looked at when no event tells of its sprints."""
    retrain_days: float = Field(default=7.0, ge=0, le=365)
    """How old the newest model of a connection may get before its history is learnt anew; 0 is never."""
    lease_s: float = Field(default=45.0, ge=1, le=3_600)
    """How long a run may be silent before its subject is given to another. A run may take 35 seconds."""

    @property
    def rules_file(self) -> Path:
        return self.config / "rules.yaml"

    @property
    def connections_file(self) -> Path:
        return self.config / "connections.yaml"

    @property
    def settle_issue(self) -> timedelta:
        return timedelta(seconds=self.settle_issue_s)

    @property
    def settle_sprint(self) -> timedelta:
        return timedelta(seconds=self.settle_sprint_s)

    @property
    def ceiling_issue(self) -> timedelta:
        return timedelta(seconds=self.ceiling_issue_s)

    @property
    def ceiling_sprint(self) -> timedelta:
        return timedelta(seconds=self.ceiling_sprint_s)

    @property
    def retrain_every(self) -> timedelta:
        return timedelta(days=self.retrain_days)

    @property
    def sprint_look(self) -> timedelta:
        return timedelta(seconds=self.sprint_look_s)

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_s)

    @property
    def names_redis(self) -> bool:
        """Whether it is said which Redis to use; else `sprintwarden run` starts its own."""
        return bool(self.redis_url or self.redis_url_file)

    def redis(self) -> str:
        """The Redis address. Raises Complaint when there is none, or none to use."""
        file = Path(self.redis_url_file) if self.redis_url_file else None
        told = _secret("REDIS_URL", self.redis_url or None, file)
        url = told.reveal() if told else self._of_run()
        if not url:
            raise Complaint(
                "REDIS_URL is not set. Set it to your Redis (redis://host:6379/0), "
                "or use `sprintwarden run`, which starts one of its own that this command then finds."
            )
        try:
            parse(url)
        except ValueError as error:
            raise Complaint(str(error)) from None
        return url

    def metrics_secret(self) -> Secret | None:
        """The token that metrics are told for, if there is one. Raises Complaint where it is none to use."""
        return _secret("SPRINTWARDEN_METRICS_TOKEN", self.metrics_token, self.metrics_token_file)

    def console_secret(self) -> Secret | None:
        """The hash of the console's password, if there is one. Raises Complaint as ``metrics_secret``."""
        name = "SPRINTWARDEN_CONSOLE_PASSWORD_HASH"
        return _secret(name, self.console_password_hash, self.console_password_hash_file)

    def _of_run(self) -> str | None:
        """Where the Redis of a `sprintwarden run` over the same data folder listens, while it does."""
        try:
            return (self.data / "redis" / ADDRESS).read_text(encoding="utf-8").strip()
        except OSError:
            return None


ADDRESS = "address"
"""File in the data folder of an embedded Redis that says where it listens."""


def _secret(name: str, value: str | None, file: Path | None) -> Secret | None:
    if file is not None and value is not None:
        raise Complaint(f"{name} and {name}_FILE are both set: keep one of them.")
    try:
        if file is not None:
            return secret_in(file, f"{file}, the file of {name}_FILE,")
        return secret_of(value, name) if value is not None else None
    except NoSecret as fault:
        raise Complaint(f"{fault}.") from None


def read_settings() -> Settings:
    """The settings of this process. Raises Complaint naming every variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        said = [
            f"SPRINTWARDEN_{str(problem['loc'][0]).upper()}: {problem['msg']}." for problem in error.errors()
        ]
        raise Complaint("\n".join(said)) from None
