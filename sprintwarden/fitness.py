"""Whether the Redis of ``REDIS_URL`` is fit to hold events; asked by every process that starts."""

from __future__ import annotations

import ssl

import structlog
from redis.exceptions import AuthenticationError, RedisError

from sprintwarden.settings import Complaint, Settings
from store.connect import connect, trouble
from store.durability import traits

log = structlog.get_logger("redis")


def look_at_redis(settings: Settings) -> None:
    """Refuse to start on a Redis that may lose events, or one that will never let us in.

    One that is away now is no reason: it is looked at again by readiness. Raises Complaint.
    """
    redis = connect(settings.redis())
    try:
        found = traits(redis)
    except RedisError as error:
        if why := _never(error):
            raise Complaint(why) from None
        log.warning("redis is away", error=type(error).__name__)
        return
    finally:
        redis.close()
    for trait in found:
        if trait.ok is False and not settings.redis_may_forget:
            raise Complaint(
                f"This Redis is not fit to hold events. {trait.sentence} "
                "If losing events is all right here, set SPRINTWARDEN_REDIS_MAY_FORGET=true."
            )
        if not trait.ok:
            log.warning("redis may lose events", why=trait.sentence)


def _never(error: RedisError) -> str | None:
    """What is wrong for good, without the words of the error, which may quote the address."""
    if isinstance(error, AuthenticationError):
        return trouble(error)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"The certificate of Redis does not hold: {cause.verify_message}. "
                "Name the file of its authority in REDIS_URL: rediss://…?ssl_ca_certs=/path/to/ca.pem."
            )
        cause = cause.__cause__ or cause.__context__
    return None
