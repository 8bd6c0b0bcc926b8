"""Understands how a process tells what it did: one structured line a stage, never a person's number."""

from __future__ import annotations

import logging
import sys
from typing import Protocol, cast

import structlog

from credithub.domain.persons import mask


class Log(Protocol):
    """What the rest of the house may ask of a log: an action's name and its facts."""

    def info(self, event: str, **facts: object) -> None: ...
    def warning(self, event: str, **facts: object) -> None: ...
    def error(self, event: str, **facts: object) -> None: ...


def _masked(_: object, __: str, facts: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {key: mask(value) if isinstance(value, str) else value for key, value in facts.items()}


def configure(service: str, level: str = "info") -> None:
    """Sets the process's log up once: JSON lines on standard error."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(stream=sys.stderr, level=max(number, logging.WARNING), format="%(message)s")
    for noisy in ("aiokafka", "kafka"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _masked,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    structlog.contextvars.bind_contextvars(service=service)


def logger() -> Log:
    return cast("Log", structlog.get_logger())
