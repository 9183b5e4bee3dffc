"""Log lines: JSON for machines, readable on a terminal; always on standard error.

Nothing here ever sees an issue's text: whoever logs names subjects by id and deliveries by digest.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from typing import IO, Any, Final

import orjson
import structlog
from gunicorn.glogging import Logger
from structlog.typing import FilteringBoundLogger

_OURS: Final = frozenset(
    {"classifiers", "rules", "sprintwarden", "store", "trackers", "webhook_app", "workers"}
)
_QUOTES_NOTHING: Final = (AttributeError, ImportError, NameError, OSError, TypeError)
"""What Python itself says of these names types, attributes and files."""
_TOKEN: Final = re.compile(r"(token=)[^&\s\"']+", re.IGNORECASE)


def configure(level: str = "INFO") -> None:
    """Set logging up for this process."""
    number = logging.getLevelNamesMapping()[level]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    wrapper: type[FilteringBoundLogger] = structlog.make_filtering_bound_logger(number)
    if sys.stderr.isatty():
        structlog.configure(
            processors=[*shared, structlog.dev.ConsoleRenderer(exception_formatter=_write_place)],
            wrapper_class=wrapper,
            logger_factory=structlog.WriteLoggerFactory(sys.stderr),
            cache_logger_on_first_use=True,
        )
    else:
        structlog.configure(
            processors=[
                *shared,
                structlog.processors.ExceptionRenderer(lambda exc_info: place(exc_info[1])),
                # Of a dataclass its repr, which hides what is secret, and not every field.
                structlog.processors.JSONRenderer(
                    serializer=orjson.dumps, option=orjson.OPT_PASSTHROUGH_DATACLASS
                ),
            ],
            wrapper_class=wrapper,
            logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
            cache_logger_on_first_use=True,
        )
    others = logging.StreamHandler(sys.stderr)
    others.setFormatter(_Places("%(asctime)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[others])
    for noisy in ("httpx", "httpcore", "jira", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def place(error: BaseException | None) -> str:
    """The traceback of ``error`` and of what it came from, with the words of those alone that quote nothing:
    a library's often quote the value that it could not read, which may be an issue's text or a token.
    """
    told: list[str] = []
    while error is not None:
        frames = "".join(traceback.format_tb(error.__traceback__))
        told.insert(0, f"{frames}{_named(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nwhich led to\n".join(told)


def _named(error: BaseException) -> str:
    kind = type(error)
    if kind.__module__.partition(".")[0] in _OURS or isinstance(error, _QUOTES_NOTHING):
        return f"{kind.__qualname__}: {error}"
    return f"{kind.__module__}.{kind.__qualname__} (what it says is left out: it may quote an issue)"


def _write_place(out: IO[str], exc_info: Any) -> None:
    out.write(place(exc_info[1]))


class _Places(logging.Formatter):
    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return place(ei[1])


class DiscreetLogger(Logger):  # type: ignore[misc]
    """gunicorn's own log, without the tokens that some trackers can only send in the address."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.addFilter(_hide_tokens)


def _hide_tokens(entry: logging.LogRecord) -> bool:
    if entry.exc_info and isinstance(entry.exc_info[1], BlockingIOError):
        # A sender fell silent in mid-request and was cut off: whoever likes to could fill the log with these.
        return False
    told = entry.getMessage()
    hidden = _TOKEN.sub(r"\1***", told)
    if hidden != told:
        entry.msg, entry.args = hidden, ()
    return True
