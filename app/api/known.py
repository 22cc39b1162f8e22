"""The import that a path names, who may do what with it, and how it is told."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from pydantic import WithJsonSchema

from app.api.auth import TheCaller, refuse_scope
from app.api.dependencies import TheContainer, attention_criteria
from app.api.estimates import CompletionEstimates
from app.api.parameters import merged, only, refuse
from app.api.schemas import ImportOut
from app.api.values import whole
from app.container import Container
from app.domain.api_keys import Scope
from app.domain.errors import SHOWN_LETTERS, NotFound
from app.domain.imports import FINISHED, Import
from app.domain.timeouts import NEXT_LOOK_MOST_SECONDS, NEXT_LOOK_SECONDS
from app.store import imports
from app.uploads.arrival import Receipt

SMALLEST_ID, LARGEST_ID = 1, 2**63 - 1
ImportId = Annotated[str, WithJsonSchema({"type": "integer", "minimum": SMALLEST_ID, "maximum": LARGEST_ID})]
"""A text, for what is no number is simply not there."""


def knows(*names: str) -> Any:
    """Refuse query parameters that the route does not know, or that have two values: a slip must not go unnoticed."""

    async def check(request: Request) -> None:
        refuse(only(request.query_params.keys(), names))
        merged(request.query_params.multi_items(), ())

    return Depends(check)


async def visible_import(container: TheContainer, caller: TheCaller, import_id: ImportId) -> Import:
    """Errors: NotFound, also for another client's import that this one may not see."""
    found, number = None, whole(import_id, SMALLEST_ID, LARGEST_ID)
    if number is not None:
        async with container.db.read() as tx:
            found = await imports.get(tx, number, by=attention_criteria(container))
    if found is None or not caller.sees(found.request.client):
        raise NotFound(f"There is no import {import_id[:SHOWN_LETTERS]}.")
    return found


async def manageable_import(caller: TheCaller, found: Annotated[Import, Depends(visible_import)]) -> Import:
    """Errors: NotFound, Forbidden."""
    if not caller.decides_for(found.request.client):
        refuse_scope(Scope.OPERATE)
    return found


VisibleImport = Annotated[Import, Depends(visible_import)]
ManageableImport = Annotated[Import, Depends(manageable_import)]
"""One that the caller may decide about."""

IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")
]


@dataclass(frozen=True, slots=True)
class ImportPresenter:
    """Tells of imports, each with its forecast."""

    container: Container
    estimates: CompletionEstimates

    async def __call__(self, response: Response, found: Import) -> ImportOut:
        estimated = (await self.estimates.of([found])).get(found.id)
        if found.status not in FINISHED:
            response.headers["Retry-After"] = str(_next_look_seconds(estimated, self.container.now()))
        return ImportOut.of(found, estimated)

    async def anew(self, response: Response, import_id: int) -> ImportOut:
        """Of one that was just changed."""
        async with self.container.db.read() as tx:
            found = await imports.get(tx, import_id, by=attention_criteria(self.container))
        assert found is not None
        response.headers["Location"] = f"/v1/imports/{import_id}"
        return await self(response, found)

    async def receipt(self, response: Response, receipt: Receipt) -> ImportOut:
        """Of one that was just made, now or by an earlier request with the same key."""
        if receipt.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return await self.anew(response, receipt.import_id)

    async def each(self, found: Sequence[Import]) -> list[ImportOut]:
        estimated = await self.estimates.of(found)
        return [ImportOut.of(one, estimated.get(one.id)) for one in found]


async def _presenter(request: Request, container: TheContainer) -> ImportPresenter:
    return ImportPresenter(container, request.app.state.estimates)


Present = Annotated[ImportPresenter, Depends(_presenter)]


def _next_look_seconds(estimated: datetime | None, now: datetime) -> int:
    """When a caller should ask again: when it should be done, within reason."""
    wanted = math.ceil((estimated - now).total_seconds()) if estimated else NEXT_LOOK_SECONDS
    return min(NEXT_LOOK_MOST_SECONDS, max(NEXT_LOOK_SECONDS, wanted))
