"""Text in any charset into UTF-8. Push style: any chunking will do."""

import codecs
from collections.abc import Callable

from app.domain.errors import UnsupportedMedia
from app.files import codec_registry

NO_STREAM = frozenset({"idna", "punycode", "utf-7", "undefined", "unicode_escape", "raw_unicode_escape"})
"""Codecs that hold a whole text back, or are none for texts."""

Converter = Callable[[bytes, bool], tuple[bytes, int | None]]
"""A piece and whether it is the last → (its text in UTF-8 as far as it is good, where in the piece it is not)."""


def converter(charset: str) -> Converter:
    """Errors: UnsupportedMedia unsupported_charset."""
    found = codec_registry.find(charset)
    if found is None or not found._is_text_encoding or found.name in NO_STREAM:  # noqa: SLF001  # as str.encode asks
        raise UnsupportedMedia(
            f"Files in {charset!r} are not read here. Use utf-8, utf-16, cp1252 or another of Python's names for a "
            "character set.",
            code="unsupported_charset",
        )
    return _utf8() if found.name in {"utf-8", "utf-8-sig"} else _converted(found)


def _utf8() -> Converter:
    """What is UTF-8 already is looked at and left as it is."""
    held = b""

    def text(piece: bytes, final: bool) -> tuple[bytes, int | None]:
        nonlocal held
        before, piece, held = len(held), held + piece, b""
        if piece.isascii():
            return piece, None
        try:
            _, good = codecs.utf_8_decode(piece, "strict", final)
        except UnicodeDecodeError as error:
            return piece[: error.start], max(0, error.start - before)
        held = piece[good:]
        return piece[:good], None

    return text


def _converted(charset: codecs.CodecInfo) -> Converter:
    assert charset.incrementaldecoder, "it has a stream"
    decoder = charset.incrementaldecoder()

    def text(piece: bytes, final: bool) -> tuple[bytes, int | None]:
        before = decoder.getstate()
        try:
            return decoder.decode(piece, final).encode(), None
        except UnicodeDecodeError as error:  # its `object` may begin with bytes that were held back before
            bad_at = max(0, len(piece) - (len(error.object) - error.start))
        except UnicodeError:  # utf-16 without a byte order mark, for one, has no place
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
