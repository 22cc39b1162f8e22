"""One try: a POST to an endpoint's URL, over a connection to an address that was checked when it was made."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from app.domain.timeouts import WEBHOOK_TRY_SECONDS
from app.domain.webhooks import Attempt
from app.webhooks.addresses import AddressRefused, AddressRules, Lookup, look_up

MOST_READ_BYTES = 4096  # of an answer
MOST_CONNECTIONS, IDLE_SECONDS = 100, 5.0  # to one URL
SHOWN_LETTERS = 150  # of an error of the network


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Looks a host up, checks all of its addresses, and connects to one of these: nobody asks the name again.

    TLS is on top of it: the certificate and SNI are those of the name.
    """

    def __init__(self, rules: AddressRules, lookup: Lookup) -> None:
        self._rules, self._lookup = rules, lookup
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # as httpcore has it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Errors: AddressRefused; OSError where the name is not known; httpcore's where nobody answers."""
        addresses = await self._lookup(host, port)
        self._rules.check(host, addresses)
        failure: Exception = httpcore.ConnectError("it has no address")
        for address in addresses:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise httpcore.UnsupportedProtocol("webhooks go over the network")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(slots=True)
class _Connections:
    """To one URL: a pool looks through all that it has for each request, so one for all would cost the more."""

    pool: httpcore.AsyncConnectionPool
    posts_under_way: int = 0
    used_lately: bool = True  # since idle ones were last closed


@dataclass(slots=True)
class Poster:
    """Posts to endpoints. Redirects are not followed, and no proxy that the machine has set is used."""

    rules: AddressRules
    lookup: Lookup = look_up
    try_seconds: float = WEBHOOK_TRY_SECONDS
    ssl_context: ssl.SSLContext | None = None
    _to: dict[str, _Connections] = field(default_factory=dict, repr=False)  # by URL

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        """How the try ended. Network. Raises nothing of the receiver's."""
        status: int | None = None
        try:
            async with asyncio.timeout(self.try_seconds), self._connections(url) as pool:
                target, host = _target(url)
                async with pool.stream(
                    "POST", target, headers=[("host", host), *headers.items()], content=body
                ) as response:
                    status = response.status
                    await _read_some(response)
        except (TimeoutError, httpcore.TimeoutException):
            if status is None:  # otherwise it has answered, and only its words are slow
                return Attempt(None, f"no answer within {self.try_seconds:g} s")
        except AddressRefused as refused:
            return Attempt(None, str(refused))
        except (OSError, httpcore.ConnectError) as error:
            return Attempt(None, f"it cannot be reached: {str(error)[:SHOWN_LETTERS] or type(error).__name__}")
        except (httpcore.ProtocolError, httpcore.NetworkError, httpcore.UnsupportedProtocol) as error:
            if status is None:  # its own words are not repeated: nobody knows what stands in them
                return Attempt(None, f"its answer is not HTTP, or broke off ({type(error).__name__})")
        assert status is not None
        return Attempt(status, None if 200 <= status < 300 else f"the receiver answered {status}")

    async def close_idle(self) -> None:
        """Close the connections to each URL to which nothing was posted since the last call of this."""
        for url, connections in list(self._to.items()):
            if connections.used_lately or connections.posts_under_way:
                connections.used_lately = False
            else:
                del self._to[url]
                await connections.pool.aclose()

    async def close(self) -> None:
        while self._to:
            _, connections = self._to.popitem()
            await connections.pool.aclose()

    @asynccontextmanager
    async def _connections(self, url: str) -> AsyncIterator[httpcore.AsyncConnectionPool]:
        connections = self._to.get(url)
        if connections is None:
            connections = self._to[url] = _Connections(self._new_pool())
        connections.used_lately = True
        connections.posts_under_way += 1
        try:
            yield connections.pool
        finally:
            connections.posts_under_way -= 1

    def _new_pool(self) -> httpcore.AsyncConnectionPool:
        if self.ssl_context is None:  # made at the first delivery: most services have none, and it takes megabytes
            self.ssl_context = httpx.create_ssl_context()
        return httpcore.AsyncConnectionPool(
            ssl_context=self.ssl_context,
            max_connections=MOST_CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=CheckedBackend(self.rules, self.lookup),
        )


async def _read_some(response: httpcore.Response) -> None:
    """Read a short answer to its end, so that its connection can be used again; of a long one, no more."""
    read = 0
    async for chunk in response.aiter_stream():
        read += len(chunk)
        if read > MOST_READ_BYTES:
            break


def _target(url: str) -> tuple[httpcore.URL, bytes]:
    """(what is asked for, the Host header)."""
    parsed = httpx.URL(url)
    target = httpcore.URL(scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path)
    return target, parsed.netloc
