"""One JSON line for each thing worth knowing, on standard output. No secrets and no personal data."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, BinaryIO

import msgspec
import structlog

from api.redaction import is_suspicious, redact, redacted
from api.settings import Settings

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request being answered; the same as `X-Request-Id` and as the correlation id of its events."""

_encode = msgspec.json.Encoder(enc_hook=str).encode
Entry = MutableMapping[str, Any]
# without locals: they hold credentials and client secrets
_tracebacks = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def configure(settings: Settings, stream: BinaryIO | None = None) -> None:
    """Everything that logs, the standard library's loggers too, ends in one stream of JSON lines."""
    level = logging.getLevelNamesMapping()[settings.log_level]
    out = stream or sys.stdout.buffer
    structlog.configure(
        processors=[
            _request,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *_tail(settings),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Forward()]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "litestar"):
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = name != "uvicorn.access"  # ours is written by `context.py`


def configure_for_command() -> None:
    """What a command has to say while it works goes to standard error: its answer is on standard output."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
            ),
            lambda _, __, text: redact(str(text)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.getLogger().handlers[:] = [_Forward()]


def _request(_: Any, __: str, entry: Entry) -> Entry:
    if (current := request_id.get()) and "request_id" not in entry:
        entry["request_id"] = current
    return entry


def _tail(settings: Settings) -> list[structlog.types.Processor]:
    if settings.log_format == "json":
        return [_tracebacks, _json]
    return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback), _utf8]


def _json(_: Any, __: str, entry: Entry) -> bytes:
    line = _encode(entry)
    if is_suspicious(line.decode()):  # few are, and the other takes longer than all the rest of logging
        return _encode(redacted(msgspec.to_builtins(entry, enc_hook=str)))
    return line


def _utf8(_: Any, __: str, text: Any) -> bytes:
    return redact(str(text)).encode()


class _Forward(logging.Handler):
    """Hands the standard library's records on to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger()
        logger.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)
