"""An API key, as those with the scope `admin` make and see it."""

from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from app.api.openapi import examples
from app.api.schemas.fields import Moment, with_example
from app.domain.api_keys import NAME_CHARACTERS, Scope, client_name, in_order
from app.domain.api_keys import ApiKey as Stored
from app.domain.imports import HIGHEST_PRIORITY


class ApiKeyRequest(BaseModel):
    """The key that is asked for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.API_KEY_REQUEST]})

    client: Annotated[str, Field(min_length=1, max_length=NAME_CHARACTERS), AfterValidator(client_name)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    expires_at: AwareDatetime | None = None
    max_priority: Annotated[int, Field(strict=True, ge=0, le=HIGHEST_PRIORITY)] | None = None


class ApiKey(BaseModel):
    model_config = with_example(examples.API_KEY)

    id: str
    client: str
    scopes: list[Scope]
    max_priority: int
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None

    @classmethod
    def of(cls, stored: Stored, **more: str) -> Self:
        return cls(
            id=stored.id,
            client=stored.client,
            scopes=in_order(stored.scopes),
            max_priority=stored.max_priority,
            created_at=stored.created_at,
            expires_at=stored.expires_at,
            revoked_at=stored.revoked_at,
            last_used_at=stored.last_used_at,
            **more,
        )


class NewApiKey(ApiKey):
    model_config = with_example(examples.API_KEY | {"key": examples.KEY_TEXT})

    key: Annotated[str, Field(description="What its holder sends. It is shown here and never again.")]


class ApiKeyList(BaseModel):
    items: list[ApiKey]
