"""A file on its way in, and the receipt for one that was taken."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from app.domain.errors import TooSlow
from app.domain.imports import Import, LeftOut
from app.files.row_numbers import Numbering
from app.uploads.admission import Place


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file on its way in."""

    chunks: AsyncIterator[bytes]
    content_encoding: str | None = None
    check_sent: Callable[[str], None] | None = None
    """Whether what came is what its sender says, by digests: given the file's SHA-256. Errors: BrokenUpload."""
    place: Place | None = None  # where it has one already
    idempotency_key: str | None = None
    retry_of: int | None = None  # the import whose rows these are, once more
    retried_by: str | None = None  # who asked for that
    numbers: Numbering | None = None  # of these rows in the file that was uploaded first
    corrected: bool = False  # it may be a failures file of ours, mended
    left_out: Callable[[], LeftOut] = LeftOut  # rows that are not among these; known once they all have come

    @property
    def packed(self) -> bool:
        return self.content_encoding is not None

    def check_digest(self, file_sha256: str) -> None:
        """Once all is read. Errors: BrokenUpload digest_mismatch."""
        if self.check_sent:
            self.check_sent(file_sha256)


@dataclass(frozen=True, slots=True)
class Receipt:
    import_id: int
    import_: Import | None = None  # as it was stored, where that is at hand
    replayed: bool = False  # an earlier request with the same Idempotency-Key made it


def too_slow() -> TooSlow:
    message = "The upload came so slowly that it was given up. Send it over a better line, or compressed."
    return TooSlow(message, code="upload_too_slow")
