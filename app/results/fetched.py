"""What became of fetching one of a job's result files: it is here, or it is to be asked for again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.answers import QueryFailed, Unusable
from app.domain.incidents import CallError, error_of
from app.domain.parts import Rows
from app.files.matched_rows import MatchedRows
from app.files.records import Offsets
from app.files.row_owners import OwnRows
from app.store.results import Kind

GARBLED, LATE, OURS = "garbled_file", "late_file", "internal_error"
OF_THE_FILE = frozenset({GARBLED, LATE, OURS})
"""Codes of ours: the call went through."""
NO_FILE_YET = QueryFailed("Marketo counted rows of which it has no file yet", LATE)


@dataclass(frozen=True, slots=True)
class NumberedRows:
    """The rows of a job's result file that are of one part; and the numbers of the part's rows in its upload."""

    rows: OwnRows
    numbers: Offsets


@dataclass(frozen=True, slots=True)
class SplitRows:
    """The rows of a job's result file, each with the part that it is of (EACH_ITS_OWN)."""

    rows: MatchedRows  # all of them
    of_parts: Sequence[NumberedRows]  # for each part, in the order of the job
    without_part: NumberedRows  # those that cannot be read, or cannot be matched: they may be of any part


@dataclass(frozen=True, slots=True)
class Fetched:
    """One result file, as it came and as rows. `is_incomplete`: Marketo counted rows that the file does not give."""

    content: bytes | None = None
    matched: SplitRows | None = None
    is_incomplete: bool = False

    def __len__(self) -> int:
        return len(self.matched.rows) if self.matched else 0

    @property
    def unplaced(self) -> Sequence[int]:
        """The lines of those rows that cannot be read, or not be found in the job."""
        return self.matched.rows.unplaced if self.matched else ()


INCOMPLETE = Fetched(is_incomplete=True)


@dataclass(frozen=True, slots=True)
class LateFile:
    """A result file that is worth asking for again."""

    file: Kind
    unusable: Unusable
    failed: QueryFailed

    def __str__(self) -> str:
        return f"{self.file}:{self.unusable}"

    @property
    def is_of_the_part(self) -> bool:
        """False for what all calls have to wait for: that is told as the instance's."""
        return self.failed.rejection_reason is None

    @property
    def is_told_at_once(self) -> bool:
        return self.is_of_the_part and self.unusable is not Unusable.NOT_MATCHED

    def error(self, at: datetime) -> CallError:
        return error_of(self.failed, call=self.file, at=at)

    @classmethod
    def garbled(cls, file: Kind, unusable: Unusable) -> "LateFile":
        return cls(file, unusable, QueryFailed(f"a result file that cannot be used: {unusable}", GARBLED))

    @classmethod
    def ours(cls, file: Kind, mistake: Exception) -> "LateFile":
        why = f"a fault of this service ({type(mistake).__name__}); its log has the details"
        return cls(file, Unusable.NOT_MATCHED, QueryFailed(why, OURS))


def rows_by_files(rows: Rows, failures: Fetched, warnings: Fetched) -> Rows:
    """The counts of a job for which Marketo gave none of its own: what its files say."""
    failed = min(len(failures), rows.total)
    return Rows(rows.total, rows.total - failed, failed, min(len(warnings), rows.total))
