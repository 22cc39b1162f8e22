"""Log lines: for people on a terminal, as JSON elsewhere. No line has a token, a key or a cell of a file in it."""

import logging
import sys

import structlog

from app.settings import Settings
from app.terminal import harmless

MANY_LINES = frozenset({"exception", "stack"})  # fields that have more than one line by themselves


def request_id() -> str | None:
    """The id of the request that is being answered, if there is one."""
    bound_id: str | None = structlog.contextvars.get_contextvars().get("request_id")
    return bound_id


def configure(settings: Settings) -> None:
    """Send structlog's and the standard library's lines through one renderer to stderr."""
    form = settings.log_format or ("console" if sys.stderr.isatty() else "json")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    end: list[structlog.typing.Processor] = (
        [_harmless, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if form == "console"
        else [structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *end],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for chatty in ("httpx", "httpcore", "aiosqlite", "uvicorn.access", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # a line for each bad form, which anybody may send


def _harmless(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A line for people in which nothing that others wrote can control a terminal. JSON escapes that by itself."""
    return {
        name: _of_many_lines(value) if name in MANY_LINES else harmless(value) if isinstance(value, str) else value
        for name, value in event.items()
    }


def _of_many_lines(text: str) -> str:
    """The text with each line marked: an error's own words may have a line end and go on like a line of the log."""
    return "\n".join(f"| {harmless(line)}" for line in text.split("\n"))
