"""Log lines: for people on a terminal, as JSON elsewhere. No line carries a token, a key or a cell of a file."""

import logging
import sys

import structlog

from app.settings import Settings
from app.terminal import harmless

LINES = frozenset({"exception", "stack"})  # what has more than one line by itself


def request_id() -> str | None:
    """Of the request that is being answered, if one is."""
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
        [_harmless, structlog.dev.ConsoleRenderer()] if form == "console" else [structlog.processors.JSONRenderer()]
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


def _harmless(_logger: object, _method: str, told: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """A line for people, in which nobody's words order their terminal anything; JSON writes that out by itself."""
    return {
        name: _of_many_lines(value) if name in LINES else harmless(value) if isinstance(value, str) else value
        for name, value in told.items()
    }


def _of_many_lines(text: str) -> str:
    """Each of them marked, for an error's own words may have a line end and go on like a line of the log."""
    return "\n".join(f"| {harmless(line)}" for line in text.split("\n"))
