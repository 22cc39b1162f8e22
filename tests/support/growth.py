"""How work grows with what it is given: by counts, for no clock of a busy machine can be relied upon."""

import sys
from collections.abc import Callable
from typing import Any


def calls(deed: Callable[[], object]) -> int:
    """How many functions are called on the way, those of C included."""
    counted = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        deed()
    finally:
        sys.setprofile(before)
    return counted
