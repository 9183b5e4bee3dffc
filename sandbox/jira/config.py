"""The switches of the toy Jira."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Deployment = Literal["cloud", "data_center"]


@dataclass(frozen=True, slots=True)
class JiraConfig:
    """How the toy Jira is set up and which of Jira's moods it shows."""

    token: str
    """The API token (Cloud) or personal access token (Data Center) that is accepted."""
    email: str = "bot@example.invalid"
    deployment: str = "cloud"
    """``cloud`` or ``data_center``."""
    projects: tuple[str, ...] = ("ABC", "OPS")
    """Software projects, company-managed; board 1 belongs to the first, board 2 to the second."""
    service_projects: tuple[str, ...] = ("HELP",)
    """Service projects; they have no board."""
    team_managed: tuple[str, ...] = ()
    """Those of ``projects`` that are team-managed: a ``simple`` board without an estimation field."""
    bot_name: str = "Sprintwarden"
    """The display name of the account that owns the token."""
    bot_is_app: bool = False
    """Whether that account is a service account (``accountType`` app)."""
    bot_zone: str = "Etc/UTC"
    """The account's time zone: absolute times in JQL are read in it."""
    page_size: int = 50
    """The most items on one page, and how many when nobody asks."""
    may_suppress_mail: bool = True
    """Whether the account has the project-admin permission that ``notifyUsers=false`` needs."""
    mail_refusal: Literal["refuse", "ignore"] = "refuse"
    """Without that permission: answer 403, or do the edit and send the mail all the same."""
    lacking: tuple[str, ...] = ()
    """Further permissions that the account has not, as told; what it then tries is not refused for it."""
    may_webhooks: bool = True
    """Whether the account is an administrator who sees and makes webhooks."""
    release: str = "10.3.5"
    """Data Center's."""
    token_expires: str | None = None
    """Data Center: when the access token ends, an ISO time."""
    other_tokens: int = 0
    """Data Center: how many more access tokens the account has."""
    cloud_id: str = "5b1c1a0e-7f3c-4c1e-9d59-1a4f0c2f6b11"
    """Cloud: names the site at the gateway, whose paths begin with ``/ex/jira/<cloud_id>``."""
    scoped: bool = False
    """Cloud: whether the token is a scoped one, which the gateway alone takes."""
    may_bulk: bool = True
    """Cloud: whether the account has the global permission to make bulk changes."""
    task_polls: int = 1
    """Cloud: how often long work is found still at work before it is over."""
    task_outcome: str = "COMPLETE"
    """Cloud: how long work ends; with ``FAILED``, ``DEAD`` or ``CANCELLED`` nothing was done."""
    archived: tuple[str, ...] = ()
    """Keys of issues that can be read but not edited."""
    without_labels: tuple[str, ...] = ()
    """Projects whose screens have no field for labels."""
    search_lag: float = 0.0
    """Cloud: seconds for which the search does not see a new issue."""
    retries: tuple[float, ...] = (1.0, 2.0, 4.0)
    """Cloud: seconds before each further attempt at a failed webhook (really 5 to 15 minutes)."""

    def __post_init__(self) -> None:
        if not self.token:
            raise ValueError("the toy Jira needs a token")
        if self.deployment not in ("cloud", "data_center"):
            raise ValueError(f"unknown deployment {self.deployment!r}; known: cloud, data_center")

    @property
    def version(self) -> list[int]:
        """As the server tells it in numbers."""
        return [1001, 0, 0] if self.cloud else [int(part) for part in self.release.split(".")]

    @property
    def cloud(self) -> bool:
        """Whether this plays Jira Cloud."""
        return self.deployment == "cloud"
