"""/v1/keys: who may call, for those who may decide that."""

from typing import Annotated

from fastapi import Path, Response

from app.api.auth import Guarded, needs
from app.api.dependencies import SMALL_BODY_BYTES, TheContainer, takes_parameters
from app.api.openapi import answers
from app.api.openapi.operation_ids import Router
from app.api.schemas.api_keys import ApiKey, ApiKeyList, ApiKeyRequest, NewApiKey
from app.domain.api_keys import Scope
from app.domain.errors import BadParameter, Detail
from app.domain.imports import HIGHEST_PRIORITY

router = Router(prefix="/v1/keys", tags=["keys"], route_class=Guarded)
ADMINS = [takes_parameters(), needs(Scope.ADMIN)]
KeyId = Annotated[str, Path(max_length=100)]


@router.get(
    "",
    summary="List all API keys",
    response_model=ApiKeyList,
    dependencies=ADMINS,
    responses=answers.responses({}, "forbidden"),
)
async def list_keys(container: TheContainer) -> ApiKeyList:
    """Every key there ever was, oldest first, without its secret."""
    return ApiKeyList(items=[ApiKey.of(key) for key in await container.keys.everyone()])


@router.post(
    "",
    summary="Create an API key",
    status_code=201,
    response_model=NewApiKey,
    dependencies=ADMINS,
    max_body_size=SMALL_BODY_BYTES,
    responses=answers.responses({}, "forbidden", "disk_full", *answers.OF_JSON),
)
async def create_key(container: TheContainer, response: Response, request: ApiKeyRequest) -> NewApiKey:
    """Make a key. Its text is in this answer and nowhere else: only a digest of it is kept."""
    if request.expires_at is not None and request.expires_at <= container.now():
        message = "expires_at is over: leave it out, or name a time to come"
        raise BadParameter(message, details=(Detail(message, field="expires_at"),))
    key, written = await container.keys.create(
        request.client,
        request.scopes,
        expires_at=request.expires_at,
        max_priority=HIGHEST_PRIORITY if request.max_priority is None else request.max_priority,
    )
    response.headers["Cache-Control"] = "no-store"
    return NewApiKey.of(key, key=written)


@router.delete(
    "/{key_id}",
    summary="Revoke an API key",
    status_code=204,
    response_class=Response,
    dependencies=ADMINS,
    responses=answers.responses({}, "forbidden", "not_found", "disk_full"),
)
async def revoke_key(container: TheContainer, key_id: KeyId) -> None:
    """It opens nothing any more, from now on. To revoke it twice changes nothing."""
    await container.keys.revoke(key_id)
