"""What deliveries say: the import or the instance as it stands when it is sent, in the words of the API.

Nothing of it is stored with a delivery: what is erased is told to nobody any more, and a late
try says what is true now.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.clock import rfc3339
from app.domain.webhooks import TEST_EVENT, Delivery, Webhook
from app.reporting.imports import ImportReader, ImportView
from app.reporting.instances import InstanceReader, InstanceView


class Presenter(Protocol):
    """Says what the API answers to a GET, as JSON. The API's schemas do (app/api/webhook_data.py)."""

    def import_data(self, view: ImportView) -> Any: ...

    def instance_data(self, view: InstanceView, *, in_full: bool) -> Any:
        """`in_full`: for whoever may see all of an instance, and not for a client alone."""


@dataclass(frozen=True, slots=True)
class Bodies:
    imports: ImportReader
    instances: InstanceReader
    presenter: Presenter

    async def of(self, deliveries: Sequence[tuple[Webhook, Delivery]]) -> dict[int, bytes]:
        """The bodies, by delivery. What a delivery tells of may be gone meanwhile: then it has none."""
        ids = {delivery.import_id for _, delivery in deliveries if delivery.import_id is not None}
        of_imports = {view.summary.id: view for view in await self.imports.each(ids)} if ids else {}
        is_about_instance = any(delivery.import_id is None and delivery.instance for _, delivery in deliveries)
        of_instances = (
            {view.instance.name: view for view in await self.instances.read_all()} if is_about_instance else {}
        )
        bodies: dict[int, bytes] = {}
        for endpoint, delivery in deliveries:
            if delivery.event == TEST_EVENT:
                bodies[delivery.id] = _body(delivery, {"webhook_id": endpoint.id})
            elif delivery.import_id is not None:
                if view := of_imports.get(delivery.import_id):
                    bodies[delivery.id] = _body(delivery, self.presenter.import_data(view))
            elif about := of_instances.get(delivery.instance or ""):
                in_full = endpoint.client is None
                bodies[delivery.id] = _body(delivery, self.presenter.instance_data(about, in_full=in_full))
        return bodies


def _body(delivery: Delivery, data: Any) -> bytes:
    message = {"type": delivery.event, "timestamp": rfc3339(delivery.at), "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
