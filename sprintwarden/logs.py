"""Log lines: JSON for machines, readable on a terminal; always on standard error.

Nothing here ever sees an issue's text: whoever logs names subjects by id and deliveries by digest.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Final

import orjson
import structlog
from gunicorn.glogging import Logger
from structlog.typing import FilteringBoundLogger

_TOKEN: Final = re.compile(r"(token=)[^&\s\"']+", re.IGNORECASE)


def configure(level: str = "INFO") -> None:
    """Set logging up for this process."""
    number = logging.getLevelNamesMapping()[level]
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    wrapper: type[FilteringBoundLogger] = structlog.make_filtering_bound_logger(number)
    if sys.stderr.isatty():
        structlog.configure(
            # The usual traceback would show every variable, secrets and issue text among them.
            processors=[
                *shared,
                structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
            ],
            wrapper_class=wrapper,
            logger_factory=structlog.WriteLoggerFactory(sys.stderr),
            cache_logger_on_first_use=True,
        )
    else:
        structlog.configure(
            processors=[
                *shared,
                structlog.processors.format_exc_info,
                # Of a dataclass its repr, which hides what is secret, and not every field.
                structlog.processors.JSONRenderer(
                    serializer=orjson.dumps, option=orjson.OPT_PASSTHROUGH_DATACLASS
                ),
            ],
            wrapper_class=wrapper,
            logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
            cache_logger_on_first_use=True,
        )
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    for noisy in ("httpx", "httpcore", "jira", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


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
