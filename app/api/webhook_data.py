"""What webhooks say of imports and instances: what the API answers to a GET. Loads nothing of HTTP."""

from typing import Any

from app.api.schemas.imports import Import
from app.api.schemas.instances import Instance, InstanceSummary
from app.reporting.imports import ImportView
from app.reporting.instances import InstanceView


class WebhookData:
    """The `Presenter` that webhooks ask for (app/webhooks/bodies.py)."""

    def import_data(self, view: ImportView) -> Any:
        return Import.of(view).model_dump(mode="json")

    def instance_data(self, view: InstanceView, *, in_full: bool) -> Any:
        shown = Instance.of(view) if in_full else InstanceSummary.of(view)
        return shown.model_dump(mode="json")
