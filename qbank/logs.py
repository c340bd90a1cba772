"""structlog, configured once a process: readable on a terminal, JSON for machines.

Logs go to stderr so that stdout stays the command's answer. What never lives here: secrets, and
handlers of the libraries that log by themselves (Dagster, dbt, uvicorn).
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from qbank.settings import get_settings


def configure() -> None:
    """Sets structlog up from ``QBANK_LOG_LEVEL`` and ``QBANK_LOG_FORMAT``."""
    settings = get_settings()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.log_format == "json":
        shared += [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
    else:
        shared.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()))
    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.log_level.upper()]
        ),
        # stderr as it is when something is said: one that was exchanged since is closed
        logger_factory=lambda *_: structlog.PrintLogger(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
