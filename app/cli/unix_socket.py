"""Unix sockets at paths of any length."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """A name of the path that fits into an address, which has room for about a hundred bytes.

    Errors: OSError.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        through = Path(f"/proc/self/fd/{folder}")  # Linux has it; elsewhere a long path finds no room
        yield str(through / path.name if through.exists() else path)
    finally:
        os.close(folder)
