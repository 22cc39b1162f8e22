"""Reads numbers and JSON that callers wrote, within bounds: none of them can cost much time."""

import json
from collections.abc import Callable
from typing import Any

SMALLEST_ID, LARGEST_ID = 1, 2**63 - 1  # what a database gives


def whole(text: str, least: int, most: int) -> int | None:
    """The whole number from `least` (which is not below 0) to `most` that a text is; None for any other text.

    Measured first: Python refuses to read thousands of digits, by an error of its own.
    """
    if len(text) > len(str(most)) or not text.isascii() or not text.isdigit():
        return None
    number = int(text)
    return number if least <= number <= most else None


def from_json(text: str | bytes, *, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Errors: ValueError, also where a text is nested too deep, or a number in it is too long, to be read."""
    try:
        return json.loads(text, object_pairs_hook=object_pairs_hook)
    except RecursionError:
        raise ValueError("nested too deep") from None
