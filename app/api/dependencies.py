"""What a route asks for: the container, the import that its path names, and which parameters it takes."""

from typing import Annotated, Any

from fastapi import Depends, Header, Request
from pydantic import WithJsonSchema

from app.api.auth import TheCaller, refuse_scope
from app.container import Container
from app.domain.api_keys import Scope
from app.domain.errors import SHOWN_LETTERS, NotFound
from app.domain.imports import Import
from app.web.parameter_names import merged, only, refuse
from app.web.values import LARGEST_ID, SMALLEST_ID, whole

SMALL_BODY_BYTES = 1 << 16
"""The most that a JSON body may have, which is read whole."""
ImportId = Annotated[str, WithJsonSchema({"type": "integer", "minimum": SMALLEST_ID, "maximum": LARGEST_ID})]
"""A text in the code, although the document says a number: for what is no number there is simply no import (404)."""
IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")
]


async def _container(request: Request) -> Container:
    container: Container = request.app.state.container
    return container


TheContainer = Annotated[Container, Depends(_container)]


def takes_parameters(*names: str) -> Any:
    """Refuse every other query parameter, and one with two values: a slip of the caller's must not go unnoticed."""

    async def check(request: Request) -> None:
        refuse(only(request.query_params.keys(), names))
        merged(request.query_params.multi_items(), ())

    return Depends(check)


async def visible_import(container: TheContainer, caller: TheCaller, import_id: ImportId) -> Import:
    """The import that a path names. Errors: NotFound, also for an import that this caller may not see."""
    number = whole(import_id, SMALLEST_ID, LARGEST_ID)
    import_ = await container.reports.imports.get(number) if number is not None else None
    if import_ is None or not caller.sees(import_.request.client):
        raise NotFound(f"There is no import {import_id[:SHOWN_LETTERS]}.")
    return import_


async def manageable_import(caller: TheCaller, import_: Annotated[Import, Depends(visible_import)]) -> Import:
    """The same, where the caller may also decide about it. Errors: NotFound, Forbidden."""
    if not caller.decides_for(import_.request.client):
        refuse_scope(Scope.OPERATE)
    return import_


VisibleImport = Annotated[Import, Depends(visible_import)]
ManageableImport = Annotated[Import, Depends(manageable_import)]
