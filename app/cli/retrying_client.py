"""Asking a service that is restarted, or a line that breaks: again, for a minute."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

AGAIN_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0, 20.0)  # between tries: long enough for a service that is restarted
AWAY_STATUSES = frozenset({502, 503, 504})
NOBODY = (httpx.ConnectError, httpx.ConnectTimeout)

Broken = Callable[[str], None]


@dataclass(slots=True)
class RetryingClient:
    """A client that asks again where no answer came, or one that says "not now". `broken` is told why.

    Errors: httpx.TransportError, when nobody has answered for a minute; at once, where nobody was ever there.
    """

    client: httpx.Client
    broken: Broken = lambda _: None
    pause: Callable[[float], None] = time.sleep
    _met: bool = field(default=False, init=False)

    def get(self, path: str, **how: Any) -> httpx.Response:
        return self.ask(lambda: self.client.get(path, **how))

    def ask(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        """The answer to what `send` asks, which must be right to ask twice."""
        for seconds in AGAIN_SECONDS:
            try:
                answer = send()
            except httpx.TransportError as error:
                if isinstance(error, NOBODY) and not self._met:
                    raise
                why = f"The connection broke ({type(error).__name__})."
            else:
                if answer.status_code not in AWAY_STATUSES:
                    self._met = True
                    return answer
                why = f"The service answered {answer.status_code}."
            self._met = True
            self.broken(why)
            self.pause(seconds)
        return send()
