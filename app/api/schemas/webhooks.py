"""Endpoints of webhooks and their deliveries, as the API takes and answers them."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, WithJsonSchema

from app.api.openapi import examples
from app.api.schemas.fields import Moment, with_example
from app.domain import webhooks
from app.domain.webhooks import TEST_EVENT, DeliveryState, SwitchedOff, WebhookEvent
from app.web.parameter_values import plain_text

DESCRIPTION_CHARACTERS = 200
Description = Annotated[str, Field(max_length=DESCRIPTION_CHARACTERS), AfterValidator(plain_text)]
Url = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]
Events = Annotated[list[WebhookEvent], Field(min_length=1, max_length=20)]
DeliveryEvent = Annotated[str, WithJsonSchema({"type": "string", "enum": [*WebhookEvent, TEST_EVENT]})]


class NewWebhook(BaseModel):
    """The endpoint that is asked for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.NEW_WEBHOOK]})

    url: Url
    events: Events
    description: Description | None = None


class WebhookChanges(BaseModel):
    """What is to be another; what is left out stays. A description that is null is taken away."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [examples.WEBHOOK_CHANGES]})

    url: Url | None = None
    events: Events | None = None
    description: Description | None = None
    enabled: StrictBool | None = None

    @property
    def given(self) -> dict[str, Any]:
        """By field. For all but the description, null is as good as nothing."""
        values = {name: getattr(self, name) for name in self.model_fields_set}
        return {name: value for name, value in values.items() if value is not None or name == "description"}


class Webhook(BaseModel):
    model_config = with_example(examples.WEBHOOK)

    id: int
    client: Annotated[str | None, Field(description="Whose imports it is told of; null: everybody's")]
    url: str
    description: str | None
    events: list[WebhookEvent]
    enabled: bool
    off_since: Moment | None
    off_reason: Annotated[SwitchedOff | None, Field(description="Why the service switched it off; null: a person did")]
    failing_since: Annotated[Moment | None, Field(description="Since when nothing could be delivered")]
    created_at: Moment

    @classmethod
    def of(cls, stored: webhooks.Webhook, **more: str) -> Self:
        return cls(
            id=stored.id,
            client=stored.client,
            url=stored.url,
            description=stored.description,
            events=[event for event in WebhookEvent if event in stored.events],
            enabled=stored.enabled,
            off_since=stored.off_at,
            off_reason=stored.off_reason,
            failing_since=stored.failing_since,
            created_at=stored.created_at,
            **more,
        )


class WebhookWithSecret(Webhook):
    model_config = with_example(examples.WEBHOOK | {"secret": examples.WEBHOOK_SECRET})

    secret: Annotated[str, Field(description="What deliveries are signed with. It is shown here and never again.")]


class WebhookPage(BaseModel):
    items: list[Webhook]
    next_page_token: str | None


class WebhookDelivery(BaseModel):
    model_config = with_example(examples.WEBHOOK_DELIVERY)

    id: int
    message_id: Annotated[str, Field(description="The header webhook-id, the same at every try")]
    event: DeliveryEvent
    import_id: int | None
    instance: str | None
    state: DeliveryState
    attempts: int
    last_status: int | None
    last_error: str | None
    next_attempt_at: Moment | None
    at: Moment

    @classmethod
    def of(cls, delivery: webhooks.Delivery) -> Self:
        return cls(
            id=delivery.id,
            message_id=delivery.message_id,
            event=delivery.event,
            import_id=delivery.import_id,
            instance=delivery.instance,
            state=delivery.state,
            attempts=delivery.attempts,
            last_status=delivery.last_status,
            last_error=delivery.last_error,
            next_attempt_at=delivery.next_attempt_at,
            at=delivery.at,
        )


class WebhookDeliveryPage(BaseModel):
    items: list[WebhookDelivery]
    next_page_token: str | None
