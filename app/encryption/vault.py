"""The vault: makes and opens data keys and secrets by the keys that are configured."""

import base64
import importlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from app.encryption.errors import MissingKey
from app.encryption.keyring import Keyring, MasterKey, read_keys

if TYPE_CHECKING:
    from app.encryption.sealing import DataKey

OPENED_KEYS = 10_000  # data keys that a process remembers, so that it need not unwrap them for each look
SEALED = "sealed:"  # with which a sealed secret begins, and no other does
SECRET = "webhook-secret"  # noqa: S105  # what such a secret is sealed as


class Spool(Protocol):
    """A temporary file that is written once, and then read from its beginning."""

    def write(self, content: bytes, /) -> int: ...

    def read(self, size: int, /) -> bytes: ...

    def seek(self, offset: int, /) -> int: ...


class WrappedKey(NamedTuple):
    """A data key as it is stored."""

    master: str  # the fingerprint of the key that it is wrapped by
    wrapped: bytes


@dataclass(slots=True)
class Vault:
    """Without keys it seals nothing, and says of what is sealed which key it needs."""

    keyring: Keyring = field(default_factory=Keyring)
    _sealing: Any = None  # app.encryption.sealing, where there is a key
    _spools: Any = None  # app.encryption.spool, likewise
    _opened: Any = field(init=False)

    def __post_init__(self) -> None:
        self._opened = lru_cache(OPENED_KEYS)(self._unwrapped)

    @property
    def seals(self) -> bool:
        """Whether what is new is sealed."""
        return self.keyring.first is not None

    @property
    def opens(self) -> bool:
        """Whether anything that is sealed can be opened."""
        return bool(self.keyring.keys)

    def new_data_key(self, owner: str) -> "tuple[DataKey, WrappedKey]":
        """A data key, and what is stored of it. `owner`: whose it is."""
        data_key: DataKey = self._sealing.DataKey.new()
        return data_key, self.wrap(data_key, owner)

    def open_data_key(self, stored: WrappedKey, owner: str) -> "DataKey":
        """Errors: MissingKey; BrokenSeal, where it is not that owner's."""
        data_key: DataKey = self._opened(stored.master, bytes(stored.wrapped), owner)
        return data_key

    def wrap(self, data_key: "DataKey", owner: str) -> WrappedKey:
        """A data key as it is stored: wrapped by the first key, of which there has to be one."""
        master = self.keyring.first
        assert master is not None
        return WrappedKey(master.fingerprint, self._sealing.wrap(master.secret, data_key.secret, owner))

    def spool(self, file: "Spool") -> "Spool":
        """For a temporary file: what is written to it cannot be read on its disk, where what is new is sealed."""
        sealed: Spool = self._spools.SealedSpool(file) if self.seals else file
        return sealed

    def seal_secret(self, secret: str) -> str:
        """As it is stored: in the clear where nothing is sealed."""
        master = self.keyring.first
        if master is None:
            return secret
        wrapped = self._sealing.wrap(master.secret, secret.encode(), SECRET)
        return f"{SEALED}{master.fingerprint}:{base64.b64encode(wrapped).decode()}"

    def open_secret(self, stored: str) -> str:
        """Errors: MissingKey, BrokenSeal."""
        if not (fingerprint := sealed_by(stored)):
            return stored
        wrapped = base64.b64decode(stored.removeprefix(f"{SEALED}{fingerprint}:"))
        secret: bytes = self._sealing_unwrap(self._master(fingerprint), wrapped, SECRET)
        return secret.decode()

    def _unwrapped(self, fingerprint: str, wrapped: bytes, owner: str) -> "DataKey":
        secret = self._sealing_unwrap(self._master(fingerprint), wrapped, owner)
        data_key: DataKey = self._sealing.DataKey(secret)
        return data_key

    def _sealing_unwrap(self, master: MasterKey, wrapped: bytes, context: str) -> bytes:
        secret: bytes = self._sealing.unwrap(master.secret, wrapped, context)
        return secret

    def _master(self, fingerprint: str) -> MasterKey:
        if master := self.keyring.keys.get(fingerprint):
            return master
        raise MissingKey(what_is_missing([fingerprint]))


def build_vault(keys: str | None) -> Vault:
    """From the setting. The library of ciphers is loaded here, and only where there is a key. Errors: ValueError."""
    keyring = read_keys(keys) if keys else Keyring()
    if not keyring.keys:
        return Vault(keyring)
    modules = ("app.encryption.sealing", "app.encryption.spool")
    return Vault(keyring, *map(importlib.import_module, modules))


def sealed_by(stored: str) -> str | None:
    """The fingerprint of the key that a stored secret is sealed by; None for one in the clear."""
    return stored.removeprefix(SEALED).partition(":")[0] if stored.startswith(SEALED) else None


def what_is_missing(fingerprints: list[str]) -> str:
    """A sentence for whoever runs the service."""
    keys, them = ("key", "it") if len(fingerprints) == 1 else ("keys", "them")
    return (
        f"SLUICE_ENCRYPTION_KEYS: what is stored needs the {keys} {', '.join(fingerprints)}, and this process was not "
        f"given {them}. Put {them} back, behind the first one; `sluice rekey` tells when a key may go"
    )
