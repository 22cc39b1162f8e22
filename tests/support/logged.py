"""The log as a process writes it, to be read line by line."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog

from app import logs
from app.settings import exactly


class Log:
    def __init__(self, text: io.StringIO) -> None:
        self._text = text

    @property
    def text(self) -> str:
        return self._text.getvalue()

    def lines(self, *events: str) -> list[dict[str, Any]]:
        """The lines of these events, or all."""
        found = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in found if not events or line["event"] in events]


@contextmanager
def logged(form: str | None, into: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything that is logged, down to `debug`, goes there."""
    known, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    for name in ("uvicorn", "uvicorn.access", "uvicorn.error"):  # as in a new process
        logger = logging.getLogger(name)
        monkeypatch.setattr(logger, "propagate", True)
        monkeypatch.setattr(logger, "handlers", [])
        logger.setLevel(logging.NOTSET)
    monkeypatch.setattr("sys.stderr", into)
    structlog.reset_defaults()
    logs.configure(exactly(log_level="debug", log_format=form))
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**known)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """The log in JSON."""
    text = io.StringIO()
    with logged("json", text, monkeypatch):
        yield Log(text)


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The log as it is shown to people."""
    text = io.StringIO()
    with logged("console", text, monkeypatch):
        yield text
