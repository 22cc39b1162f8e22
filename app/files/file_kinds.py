"""Recognises files that are no delimited text by the bytes that they begin with, and says what to do about each."""

from app.domain.errors import BadFile

SAVE_AS = "In Excel: File, Save As, “CSV UTF-8 (Comma delimited)”; then send that file."
UNPACK = "Send the file that is in it: {command}."

PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", f"This is an old Excel workbook (.xls), or another Office file. {SAVE_AS}"),
    (b"\x1f\x8b", "This is packed with gzip. Say so with Content-Encoding: gzip."),
    (b"\x28\xb5\x2f\xfd", "This is packed with zstd. Say so with Content-Encoding: zstd."),
    (b"BZh", f"This is packed with bzip2. {UNPACK.format(command='`bunzip2 FILE`')}"),
    (b"\xfd7zXZ\0", f"This is packed with xz. {UNPACK.format(command='`unxz FILE`')}"),
    (b"\x04\x22\x4d\x18", f"This is packed with lz4. {UNPACK.format(command='`unlz4 FILE`')}"),
    (b"\x1f\x9d", f"This is packed with compress (.Z). {UNPACK.format(command='`uncompress FILE`')}"),
    (b"7z\xbc\xaf\x27\x1c", f"This is a 7z archive. {UNPACK.format(command='`7z x FILE` takes it out')}"),
    (b"Rar!\x1a\x07", f"This is a RAR archive. {UNPACK.format(command='`unrar x FILE` takes it out')}"),
    (b"PAR1", "This is a Parquet file. Write the table as CSV and send that."),
    (b"Obj\x01", "This is an Avro file. Write the records as CSV and send that."),
    (b"ORC", "This is an ORC file. Write the table as CSV and send that."),
    (b"ARROW1", "This is an Arrow file. Write the table as CSV and send that."),
    (b"SQLite format 3\0", "This is an SQLite database. Write the table as CSV and send that."),
    (b"%PDF-", "This is a PDF. Send the rows as CSV."),
    (b"\x89PNG\r\n\x1a\n", "This is a picture (PNG). Send the rows as CSV."),
    (b"\xff\xd8\xff", "This is a picture (JPEG). Send the rows as CSV."),
    (b"GIF87a", "This is a picture (GIF). Send the rows as CSV."),
    (b"GIF89a", "This is a picture (GIF). Send the rows as CSV."),
)
_BINARY_BEHIND = frozenset({b"BZh", b"PAR1", b"ORC"})
"""A header may begin with these as well: they count only if bytes follow that are no text."""
_ZIP = b"PK\x03\x04"
_ZIPPED = (  # names of a zip archive's first entries, and what the archive is then
    ((b"xl/", b"[Content_Types].xml"), f"This is an Excel workbook (.xlsx). {SAVE_AS}"),
    ((b"opendocument.spreadsheet",), "This is an OpenDocument sheet (.ods). Save it as CSV and send that."),
    ((b"Index/", b".iwa"), "This is a Numbers sheet. Export it as CSV and send that."),
)
_ZIP_BYTES = 4096  # of an archive that are searched for names
_TAR_AT, _TAR = 257, b"ustar"
_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<body", b"<table", b"<!--")
_TEXT_BYTES = 64  # of a text that are checked
_BOM = b"\xef\xbb\xbf"


def packing_of(begun: bytes) -> str | None:
    """The Content-Encoding that would decompress a file; None where it is not compressed."""
    return next((packing for magic, packing in PACKED.items() if begun.startswith(magic)), None)


def refuse_what_is_no_table(begun: bytes, *, packed: bool) -> None:
    """Refuse a file that begins like one of these. Errors: BadFile not_delimited.

    `packed`: it came with a Content-Encoding, which is undone already.
    """
    if message := kind_of(begun):
        if packed and "Content-Encoding" in message:
            message = f"{message.partition('.')[0]}, inside of what Content-Encoding says. Pack it once only."
        raise BadFile(message, code="not_delimited")


def kind_of(begun: bytes) -> str | None:
    """What the file is, and what to do about it; None where it may be delimited text."""
    for magic, message in _MAGIC:
        if begun.startswith(magic) and (magic not in _BINARY_BEHIND or _is_binary(begun[len(magic) :])):
            return message
    if begun.startswith(_ZIP):
        return _in_zip(begun[:_ZIP_BYTES])
    if begun[_TAR_AT:].startswith(_TAR):
        return f"This is a tar archive. {UNPACK.format(command='`tar xf FILE` takes it out')}"
    return _kind_of_text(begun.removeprefix(_BOM)[:_TEXT_BYTES].lstrip())


def _is_binary(begun: bytes) -> bool:
    """Whether the first bytes hold any that no line of text has."""
    return any(byte < 0x20 and byte not in b"\t\r\n" for byte in begun[:_TEXT_BYTES])


def _in_zip(begun: bytes) -> str:
    for names, message in _ZIPPED:
        if any(name in begun for name in names):
            return message
    return f"This is a zip archive. {UNPACK.format(command='`unzip FILE` takes it out')}"


def _kind_of_text(begun: bytes) -> str | None:
    """Markup or JSON: both are text, but no column has such a name."""
    if begun.lower().startswith(_MARKUP):
        return (
            "This is a web page or XML: an error page that was saved in a file's place, perhaps, or a table that a "
            "program has written as `.xls`. Send the rows as CSV."
        )
    opens, inside = begun[:1], begun[1:].lstrip()[:1]
    if (opens == b"{" and inside in {b'"', b"}"}) or (opens == b"[" and inside in {b"{", b"[", b"]"}):
        return "This is JSON. Send CSV: a line with the columns' names, then a line for each record."
    return None
