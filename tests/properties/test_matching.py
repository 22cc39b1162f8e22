"""NOT_A_GUESS: whatever Marketo makes of its rows, each comes back to the row that it was, or to none."""

import csv
import io
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from app.files.result_matching import match_rows
from app.files.sent_rows import Sent

CELLS = st.one_of(
    st.sampled_from(
        ["", "Ann", "ann", "Zoë", "Straße", "Lee", "Leeds", "a  b", "a b", "Acme, Inc", "x;y", "Leeds\nLtd"]
    ),
    st.sampled_from(
        ["42", "427", "7.5", "2026-01-31", "2025-12-01", "null", "n", "True", 'say "hi"', "two\r\nlines\n"]
    ),
    st.text(st.sampled_from('ab ,;\n"é?'), max_size=5),
)
KEYS = st.sampled_from(["p{}@x.co", "p{}@x.com", "{}", "zoë{}@x", "Key  {}"])


def cut(cell: str, at: int) -> str:
    """Something of it is left: of a cell that is blank now nobody could say that it was cut."""
    shorter = cell[: max(1, at)]
    return shorter if shorter.strip() else cell


def marked(cell: str, at: int) -> str:
    letters = [n for n, one in enumerate(cell) if one.isalpha()]
    n = letters[at % len(letters)] if letters else None
    return cell if n is None else f"{cell[:n]}?{cell[n + 1 :]}"


CHANGES: dict[str, Any] = {
    "lower": lambda cell, _: cell.lower(),
    "blanks": lambda cell, _: re.sub(" +", " ", cell),
    "no-break": lambda cell, _: cell.replace(" ", "\u00a0"),
    "form": lambda cell, _: unicodedata.normalize("NFD", cell),
    "decimal": lambda cell, _: f"{cell}.0" if cell.isdigit() else cell,
    "null": lambda cell, _: cell or "null",
    "date": lambda cell, _: re.sub(r"(\d{4})-(\d\d)-(\d\d)", r"\3.\2.\1", cell),
    "cut": cut,
    "marked": marked,
}
OF_KEYS = ["lower", "blanks", "no-break", "form", "decimal"]  # after which the key is still the same one


@dataclass
class Made:
    """A job, Marketo's result file of some of its rows, and what came of each."""

    text: bytes
    delimiter: str
    columns: list[str]
    rows: list[list[str]]
    back: dict[int, list[str]]  # by row: its cells as they came back, without the column that is gone
    result: bytes
    gone: int | None

    def shared(self, row: int) -> list[str]:
        return [cell for at, cell in enumerate(self.rows[row]) if at != self.gone]


def written(cells: list[str], delimiter: str, *, every: bool, never: bool = False) -> str:
    """With quotes around every cell, those that need them, or none."""
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    plain = [never or not (every or set(cell) & {delimiter, '"', "\r", "\n"}) for cell in cells]
    return delimiter.join(cell if as_is else safe for cell, safe, as_is in zip(cells, quoted, plain, strict=True))


@st.composite
def results(draw: Any) -> Made:
    delimiter = draw(st.sampled_from([",", ";", "\t"]))
    width, count = draw(st.integers(2, 4)), draw(st.integers(1, 6))
    key = draw(st.integers(0, width - 1))
    columns = [f"c{n}" for n in range(width)]
    columns[key] = "email"
    rows = [draw(st.lists(CELLS, min_size=width, max_size=width)) for _ in range(count)]
    for n, row in enumerate(rows):
        row[key] = draw(st.one_of(KEYS, KEYS, st.just("twice@x"))).format(n)
    text = "".join(written(row, delimiter, every=draw(st.booleans())) + "\n" for row in [columns, *rows])
    gone = draw(st.sampled_from([None, None, None, *range(width)]))
    unquoted, back = draw(st.booleans()), {}
    for n in draw(st.lists(st.integers(0, count - 1), unique=True)):
        cells = list(rows[n])
        for at in range(width):
            how = draw(st.lists(st.sampled_from(OF_KEYS if at == key else list(CHANGES)), max_size=2))
            for name in how:
                cells[at] = CHANGES[name](cells[at], draw(st.integers(1, 6)))
        back[n] = [cell for at, cell in enumerate(cells) if at != gone]
    header = written([*(name for at, name in enumerate(columns) if at != gone), "Reason"], delimiter, every=False)
    lines = [
        written([*cells, f"r{n}."], delimiter, every=draw(st.booleans()), never=unquoted) for n, cells in back.items()
    ]
    result = "".join(f"{line}\n" for line in [header, *lines]).encode()
    if draw(st.booleans()):
        result = result.replace("ë".encode(), b"\xeb")  # Latin-1
    return Made(text.encode(), delimiter, columns, rows, back, result, gone)


def plain(cells: list[str]) -> tuple[str, ...]:
    """What stands for a row whatever the changes that leave no trace have made of it, said anew."""
    found = []
    for cell in cells:
        letters = unicodedata.normalize("NFKD", cell).casefold()
        shown = "".join(one for one in letters if not unicodedata.combining(one)).replace('"', "")
        text = " ".join(shown.split())
        found.append("" if text == "null" else re.sub(r"^(-?\d+)\.0*$", r"\1", text))
    return tuple(found)


def as_read(cells: list[str]) -> list[str]:
    return [re.sub("\r\n?", "\n", cell).strip() for cell in cells]


@given(made=results())
def test_NOT_A_GUESS_a_changed_row_comes_back_to_itself_or_to_none(made: Made):
    """By identity: its reason says which row it was. And none is lost whose key only one row has."""
    others = {n: {plain(made.shared(m)) for m in range(len(made.rows)) if m != n} for n in made.back}
    for n, cells in made.back.items():  # changed to what another row is, nobody can tell it from that
        assume(plain(cells) not in others[n] or as_read(cells) == as_read(made.shared(n)))
    found = list(match_rows(made.result, Sent([made.text], made.delimiter, made.columns, ["email"])))
    placed = set()
    for row in found:
        if row.place >= 0:
            (true,) = {int(n) for n in re.findall(r"r(\d+)\.", row.reason)}
            assert as_read(made.shared(row.place)) == as_read(made.shared(true)), f"{true} is placed at {row.place}"
            assert as_read(list(row.values)) == as_read(made.rows[row.place])
            placed.add(true)
    assert len({row.place for row in found if row.place >= 0}) == len(placed)
    key = made.columns.index("email")
    times = Counter(plain([row[key]]) for row in made.rows)
    if made.gone != key:
        lost = [n for n in made.back if times[plain([made.rows[n][key]])] == 1 and n not in placed]
        assert not lost


@given(
    made=results(), spoilt=st.lists(st.tuples(st.integers(0, 400), st.sampled_from([b'"', b"\xff", b"\0"])), max_size=3)
)
def test_NOT_A_GUESS_in_a_spoilt_file_too(made: Made, spoilt: list[tuple[int, bytes]]):
    """Quotes that belong nowhere, bytes that are none: what is placed is right, and nothing raises."""
    begin = made.result.index(b"\n") + 1
    result = made.result
    for at, what in spoilt:
        at = begin + at % max(1, len(result) - begin)
        result = result[:at] + what + result[at:]
    others = {n: {plain(made.shared(m)) for m in range(len(made.rows)) if m != n} for n in made.back}
    for n, cells in made.back.items():
        assume(plain(cells) not in others[n] or as_read(cells) == as_read(made.shared(n)))
    for row in match_rows(result, Sent([made.text], made.delimiter, made.columns, ["email"])):
        named = {int(n) for n in re.findall(r"r(\d+)\.", row.reason)}
        if row.place >= 0 and named:
            (true,) = named
            assert as_read(made.shared(row.place)) == as_read(made.shared(true))


def test_csv_reads_what_is_written_here():
    """The file that the property is about is a file."""
    cells = ['a,"b', "x\ny", ""]
    assert next(csv.reader(io.StringIO(written(cells, ",", every=False), newline=""))) == cells
