"""The page at /docs: what it sends at the first click is taken."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.web.import_parameters import KNOWN
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged

PATHS = {"/v1/imports": 202, "/v1/checks": 200}


@pytest.fixture
async def stage(sqlite_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """One database is enough: no answer here comes from it alone."""
    async with staged(sqlite_url, clock) as found:
        yield found


def first_values(operation: dict[str, Any]) -> dict[str, Any]:
    """What Swagger UI fills in of parameters: their examples and defaults."""
    return {
        item["name"]: value
        for item in operation["parameters"]
        for value in [item.get("example", item["schema"].get("default"))]
        if value is not None
    }


@pytest.mark.parametrize("media_type", ["text/csv", "text/tab-separated-values", "application/octet-stream"])
async def test_the_example_of_a_raw_file_is_taken_as_it_stands(stage: Stage, document: dict[str, Any], media_type: str):
    """The texts are strings in the document: for bytes, the page would ask for a file."""
    for path, status in PATHS.items():
        operation = document["paths"][path]["post"]
        media = operation["requestBody"]["content"][media_type]
        assert ("format" in media["schema"]) is (media_type == "application/octet-stream")
        answer = await stage.api.post(
            path, params=first_values(operation), content=media["example"], headers={"Content-Type": media_type}
        )
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize("empty", [(), KNOWN], ids=["left out", "sent empty"])
async def test_a_form_with_nothing_but_a_file_is_taken(stage: Stage, document: dict[str, Any], empty: tuple[str, ...]):
    """Also where its other fields are sent as the page shows them: empty."""
    for path, status in PATHS.items():
        operation = document["paths"][path]["post"]
        example = operation["requestBody"]["content"]["multipart/form-data"]["example"]
        answer = await stage.api.post(
            path,
            params=first_values(operation),
            files={"file": ("leads.csv", example["file"], "text/csv")},
            data=dict.fromkeys(empty, ""),
        )
        assert answer.status_code == status, answer.text


async def test_optional_fields_of_a_form_begin_empty(stage: Stage):
    """Swagger UI itself fills in and sends what it makes up: a program's id for leads."""
    page = (await stage.api.get("/docs")).text
    assert "plugins: [OptionalFieldsAreEmpty]" in page
    assert "!props.required ? {...props, dispatchInitialValue: false} : props" in page
