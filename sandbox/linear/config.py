"""What a toy Linear can be told before it starts."""

from __future__ import annotations

from dataclasses import dataclass

THIRTY_DAYS = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class LinearConfig:
    """The settings of one toy workspace. The limits are those of linear.app/developers/rate-limiting."""

    token: str = "lin_api_sandbox"
    """The personal key; sent as ``Authorization: <key>``, without ``Bearer``."""
    teams: tuple[str, ...] = ("ENG",)
    """Team keys."""
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-client-secret"
    token_lifetime: float = THIRTY_DAYS
    """Seconds a token of the client-credentials grant lives."""
    dedicated_app: bool = True
    """Whether the personal key belongs to an app user; False gives it to the acting person."""
    requests_limit: int = 2_500
    complexity_limit: int = 3_000_000
    oauth_requests_limit: int = 5_000
    oauth_complexity_limit: int = 2_000_000
    query_complexity_limit: int = 10_000
    may_write: bool = True
    """False makes all credentials such as may only read."""
    webhook_access: bool = True
    """False keeps webhooks from the API, as from an account that is no admin's."""
    label_creation: bool = True
    """False answers label creation as a workspace that reserves it to admins does."""
    deleted_ids_stay_taken: bool = True
    """Whether the id of a deleted comment still conflicts, though the comment is not found."""
    input_error_status: int = 200
    """HTTP status of refused input inside a valid document; 400 is seen in the field as well."""
    past_cycles: tuple[tuple[int, int], ...] = ((0, 0),)
    """Points planned and points done of each finished cycle, oldest first."""
    cycle_days: int = 14
    cycle_elapsed_days: float = 2.0
    """How long ago the active cycle began."""
    webhook_retries: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Waits before further attempts; the real ones are a minute, an hour and six hours."""
    describe_delay: float = 1.5
    """Seconds until a description typed in the collaborative editor follows its issue."""
