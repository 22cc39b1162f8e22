"""Examine: a request body in, what is wrong with it out. No import is made, and Marketo is asked for its fields."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

from app.domain.errors import BadFile
from app.domain.imports import Preflight, Request
from app.files.examination import Examination, Findings, Limits
from app.uploads.admission import Place
from app.uploads.arrival import Arrival
from app.uploads.descriptions import Describe
from app.uploads.part_files import part_files_of
from app.uploads.target import describe_of, described, with_dedupe_fields


@dataclass(frozen=True, slots=True)
class CheckFile:
    describe: Mapping[str, Describe]  # by instance
    limits: Limits

    async def look(self, request: Request, arrival: Arrival, place: Place, *, beginning_only: bool) -> Findings:
        """Look at a file while its bytes arrive, in turns with the uploads, and tell all that was found.

        What an upload would be refused for because of its file is told; all else raises as it does there.
        Errors: BadParameter, BrokenUpload, TooLarge, TooManyRequests, UnsupportedMedia.
        """
        describe = describe_of(self.describe, request)
        description = await described(describe, request)
        request = with_dedupe_fields(request, description)
        fields = None if request.preflight is Preflight.OFF else description
        examination = Examination(request, fields, self.limits, arrival.content_encoding, beginning_only)
        await self._read(examination, arrival, place)
        if fields and examination.has_mistakes:
            fields = await describe.fields_now(request.target)
        async with place.turn():
            return await asyncio.to_thread(examination.findings, fields)

    async def _read(self, examination: Examination, arrival: Arrival, place: Place) -> None:
        """As far as it can be read; what it is cut into is dropped at once."""
        try:
            place.first_awaits_more = False  # nothing of it is kept
            async with aclosing(part_files_of(examination, arrival.chunks, place, heavy=True)) as part_files:
                async for _ in part_files:
                    place.moved()
        except BadFile as refused:
            examination.refused = refused
        else:
            arrival.check_digest(examination.sha256)
