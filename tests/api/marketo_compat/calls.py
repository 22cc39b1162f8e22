"""A client of Marketo, on Marketo's own paths here."""

from typing import Any

import httpx

from app.domain.api_keys import Scope
from tests.story.files import CARS, LEADS, LEADS_WITH_TROUBLE, MEMBERS
from tests.support.stage import Stage

GRANT = {"grant_type": "client_credentials"}
CARS_AT, MEMBERS_AT = "/bulk/v1/customobjects/car_c/import", "/bulk/v1/program/members/import"
FAMILIES = {
    "lead": ("/bulk/v1/leads.json", "/bulk/v1/leads/batch/{}", ".json"),
    "custom_object": (f"{CARS_AT}.json", f"{CARS_AT}/{{}}", "/status.json"),
    "program_member": ("/bulk/v1/program/1001/members/import.json", f"{MEMBERS_AT}/{{}}", "/status.json"),
}
FILES: dict[str, tuple[bytes, dict[str, str]]] = {
    "lead": (LEADS_WITH_TROUBLE, {"format": "csv", "lookupField": "email"}),
    "custom_object": (CARS, {"format": "ssv"}),
    "program_member": (MEMBERS + b"\tDot\nno-address\tEd\n", {"format": "TSV", "programMemberStatus": "On List"}),
}


async def pair(stage: Stage, *scopes: Scope, client: str = "crm-sync", **more: Any) -> dict[str, str]:
    """A key's id and secret, as a client of Marketo has them."""
    _, written = await stage.container.keys.create(client, scopes or [Scope.SUBMIT], **more)
    _, key_id, secret = written.split("_")
    return {"client_id": key_id, "client_secret": secret}


async def token(stage: Stage, *scopes: Scope, **more: Any) -> str:
    answer = await stage.api.get("/identity/oauth/token", params=GRANT | await pair(stage, *scopes, **more))
    return str(answer.json()["access_token"])


def bearing(sent: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {sent}"}


async def create(stage: Stage, sent: str, content: bytes = LEADS, kind: str = "lead", **query: Any) -> httpx.Response:
    file = {"file": ("a.csv", content, "text/csv")}
    return await stage.api.post(FAMILIES[kind][0], files=file, params=query, headers=bearing(sent))


async def created(stage: Stage, sent: str, content: bytes = LEADS, kind: str = "lead", **query: Any) -> int:
    answer = await create(stage, sent, content, kind, **query)
    return int(result(answer)["batchId"])


async def status(stage: Stage, sent: str, batch: int, kind: str = "lead") -> httpx.Response:
    _, path, end = FAMILIES[kind]
    return await stage.api.get(path.format(batch) + end, headers=bearing(sent))


async def run(stage: Stage, sent: str, batch: int, kind: str = "lead") -> None:
    """Beat until the batch is finished."""

    async def finished() -> bool:
        return result(await status(stage, sent, batch, kind))["status"] in {"Complete", "Failed"}

    await stage.run(until=finished, seconds=1)


def result(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    envelope = answer.json()
    assert envelope["success"] is True, envelope
    assert set(envelope) == {"requestId", "result", "success"}
    counter, _, at = envelope["requestId"].partition("#")
    assert int(counter, 16) >= 0
    assert int(at, 16) > 1_700_000_000_000
    return dict(envelope["result"][0])


def refused(answer: httpx.Response, code: str, *, says: str = "", status: int = 200) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    envelope = answer.json()
    assert envelope["success"] is False, envelope
    assert [error["code"] for error in envelope["errors"]] == [code], envelope
    assert says in envelope["errors"][0]["message"]
