"""Access tokens as Marketo's identity service gives them out.

Adobe, "Authentication", read 2026-08: asking again before a token expires returns the same token with the seconds it
has left. Adobe's developer blog: the first use of an expired token gets 602, every later one 601.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field

from app.simulator.answers import Answer, Refusal, dumps
from app.simulator.rules import Rules

_NO_STORE = (("cache-control", "no-store"), ("pragma", "no-cache"), ("x-content-type-options", "nosniff"))


@dataclass(slots=True)
class Tokens:
    """The one token of the one custom service, and those that died before it."""

    rules: Rules
    chance: random.Random
    _current: str | None = None
    _expires_at: float = 0.0
    _expired_unseen: set[str] = field(default_factory=set)

    def issue(self, client_id: str | None, client_secret: str | None, grant_type: str | None, now: float) -> Answer:
        if grant_type != "client_credentials":
            return _denied("unsupported_grant_type", f"Unsupported grant type: {grant_type}", 400)
        if client_id != self.rules.client_id:
            return _denied("invalid_client", f"No client with requested id: {client_id}")
        if client_secret != self.rules.client_secret:
            return _denied("invalid_client", "Bad client credentials")
        if self._current is None or now >= self._expires_at:
            self._bury()
            self._current = f"{uuid.UUID(int=self.chance.getrandbits(128), version=4)}:sim"
            self._expires_at = now + self.rules.token_seconds
        left = int(self._expires_at - now)
        answer = {
            "access_token": self._current,
            "token_type": "bearer",
            "expires_in": left,
            "scope": "api@example.com",
        }
        return Answer(dumps(answer), headers=_NO_STORE)

    def check(self, token: str | None, now: float) -> None:
        """Returns, or refuses with 600, 601 or 602."""
        if not token:
            raise Refusal("600")
        if token == self._current:
            if now < self._expires_at:
                return
            self._bury()
        if token in self._expired_unseen:
            self._expired_unseen.remove(token)
            raise Refusal("602")
        raise Refusal("601")

    def expire(self, now: float) -> None:
        self._expires_at = min(self._expires_at, now)

    def dying(self, answer: Answer, now: float) -> Answer:
        """The same answer with a token that is over: `expires_in` 0, as seen in a token's last second."""
        if answer.status != 200:
            return answer
        self.expire(now)
        return self._given(0)

    def _given(self, expires_in: int) -> Answer:
        token = {"access_token": self._current, "token_type": "bearer", "expires_in": expires_in}
        return Answer(dumps({**token, "scope": "api@example.com"}), headers=_NO_STORE)

    def _bury(self) -> None:
        if self._current is not None:
            self._expired_unseen.add(self._current)
            self._current = None


def _denied(error: str, description: str, status: int = 401) -> Answer:
    body = dumps({"error": error, "error_description": description})
    return Answer(body, status=status, code=str(status), headers=_NO_STORE)
