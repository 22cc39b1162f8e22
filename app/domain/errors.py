"""The mistakes that callers make, each with its HTTP status and stable code. No code of ours raises a 500.

problems.py says what each code means and what to do. Where an error is raised, it may be given a more precise code.

CallerError
├── BadParameter      422   a parameter is missing, malformed or contradicts another
├── BadFile           422   the file's content cannot be imported
├── BrokenUpload      400   the body is not what its own headers say
├── UnsupportedMedia  415   a media type, charset or encoding nobody here knows
├── TooSlow           408   the request, or its body, does not come at the pace that is asked for
├── TooLarge          413   more bytes than the service, or Marketo, takes
├── Unauthorized      401   no key, or one that opens nothing
├── Forbidden         403   a key that does not go so far
├── NotFound          404
├── WrongState        409   the thing exists but is past that
├── KeyInUse          409   the request with this idempotency key is still being received
├── KeyReused         422   an idempotency key stands for another request
├── Gone              410   it was there, and is erased
├── Backlog           429   too much is waiting already
├── TooManyRequests   429   one client asks too often
├── HeadersTooLarge   431   more headers than anybody needs
├── TooManyConnections 503  all connections are at work
└── DiskFull          507   no room to keep the file
"""

from collections.abc import Sequence
from dataclasses import dataclass

TOLD_DETAILS = 5  # that the message repeats; all details stand beside it
MOST_ERRORS = 100  # that one problem lists; it also says how many there are
SHOWN_LETTERS = 60  # that a message repeats of a caller's text


@dataclass(frozen=True, slots=True)
class Detail:
    message: str
    field: str | None = None
    row: int | None = None  # 1 = the first row after the header


def in_one_sentence(details: Sequence[Detail]) -> str:
    """The first few details, and how many more there are."""
    first = details[:TOLD_DETAILS]
    sentences = [f"{detail.field}: {detail.message}" if detail.field else detail.message for detail in first]
    more = len(details) - len(first)
    return "; ".join(sentences) + (f"; and {more} more" if more else "")


def quoted(name: str) -> str:
    """A caller's text for a sentence: shortened where it is long, invisible characters spelt out."""
    return repr(name) if len(name) <= SHOWN_LETTERS else f"{name[:SHOWN_LETTERS]!r}…"


class CallerError(Exception):
    status = 400
    code = "bad_request"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: tuple[Detail, ...] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details = details
        self.retry_after_seconds = retry_after_seconds


class BadParameter(CallerError):
    status, code = 422, "invalid_parameter"


class BadFile(CallerError):
    status, code = 422, "invalid_file"


class BrokenUpload(CallerError):
    status, code = 400, "broken_upload"


class UnsupportedMedia(CallerError):
    status, code = 415, "unsupported_media"


class TooSlow(CallerError):
    status, code = 408, "request_timeout"


class TooLarge(CallerError):
    status, code = 413, "file_too_large"


class Unauthorized(CallerError):
    status, code = 401, "unauthorized"


class Forbidden(CallerError):
    status, code = 403, "forbidden"


class NotFound(CallerError):
    status, code = 404, "not_found"


class WrongState(CallerError):
    status, code = 409, "wrong_state"


class KeyInUse(CallerError):
    status, code = 409, "idempotency_key_in_use"


class KeyReused(CallerError):
    status, code = 422, "idempotency_key_reused"


class Gone(CallerError):
    status, code = 410, "results_erased"


class Backlog(CallerError):
    status, code = 429, "backlog_full"


class TooManyRequests(CallerError):
    status, code = 429, "too_many_requests"


class HeadersTooLarge(CallerError):
    status, code = 431, "headers_too_large"


class TooManyConnections(CallerError):
    status, code = 503, "too_many_connections"


class DiskFull(CallerError):
    status, code = 507, "disk_full"
