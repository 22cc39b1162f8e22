"""The import that a path names, who may do what with it, and how it is told."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from pydantic import WithJsonSchema

from app.container import House
from app.domain.api_keys import Scope
from app.domain.errors import SHOWN_LETTERS, NotFound
from app.domain.imports import FINISHED, Import
from app.domain.timeouts import NEXT_LOOK_MOST_SECONDS, NEXT_LOOK_SECONDS
from app.steps.intake import Receipt
from app.store import imports
from app.web.auth import TheCaller, refuse_scope
from app.web.deps import TheHouse, judgement
from app.web.outlooks import Outlooks
from app.web.parameters import merged, only, refuse
from app.web.schemas import ImportOut
from app.web.values import whole

SMALLEST_ID, LARGEST_ID = 1, 2**63 - 1
ImportId = Annotated[str, WithJsonSchema({"type": "integer", "minimum": SMALLEST_ID, "maximum": LARGEST_ID})]
"""A text, for what is no number is simply not there."""


def knows(*names: str) -> Any:
    """Refuse query parameters that the route does not know, or that have two values: a slip must not go unnoticed."""

    async def check(request: Request) -> None:
        refuse(only(request.query_params.keys(), names))
        merged(request.query_params.multi_items(), ())

    return Depends(check)


async def existing(house: TheHouse, caller: TheCaller, import_id: ImportId) -> Import:
    """Errors: NotFound, also for another client's import that this one may not see."""
    found, number = None, whole(import_id, SMALLEST_ID, LARGEST_ID)
    if number is not None:
        async with house.db.read() as tx:
            found = await imports.get(tx, number, by=judgement(house))
    if found is None or not caller.sees(found.request.client):
        raise NotFound(f"There is no import {import_id[:SHOWN_LETTERS]}.")
    return found


async def to_decide(caller: TheCaller, found: Annotated[Import, Depends(existing)]) -> Import:
    """Errors: NotFound, Forbidden."""
    if not caller.decides_for(found.request.client):
        refuse_scope(Scope.OPERATE)
    return found


TheImport = Annotated[Import, Depends(existing)]
ItsImport = Annotated[Import, Depends(to_decide)]
"""One that the caller may decide about."""

IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")
]


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells of imports, each with its forecast."""

    house: House
    outlooks: Outlooks

    async def __call__(self, response: Response, found: Import) -> ImportOut:
        estimated = (await self.outlooks.of([found])).get(found.id)
        if found.status not in FINISHED:
            response.headers["Retry-After"] = str(_next_look_seconds(estimated, self.house.now()))
        return ImportOut.of(found, estimated)

    async def anew(self, response: Response, import_id: int) -> ImportOut:
        """Of one that was just changed."""
        async with self.house.db.read() as tx:
            found = await imports.get(tx, import_id, by=judgement(self.house))
        assert found is not None
        response.headers["Location"] = f"/v1/imports/{import_id}"
        return await self(response, found)

    async def receipt(self, response: Response, receipt: Receipt) -> ImportOut:
        """Of one that was just made, now or by an earlier request with the same key."""
        if receipt.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return await self.anew(response, receipt.import_id)

    async def each(self, found: Sequence[Import]) -> list[ImportOut]:
        estimated = await self.outlooks.of(found)
        return [ImportOut.of(one, estimated.get(one.id)) for one in found]


async def _teller(request: Request, house: TheHouse) -> Teller:
    return Teller(house, request.app.state.outlooks)


Tell = Annotated[Teller, Depends(_teller)]


def _next_look_seconds(estimated: datetime | None, now: datetime) -> int:
    """When a caller should ask again: when it should be done, within reason."""
    wanted = math.ceil((estimated - now).total_seconds()) if estimated else NEXT_LOOK_SECONDS
    return min(NEXT_LOOK_MOST_SECONDS, max(NEXT_LOOK_SECONDS, wanted))
