"""Clients: the services that call, each known by its keys, and what a key lets it do."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.imports import HIGHEST_PRIORITY


class Scope(StrEnum):
    SUBMIT = "submit"  # create imports; read, cancel and retry the client's own
    READ = "read"  # every client's imports and all status pages
    OPERATE = "operate"  # read, and decide about anything


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they may."""

    client: str
    scopes: frozenset[Scope]
    max_priority: int = HIGHEST_PRIORITY  # that its imports may have

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or (scope is Scope.READ and Scope.OPERATE in self.scopes)

    def sees(self, client: str) -> bool:
        """Whether that client's imports exist for this one."""
        return self.may(Scope.READ) or (self.may(Scope.SUBMIT) and client == self.client)

    def decides_for(self, client: str) -> bool:
        """Whether it may cancel, retry and erase that client's imports."""
        return self.may(Scope.OPERATE) or (self.may(Scope.SUBMIT) and client == self.client)


EVERYBODY = Caller("local", frozenset(Scope))
"""Whoever reaches the loopback address of a service that asks for no keys."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept: everything but its secret."""

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


def written(key_id: str, secret: str) -> str:
    return f"{PREFIX}_{key_id}_{secret}"


def read(text: str) -> tuple[str, str] | None:
    """(id, secret) of a key as callers send it; None for what is none."""
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    return (key_id, secret) if prefix == PREFIX and key_id and secret else None


def in_order(scopes: Iterable[Scope]) -> list[Scope]:
    known = set(scopes)
    return [scope for scope in Scope if scope in known]
