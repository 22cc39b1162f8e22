"""SECRETS_STAY_IN, in traces: nothing that a caller or Marketo wrote leaves the process with a span."""

from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from app.domain.api_keys import Scope
from app.simulator import Rules
from app.telemetry.cleaning import CleaningExporter
from tests.support.clock import SteppedClock
from tests.support.receiver import answering, receiving
from tests.telemetry.traced import as_sent, traced
from tests.webhooks.hooked import KNOBS, Hooked

CELL = "cell-marker"  # in a file's cells, and in all else that a caller writes
ROWS = f"email,firstName,leadScore\n{CELL}-1@example.com,{CELL},1\n{CELL}-2@example.com,{CELL},{CELL}\n".encode()
ANSWER = f"{CELL} in an answer"


async def test_SECRETS_STAY_IN_no_cell_no_key_and_no_query_is_in_any_span(
    database_url: str, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
):
    """All that is exported of whole lives, with errors on the way, byte by byte."""
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", ".*")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST", ".*")
    heard = receiving(lambda _: answering(500, body=CELL.encode()))
    async with heard as receiver, traced(database_url, clock, auth="on", **KNOBS) as it:
        _, key = await it.stage.container.keys.create("tester", frozenset(Scope))
        it.stage.api.headers["Authorization"] = f"Bearer {key}"
        hooked = Hooked(it.stage)
        await hooked.add(f"{receiver.url}/{CELL}?token={CELL}")
        asked: dict[str, Any] = {"label": CELL, "metadata": f'{{"x": "{CELL}"}}', "partition_name": CELL}
        headers = {"content-type": "text/csv", "user-agent": CELL, "x-request-id": CELL, "cookie": f"a={CELL}"}
        headers |= {"idempotency-key": CELL, "baggage": f"a={CELL}", "host": f"{CELL}.example.com"}
        made = await it.stage.api.post("/v1/imports", content=ROWS, params=asked, headers=headers)
        assert made.status_code == 202, made.text
        await refused(it.stage.api)
        await it.stage.run()
        await it.stage.api.get(f"/v1/imports/{made.json()['id']}/failures", params={"reason": CELL})
        await hooked.send()
        await hooked.end()
        assert len(it.leaving.get_finished_spans()) > 30
        sent, secret = as_sent(it.leaving), Rules().client_secret.encode()
        for word in (CELL.encode(), key.encode(), key.rpartition("_")[2].encode(), secret):
            assert word not in sent
        assert CELL.encode() in as_sent(it.raw), "what is searched for would not be found"


async def refused(api: Any) -> None:
    """Requests that go wrong in ways whose errors quote what was sent."""
    assert (await api.get(f"/{CELL}/{CELL}@example.com", params={"q": CELL})).status_code == 404
    assert (await api.post("/v1/imports", content=ROWS, params={"instance": CELL})).status_code >= 400
    assert (await api.post("/v1/imports", content=f"email,{CELL}\n{CELL},1\n".encode())).status_code >= 400
    assert (await api.request(CELL.upper(), "/v1/imports")).status_code >= 400
    assert (await api.get(f"/v1/instances/{CELL}")).status_code == 404
    form = {"client_id": CELL, "client_secret": CELL, "grant_type": "client_credentials"}
    assert (await api.get("/identity/oauth/token", params=form)).status_code >= 400


def cleaned(**attributes: Any) -> Any:
    """What is left of a span with these attributes, which ended with an error."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(CleaningExporter(kept)))
    names = {name.replace("__", "."): value for name, value in attributes.items()}
    with (
        pytest.raises(ValueError, match=CELL),
        provider.get_tracer("test").start_as_current_span("call", kind=SpanKind.CLIENT, attributes=names),
    ):
        raise ValueError(CELL)
    (span,) = kept.get_finished_spans()
    return span


def test_of_an_error_its_type_is_told_and_no_word_of_it():
    """Neither in the event, nor in the status: a database quotes the row that it refuses."""
    span = cleaned()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert [dict(event.attributes) for event in span.events] == [{"exception.type": "ValueError"}]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://user:secret@a.example.com/x?token=t#f", "https://a.example.com/x"),
        ("http://[broken", ""),
    ],
)
def test_a_url_that_is_called_is_told_without_its_user_and_query(url: str, told: str):
    assert cleaned(http__url=url, url__full=url).attributes == {"http.url": told, "url.full": told}


def test_a_long_statement_is_cut_and_an_unknown_attribute_left_out():
    """As one that stores a hundred imports."""
    span = cleaned(db__statement="x" * 5_000, db__user="ann", something__new="y", sluice__job_id=1)
    assert span.attributes == {"db.statement": "x" * 2_000, "sluice.job_id": 1}
