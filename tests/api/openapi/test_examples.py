"""The examples of the document are what the service would say."""

from typing import Any

import pytest
from pydantic import BaseModel

from app.api.openapi import examples
from app.api.schemas.events import Event, InstanceEvent, StreamToken
from app.api.schemas.file_checks import FileCheck
from app.api.schemas.imports import Import
from app.api.schemas.instances import Instance
from app.api.schemas.parts import Part
from app.api.schemas.problems import Problem
from app.api.schemas.results import FailureReason, ResultRow
from app.api.schemas.status import ServiceStatus
from app.api.schemas.webhooks import Webhook, WebhookDelivery

PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        (Import, examples.IMPORT),
        (Part, examples.PART),
        (Event, examples.EVENT),
        (ResultRow, examples.RESULT_ROW),
        (StreamToken, examples.STREAM_TOKEN),
        (FailureReason, examples.FAILURE_REASON),
        (InstanceEvent, examples.INSTANCE_EVENT),
        (Instance, examples.INSTANCE),
        (FileCheck, examples.FILE_CHECK),
        (Webhook, examples.WEBHOOK),
        (WebhookDelivery, examples.WEBHOOK_DELIVERY),
        (ServiceStatus, examples.STATUS),
        (Problem, examples.PROBLEM),
    ],
)
def test_every_example_is_what_the_service_would_say(model: type[BaseModel], shown: dict[str, Any]):
    """Field for field; the first two stand on the API's page."""
    assert model.model_validate(shown).model_dump(mode="json", exclude_unset=True) == shown
    missing = model.model_fields.keys() - shown.keys()
    assert not missing


def test_the_import_adds_up():
    """The example is one that can be."""
    rows = examples.IMPORT["rows"]
    assert rows["imported"] + rows["failed"] + rows["pending"] == rows["total"]
    assert examples.IMPORT["progress"] == round((rows["imported"] + rows["failed"]) / rows["total"], 4)
