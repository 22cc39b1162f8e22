"""/v1/webhooks: endpoints that are told what happens, and what was delivered to them."""

from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import WithJsonSchema

from app.api.auth import Guarded, TheCaller, needs
from app.api.dependencies import SMALL_BODY_BYTES, TheContainer, takes_parameters
from app.api.openapi import answers, inputs
from app.api.openapi.operation_ids import Router
from app.api.schemas.webhooks import (
    NewWebhook,
    Webhook,
    WebhookChanges,
    WebhookDelivery,
    WebhookDeliveryPage,
    WebhookPage,
    WebhookWithSecret,
)
from app.domain.api_keys import Scope
from app.domain.errors import SHOWN_LETTERS, NotFound
from app.web import paging
from app.web.values import LARGEST_ID, SMALLEST_ID, whole

router = Router(prefix="/v1/webhooks", tags=["webhooks"], route_class=Guarded)
MAY = [takes_parameters(), needs(Scope.SUBMIT)]
MAY_PAGE = [takes_parameters(*paging.PARAMETERS), needs(Scope.SUBMIT)]
Id = Annotated[str, WithJsonSchema({"type": "integer", "minimum": SMALLEST_ID, "maximum": LARGEST_ID})]


async def _webhook_id(webhook_id: Id) -> int:
    """Errors: NotFound, for what is no number."""
    number = whole(webhook_id, SMALLEST_ID, LARGEST_ID)
    if number is None:
        raise NotFound(f"There is no webhook {webhook_id[:SHOWN_LETTERS]}.")
    return number


async def _delivery_id(delivery_id: Id) -> int:
    number = whole(delivery_id, SMALLEST_ID, LARGEST_ID)
    if number is None:
        raise NotFound(f"There is no delivery {delivery_id[:SHOWN_LETTERS]}.")
    return number


WebhookId = Annotated[int, Depends(_webhook_id)]
DeliveryId = Annotated[int, Depends(_delivery_id)]


@router.get(
    "",
    summary="List your webhooks",
    response_model=WebhookPage,
    dependencies=MAY_PAGE,
    responses=answers.responses({}, "forbidden"),
    openapi_extra={"parameters": inputs.PAGING},
)
async def list_webhooks(request: Request, container: TheContainer, caller: TheCaller) -> WebhookPage:
    """List the client's endpoints, oldest first; with the scope `admin`, everybody's."""
    page_request = paging.read_page_request(request.query_params, 1)
    after = page_request.place[0] if page_request.place else 0
    listed = await container.webhooks.page(caller, after=after, size=page_request.size_and_more)
    page, more = page_request.cut(listed, lambda webhook: [webhook.id])
    return WebhookPage(items=[Webhook.of(webhook) for webhook in page], next_page_token=more)


@router.post(
    "",
    summary="Create a webhook",
    status_code=201,
    response_model=WebhookWithSecret,
    dependencies=MAY,
    max_body_size=SMALL_BODY_BYTES,
    responses=answers.responses(
        {}, "forbidden", "disk_full", "too_many_webhooks", "webhook_address_refused", *answers.OF_JSON
    ),
)
async def create_webhook(
    container: TheContainer, caller: TheCaller, response: Response, request: NewWebhook
) -> WebhookWithSecret:
    """Make an endpoint. Its secret is in this answer and in no other one.

    It is told of the client's own imports, or with the scope `admin` of everybody's, and of instances.
    """
    webhook, secret = await container.webhooks.add(
        caller, url=request.url, events=request.events, description=request.description
    )
    response.headers["Location"] = f"/v1/webhooks/{webhook.id}"
    response.headers["Cache-Control"] = "no-store"
    return WebhookWithSecret.of(webhook, secret=secret)


@router.get(
    "/{webhook_id}",
    summary="Get a webhook",
    response_model=Webhook,
    dependencies=MAY,
    responses=answers.responses({}, "forbidden", "not_found"),
)
async def get_webhook(container: TheContainer, caller: TheCaller, webhook_id: WebhookId) -> Webhook:
    """Show an endpoint, and whether anything gets through to it."""
    return Webhook.of(await container.webhooks.get(webhook_id, caller))


@router.patch(
    "/{webhook_id}",
    summary="Change a webhook, or switch it on or off",
    response_model=Webhook,
    dependencies=MAY,
    max_body_size=SMALL_BODY_BYTES,
    responses=answers.responses({}, "forbidden", "not_found", "disk_full", "webhook_address_refused", *answers.OF_JSON),
)
async def update_webhook(
    container: TheContainer, caller: TheCaller, webhook_id: WebhookId, changes: WebhookChanges
) -> Webhook:
    """Change an endpoint's URL, events or description, or switch it on or off.

    When it is switched off, what waits for it has failed, and can be sent again once it is on.
    """
    return Webhook.of(await container.webhooks.change(webhook_id, caller, changes.given))


@router.delete(
    "/{webhook_id}",
    summary="Delete a webhook",
    status_code=204,
    response_class=Response,
    dependencies=MAY,
    responses=answers.responses({}, "forbidden", "not_found", "disk_full"),
)
async def delete_webhook(container: TheContainer, caller: TheCaller, webhook_id: WebhookId) -> None:
    """Remove an endpoint with its history: nothing more is sent to it."""
    await container.webhooks.remove(webhook_id, caller)


@router.post(
    "/{webhook_id}/secret",
    summary="Give a webhook a new secret",
    response_model=WebhookWithSecret,
    dependencies=MAY,
    responses=answers.responses({}, "forbidden", "not_found", "disk_full"),
)
async def rotate_webhook_secret(
    container: TheContainer, caller: TheCaller, response: Response, webhook_id: WebhookId
) -> WebhookWithSecret:
    """Give an endpoint a new secret. For 24 hours the former one signs every delivery too."""
    webhook, secret = await container.webhooks.replace_secret(webhook_id, caller)
    response.headers["Cache-Control"] = "no-store"
    return WebhookWithSecret.of(webhook, secret=secret)


@router.post(
    "/{webhook_id}/test",
    summary="Send a test to a webhook",
    status_code=202,
    response_model=WebhookDelivery,
    dependencies=MAY,
    responses=answers.responses({}, "forbidden", "not_found", "disk_full", "webhook_off"),
)
async def test_webhook(container: TheContainer, caller: TheCaller, webhook_id: WebhookId) -> WebhookDelivery:
    """Send a `webhook.test` to an endpoint. What became of it is among its deliveries."""
    return WebhookDelivery.of(await container.webhooks.test(webhook_id, caller))


@router.get(
    "/{webhook_id}/deliveries",
    summary="List what was delivered to a webhook",
    response_model=WebhookDeliveryPage,
    dependencies=MAY_PAGE,
    responses=answers.responses({}, "forbidden", "not_found"),
    openapi_extra={"parameters": inputs.PAGING},
)
async def list_webhook_deliveries(
    request: Request, container: TheContainer, caller: TheCaller, webhook_id: WebhookId
) -> WebhookDeliveryPage:
    """List what was and is to be delivered to an endpoint, newest first."""
    page_request = paging.read_page_request(request.query_params, 1)
    before = page_request.place[0] if page_request.place else None
    size = page_request.size_and_more
    listed = await container.webhooks.deliveries(webhook_id, caller, before=before, size=size)
    page, more = page_request.cut(listed, lambda delivery: [delivery.id])
    return WebhookDeliveryPage(items=[WebhookDelivery.of(delivery) for delivery in page], next_page_token=more)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redeliver",
    summary="Send a delivery once more",
    status_code=202,
    response_model=WebhookDelivery,
    dependencies=MAY,
    responses=answers.responses({}, "forbidden", "not_found", "disk_full", "webhook_off", "wrong_state"),
)
async def redeliver_webhook_delivery(
    container: TheContainer, caller: TheCaller, webhook_id: WebhookId, delivery_id: DeliveryId
) -> WebhookDelivery:
    """Send a delivery that has ended once more, under the same `webhook-id`, with what is true now."""
    return WebhookDelivery.of(await container.webhooks.redeliver(webhook_id, delivery_id, caller))
