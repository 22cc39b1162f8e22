"""A file that is being taken in: what it is read with, and what is known of it at the end."""

import gzip
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from app.domain.answers import Description, Field
from app.domain.errors import BrokenUpload, TooLarge
from app.domain.imports import LeftOut, Preflight, Request
from app.domain.objects import Leads
from app.files.row_numbers import Given
from app.uploads.admission import Admission, Place
from app.uploads.arrival import Arrival
from app.uploads.fair_limit import FairLimit
from app.uploads.incoming import FileLimits, Incoming, incoming_of, sha256_of

LIMITS = FileLimits(part_bytes=100_000, file_bytes=1_000)
REQUEST = Request(target=Leads(), file_name="leads.csv")
DESCRIPTION = Description((Field("email"),))
CONTENT = b"email,leadScore\nann@example.com,1\nbob@example.com,2,3\n"


async def chunks(content: bytes = b"") -> AsyncIterator[bytes]:
    yield content


@pytest.fixture
def place() -> Place:
    return Place("crm", Admission(FairLimit()))


def incoming(place: Place, request: Request = REQUEST, **arrival: Any) -> Incoming:
    return incoming_of(request, Arrival(chunks(), **arrival), place, DESCRIPTION, None, LIMITS)


async def test_what_is_known_of_a_file_once_it_is_read(place: Place):
    """As it was uploaded, after decompression."""
    taken = incoming(place)
    assert sum(part_file.rows for part_file in [*taken.file.feed(CONTENT), *taken.file.finish()]) == 2
    source = taken.source
    assert (source.name, source.size_bytes, source.rows, source.ragged_rows) == ("leads.csv", len(CONTENT), 2, 1)
    assert source.sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize(
    ("preflight", "description", "is_inspected"),
    [
        (Preflight.OFF, DESCRIPTION, False),
        (Preflight.HEADER, DESCRIPTION, True),
        (Preflight.HEADER, None, False),
        (Preflight.ROWS, None, True),
    ],
)
def test_a_header_is_inspected_where_marketos_fields_are_known_and_cells_always(
    place: Place, preflight: Preflight, description: Description | None, is_inspected: bool
):
    """Some of what is wrong with a cell can be told without asking anybody."""
    request = replace(REQUEST, preflight=preflight)
    taken = incoming_of(request, Arrival(chunks()), place, description, None, LIMITS)
    assert (taken.inspection is not None) is is_inspected


async def test_a_retry_hands_on_the_numbers_that_its_rows_had(place: Place):
    """And says how many rows it left out once it knows; a new file leaves none out."""
    numbers = Given()
    numbers.add([7, 9])
    taken = incoming(place, retry_of=3, numbers=numbers, left_out=lambda: LeftOut(superseded=2))
    (*_, part_file) = [*taken.file.feed(b"email\na@b.example\nc@d.example\n"), *taken.file.finish()]
    assert part_file.row_numbers is not None
    assert taken.left_out() == LeftOut(superseded=2)
    assert taken.origin.retry_of == 3
    assert incoming(place).left_out() == LeftOut()


async def test_the_digest_of_a_file_that_is_not_kept_is_that_of_what_was_compressed(place: Place):
    """So the same file is the same file, however it is sent."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    plain = Arrival(chunks(CONTENT))
    packed = Arrival(chunks(gzip.compress(CONTENT)), content_encoding="gzip")
    assert [await sha256_of(REQUEST, arrival, place, LIMITS) for arrival in (plain, packed)] == [digest, digest]


async def test_a_file_that_could_not_have_been_taken_has_no_digest(place: Place):
    """It cannot be the one that was."""
    for content in (b"email\n\xff\xfe\n", b"email\n\xc3"):
        assert await sha256_of(REQUEST, Arrival(chunks(content)), place, LIMITS) == ""


async def test_a_digest_ends_where_the_upload_is_too_large_or_its_sender_is_gone(place: Place):
    """As for a file that is kept."""
    with pytest.raises(TooLarge):
        await sha256_of(REQUEST, Arrival(chunks(CONTENT * 100)), place, LIMITS)
    place.is_gone = True
    with pytest.raises(BrokenUpload):
        await sha256_of(REQUEST, Arrival(chunks(CONTENT)), place, LIMITS)


async def test_what_the_sender_says_of_its_file_is_checked(place: Place):
    """By the digest of what came."""

    def check(sha256: str) -> None:
        raise BrokenUpload(f"not {sha256}", code="digest_mismatch")

    with pytest.raises(BrokenUpload, match=hashlib.sha256(CONTENT).hexdigest()):
        await sha256_of(REQUEST, Arrival(chunks(CONTENT), check_sent=check), place, LIMITS)
