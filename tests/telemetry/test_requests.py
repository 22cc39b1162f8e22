"""The span of a request."""

import pytest

from tests.story.files import LEADS
from tests.support.clock import SteppedClock
from tests.telemetry.traced import traced


async def test_a_request_is_named_after_its_route_and_one_without_after_its_method(
    database_url: str, clock: SteppedClock
):
    """Of the API, the pages and Marketo's own paths. Never after a path: anybody may write anything into it."""
    async with traced(database_url, clock) as it:
        import_id = await it.stage.created(LEADS)
        it.forget()
        for path in (f"/v1/imports/{import_id}", "/v1/imports/", "/imports", "/bulk/v1/leads/batch/7.json", "/nothing"):
            await it.stage.api.get(path)
        await it.stage.api.head("/v1/imports")
        await it.stage.api.request("WORD", "/v1/imports")
        names = [span.name for span in it.leaving.get_finished_spans() if "http.status_code" in span.attributes]
        assert names == [
            "GET /v1/imports/{import_id}",
            "GET /v1/imports",
            "GET /imports",
            "GET /bulk/v1/leads/batch/{batchId}.json",
            "GET",
            "HEAD /v1/imports",
            "HTTP /v1/imports",
        ]


async def test_paths_that_the_environment_excludes_are_not_traced(
    database_url: str, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OTEL_PYTHON_EXCLUDED_URLS", "v1/status,/pages")
    async with traced(database_url, clock) as it:
        await it.stage.api.get("/v1/status")
        await it.stage.api.get("/v1/instances")
        names = {span.name for span in it.leaving.get_finished_spans() if "http.status_code" in span.attributes}
        assert names == {"GET /v1/instances"}


async def test_no_message_of_a_body_is_a_span(database_url: str, clock: SteppedClock):
    """A file of a gigabyte has many thousands."""
    async with traced(database_url, clock) as it:
        await it.stage.created(LEADS)
        assert [span.name for span in it.leaving.get_finished_spans() if "asgi" in str(span.attributes)] == []
