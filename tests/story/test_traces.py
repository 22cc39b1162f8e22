"""A trace leads from a caller's request to Marketo's job and to the webhook: by links, across processes and days."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.store.tables import import_, job
from tests.story.files import LEADS, LEADS_WITH_TROUBLE
from tests.support.clock import SteppedClock
from tests.support.logged import Log, log
from tests.support.receiver import receiving
from tests.support.stage import staged
from tests.telemetry.traced import CALLERS, CALLERS_SPAN, CALLERS_TRACE, ids, linked, traced, traceparent
from tests.webhooks.hooked import KNOBS, Hooked

__all__ = ["log"]

UPLOAD = "POST /v1/imports"
SENT = {"content-type": "text/csv", "traceparent": CALLERS}


@pytest.mark.both_databases
async def test_a_callers_trace_leads_to_the_job_and_to_the_webhook(database_url: str, clock: SteppedClock):
    """The request belongs to the caller's trace. The job has its own, linked to the request, and so has the webhook."""
    async with receiving() as receiver, traced(database_url, clock, **KNOBS) as it:
        hooked = Hooked(it.stage)
        await hooked.add(receiver.url)
        answer = await it.stage.api.post("/v1/imports", content=LEADS_WITH_TROUBLE, headers=SENT)
        import_id = answer.json()["id"]
        await it.stage.run()
        await hooked.send()
        await hooked.end()
        upload, submission, delivery = it.one(UPLOAD), it.one("submit job"), it.one("deliver webhook")
        assert f"{upload.parent.trace_id:032x}-{upload.parent.span_id:016x}" == f"{CALLERS_TRACE}-{CALLERS_SPAN}"
        assert upload.attributes["sluice.import_id"] == import_id
        assert upload.attributes["http.route"] == "/v1/imports"
        assert submission.parent is None
        assert linked(submission) == linked(delivery) == {ids(upload)}
        assert submission.attributes["sluice.import_ids"] == (import_id,)
        assert submission.attributes["sluice.batch_id"] == (await it.stage.parts(import_id))[0]["batch_id"]
        followed = it.named("poll job", "collect job")
        assert {span.name for span in followed} == {"poll job", "collect job"}
        assert all(ids(submission) == (span.parent.trace_id, span.parent.span_id) for span in followed)
        assert all(linked(span) == {ids(upload)} for span in followed)
        (received,) = receiver.received
        assert received.headers["traceparent"] == traceparent(delivery)
        assert delivery.attributes["sluice.import_id"] == import_id
        assert delivery.attributes["sluice.delivered"] is True


async def test_calls_to_marketo_and_statements_are_spans_within_ours(database_url: str, clock: SteppedClock):
    async with traced(database_url, clock) as it:
        await it.stage.created(LEADS)
        await it.stage.run()
        below = it.within(it.one("submit job"))
        (posted,) = [span for span in below if "/bulk/" in str(span.attributes.get("http.url"))]
        assert posted.attributes["http.status_code"] == 200
        assert posted.attributes["http.url"] == "http://marketo.example.com/bulk/v1/leads.json"
        statements = [str(span.attributes.get("db.statement")) for span in below if "db.statement" in span.attributes]
        assert any(statement.startswith("UPDATE job SET") for statement in statements)
        (stored,) = it.named("store imports")
        assert any("INSERT INTO import" in str(span.attributes.get("db.statement")) for span in it.within(stored))
        assert linked(stored) == {ids(it.one(UPLOAD))}


async def test_another_process_goes_on_with_the_trace_days_later(database_url: str, clock: SteppedClock):
    """An import waits for three days; the worker that sent it dies; another one follows its job in the same trace."""
    async with traced(database_url, clock) as it:
        later = (clock() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
        await it.stage.create(LEADS, not_before=later)
        upload = it.one(UPLOAD)
        clock.step(3 * 86_400)
        await it.stage.crash()
        await it.stage.run(until=lambda: submitted(it))
        submission = it.one("submit job")
        await it.stage.crash()
        await it.stage.run()
        assert linked(submission) == {ids(upload)}
        collected = it.one("collect job")
        assert (collected.parent.trace_id, collected.parent.span_id) == ids(submission)


async def submitted(it: Any) -> bool:
    return bool(it.named("submit job"))


async def test_a_job_of_several_imports_is_linked_to_the_request_of_each(database_url: str, clock: SteppedClock):
    async with traced(database_url, clock, bundle_seconds=20) as it:
        for number in range(3):
            await it.stage.created(LEADS.replace(b"@", b"%d@" % number))
        await it.stage.run()
        by_import = {span.attributes["sluice.import_id"]: ids(span) for span in it.named(UPLOAD)}
        assert len(by_import) == 3
        jobs = it.named("submit job", "collect job")
        assert max(len(span.links) for span in jobs) > 1
        for span in jobs:
            assert linked(span) == {by_import[import_id] for import_id in span.attributes["sluice.import_ids"]}


async def test_a_file_of_several_parts_keeps_its_trace_with_each_job(database_url: str, clock: SteppedClock):
    async with traced(database_url, clock, part_bytes=4_000) as it:
        rows = b"".join(b"p%d@example.com,Ann\n" % number for number in range(400))
        await it.stage.created(b"email,firstName\n" + rows)
        await it.stage.run()
        submissions = it.named("submit job")
        assert len(submissions) > 1
        assert {pair for span in submissions for pair in linked(span)} == {ids(it.one(UPLOAD))}
        assert len({span.context.trace_id for span in submissions}) == len(submissions)


async def test_a_traceparent_that_cannot_be_is_ignored(database_url: str, clock: SteppedClock):
    """The request is answered as ever, and begins a trace of its own."""
    bad = [
        "",
        "rubbish",
        f"00-{'0' * 32}-{CALLERS_SPAN}-01",
        f"00-{CALLERS_TRACE}-{'0' * 16}-01",
        f"ff-{CALLERS_TRACE}-{CALLERS_SPAN}-01",
        f"00-{CALLERS_TRACE.upper()}-{CALLERS_SPAN}-01",
        CALLERS + "\u00e9",
        CALLERS * 40,
    ]
    async with traced(database_url, clock) as it:
        for sent in bad:
            headers = {**SENT, "traceparent": sent.encode()}
            assert (await it.stage.api.post("/v1/imports", content=LEADS, headers=headers)).status_code == 202
        assert [span.parent for span in it.named(UPLOAD)] == [None] * len(bad)


async def test_what_was_not_kept_at_the_request_is_not_kept_later(database_url: str, clock: SteppedClock):
    """The flag of a caller's trace says so; the receiver of a webhook is told the same."""
    async with receiving() as receiver, traced(database_url, clock, **KNOBS) as it:
        hooked = Hooked(it.stage)
        await hooked.add(receiver.url)
        it.forget()
        unsampled = CALLERS.removesuffix("01") + "00"
        await it.stage.api.post("/v1/imports", content=LEADS, headers={**SENT, "traceparent": unsampled})
        while not await it.stage.quiet():
            await it.stage.beat()
            clock.step(5)
        await hooked.send()
        await hooked.end()
        assert it.leaving.get_finished_spans() == ()
        flags = int(receiver.received[0].headers["traceparent"][-2:], 16)
        assert flags & 1 == 0


async def test_looks_for_work_and_probes_are_no_spans(database_url: str, clock: SteppedClock):
    """A worker asks the database all the time; a probe asks the API."""
    async with traced(database_url, clock) as it:
        for _ in range(5):
            await it.stage.beat()
            clock.step(5)
        await it.stage.maintenance.run_once()
        for path in ("/livez", "/readyz", "/metrics"):
            assert (await it.stage.api.get(path)).status_code == 200
        assert it.leaving.get_finished_spans() == ()


async def test_marketo_is_told_nothing_of_traces(database_url: str, clock: SteppedClock):
    """Neither by a worker, nor by a request in which its fields are asked for; nor what `baggage` a caller sends."""
    async with traced(database_url, clock) as it:
        headers = {**SENT, "baggage": "person=ann", "tracestate": "vendor=1"}
        heard: list[Any] = []
        tell, it.stage.transport.before_request = it.stage.transport.before_request, heard.append
        await it.stage.api.post("/v1/imports", content=LEADS, headers=headers)
        await it.stage.run()
        assert callable(tell)
        assert {request.url.path for request in heard} >= {"/bulk/v1/leads.json", "/rest/v1/leads/describe.json"}
        assert not any({"traceparent", "baggage", "tracestate"} & request.headers.keys() for request in heard)


async def test_lines_of_the_log_name_the_trace(database_url: str, clock: SteppedClock, log: Log):
    """That of the request, and that of the job: so a line leads to the trace, and back."""
    async with traced(database_url, clock) as it:
        await it.stage.api.post("/v1/imports", content=LEADS, headers=SENT)
        await it.stage.run()
        assert {line["trace_id"] for line in log.lines("request")} == {CALLERS_TRACE}
        jobs_trace = f"{it.one('submit job').context.trace_id:032x}"
        assert {line["trace_id"] for line in log.lines("accept", "finish", "collect")} == {jobs_trace}


async def test_without_traces_nothing_is_stored_and_no_header_is_sent(database_url: str, clock: SteppedClock):
    """As most services run: whatever a caller sends, the columns stay empty."""
    async with receiving() as receiver, staged(database_url, clock, **KNOBS) as stage:
        hooked = Hooked(stage)
        await hooked.add(receiver.url)
        await stage.api.post("/v1/imports", content=LEADS, headers=SENT)
        await stage.run()
        await hooked.send()
        await hooked.end()
        assert "traceparent" not in receiver.received[0].headers
        async with stage.container.db.read() as tx:
            kept = [*await tx.scalars(select(import_.c.traceparent)), *await tx.scalars(select(job.c.traceparent))]
        assert kept == [None, None]
