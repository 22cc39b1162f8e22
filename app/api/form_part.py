"""One part of a multipart form: a field, or the file."""

import sys
from dataclasses import dataclass, field

from app.api.content_claims import Digests, MediaType, read_claims, refuse_partial
from app.api.header_fields import options_of
from app.api.values import whole
from app.domain.errors import BadParameter, BrokenUpload, Detail, UnsupportedMedia
from app.files import codec_registry
from app.files.transfer import TransferDecoder, transfer_decoder

SHOWN_CHARACTERS = 60  # of a part's name


@dataclass(slots=True)
class FormPart:
    """What a part says of itself, and what has come of it."""

    said: dict[str, str]
    name: str
    file_name: str | None
    media: MediaType
    digests: Digests
    cleanup: TransferDecoder | None
    value: bytearray = field(default_factory=bytearray)  # of a field
    received_bytes: int = 0

    @classmethod
    def of(cls, headers: list[tuple[str, str]]) -> "FormPart":
        """Errors: BrokenUpload, UnsupportedMedia."""
        said = read_claims(headers)
        refuse_partial(said)
        media = MediaType.read(said.get("content-type", ""))
        if media.kind.startswith(("multipart/", "message/")):
            raise UnsupportedMedia(f"A part of the form is {media.kind}. Send each file as a part of its own.")
        _, options = options_of(said.get("content-disposition", ""))
        name, file_name = (options.get(option, b"").decode("utf-8", "replace") for option in (b"name", b"filename"))
        cleanup = transfer_decoder(said.get("content-transfer-encoding", ""))
        return cls(said, name, file_name or None, media, Digests(said), cleanup)

    @property
    def is_file(self) -> bool:
        return self.name == "file"

    def take(self, chunk: bytes) -> bytes:
        """The bytes that were meant by those that came. Errors: BrokenUpload."""
        self.received_bytes += len(chunk)
        self.digests.update(chunk)
        return self.cleanup.feed(chunk) if self.cleanup else chunk

    def end(self) -> bytes:
        """What was still held back. Errors: BrokenUpload."""
        length = self.said.get("content-length", "")
        if length.isdigit() and whole(length, 0, sys.maxsize) != self.received_bytes:
            raise BrokenUpload(
                f"The part {self.name[:SHOWN_CHARACTERS]!r} says that it has {length[:SHOWN_CHARACTERS]} bytes, and "
                f"has {self.received_bytes}. Send all of it."
            )
        return self.cleanup.finish() if self.cleanup else b""

    def text(self, charset: str) -> str:
        """A field's value. Errors: BadParameter where it is not in its charset, `charset` where it names none."""
        named = self.media.charset or charset
        codec = codec_registry.find(named)
        try:
            if codec is None:
                raise LookupError(named)
            return codec.decode(bytes(self.value), "strict")[0]
        except (LookupError, UnicodeError):
            message = f"its bytes are not {named[:SHOWN_CHARACTERS]}; send it as UTF-8, or say its charset"
            raise BadParameter(f"{self.name}: {message}", details=(Detail(message, field=self.name),)) from None
