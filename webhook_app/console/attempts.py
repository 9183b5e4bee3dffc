"""How often somebody may try to log in: growing waits, never for ever."""

from __future__ import annotations

import ipaddress
from typing import Final

from redis import Redis

from store import keys

FREE: Final = 5
"""Attempts without a wait; a person who mistypes needs no more."""
LONGEST_S: Final = 300
FREE_IN_ALL: Final = 50
WAIT_IN_ALL_S: Final = 1
"""Between two attempts of anybody, once there were so many within the hour: guesses that come from many
addresses."""
_ALL: Final = "all"


def address_of(address: str) -> str:
    """Whom an attempt from ``address`` counts for: one home or machine has a whole IPv6 /64."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "nowhere"
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(found)


class Attempts:
    """Counts attempts in Redis, for all web processes.

    A browser that somebody logged in with before is counted by itself and does not wait for others, so that a
    flood of guesses does not keep the admin out (OWASP, "Slow Down Online Guessing Attacks with Device
    Cookies").
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def wait(self, who: str, *, known: bool) -> int:
        """Count an attempt, unless it comes too early: then how many seconds it is to wait."""
        names = [who] if known else [who, _ALL]
        pipe = self._redis.pipeline()
        for name in names:
            pipe.pttl(keys.console_wait(name))
        left = max(pipe.execute())
        return -(-left // 1000) if left > 0 else self._count(who, known=known)

    def _count(self, who: str, *, known: bool) -> int:
        tries, total = keys.console_tries(who), keys.console_tries(_ALL)
        pipe = self._redis.pipeline()
        # Its life is not renewed: an hour ends while somebody goes on guessing.
        pipe.set(total, 0, ex=keys.CONSOLE_TRIES_LIFE, nx=True)
        pipe.incrby(total, 0 if known else 1)
        pipe.incr(tries)
        pipe.expire(tries, keys.CONSOLE_TRIES_LIFE)
        _, of_all, own, _ = pipe.execute()
        if own >= FREE:
            self._redis.set(keys.console_wait(who), "1", ex=min(LONGEST_S, 2 ** min(own - FREE, 16)))
        if of_all >= FREE_IN_ALL and not known:
            self._redis.set(keys.console_wait(_ALL), "1", ex=WAIT_IN_ALL_S)
        return 0

    def forgive(self, who: str) -> None:
        """The password was right."""
        self._redis.delete(keys.console_tries(who), keys.console_wait(who))
