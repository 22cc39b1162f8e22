"""A column map applied to a file that streams: held against the csv module, however the file is cut into chunks."""

import csv
import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.column_maps import ColumnMap
from app.domain.errors import BadFile
from app.files.column_mapping import ColumnMapping


def mapping_of(column_map: ColumnMap, delimiter: str = ",", limit_bytes: int = 1 << 20) -> ColumnMapping:
    return ColumnMapping(column_map, delimiter, limit_bytes=limit_bytes, key_columns=())


def mapped(text: bytes, column_map: ColumnMap, *, step: int = 1 << 20, delimiter: str = ",") -> bytes:
    mapping = mapping_of(column_map, delimiter)
    pieces = [piece for at in range(0, len(text), step) for piece in mapping.feed(text[at : at + step])]
    return b"".join([*pieces, *mapping.finish()])


@pytest.mark.parametrize(
    ("text", "column_map", "result"),
    [
        (b"a,b,c\n1,2,3\n", {"b": "B"}, b"a,B,c\n1,2,3\n"),
        (b"a,b,c\r\n1,2,3\r\n", {"a": None}, b"b,c\r\n2,3\r\n"),
        (b"a,b,c\n1,2,3", {"c": None}, b"a,b\n1,2"),
        (b"a,b,c\n1,2,3\n", {"a": None, "b": None, "c": "x"}, b"x\n3\n"),
        (b"a,b,c\n1,2,3\n", {"a": None, "c": None}, b"b\n2\n"),
        (b'a,b,c\n" 1",  2 ,"3\r\n,"\n', {"b": None}, b'a,c\n" 1","3\r\n,"\n'),
        (b"a,b\n1,\n,\n2,x\n", {"a": None}, b'b\n""\n""\nx\n'),
        (b"a,b\r\n1,\r\n", {"a": None}, b'b\r\n""\r\n'),
        (b"a,b\n1", {"a": None}, b'b\n""'),
        (b"a,b,c\n1\n1,2\n1,2,3,4\n", {"b": None}, b"a,c\n1\n1\n1,3,4\n"),
        (b"a,b,c\n1\n1,2\n1,2,3,4\n", {"a": None, "b": None}, b'c\n""\n""\n3,4\n'),
        (b"a,b\n\n1,2\n\r\n3,4\n\n", {"b": None}, b"a\n1\n3\n"),
        (b' "a" , b\n1,2\n', {"a": "x"}, b"x,b\n1,2\n"),
        (b"a,b\n1,2\n", {"b": "with, comma"}, b'a,"with, comma"\n1,2\n'),
    ],
)
def test_a_file_is_renamed_and_cut(text: bytes, column_map: ColumnMap, result: bytes):
    """Whatever the line ends and the quotes; blank lines were no rows before either."""
    for step in (1, 2, 3, 1 << 20):
        got = mapped(text, column_map, step=step)
        assert [line for line in got.splitlines() if line] == [line for line in result.splitlines() if line]
        assert rows_of(got) == rows_of(result)


def rows_of(text: bytes, delimiter: str = ",") -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text.decode(), newline=""), delimiter=delimiter) if row]


CELLS = st.text(alphabet='ab é,;\t"\n\r', max_size=5)


@given(data=st.data())
def test_any_file_comes_out_as_the_csv_module_would_have_it(data: st.DataObject):
    """Ragged rows too, with every delimiter, in chunks of any size; and not a byte of a cell that stays is changed."""
    width = data.draw(st.integers(1, 5))
    delimiter = data.draw(st.sampled_from(",;\t"))
    left_out = data.draw(st.sets(st.integers(0, width - 1), max_size=width - 1))
    rows = data.draw(st.lists(st.lists(CELLS, min_size=1, max_size=width + 1), max_size=8))
    text = io.StringIO()
    end, quoting = data.draw(st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\n", csv.QUOTE_ALL)]))
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([[f"c{n}" for n in range(width)], *rows])
    column_map: ColumnMap = {f"C{n}": None for n in left_out} | {
        f"c{n}": f"field{n}" for n in range(width) if n not in left_out
    }
    got = mapped(text.getvalue().encode(), column_map, step=data.draw(st.integers(1, 40)), delimiter=delimiter)
    kept = [n for n in range(width + 1) if n not in left_out]
    expected = [[row[n] for n in kept if n < len(row)] or [""] for row in rows]
    assert rows_of(got, delimiter) == [[f"field{n}" for n in kept if n < width], *expected]


def test_all_mistakes_of_a_header_come_at_once():
    """Also those that a header has without a map."""
    with pytest.raises(BadFile) as refused:
        mapped(b"a,,b,b\n1,2,3,4\n", {"x": "y", "a": "b"})
    assert {detail.field for detail in refused.value.details} == {"2", "b", "x"}


def test_a_place_is_told_by_the_names_of_the_file():
    """Whoever reads the mistake has that file before them."""
    mapping = mapping_of({"a": "x", "b": None})
    list(mapping.feed(b"a,b,c\n1,2"))
    assert mapping.place == (1, 2, "b")
    renaming = mapping_of({"a": "x"})
    list(renaming.feed(b"a,b\n1"))
    assert renaming.place is None
    assert renaming.name_of(1) == "a"


def test_it_holds_no_more_than_the_record_that_is_not_complete():
    """However long the file is; a record that is longer than a part is refused, and not gathered."""
    mapping = mapping_of({"b": None}, limit_bytes=5_000)
    for _ in range(100):
        for piece in mapping.feed(b"a,b\n" + b"1,2\n" * 1_000 + b"3"):
            assert len(piece) < 5_000
        assert mapping.memory_bytes < 20_000
        list(mapping.feed(b",4\n"))
    with pytest.raises(BadFile) as refused:
        for _ in range(10):
            list(mapping.feed(b"x" * 1_000))
    assert refused.value.code == "record_too_large"


def test_the_time_goes_with_the_bytes():
    """Many tiny rows, many columns and one long cell cost about the same for a byte."""
    wide = ",".join(f"c{n}" for n in range(2_000)).encode()
    files = {
        "tiny": (b"a,b\n" + b",\n" * 500_000, {"a": None}),
        "wide": (wide + b"\n" + (b"1," * 1_999 + b"1\n") * 250, {f"c{n}": None for n in range(0, 2_000, 2)}),
        "long": (b'a,b\n1,"' + b"x\n" * 500_000 + b'"\n', {"a": None}),
    }
    for name, (text, column_map) in files.items():
        began = time.process_time()
        mapped(text, column_map, step=1 << 19)
        assert time.process_time() - began < 5, name
