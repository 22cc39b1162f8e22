"""Converts text in any charset to UTF-8. Takes chunks of any size."""

import codecs
from collections.abc import Callable

from app.domain.errors import UnsupportedMedia
from app.files import codec_registry

NO_STREAM = frozenset({"idna", "punycode", "utf-7", "undefined", "unicode-escape", "raw-unicode-escape"})
"""Codecs that cannot decode in chunks, or are not for texts. The names are those that `CodecInfo` itself gives."""

Converter = Callable[[bytes, bool], tuple[bytes, int | None]]
"""(a chunk, whether it is the last) → (its text in UTF-8 up to the first bad byte, the place of that byte or None)."""


def converter(charset: str) -> Converter:
    """The converter for a charset. Errors: UnsupportedMedia unsupported_charset."""
    codec = codec_registry.find(charset)
    if codec is None or not codec._is_text_encoding or codec.name in NO_STREAM:  # noqa: SLF001  # as str.encode asks
        raise UnsupportedMedia(
            f"Files in {charset!r} are not read here. Use utf-8, utf-16, cp1252 or another of Python's names for a "
            "character set.",
            code="unsupported_charset",
        )
    return _utf8() if codec.name in {"utf-8", "utf-8-sig"} else _converted(codec)


def _utf8() -> Converter:
    """UTF-8 is checked and passed on unchanged."""
    unfinished = b""

    def text(piece: bytes, final: bool) -> tuple[bytes, int | None]:
        nonlocal unfinished
        before, piece, unfinished = len(unfinished), unfinished + piece, b""
        if piece.isascii():
            return piece, None
        try:
            _, good = codecs.utf_8_decode(piece, "strict", final)
        except UnicodeDecodeError as error:
            return piece[: error.start], max(0, error.start - before)
        unfinished = piece[good:]
        return piece[:good], None

    return text


def _converted(charset: codecs.CodecInfo) -> Converter:
    assert charset.incrementaldecoder, "it has a stream"
    decoder = charset.incrementaldecoder()

    def text(piece: bytes, final: bool) -> tuple[bytes, int | None]:
        before = decoder.getstate()
        try:
            return decoder.decode(piece, final).encode(), None
        except UnicodeDecodeError as error:  # its `object` may begin with bytes of the chunk before
            bad_at = max(0, len(piece) - (len(error.object) - error.start))
        except UnicodeError:  # it names no place: for example utf-16 without a byte order mark
            bad_at = 0
        decoder.setstate(before)
        return _good(decoder, piece[:bad_at]), bad_at

    return text


def _good(decoder: codecs.IncrementalDecoder, piece: bytes) -> bytes:
    """The text before a bad byte."""
    try:
        return decoder.decode(piece).encode()
    except UnicodeError:
        return b""
