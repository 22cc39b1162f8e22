"""API keys: each belongs to a client (a service that calls), and says what the client may do."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.imports import HIGHEST_PRIORITY


class Scope(StrEnum):
    SUBMIT = "submit"  # create imports; read, cancel and retry the client's own
    READ = "read"  # every client's imports and all status pages
    OPERATE = "operate"  # read, and decide about anything
    ADMIN = "admin"  # operate and submit, and everybody's webhooks and API keys


INCLUDES = {
    Scope.SUBMIT: frozenset({Scope.SUBMIT}),
    Scope.READ: frozenset({Scope.READ}),
    Scope.OPERATE: frozenset({Scope.READ, Scope.OPERATE}),
    Scope.ADMIN: frozenset(Scope),
}
"""What each scope permits: itself, and the narrower ones that it stands for, too."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The client that makes a request, and what it may do."""

    client: str
    scopes: frozenset[Scope]
    max_priority: int = HIGHEST_PRIORITY  # the highest that its imports may have

    def may(self, scope: Scope) -> bool:
        return any(scope in INCLUDES[held] for held in self.scopes)

    def sees(self, client: str) -> bool:
        """Whether this caller may see that client's imports. To others they do not exist."""
        return self.may(Scope.READ) or (self.may(Scope.SUBMIT) and client == self.client)

    def decides_for(self, client: str) -> bool:
        """Whether this caller may cancel, retry and erase that client's imports."""
        return self.may(Scope.OPERATE) or (self.may(Scope.SUBMIT) and client == self.client)


EVERYBODY = Caller("local", frozenset(Scope))
"""The caller of a service that asks for no keys: whoever reaches its loopback address."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it is stored: everything but its secret, of which only the hash is kept."""

    id: str
    client: str
    scopes: frozenset[Scope]
    secret_sha256: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    max_priority: int = HIGHEST_PRIORITY

    def opens(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def caller(self) -> Caller:
        return Caller(self.client, self.scopes, self.max_priority)


PREFIX = "slc"
NAME_CHARACTERS = 200


def client_name(text: str) -> str:
    """The name of a client, without space around it. Errors: ValueError."""
    name = text.strip()
    if not name or len(name) > NAME_CHARACTERS or not name.isprintable():
        raise ValueError(f"a client's name has 1 to {NAME_CHARACTERS} printable characters")
    return name


def written(key_id: str, secret: str) -> str:
    return f"{PREFIX}_{key_id}_{secret}"


def read(text: str) -> tuple[str, str] | None:
    """(id, secret) of a key as callers send it; None where the text is not a key."""
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    return (key_id, secret) if prefix == PREFIX and key_id and secret else None


def in_order(scopes: Iterable[Scope]) -> list[Scope]:
    chosen = set(scopes)
    return [scope for scope in Scope if scope in chosen]
