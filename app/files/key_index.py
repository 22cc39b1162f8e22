"""An index of the rows of a job by their record key, in its loose form."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property

from app.files.cell_comparison import UNKNOWN_LETTER, loose_form


class KeyIndex:
    """The rows of a job by key. A key with an empty cell is no key: Marketo finds no record by it."""

    def __init__(self, keys: Iterable[Sequence[str]]) -> None:
        self._rows: dict[str, list[int]] = {}
        for row, key in enumerate(keys):
            if form := form_of(key):
                self._rows.setdefault(form, []).append(row)

    def rows(self, key: Sequence[str]) -> Sequence[int]:
        """The rows with this key, in their order."""
        return self._rows.get(form_of(key), ())

    def longer(self, key: Sequence[str], *, most: int) -> list[int] | None:
        """Rows whose key begins with this one and is longer: it may be theirs, cut off. None: more than `most`."""
        begin, own = loose_form(key[0]), form_of(key)
        if UNKNOWN_LETTER in begin:
            return None
        rows: list[int] = []
        for at in range(bisect_left(self._forms, begin), len(self._forms)):
            if not self._forms[at].startswith(begin):
                break
            if self._forms[at] != own:
                rows += self._rows[self._forms[at]]
            if len(rows) > most:
                return None
        return rows

    @cached_property
    def _forms(self) -> list[str]:
        return sorted(self._rows)


def form_of(key: Sequence[str]) -> str:
    """A key's cells in their loose form, as one text; empty where one of them is empty."""
    cells = [loose_form(cell) for cell in key]
    return "\0".join(cells) if all(cells) else ""
