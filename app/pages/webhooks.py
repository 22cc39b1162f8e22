"""Endpoints that are told what happens, and their deliveries: the client's own, or with `admin` everybody's."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from app.domain.api_keys import Scope
from app.domain.errors import BadParameter, WrongState
from app.domain.webhooks import DeliveryState, Webhook, WebhookEvent
from app.pages.deeds import Offer
from app.pages.lists import listed, page_request
from app.pages.rendering import Rendered
from app.pages.routing import Visit, deed, page
from app.pages.typed import Typed, refused
from app.web.parameter_values import one_of, plain_text
from app.web.query import bad_parameter, read_parameter

SHOWN = 50
FIELDS = ("url", "events", "description")
NEW = Typed()
DESCRIPTION_CHARACTERS = 200  # as in the API
SAYS = {
    WebhookEvent.IMPORT_FINISHED: "an import has come to its end",
    WebhookEvent.IMPORT_ATTENTION: "a person should look at an import",
    WebhookEvent.INSTANCE_STATE: "an instance was paused, blocked, kept from its work, or goes on",
}
"""What each event tells, for whoever chooses."""


async def show_all(visit: Visit, typed: Typed = NEW) -> Rendered:
    """`typed`: a new endpoint that was refused. Errors: BadParameter."""
    request = page_request(visit, 1, SHOWN)
    after = request.place[0] if request.place else 0
    rows = await visit.container.webhooks.page(visit.visitor.caller, after=after, size=request.size_and_more)
    webhooks = listed(visit, request, rows, lambda webhook: [webhook.id])
    follows = "/webhooks" if typed.is_refused else None
    return await visit.render(
        "webhooks.html", list=webhooks, events=SAYS, state_of=state_of, typed=typed, follows=follows
    )


async def show(visit: Visit, typed: Typed = NEW) -> Rendered:
    """One endpoint with what was and is to be delivered to it, newest first. Errors: NotFound, BadParameter.

    `typed`: a change of it that was refused.
    """
    request = page_request(visit, 1, SHOWN)
    webhook_id, by, operation = visit.number("webhook_id"), visit.visitor.caller, visit.container.webhooks
    webhook = await operation.get(webhook_id, by)
    before = request.place[0] if request.place else None
    rows = await operation.deliveries(webhook_id, by, before=before, size=request.size_and_more)
    deliveries = listed(visit, request, rows, lambda delivery: [delivery.id])
    return await visit.render(
        "webhook.html",
        webhook=webhook,
        list=deliveries,
        events=SAYS,
        state_of=state_of,
        offers=offers_for(webhook),
        can_redeliver=lambda delivery: webhook.enabled and delivery.state is not DeliveryState.WAITING,
        typed=typed,
        follows=f"/webhooks/{webhook_id}" if typed.is_refused else None,
    )


async def create(visit: Visit) -> Response:
    """Make an endpoint, and show its secret once.

    A mistake is shown beside its field, in the form as it was filled in; so is that there are too many.
    """
    try:
        webhook, secret = await visit.container.webhooks.add(
            visit.visitor.caller,
            url=_url(visit),
            events=_events(visit),
            description=_description(visit),
        )
    except (BadParameter, WrongState) as error:
        rendered = await show_all(visit, refused(visit, error, FIELDS))
        return rendered.answer(visit.visitor, status=error.status)
    return await _shown_once(visit, webhook, secret, is_new=True)


async def change(visit: Visit) -> Response:
    """Change its address, events and description; a mistake is shown as in `create`. Errors: NotFound."""
    webhook_id = visit.number("webhook_id")
    try:
        changes: Mapping[str, Any] = {"url": _url(visit), "events": _events(visit), "description": _description(visit)}
        await visit.container.webhooks.change(webhook_id, visit.visitor.caller, changes)
    except BadParameter as error:
        rendered = await show(visit, refused(visit, error, FIELDS))
        return rendered.answer(visit.visitor, status=error.status)
    return visit.done("webhook_changed")


async def enable(visit: Visit) -> Response:
    """Errors: NotFound."""
    await visit.container.webhooks.change(visit.number("webhook_id"), visit.visitor.caller, {"enabled": True})
    return visit.done("webhook_on")


async def disable(visit: Visit) -> Response:
    """Errors: NotFound."""
    await visit.container.webhooks.change(visit.number("webhook_id"), visit.visitor.caller, {"enabled": False})
    return visit.done("webhook_off")


async def replace_secret(visit: Visit) -> Response:
    """Errors: NotFound."""
    webhook, secret = await visit.container.webhooks.replace_secret(visit.number("webhook_id"), visit.visitor.caller)
    return await _shown_once(visit, webhook, secret, is_new=False)


async def test(visit: Visit) -> Response:
    """Errors: NotFound; WrongState, where it is switched off."""
    delivery = await visit.container.webhooks.test(visit.number("webhook_id"), visit.visitor.caller)
    return visit.done("test_sent", of=delivery.id)


async def redeliver(visit: Visit) -> Response:
    """Errors: NotFound; WrongState, where it still waits, or the endpoint is switched off."""
    webhook_id, delivery_id = visit.number("webhook_id"), visit.number("delivery_id")
    delivery = await visit.container.webhooks.redeliver(webhook_id, delivery_id, visit.visitor.caller)
    return visit.done("redelivered", of=delivery.id)


async def remove(visit: Visit) -> Response:
    """Errors: NotFound."""
    await visit.container.webhooks.remove(visit.number("webhook_id"), visit.visitor.caller)
    return visit.done("webhook_deleted", to="/webhooks")


def state_of(webhook: Webhook) -> tuple[str, str]:
    """(the state whose shape it has, in words)."""
    if not webhook.enabled:
        return ("blocked", "switched off by the service") if webhook.off_reason else ("cancelled", "off")
    return ("attention", "not reached") if webhook.failing_since else ("delivered", "on")


def offers_for(webhook: Webhook) -> list[Offer]:
    """What may be done about an endpoint, beside changing it."""
    path = f"/webhooks/{webhook.id}"
    if webhook.enabled:
        offers = [
            Offer("Send a test…", f"{path}/test", "A message that says no more than that it is a test.", "Send a test"),
            Offer(
                "Switch off…",
                f"{path}/disable",
                "Nothing is sent to it until somebody switches it on. What waits for it counts as failed, "
                "and can be sent again later.",
                "Switch it off",
            ),
        ]
    else:
        tells = "It is told of what happens from now on. What failed meanwhile can be sent again, one by one."
        offers = [Offer("Switch on…", f"{path}/enable", tells, "Switch it on")]
    return [
        *offers,
        Offer(
            "New secret…",
            f"{path}/secret",
            "A new secret is made, and shown once. For 24 hours the former one signs every delivery too: "
            "give the receiver the new one within that time.",
            "Make a new secret",
        ),
        Offer(
            "Delete…",
            f"{path}/delete",
            "Nothing more is sent to it, and the history of its deliveries goes with it.",
            "Delete this webhook",
            is_grave=True,
        ),
    ]


async def _shown_once(visit: Visit, webhook: Webhook, secret: str, *, is_new: bool) -> Response:
    rendered = await visit.render("webhook_secret.html", webhook=webhook, secret=secret, is_new=is_new)
    return rendered.once(visit.visitor)


def _url(visit: Visit) -> str:
    """Errors: BadParameter."""
    if not (url := visit.form.get("url", "").strip()):
        raise bad_parameter("url", "say where the messages go, like https://example.com/hooks")
    return read_parameter({"url": url}, "url", plain_text) or ""


def _events(visit: Visit) -> list[WebhookEvent]:
    """Errors: BadParameter."""
    texts = visit.many.get("events", [])
    if not texts:
        raise bad_parameter("events", "choose at least one, or nothing would ever be sent")
    read = [read_parameter({"events": text}, "events", lambda word: one_of(WebhookEvent, word)) for text in texts]
    return [event for event in WebhookEvent if event in read]


def _description(visit: Visit) -> str | None:
    """Errors: BadParameter."""
    form = {"description": visit.form.get("description", "").strip()}
    read = read_parameter(form, "description", lambda text: plain_text(text, most=DESCRIPTION_CHARACTERS))
    return read or None


def _route(path: str, do: Any) -> Any:
    return deed(f"/webhooks/{{webhook_id}}/{path}", do, needs=Scope.SUBMIT)


ROUTES = (
    page("/webhooks", show_all, needs=Scope.SUBMIT),
    deed("/webhooks", create, needs=Scope.SUBMIT),
    page("/webhooks/{webhook_id}", show, needs=Scope.SUBMIT),
    _route("change", change),
    _route("enable", enable),
    _route("disable", disable),
    _route("secret", replace_secret),
    _route("test", test),
    _route("delete", remove),
    _route("deliveries/{delivery_id}/redeliver", redeliver),
)
