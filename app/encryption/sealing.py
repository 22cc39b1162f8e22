"""AES-256-GCM: how a data key is wrapped, and how content and texts are sealed by it.

Loaded only where there is a key (app/encryption/vault.py): the library takes time and memory.
"""

import base64
import hmac
import os
import struct
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.encryption.errors import BrokenSeal
from app.encryption.keyring import KEY_BYTES

VERSION = b"\x01"  # of the form in which content is sealed
SALT_BYTES, NONCE_BYTES, TAG_BYTES = 16, 12, 16
CHUNK_BYTES = 1 << 16  # of content, each sealed by itself
PLACE = struct.Struct(">QB")  # a chunk's number, and whether it is the last


def wrap(secret: bytes, content: bytes, context: str) -> bytes:
    """Something short, sealed by a master key: a data key, or a webhook's secret."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(secret).encrypt(nonce, content, context.encode())


def unwrap(secret: bytes, wrapped: bytes, context: str) -> bytes:
    """Errors: BrokenSeal."""
    return _opened(AESGCM(secret), wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context.encode())


@dataclass(frozen=True, slots=True)
class DataKey:
    """Seals one kind of content of one import, or the result files of one job.

    `context` says what is sealed and whose it is. It is sealed in, so that nothing can be put in another's place.
    """

    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> "DataKey":
        return cls(os.urandom(KEY_BYTES))

    def seal(self, content: bytes | bytearray, context: str) -> bytearray:
        """A version, a salt, and the content in chunks. A chunk's number and whether it is the last are sealed in.

        Each content has a key of its own, derived with the salt, so that a chunk's number can be its nonce. It is
        written into one piece of memory, which takes a fifth of the time that pieces take which are put together.
        """
        salt = os.urandom(SALT_BYTES)
        cipher = AESGCM(self._derived(b"content", salt))
        view = memoryview(content)
        last = max(0, len(content) - 1) // CHUNK_BYTES
        at = len(VERSION) + SALT_BYTES
        sealed = bytearray(at + len(content) + TAG_BYTES * (last + 1))
        sealed[:at] = VERSION + salt
        target = memoryview(sealed)
        for number in range(last + 1):
            chunk = view[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]
            end = at + len(chunk) + TAG_BYTES
            cipher.encrypt_into(_nonce(number), chunk, _place(number, last, context), target[at:end])
            at = end
        return sealed

    def open(self, sealed: bytes | bytearray, context: str) -> bytes:
        """Errors: BrokenSeal."""
        view = memoryview(sealed)
        begin, step = len(VERSION) + SALT_BYTES, CHUNK_BYTES + TAG_BYTES
        if bytes(view[: len(VERSION)]) != VERSION:
            raise BrokenSeal("it is not in the form in which content is sealed")
        cipher = AESGCM(self._derived(b"content", bytes(view[len(VERSION) : begin])))
        last = max(0, len(sealed) - begin - 1) // step
        content = []
        for number in range(last + 1):
            chunk = view[begin + number * step : begin + (number + 1) * step]
            content.append(_opened(cipher, _nonce(number), chunk, _place(number, last, context)))
        return b"".join(content)

    def for_texts(self, context: str) -> "TextSeal":
        """What seals many short texts: its keys are derived once."""
        about = context.encode()
        return TextSeal(AESGCM(self._derived(b"texts", about)), self._derived(b"nonces", about))

    def _derived(self, purpose: bytes, about: bytes) -> bytes:
        """HKDF-Expand (RFC 5869) for one block; the data key is random, so nothing has to be extracted first."""
        return hmac.digest(self.secret, purpose + b"\0" + about + b"\x01", "sha256")


@dataclass(frozen=True, slots=True)
class TextSeal:
    """Seals texts as texts: base64 of nonce and ciphertext."""

    cipher: AESGCM
    nonce_secret: bytes = field(repr=False)

    def seal(self, text: str, place: str) -> str:
        """`place`: where it stands among the texts of its context. It is sealed in."""
        return self._sealed(os.urandom(NONCE_BYTES), text, place)

    def seal_alike(self, text: str) -> str:
        """Equal texts become equal ones, so that a database can find and count them.

        The nonce is a keyed digest of the text: the same one comes for the same text alone.
        """
        return self._sealed(hmac.digest(self.nonce_secret, text.encode(), "sha256")[:NONCE_BYTES], text, "")

    def open(self, sealed: str, place: str = "") -> str:
        """Errors: BrokenSeal."""
        try:
            raw = base64.b64decode(sealed, validate=True)
        except ValueError:
            raise BrokenSeal("it is not in the form in which texts are sealed") from None
        return _opened(self.cipher, raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode()).decode()

    def _sealed(self, nonce: bytes, text: str, place: str) -> str:
        sealed = self.cipher.encrypt(nonce, text.encode(), place.encode())
        return base64.b64encode(nonce + sealed).decode()


def _nonce(number: int) -> bytes:
    return number.to_bytes(NONCE_BYTES, "big")


def _place(number: int, last: int, context: str) -> bytes:
    return PLACE.pack(number, number == last) + context.encode()


def _opened(cipher: AESGCM, nonce: bytes, sealed: bytes | memoryview, about: bytes) -> bytes:
    try:
        return cipher.decrypt(nonce, sealed, about)
    except (InvalidTag, ValueError):  # too short to be sealed
        raise BrokenSeal("it is not what was sealed, not at this place, or not by this key") from None
