"""The log as a process writes it, to be read line by line."""

import io
import json
import logging
from collections.abc import Iterator
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


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """Everything that is logged, down to `debug`, in JSON."""
    known, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    text = io.StringIO()
    monkeypatch.setattr("sys.stderr", text)
    structlog.reset_defaults()
    logs.configure(exactly(log_level="debug", log_format="json"))
    try:
        yield Log(text)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**known)
