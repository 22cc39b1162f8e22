"""Imports of one small part: written as they are accepted, many of them with as many statements as one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert

from app.domain.events import Occurrence
from app.domain.imports import Content, Import, ImportStatus, LeftOut, Remaining, Request, SourceFile
from app.domain.lifecycle import PartState
from app.domain.parts import Rows
from app.store import data_keys, events, imports, parts
from app.store.dialects import take_ids
from app.store.imports import Accepted, Origin
from app.store.parts import NewPart
from app.store.tables import event, import_, part, part_file, part_keys
from app.store.transaction import ImportLock, Transaction


@dataclass(frozen=True, slots=True)
class SmallImport:
    """All that is stored of it. Its file was read to the end."""

    request: Request
    origin: Origin
    file: SourceFile
    columns: Sequence[str]
    left_out: LeftOut
    review_until: datetime | None  # None: it is under no review
    part: NewPart


async def add_all(tx: Transaction, new: Sequence[SmallImport], *, at: datetime) -> list[tuple[ImportLock, Import]]:
    """Let these imports exist (SAFE_ACK), in this order, which is that of their acceptance; their parts wait.

    Each with its lock, and as a read would find it.
    """
    taken = await take_ids(tx, (import_, event, part), len(new))
    accepted = [
        _accepted(tx, each, import_id, event_id)
        for each, import_id, event_id in zip(new, taken[import_], taken[event], strict=True)
    ]
    await tx.execute(insert(import_), [_import_row(each, its, at) for each, its in zip(new, accepted, strict=True)])
    lines = [
        events.Line(its.lock, None, {"client": its.lock.client, "request_id": its.lock.request_id}, _facts(each))
        for each, its in zip(new, accepted, strict=True)
    ]
    await events.append_all(tx, lines, Occurrence.ACCEPTED, at=at, ids=taken[event])
    part_rows = [
        {"id": part_id, "import_id": its.lock.import_id} | _part_row(each, its, at)
        for each, its, part_id in zip(new, accepted, taken[part], strict=True)
    ]
    await tx.execute(insert(part), part_rows)
    await _add_contents(tx, [each.part for each in new], taken[import_], taken[part])
    return [(its.lock, _as_import(each, its, at)) for each, its in zip(new, accepted, strict=True)]


async def _add_contents(
    tx: Transaction, new: Sequence[NewPart], import_ids: Sequence[int], part_ids: Sequence[int]
) -> None:
    """The parts' files and record keys, sealed where that is asked for, each import's by a data key of its own."""
    data_keys_of = await data_keys.add(tx, import_ids, Content.FILE)
    files, keys = [], []
    for each, import_id, part_id in zip(new, import_ids, part_ids, strict=True):
        key = data_keys_of.get(import_id)
        files.append({"part_id": part_id} | await parts.file_of(each, import_id, key))
        if columns := await parts.keys_of(each, import_id, key):
            keys.append({"part_id": part_id} | columns)
    await tx.execute(insert(part_file), files)
    if keys:
        await tx.execute(insert(part_keys), keys)


def _accepted(tx: Transaction, new: SmallImport, import_id: int, event_id: int) -> Accepted:
    request = new.request
    lock = tx.lock(import_id, request.instance, request.client, new.origin.request_id)
    return Accepted(lock, None if new.review_until else event_id)


def _import_row(new: SmallImport, accepted: Accepted, at: datetime) -> dict[str, Any]:
    read = imports.read_whole(new.file, new.columns, at=at, left_out=new.left_out, review_until=new.review_until)
    return {"id": accepted.lock.import_id} | imports.asked_for(new.request, new.origin, at=at) | read


def _part_row(new: SmallImport, accepted: Accepted, at: datetime) -> dict[str, Any]:
    state = {"state": PartState.WAITING, "turn": accepted.accepted_seq, "state_since": at}
    return parts.columns_of(new.request, new.part) | state | {"due_at": new.request.not_before}


def _as_import(new: SmallImport, accepted: Accepted, at: datetime) -> Import:
    """What import_queries would read of it, but for an attention that is due to its instance."""
    return Import(
        id=accepted.lock.import_id,
        request=new.request,
        status=ImportStatus.QUEUED,
        file=new.file,
        rows=Rows(new.file.rows, imported=0, failed=0, warned=0),
        parts=Counter([PartState.WAITING]),
        remaining=Remaining(accepted.accepted_seq, new.part.rows),
        attention=None,
        error=None,
        cancel_requested_at=None,
        created_at=at,
        started_at=None,
        finished_at=None,
        retry_of=new.origin.retry_of,
        review_until=new.review_until,
        left_out=new.left_out if new.left_out.rows else None,
    )


def _facts(new: SmallImport) -> dict[str, object]:
    return {"rows": new.file.rows, "bytes": new.file.size_bytes}
