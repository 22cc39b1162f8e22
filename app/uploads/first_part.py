"""The first part of a file: where anything is wrong with the file by then, all of it is told in one refusal."""

import asyncio
from collections.abc import AsyncIterator

from app.domain.answers import Description
from app.domain.errors import BadFile
from app.domain.file_mistakes import refusal
from app.domain.imports import Preflight
from app.files.cutting import PartFile
from app.files.diagnosis import Diagnosis, Sample, diagnose, everything
from app.uploads.descriptions import Describe
from app.uploads.incoming import Incoming


async def first_part(part_files: AsyncIterator[PartFile], incoming: Incoming, describe: Describe) -> PartFile:
    """Errors: BadFile. Network: at most one describe, before a header is refused."""
    try:
        first = await anext(part_files)
    except BadFile as refused:
        raise await _whole_refusal(incoming, describe, refused) from None
    if incoming.inspection and incoming.inspection.mistakes:
        await _refuse_header(incoming, describe)
    return first


async def _refuse_header(incoming: Incoming, describe: Describe) -> None:
    """Before a header is refused, ask Marketo anew: the field may have been made since. Errors: BadFile.

    What cannot be asked cannot refuse.
    """
    if fields := await describe.fields_now(incoming.request.target):
        diagnosis = await _diagnosis(incoming, fields)
        if diagnosis.mistakes:
            raise refusal(diagnosis.mistakes)


async def _whole_refusal(incoming: Incoming, describe: Describe, refused: BadFile) -> BadFile:
    """A refusal that tells of everything that is wrong, and not of the first thing alone."""
    if refused.code == "not_delimited":
        return refused
    fields = None
    if incoming.request.preflight is not Preflight.OFF:
        fields = await describe.fields_now(incoming.request.target)
    return refusal(everything(refused, await _diagnosis(incoming, fields)), code=refused.code)


async def _diagnosis(incoming: Incoming, fields: Description | None) -> Diagnosis:
    """`fields`: as Marketo has them now; None where it could not be asked, and what was known names the fields."""
    sample = Sample(incoming.file.sample, whole=incoming.file.is_in_sample)
    return await asyncio.to_thread(
        diagnose,
        sample,
        incoming.request,
        fields=fields,
        names=fields or incoming.description,
        corrected=incoming.arrival.corrected,
    )
