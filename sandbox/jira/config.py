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
    def cloud(self) -> bool:
        """Whether this plays Jira Cloud."""
        return self.deployment == "cloud"
