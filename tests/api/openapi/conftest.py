"""The published document, for every test here."""

from typing import Any

import pytest

from app.api.app import routed
from app.settings import exactly


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    return routed(exactly(auth="on", instances={})).openapi()
