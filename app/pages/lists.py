"""Lists that are read page by page: which page an address asks for, and the addresses of the next one and the first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.pages.paths import with_query
from app.pages.routing import Visit
from app.web import paging
from app.web.paging import PageRequest

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Listed(Generic[Row]):
    rows: Sequence[Row]
    next_url: str | None  # None: there is no more
    first_url: str | None  # None: this is the first page


def page_request(visit: Visit, places: int, size: int) -> PageRequest:
    """`places`: how many numbers a place in this list has. Errors: BadParameter, for a token of another list."""
    token = visit.request.query_params.get("page_token")
    return PageRequest(size, paging.place(token, places) if token else None)


def listed(
    visit: Visit, request: PageRequest, rows: Sequence[Row], place: Callable[[Row], Sequence[int]]
) -> Listed[Row]:
    """Of the rows that were read (`request.size_and_more`): the page, and where it goes on."""
    page, token = request.cut(rows, place)
    here = _without_notice(visit)
    next_url = with_query(here, page_token=token) if token else None
    return Listed(page, next_url, _without(here, "page_token") if request.place else None)


def _without_notice(visit: Visit) -> str:
    """The address without what was said after a deed."""
    url = visit.request.url
    return _without(f"{url.path}?{url.query}" if url.query else url.path, "did", "of")


def _without(address: str, *names: str) -> str:
    path, _, query = address.partition("?")
    kept = [pair for pair in query.split("&") if pair and pair.partition("=")[0] not in names]
    return f"{path}?{'&'.join(kept)}" if kept else path
