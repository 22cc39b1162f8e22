"""A terminal, with somebody's `sluice` on it."""

import os
import pty
import re
import threading
from pathlib import Path

from tests.support.forks import Fork

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b\][^\x07]*\x07")


class Terminal:
    """`sluice` on a terminal of its own: all three of its lines are one."""

    def __init__(self, folder: Path, *words: object, columns: int = 200, **variables: object) -> None:
        self._leader, follower = pty.openpty()
        bare = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
        ours = {f"SLUICE_{name}": str(value) for name, value in variables.items()}
        known = bare | {"COLUMNS": str(columns), "LINES": "60", "TERM": "xterm"} | ours
        self.child = Fork(words, known, folder, (follower, follower, follower))
        os.close(follower)
        self._bytes = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while some := os.read(self._leader, 65536):
                self._bytes += some
        except OSError:  # the last one to write has gone
            pass
        os.close(self._leader)

    @property
    def raw(self) -> str:
        return self._bytes.decode(errors="replace")

    @property
    def shown(self) -> str:
        return ESCAPES.sub("", self.raw)

    def write(self, text: str) -> None:
        """Type it."""
        os.write(self._leader, text.encode())

    def ended(self) -> int:
        code = self.child.ended()
        self._reader.join()
        return code
