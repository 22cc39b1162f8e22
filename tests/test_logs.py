"""Log lines: JSON for machines, and harmless lines for people."""

import io
import json
import logging

import structlog

from app import logs
from tests.support.logged import Log, console, log

__all__ = ["console", "log"]


def test_a_line_is_json_with_its_time_its_level_and_who_wrote_it(log: Log):
    """The libraries' lines look like our own."""
    structlog.get_logger("ours").warning("it happened", count=3)
    logging.getLogger("library").error("it said %s", "x")
    ours, theirs = log.lines()
    assert ours.items() >= {"event": "it happened", "level": "warning", "logger": "ours", "count": 3}.items()
    assert theirs.items() >= {"event": "it said x", "level": "error", "logger": "library"}.items()
    assert ours["timestamp"].endswith("Z")


def test_an_exception_is_one_line_with_its_traceback(log: Log):
    """A line of JSON has no line end in it."""
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        structlog.get_logger().exception("it failed")
    (line,) = log.text.splitlines()
    assert "ValueError: first\nsecond" in json.loads(line)["exception"]


def test_the_request_under_way_is_in_each_line(log: Log):
    """And in none when it is over."""
    assert logs.request_id() is None
    with structlog.contextvars.bound_contextvars(request_id="abc"):
        assert logs.request_id() == "abc"
        structlog.get_logger().info("within")
    structlog.get_logger().info("after")
    assert [line.get("request_id") for line in log.lines("within", "after")] == ["abc", None]


def test_libraries_that_say_much_are_heard_from_warning_on(log: Log):
    """And what anybody may cause by a bad form only as an error."""
    for name in ("httpx", "uvicorn.access", "alembic", "aiosqlite", "python_multipart"):
        logging.getLogger(name).info("chatter")
    logging.getLogger("python_multipart").warning("a bad form")
    logging.getLogger("httpx").warning("trouble")
    assert [line["event"] for line in log.lines()] == ["trouble"]


def test_each_line_of_an_errors_words_is_marked_for_people(console: io.StringIO):
    """They may have a line end and go on like a line of the log."""
    try:
        raise ValueError("x\n2026-11-23 [info] all is well")
    except ValueError:
        structlog.get_logger().exception("it\nfailed")
    shown = console.getvalue().splitlines()
    assert any(line.startswith("| 2026-11-23 [info] all is well") for line in shown)
    assert r"it\nfailed" in shown[0]
