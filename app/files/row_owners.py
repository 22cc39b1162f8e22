"""Which part of a job each row of a result file is of. A job's rows are numbered through all of its parts, from 0."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.files.matched_rows import MatchedRow, MatchedRows
from app.files.records import Offsets
from app.files.sent_rows import NOWHERE


def owners(places: Offsets, rows_of_parts: Sequence[int]) -> tuple[Offsets, Offsets]:
    """(the part that each of these rows of the job is of, the row within that part), NOWHERE where there is no row.

    `rows_of_parts`: how many rows each part has, in the order of the job.
    """
    ends = np.cumsum(np.array(rows_of_parts, np.int64))
    assert not len(places) or int(places.max()) < (ends[-1] if len(ends) else 0), "a row of the job is in no part"
    parts = np.where(places == NOWHERE, NOWHERE, np.searchsorted(ends, places, side="right"))
    first_rows = np.append(ends - np.array(rows_of_parts, np.int64), 0)  # the last one is for NOWHERE
    return parts, np.where(places == NOWHERE, NOWHERE, places - first_rows[parts])


@dataclass(frozen=True, slots=True)
class OwnRows:
    """Those rows of a result file that are of one part, in the file's order; or those that are of none.

    Their places are within the part.
    """

    of_job: MatchedRows
    begins: Offsets  # indexes in `of_job.rows`
    first_row: int = 0  # of the part, among the job's

    def __len__(self) -> int:
        return len(self.begins)

    def __iter__(self) -> Iterator[MatchedRow]:
        return self.of_job.at(self.begins.tolist(), first_row=self.first_row)


def split_rows(matched: MatchedRows, rows_of_parts: Sequence[int]) -> tuple[list[OwnRows], OwnRows]:
    """(for each part its rows, the rows that are of none): each row of the file is in one of these (EACH_ITS_OWN)."""
    begins = matched.begins
    parts, _ = owners(matched.places[begins], rows_of_parts)
    order = np.argsort(parts, kind="stable")
    bounds = np.searchsorted(parts[order], np.arange(len(rows_of_parts) + 1))
    firsts = np.cumsum([0, *rows_of_parts]).tolist()
    own = [
        OwnRows(matched, begins[order[bounds[part] : bounds[part + 1]]], firsts[part])
        for part in range(len(rows_of_parts))
    ]
    return own, OwnRows(matched, begins[order[: bounds[0]]])
