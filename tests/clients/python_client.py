"""What a program does with a generated Python client: the whole life of files, typed to the end.

Run as a process of its own beside the generated package, and checked with `mypy --strict` together with it.
Arguments: the service's URL and a key with the scope `admin`.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from io import BytesIO
from typing import TypeVar

from sluice_client import AuthenticatedClient
from sluice_client.api.imports import (
    cancel_import,
    change_import,
    check_file,
    create_import,
    create_stream_token,
    erase_import,
    get_import,
    list_events,
    list_imports,
    list_parts,
    release_import,
    resolve_part,
    retry_failures,
    retry_import,
)
from sluice_client.api.instances import (
    get_instance,
    list_instance_events,
    list_instances,
    list_jobs,
    pause_instance,
    resume_instance,
)
from sluice_client.api.keys import create_key, list_keys, revoke_key
from sluice_client.api.problems import get_problem, list_problems
from sluice_client.api.results import (
    download_failures,
    download_warnings,
    list_failure_reasons,
    list_failures,
    list_warning_reasons,
    list_warnings,
)
from sluice_client.api.status import get_liveness, get_metrics, get_readiness, get_status
from sluice_client.api.webhooks import (
    create_webhook,
    delete_webhook,
    get_webhook,
    list_webhook_deliveries,
    list_webhooks,
    redeliver_webhook_delivery,
    rotate_webhook_secret,
    test_webhook,
    update_webhook,
)
from sluice_client.models import (
    ApiKeyRequest,
    CorrectedFileForm,
    Format,
    GetProblemName,
    HealthStatus,
    Import,
    ImportChange,
    ImportForm,
    ImportStatus,
    Instance,
    InstanceState,
    InstanceSummary,
    JobState,
    NewWebhook,
    ObjectType,
    PartState,
    PauseRequest,
    Preflight,
    Problem,
    Resolution,
    ResolutionOutcome,
    ResultRow,
    Scope,
    WaitingFor,
    WebhookChanges,
    WebhookEvent,
)
from sluice_client.types import UNSET, File, Response, Unset

LEADS = (
    b"email,firstName,lastName,leadScore\n"
    b"ann@example.com,Ann,Ash,1\n"
    b"bob@example.com,Bob,Beech,many\n"  # rejected: not an integer
    b"not-an-address,Cid,Cedar,3\n"  # taken with a remark
    b",Dot,Dogwood,4\n"  # rejected: no key
)
CORRECTED = b"email,firstName,lastName,leadScore\nbob@example.com,Bob,Beech,2\n"
CARS = b"vin;make;model;color\nVIN1;bmw;2002;red\n;audi;80;blue\nVIN3;vw;golf;green\n"
MEMBERS = b"email\tfirstName\nann@example.com\tAnn\nbob@example.com\tBob\n"
LEAST_ROWS = 1  # a page of one row: there are several pages
T = TypeVar("T")


def well(answer: T | Problem | None) -> T:
    """The answer, if it is what was hoped for."""
    assert answer is not None, "this status is not in the document"
    assert not isinstance(answer, Problem), answer
    return answer


def problem(answer: object) -> Problem:
    assert isinstance(answer, Problem), answer
    return answer


def file(content: bytes, name: str | None = None) -> File:
    return File(payload=BytesIO(content), file_name=name, mime_type="text/csv" if name else None)


class Life:
    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.client = self.client_with(key)

    def client_with(self, key: str) -> AuthenticatedClient:
        return AuthenticatedClient(base_url=self.url, token=key)

    def run(self) -> None:
        sent = [*self.send_raw(), *self.send_in_forms()]
        finished = [self.finish(import_.id) for import_ in sent]
        assert {import_.status for import_ in finished} == {ImportStatus.COMPLETE}
        assert [import_.rows.failed for import_ in finished] == [2, 1, 0, 2, 1, 0]
        assert [import_.rows.warned for import_ in finished] == [1, 0, 0, 1, 0, 0]
        self.read(finished[0])
        self.send_rejected_rows_again(finished[0])
        self.cancel_and_retry()
        self.review()
        self.watch_instances()
        self.check_files()
        self.meet_problems(finished[0])
        self.make_keys()
        self.make_webhooks()
        self.erase(finished[-1])

    def send_raw(self) -> Iterator[Import]:
        """Each object type, with nothing but what is its own."""
        yield well(
            create_import.sync(
                client=self.client,
                body=file(LEADS),
                content_disposition='attachment; filename="leads.csv"',
                label="raw",
                metadata='{"run": "17"}',
                priority=7,
                not_before=datetime.now(UTC) - timedelta(hours=1),
                preflight=Preflight.HEADER,
                idempotency_key="first",
            )
        )
        yield well(
            create_import.sync(
                client=self.client,
                body=file(CARS),
                object_type=ObjectType.CUSTOM_OBJECT,
                object_name="car_c",
                format_=Format.SSV,
            )
        )
        yield well(
            create_import.sync(
                client=self.client,
                body=file(MEMBERS),
                object_type=ObjectType.PROGRAM_MEMBER,
                program_id=1001,
                program_member_status="On List",
                format_=Format.TSV,
            )
        )

    def send_in_forms(self) -> Iterator[Import]:
        """The same as fields of a form. Numbers, times and words are written by the client."""
        leads = ImportForm(
            file=file(LEADS, "leads.csv"),
            label="form",
            metadata='{"run": "17"}',
            priority=7,
            not_before=datetime.now(UTC) - timedelta(hours=1),
        )
        cars = ImportForm(
            file=file(CARS, "cars.csv"),
            object_type=ObjectType.CUSTOM_OBJECT,
            object_name="car_c",
            dedupe_fields="vin",
            format_=Format.SSV,
        )
        members = ImportForm(
            file=file(MEMBERS, "members.csv"),
            object_type=ObjectType.PROGRAM_MEMBER,
            program_id=1001,
            program_member_status="On List",
            format_=Format.TSV,
        )
        for form in (leads, cars, members):
            yield well(create_import.sync(client=self.client, body=form))

    def finish(self, import_id: int) -> Import:
        """Wait for the end of an import."""
        for _ in range(20):
            import_ = well(get_import.sync(import_id, client=self.client, wait=30))
            assert isinstance(import_, Import)
            if import_.finished_at is not None:
                return import_
        raise AssertionError(f"import {import_id} does not end")

    def read(self, import_: Import) -> None:
        """What is told of an import: itself, its parts, its history and its rows."""
        assert import_.file.name == "leads.csv"
        assert import_.metadata is not None
        assert import_.metadata.additional_properties == {"run": "17"}
        (part,) = well(list_parts.sync(import_.id, client=self.client)).items
        assert part.state is PartState.COMPLETE
        assert (part.failed, part.warned, part.waiting_for) == (2, 1, None)
        events = well(list_events.sync(import_.id, client=self.client, page_size=3))
        assert [event.part for event in events.items][:1] == [None]
        more = well(list_events.sync(import_.id, client=self.client, page_token=events.next_page_token or UNSET))
        assert more.items
        rows = list(self.failures(import_.id))
        assert [row.source_row for row in rows] == [2, 4]
        assert rows[0].values["firstName"] == "Bob"
        assert "Lead Score" in rows[0].reason
        self.read_files(import_.id)
        (warned,) = well(list_warnings.sync(import_.id, client=self.client)).items
        assert warned.source_row == 3
        labelled = well(
            list_imports.sync(client=self.client, label="raw", status=ImportStatus.COMPLETE, attention=False)
        )
        assert [found.id for found in labelled.items] == [import_.id]

    def read_files(self, import_id: int) -> None:
        """The same rows as a file and counted by reason, and what a browser needs to follow the import."""
        rejected = well(download_failures.sync(import_id, client=self.client, bom=True))
        assert rejected.splitlines()[0].endswith("Import Failure Reason,Source Row")
        assert len(rejected.splitlines()) == 3
        assert len(well(download_warnings.sync(import_id, client=self.client)).splitlines()) == 2
        reasons = well(list_failure_reasons.sync(import_id, client=self.client)).items
        assert [(reason.rows, reason.first_source_row) for reason in reasons] == [(1, 2), (1, 4)]
        assert [reason.rows for reason in well(list_warning_reasons.sync(import_id, client=self.client)).items] == [1]
        assert well(create_stream_token.sync(import_id, client=self.client)).expires_at > datetime.now(UTC)

    def failures(self, import_id: int) -> Iterator[ResultRow]:
        """The rows that Marketo rejected, page by page."""
        token: str | Unset = UNSET
        while True:
            page = well(list_failures.sync(import_id, client=self.client, page_size=LEAST_ROWS, page_token=token))
            yield from page.items
            if page.next_page_token is None:
                return
            token = page.next_page_token

    def send_rejected_rows_again(self, import_: Import) -> None:
        """As they were, and as a corrected file: raw and in a form."""
        again = well(retry_failures.sync(import_.id, client=self.client))
        assert (again.retry_of, again.file.rows) == (import_.id, 2)
        raw = well(retry_failures.sync(import_.id, client=self.client, body=file(CORRECTED)))
        form = CorrectedFileForm(file=file(CORRECTED, "corrected.csv"), format_=Format.CSV)
        in_form = well(retry_failures.sync(import_.id, client=self.client, body=form))
        assert [self.finish(made.id).rows.failed for made in (again, raw, in_form)] == [2, 0, 0]

    def cancel_and_retry(self) -> None:
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        waiting = well(create_import.sync(client=self.client, body=file(LEADS), not_before=tomorrow))
        assert waiting.status is ImportStatus.QUEUED
        assert waiting.not_before == tomorrow.replace(microsecond=tomorrow.microsecond // 1000 * 1000)
        wanted = ImportChange(priority=7, label="urgent")
        changed = well(change_import.sync(waiting.id, client=self.client, body=wanted))
        assert (changed.priority, changed.label, changed.not_before) == (7, "urgent", waiting.not_before)
        at_once = well(change_import.sync(waiting.id, client=self.client, body=ImportChange(label=None)))
        assert (at_once.priority, at_once.label) == (7, None)
        cancelled = well(cancel_import.sync(waiting.id, client=self.client))
        assert cancelled.status is ImportStatus.CANCELLED
        assert cancelled.rows.pending == cancelled.rows.total
        retried = well(retry_import.sync(waiting.id, client=self.client))
        assert retried.retry_of == waiting.id
        assert self.finish(retried.id).rows.imported == 2

    def review(self) -> None:
        """Stored and looked at, then released: raw, and as a form."""
        raw = well(
            create_import.sync(
                client=self.client,
                body=file(LEADS),
                content_disposition='attachment; filename="looked at.csv"',
                review=True,
            )
        )
        form = well(create_import.sync(client=self.client, body=ImportForm(file=file(LEADS, "a.csv"), review=True)))
        assert None not in (raw.review_until, form.review_until)
        for import_ in (raw, form):
            (part,) = well(list_parts.sync(import_.id, client=self.client)).items
            assert part.waiting_for is WaitingFor.REVIEW
        named = well(list_imports.sync(client=self.client, file_name="looked"))
        assert [found.id for found in named.items] == [raw.id]
        assert well(release_import.sync(raw.id, client=self.client)).review_until is None
        assert self.finish(raw.id).rows.imported == 2
        assert problem(release_import.sync(raw.id, client=self.client)).code == "nothing_to_release"
        assert well(cancel_import.sync(form.id, client=self.client)).status is ImportStatus.CANCELLED

    def watch_instances(self) -> None:
        shown = well(get_instance.sync("default", client=self.client))
        assert isinstance(shown, Instance)
        assert shown.state is InstanceState.RUNNING
        paused = well(pause_instance.sync("default", client=self.client, body=PauseRequest(reason="Spring cleaning")))
        assert paused.state is InstanceState.PAUSED
        assert paused.paused is not None
        assert paused.paused.reason == "Spring cleaning"
        assert well(resume_instance.sync("default", client=self.client)).state is InstanceState.RUNNING
        assert [instance.name for instance in well(list_instances.sync(client=self.client)).items] == ["default"]
        jobs = well(list_jobs.sync("default", client=self.client, state=JobState.COMPLETE)).items
        assert len(jobs) > LEAST_ROWS
        assert {job.object_type for job in jobs} == set(ObjectType)
        assert well(list_instance_events.sync("default", client=self.client)).items
        assert well(get_status.sync(client=self.client)).status is HealthStatus.OK
        assert well(get_liveness.sync(client=self.client)).status is HealthStatus.OK
        assert well(get_readiness.sync(client=self.client)).status is HealthStatus.OK
        assert "sluice_parts" in well(get_metrics.sync(client=self.client))

    def check_files(self) -> None:
        found = well(check_file.sync(client=self.client, body=file(b"email,firstname\nann@example.com,Ann\n")))
        assert (found.rows, found.guessed) == (1, None)
        sample = well(check_file.sync(client=self.client, body=file(CARS), sample=True))
        assert sample.guessed is not None
        assert sample.guessed.format_ is Format.SSV

    def meet_problems(self, import_: Import) -> None:
        """Each is an object with a code, by which a program decides."""
        no_key = problem(create_import.sync(client=self.client, body=file(b"firstName\nAnn\n")))
        assert (no_key.status, no_key.code) == (422, "missing_column")
        assert not isinstance(no_key.errors, Unset)
        assert no_key.errors[0].field == "email"
        of_another = problem(create_import.sync(client=self.client, body=file(LEADS), program_id=1001))
        assert of_another.code == "invalid_parameter"
        reused: Response[Import | Problem] = create_import.sync_detailed(
            client=self.client, body=file(CARS), idempotency_key="first"
        )
        assert reused.status_code is HTTPStatus.UNPROCESSABLE_ENTITY
        assert problem(reused.parsed).code == "idempotency_key_reused"
        assert problem(get_import.sync(10**9, client=self.client)).code == "not_found"
        assert problem(retry_import.sync(import_.id, client=self.client)).code == "nothing_to_retry"
        assert problem(cancel_import.sync(import_.id, client=self.client)).code == "wrong_state"
        resolution = Resolution(outcome=ResolutionOutcome.ACCEPTED, batch_id=3404)
        assert problem(resolve_part.sync(import_.id, 1, client=self.client, body=resolution)).code == "wrong_state"
        refused = list_imports.sync_detailed(client=self.client_with("slc_nobody_nothing"))
        assert refused.headers["WWW-Authenticate"] == "Bearer"
        assert problem(refused.parsed).code == "unauthorized"
        told = well(get_problem.sync(GetProblemName.MISSING_COLUMN, client=self.client))
        assert (told.code, told.type_) == (no_key.code, no_key.type_)
        assert told.code in {entry.code for entry in well(list_problems.sync(client=self.client)).items}

    def make_webhooks(self) -> None:
        """An endpoint from its first test to its end. Nobody listens there: what it hears is another test's."""
        asked = NewWebhook(url="https://hooks.example.com/sluice", events=[WebhookEvent.IMPORT_FINISHED])
        made = well(create_webhook.sync(client=self.client, body=asked))
        assert made.secret.startswith("whsec_")
        assert [hook.id for hook in well(list_webhooks.sync(client=self.client)).items] == [made.id]
        changes = WebhookChanges(description="nightly", enabled=False)
        assert well(update_webhook.sync(made.id, client=self.client, body=changes)).enabled is False
        well(update_webhook.sync(made.id, client=self.client, body=WebhookChanges(enabled=True)))
        shown = well(get_webhook.sync(made.id, client=self.client))
        assert (shown.description, shown.events) == ("nightly", [WebhookEvent.IMPORT_FINISHED])
        assert well(rotate_webhook_secret.sync(made.id, client=self.client)).secret != made.secret
        sent = well(test_webhook.sync(made.id, client=self.client))
        listed = well(list_webhook_deliveries.sync(made.id, client=self.client)).items
        assert sent.message_id in {delivery.message_id for delivery in listed}
        waits = problem(redeliver_webhook_delivery.sync(made.id, sent.id, client=self.client))
        assert waits.code == "wrong_state"  # it is tried again by itself
        assert delete_webhook.sync_detailed(made.id, client=self.client).status_code is HTTPStatus.NO_CONTENT
        assert problem(get_webhook.sync(made.id, client=self.client)).code == "not_found"
        loopback = NewWebhook(url="https://127.0.0.1/", events=[WebhookEvent.IMPORT_FINISHED])
        assert problem(create_webhook.sync(client=self.client, body=loopback)).status == HTTPStatus.UNPROCESSABLE_ENTITY

    def make_keys(self) -> None:
        """A key over the API: what it may, and its end."""
        made = well(create_key.sync(client=self.client, body=ApiKeyRequest(client="crm-sync", scopes=[Scope.SUBMIT])))
        crm = self.client_with(made.key)
        assert well(list_imports.sync(client=crm)).items == []
        assert isinstance(well(get_instance.sync("default", client=crm)), InstanceSummary)
        assert problem(list_keys.sync(client=crm)).code == "forbidden"
        assert made.id in {key.id for key in well(list_keys.sync(client=self.client)).items}
        assert revoke_key.sync_detailed(made.id, client=self.client).status_code is HTTPStatus.NO_CONTENT
        assert problem(list_imports.sync(client=crm)).code == "unauthorized"

    def erase(self, import_: Import) -> None:
        assert erase_import.sync_detailed(import_.id, client=self.client).status_code is HTTPStatus.NO_CONTENT
        assert problem(list_failures.sync(import_.id, client=self.client)).code == "results_erased"


if __name__ == "__main__":
    Life(*sys.argv[1:]).run()
