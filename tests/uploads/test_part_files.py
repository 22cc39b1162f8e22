"""Who cuts a file: the loop itself, or a thread beside it."""

import gzip
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from app.domain.formats import Format
from app.files.cutting import Cutter, PartFile
from app.files.decoding import Decoder
from app.files.uploaded_file import UploadedFile
from app.uploads.admission import Admission, Place
from app.uploads.fair_limit import FairLimit
from app.uploads.part_files import BLOCK_BYTES, NOTHING_YET, SMALL_BYTES, part_files_of

HEADER = b"email\n"


class Watched(UploadedFile):
    """An uploaded file that notes who worked on it."""

    def __init__(self, encoding: str | None) -> None:
        decoder = Decoder(content_encoding=encoding, charset="utf-8", limit_bytes=10**9)
        super().__init__(decoder, Cutter(format=Format.CSV, limit_bytes=10**6, key_columns=("email",)))
        self.in_loop: list[bool] = []

    def _pieces(self, texts: Iterator[bytes]) -> Iterator[PartFile]:
        self.in_loop.append(threading.current_thread() is threading.main_thread())
        yield from super()._pieces(texts)


def rows(size_bytes: int) -> bytes:
    return HEADER + b"".join(b"p%06d@example.com\n" % n for n in range(size_bytes // 20))


async def cut(content: bytes, encoding: str | None = None) -> list[bool]:
    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(content), BLOCK_BYTES):
            yield content[at : at + BLOCK_BYTES]

    file = Watched(encoding)
    place = Place("crm", Admission(FairLimit()))
    made = [part_file async for part_file in part_files_of(file, chunks(), place, heavy=encoding is not None)]
    assert sum(part_file.rows for part_file in made) == file.rows > 0
    return file.in_loop


async def test_a_small_file_is_cut_in_the_loop():
    assert await cut(rows(SMALL_BYTES - 1000)) == [True, True]


@pytest.mark.parametrize("tail_bytes", [0, 1000])
async def test_a_large_file_is_cut_in_a_thread_its_last_bytes_too(tail_bytes: int):
    """A few bytes may fill a part, or end a record of megabytes."""
    content = rows(2 * BLOCK_BYTES)
    content = content[: content.index(b"\n", 2 * BLOCK_BYTES - 100) + 1] + rows(tail_bytes)[len(HEADER) :]
    assert set(await cut(content)) == {False}


async def test_a_packed_file_is_unpacked_in_a_thread_however_short_it_is():
    content = rows(4 * SMALL_BYTES)
    packed = gzip.compress(content)
    assert len(packed) < SMALL_BYTES
    assert await cut(packed, "gzip") == [False, False]


@pytest.mark.parametrize("has_part", [False, True], ids=["before its first part", "once that is made"])
async def test_a_place_that_is_wanted_says_so_only_where_there_is_something_to_store(has_part: bool):
    """NO_LOST_ROWS: else what stands for nothing yet would be taken for the file's first part."""
    place = Place("crm", Admission(FairLimit()))
    if has_part:
        place.moves(1000)

    async def chunks() -> AsyncIterator[bytes]:
        place.must_store = True
        yield b""
        yield rows(1000)

    made = [part_file async for part_file in part_files_of(Watched(None), chunks(), place, heavy=False)]
    assert (made[0] is NOTHING_YET) is has_part
    assert sum(part_file.rows for part_file in made) == 50
