"""A result file as Marketo sent it: its lines, and which of its columns are also in the file that was sent."""

import csv

from app.domain.answers import Unusable
from app.files.sent_rows import Sent

BYTE_ORDER_MARK = "\ufeff".encode()


class GarbledResult(ValueError):
    """What Marketo sent is not a result file."""

    def __init__(self, unusable: Unusable) -> None:
        super().__init__(f"no result file: {unusable}")
        self.unusable = unusable


class ResultSheet:
    """The lines and the header of a result file.

    `shared`: (position here, position in the file that was sent) of each column that both have.
    """

    def __init__(self, content: bytes, sent: Sent) -> None:
        """Errors: GarbledResult."""
        text, self.has_odd_bytes = _decoded(content.removeprefix(BYTE_ORDER_MARK))
        begin = text[:1000].lstrip()[:1]
        if begin in ("<", "{", "["):
            raise GarbledResult(Unusable.HTML if begin == "<" else Unusable.JSON)
        self.lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self.ends_whole = self.lines[-1] == ""
        if self.ends_whole:
            self.lines.pop()
        self.delimiter = sent.delimiter
        self.begin = next((at + 1 for at, line in enumerate(self.lines) if line), 0)  # the first line behind the header
        header = lenient(self.lines[self.begin - 1], self.delimiter) if self.begin else []
        if len(header) < 2:
            raise GarbledResult(Unusable.NO_HEADER)
        self.width = len(header)
        places = sent.places_of(header[:-1])
        self.shared = [(here, there) for here, there in enumerate(places) if there is not None]
        if not self.shared:
            raise GarbledResult(Unusable.OTHER_COLUMNS)

    @property
    def has_only_known_columns(self) -> bool:
        return len(self.shared) == self.width - 1

    def text(self, first: int, end: int) -> str:
        """Lines as they came, except for their kind of line end."""
        return "\n".join(self.lines[first:end])


def _decoded(content: bytes) -> tuple[str, bool]:
    """(the text, whether it holds bytes that are no UTF-8): these are kept as `surrogateescape` does."""
    try:
        return content.decode(), False
    except UnicodeDecodeError:
        return content.decode("utf-8", "surrogateescape"), True


def lenient(line: str, delimiter: str) -> list[str]:
    """The cells of one line, even if its quotes are wrong."""
    return next(csv.reader([line], delimiter=delimiter), [])
