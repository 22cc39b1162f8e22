"""How long to wait for what real processes must do. No test depends on how fast they are within it."""

import os
import ssl
import time
from collections.abc import Callable
from typing import Any

import httpx

QUIET_SECONDS = 60.0  # on a machine with a core for each process that wants one
MOST_TIMES_SLOWER = 10.0
_NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # to load them takes longer than a request to this machine


def seconds(quiet: float = QUIET_SECONDS) -> float:
    """So many seconds; as many times longer, up to ten, as there are processes that want a core for each core."""
    wanted = os.getloadavg()[0] / (os.cpu_count() or 1)
    return quiet * min(max(wanted, 1.0), MOST_TIMES_SLOWER)


class Deadline:
    """It moves on while the machine is busy: a load that rises after the wait began counts too."""

    def __init__(self, quiet: float = QUIET_SECONDS) -> None:
        self._quiet = quiet
        self._begun = time.monotonic()
        self.seconds = 0.0

    def is_over(self) -> bool:
        self.seconds = max(self.seconds, seconds(self._quiet))
        return time.monotonic() - self._begun > self.seconds


def wait_until(true: Callable[[], bool], what: str | Callable[[], str]) -> None:
    """Ask again and again. Errors: AssertionError, with what was waited for."""
    deadline = Deadline()
    while not true():
        if deadline.is_over():
            told = what if isinstance(what, str) else what()
            raise AssertionError(f"waited {deadline.seconds:.0f} s for: {told}")
        time.sleep(0.02)


def get(url: str, **known: Any) -> httpx.Response:
    """`httpx.get` for a service on this machine: on a new connection, and as late an answer as there may be."""
    return httpx.get(url, verify=_NO_CERTIFICATES, **({"timeout": seconds()} | known))


def post(url: str, **known: Any) -> httpx.Response:
    """As `get`."""
    return httpx.post(url, verify=_NO_CERTIFICATES, **({"timeout": seconds()} | known))
