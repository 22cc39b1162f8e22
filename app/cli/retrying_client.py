"""A client that repeats its requests for a minute while the service restarts or the connection breaks."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0, 20.0)  # between tries: long enough for a service that is restarted
AWAY_STATUSES = frozenset({502, 503, 504})
NOBODY = (httpx.ConnectError, httpx.ConnectTimeout)

Broken = Callable[[str], None]


@dataclass(slots=True)
class RetryingClient:
    """A client that repeats a request where no answer came, or one that says "not now". `broken` gets the reason.

    Errors: httpx.TransportError when there was no answer for a minute; at once where there never was one.
    """

    client: httpx.Client
    broken: Broken = lambda _: None
    pause: Callable[[float], None] = time.sleep
    _has_answered: bool = field(default=False, init=False)

    def get(self, path: str, **how: Any) -> httpx.Response:
        return self.ask(lambda: self.client.get(path, **how))

    def ask(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        """The answer to the request that `send` makes. It must be safe to send twice."""
        for seconds in RETRY_SECONDS:
            try:
                answer = send()
            except httpx.TransportError as error:
                if isinstance(error, NOBODY) and not self._has_answered:
                    raise
                why = f"The connection broke ({type(error).__name__})."
            else:
                if answer.status_code not in AWAY_STATUSES:
                    self._has_answered = True
                    return answer
                why = f"The service answered {answer.status_code}."
            self._has_answered = True
            self.broken(why)
            self.pause(seconds)
        return send()
