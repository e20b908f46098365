"""Logs of the services: one JSON object a line, on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable

import structlog
from structlog.typing import FilteringBoundLogger

from pmpo.runtime.secrets import Masking, masking

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_logs(process: str, level: str, secrets: Iterable[str] = ()) -> None:
    """Set up this process's logs, those of its libraries included. Called once, by the composition root.

    Args:
        process: name of the process, in every line.
        level: debug, info, warning or error.
        secrets: masked wherever they stand in a line, as is whatever has the shape of a key or a password.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_process(process),
        structlog.processors.format_exc_info,
    ]
    renderer = _masked(structlog.processors.JSONRenderer(ensure_ascii=False), masking(secrets))
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(_LEVELS[level], logging.INFO))
    for name in ("httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


def get_logger() -> FilteringBoundLogger:
    """A logger: ``log.info("what_happened", job_id=...)``."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def _masked(render: structlog.processors.JSONRenderer, mask: Masking) -> structlog.typing.Processor:
    """Over the finished line, so that nothing in it is forgotten: values, messages, tracebacks."""

    def masked(logger: object, method: str, event: structlog.typing.EventDict) -> str:
        return mask(str(render(logger, method, event)))

    return masked


def _with_process(process: str) -> structlog.typing.Processor:
    def add(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = process
        return event

    return add
