"""The body of an upload: the raw file, or a form with the file in it. Neither is ever held whole in memory."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import PurePath

from fastapi import Request

from app.domain.errors import UnsupportedMedia
from app.files.transfer import TransferDecoder, transfer_decoder
from app.settings import Settings
from app.uploads.admission import Place
from app.uploads.arrival import Arrival
from app.web.body import body_of
from app.web.content_claims import Digests, MediaType, read_claims, refuse_partial, unsupported
from app.web.form import SPOOL_BYTES, Form, too_large
from app.web.header_fields import file_name_in
from app.web.values import whole

RAW = frozenset({"", "text/csv", "text/tab-separated-values", "text/plain", "application/octet-stream"})
FORM = "multipart/form-data"
NAME_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Upload:
    arrival: Arrival
    fields: list[tuple[str, str]]  # parameters from fields of a form, or implied by Content-Type
    file_name: str | None


@asynccontextmanager
async def received(
    request: Request,
    settings: Settings,
    place: Place,
    *,
    admit: Callable[[], Awaitable[None]] | None,
    limit_bytes: int | None = None,
    open_end: bool = False,
) -> AsyncIterator[Upload]:
    """The upload in a request's body, which holds `place` among the uploads that may be under way.

    Errors: UnsupportedMedia, TooLarge, TooSlow, BrokenUpload, BadParameter, DiskFull, ClientDisconnect.

    `admit` is called before a form is read, and raises where it must not be. A raw body is not read here at all: it can
    still be refused unread afterwards.
    `limit_bytes`: the largest file, where that is less than the settings allow.
    `open_end`: the last boundary of a form may lack the `--` that marks it as the last.
    """
    limit_bytes = min(limit_bytes or settings.max_file_bytes, settings.max_file_bytes)
    claims = read_claims(request.headers.items())
    refuse_partial(claims)
    media = MediaType.read(claims.get("content-type", ""))
    if media.kind in RAW:
        _refuse_length(claims, limit_bytes)
        async with body_of(request, place) as body:
            yield _with_place(_raw(request, body, claims, media), place)
    elif media.kind == FORM:
        _refuse_packed_form(claims)
        if admit:
            await admit()
        vault = request.app.state.container.db.vault
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
            boundary = media.options.get(b"boundary", b"")
            form = Form(
                vault.spool(spool), boundary, limit_bytes, floor_bytes=settings.disk_floor_bytes, open_end=open_end
            )
            async with body_of(request, place) as body:
                yield _with_place(await _in_form(request, body, claims, form), place)
    else:
        raise unsupported(media.kind)


def _with_place(upload: Upload, place: Place) -> Upload:
    return replace(upload, arrival=replace(upload.arrival, place=place))


def _raw(request: Request, body: AsyncIterator[bytes], claims: dict[str, str], media: MediaType) -> Upload:
    """Errors: BadParameter, BrokenUpload, UnsupportedMedia."""
    digests = Digests(claims)
    decoder = transfer_decoder(claims.get("content-transfer-encoding", ""))
    chunks = digests.hashed(body)
    arrival = Arrival(_decode(chunks, decoder) if decoder else chunks, claims.get("content-encoding"), digests.check)
    name = _plain_name(file_name_in(claims.get("content-disposition", "")))
    return Upload(arrival, media.parameters(dict(request.query_params)), name)


async def _in_form(request: Request, body: AsyncIterator[bytes], claims: dict[str, str], form: Form) -> Upload:
    """Errors: BadParameter, BrokenUpload, DiskFull, TooLarge, UnsupportedMedia."""
    digests = Digests(claims)
    await form.read(digests.hashed(body))
    file = form.file
    fields = form.fields()
    claimed = file.media.parameters(dict(request.query_params) | dict(fields))

    def check(file_sha256: str) -> None:
        digests.check(file_sha256)
        file.digests.check(file_sha256)

    arrival = Arrival(form.chunks(), form.content_encoding(), check)
    return Upload(arrival, fields + claimed, _plain_name(file.file_name))


async def _decode(chunks: AsyncIterator[bytes], cleanup: TransferDecoder) -> AsyncIterator[bytes]:
    """The bytes with Content-Transfer-Encoding undone. Errors: BrokenUpload."""
    async for chunk in chunks:
        yield cleanup.feed(chunk) if chunk else b""
    yield cleanup.finish()


def _refuse_packed_form(claims: dict[str, str]) -> None:
    if claims.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia(
            "A form cannot be compressed as a whole. Send the file raw; or send the form without Content-Encoding: "
            "a packed file in it (.gz, .zst) is simply unpacked."
        )


def _refuse_length(claims: dict[str, str], limit_bytes: int) -> None:
    """Refuse a body whose Content-Length is too large before anything of it is read."""
    length = claims.get("content-length", "")
    is_plain = claims.get("content-encoding", "identity").lower() == "identity"
    if is_plain and length.isdigit() and whole(length, 0, limit_bytes) is None:
        raise too_large(limit_bytes)


def _plain_name(name: str | None) -> str | None:
    """The file's name without a path: some clients send the whole path."""
    if not name:
        return None
    whole = name.replace("\\", "/").replace("\0", "").encode("utf-8", "replace").decode()
    return PurePath(whole).name[:NAME_CHARACTERS] or None
