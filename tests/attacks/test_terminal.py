"""Nothing that a caller or Marketo wrote orders an operator's terminal anything."""

import io
import json
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from rich.console import Console, RenderableType

from app.api.openapi import examples
from app.cli import tables, times
from app.cli.client import read_for_people, read_json
from tests.support.logged import console
from tests.support.terminal import Terminal

__all__ = ["console"]
CLIPBOARD, TITLE, UP = "\x1b]52;c;cm0gLXJmIC8=\x07", "\x1b]0;root\x07", "\x1b[1A\x1b[2K"
BIDI = "".join(map(chr, [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]))
C1 = "".join(map(chr, range(0x80, 0xA0)))
LINK = "[link=https://evil.example.com]here[/link]"
HOSTILE = f"{CLIPBOARD}{TITLE}{UP}{C1}{BIDI}\x7f\x08\r\u2028{LINK}\nSluice is ok."
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
ORDERS = re.compile(f"[\x00-\x09\x0b-\x1f\x7f{C1}{BIDI}\u2028\u2029]")


def is_harmless(shown: str) -> bool:
    """Colours of our own and line ends apart, nothing in it is an order."""
    return not ORDERS.search(COLOURS.sub("", shown))


def hostile(shown: Any) -> Any:
    """The same answer, and every text in it that is no time is one that orders something."""
    match shown:
        case str() if not re.match(r"\d{4}-", shown):
            return HOSTILE
        case list():
            return [hostile(item) for item in shown]
        case dict():
            return {name: hostile(item) for name, item in shown.items()}
        case _:
            return shown


ROWS = [{"source_row": None, "reason": "no", "values": {"email": "x", "a": None}}]
KEY = {"id": "x", "client": "x", "scopes": ["submit"], "max_priority": 3, "created_at": "2026-11-23T10:00:00Z"}
KEY |= dict.fromkeys(("expires_at", "revoked_at", "last_used_at"))


ATTENTION = {"attention": {"code": "stuck", "message": "x", "since": "2026-11-23T10:00:00Z"}}
WAITING = examples.PART | {"state": "waiting", "waiting_for": "slot"}
INSTANCE_STATE = {"name": "x", "state": "paused", "reason": "x", "until": None}
TABLES = {
    "imports": lambda of: tables.imports_table(of([examples.IMPORT])),
    "queue": lambda of: tables.queue_table(
        of([examples.IMPORT | ATTENTION]), {42: of(WAITING)}, times.parse_moment("2026-11-23T10:00:00Z")
    ),
    "list": lambda of: tables.list_table(of([examples.IMPORT | ATTENTION]), times.parse_moment("2026-11-23T10:00:00Z")),
    "events": lambda of: tables.events_table(of([examples.EVENT])),
    "reasons": lambda of: tables.reasons_table(of([examples.FAILURE_REASON])),
    "instance states": lambda of: tables.instance_states_table(of([INSTANCE_STATE])),
    "parts": lambda of: tables.parts_table(
        of([examples.PART, examples.PART | {"state": "waiting", "waiting_for": "slot"}])
    ),
    "rows": lambda of: tables.rows_table(of(ROWS), "Rejected rows", width=4000),
    "instances": lambda of: tables.instances_table(of([examples.INSTANCE])),
    "keys": lambda of: tables.keys_table(of([KEY])),
    "a word": lambda of: tables.colour(of("queued")),
}


@pytest.mark.parametrize("name", TABLES)
def test_no_table_passes_an_order_on(name: str):
    """Whatever field it stands in, and though Rich would make a link of it."""

    def answered(found: Any) -> Any:
        return read_for_people(httpx.Response(200, json=hostile(found)))

    shown = on_a_terminal(TABLES[name](answered))
    assert is_harmless(shown), repr(shown)
    assert not any(line.strip().startswith("Sluice is ok") for line in shown.splitlines())
    assert not is_harmless(on_a_terminal(HOSTILE)), "the test itself is tested"


def on_a_terminal(shown: RenderableType) -> str:
    file = io.StringIO()
    Console(width=4000, file=file, highlight=False, force_terminal=True, color_system="truecolor").print(shown)
    return file.getvalue()


def test_a_problem_passes_no_order_on(capsys: pytest.CaptureFixture[str]):
    """Nor what is no problem at all, but some gateway's page."""
    problem = {"title": HOSTILE, "detail": HOSTILE, "errors": [{"field": HOSTILE, "message": f"more{HOSTILE}"}]}
    for answer in (httpx.Response(422, json=problem), httpx.Response(502, text=HOSTILE)):
        with pytest.raises(BaseException):  # noqa: B017  # which ends the command
            read_json(answer)
        shown = capsys.readouterr().err
        assert "Sluice is ok." in shown
        assert is_harmless(shown)
        assert not any(line.startswith("Sluice is ok") for line in shown.splitlines())


def test_scripts_get_what_was_written():
    """Escaped as JSON escapes it, and nothing else."""
    assert read_json(httpx.Response(200, json={"label": HOSTILE})) == {"label": HOSTILE}
    assert is_harmless(json.dumps(HOSTILE))


def test_no_line_of_the_log_passes_an_order_on(console: io.StringIO):
    """Neither as what is told, nor as the event, a message of a library, or an error's own words."""
    structlog.get_logger().warning(HOSTILE, label=HOSTILE, listed=[HOSTILE], error=ValueError(HOSTILE))
    logging.getLogger("library").error("it said %s", HOSTILE)
    logging.getLogger(HOSTILE).error("x")
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logging.getLogger("library").exception("it failed")
    shown = console.getvalue()
    assert shown.count("Sluice is ok.") >= 6
    assert is_harmless(shown), repr(shown)
    assert not any(line.startswith("Sluice is ok") for line in shown.splitlines())


@contextmanager
def hostile_service() -> Iterator[str]:
    """A service of which every word orders something."""
    answers = {
        "/v1/status": examples.STATUS,
        "/v1/imports": {"items": [examples.IMPORT], "next_page_token": None},
        "/v1/imports/42": examples.IMPORT | ATTENTION,
        "/v1/imports/42/parts": {"items": [examples.PART], "next_page_token": None},
    }

    class Hostile(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.endswith("/failures.csv"):
                kind, body = "text/csv", f"email\r\n{HOSTILE}\r\n".encode()
            else:
                kind, body = "application/json", json.dumps(hostile(answers[path])).encode()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_no_command_on_a_terminal_passes_an_order_on(tmp_path: Path):
    """As they are run: the whole status, an import, its failures."""
    with hostile_service() as url:
        running = [
            Terminal(tmp_path, *words, columns=500, URL=url)
            for words in (("status",), ("status", 42), ("failures", 42))
        ]
        for terminal in running:
            assert terminal.ended() == 0, terminal.shown
    for terminal in running:
        shown = terminal.raw.replace("\r\n", "\n")  # as a terminal ends a line
        assert "evil.example.com" in shown
        assert is_harmless(shown), repr(shown)
