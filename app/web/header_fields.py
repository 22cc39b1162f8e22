"""Values of headers that have parameters: `text/csv; charset=utf-8`. Only the first parameters are read."""

from email.message import Message
from itertools import islice

from python_multipart.multipart import parse_options_header

from app.files import codec_registry

PARAMETERS = 16  # of one value: what stands behind them is left out
FILE_NAME_CHARSETS = frozenset({"utf-8", "iso8859-1", "ascii"})  # RFC 8187, 3.2.1, and what it replaced


def options_of(value: str | bytes) -> tuple[str, dict[bytes, bytes]]:
    """(the value in lower case, its parameters)."""
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    kind, options = parse_options_header(_within_bounds(text))
    return kind.decode("latin-1").lower(), options


def file_name_in(disposition: str) -> str | None:
    """The file name of a Content-Disposition, also in its encoded form (filename*, RFC 8187)."""
    words = Message()
    words["Content-Disposition"] = _within_bounds(disposition)
    try:
        name = words.get_param("filename", header="content-disposition")
    except ValueError:  # the number of a piece that is too long for one
        return None
    return _decoded(*name) if isinstance(name, tuple) else name


def _decoded(charset: str | None, _language: str | None, text: str) -> str | None:
    codec = codec_registry.find(charset or "ascii")
    if codec is None or codec.name not in FILE_NAME_CHARSETS:
        return None
    return codec.decode(text.encode("latin-1", "replace"), "replace")[0]


def _within_bounds(value: str) -> str:
    return ";".join(islice(value.split(";", PARAMETERS + 1), PARAMETERS + 1))
