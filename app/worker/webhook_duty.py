"""The duty that sends webhooks, built from what the process shares."""

from app.container import Container
from app.webhooks.bodies import Bodies, Presenter
from app.webhooks.duty import WebhookDuty
from app.webhooks.outcomes import Outcomes
from app.webhooks.posting import Poster
from app.webhooks.reading import MessageReader
from app.webhooks.sending import EndpointSender


def build_webhook_duty(container: Container, presenter: Presenter, *, worker: str) -> WebhookDuty:
    """`worker`: this worker's name, by which it holds the leases of endpoints."""
    settings, reports = container.settings, container.reports
    sender = EndpointSender(
        now=container.now,
        poster=Poster(container.webhooks.rules, container.webhooks.lookup),
        reader=MessageReader(
            container.db, container.now, Bodies(reports.imports, reports.instances, presenter), container.tracer
        ),
        outcomes=Outcomes(container.db, container.now, container.sleep, container.chance),
        tracer=container.tracer,
    )
    return WebhookDuty(
        db=container.db,
        now=container.now,
        sender=sender,
        wakeup=container.webhooks.wakeup,
        worker=worker,
        lease_seconds=settings.lease_seconds,
        tick_seconds=settings.tick_seconds,
        shutdown_seconds=settings.shutdown_seconds,
    )
