"""A file as it is sent, to pieces; and where it is, if it cannot be read."""

import gzip

import pytest

from app.domain.errors import BadFile
from app.domain.formats import Format
from app.files.compression import unpacked
from app.files.cutting import Cutter, PartFile
from app.files.decoding import Decoder
from app.files.uploaded_file import UploadedFile


def uploaded(charset: str = "utf-8", encoding: str | None = None, limit: int = 10**6) -> UploadedFile:
    return UploadedFile(
        Decoder(content_encoding=encoding, charset=charset, limit_bytes=10**7),
        Cutter(format=Format.CSV, limit_bytes=limit, key_columns=("email",)),
    )


def taken(file: UploadedFile, body: bytes, step: int) -> list[PartFile]:
    pieces = [piece for at in range(0, len(body), step) for piece in file.feed(body[at : at + step])]
    return [*pieces, *file.finish()]


@pytest.mark.parametrize("step", [1, 7, 10**6])
def test_a_file_becomes_pieces_whatever_it_came_in(step: int):
    """Compressed, in another charset, with a byte order mark."""
    text = "email,lastName\n" + "".join(f"p{n}@example.com,Zoë\n" for n in range(20))
    file = uploaded("utf-16", "gzip", limit=120)
    pieces = taken(file, gzip.compress(text.encode("utf-16")), step)
    bodies = [b"".join(unpacked(piece.blob)).decode() for piece in pieces]
    assert "".join(body.removeprefix("email,lastName\n") for body in bodies) == text.removeprefix("email,lastName\n")
    assert (file.rows, file.columns, file.size_bytes) == (20, ("email", "lastName"), len(text.encode("utf-16")))


@pytest.mark.parametrize(
    ("body", "code", "row", "says"),
    [
        (b"email,name\na,b\nc,\xff\n", "bad_bytes", 2, "Row 2, column 2 (name)"),
        (b"email,name\n\n\na,b\n\nc,\xff\n", "bad_bytes", 2, "Row 2, column 2 (name)"),
        (b'email,name\n"a\nb",c\nd\xff,e\n', "bad_bytes", 2, "Row 2, column 1 (email)"),
        (b'email,name\n"a\n\n\xff",c\n', "bad_bytes", 1, "Row 1, column 1 (email)"),
        (b"email,name\na,b,c\xff\n", "bad_bytes", 1, "Row 1, column 3 "),
        (b"email,n\xffme\n", "bad_bytes", 0, "The header, column 2 "),
        (b"email,name\na,b\0\n", "nul_byte", 1, "Row 1, column 2 (name)"),
        (b"email,name\na,Zo\xc3", "bad_bytes", 1, "Row 1, column 2 (name)"),
        ("email\na\n".encode("utf-16-le"), "nul_byte", 0, "The header, column 1 "),
        (b'email,name\na,b\nc,"d\n', "unclosed_quote", 2, "row 2, column 2"),
        (b"email,name\na,b\nc," + b"x" * 2000 + b"\n", "record_too_large", 2, "Row 2 alone"),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 10**6])
def test_what_cannot_be_read_says_in_which_row_and_column(body: bytes, code: str, row: int, says: str, step: int):
    """Blank lines are no rows, and a quoted cell may hold line ends."""
    with pytest.raises(BadFile) as refused:
        taken(uploaded(limit=1000), body, step)
    assert refused.value.code == code
    assert [detail.row for detail in refused.value.details] == [row]
    assert says in refused.value.message


def test_the_first_mistake_is_told_though_a_worse_one_comes_later():
    """The bytes before a bad one are looked at first."""
    with pytest.raises(BadFile) as refused:
        taken(uploaded(), b"name\n\xff", 100)
    assert refused.value.code == "missing_column"
