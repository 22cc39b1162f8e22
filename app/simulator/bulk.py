"""The twelve endpoints of bulk import: create, status, failures and warnings for leads, custom objects and members.

Adobe, "Bulk import", "Bulk lead import", "Bulk custom object import", "Bulk program member import", read 2026-08.

The module is long because all four endpoints of a job work on the same jobs and the same queue.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from app.simulator.answers import FILE_TYPE, Answer, Envelopes, Refusal, not_found
from app.simulator.calls import Call
from app.simulator.delimited import read_sheet
from app.simulator.fault_injection import FaultInjector
from app.simulator.faults import Fault
from app.simulator.history import History
from app.simulator.importing import check_header, decide, fail_all, result_file, write_records
from app.simulator.jobs import Carried, Job, Queue
from app.simulator.multipart import Form
from app.simulator.params import read_target
from app.simulator.records import Records
from app.simulator.result_files import corrupt_file
from app.simulator.rules import Rules
from app.simulator.schema import Schema
from app.simulator.targets import ObjectType

FileKind = Literal["failures", "warnings"]
_HEADINGS = {"failures": "Import Failure Reason", "warnings": "Import Warning Reason"}


@dataclass(slots=True)
class Bulk:
    """Jobs by batch id, and the queue that they pass through."""

    rules: Rules
    schema: Schema
    records: Records
    injector: FaultInjector
    envelopes: Envelopes
    history: History
    next_batch: int  # the batch id that the next job gets
    jobs: dict[int, Job] = field(default_factory=dict)
    queue: Queue = field(init=False)

    def __post_init__(self) -> None:
        self.queue = Queue(self.rules, on_start=self._start, on_finish=self._finish)

    def create(self, object_type: ObjectType, name: str | None, call: Call, form: Form, now: float) -> Answer:
        """Checks parameters, then the file, then for a place in the queue."""
        target, delimiter = read_target(object_type, name, call, self.schema, self.rules)
        if form.file is None:
            raise Refusal("1002", "Missing value for the required parameter 'file'")
        sheet = read_sheet(form.file, delimiter)
        check_header(sheet, target)
        if not sheet.rows and self.rules.header_only == "reject":
            raise Refusal("1003", "Empty file")
        queue_name = "all" if self.rules.queue == "shared" else object_type
        self.queue.check_place(queue_name)
        if target.list_id is not None and target.list_id in self._busy_lists():
            raise Refusal("1019")
        job = Job(
            batch_id=self._take_batch_id(),
            queue_name=queue_name,
            rows=len(sheet.rows),
            seconds=self.rules.job_seconds + len(sheet.rows) / self.rules.rows_per_second,
            queued_at=now,
            target=target,
            sha256=hashlib.sha256(form.file).hexdigest(),
            file_bytes=len(form.file),
            overhead_bytes=form.overhead_bytes,
            polls_left=self.rules.polls_per_job if self.rules.progress == "polls" else None,
            sheet=sheet,
            carried=Carried(sheet) if self.rules.keep_jobs else None,
        )
        self._forget_old(now)
        self.jobs[job.batch_id] = job
        self.history.jobs.append(job)
        fault = self.injector.pick("job", "create", now, batch_id=job.batch_id)
        return self._enqueue(job, fault, now)

    def status(self, object_type: ObjectType, name: str | None, batch_id: int, now: float) -> Answer:
        job = self._find(object_type, name, batch_id, now)
        self.queue.poll(job, now)
        fault = self.injector.pick("status", "status", now, batch_id=batch_id)
        kind = fault.kind if fault else None
        if kind == "forget_batch":
            job.hidden.add("batch")
            raise self._unknown_batch()
        shown_job = _backwards(job) if kind == "status_backwards" else job
        processed, failed, warned = shown_job.counts_at(now)
        if kind == "wrong_counts":
            processed = processed - 1 if processed else processed + 1
        return self.envelopes.success(now, [_status_entry(shown_job, (processed, failed, warned))])

    def file(self, kind: FileKind, object_type: ObjectType, name: str | None, batch_id: int, now: float) -> Answer:
        job = self._find(object_type, name, batch_id, now)
        content = job.failures_file if kind == "failures" else job.warnings_file
        fault = self.injector.pick("file", kind, now, batch_id=batch_id)
        match fault.kind if fault else None:
            case "json_error_on_file":
                return self.envelopes.error(now, (fault and fault.code) or "611")
            case "missing_file":
                job.hidden.add(kind)
            case "late_file":
                return not_found()
            case str(name) if fault and content and job.target:
                content = corrupt_file(name, content, job.target.key_fields, fault.message)
        if content is None or kind in job.hidden:
            empty = self.rules.no_file == "empty" and object_type != "custom_object"
            return Answer(b"", content_type=FILE_TYPE) if empty else not_found()
        return Answer(content, content_type=FILE_TYPE)

    def occupy(self, slots: int, seconds: float, now: float) -> int:
        """Jobs of other integrations take so many places, as far as there are, and leave them all after `seconds`."""
        queue_name = "all" if self.rules.queue == "shared" else "lead"
        count = min(slots, self.queue.places_left(queue_name))
        for _ in range(count):
            job = Job(self._take_batch_id(), queue_name, rows=0, seconds=seconds, queued_at=now, ends_at=now + seconds)
            self.queue.add(job, now)
        return count

    def _enqueue(self, job: Job, fault: Fault | None, now: float) -> Answer:
        match fault.kind if fault else None:
            case "failed_in_answer":
                job.status, job.started_at, job.finished_at = "Failed", now, now
                job.fails_with = (fault and fault.message) or "Import failed"
                job.sheet = None
                entry = {**_created_entry(job, "Failed"), "message": job.fails_with}
                return self.envelopes.success(now, [entry])
            case "stuck_importing":
                job.seconds, job.polls_left = math.inf, None
            case "job_failed":
                job.fails_with = (fault and fault.message) or "Import failed: system error"
            case "all_failed":
                job.all_fail_with = (fault and fault.message) or "System error"
            case "slow_queue":
                seconds = fault.seconds if fault and fault.seconds is not None else 60.0
                self.queue.hold(now + seconds)
        self.queue.add(job, now)
        return self.envelopes.success(now, [_created_entry(job, "Queued")])

    def _start(self, job: Job) -> None:
        if job.target is None or job.sheet is None or job.fails_with is not None:
            return
        if job.all_fail_with is not None:
            job.outcome = fail_all(job.sheet, job.all_fail_with)
            return
        table = self.records.table(job.target.table)
        job.outcome = decide(job.sheet, job.target, table, self.records.table("lead"), self.rules)

    def _finish(self, job: Job) -> None:
        sheet, outcome, target = job.sheet, job.outcome, job.target
        if sheet is None or target is None or job.finished_at is None:
            return
        job.sheet = None
        if job.fails_with is not None:
            return
        job.counts = outcome.counts(job.rows)
        if job.carried is not None:
            job.carried.failures, job.carried.warnings = outcome.failures, outcome.warnings
        if self.rules.keep_records:
            write_records(outcome, target, self.records, job.finished_at, job.batch_id)
        drop = self.rules.drop_empty_lookup_column and target.object_type != "custom_object"
        for kind, reasons in (("failures", outcome.failures), ("warnings", outcome.warnings)):
            if reasons:
                content = result_file(sheet, reasons, target, heading=_HEADINGS[kind], drop_empty_lookup=drop)
                setattr(job, f"{kind}_file", content)
        job.outcome = type(outcome)()

    def _find(self, object_type: ObjectType, name: str | None, batch_id: int, now: float) -> Job:
        job = self.jobs.get(batch_id)
        if job is None or job.target is None or job.target.object_type != object_type or "batch" in job.hidden:
            raise self._unknown_batch()
        if name is not None and (job.target.object_name or "").lower() != name.lower():
            raise self._unknown_batch()
        if now - job.queued_at >= self.rules.result_seconds:
            raise self._unknown_batch()
        return job

    def _unknown_batch(self) -> Refusal:
        return Refusal(self.rules.unknown_batch_code)

    def _busy_lists(self) -> set[int]:
        return {job.target.list_id for job in self.queue.outstanding if job.target and job.target.list_id is not None}

    def _take_batch_id(self) -> int:
        self.next_batch += 1
        return self.next_batch - 1

    def _forget_old(self, now: float) -> None:
        """Frees what nobody can ask for any more."""
        old = [
            n
            for n, job in self.jobs.items()
            if not job.outstanding and now - job.queued_at >= self.rules.result_seconds
        ]
        for number in old:
            job = self.jobs.pop(number)
            job.failures_file = job.warnings_file = None


def _backwards(job: Job) -> Job:
    """The same job as it was one status earlier."""
    if job.status == "Importing":
        return replace(job, status="Queued")
    return replace(job, status="Importing", outcome=type(job.outcome)()) if not job.outstanding else job


def _created_entry(job: Job, status: str) -> dict[str, Any]:
    if job.target is not None and job.target.object_name is not None:
        return {"batchId": job.batch_id, "status": status, "objectApiName": job.target.object_name}
    return {"batchId": job.batch_id, "importId": str(job.batch_id), "status": status}


def _status_entry(job: Job, counts: tuple[int, int, int]) -> dict[str, Any]:
    processed, failed, warned = counts
    custom = job.target is not None and job.target.object_type == "custom_object"
    entry: dict[str, Any] = {"batchId": job.batch_id}
    if custom and job.target is not None:
        entry |= {"operation": "import", "status": job.status, "objectApiName": job.target.object_name}
    else:
        entry |= {"importId": str(job.batch_id), "status": job.status}
    if job.status == "Queued":
        return entry
    entry["numOfObjectsProcessed" if custom else "numOfLeadsProcessed"] = processed
    entry |= {"numOfRowsFailed": failed, "numOfRowsWithWarning": warned}
    if job.finished_at is None or job.status == "Importing":
        return entry
    if custom:
        entry["importTime"] = f"{round(job.finished_at - (job.started_at or job.finished_at))} second(s)"
    entry["message"] = job.fails_with if job.fails_with is not None else _message(processed, failed, warned)
    return entry


def _message(processed: int, failed: int, warned: int) -> str:
    """Adobe's samples show three of these four; the one with both failures and warnings is put together from them."""
    begin = "Import completed with errors" if failed else "Import succeeded"
    text = f"{begin}, {processed} records imported ({processed} members)"
    if failed:
        text += f", {failed} failed"
    if warned:
        text += f", {warned} warning."
    return text
