"""Pre-flight: the header against Marketo's fields, the cells on request, and never a reason to refuse by itself."""

from dataclasses import replace

import pytest

from app.simulator import Fault, Rules
from tests.story.files import CARS, LEADS
from tests.support.stage import Stage, staged

CAR = {"object_type": "custom_object", "object_name": "car_c", "format": "ssv"}


def described(stage: Stage) -> int:
    return sum("describe" in path for path in stage.asked)


async def test_a_column_that_marketo_does_not_have_is_named_before_anything_is_sent(stage: Stage):
    """With the nearest right name; all of them at once."""
    answer = await stage.create(b"email,First Name,shoeSize,createdAt\na@example.com,A,7,x\n")
    told = answer.json()
    assert (answer.status_code, told["code"]) == (422, "invalid_header")
    assert [error["field"] for error in told["errors"]] == ["First Name", "shoeSize", "createdAt"]
    assert "Did you mean 'firstName'?" in told["errors"][0]["message"]
    assert "nobody write" in told["errors"][2]["message"]
    assert (await stage.api.get("/v1/imports")).json()["items"] == []


async def test_marketo_is_asked_once_a_day_by_all_processes_together(stage: Stage):
    """What it said is kept in the database."""
    for n in range(3):
        await stage.created(b"email\np%d@example.com\n" % n)
    assert described(stage) == 1
    stage.forget_descriptions()
    await stage.created(b"email\nx@example.com\n")
    assert described(stage) == 1
    stage.clock.step(86_401)
    await stage.created(b"email\ny@example.com\n")
    assert described(stage) == 2


async def test_before_a_header_is_refused_marketo_is_asked_again(stage: Stage):
    """The field may have been made since; but not with every refused file."""
    await stage.created(LEADS)
    stage.clock.step(3600)
    for _ in range(3):
        assert (await stage.create(b"email,shoeSize\na@example.com,7\n")).status_code == 422
    assert described(stage) == 2


async def test_a_new_field_is_taken_at_once(database_url: str, clock):
    """Without waiting for the day to end."""
    async with staged(database_url, clock, rules=Rules(lead_fields=("shoeSize:integer",))) as stage:
        await stage.created(LEADS)
        describe = stage.container.intake.describe["default"]
        lead = describe._objects["lead"]
        lead.description = replace(
            lead.description, fields=tuple(field for field in lead.description.fields if field.name != "shoeSize")
        )
        stage.clock.step(120)
        await stage.created(b"email,shoeSize\na@example.com,7\n")


@pytest.mark.parametrize("fault", ["json_error:603", "html_502", "lost_response", "json_error:607"])
async def test_a_marketo_that_cannot_be_asked_is_no_reason_to_refuse(stage: Stage, fault: str):
    """The file is kept; Marketo itself will say what it thinks of the column."""
    stage.simulator.order(Fault(fault, on="any", times=10))
    await stage.created(b"email,shoeSize\na@example.com,7\n")


async def test_what_marketo_said_long_ago_does_not_refuse_while_it_cannot_be_asked(stage: Stage):
    """The field may have been made since; once it answers again, it may refuse."""
    await stage.created(LEADS)
    stage.clock.step(2 * 86_400)
    stage.simulator.order(Fault("html_502", on="any", times=1))
    await stage.created(b"email,shoeSize\na@example.com,7\n")
    stage.clock.step(61)
    answer = await stage.create(b"email,shoeSize\na@example.com,7\n")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_header")


async def test_preflight_off_asks_nobody(stage: Stage):
    """Whoever knows better may say so."""
    await stage.created(b"email,shoeSize\na@example.com,7\n", preflight="off")
    assert described(stage) == 0


async def test_preflight_rows_tells_what_is_wrong_before_a_slot_is_spent(stage: Stage):
    """In /warnings, by row; the import goes its way all the same, and Marketo's own words come on top."""
    content = b"email,leadScore\nann@example.com,7\nbob@example.com,x\nnot-an-address,1\n"
    import_id = await stage.created(content, preflight="rows")
    rows = (await stage.api.get(f"/v1/imports/{import_id}/warnings", headers={"Accept": "application/json"})).json()
    assert [(row["source_row"], row["reason"]) for row in rows["items"]] == [
        (2, "Pre-flight: leadScore is not a whole number"),
        (3, "Pre-flight: email is not an email address"),
    ]
    assert await stage.events(import_id) == ["accepted", "preflight"]
    assert stage.posted == []
    await stage.run()
    told = await stage.read(import_id)
    assert (told["rows"]["failed"], told["rows"]["warned"]) == (1, 1)
    text = (await stage.api.get(f"/v1/imports/{import_id}/warnings.csv")).text
    assert text.count("not-an-address") == 2


async def test_a_custom_object_s_dedupe_fields_come_from_marketo(stage: Stage):
    """And without the column the file is refused, not every row failed."""
    import_id = await stage.created(CARS, **CAR)
    assert (await stage.read(import_id))["dedupe_fields"] == ["vin"]
    answer = await stage.create(b"color;make\nred;bmw\n", **CAR)
    assert (answer.status_code, answer.json()["code"]) == (422, "missing_column")
    answer = await stage.create(CARS, **CAR, dedupe_fields="color")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameter")
    assert "vin" in answer.json()["detail"]


async def test_a_custom_object_whose_key_nobody_knows_goes_alone(stage: Stage):
    """Marketo cannot be asked: any two parts of it may share a key."""
    stage.simulator.order(Fault("json_error:603", on="any", times=1))
    first = await stage.created(CARS, **CAR)
    second = await stage.created(CARS.replace(b"VIN", b"XYZ"), **CAR)
    assert (await stage.read(first))["dedupe_fields"] is None
    while await stage.instance_worker.submit.run_once(stage.lease):
        pass
    assert [part["waiting_for"] for part in await stage.parts(second)] == ["same_records"]
    await stage.run()
    assert (await stage.read(second))["status"] == "complete"


RAGGED = b"email,firstName,company\na@example.com,A,Co\nb@example.com,B\nc@example.com,C,Co,more\nd@example.com,D,\n"


@pytest.mark.parametrize("preflight", ["off", "header", "rows"])
async def test_NO_SILENCE_rows_that_do_not_fit_the_header_are_always_counted(stage: Stage, preflight: str):
    """In the import and as an event that names the first of them; they are sent as they are."""
    import_id = await stage.created(RAGGED, preflight=preflight)
    told = await stage.read(import_id)
    assert (told["file"]["rows"], told["file"]["ragged_rows"]) == (4, 2)
    events = (await stage.api.get(f"/v1/imports/{import_id}/events")).json()["items"]
    assert [one["data"] for one in events if one["type"] == "ragged"] == [{"rows": 2, "first_rows": [2, 3]}]
    warnings = (await stage.api.get(f"/v1/imports/{import_id}/warnings", headers={"Accept": "application/json"})).json()
    assert [row["source_row"] for row in warnings["items"]] == ([2, 3] if preflight == "rows" else [])
    await stage.run()
    assert (await stage.read(import_id))["rows"]["imported"] == 4


async def test_a_file_whose_rows_all_fit_has_no_such_event(stage: Stage):
    """Nobody is alarmed."""
    import_id = await stage.created(LEADS)
    assert (await stage.read(import_id))["file"]["ragged_rows"] == 0
    assert await stage.events(import_id) == ["accepted"]


async def test_ragged_rows_are_counted_through_parts_and_retries_by_their_own_numbers(database_url: str, clock):
    """Of a file of many parts the first ten are named; a retry names them as the file did."""
    rows = b"".join(b"p%d@example.com,x%s\n" % (n, b",y" * (n % 2)) for n in range(60))
    async with staged(database_url, clock, part_bytes=1_000) as stage:
        import_id = await stage.created(b"email,firstName\n" + rows)
        told = await stage.read(import_id)
        assert (told["file"]["ragged_rows"], told["parts"]["total"] > 1) == (30, True)
        await stage.api.post(f"/v1/imports/{import_id}/cancel")
        again = (await stage.api.post(f"/v1/imports/{import_id}/retry")).json()
        assert again["file"]["ragged_rows"] == 30
        for one in (import_id, again["id"]):
            events = (await stage.api.get(f"/v1/imports/{one}/events")).json()["items"]
            (first,) = [event["data"]["first_rows"] for event in events if event["type"] == "ragged"]
            assert first == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]


async def test_preflight_rows_looks_at_how_rows_are_written_though_marketo_cannot_be_asked(stage: Stage):
    """That does not depend on its fields."""
    stage.simulator.order(Fault("html_502", on="any", times=10))
    import_id = await stage.created(b'email,company\na@example.com,"Acme"x\n', preflight="rows")
    rows = (await stage.api.get(f"/v1/imports/{import_id}/warnings", headers={"Accept": "application/json"})).json()
    assert "company goes on behind its closing quote" in rows["items"][0]["reason"]


async def test_header_key_and_bytes_are_told_in_one_answer(stage: Stage):
    """Display names in place of the fields', an invisible letter in the key, and another charset."""
    content = "\u200bemail;First Name\na@example.com;Zoë\n".replace("\u200b", "").encode("cp1252")
    told = (await stage.create(content)).json()
    assert "`charset=cp1252&format=ssv`" in told["detail"]
    assert "Did you mean 'firstName'?" in told["detail"]
    told = (await stage.create("e\u200bmail,First Name\na@example.com,Zoë\n".encode())).json()
    assert told["code"] == "missing_column"
    assert [error["field"] for error in told["errors"]] == ["email", "First Name"]
    assert "Rename 'e\\u200bmail' to 'email'" in told["errors"][0]["message"]


NOPE = CAR | {"object_name": "nope_c"}


@pytest.mark.parametrize("preflight", ["header", "rows", "off"])
async def test_an_object_that_marketo_says_it_does_not_have_is_refused_with_those_that_it_has(
    database_url: str, clock, preflight: str
):
    """It had just said so; the import would fail as a whole."""
    async with staged(database_url, clock, rules=Rules(custom_objects=("tire_c:serial:serial,size",))) as stage:
        answer = await stage.create(CARS, **NOPE, preflight=preflight)
        told = answer.json()
        assert (answer.status_code, told["code"]) == (422, "unknown_object")
        assert told["errors"] == [{"field": "object_name", "message": "use one of: car_c, tire_c"}]
        assert told["detail"].startswith("Marketo has no custom object 'nope_c'.")
        assert await stage.holds_nothing()
        near = (await stage.create(CARS, **(NOPE | {"object_name": "cars_c"}))).json()
        assert "Did you mean 'car_c'?" in near["detail"]


async def test_marketo_is_asked_for_such_an_object_once_a_minute(stage: Stage):
    """And for the names of all; an object that was made since is taken then."""
    for _ in range(3):
        assert (await stage.create(CARS, **NOPE)).status_code == 422
    assert [path for path in stage.asked if "customobjects" in path] == [
        "/rest/v1/customobjects/nope_c/describe.json",
        "/rest/v1/customobjects.json",
    ]
    stage.clock.step(61)
    car = stage.simulator.schema.objects["car_c"]
    stage.simulator.schema.objects["nope_c"] = replace(car, name="nope_c")
    await stage.created(CARS, **NOPE)


async def test_an_object_is_refused_though_the_names_of_all_cannot_be_asked_for(stage: Stage):
    """Only the names are missing from the answer then."""
    await stage.created(LEADS)  # there is a token
    stage.simulator.order(Fault("json_error:603", on="any", nth=2))
    told = (await stage.create(CARS, **NOPE)).json()
    assert told["code"] == "unknown_object"
    assert "Use the API name of one that it has." in told["detail"]


async def test_whoever_names_the_dedupe_fields_and_asks_for_no_preflight_is_not_refused(stage: Stage):
    """Nobody has asked Marketo."""
    await stage.created(CARS, **NOPE, preflight="off", dedupe_fields="vin")
    assert described(stage) == 0


async def test_on_marketos_paths_such_an_object_is_1013(stage: Stage):
    """As with Marketo itself."""
    answer = await stage.api.post("/bulk/v1/customobjects/nope_c/import.json", files={"file": ("a.ssv", CARS)})
    told = answer.json()["errors"][0]
    assert (told["code"], "car_c" in told["message"]) == ("1013", True)
