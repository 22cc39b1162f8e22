"""Content-Transfer-Encoding is undone, however the bytes come in."""

import base64
import quopri
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import BrokenUpload, UnsupportedMedia
from app.files.transfer import transfer_decoder


def undone(named: str, written: bytes, step: int) -> bytes:
    decoder = transfer_decoder(named)
    assert decoder
    found = [decoder.feed(written[at : at + step]) for at in range(0, len(written), step)]
    return b"".join([*found, decoder.finish()])


@given(meant=st.binary(max_size=300), step=st.integers(1, 90))
def test_base64_in_lines_as_mail_has_it(meant: bytes, step: int):
    """Of 76 letters, which no chunk knows of."""
    assert undone("base64", base64.encodebytes(meant), step) == meant
    assert undone("BASE64", base64.encodebytes(meant).replace(b"\n", b"\r\n"), step) == meant


@given(meant=st.binary(max_size=300), line_end=st.sampled_from([b"\n", b"\r\n"]), step=st.integers(1, 90))
def test_quoted_printable_with_its_soft_line_ends(meant: bytes, line_end: bytes, step: int):
    """They are no line ends of the file: half a line would become a lead."""
    meant = meant.replace(b"\r", b"").replace(b"\n", line_end)  # Python's encoder writes line ends of one kind only
    assert undone("quoted-printable", quopri.encodestring(meant, quotetabs=True), step) == meant


def test_a_long_line_is_one_line_again():
    """As a mailer wraps it."""
    written = b"email,firstName\r\nzo=C3=AB.with.a.very.long.address.that.is.wrapped=\r\n@example.com,Zo=C3=AB\r\n"
    for step in (1, 2, 3, 1000):
        meant = undone("quoted-printable", written, step).decode()
        assert meant == "email,firstName\r\nzoë.with.a.very.long.address.that.is.wrapped@example.com,Zoë\r\n"


@pytest.mark.parametrize(
    ("named", "written"),
    [
        ("base64", b"ZW1haWw"),
        ("base64", b"ZW1h*WwK"),
        ("base64", b"ZQ==ZQ=="),
        ("base64", b"ZQ==\r\nZW1h"),
        ("base64", b"email,firstName\na@example.com,A\n"),
        ("quoted-printable", b"a=b"),
        ("quoted-printable", b"a=ZZ"),
        ("quoted-printable", b"a="),
        ("quoted-printable", b"a=3"),
    ],
)
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_NOT_A_GUESS_what_is_written_otherwise_is_refused(named: str, written: bytes, step: int):
    """Not taken for whatever comes out."""
    with pytest.raises(BrokenUpload, match=named):
        undone(named, written, step)


@pytest.mark.parametrize("named", ["", "7bit", "8BIT", "binary", " binary ", "text/plain"])
def test_bytes_that_are_as_they_are_need_nothing(named: str):
    """One client of Marketo's says text/plain."""
    assert transfer_decoder(named) is None


@pytest.mark.parametrize("named", ["x-uuencode", "gzip", "base64,base64", "quoted printable"])
def test_an_encoding_that_nobody_knows_is_415(named: str):
    """Never passed over."""
    with pytest.raises(UnsupportedMedia, match="Use base64, quoted-printable or none"):
        transfer_decoder(named)


@given(written=st.binary(max_size=60), step=st.integers(1, 9))
def test_whatever_the_bytes_they_are_undone_or_refused(written: bytes, step: int):
    """And never anything else."""
    for named in ("base64", "quoted-printable"):
        with suppress(BrokenUpload):
            undone(named, written, step)
