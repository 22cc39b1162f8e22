"""The three families of endpoints, letter for letter."""

import pytest

from app.domain.formats import Format
from app.domain.objects import CustomObject, Leads, ProgramMembers
from app.marketo import paths

LEADS, CARS, MEMBERS = Leads(), CustomObject("car_c"), ProgramMembers(1044, "On List")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (LEADS, "/bulk/v1/leads.json?format=csv&lookupField=email"),
        (
            Leads("sfdcLeadId", list_id=0, partition_name="EU & Asia/1"),
            "/bulk/v1/leads.json?format=csv&lookupField=sfdcLeadId&listId=0&partitionName=EU%20%26%20Asia%2F1",
        ),
        (CARS, "/bulk/v1/customobjects/car_c/import.json?format=csv"),
        (CustomObject("a/../b?c"), "/bulk/v1/customobjects/a%2F..%2Fb%3Fc/import.json?format=csv"),
        (MEMBERS, "/bulk/v1/program/1044/members/import.json?format=csv&programMemberStatus=On%20List"),
    ],
)
def test_a_submission_goes_to_the_path_of_its_family_with_everything_in_the_query(target, expected):
    """No /rest before bulk paths, names quoted, `format` always there."""
    assert paths.create(target, Format.CSV) == expected


@pytest.mark.parametrize("name", ["csv", "tsv", "ssv"])
def test_the_format_is_sent_for_every_dialect(name):
    """Adobe calls `format` required in one place and optional in another."""
    assert paths.create(CARS, Format(name)) == f"/bulk/v1/customobjects/car_c/import.json?format={name}"


@pytest.mark.parametrize(
    ("target", "status", "failures", "warnings"),
    [
        (
            LEADS,
            "/bulk/v1/leads/batch/7.json",
            "/bulk/v1/leads/batch/7/failures.json",
            "/bulk/v1/leads/batch/7/warnings.json",
        ),
        (
            CARS,
            "/bulk/v1/customobjects/car_c/import/7/status.json",
            "/bulk/v1/customobjects/car_c/import/7/failures.json",
            "/bulk/v1/customobjects/car_c/import/7/warnings.json",
        ),
        (
            MEMBERS,
            "/bulk/v1/program/members/import/7/status.json",
            "/bulk/v1/program/members/import/7/failures.json",
            "/bulk/v1/program/members/import/7/warnings.json",
        ),
    ],
)
def test_a_batch_is_asked_about_at_the_path_of_its_family(target, status, failures, warnings):
    """A lead batch has no /status, and a member batch no program id."""
    assert paths.batch(target, 7) == (status, failures, warnings)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (LEADS, ("/rest/v1/leads/describe.json",)),
        (CARS, ("/rest/v1/customobjects/car_c/describe.json",)),
        (MEMBERS, ("/rest/v1/leads/describe.json", "/rest/v1/programs/members/describe.json")),
    ],
)
def test_describe_alone_stands_under_rest(target, expected):
    """A member's row may carry the lead's fields, so both are described."""
    assert paths.describe(target) == expected
