"""A temporary file that nobody can read but who writes it. Loaded only where there is a key (vault.py)."""

import os

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR

from app.encryption.keyring import KEY_BYTES
from app.encryption.vault import Spool

NONCE_BYTES = 16


class SealedSpool:
    """Written once from its beginning, then read once or more from its beginning.

    Its key is in memory alone, and gone with it. AES-256 in counter mode, which keeps the size, and takes no note of
    changes: the file has no name, and whoever could change it could change the memory of the process too.
    """

    def __init__(self, file: Spool) -> None:
        self._file = file
        self._cipher = Cipher(AES256(os.urandom(KEY_BYTES)), CTR(os.urandom(NONCE_BYTES)))
        self._turn: CipherContext = self._cipher.encryptor()

    def write(self, content: bytes) -> int:
        return self._file.write(self._turn.update(content))

    def read(self, size: int) -> bytes:
        return self._turn.update(self._file.read(size))

    def seek(self, offset: int) -> int:
        """From now on it is read, from its beginning: `offset` is 0."""
        self._file.seek(offset)
        self._turn = self._cipher.decryptor()
        return offset
