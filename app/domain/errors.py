"""A caller's mistakes, each with the HTTP status and the stable code that say so. Nobody raises a 500.

CallerError
├── BadParameter      422   a parameter is missing, malformed or contradicts another
├── BadFile           422   the file's content cannot be imported
├── BrokenUpload      400   the body is not what its own headers say
├── UnsupportedMedia  415   a media type, charset or encoding nobody here knows
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
└── DiskFull          507   no room to keep the file
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Detail:
    message: str
    field: str | None = None
    row: int | None = None  # 1 = the first row after the header


class CallerError(Exception):
    status = 400
    code = "bad_request"
    title = "The request cannot be understood"

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
    status, code, title = 422, "invalid_parameter", "A parameter is missing or not valid"


class BadFile(CallerError):
    status, code, title = 422, "invalid_file", "The file cannot be imported as it is"


class BrokenUpload(CallerError):
    status, code, title = 400, "broken_upload", "The upload is not what its headers say"


class UnsupportedMedia(CallerError):
    status, code, title = 415, "unsupported_media", "The file's encoding is not supported"


class TooLarge(CallerError):
    status, code, title = 413, "file_too_large", "The file is too large"


class Unauthorized(CallerError):
    status, code, title = 401, "unauthorized", "A key is needed"


class Forbidden(CallerError):
    status, code, title = 403, "forbidden", "You may not do that"


class NotFound(CallerError):
    status, code, title = 404, "not_found", "There is no such thing here"


class WrongState(CallerError):
    status, code, title = 409, "wrong_state", "It is too late for that"


class KeyInUse(CallerError):
    status, code, title = 409, "idempotency_key_in_use", "The first request with this key is still being received"


class KeyReused(CallerError):
    status, code, title = 422, "idempotency_key_reused", "The idempotency key stands for another request"


class Gone(CallerError):
    status, code, title = 410, "results_erased", "It is erased"


class Backlog(CallerError):
    status, code, title = 429, "backlog_full", "Too many parts are waiting already"


class TooManyRequests(CallerError):
    status, code, title = 429, "too_many_requests", "Too many requests"


class DiskFull(CallerError):
    status, code, title = 507, "disk_full", "There is no room to keep the file"
