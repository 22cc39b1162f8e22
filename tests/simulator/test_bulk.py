"""What is checked when an import is created, and in which order."""

from __future__ import annotations

import pytest

from tests.simulator.conftest import Bench, error

LEADS = "/bulk/v1/leads.json"
CARS = "/bulk/v1/customobjects/car_c/import.json"
MEMBERS = "/bulk/v1/program/1001/members/import.json"
ROWS = b"email\na@example.com\n"


async def test_what_marketo_answers_to_each_type(bench: Bench) -> None:
    answers = [
        await bench.post(LEADS, ROWS),
        await bench.post(CARS, b"vin\nA\n"),
        await bench.post(MEMBERS, ROWS, programMemberStatus="On List", format="CSV"),
    ]
    first = answers[0].json()["result"][0]["batchId"]
    assert [answer.json()["result"][0] for answer in answers] == [
        {"batchId": first, "importId": str(first), "status": "Queued"},
        {"batchId": first + 1, "status": "Queued", "objectApiName": "car_c"},
        {"batchId": first + 2, "importId": str(first + 2), "status": "Queued"},
    ]
    assert answers[0].headers["content-type"] == "application/json;charset=UTF-8"
    count, moment = answers[0].json()["requestId"].split("#")
    assert int(count, 16) > 0
    assert int(moment, 16) == int(bench.clock.now * 1000)


@pytest.mark.parametrize(
    ("path", "params", "content", "code", "message"),
    [
        (LEADS, {"format": "xml"}, ROWS, "1001", "Invalid value 'xml'. Required of type 'csv, tsv, ssv'"),
        (LEADS, {"lookupField": "nope"}, ROWS, "1011", "Field 'nope' not supported"),
        (LEADS, {"lookupField": "city"}, ROWS, "1011", "Field 'city' not supported"),
        (LEADS, {"lookupField": "importRowKey"}, ROWS, "1006", "Header field 'importRowKey' not found"),
        (LEADS, {"listId": "abc"}, ROWS, "1001", "Invalid value 'abc'. Required of type 'Integer'"),
        (LEADS, {"listId": "99"}, ROWS, "1013", "Static list not found"),
        (LEADS, {"partitionName": "Mars"}, ROWS, "1008", "Access denied to partition 'Mars'"),
        (LEADS, {}, b"", "1003", "Empty file"),
        (LEADS, {}, b"\n\n", "1003", "Empty file"),
        (LEADS, {}, b"email,shoeSize\n", "1006", "Header field 'shoeSize' not found"),
        (LEADS, {}, b"firstName\nAnn\n", "1006", "Header field 'email' not found"),
        (LEADS, {}, b"\xef\xbb\xbfemail\na@example.com\n", "1006", "Header field '\ufeffemail' not found"),
        (MEMBERS, {}, ROWS, "1002", "Missing value for the required parameter 'programMemberStatus'"),
        (MEMBERS, {"programMemberStatus": "Asleep"}, ROWS, "1025", "Program status not found"),
        (MEMBERS, {"programMemberStatus": "On List"}, b"firstName\nA\n", "1006", "Header field 'email' not found"),
        (MEMBERS.replace("1001", "9"), {"programMemberStatus": "On List"}, ROWS, "1013", "Program not found"),
        (CARS.replace("car_c", "boat_c"), {}, b"vin\nA\n", "1013", "Object 'boat_c' not found"),
    ],
)
async def test_what_is_refused(bench: Bench, path, params, content, code, message) -> None:
    assert error(await bench.post(path, content, **params)) == (code, message)
    assert bench.sim.report()["jobs"] == []
    assert bench.sim.report()["errors"] == {code: 1}


async def test_header_names_disregard_case_and_surrounding_blanks_pass_the_check(bench: Bench) -> None:
    batch = await bench.leads(b"EmAiL,firstName\na@example.com,A\n")
    blank = await bench.leads(b"  email,firstName\na@example.com,A\n")
    bench.clock.step(30)
    assert (await bench.status(batch))["numOfLeadsProcessed"] == 1
    assert (await bench.failures(blank)).text.splitlines()[1].endswith("Value for lookup field 'email' not found")


async def test_custom_objects_disregard_unknown_columns_unless_told_otherwise(make) -> None:
    bench = await make()
    assert (await bench.post(CARS, b"vin,wings\nA,2\n")).json()["success"]
    bench = await make(unknown_object_header="reject")
    assert error(await bench.post(CARS, b"vin,wings\nA,2\n"))[0] == "1006"
    bench = await make(unknown_lead_header="ignore")
    assert (await bench.post(LEADS, b"email,wings\na@example.com,2\n")).json()["success"]


async def test_a_file_without_rows_is_complete_with_0_or_refused(make) -> None:
    bench = await make()
    batch = await bench.leads(b"email\n")
    bench.clock.step(3)
    assert (await bench.status(batch))["message"] == "Import succeeded, 0 records imported (0 members)"
    bench = await make(header_only="reject")
    assert error(await bench.post(LEADS, b"email\n")) == ("1003", "Empty file")


async def test_a_partition_can_be_required(make) -> None:
    bench = await make(partition_required=True)
    assert error(await bench.post(LEADS, ROWS)) == ("1009", "Partition name must be specified")
    await bench.leads(ROWS, partitionName="Europe")
    bench.clock.step(5)
    assert bench.sim.records("lead")[0]["leadPartition"] == "Europe"


async def test_checks_come_in_their_order(make) -> None:
    """Token, calls, size, form, parameters, file, queue."""
    bench = await make(daily_calls=0)
    bench.token = "made-up"
    huge = b"x" * 10_000_001
    assert error(await bench.post(LEADS, huge))[0] == "601"
    await bench.login()
    assert error(await bench.post(LEADS, huge))[0] == "607"
    bench = await make()
    bench.sim.occupy(slots=10, seconds=60)
    assert (await bench.post(LEADS, huge, lookupField="nope")).status_code == 413
    headers = {"Authorization": f"Bearer {bench.token}"}
    response = await bench.http.post(LEADS, params={"lookupField": "nope"}, json={}, headers=headers)
    assert error(response) == ("612", "Invalid Content Type")
    assert error(await bench.post(LEADS, b"", lookupField="nope"))[0] == "1011"
    assert error(await bench.post(LEADS, b""))[0] == "1003"
    assert error(await bench.post(LEADS, b"nope\n"))[0] == "1006"
    assert error(await bench.post(LEADS, ROWS, listId="1"))[0] == "1016"


async def test_a_form_without_a_file_is_refused(bench: Bench) -> None:
    headers = {"Authorization": f"Bearer {bench.token}", "Content-Type": "multipart/form-data; boundary=b"}
    body = b'--b\r\nContent-Disposition: form-data; name="format"\r\n\r\ncsv\r\n--b--\r\n'
    response = await bench.http.post(LEADS, content=body, headers=headers)
    assert error(response) == ("1002", "Missing value for the required parameter 'file'")
    for broken in (b"", b"nonsense", b"--b\r\nno blank line\r\n--b--\r\n", b"--b\r\nX: y\r\n\r\nz\r\n--b--\r\n"):
        response = await bench.http.post(LEADS, content=broken, headers=headers)
        assert error(response) == ("613", "Invalid Multipart Request")


async def test_unknown_paths_and_methods(bench: Bench) -> None:
    """Adobe, "Error codes": every response-level error comes with HTTP 200."""
    for path in ("/rest/bulk/v1/leads.json", "/bulk/v1/leads/batch/1/status.json", "/bulk/v2/leads.json"):
        response = await bench.get(path)
        assert response.status_code == 200
        assert response.json()["errors"][0]["code"] == "610"
    assert error(await bench.get(LEADS)) == ("605", "HTTP Method not supported")
    assert error(await bench.get("/bulk/v1/leads/batch/abc.json"))[0] == "1001"
