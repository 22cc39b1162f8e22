"""Header and records into parts."""

import tracemalloc
from typing import Any

import pytest

from app.domain.errors import BadFile
from app.domain.formats import Format
from app.files import row_numbers
from app.files.compression import unpacked
from app.files.cutting import Cutter, PartFile

BLOCK = 1 << 19


def cut(
    content: bytes, *, limit: int = 10**6, form: str = "csv", key: tuple[str, ...] = ("email",), step: int = 10**6
) -> list[PartFile]:
    cutter = Cutter(format=Format(form), limit_bytes=limit, key_columns=key)
    pieces = [piece for at in range(0, len(content), step) for piece in cutter.feed(content[at : at + step])]
    return [*pieces, *cutter.finish()]


def plain(piece: PartFile) -> bytes:
    return b"".join(unpacked(piece.blob))


def test_a_part_is_the_header_and_its_records_untouched():
    """Quotes, doubled quotes, line breaks and line ends stay as they came."""
    content = b'email,note\r\na@example.com,"one\r\n""two"""\r\nb@example.com,\r\n'
    (piece,) = cut(content)
    assert plain(piece) == content
    assert (piece.rows, piece.size_bytes, piece.first_row) == (2, len(content), 1)


def test_header_cells_are_trimmed_because_marketo_would_fail_every_row():
    """` email` is taken at the POST and then found nowhere."""
    (piece,) = cut(b"email , firstName\r\na@example.com,A\r\n")
    assert plain(piece) == b"email,firstName\r\na@example.com,A\r\n"


def test_each_part_tells_the_header_with_which_it_begins():
    """As it stands in the part, deferred duplicates included."""
    content = b" email,note\r\na@x,1\r\na@x,2\r\nb@x,3\r\nb@x,4"
    pieces = cut(content, limit=25)
    assert [piece.has_deferred_rows for piece in pieces] == [False, False, True]
    assert {piece.header for piece in pieces} == {b"email,note\r\n"}
    assert all(plain(piece).startswith(piece.header) for piece in pieces)


def test_each_part_repeats_the_header_and_goes_on_where_the_last_one_ended():
    """The first row of each part is known."""
    content = b"email\n" + b"".join(b"p%d@example.com\n" % n for n in range(10))
    pieces = cut(content, limit=6 + 3 * 15)
    assert [(piece.number, piece.first_row, piece.rows) for piece in pieces] == [
        (1, 1, 3),
        (2, 4, 3),
        (3, 7, 3),
        (4, 10, 1),
    ]
    assert all(plain(piece).startswith(b"email\np") for piece in pieces)


def test_columns_are_found_in_any_case():
    """Marketo is lax about the case of field names."""
    assert cut(b"EMAIL\na@example.com\n")[0].rows == 1


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"", "empty_file", "header line"),
        (b"\n\r\n\r", "empty_file", "header line"),
        (b"email\n", "no_rows", "nothing to import"),
        (b"email\n\n\n", "no_rows", "nothing to import"),
        (b"email,,x\na,b,c\n", "blank_column", "Column 2"),
        (b"email, ,x\na,b,c\n", "blank_column", "Column 2"),
        (b"email,Email\na,b\n", "duplicate_column", "twice"),
        (b"mail,x\na,b\n", "missing_column", "mail, x"),
        (b"email;x\na;b\n", "missing_column", "format=ssv"),
        (b"email\tx\na\tb\n", "missing_column", "format=tsv"),
        (b'email\na\n"b\n', "unclosed_quote", "row 2"),
        (b"email\na\n" + b"x" * 2000 + b"\n", "record_too_large", "Row 2"),
    ],
)
def test_a_file_that_marketo_could_not_take_is_refused(content: bytes, code: str, says: str):
    """Each with a stable code and a sentence that helps."""
    with pytest.raises(BadFile) as refused:
        cut(content, limit=1000)
    assert refused.value.code == code
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("no final newline", b"email\na@example.com", 1),
        ("mixed line ends", b"email\r\na\nb\rc\r\n", 3),
        ("emoji", "email,x\na,\U0001f600\n".encode(), 1),
        ("a lone quote inside a cell", b'email,x\na,5" pipe\nb,c\n', 2),
        ("2,000 columns", b"email," + b",".join(b"c%d" % n for n in range(1999)) + b"\na" + b"," * 1999 + b"\n", 1),
        ("a row of more cells than columns", b"email\na" + b"," * 100_000 + b"\n", 1),
        ("a 9 MB cell", b"email,x\na," + b"y" * 9_000_000 + b"\n", 1),
        ("blank lines between", b"email\n\na\n\n\nb\n", 2),
        ("trailing empty cells", b"email,x,y\na,,\nb\n", 2),
    ],
)
def test_ugly_files_are_taken_as_they_are(name: str, content: bytes, rows: int):
    """Whatever a spreadsheet makes."""
    (piece,) = cut(content, limit=9_900_000)
    assert piece.rows == rows, name


def cut_in_stretches(content: bytes, step: int, **words: Any) -> tuple[list[PartFile], Cutter]:
    """Others need the memory after each stretch."""
    cutter = Cutter(format=Format.CSV, limit_bytes=10**6, key_columns=("email",), **words)
    pieces: list[PartFile] = []
    for at in range(0, len(content), step):
        pieces += cutter.feed(content[at : at + step])
        pieces += cutter.let_go()
    return [*pieces, *cutter.finish()], cutter


def test_a_part_that_is_let_go_early_is_a_part_like_any_other():
    """Each record is in just one, and no two that follow the file share a key."""
    names = [b"p%d@example.com\n" % (n % 40) for n in range(100)]
    pieces, _ = cut_in_stretches(b"email\n" + b"".join(names), 200)
    assert len(pieces) > 5
    assert [piece.number for piece in pieces] == list(range(1, len(pieces) + 1))
    rows = [(number, row) for piece in pieces for number, row in zip(numbers_of(piece), rows_of(piece), strict=True)]
    assert [row for _, row in sorted(rows)] == names
    following = [row for piece in pieces if not piece.has_deferred_rows for row in rows_of(piece)]
    assert len(set(following)) == len(following)
    for name in set(names):
        in_order = [number for number, row in rows if row == name]
        assert in_order == sorted(in_order)


def numbers_of(piece: PartFile) -> list[int]:
    return list(row_numbers.read(piece.row_numbers, first_row=piece.first_row, rows=piece.rows))


def rows_of(piece: PartFile) -> list[bytes]:
    return plain(piece).splitlines(keepends=True)[1:]


def test_what_is_let_go_is_held_no_longer():
    """A record that has not ended cannot be let go."""
    cutter = Cutter(format=Format.CSV, limit_bytes=10**7, key_columns=("email",))
    rows = b"".join(b"p%d@example.com\n" % n for n in range(20_000))
    assert list(cutter.feed(b"email\n" + rows + b"x" * 1_000)) == []
    held, least = cutter.memory_bytes
    assert held > 20_000 * 16
    assert 1_000 <= least < 2_000
    assert sum(piece.rows for piece in cutter.let_go()) == 20_000
    assert cutter.memory_bytes[0] < least + 200_000  # of keys that were seen


def test_before_there_is_a_row_nothing_can_be_let_go():
    cutter = Cutter(format=Format.CSV, limit_bytes=10**6, key_columns=("email",))
    assert list(cutter.feed(b"email\n")) == list(cutter.let_go()) == []


def test_a_part_has_half_a_million_rows_at_most():
    """Of each, more is held than a tiny row has itself."""
    content = b"email\n" + b"a\n" * 600_000
    assert [piece.rows for piece in cut(content, limit=10**7, key=())] == [500_000, 100_000]


@pytest.mark.parametrize("row", [b"a\n", b"\n", b"\r", b'"\n"\n'])
def test_short_rows_are_taken_a_stretch_at_a_time(row: bytes):
    """A hundred bytes of numbers for each would be many megabytes for half a megabyte of file."""
    content = b"email\n" + row * (BLOCK // len(row)) + b"z\n"
    cutter = Cutter(format=Format.CSV, limit_bytes=10**7, key_columns=())
    tracemalloc.start()
    try:
        pieces = [*cutter.feed(content), *cutter.finish()]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert b"".join(row for piece in pieces for row in plain(piece).split(b"\n", 1)[1:]).endswith(b"z\n")
    assert peak < 30 * BLOCK
