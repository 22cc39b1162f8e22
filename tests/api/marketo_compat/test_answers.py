"""Answers as Marketo gives them: codes for our errors, and the record of a job."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.api.marketo_compat.answers import describe_import, describe_job, refusal_of
from app.domain import errors
from app.domain.imports import Import, ImportStatus, Remaining, Request, SourceFile
from app.domain.objects import CustomObject, Leads, ProgramMembers
from app.domain.parts import Failure, Rows

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
IMPORT = Import(
    id=7,
    request=Request(target=Leads()),
    status=ImportStatus.QUEUED,
    file=SourceFile(name="a.csv", size_bytes=9, sha256="ab", rows=10),
    rows=Rows(10, 0, 0, 0),
    parts=Counter(),
    remaining=Remaining(),
    attention=None,
    error=None,
    cancel_requested_at=None,
    created_at=NOON,
    started_at=NOON,
    finished_at=NOON + timedelta(seconds=90),
    retry_of=None,
)
CARS = replace(IMPORT, request=Request(target=CustomObject("car_c", ("vin",))))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.BadParameter("x"), "1001"),
        (errors.BadFile("x", code="missing_column"), "1006"),
        (errors.BadFile("x", code="no_rows"), "1003"),
        (errors.BadParameter("x", code="no_file"), "1002"),
        (errors.BadParameter("x", code="unknown_object"), "1013"),
        (errors.TooSlow("x"), "604"),
        (errors.UnsupportedMedia("x"), "612"),
        (errors.BrokenUpload("x"), "613"),
        (errors.Forbidden("x"), "603"),
        (errors.NotFound("x"), "1013"),
        (errors.Gone("x"), "1013"),
        (errors.Backlog("x"), "1016"),
        (errors.TooManyRequests("x"), "606"),
        (errors.DiskFull("x"), "608"),
        (errors.WrongState("x"), "1003"),
    ],
)
def test_every_error_has_a_code_of_marketos(error: errors.CallerError, code: str):
    """And keeps our words."""
    refusal = refusal_of(error)
    assert refusal.code == code
    assert refusal.message.endswith(": x")


def test_a_job_that_was_just_made_is_queued():
    """Only leads and members have an importId; a custom object has its name."""
    assert describe_job(7, Leads()) == {"batchId": 7, "importId": "7", "status": "Queued"}
    assert describe_job(7, ProgramMembers(1001, "On List")) == {"batchId": 7, "importId": "7", "status": "Queued"}
    assert describe_job(7, CustomObject("car_c")) == {"batchId": 7, "status": "Queued", "objectApiName": "car_c"}


def test_a_job_has_counts_once_it_is_importing_and_a_message_at_its_end():
    """The field of its rows is its object type's."""
    assert describe_import(IMPORT) == describe_job(7, Leads())
    importing = describe_import(replace(IMPORT, status=ImportStatus.IMPORTING, rows=Rows(10, 4, 1, 2)))
    assert importing == {
        "batchId": 7,
        "importId": "7",
        "status": "Importing",
        "numOfLeadsProcessed": 4,
        "numOfRowsFailed": 1,
        "numOfRowsWithWarning": 2,
    }
    cars = describe_import(replace(CARS, status=ImportStatus.COMPLETE, rows=Rows(10, 10, 0, 0)))
    assert (cars["numOfObjectsProcessed"], cars["operation"], cars["importTime"]) == (10, "import", "90 second(s)")
    assert "importTime" not in describe_import(replace(IMPORT, status=ImportStatus.COMPLETE))


@pytest.mark.parametrize(
    ("status", "rows", "message"),
    [
        (ImportStatus.COMPLETE, Rows(3, 3, 0, 0), "Import succeeded, 3 records imported (3 members)"),
        (ImportStatus.COMPLETE, Rows(3, 3, 0, 1), "Import succeeded, 3 records imported (3 members), 1 warning."),
        (
            ImportStatus.COMPLETE,
            Rows(3, 2, 1, 0),
            "Import completed with errors, 2 records imported (2 members), 1 failed",
        ),
        (
            ImportStatus.COMPLETE,
            Rows(3, 2, 1, 1),
            "Import completed with errors, 2 records imported (2 members), 1 failed, 1 warning.",
        ),
        (ImportStatus.CANCELLED, Rows(3, 1, 0, 0), "Import cancelled, 1 records imported, 2 not sent"),
        (ImportStatus.FAILED, Rows(3, 0, 0, 0), "Import failed"),
    ],
)
def test_the_message_is_marketos_to_the_letter(status: ImportStatus, rows: Rows, message: str):
    """Its clients read it. A cancelled import reads failed, for Marketo has no other word."""
    record = describe_import(replace(IMPORT, status=status, rows=rows))
    assert record["message"] == message
    assert record["status"] == ("Complete" if status is ImportStatus.COMPLETE else "Failed")


def test_an_import_that_failed_says_why():
    """In the words of its error."""
    failed = replace(IMPORT, status=ImportStatus.FAILED, error=Failure("corrupt", "The file is damaged."))
    assert describe_import(failed)["message"] == "The file is damaged."
