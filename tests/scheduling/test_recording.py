"""Recording an answer of Marketo's: until the database takes it, or nobody may write it any more."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from app.clock import ClockJumped
from app.domain.answers import Accepted
from app.scheduling.lease import LeaseLost
from app.scheduling.recording import record_with_retry
from app.store.parts import Stale
from tests.domain.test_instances import part
from tests.scheduling.test_job_report import JOB
from tests.support.logged import Log, log

__all__ = ["log"]
AWAY = OperationalError("UPDATE", {}, Exception("server closed the connection"))


class Record:
    """Raises these errors, one at a time; then it succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.tries, self.waits = list(errors), 0, list[float]()

    async def __call__(self) -> None:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


async def run(record: Record) -> None:
    await record_with_retry(record, replace(JOB, parts=3), part(), Accepted(1001), sleep=record.sleep)


async def test_it_is_tried_again_while_the_database_is_away(log: Log):
    """Less and less often, and for as long as it takes; a clock that was set is no reason to give up either."""
    record = Record(*[AWAY] * 7, ClockJumped("set"))
    await run(record)
    assert record.tries == 9
    assert record.waits == [0.2, 0.5, 1, 2, 5, 5, 5, 5]
    first = log.lines("an answer cannot be recorded yet")[0]
    assert (first["instance"], first["import_id"], first["part"], first["batch_id"]) == ("default", 1, 1, 1001)
    assert first["parts"] == 3, "how many went with the one that is named"
    assert first["error"] == "server closed the connection"


@pytest.mark.parametrize("stale", [Stale("it moved"), LeaseLost("another drives")])
async def test_it_is_given_up_where_somebody_else_has_moved_the_job(log: Log, stale: Exception):
    """The log has what a person needs to resolve it."""
    record = Record(AWAY, stale)
    await run(record)
    assert record.tries == 2
    (line,) = log.lines("an answer came too late")
    assert (line["answer"], line["batch_id"]) == ("Accepted", 1001)


async def test_a_mistake_of_ours_is_raised(log: Log):
    """It would only come again."""
    record = Record(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await run(record)
    assert (record.tries, record.waits) == (1, [])
    assert log.lines("an answer cannot be recorded")
