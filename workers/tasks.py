"""What RQ calls. A job carries only a reference: the work waits in the inbox, not in the job."""

from __future__ import annotations

from trackers.model import Subject
from workers.run import run
from workers.shop import Shop

WAKE = "workers.tasks.wake"

_shop: Shop | None = None


def open_for_business(shop: Shop) -> None:
    """Give this process the floor its jobs work on; called once, before the first job."""
    global _shop
    _shop = shop


def wake(subject: str, token: int) -> None:
    """Run the subject under its lease; a wake-up whose token is not the newest does nothing."""
    if _shop is None:
        raise RuntimeError("This worker was not opened for business; start it with `sprintwarden work`.")
    run(_shop, Subject.parse(subject), token)
