"""A file that is looked at: where the work is done, and what becomes of its place."""

import threading
from collections.abc import AsyncIterator

import pytest

from app.domain.errors import BrokenUpload
from app.domain.imports import Request
from app.domain.objects import Leads
from app.files import examination
from app.files.examination import Limits
from app.files.inspection import Inspection
from app.operations.check_file import CheckFile
from app.uploads.admission import Place
from app.uploads.arrival import Arrival
from tests.support.stage import Stage

CHUNK = b"p%06d@example.com,Ann\n"


async def chunks(rows: int) -> AsyncIterator[bytes]:
    yield b"email,firstName\n"
    for n in range(rows):
        yield CHUNK % n


@pytest.mark.parametrize("rows", [3, 20_000])
async def test_rows_are_looked_at_in_threads_however_few_they_are(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, rows: int
):
    """To look at every cell takes long, and nobody else waits for it."""
    in_loop: list[bool] = []

    class Watched(Inspection):
        def rows(self, *given) -> None:
            in_loop.append(threading.current_thread() is threading.main_thread())
            super().rows(*given)

    monkeypatch.setattr(examination, "Inspection", Watched)
    async with stage.container.admission.place("crm") as place:
        found = await stage.container.examine.look(Request(Leads()), Arrival(chunks(rows)), place, beginning_only=False)
    assert (found.rows, set(in_loop)) == (rows, {False})


async def test_pieces_are_dropped_and_the_place_holds_no_more_than_an_upload_s(stage: Stage):
    """Some parts' worth, with parts that are small."""
    examine = CheckFile(stage.container.intake.describe, Limits(part_bytes=20_000, file_bytes=10**9))
    held: list[int] = []

    async def noted(place: Place) -> AsyncIterator[bytes]:
        async for chunk in chunks(50_000):
            held.append(place.memory_bytes)
            yield chunk

    async with stage.container.admission.place("crm") as place:
        found = await examine.look(Request(Leads()), Arrival(noted(place)), place, beginning_only=False)
        assert place._moving == []
    assert (found.rows, found.parts > 50) == (50_000, True)
    assert max(held) < 6_000_000


async def test_a_caller_who_is_gone_is_not_worked_for(stage: Stage):
    """What came is let go."""
    async with stage.container.admission.place("crm") as place:

        async def breaking() -> AsyncIterator[bytes]:
            async for chunk in chunks(100_000):
                place.is_gone = True
                yield chunk

        with pytest.raises(BrokenUpload):
            await stage.container.examine.look(Request(Leads()), Arrival(breaking()), place, beginning_only=False)
