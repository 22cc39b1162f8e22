from __future__ import annotations

import pytest

from tests.simulator.conftest import Bench, error

CARS = "/bulk/v1/customobjects/car_c/import"
MEMBERS = "/bulk/v1/program/1001/members/import.json"


async def run(bench: Bench, content: bytes, **params: str) -> int:
    batch = await bench.leads(content, **params)
    bench.clock.step(30)
    return batch


async def cars(bench: Bench, content: bytes) -> int:
    response = await bench.post(f"{CARS}.json", content)
    bench.clock.step(30)
    return response.json()["result"][0]["batchId"]


async def test_a_malformed_email_is_imported_with_a_warning_and_the_file_has_86_bytes(bench: Bench) -> None:
    batch = await run(bench, b"email,firstName,lastName\nabcds,John,Reese\nok@example.com,Ann,Lee\n")
    assert await bench.status(batch) == {
        "batchId": batch,
        "importId": str(batch),
        "status": "Complete",
        "numOfLeadsProcessed": 2,
        "numOfRowsFailed": 0,
        "numOfRowsWithWarning": 1,
        "message": "Import succeeded, 2 records imported (2 members), 1 warning.",
    }
    file = await bench.warnings(batch)
    expected = b"email,firstName,lastName,Import Warning Reason\nabcds,John,Reese,Invalid email address\n"
    assert file.content == expected
    assert len(file.content) == 86
    assert file.headers["content-type"] == "text/csv;charset=UTF-8"
    assert (await bench.failures(batch)).status_code == 404


async def test_text_in_an_integer_field_fails_and_the_reason_names_the_field_as_people_see_it(bench: Bench) -> None:
    batch = await run(bench, b"email,leadScore\na@example.com,TEXT\nb@example.com,-7\nc@example.com,1.5\n")
    status = await bench.status(batch)
    assert status["message"] == "Import completed with errors, 1 records imported (1 members), 2 failed"
    assert (await bench.failures(batch)).content == (
        b"email,leadScore,Import Failure Reason\n"
        b"a@example.com,TEXT,Invalid data type in field Lead Score\n"
        b"c@example.com,1.5,Invalid data type in field Lead Score\n"
    )
    assert bench.sim.records("lead")[0]["leadScore"] == -7


@pytest.mark.parametrize("cell", ["9" * 5000, "٣", "1e3", "0x1", "--1"])
async def test_what_is_no_whole_number(bench: Bench, cell: str) -> None:
    batch = await run(bench, f"email,leadScore\na@example.com,{cell}\n".encode())
    assert (await bench.status(batch))["numOfRowsFailed"] == 1


async def test_failures_and_warnings_together(bench: Bench) -> None:
    batch = await run(bench, b"email,leadScore\na@example.com,T\nbad,1\n")
    status = await bench.status(batch)
    assert status["message"] == "Import completed with errors, 1 records imported (1 members), 1 failed, 1 warning."


async def test_an_empty_lookup_value_fails_the_row(bench: Bench) -> None:
    batch = await run(bench, b"email,firstName\n,Ann\n")
    assert (await bench.status(batch))["status"] == "Complete"
    expected = b"email,firstName,Import Failure Reason\n,Ann,Value for lookup field 'email' not found\n"
    assert (await bench.failures(batch)).content == expected


async def test_a_trailing_lookup_column_without_values_leaves_the_failures_file(make) -> None:
    content = b"firstName,lastName,phone,email\nBenji,Nordstrom,212-555-0123,\n"
    bench = await make()
    assert (await bench.failures(await run(bench, content))).content == (
        b"firstName,lastName,phone,Import Failure Reason\n"
        b"Benji,Nordstrom,212-555-0123,Value for lookup field 'email' not found\n"
    )
    bench = await make(drop_empty_lookup_column=False)
    assert (await bench.failures(await run(bench, content))).content == (
        b"firstName,lastName,phone,email,Import Failure Reason\n"
        b"Benji,Nordstrom,212-555-0123,,Value for lookup field 'email' not found\n"
    )


async def test_result_files_quote_only_where_needed_and_end_lines_with_lf(bench: Bench) -> None:
    content = b'email,firstName,lastName\r\n,"A, ""B""","Plain"\r\n,"two\nlines",x\r\n'
    assert (await bench.failures(await run(bench, content))).content == (
        b"email,firstName,lastName,Import Failure Reason\n"
        b""","A, ""B""\",Plain,Value for lookup field 'email' not found\n"""
        b""","two\nlines",x,Value for lookup field 'email' not found\n"""
    )


@pytest.mark.parametrize(("format_", "delimiter"), [("tsv", "\t"), ("ssv", ";"), ("CSV", ",")])
async def test_result_files_have_the_format_of_the_import(bench: Bench, format_: str, delimiter: str) -> None:
    content = delimiter.join(["email", "firstName"]) + "\n" + delimiter.join(["", "Ann"]) + "\n"
    batch = await run(bench, content.encode(), format=format_)
    file = (await bench.failures(batch)).text
    assert file.splitlines()[0].split(delimiter) == ["email", "firstName", "Import Failure Reason"]


async def test_custom_objects_without_a_dedupe_field_all_fail_and_the_job_is_complete(bench: Bench) -> None:
    batch = await cars(bench, b"color,make,model, vin\nred,bmw,2002,WBA4R7C55HK895912\n")
    status = (await bench.get(f"{CARS}/{batch}/status.json")).json()["result"][0]
    assert status == {
        "batchId": batch,
        "operation": "import",
        "status": "Complete",
        "objectApiName": "car_c",
        "numOfObjectsProcessed": 0,
        "numOfRowsFailed": 1,
        "numOfRowsWithWarning": 0,
        "importTime": "2 second(s)",
        "message": "Import completed with errors, 0 records imported (0 members), 1 failed",
    }
    file = await bench.get(f"{CARS}/{batch}/failures.json")
    assert file.content == (
        b"color,make,model, vin,Import Failure Reason\nred,bmw,2002,WBA4R7C55HK895912,missing.dedupe.fields\n"
    )
    assert (await bench.get(f"{CARS}/{batch}/warnings.json")).status_code == 404


async def test_a_custom_object_is_found_by_its_dedupe_field(bench: Bench) -> None:
    await cars(bench, b"vin,color\nA,red\nB,blue\n")
    await cars(bench, b"vin,color\nB,green\n")
    assert [(car["vin"], car["color"]) for car in bench.sim.records("car_c")] == [("A", "red"), ("B", "green")]


async def test_a_link_needs_its_lead(make) -> None:
    bench = await make()
    await run(bench, b"email\nowner@example.com\n")
    await cars(bench, b"vin,ownerEmail\nA,Owner@example.com\nB,nobody@example.com\n")
    assert [car["vin"] for car in bench.sim.records("car_c")] == ["A"]
    bench = await make(unresolved_link="ignore")
    await cars(bench, b"vin,ownerEmail\nB,nobody@example.com\n")
    assert [car["vin"] for car in bench.sim.records("car_c")] == ["B"]


async def test_two_jobs_side_by_side_that_share_a_key_create_duplicates(bench: Bench) -> None:
    await bench.leads(b"email,city\nx@example.com,Oslo\n")
    await bench.leads(b"email,city\nx@example.com,Rome\n")
    bench.clock.step(30)
    assert [lead["city"] for lead in bench.sim.records("lead")] == ["Oslo", "Rome"]


async def test_jobs_one_after_the_other_do_not(bench: Bench) -> None:
    await run(bench, b"email,city\nx@example.com,Oslo\n")
    await run(bench, b"email,city\nX@Example.com,Rome\n")
    assert [lead["city"] for lead in bench.sim.records("lead")] == ["Rome"]


async def test_the_third_of_three_sees_only_what_was_finished_when_it_started(make) -> None:
    bench = await make(rows_per_second=1, job_seconds=0)
    await bench.leads(b"email\na@example.com\n")
    await bench.leads(b"email\nb@example.com\nb2@example.com\nb3@example.com\n")
    await bench.leads(b"email\na@example.com\nb@example.com\n")
    bench.clock.step(30)
    emails = sorted(lead["email"] for lead in bench.sim.records("lead"))
    assert emails == ["a@example.com", "b2@example.com", "b3@example.com", "b@example.com", "b@example.com"]


async def test_side_by_side_updates_of_an_existing_record_create_nothing(bench: Bench) -> None:
    await run(bench, b"email\nx@example.com\n")
    await bench.leads(b"email,city\nx@example.com,Oslo\n")
    await bench.leads(b"email,country\nx@example.com,Norway\n")
    bench.clock.step(30)
    (lead,) = bench.sim.records("lead")
    assert (lead["city"], lead["country"]) == ("Oslo", "Norway")


async def test_a_key_that_fits_several_leads_fails_the_row(make) -> None:
    for policy, failed in (("fail", 1), ("update_newest", 0)):
        bench = await make(several_matches=policy)
        await bench.leads(b"email\nx@example.com\n")
        await run(bench, b"email\nx@example.com\n")
        batch = await run(bench, b"email\nx@example.com\n")
        assert (await bench.status(batch))["numOfRowsFailed"] == failed
        assert len(bench.sim.records("lead")) == 2


async def test_the_last_row_of_a_key_wins_and_each_counts(make) -> None:
    content = b"email,city,country\nx@example.com,Oslo,Norway\nX@example.com,Rome,Italy\n"
    bench = await make()
    batch = await run(bench, content)
    assert (await bench.status(batch))["numOfLeadsProcessed"] == 2
    assert [lead["city"] for lead in bench.sim.records("lead")] == ["Rome"]
    bench = await make(repeated_key="fail_later")
    batch = await run(bench, content)
    assert (await bench.status(batch))["numOfRowsFailed"] == 1
    assert [lead["city"] for lead in bench.sim.records("lead")] == ["Oslo"]


async def test_an_empty_cell_clears_or_keeps_the_value(make) -> None:
    for policy, city in (("clear", None), ("keep", "Oslo")):
        bench = await make(blank_cell=policy)
        await run(bench, b"email,city\nx@example.com,Oslo\n")
        await run(bench, b"email,city\nx@example.com,\n")
        assert bench.sim.records("lead")[0]["city"] == city


async def test_leads_may_be_looked_up_by_another_field(bench: Bench) -> None:
    await run(bench, b"importRowKey,email\nk1,a@example.com\n", lookupField="importRowKey")
    await run(bench, b"importRowKey,email\nk1,b@example.com\n", lookupField="importRowKey")
    assert [lead["email"] for lead in bench.sim.records("lead")] == ["b@example.com"]


async def test_a_record_is_found_by_its_new_value_and_no_more_by_its_old_one(bench: Bench) -> None:
    await run(bench, b"email,importRowKey\nold@example.com,k1\n")
    await run(bench, b"importRowKey,email\nk1,new@example.com\n", lookupField="importRowKey")
    await run(bench, b"email,city\nold@example.com,Oslo\nnew@example.com,Rome\n")
    found = [(lead["email"], lead["city"]) for lead in bench.sim.records("lead")]
    assert found == [("new@example.com", "Rome"), ("old@example.com", "Oslo")]


async def test_lookup_by_id_only_updates(bench: Bench) -> None:
    await run(bench, b"email\na@example.com\n")
    batch = await run(bench, b"id,city\n1,Oslo\n2,Rome\n", lookupField="id")
    assert [(lead["id"], lead["city"]) for lead in bench.sim.records("lead")] == [(1, "Oslo")]
    assert (await bench.failures(batch)).content == b"id,city,Import Failure Reason\n2,Rome,Lead not found\n"


async def test_members_of_a_program_are_leads_with_a_status(bench: Bench) -> None:
    content = b"email,firstName,registrationCode\na@example.com,Ann,R1\n"
    batch = (await bench.post(MEMBERS, content, programMemberStatus="On List")).json()["result"][0]["batchId"]
    bench.clock.step(30)
    again = await bench.post(MEMBERS, b"email\na@example.com\n", programMemberStatus="Attended")
    assert again.json()["success"]
    bench.clock.step(30)
    (member,) = bench.sim.records("program_member")
    (lead,) = bench.sim.records("lead")
    assert (member["programId"], member["leadId"], member["statusName"]) == (1001, lead["id"], "Attended")
    assert member["registrationCode"] == "R1"
    assert lead["firstName"] == "Ann"
    assert "registrationCode" not in lead
    status = (await bench.get(f"/bulk/v1/program/members/import/{batch}/status.json")).json()["result"][0]
    assert (status["importId"], status["numOfLeadsProcessed"]) == (str(batch), 1)


async def test_results_and_batch_ids_are_gone_after_seven_days(make) -> None:
    bench = await make()
    batch = await bench.leads(b'email\n""\n')
    bench.clock.step(7 * 86_400 - 1)
    await bench.login()
    assert (await bench.status(batch))["status"] == "Complete"
    assert (await bench.failures(batch)).status_code == 200
    bench.clock.step(1)
    await bench.login()
    for path in ("", "/failures", "/warnings"):
        response = await bench.get(f"/bulk/v1/leads/batch/{batch}{path}.json")
        assert error(response) == ("1013", "Object not found")
    bench = await make(unknown_batch_code="610")
    assert error(await bench.get("/bulk/v1/leads/batch/7.json"))[0] == "610"


async def test_a_batch_is_known_only_under_its_own_type_and_object(make) -> None:
    bench = await make(custom_objects=("tire_c:serial:brand",))
    batch = await cars(bench, b"vin\nA\n")
    assert error(await bench.get(f"/bulk/v1/leads/batch/{batch}.json"))[0] == "1013"
    assert error(await bench.get(f"/bulk/v1/customobjects/tire_c/import/{batch}/status.json"))[0] == "1013"
    assert (await bench.get(f"/bulk/v1/customobjects/CAR_C/import/{batch}/status.json")).json()["success"]


async def test_without_failures_leads_get_404_or_an_empty_file(make) -> None:
    for policy, status in (("404", 404), ("empty", 200)):
        bench = await make(no_file=policy)
        batch = await run(bench, b"email\na@example.com\n")
        response = await bench.failures(batch)
        assert (response.status_code, response.content) == (status, b"")


async def test_records_need_not_be_kept(make) -> None:
    bench = await make(keep_records=False)
    batch = await run(bench, b"email,leadScore\na@example.com,1\nb@example.com,x\n")
    assert (await bench.status(batch))["numOfLeadsProcessed"] == 1
    assert bench.sim.records("lead") == []
