"""One part of a form: what its headers say, and its value."""

import base64
import hashlib

import pytest

from app.domain.errors import BadParameter, BrokenUpload, CallerError, UnsupportedMedia
from app.web.form_part import FormPart


def part(*headers: tuple[str, str], name: str = "label", file_name: str | None = None) -> FormPart:
    disposition = f'form-data; name="{name}"' + (f'; filename="{file_name}"' if file_name else "")
    return FormPart.of([("Content-Disposition", disposition), *headers])


def test_the_part_named_file_is_the_file():
    """Whatever its own file name is."""
    file = part(name="file", file_name="leads.csv")
    assert (file.is_file, file.file_name) == (True, "leads.csv")
    assert (part(name="file").is_file, part(name="file").file_name) == (True, None)
    assert not part(name="upload", file_name="leads.csv").is_file


@pytest.mark.parametrize("media_type", ["multipart/mixed; boundary=c", "message/rfc822"])
def test_a_part_of_parts_is_refused(media_type: str):
    """Its boundaries would be rows."""
    with pytest.raises(UnsupportedMedia, match="Send each file as a part of its own"):
        part(("Content-Type", media_type))


def test_a_piece_of_a_file_is_refused():
    """Half a file would pass for the whole."""
    with pytest.raises(CallerError) as refused:
        part(("Content-Range", "bytes 0-9/20"))
    assert refused.value.code == "partial_upload"


@pytest.mark.parametrize(
    ("headers", "value", "text"),
    [
        ((), "Zoë".encode(), "Zoë"),
        ((("Content-Type", "text/plain; charset=cp1252"),), "Zoë".encode("cp1252"), "Zoë"),
        ((("Content-Type", "text/plain"),), "名".encode(), "名"),
    ],
)
def test_a_field_s_value_is_read_in_its_charset(headers: tuple[tuple[str, str], ...], value: bytes, text: str):
    """In the form's where it names none."""
    field = part(*headers)
    field.value += value
    assert field.text("utf-8") == text


@pytest.mark.parametrize(("charset", "value"), [("utf-8", b"\xff"), ("klingon", b"a"), ("ascii", b"\xe9")])
def test_a_value_that_is_not_in_its_charset_is_refused_by_name(charset: str, value: bytes):
    """Also where nobody knows the charset."""
    field = part()
    field.value += value
    with pytest.raises(BadParameter) as refused:
        field.text(charset)
    assert [detail.field for detail in refused.value.details] == ["label"]


def test_a_transfer_encoding_is_undone_and_the_length_is_of_what_came():
    """Not of what it means."""
    encoded = base64.b64encode(b"email\n")
    field = part(("Content-Transfer-Encoding", "base64"), ("Content-Length", str(len(encoded))))
    assert field.take(encoded[:3]) + field.take(encoded[3:]) + field.end() == b"email\n"
    assert field.received_bytes == len(encoded)


def test_a_part_that_is_shorter_than_it_says_is_broken():
    """A length that is no number says nothing."""
    field = part(("Content-Length", "9"))
    field.take(b"email\n")
    with pytest.raises(BrokenUpload, match="says that it has 9 bytes, and has 6"):
        field.end()
    assert part(("Content-Length", "x")).end() == b""


def test_a_digest_is_of_the_bytes_that_came():
    """A wrong one is noticed when they are compared."""
    digest = base64.b64encode(hashlib.sha256(b"email\n").digest()).decode()
    field = part(("Content-Digest", f"sha-256=:{digest}:"))
    field.take(b"email")
    field.take(b"\n")
    field.digests.check(hashlib.sha256(b"email\n").hexdigest())
