"""How Linear says no: the messages, codes and types of its GraphQL errors.

Shapes as classified by ``error.ts`` of github.com/linear/linear (``packages/sdk/src``) and described
on linear.app/developers/graphql.
"""

from __future__ import annotations

from typing import Any


class LinearError(Exception):
    """A refusal. ``status`` is the HTTP status it asks for; None leaves that to the settings."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "INPUT_ERROR",
        type: str = "invalid input",
        user_message: str | None = None,
        body_status: int = 400,
        status: int | None = None,
        meta: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.extensions: dict[str, Any] = {
            "type": type,
            "code": code,
            "statusCode": body_status,
            "userError": body_status < 500,
            "userPresentableMessage": user_message or message,
        }
        if meta:
            self.extensions["meta"] = meta

    def body(self) -> dict[str, Any]:
        """The whole answer of a request that was refused before it was executed."""
        return {"errors": [{"message": self.message, "extensions": self.extensions}]}


def not_found(entity: str) -> LinearError:
    return LinearError(f"Entity not found: {entity}", user_message=f"Could not find referenced {entity}.")


def conflict(entity: str, id: str) -> LinearError:
    return LinearError(
        f"conflict on insert of {entity}", user_message=f"Entity {entity} with id {id} already exists."
    )


def bad_argument(why: str) -> LinearError:
    return LinearError("Argument Validation Error", code="INVALID_INPUT", user_message=why)


def not_exclusive() -> LinearError:
    return LinearError(
        "labelIds not exclusive child labels",
        user_message="An issue takes one label of each group.",
    )


def wrong_team() -> LinearError:
    return LinearError("labelIds for incorrect team", user_message="The label belongs to a different team.")


def group_applied() -> LinearError:
    return LinearError(
        "labelIds contain a label group", user_message="A group cannot be put on an issue itself."
    )


def duplicate_label(name: str) -> LinearError:
    return LinearError("duplicate label name", user_message=f'There is a label "{name}" already.')


def forbidden(what: str) -> LinearError:
    return LinearError(f"Forbidden: {what}", code="FORBIDDEN", type="forbidden", body_status=403)


def missing_scope(scope: str) -> LinearError:
    return LinearError(
        f"Invalid scope: `{scope}` required", code="FORBIDDEN", type="forbidden", body_status=403
    )


def not_authenticated() -> LinearError:
    return LinearError(
        "Authentication required, not authenticated",
        code="AUTHENTICATION_ERROR",
        type="authentication error",
        user_message="You need to authenticate to access this operation.",
        body_status=401,
        status=401,
    )


def too_complex(cost: int, limit: int) -> LinearError:
    return LinearError(
        "Query too complex",
        user_message=f"This query costs {cost} points; {limit} are the most allowed.",
        status=400,
    )


def rate_limited(limit: int, what: str, reset_ms: int, status: int = 400) -> LinearError:
    """``what`` is ``requests``, ``complexity points`` or the like."""
    return LinearError(
        f"Rate limit exceeded. Only {limit} {what} are allowed per 1 hour.",
        code="RATELIMITED",
        type="ratelimited",
        user_message="Too many requests were made; try again later.",
        body_status=429,
        status=status,
        meta={"rateLimitResult": {"allowed": False, "limit": limit, "remaining": 0, "reset": reset_ms}},
    )


def wrong_document(message: str) -> LinearError:
    return LinearError(message, code="GRAPHQL_VALIDATION_FAILED", type="graphql error", status=400)


def lock_timeout(status: int = 200) -> LinearError:
    return LinearError(
        "lock timeout",
        code="LOCK_TIMEOUT",
        type="lock timeout",
        user_message="The entity is being changed by another request.",
        body_status=503,
        status=status,
    )


def internal(status: int = 200) -> LinearError:
    return LinearError(
        "Internal server error",
        code="INTERNAL_SERVER_ERROR",
        type="internal error",
        user_message="Something went wrong on the server.",
        body_status=500,
        status=status,
    )
