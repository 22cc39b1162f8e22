"""The body of a submission: a multipart form with one file, which is never in memory as a whole."""

import secrets
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass

from app.domain.formats import Format


@dataclass(frozen=True, slots=True)
class FormFile:
    """The file in the form of a submission: a part's file, read in chunks while it is sent."""

    name: str
    format: Format
    size_bytes: int
    open: Callable[[], Iterator[bytes]]
    """Starts reading from the beginning. A submission that is repeated opens it again."""


FILE_NAME = "part.csv"  # the same for all parts: with callers' own names every envelope would have another size
BOUNDARY_CHARACTERS = 32


class GivenUp(Exception):
    """The sender may not go on. Marketo never got a complete request, so nothing was executed."""


class DoesNotFit(ValueError):
    """The body would be larger than Marketo allows. Nothing was sent."""


class BrokenFile(ValueError):
    """The chunks are not of the announced size. Marketo never got a complete request, so nothing was executed."""


@dataclass(frozen=True, slots=True)
class Body:
    file: FormFile
    boundary: str
    may_go_on: Callable[[], bool]

    @classmethod
    def around(cls, file: FormFile, may_go_on: Callable[[], bool] = lambda: True) -> "Body":
        return cls(file, secrets.token_hex(BOUNDARY_CHARACTERS // 2), may_go_on)

    @property
    def size_bytes(self) -> int:
        return envelope_bytes(self.file.name) + self.file.size_bytes

    @property
    def headers(self) -> dict[str, str]:
        return {
            "Content-Type": f"multipart/form-data; boundary={self.boundary}",
            "Content-Length": str(self.size_bytes),
        }

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Prefix, file, suffix. Errors, each before the suffix is sent: BrokenFile, GivenUp."""
        prefix, suffix = _envelope(self.file.name, self.boundary)
        self._check()
        yield prefix
        left = self.file.size_bytes
        for chunk in self.file.open():
            left -= len(chunk)
            if left < 0:
                raise BrokenFile(f"{self.file.name} is longer than the announced {self.file.size_bytes} bytes")
            if chunk:
                self._check()
                yield chunk
        if left:
            raise BrokenFile(f"{self.file.name} is {left} bytes short of {self.file.size_bytes}")
        self._check()
        yield suffix

    def _check(self) -> None:
        if not self.may_go_on():
            raise GivenUp


def envelope_bytes(file_name: str = FILE_NAME) -> int:
    """How many bytes a submission's body has beside the file's own."""
    prefix, suffix = _envelope(file_name, "-" * BOUNDARY_CHARACTERS)
    return len(prefix) + len(suffix)


def _envelope(file_name: str, boundary: str) -> tuple[bytes, bytes]:
    name = file_name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")  # as browsers write it
    prefix = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: text/csv\r\n"
        "\r\n"
    )
    return prefix.encode("utf-8", "replace"), f"\r\n--{boundary}--\r\n".encode("ascii")
