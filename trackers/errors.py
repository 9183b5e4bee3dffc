"""What can go wrong when talking to a tracker, in the words a run decides by.

Each says what happened as a sentence without issue text or secrets. ``workers.failures`` maps
them to what becomes of the run.
"""

from __future__ import annotations

from datetime import timedelta

from trackers.limits import Pause


class TrackerError(Exception):
    """Base of all below; never raised itself."""


class Gone(TrackerError):
    """What was asked for does not exist, or the account may not see it."""


class Unauthorized(TrackerError):
    """The credentials are not accepted: nothing will work until a person mends them."""


class Forbidden(TrackerError):
    """The account is known but may not do this."""


class Conflict(TrackerError):
    """Somebody else changed it at the same moment; reading again helps."""


class Rejected(TrackerError):
    """The tracker understood the write and will not have it: repeating it would not help."""


class LimitReached(TrackerError):
    """A rate limit: nothing was executed, and each pause says what may not be asked until when."""

    def __init__(self, message: str, pauses: tuple[Pause, ...]) -> None:
        super().__init__(message)
        self.pauses = pauses


class Paused(TrackerError):
    """Not asked at all, because a pause is in force over this call."""

    def __init__(self, message: str, left: timedelta) -> None:
        super().__init__(message)
        self.left = left


class Unreachable(TrackerError):
    """No connection, no answer in time, or a gateway's 502-504: the tracker as a whole is away."""


class ServerFault(TrackerError):
    """The tracker itself failed on this request (500), or answered what nobody can read."""


class Walled(ServerFault):
    """Something between us and the tracker answered in its place: a proxy, a firewall, a login page. Of what
    was asked about it proves nothing."""


class Stale(TrackerError):
    """What was read is older than the event that asked for it, or changed while it was read; reading
    again in a moment helps."""
