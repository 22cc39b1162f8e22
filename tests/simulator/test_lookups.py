from __future__ import annotations

from tests.simulator.conftest import Bench, error


async def result(bench: Bench, path: str, **params: str):
    body = (await bench.get(path, **params)).json()
    assert body["success"], body
    return body["result"]


async def test_describe_leads(bench: Bench) -> None:
    fields = {field["rest"]["name"]: field for field in await result(bench, "/rest/v1/leads/describe.json")}
    assert fields["leadScore"]["displayName"] == "Lead Score"
    assert fields["leadScore"]["dataType"] == "integer"
    assert fields["createdAt"]["rest"]["readOnly"] is True
    assert fields["importRowKey"]["rest"]["readOnly"] is False
    (lead,) = await result(bench, "/rest/v1/leads/describe2.json")
    assert lead["name"] == "API Lead"
    assert ["email"] in lead["searchableFields"]
    assert ["importRowKey"] in lead["searchableFields"]
    assert {field["name"] for field in lead["fields"]} == set(fields)


async def test_describe_a_custom_object(bench: Bench) -> None:
    (car,) = await result(bench, "/rest/v1/customobjects/CAR_C/describe.json")
    assert (car["name"], car["dedupeFields"], car["idField"]) == ("car_c", ["vin"], "marketoGUID")
    assert car["relationships"] == [
        {"field": "ownerEmail", "type": "parent", "relatedTo": {"name": "Lead", "field": "email"}}
    ]
    assert {"color", "make", "model", "vin", "year", "marketoGUID"} <= {field["name"] for field in car["fields"]}
    assert [entry["name"] for entry in await result(bench, "/rest/v1/customobjects.json", names="car_c")] == ["car_c"]
    assert await result(bench, "/rest/v1/customobjects.json", names="boat_c") == []
    assert error(await bench.get("/rest/v1/customobjects/boat_c/describe.json"))[0] == "1013"


async def test_describe_members_by_both_paths(bench: Bench) -> None:
    for path in ("/rest/v1/programs/members/describe.json", "/rest/v1/program/members/describe.json"):
        (described,) = await result(bench, path)
        assert described["dedupeFields"] == ["leadId", "programId"]
        updateable = {field["name"] for field in described["fields"] if field["updateable"]}
        assert updateable == {"registrationCode", "attendeeNote"}


async def test_programs_and_the_statuses_of_their_channels(bench: Bench) -> None:
    (program,) = await result(bench, "/rest/asset/v1/program/1002.json")
    assert program["channel"] == "Tradeshow"
    (channel,) = await result(bench, "/rest/asset/v1/channel/byName.json", name="Tradeshow")
    names = [status["name"] for status in channel["progressionStatuses"]]
    assert names == ["On List", "Invited", "Registered", "Attended"]
    assert len(await result(bench, "/rest/asset/v1/channels.json")) == 3
    assert error(await bench.get("/rest/asset/v1/program/9.json"))[0] == "702"
    assert error(await bench.get("/rest/asset/v1/channel/byName.json", name="Nope"))[0] == "702"


async def test_lists_and_partitions(bench: Bench) -> None:
    assert [entry["id"] for entry in await result(bench, "/rest/v1/lists.json")] == list(range(1, 21))
    assert [entry["id"] for entry in await result(bench, "/rest/v1/lists.json", id="2,3")] == [2, 3]
    for path in ("/rest/v1/lists/2.json", "/rest/asset/v1/staticList/2.json"):
        assert [entry["id"] for entry in await result(bench, path)] == [2]
    assert error(await bench.get("/rest/v1/lists/99.json")) == ("1013", "Static list not found")
    assert [entry["name"] for entry in await result(bench, "/rest/v1/leads/partitions.json")] == ["Default", "Europe"]


async def test_the_members_of_a_list_come_in_pages(bench: Bench) -> None:
    rows = b"email\n" + b"".join(b"p%d@example.com\n" % number for number in range(5))
    await bench.leads(rows, listId="3")
    bench.clock.step(5)
    path, emails, token = "/rest/v1/lists/3/leads.json", [], {}
    while True:
        body = (await bench.get(path, batchSize="2", **token)).json()
        emails += [lead["email"] for lead in body["result"]]
        if not body.get("moreResult"):
            break
        token = {"nextPageToken": body["nextPageToken"]}
    assert emails == [f"p{number}@example.com" for number in range(5)]
