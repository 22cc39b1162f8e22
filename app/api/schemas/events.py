"""Events: the history of an import, and that of an instance."""

from typing import Annotated, Any

from pydantic import BaseModel, WithJsonSchema

from app.api.openapi import examples
from app.api.schemas.fields import Moment, with_example
from app.domain.events import OF_IMPORTS, OF_INSTANCES
from app.store.events import Event

EventType = Annotated[str, WithJsonSchema({"type": "string", "enum": list(OF_IMPORTS)})]
InstanceEventType = Annotated[str, WithJsonSchema({"type": "string", "enum": list(OF_INSTANCES)})]


class EventOut(BaseModel):
    model_config = with_example(examples.EVENT)

    id: int
    at: Moment
    type: EventType
    part: int | None
    data: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> "EventOut":
        return cls(id=event.id, at=event.at, type=event.type, part=event.part, data=dict(event.data))


class EventPage(BaseModel):
    items: list[EventOut]
    next_page_token: str | None


class InstanceEventOut(BaseModel):
    model_config = with_example(examples.INSTANCE_EVENT)

    id: int
    at: Moment
    type: InstanceEventType
    part: None
    data: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> "InstanceEventOut":
        return cls(id=event.id, at=event.at, type=event.type, part=None, data=dict(event.data))


class InstanceEventPage(BaseModel):
    items: list[InstanceEventOut]
    next_page_token: str | None


class StreamToken(BaseModel):
    """Opens the event stream of one import, for a minute."""

    model_config = with_example(examples.STREAM_TOKEN)

    token: str
    expires_at: Moment
