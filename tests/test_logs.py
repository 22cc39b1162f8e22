"""Log lines: JSON for machines, one line each for people, through one renderer for all libraries."""

import io
import logging

import pytest
import structlog

from app import logs
from tests.support.logged import Log, console, log, logged

__all__ = ["console", "log"]


def test_a_line_says_when_how_bad_by_whom_and_for_which_request(log: Log):
    """In the words that whoever reads the log filters by."""
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger("app.here").warning("it happened", part=1)
        assert logs.request_id() == "r1"
    (line,) = log.lines("it happened")
    assert line.pop("timestamp").endswith("Z")
    expected = {"level": "warning", "logger": "app.here", "request_id": "r1", "part": 1, "event": "it happened"}
    assert line == expected
    assert logs.request_id() is None


def test_lines_of_the_standard_library_look_the_same(log: Log):
    """Those of other packages, too."""
    logging.getLogger("somebody.else").error("theirs")
    (line,) = log.lines("theirs")
    assert (line["level"], line["logger"]) == ("error", "somebody.else")


@pytest.mark.parametrize(
    ("name", "level", "is_told"),
    [
        ("httpx", "info", False),
        ("uvicorn.access", "info", False),
        ("uvicorn.access", "warning", True),
        ("python_multipart", "warning", False),
        ("python_multipart", "error", True),
        ("app", "debug", True),
    ],
)
def test_what_is_told_of_every_request_is_left_out(log: Log, name: str, level: str, is_told: bool):
    """A caller may not fill the log."""
    getattr(logging.getLogger(name), level)("a line")
    assert bool(log.lines("a line")) is is_told


def test_an_exception_is_a_field_of_its_line(log: Log):
    """With its traceback."""
    try:
        raise KeyError("lost")
    except KeyError:
        structlog.get_logger().exception("failed")
    (line,) = log.lines("failed")
    assert "KeyError: 'lost'" in line["exception"]


def test_no_line_for_people_passes_an_order_to_the_terminal_on(console: io.StringIO):
    """And what goes on over several lines cannot be taken for a line of the log."""
    structlog.get_logger().warning("told\x1b[2J", message="\u202eword\n")
    try:
        raise KeyError("first\nsecond \x1b[0m")
    except KeyError:
        structlog.get_logger().exception("failed")
    text = console.getvalue()
    assert "told\\x1b[2J" in text
    assert "\\u202eword\\n" in text
    begun = text[text.index("Traceback") :].splitlines()
    assert all(line.startswith("| ") for line in begun[1:]), text


def test_whoever_asks_for_a_form_gets_it_where_nobody_looks_on(monkeypatch: pytest.MonkeyPatch):
    """A file is no terminal: without a setting it gets JSON."""
    for form, is_json in (("json", True), ("console", False), (None, True)):
        text = io.StringIO()
        with logged(form, text, monkeypatch):
            structlog.get_logger().warning("told")
        assert text.getvalue().startswith("{") is is_json


def test_where_there_is_no_terminal_no_line_has_colours(console: io.StringIO):
    """A container's log is read as text, also by whoever asked for the form for people."""
    structlog.get_logger().warning("told", part=1)
    assert "told" in console.getvalue()
    assert "\x1b" not in console.getvalue()
