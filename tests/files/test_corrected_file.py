"""Our failures file, mended and sent back."""

import pytest

from app.domain.errors import BadFile
from app.domain.formats import Format
from app.files.compression import unpacked
from app.files.corrected_file import Corrected
from app.files.cutting import Cutter
from app.files.decoding import Decoder
from app.files.row_numbers import read
from app.files.uploaded_file import UploadedFile

STEPS = (1, 5, 10**6)


def uploaded(content: bytes, step: int, most: int = 10**6) -> tuple[bytes, list[int]]:
    """(the one part that comes of it, its rows' numbers)."""
    corrected = Corrected(",", limit_bytes=10**6)
    cutter = Cutter(format=Format.CSV, limit_bytes=10**6, key_columns=("email",), numbers=corrected.numbers)
    file = UploadedFile(Decoder(content_encoding=None, charset="utf-8", limit_bytes=most), cutter, corrected)
    pieces = [piece for at in range(0, len(content), step) for piece in file.feed(content[at : at + step])]
    (piece,) = [*pieces, *file.finish()]
    numbers = read(piece.row_numbers, first_row=piece.first_row, rows=piece.rows)
    return b"".join(unpacked(piece.blob)), numbers.tolist()


@pytest.mark.parametrize("step", STEPS)
def test_our_columns_are_left_out_and_the_rows_keep_their_numbers(step: int):
    """Wherever the columns stand, and whatever is quoted."""
    content = b'email,name,Import Failure Reason,Source Row\na@x,"A, B",bad,17\nb@x,"C\nD",worse,9\nc@x,,,\nd@x\n'
    text, numbers = uploaded(content, step)
    assert text == b'email,name\na@x,"A, B"\nb@x,"C\nD"\nc@x,\nd@x\n'
    assert numbers == [17, 9, 0, 0]


@pytest.mark.parametrize("step", STEPS)
def test_a_file_without_our_columns_passes_as_it_is(step: int):
    """Its rows are counted as they stand."""
    content = b'email,name\r\n"a@x",A\r\n\r\nb@x,"B\r"\r'
    text, numbers = uploaded(content, step)
    assert text == b'email,name\r\n"a@x",A\r\nb@x,"B\r"\r'
    assert numbers == [1, 2]


@pytest.mark.parametrize("step", STEPS)
def test_without_the_row_numbers_the_rows_are_counted(step: int):
    """Somebody deleted that column."""
    assert uploaded(b"email,Import Warning Reason\na@x,bad\nb@x,bad\n", step) == (b"email\na@x\nb@x\n", [1, 2])
    assert uploaded(b"email,Source Row\na@x,x\nb@x,-1\n", step)[1] == [0, 0]


@pytest.mark.parametrize("step", STEPS)
def test_a_column_of_that_name_may_be_the_caller_s_own(step: int):
    """Ours is the last of that name, beside our reason or at the end."""
    content = b"Source Row,email\n7,a@x\n"
    assert uploaded(content, step) == (content, [1])
    both = b"Source Row,email,Import Failure Reason,Source Row\n7,a@x,bad,3\n"
    assert uploaded(both, step) == (content, [3])


def test_what_cannot_be_read_says_where_in_the_file_that_was_sent():
    """With our columns counted."""
    with pytest.raises(BadFile) as refused:
        uploaded(b"email,Import Failure Reason,Source Row\na@x,bad,1\nb@x,\xff,2\n", 100)
    assert "Row 2, column 2 (Import Failure Reason)" in refused.value.message


def test_a_quote_that_never_closes_is_given_up_at_the_size_of_a_part():
    """Not at the size of the memory."""
    with pytest.raises(BadFile) as refused:
        uploaded(b'email,Source Row\n"' + b"x" * 1_200_000, 100_000, most=10**7)
    assert refused.value.code == "record_too_large"
