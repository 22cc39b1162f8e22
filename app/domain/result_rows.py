"""A row of an import that Marketo rejected, or took with a remark: one value from the result file to the answer."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A row of failures or warnings. A row of Marketo's file that cannot be read has no values, but its text."""

    source_row: int | None  # 1 = first after the header of the uploaded file; None if it is not known
    reason: str
    values: Sequence[str | None] = ()  # in the order of the import's columns
    text: str | None = None  # of a row of Marketo's file that cannot be read, as it came
    part_row: int | None = None  # its row within its part, from 0; None if it is not known, or where it was read back

    def values_of(self, columns: Sequence[str]) -> Sequence[str | None]:
        """A value for each of the import's columns; None for all of them where the row cannot be read."""
        return self.values if self.text is None else [None] * len(columns)
