"""One part of a multipart form: a field, or the file."""

import sys
from dataclasses import dataclass, field

from app.domain.errors import BadParameter, BrokenUpload, Detail, UnsupportedMedia
from app.files import codec_registry
from app.files.transfer import TransferDecoder, transfer_decoder
from app.web.content_claims import Digests, MediaType, read_claims, refuse_partial
from app.web.header_fields import options_of
from app.web.values import whole

SHOWN_CHARACTERS = 60  # of a part's name


@dataclass(slots=True)
class FormPart:
    """A part: what its headers say, and the value of a field."""

    claims: dict[str, str]
    name: str
    file_name: str | None
    media: MediaType
    digests: Digests
    decoder: TransferDecoder | None
    value: bytearray = field(default_factory=bytearray)  # of a field
    received_bytes: int = 0

    @classmethod
    def of(cls, headers: list[tuple[str, str]]) -> "FormPart":
        """The part that begins with these headers. Errors: BrokenUpload, UnsupportedMedia."""
        claims = read_claims(headers)
        refuse_partial(claims)
        media = MediaType.read(claims.get("content-type", ""))
        if media.kind.startswith(("multipart/", "message/")):
            raise UnsupportedMedia(f"A part of the form is {media.kind}. Send each file as a part of its own.")
        _, options = options_of(claims.get("content-disposition", ""))
        name, file_name = (options.get(option, b"").decode("utf-8", "replace") for option in (b"name", b"filename"))
        decoder = transfer_decoder(claims.get("content-transfer-encoding", ""))
        return cls(claims, name, file_name or None, media, Digests(claims), decoder)

    @property
    def is_file(self) -> bool:
        return self.name == "file"

    def take(self, chunk: bytes) -> bytes:
        """Count and decode a chunk of the part. Errors: BrokenUpload."""
        self.received_bytes += len(chunk)
        self.digests.update(chunk)
        return self.decoder.feed(chunk) if self.decoder else chunk

    def end(self) -> bytes:
        """Check the part's length and return what the decoder still has. Errors: BrokenUpload."""
        length = self.claims.get("content-length", "")
        if length.isdigit() and whole(length, 0, sys.maxsize) != self.received_bytes:
            raise BrokenUpload(
                f"The part {self.name[:SHOWN_CHARACTERS]!r} says that it has {length[:SHOWN_CHARACTERS]} bytes, and "
                f"has {self.received_bytes}. Send all of it."
            )
        return self.decoder.finish() if self.decoder else b""

    def text(self, charset: str) -> str:
        """A field's value. Errors: BadParameter where it is not in its charset, `charset` where it names none."""
        charset_name = self.media.charset or charset
        codec = codec_registry.find(charset_name)
        try:
            if codec is None:
                raise LookupError(charset_name)
            return codec.decode(bytes(self.value), "strict")[0]
        except (LookupError, UnicodeError):
            message = f"its bytes are not {charset_name[:SHOWN_CHARACTERS]}; send it as UTF-8, or say its charset"
            raise BadParameter(f"{self.name}: {message}", details=(Detail(message, field=self.name),)) from None
