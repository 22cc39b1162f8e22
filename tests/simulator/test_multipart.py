"""Forms as clients have been seen to write them."""

from __future__ import annotations

import pytest

from app.simulator.multipart import read_form

HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n'


@pytest.mark.parametrize("end", [b"\r\n--b--\r\n", b"\r\n--b--", b"\r\n--b", b"\r\n--b\r\n"])
def test_multipart_may_end_with_or_without_its_last_dashes(end: bytes) -> None:
    form = read_form("multipart/form-data; boundary=b", HEAD + b"\r\nemail\na" + end)
    assert form.file == b"email\na"
    assert form.overhead_bytes == len(HEAD) + 2 + len(end)


def test_multipart_leniency() -> None:
    extra = b'Content-Type: text/plain; charset="utf-8"\r\nX-More: 1\r\n\r\n'
    content = b"email\r\n--b is not a boundary\r\n--bb\r\n\r\nx\r\n"
    body = (
        b"preamble\r\n"
        + HEAD
        + extra
        + content
        + b"\r\n--b\r\ncontent-disposition: form-data; name=format\r\n\r\ntsv\r\n--b--"
    )
    form = read_form('Multipart/Form-Data; charset=utf-8; boundary="b"', body)
    assert form.file == content
    assert form.fields == {"format": "tsv"}
    assert read_form("multipart/form-data; boundary=b", HEAD + b"\r\n\r\n--b--").file == b""
