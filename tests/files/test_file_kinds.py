"""What is no table, by how it begins; and what to do about each."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile

import pytest

from app.domain.errors import BadFile
from app.files.compression import zstd
from app.files.file_kinds import kind_of, refuse_what_is_no_table

CSV = b"email,firstName\na@example.com,A\n"


def zipped(*names: str, mimetype: bytes = b"") -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        if mimetype:
            archive.writestr("mimetype", mimetype)
        for name in names:
            archive.writestr(name, CSV)
    return held.getvalue()


def tarred() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        entry = tarfile.TarInfo("leads.csv")
        entry.size = len(CSV)
        archive.addfile(entry, io.BytesIO(CSV))
    return held.getvalue()


KINDS = {  # kind: (how it begins, what it is called, what to do)
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "old Excel workbook (.xls)", "CSV UTF-8"),
    "xlsx": (zipped("[Content_Types].xml", "xl/workbook.xml"), "Excel workbook (.xlsx)", "CSV UTF-8"),
    "ods": (zipped("x", mimetype=b"application/vnd.oasis.opendocument.spreadsheet"), "OpenDocument", "Save it as CSV"),
    "numbers": (zipped("Index/Document.iwa"), "Numbers", "Export it as CSV"),
    "zip": (zipped("leads.csv"), "zip archive", "`unzip FILE`"),
    "tar": (tarred(), "tar archive", "`tar xf FILE`"),
    "gzip": (gzip.compress(CSV), "packed with gzip", "Content-Encoding: gzip"),
    "zstd": (zstd.compress(CSV), "packed with zstd", "Content-Encoding: zstd"),
    "bzip2": (bz2.compress(CSV), "packed with bzip2", "`bunzip2 FILE`"),
    "xz": (lzma.compress(CSV), "packed with xz", "`unxz FILE`"),
    "lz4": (b"\x04\x22\x4d\x18" + CSV, "packed with lz4", "`unlz4 FILE`"),
    "compress": (b"\x1f\x9d" + CSV, "packed with compress", "`uncompress FILE`"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\x04", "7z archive", "`7z x FILE`"),
    "rar": (b"Rar!\x1a\x07\x01\0", "RAR archive", "`unrar x FILE`"),
    "parquet": (b"PAR1\x15\x04", "Parquet", "as CSV"),
    "avro": (b"Obj\x01\x04", "Avro", "as CSV"),
    "orc": (b"ORC\x08", "ORC", "as CSV"),
    "arrow": (b"ARROW1\0\0", "Arrow", "as CSV"),
    "sqlite": (b"SQLite format 3\0", "SQLite", "as CSV"),
    "pdf": (b"%PDF-1.7", "PDF", "as CSV"),
    "png": (b"\x89PNG\r\n\x1a\n", "picture (PNG)", "as CSV"),
    "jpeg": (b"\xff\xd8\xff\xe0", "picture (JPEG)", "as CSV"),
    "gif": (b"GIF89a", "picture (GIF)", "as CSV"),
    "json": (json.dumps([{"email": "a@example.com"}]).encode(), "JSON", "Send CSV"),
    "json object": (json.dumps({"email": "a@example.com"}, indent=1).encode(), "JSON", "Send CSV"),
    "json rows": (b'\xef\xbb\xbf[\n ["email"], ["a@example.com"]]', "JSON", "Send CSV"),
    "html": (b"\n<!DOCTYPE html><html>", "web page", "as CSV"),
    "xml": (b'<?xml version="1.0"?>', "web page or XML", "as CSV"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_called_by_its_name_and_says_what_to_do(kind: str):
    """Not "is it UTF-16?", nor "a column is missing"."""
    begun, name, remedy = KINDS[kind]
    with pytest.raises(BadFile) as refused:
        refuse_what_is_no_table(begun, packed=False)
    assert refused.value.code == "not_delimited"
    assert name in refused.value.message
    assert remedy in refused.value.message


@pytest.mark.parametrize(
    "begun",
    [
        CSV,
        b"",
        b"[email],[firstName]\n",
        b"{email},x\n",
        b"<email>,<name>\n",
        b"GIF,email\n",
        b"PAR,email\n",
        b"ORCID,email\n",
        b"PAR1,email\n",
        b"GIF8,email\n",
        b"BZh9,email\n",
        b"BZ,email\n",
        b"%PDF,email\n",
        b"\xff\xfee\0m\0",
        b"\xef\xbb\xbf" + CSV,
    ],
)
def test_a_table_is_taken_for_one_whatever_its_columns_are_called(begun: bytes):
    """None of these is like anything else."""
    assert kind_of(begun) is None


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_what_is_packed_twice_is_told_so(pack):
    """It was said already that it is packed: to say so again would help nobody."""
    with pytest.raises(BadFile, match="Pack it once only"):
        refuse_what_is_no_table(pack(CSV), packed=True)
