"""Events: the history of an import, and that of an instance."""

from typing import Annotated, Any

from pydantic import BaseModel
from typing_extensions import TypeAliasType

from app.api.openapi import examples
from app.api.schemas.fields import Moment, enum_of, with_example
from app.domain.events import OF_IMPORTS, OF_INSTANCES
from app.store import events as store

EventType = TypeAliasType("EventType", Annotated[str, enum_of(OF_IMPORTS, title="EventType")])
InstanceEventType = TypeAliasType("InstanceEventType", Annotated[str, enum_of(OF_INSTANCES, title="InstanceEventType")])


class Event(BaseModel):
    model_config = with_example(examples.EVENT)

    id: int
    at: Moment
    type: EventType
    part: int | None
    data: dict[str, Any]

    @classmethod
    def of(cls, event: store.Event) -> "Event":
        return cls(id=event.id, at=event.at, type=event.type, part=event.part, data=dict(event.data))


class EventPage(BaseModel):
    items: list[Event]
    next_page_token: str | None


class InstanceEvent(BaseModel):
    model_config = with_example(examples.INSTANCE_EVENT)

    id: int
    at: Moment
    type: InstanceEventType
    part: None
    data: dict[str, Any]

    @classmethod
    def of(cls, event: store.Event) -> "InstanceEvent":
        return cls(id=event.id, at=event.at, type=event.type, part=None, data=dict(event.data))


class InstanceEventPage(BaseModel):
    items: list[InstanceEvent]
    next_page_token: str | None


class StreamToken(BaseModel):
    """Opens the event stream of one import, for a minute."""

    model_config = with_example(examples.STREAM_TOKEN)

    token: str
    expires_at: Moment
