"""Page tokens: opaque to callers, and a place in an index to us. Page 1,000 costs what page 1 costs."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from app.api.values import from_json, whole
from app.domain.errors import BadParameter, Detail, quoted

PARAMETERS = ("page_size", "page_token")
DEFAULT_SIZE = 50
MOST = 200
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Asked:
    """The page that a caller asks for: of which size, and behind which place; None is the first one."""

    size: int
    place: tuple[int, ...] | None

    @property
    def size_and_more(self) -> int:
        """How many to look for, so as to know whether another page follows."""
        return self.size + 1

    def cut(self, found: Sequence[Row], place: Callable[[Row], Sequence[int]]) -> tuple[Sequence[Row], str | None]:
        """Of so many: the page, and the token of the next one."""
        return found[: self.size], token(place(found[self.size - 1])) if len(found) > self.size else None


def asked(given: Mapping[str, str], length: int) -> Asked:
    """`length`: of a place. Errors: BadParameter."""
    return Asked(size(given.get("page_size")), place(given.get("page_token"), length))


def token(place: Sequence[int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(place)).encode()).decode().rstrip("=")


def place(given: str | None, length: int) -> tuple[int, ...] | None:
    """The place that a token names. Errors: BadParameter."""
    if given is None:
        return None
    try:
        found = from_json(base64.b64decode(given + "=" * (-len(given) % 4), b"-_", validate=True))
        if not isinstance(found, list) or len(found) != length or not all(type(n) is int for n in found):
            raise ValueError
        if not all(-(2**63) <= n < 2**63 for n in found):
            raise ValueError
    except (ValueError, binascii.Error):
        message = "this is not a page token of this list; begin without one"
        raise BadParameter(message, details=(Detail(message, field="page_token"),)) from None
    return tuple(found)


def size(given: str | None) -> int:
    """Errors: BadParameter."""
    if given is None:
        return DEFAULT_SIZE
    found = whole(given, 1, MOST)
    if found is None:
        message = f"{quoted(given)} is not a whole number from 1 to {MOST}"
        raise BadParameter(message, details=(Detail(message, field="page_size"),))
    return found
