"""Page tokens: opaque to callers; to us, a place in an index. Page 1,000 costs as much as page 1."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from app.domain.errors import BadParameter, Detail, quoted
from app.web.values import from_json, whole

PARAMETERS = ("page_size", "page_token")
DEFAULT_SIZE = 50
MOST = 200
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The page that a caller asks for: its size, and the place behind which it begins; None: the first page."""

    size: int
    place: tuple[int, ...] | None

    @property
    def size_and_more(self) -> int:
        """How many rows to read: one more than the page has, which tells whether another page follows."""
        return self.size + 1

    def cut(self, rows: Sequence[Row], place: Callable[[Row], Sequence[int]]) -> tuple[Sequence[Row], str | None]:
        """Of the rows that were read (`size_and_more`): the page, and the token of the next one."""
        return rows[: self.size], token(place(rows[self.size - 1])) if len(rows) > self.size else None


def read_page_request(parameters: Mapping[str, str], length: int) -> PageRequest:
    """The page that the query asks for. `length`: how many numbers a place has in this list. Errors: BadParameter."""
    return PageRequest(size(parameters.get("page_size")), place(parameters.get("page_token"), length))


def token(place: Sequence[int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(place)).encode()).decode().rstrip("=")


def place(token_text: str | None, length: int) -> tuple[int, ...] | None:
    """The place that a token names. Errors: BadParameter."""
    if token_text is None:
        return None
    try:
        numbers = from_json(base64.b64decode(token_text + "=" * (-len(token_text) % 4), b"-_", validate=True))
        if not isinstance(numbers, list) or len(numbers) != length or not all(type(n) is int for n in numbers):
            raise ValueError
        if not all(-(2**63) <= n < 2**63 for n in numbers):
            raise ValueError
    except (ValueError, binascii.Error):
        message = "this is not a page token of this list; begin without one"
        raise BadParameter(message, details=(Detail(message, field="page_token"),)) from None
    return tuple(numbers)


def size(text: str | None) -> int:
    """Errors: BadParameter."""
    if text is None:
        return DEFAULT_SIZE
    number = whole(text, 1, MOST)
    if number is None:
        message = f"{quoted(text)} is not a whole number from 1 to {MOST}"
        raise BadParameter(message, details=(Detail(message, field="page_size"),))
    return number
