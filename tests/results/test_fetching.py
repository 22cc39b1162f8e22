"""Fetching result files: what is read, what is asked for again, and for how long."""

from typing import Any

import pytest
from sqlalchemy import update

from app.domain.answers import NoFile, QueryFailed, RejectionReason, ResultFile, Unusable
from app.domain.jobs import Job
from app.files.compression import pack
from app.results.fetched import Fetched, LateFile
from app.results.fetching import ResultFiles
from app.store import import_queries, job_queries
from app.store.database import Database
from app.store.results import Kind
from app.store.tables import import_, part_file
from tests.store.seed import an_import, parts_of
from tests.support import in_jobs
from tests.support.clock import SteppedClock

SENT = b"email,leadScore\nann@example.com,x\nbob@example.com,2\ncy@example.com,3\n"
FAILURES = b"email,leadScore,Import Failure Reason\nann@example.com,x,not a number\n"
HOUR = 3600


class Marketo:
    """Marketo's answer to a question for a result file: the same each time. `asked` counts the questions."""

    def __init__(self, answer: ResultFile | NoFile | QueryFailed) -> None:
        self.answer, self.asked = answer, 0

    async def failures(self, _target: object, _batch_id: int) -> ResultFile | NoFile | QueryFailed:
        self.asked += 1
        return self.answer

    warnings = failures


async def collecting(db: Database, clock: SteppedClock, **columns: Any) -> Job:
    """A job of one part of three rows that Marketo has just done."""
    (only,) = await parts_of(db, await an_import(db))
    values = {"state_since": clock(), "batch_id": 7, "counted": True, **columns}
    async with db.write() as tx:
        await in_jobs.put(tx, only.id, "collecting", **values)
        await tx.execute(update(import_).values(columns=["email", "leadScore"]))
        await tx.execute(update(part_file).values(blob=pack(SENT), checksum=None))
        return await in_jobs.job_of(tx, only.id)


async def fetch(
    db: Database, clock: SteppedClock, answer: ResultFile | NoFile | QueryFailed, count: int, **columns: Any
) -> Fetched | LateFile:
    job = await collecting(db, clock, **columns)
    clock.step(columns.pop("waited", 0))
    return await again(db, clock, answer, count, job)


async def again(
    db: Database, clock: SteppedClock, answer: ResultFile | NoFile | QueryFailed, count: int, job: Job
) -> Fetched | LateFile:
    async with db.read() as tx:
        parts = await job_queries.parts_of(tx, job.id)
        summary = await import_queries.summary_of_job(tx, job.id)
    marketo: Any = Marketo(answer)
    fetched = await ResultFiles(db, marketo, clock).fetch(job, parts, summary, Kind.FAILURES, count)
    assert marketo.asked == (0 if count == 0 and job.counted else 1)
    return fetched


async def test_a_file_that_gives_every_row_is_matched_with_the_part(db: Database, clock: SteppedClock):
    """Each row has its number in the upload."""
    fetched = await fetch(db, clock, ResultFile(FAILURES), 1)
    assert isinstance(fetched, Fetched)
    assert (fetched.content, len(fetched), fetched.is_incomplete) == (FAILURES, 1, False)
    assert fetched.matched is not None
    (own,) = fetched.matched.of_parts
    assert [(row.place, row.reason) for row in own.rows] == [(0, "not a number")]
    assert int(own.numbers[0]) == 1


async def test_nobody_is_asked_for_a_file_of_no_rows(db: Database, clock: SteppedClock):
    """Where Marketo has counted; otherwise it is asked, and may have none."""
    assert await fetch(db, clock, NoFile(), 0) == Fetched()
    assert await fetch(db, clock, NoFile(), 0, counted=False) == Fetched()


ANSWERS = {
    "no file": (NoFile(), Unusable.NO_FILE, HOUR),
    "a refusal": (QueryFailed("no", "1003"), Unusable.REFUSED, 7 * 24 * HOUR),
    "no answer": (QueryFailed("timeout"), Unusable.NO_ANSWER, 7 * 24 * HOUR),
    "a page": (ResultFile(b"<html></html>"), Unusable.HTML, HOUR),
    "a torn row": (ResultFile(FAILURES + b"bob@exam"), Unusable.CUT_OFF, HOUR),
    "no line end": (ResultFile(FAILURES.rstrip()), Unusable.CUT_OFF, 300),
}


@pytest.mark.parametrize(("answer", "unusable", "seconds"), ANSWERS.values(), ids=ANSWERS)
async def test_what_cannot_be_used_is_asked_for_again_for_a_time(
    db: Database, clock: SteppedClock, answer: Any, unusable: Unusable, seconds: int
):
    """From when Marketo was done; then what there is has to do, and says that rows are missing."""
    job = await collecting(db, clock)
    clock.step(seconds - 1)
    late = await again(db, clock, answer, 1, job)
    assert isinstance(late, LateFile)
    assert (late.unusable, late.file) == (unusable, Kind.FAILURES)
    clock.step(1)
    fetched = await again(db, clock, answer, 1, job)
    assert isinstance(fetched, Fetched)
    assert fetched.is_incomplete is (answer != ANSWERS["no line end"][0])
    assert fetched.content == (answer.content if isinstance(answer, ResultFile) else None)


async def test_what_the_whole_instance_waits_for_is_handed_on(db: Database, clock: SteppedClock):
    """With the reason that says how long."""
    late = await fetch(db, clock, QueryFailed("606", "606", RejectionReason.RATE_LIMIT), 1)
    assert isinstance(late, LateFile)
    assert not late.is_of_the_part


@pytest.mark.parametrize(("count", "is_incomplete"), [(1, False), (2, True)])
async def test_a_file_with_fewer_rows_than_counted_is_incomplete(
    db: Database, clock: SteppedClock, count: int, is_incomplete: bool
):
    """It ends whole, so it is not asked for again."""
    fetched = await fetch(db, clock, ResultFile(FAILURES), count)
    assert isinstance(fetched, Fetched)
    assert fetched.is_incomplete is is_incomplete


async def test_NOT_A_GUESS_the_rows_of_a_damaged_part_have_no_place(db: Database, clock: SteppedClock):
    """Marketo's file is kept as it came."""
    job = await collecting(db, clock)
    async with db.write() as tx:
        await tx.execute(update(part_file).values(checksum=b"another"))
    fetched = await again(db, clock, ResultFile(FAILURES), 1, job)
    assert isinstance(fetched, Fetched)
    assert (fetched.content, fetched.matched, fetched.is_incomplete) == (FAILURES, None, True)
