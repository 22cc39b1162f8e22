"""An upload's body, raw or as a form. Neither is ever held whole in memory."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import PurePath

from fastapi import Request

from app.api.body import body_of
from app.api.content_claims import Digests, MediaType, read_claims, refuse_partial, unsupported
from app.api.form import SPOOL_BYTES, Form, too_large
from app.api.header_fields import file_name_in
from app.api.values import whole
from app.domain.errors import UnsupportedMedia
from app.files.transfer import TransferDecoder, transfer_decoder
from app.pipeline.intake import Arrival
from app.settings import Settings
from app.uploads.admission import Place

RAW = frozenset({"", "text/csv", "text/tab-separated-values", "text/plain", "application/octet-stream"})
FORM = "multipart/form-data"
NAME_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Upload:
    arrival: Arrival
    fields: list[tuple[str, str]]  # parameters, whether fields of a form or said of the file otherwise
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
    """The upload in a request's body, which has this place.

    Errors: UnsupportedMedia, TooLarge, TooSlow, BrokenUpload, BadParameter, DiskFull, ClientDisconnect.

    `admit` raises where a form is not to be read: a raw body can still be refused unread when this has ended.
    `limit_bytes`: where it is less than the settings say.
    `open_end`: the last boundary of a form need not say by `--` that it is the last.
    """
    limit_bytes = min(limit_bytes or settings.max_file_bytes, settings.max_file_bytes)
    said = read_claims(request.headers.items())
    refuse_partial(said)
    media = MediaType.read(said.get("content-type", ""))
    if media.kind in RAW:
        _refuse_length(said, limit_bytes)
        async with body_of(request, place) as body:
            yield _with_place(_raw(request, body, said, media), place)
    elif media.kind == FORM:
        _refuse_packed_form(said)
        if admit:
            await admit()
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
            boundary = media.options.get(b"boundary", b"")
            form = Form(spool, boundary, limit_bytes, floor_bytes=settings.disk_floor_bytes, open_end=open_end)
            async with body_of(request, place) as body:
                yield _with_place(await _in_form(request, body, said, form), place)
    else:
        raise unsupported(media.kind)


def _with_place(upload: Upload, place: Place) -> Upload:
    return replace(upload, arrival=replace(upload.arrival, place=place))


def _raw(request: Request, body: AsyncIterator[bytes], said: dict[str, str], media: MediaType) -> Upload:
    """Errors: BadParameter, BrokenUpload, UnsupportedMedia."""
    digests = Digests(said)
    cleanup = transfer_decoder(said.get("content-transfer-encoding", ""))
    chunks = digests.hashed(body)
    arrival = Arrival(_undone(chunks, cleanup) if cleanup else chunks, said.get("content-encoding"), digests.check)
    name = _plain_name(file_name_in(said.get("content-disposition", "")))
    return Upload(arrival, media.parameters(dict(request.query_params)), name)


async def _in_form(request: Request, body: AsyncIterator[bytes], said: dict[str, str], form: Form) -> Upload:
    """Errors: BadParameter, BrokenUpload, DiskFull, TooLarge, UnsupportedMedia."""
    digests = Digests(said)
    await form.read(digests.hashed(body))
    file = form.file
    fields = form.fields()
    claimed = file.media.parameters(dict(request.query_params) | dict(fields))

    def check(file_sha256: str) -> None:
        digests.check(file_sha256)
        file.digests.check(file_sha256)

    arrival = Arrival(form.chunks(), form.content_encoding(), check)
    return Upload(arrival, fields + claimed, _plain_name(file.file_name))


async def _undone(chunks: AsyncIterator[bytes], cleanup: TransferDecoder) -> AsyncIterator[bytes]:
    """The bytes that were meant. Errors: BrokenUpload."""
    async for chunk in chunks:
        yield cleanup.feed(chunk) if chunk else b""
    yield cleanup.finish()


def _refuse_packed_form(said: dict[str, str]) -> None:
    if said.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia(
            "A form cannot be compressed as a whole. Send the file raw; or send the form without Content-Encoding: "
            "a packed file in it (.gz, .zst) is simply unpacked."
        )


def _refuse_length(said: dict[str, str], limit_bytes: int) -> None:
    """An honest Content-Length that is too large saves both sides the upload: nothing of it is read."""
    length = said.get("content-length", "")
    plain = said.get("content-encoding", "identity").lower() == "identity"
    if plain and length.isdigit() and whole(length, 0, limit_bytes) is None:
        raise too_large(limit_bytes)


def _plain_name(name: str | None) -> str | None:
    """The name without a path: some clients send the whole of it."""
    if not name:
        return None
    whole = name.replace("\\", "/").replace("\0", "").encode("utf-8", "replace").decode()
    return PurePath(whole).name[:NAME_CHARACTERS] or None
