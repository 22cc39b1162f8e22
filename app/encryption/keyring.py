"""The keys of SLUICE_ENCRYPTION_KEYS: the first one writes, all of them read.

Nothing here needs the library of ciphers: it is loaded only where there is a key.
"""

import base64
import binascii
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

KEY_BYTES = 32  # AES-256
CLEAR = "clear"  # in the place of the first key: what is new is written unencrypted, and the keys behind it read
LABEL = b"sluice encryption key\0"
HEX_CHARACTERS = 2 * KEY_BYTES


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key that wraps the data keys. The fingerprint names it; nothing of the key can be found from it."""

    fingerprint: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keyring:
    first: MasterKey | None = None  # that writes; None: what is new is written in the clear
    keys: Mapping[str, MasterKey] = field(default_factory=dict)  # that read, by fingerprint

    def missing(self, fingerprints: Collection[str]) -> list[str]:
        """Those of these keys that are not here."""
        return sorted(set(fingerprints) - self.keys.keys())


def read_keys(text: str) -> Keyring:
    """Keys in base64 or in hexadecimal, comma-separated, or the word `clear` and then keys.

    Errors: ValueError, which tells which key cannot be used, and nothing of it.
    """
    words = [word.strip() for word in text.split(",")]
    in_clear = words[0] == CLEAR
    keys = [_read_key(word, number) for number, word in enumerate(words, 1) if not (in_clear and number == 1)]
    if len({key.fingerprint for key in keys}) < len(keys):
        raise ValueError("the same key stands there twice")
    return Keyring(None if in_clear else keys[0], {key.fingerprint: key for key in keys})


def _read_key(word: str, number: int) -> MasterKey:
    secret = _bytes_of(word)
    if secret is None or len(secret) != KEY_BYTES:
        if word == CLEAR:
            raise ValueError(f"{CLEAR!r} can only stand in the first place: then what is new is written unencrypted")
        raise ValueError(
            f"key {number} is not {KEY_BYTES} bytes in base64 or hexadecimal; `openssl rand -base64 {KEY_BYTES}` "
            "makes one; several are separated by commas"
        )
    if len(set(secret)) == 1:
        raise ValueError(f"key {number} is one byte {KEY_BYTES} times over: make one that nobody can guess")
    return MasterKey(hashlib.sha256(LABEL + secret).hexdigest()[:16], secret)


def _bytes_of(word: str) -> bytes | None:
    try:
        if len(word) == HEX_CHARACTERS:
            return bytes.fromhex(word)
        padded = word.rstrip("=") + "=" * (-len(word.rstrip("=")) % 4)
        return base64.b64decode(padded, altchars=b"-_" if "-" in word or "_" in word else None, validate=True)
    except (ValueError, binascii.Error):
        return None
