"""Finds rows in a result file that fall into pieces there, because a cell holds a line end or a delimiter.

Public reports show that Marketo's result files give such cells back without quotes. So this index holds what each such
row looks like without quotes, and the lines of a result file are compared with that. A reason that holds a delimiter
is not recognised for these rows, as nobody could know where the row ends and the reason begins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.files.cell_comparison import exact_form, loose_form, one_line_end
from app.files.row_alignment import reason_of, tokens_of

MOST_LINES = 100  # a row of more lines is not put together again
MOST_SHAPES = 32  # that are remembered for rows with the same first line
MOST_ALIKE = 8  # rows with the same key that are compared
LOOKS = 200  # comparisons of cells for each line of a result file, on average: this bounds the time

Shape = tuple[int, int]
"""(the lines of a row, the delimiters in its last line)."""


@dataclass(frozen=True, slots=True)
class PossibleRow:
    """A row of the job that may begin at a line of the result file."""

    row: int
    lines: int  # of the result file that it takes
    reason: str


@dataclass(slots=True)
class BrokenRows:
    """The rows of a job that fall into pieces without quotes, by their text and by their key."""

    delimiter: str
    keys: Sequence[int]  # the positions of the record key's columns in a row
    width: int  # cells of a row
    _lines: dict[int, list[str]] = field(default_factory=dict)  # without quotes, by row
    _cells: dict[int, list[str]] = field(default_factory=dict)  # by row
    _texts: dict[str, dict[str, int]] = field(default_factory=dict)  # rows, by text and then by cells
    _shapes: dict[str, set[Shape]] = field(default_factory=dict)  # of rows of several lines, by the first line
    _flat: set[Shape] = field(default_factory=set)  # of rows of one line
    _flat_by_key: dict[str, list[int]] = field(default_factory=dict)  # rows of one line
    _longer_by_key: dict[str, list[int]] = field(default_factory=dict)  # rows of several lines
    _begins: dict[str, list[tuple[int, str]]] | None = None  # (row, a line of it), by the line's first cells
    _most_lines: int = 1
    _looks_left: int = 0

    def __bool__(self) -> bool:
        return bool(self._cells)

    def add(self, row: int, cells: Sequence[str]) -> None:
        """Add a row with a line end or a delimiter in a cell."""
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
            by_key[key].append(row)  # one more than are compared shows that there are too many

    def expect(self, lines: int) -> None:
        """Set the bound for the work: this many lines are going to be compared with these rows."""
        self._looks_left = LOOKS * (lines + 1)

    @property
    def is_tired(self) -> bool:
        """Whether the bound for the work is reached: nothing more is found."""
        return self._looks_left < 0

    def may_begin(self, line: str) -> bool:
        return line in self._shapes

    def hold(self, cells: Sequence[str], *, but: int | None = None) -> bool:
        """Whether these cells may be a piece of a row, of another one than `but`: it has a line that begins so."""
        if self._begins is None:
            self._begins = self._by_begin()
        begin, whole = self._forms(cells)
        alike = self._begins.get(begin, [])
        return len(alike) > MOST_ALIKE or any(row != but and line.startswith(whole) for row, line in alike)

    def at(self, lines: Sequence[str], at: int, *, of_one_line: bool) -> list[PossibleRow]:
        """The rows of the job that may begin at this line, without quotes.

        Either the text is the same to the letter; or the key is there, and all other cells may have been changed by
        Marketo to what is there. Of equal rows one is returned. `of_one_line`: rows of one line are looked for as well,
        by key only if no other row is found.
        """
        matches = [*self._exactly(lines, at, of_one_line), *self._with_key(lines, at, self._longer_by_key)]
        if of_one_line and not matches:
            matches = self._with_key(lines, at, self._flat_by_key)
        return list({exact_form(self._cells[match.row]): match for match in matches}.values())

    def _exactly(self, lines: Sequence[str], at: int, of_one_line: bool) -> list[PossibleRow]:
        matches: list[PossibleRow] = []
        for count, delimiters in (*self._shapes.get(lines[at], ()), *(self._flat if of_one_line else ())):
            self._looks_left -= count
            if at + count > len(lines) or self.is_tired:
                continue
            *own, reason = lines[at + count - 1].split(self.delimiter)
            if len(own) == delimiters + 1:
                text = "\n".join([*lines[at : at + count - 1], self.delimiter.join(own)])
                matches += [PossibleRow(row, count, reason) for row in self._texts.get(text, {}).values()]
        return matches

    def _with_key(self, lines: Sequence[str], at: int, rows: Mapping[str, Sequence[int]]) -> list[PossibleRow]:
        if not rows or self.is_tired:
            return []
        tokens = tokens_of(lines, at, at + self._most_lines, self.delimiter)
        self._looks_left -= len(tokens)
        matches: list[PossibleRow] = []
        for key in {token.text for token in tokens if len(rows.get(token.text, ())) <= MOST_ALIKE}:
            for row in rows.get(key, ()):
                self._looks_left -= len(self._cells[row])
                if token := reason_of(self._cells[row], tokens, self.delimiter):
                    reason = lines[token.line].rpartition(self.delimiter)[2]
                    matches.append(PossibleRow(row, token.line - at + 1, reason))
        return matches

    def _by_begin(self) -> dict[str, list[tuple[int, str]]]:
        by_begin: dict[str, list[tuple[int, str]]] = {}
        for row, lines in self._lines.items():
            for line in lines:
                begin, whole = self._forms(line.split(self.delimiter))
                alike = by_begin.setdefault(begin, [])
                if len(alike) <= MOST_ALIKE:
                    alike.append((row, whole))
        return by_begin

    def _forms(self, cells: Sequence[str]) -> tuple[str, str]:
        """(the first cells, as many as a row has; all cells), both in their loose form."""
        forms = [f"{loose_form(cell)}\0" for cell in cells]
        return "".join(forms[: self.width]), "".join(forms)

    def _note_text(self, text: str, row: int, form: str) -> None:
        """Remember the row's text. Of rows with equal text but other cells two are enough: neither is chosen."""
        alike = self._texts.setdefault(text, {})
        if len(alike) < 2:
            alike.setdefault(form, row)
        lines = text.split("\n")
        shapes = self._flat if len(lines) == 1 else self._shapes.setdefault(lines[0], set())
        if len(shapes) < MOST_SHAPES:
            shapes.add((len(lines), lines[-1].count(self.delimiter)))
