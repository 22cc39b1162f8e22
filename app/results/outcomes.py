"""What became of each part's own rows, from the result files of their job (EACH_ITS_OWN).

NOT_A_GUESS: rows that Marketo counted and that are in no file, or cannot be matched, may be of any part of the job. So
they count as imported for none of those that could own them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.domain.jobs import Job
from app.domain.parts import Part, Rows
from app.domain.result_rows import ResultRow
from app.results.fetched import Fetched
from app.results.matching import result_rows
from app.store.results import Owner


def own_rows(parts: Sequence[Part], fetched: Fetched) -> Iterator[tuple[Owner, ResultRow]]:
    """The rows of a result file with the parts that they are of; with a single part, those that have no place, too."""
    if fetched.matched is None:
        return
    for part, own in zip(parts, fetched.matched.of_parts, strict=True):
        owner = Owner(part.import_id, part.number)
        yield from ((owner, row) for row in result_rows(own))
    if len(parts) == 1:
        owner = Owner(parts[0].import_id, parts[0].number)
        yield from ((owner, row) for row in result_rows(fetched.matched.without_part))


def outcomes_of(
    parts: Sequence[Part], rows: Rows, failures: Fetched, warnings: Fetched
) -> Mapping[int, Mapping[str, Any]]:
    """The counts of each part, by its id. `rows`: those of the job; with a single part they are the part's.

    Where all of the job's rows are accounted for, the sums over the parts are the job's.
    """
    if len(parts) == 1:
        return {parts[0].id: {"imported": rows.imported, "failed": rows.failed, "warned": rows.warned}}
    failed, warned = _counts(parts, failures), _counts(parts, warnings)
    uncertain = rows.pending + max(0, rows.failed - sum(failed))
    return {
        part.id: {
            "imported": max(0, part.rows.total - own_failed - uncertain),
            "failed": own_failed,
            "warned": own_warned,
        }
        for part, own_failed, own_warned in zip(parts, failed, warned, strict=True)
    }


def failed_for_one_reason(job: Job, failures: Fetched) -> str | None:
    """The reason for which every row of the job failed, where there is one alone."""
    failed = job.rows.failed if job.counted else len(failures)
    if failures.matched is None or failed < job.rows.total:
        return None
    reasons = {row.reason for row in failures.matched.rows.rows}
    return reasons.pop() if len(reasons) == 1 else None


def _counts(parts: Sequence[Part], fetched: Fetched) -> list[int]:
    return [len(own.rows) for own in fetched.matched.of_parts] if fetched.matched else [0] * len(parts)
