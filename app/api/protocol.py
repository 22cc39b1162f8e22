"""One connection: bounds on the size of a request's head and on how long anything may take.

uvicorn leaves both unbounded with httptools, whose parser also joins a header from its pieces in quadratic time. So
here nothing goes to the parser beyond what a head may have, and a check once a second ends what is overdue.
"""

import asyncio
import json
import uuid
from collections.abc import Iterable
from enum import Enum, auto
from typing import Any

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.api.connections import Connections
from app.api.errors import MEDIA_TYPE, document
from app.domain.errors import CallerError, HeadersTooLarge, TooSlow
from app.domain.timeouts import HEAD_SECONDS, REFUSED_SECONDS, UNSENT_SECONDS

log = structlog.get_logger()

HEAD_BYTES = 32_768  # of request line and headers together; of trailers too, and of anything else outside a body
PIPELINED = 16  # requests that may follow on one that is being answered
LEAST_BYTES_PER_SECOND = 1_000  # a caller that reads its answer more slowly is cut off
WISHES = frozenset({b"upgrade", b"http2-settings"})  # headers that ask for another protocol
UNREAD_BYTES = 1_000_000  # read and dropped after a refused head, so that the caller can read the refusal


class Wait(Enum):
    """What a connection waits for at the moment."""

    HEAD = auto()  # the rest of a request's head
    NEXT = auto()  # another request; uvicorn's own timer bounds it
    ANSWER = auto()  # the application
    END = auto()  # its caller, which was refused, to read why


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol for HTTP with httptools, within bounds."""

    def __init__(self, connections: Connections, **options: Any) -> None:
        super().__init__(**options)
        self.is_crowded = False
        self._connections = connections
        self._wait = Wait.HEAD
        self._since = 0.0  # of the loop's clock
        self._in_head = False
        self._outside_body_bytes = 0  # received since the last byte of a body, or since the end of the last request
        self._unread_bytes = 0
        self._unsent: tuple[int, float] | None = None  # (bytes, since when) of an answer that is not read

    @property
    def has_known_caller(self) -> bool:
        """Whether it works on a request of a caller whose key was checked."""
        return self._wait is Wait.ANSWER and self.cycle.scope["state"].get("caller") is not None

    def end(self) -> None:
        """Close the connection to make room for others, whatever is under way."""
        if self._wait is Wait.NEXT:
            self.transport.close()
        else:
            self.transport.abort()

    def end_if_overdue(self, now: float) -> None:
        """Close the connection, or refuse its request, where it has waited for too long."""
        if self._wait is Wait.END and now - self._since > REFUSED_SECONDS:
            self.transport.abort()
        elif self._wait is Wait.HEAD and now - self._since > HEAD_SECONDS:
            self._end_slow_head()
        elif self._unsent and now - self._unsent[1] > UNSENT_SECONDS:
            self._end_unless_read(now, *self._unsent)
        elif self.transport.is_closing() and not self._unsent:  # it closes once all is sent
            self._unsent = (self.transport.get_write_buffer_size(), now)

    # Methods that uvicorn and the event loop call.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = self.loop.time()
        self._connections.add(self, self._since)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._wait is Wait.NEXT:
            self._wait_for(Wait.HEAD)
        rest = memoryview(data)
        while rest and self._wait is not Wait.END and not self.transport.is_closing():
            piece = rest[: HEAD_BYTES - self._outside_body_bytes]
            if not piece:
                message = f"Request line and headers have more than the {HEAD_BYTES} bytes that are taken. Send fewer."
                self._refuse(HeadersTooLarge(message))
                break
            rest = rest[len(piece) :]
            self._outside_body_bytes += len(piece)
            self._unset_keepalive_if_required()
            self._feed(piece)
        self._drop(len(rest))

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= PIPELINED:
            raise ValueError("too many requests before the answer to the first")
        super().on_message_begin()
        self.scope["state"]["is_crowded"] = self.is_crowded
        self._in_head = True
        if self._wait is Wait.HEAD:
            self._connections.renew(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # a trailer would become a header of a request that is being answered
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._is_upgrade:
            return  # it is read again without that wish
        super().on_headers_complete()
        self._in_head, self._outside_body_bytes = False, 0
        self._wait_for(Wait.ANSWER)

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._outside_body_bytes = 0

    def on_message_complete(self) -> None:
        if self._is_upgrade:
            return  # the parser takes what follows for another protocol; it is the body
        super().on_message_complete()
        self._outside_body_bytes = 0

    def on_response_complete(self) -> None:
        was_last = not self.pipeline
        super().on_response_complete()
        if was_last:
            self._wait_for(Wait.NEXT)
            self._connections.renew(self)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unsent = (self.transport.get_write_buffer_size(), self.loop.time())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unsent = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # says that it is no HTTP
        self._refuse(CallerError("This is no HTTP request that could be read."))

    # Our own methods.

    @property
    def _is_upgrade(self) -> bool:
        """Whether the parser has stopped at a request that would like another protocol, as HTTP/2 or a WebSocket."""
        return bool(self.parser.should_upgrade()) and self.parser.get_method() != b"CONNECT"

    def _feed(self, piece: memoryview) -> None:
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            if self._is_upgrade:
                self._go_on_in_http_1(piece[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("")

    def _go_on_in_http_1(self, rest: memoryview) -> None:
        """Answer the request in HTTP/1.1, whatever protocol it would rather have: its body may follow, as Java's does.

        RFC 9110, 7.8: a wish to upgrade may be passed over. The parser cannot, so another reads the head without it.
        """
        version = self.parser.get_http_version().encode()
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/", version, b"\r\n"]
        for name, value in self.headers:
            if name == b"connection":
                value = b", ".join(word for word in value.split(b",") if word.strip().lower() not in WISHES)
            if name not in WISHES and (value or name != b"connection"):
                head += [name, b": ", value, b"\r\n"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self._feed(memoryview(b"".join([*head, b"\r\n"])))
        if rest:
            self._feed(rest)

    def _wait_for(self, event: Wait) -> None:
        self._wait, self._since = event, self.loop.time()

    def _end_slow_head(self) -> None:
        if self._outside_body_bytes:
            message = f"Request line and headers were not there within {HEAD_SECONDS:.0f} seconds. Send them again."
            self._refuse(TooSlow(message))
        else:
            self.transport.close()

    def _end_unless_read(self, now: float, unsent_bytes: int, since: float) -> None:
        """Close the connection where its caller reads the answer too slowly: the answer is held in memory meanwhile."""
        left_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes - left_bytes < LEAST_BYTES_PER_SECOND * (now - since):
            self.transport.abort()
        self._unsent = (left_bytes, now)

    def _refuse(self, error: CallerError) -> None:
        """Answer with a problem, and close once the caller can have read it.

        Where another answer is under way, only close.
        """
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()
            return
        request_id = uuid.uuid4().hex
        self._wait_for(Wait.END)
        self.transport.write(_refusal(error, request_id, self.server_state.default_headers))
        self.transport.write_eof()
        log.info("request refused", status=error.status, code=error.code, request_id=request_id)

    def _drop(self, size: int) -> None:
        self._unread_bytes += size
        if self._unread_bytes > UNREAD_BYTES:
            self.transport.abort()


def _refusal(error: CallerError, request_id: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    body = json.dumps(document(error.code, error.message, path="*")).encode()
    own = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.encode()),
        (b"connection", b"close"),
    ]
    lines = [name + b": " + value + b"\r\n" for name, value in (*headers, *own)]
    return b"".join([STATUS_LINE[error.status], *lines, b"\r\n", body])
