"""One try: a POST to an endpoint's URL, over a connection to an address that was checked when it was made."""

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from app.domain.timeouts import WEBHOOK_TRY_SECONDS
from app.domain.webhooks import Attempt
from app.webhooks.addresses import AddressRefused, AddressRules, Lookup, look_up

MOST_READ_BYTES = 4096  # of an answer
MOST_CONNECTIONS, IDLE_CONNECTIONS, IDLE_SECONDS = 1_000, 100, 5.0
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
class Poster:
    """Posts to endpoints. Redirects are not followed, and no proxy that the machine has set is used."""

    rules: AddressRules
    lookup: Lookup = look_up
    try_seconds: float = WEBHOOK_TRY_SECONDS
    ssl_context: ssl.SSLContext | None = None
    _pool: httpcore.AsyncConnectionPool | None = field(default=None, repr=False)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        """How the try ended. Network. Raises nothing of the receiver's."""
        status: int | None = None
        try:
            async with asyncio.timeout(self.try_seconds):
                target, host = _target(url)
                async with self._connections().stream(
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

    async def close(self) -> None:
        if self._pool:
            await self._pool.aclose()

    def _connections(self) -> httpcore.AsyncConnectionPool:
        """Made at the first delivery: most services have none, and the certificates take some megabytes."""
        if self._pool is None:
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=self.ssl_context or httpx.create_ssl_context(),
                max_connections=MOST_CONNECTIONS,
                max_keepalive_connections=IDLE_CONNECTIONS,
                keepalive_expiry=IDLE_SECONDS,
                network_backend=CheckedBackend(self.rules, self.lookup),
            )
        return self._pool


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
