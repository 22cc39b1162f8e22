"""Rows that come in pieces where nobody puts them in quotes: a cell of theirs holds a line end or a delimiter.

Seen in public reports: Marketo's result files give such cells back without quotes. So what such a row looks like
without quotes is kept, and a result file's lines are held against it. Of these a reason with a delimiter in it is not
taken: where such a row ends, nobody could know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.files.cell_comparison import exact_form, loose_form, one_line_end
from app.files.row_alignment import reason_of, tokens_of

MOST_LINES = 100  # of a row that is looked for; a longer one is not put together again
MOST_SHAPES = 32  # that rows with the same first line may have
MOST_ALIKE = 8  # rows with the same key
LOOKS = 200  # cells, for each line of a result file, on average: so the time is bounded

Shape = tuple[int, int]
"""How many lines a row has, and how many delimiters its last one."""


@dataclass(frozen=True, slots=True)
class Found:
    """A row that a line may begin."""

    row: int
    lines: int  # that it takes in the result file
    reason: str


@dataclass(slots=True)
class BrokenRows:
    delimiter: str
    keys: Sequence[int]  # where in a row the record key stands
    width: int  # of a row
    _lines: dict[int, list[str]] = field(default_factory=dict)  # without quotes, by row
    _cells: dict[int, list[str]] = field(default_factory=dict)  # by row
    _texts: dict[str, dict[str, int]] = field(default_factory=dict)  # rows, by text and then by cells
    _shapes: dict[str, set[Shape]] = field(default_factory=dict)  # by the first line
    _flat: set[Shape] = field(default_factory=set)  # of rows of one line
    _flat_by_key: dict[str, list[int]] = field(default_factory=dict)  # rows of one line
    _longer_by_key: dict[str, list[int]] = field(default_factory=dict)  # rows of several lines
    _begins: dict[str, list[tuple[int, str]]] | None = None  # (row, a line of it), by the line's first cells
    _most_lines: int = 1
    _looks_left: int = 0

    def __bool__(self) -> bool:
        return bool(self._cells)

    def add(self, row: int, cells: Sequence[str]) -> None:
        """A row with a line end or a delimiter in a cell."""
        plain = list(map(one_line_end, cells))
        lines = self.delimiter.join(plain).split("\n")
        self._lines[row] = lines
        if len(lines) > MOST_LINES:
            return
        self._cells[row] = plain
        self._most_lines = max(self._most_lines, len(lines))
        form = exact_form(cells)
        for text in {self.delimiter.join(plain), form.replace("\0", self.delimiter)}:
            self._note_text(text, row, form)
        by_key = self._longer_by_key if len(lines) > 1 else self._flat_by_key
        if self.keys and (key := loose_form(cells[self.keys[0]])) and len(by_key.setdefault(key, [])) <= MOST_ALIKE:
            by_key[key].append(row)  # one more than are looked at says that there are more

    def expect(self, lines: int) -> None:
        """So many lines are to be held against these rows."""
        self._looks_left = LOOKS * (lines + 1)

    @property
    def is_tired(self) -> bool:
        """Too much was looked at already: nothing more is found."""
        return self._looks_left < 0

    def may_begin(self, line: str) -> bool:
        return line in self._shapes

    def hold(self, cells: Sequence[str], *, but: int | None = None) -> bool:
        """Whether a row, another one than `but`, holds a line that begins with these cells: it may be a piece of it."""
        if self._begins is None:
            self._begins = self._by_begin()
        begin, whole = self._forms(cells)
        alike = self._begins.get(begin, [])
        return len(alike) > MOST_ALIKE or any(row != but and line.startswith(whole) for row, line in alike)

    def at(self, lines: Sequence[str], at: int, *, of_one_line: bool) -> list[Found]:
        """The rows that may begin there, without quotes: to the letter, or their key there and all cells changed ones.

        Of rows that are alike, one. Those `of_one_line` too; but by key only where there is no other.
        """
        found = [*self._exactly(lines, at, of_one_line), *self._with_key(lines, at, self._longer_by_key)]
        if of_one_line and not found:
            found = self._with_key(lines, at, self._flat_by_key)
        return list({one.row: one for one in found}.values())

    def _exactly(self, lines: Sequence[str], at: int, of_one_line: bool) -> list[Found]:
        found: list[Found] = []
        for count, delimiters in (*self._shapes.get(lines[at], ()), *(self._flat if of_one_line else ())):
            self._looks_left -= count
            if at + count > len(lines) or self.is_tired:
                continue
            *own, reason = lines[at + count - 1].split(self.delimiter)
            if len(own) == delimiters + 1:
                text = "\n".join([*lines[at : at + count - 1], self.delimiter.join(own)])
                found += [Found(row, count, reason) for row in self._texts.get(text, {}).values()]
        return found

    def _with_key(self, lines: Sequence[str], at: int, rows: Mapping[str, Sequence[int]]) -> list[Found]:
        if not rows or self.is_tired:
            return []
        tokens = tokens_of(lines, at, at + self._most_lines, self.delimiter)
        self._looks_left -= len(tokens)
        found: list[Found] = []
        for key in {token.text for token in tokens if len(rows.get(token.text, ())) <= MOST_ALIKE}:
            for row in rows.get(key, ()):
                self._looks_left -= len(self._cells[row])
                if token := reason_of(self._cells[row], tokens, self.delimiter):
                    reason = lines[token.line].rpartition(self.delimiter)[2]
                    found.append(Found(row, token.line - at + 1, reason))
        return found

    def _by_begin(self) -> dict[str, list[tuple[int, str]]]:
        found: dict[str, list[tuple[int, str]]] = {}
        for row, lines in self._lines.items():
            for line in lines:
                begin, whole = self._forms(line.split(self.delimiter))
                alike = found.setdefault(begin, [])
                if len(alike) <= MOST_ALIKE:
                    alike.append((row, whole))
        return found

    def _forms(self, cells: Sequence[str]) -> tuple[str, str]:
        """(the first cells, so many as a row has, all of them) in their loose form."""
        forms = [f"{loose_form(cell)}\0" for cell in cells]
        return "".join(forms[: self.width]), "".join(forms)

    def _note_text(self, text: str, row: int, form: str) -> None:
        """Rows with the same cells are one; with other cells and the same text, two are enough to know of."""
        alike = self._texts.setdefault(text, {})
        if len(alike) < 2:
            alike.setdefault(form, row)
        lines = text.split("\n")
        shapes = self._flat if len(lines) == 1 else self._shapes.setdefault(lines[0], set())
        if len(shapes) < MOST_SHAPES:
            shapes.add((len(lines), lines[-1].count(self.delimiter)))
