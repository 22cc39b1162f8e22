"""Idempotency-Key: two requests with one key are one, whatever happens between and beside them."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.api.app import create_app
from app.clock import Clock
from app.container import Container, build_container
from app.domain.api_keys import Scope
from app.uploads.cleanup import Cleanup
from tests.story.files import LEADS, LEADS_WITH_TROUBLE, leads
from tests.support.clock import SteppedClock
from tests.support.order import in_order
from tests.support.stage import Killed, Stage, staged

pytestmark = pytest.mark.both_databases

KEY = {"Idempotency-Key": "nightly-2026-11-23"}


async def send(api: httpx.AsyncClient, content: Any = LEADS, **parameters: Any) -> httpx.Response:
    headers = parameters.pop("headers", {})
    return await api.post(
        "/v1/imports", content=content, params=parameters, headers={"Content-Type": "text/csv"} | KEY | headers
    )


async def held_up(begun: asyncio.Event, go_on: asyncio.Event, content: bytes = LEADS) -> AsyncIterator[bytes]:
    yield content[:10]
    begun.set()  # the first piece is dealt with
    await go_on.wait()
    yield content[10:]


@asynccontextmanager
async def another_process(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """An API of its own on the same database."""
    container = build_container(
        stage.container.settings, now=stage.clock, sleep=stage.clock.sleep, http=stage.container.http
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(container)), base_url="http://127.0.0.1"
    ) as api:
        yield api
    await container.db.close()


async def imports(stage: Stage) -> list[int]:
    return [item["id"] for item in (await stage.api.get("/v1/imports")).json()["items"]]


async def test_the_same_request_again_is_answered_with_the_import_as_it_now_stands(stage: Stage):
    """Nothing is imported twice; another name of the file, or gzip, makes no other request."""
    first = await send(stage.api, label="a")
    assert (first.status_code, "idempotency-replayed" in first.headers) == (202, False)
    await stage.run()
    packed = {"Content-Encoding": "gzip", "Content-Disposition": 'attachment; filename="b.csv"'}
    for content, headers in ((LEADS, {}), (gzip.compress(LEADS), packed)):
        again = await send(stage.api, content, label="a", headers=headers)
        assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")
        assert again.headers["location"] == first.headers["location"]
        assert again.json()["status"] == "complete"
    assert await imports(stage) == [first.json()["id"]]
    assert len(stage.posted) == 1


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("content", "parameters"),
    [(LEADS, {"priority": 1}), (LEADS, {"list_id": 7}), (leads(3), {}), (LEADS[:-1] + b"\xff\n", {}), (b"\0", {})],
    ids=["priority", "list", "file", "unreadable file", "no file at all"],
)
async def test_another_request_with_the_same_key_is_refused(stage: Stage, content: bytes, parameters: dict[str, Any]):
    """And the first one is untouched by it."""
    first = (await send(stage.api)).json()["id"]
    answer = await send(stage.api, content, **parameters)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert await imports(stage) == [first]


async def test_while_the_first_is_being_received_the_second_is_told_to_wait(stage: Stage):
    """From any process, before its body is read."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    first = asyncio.create_task(send(stage.api, held_up(begun, go_on)))
    await begun.wait()
    answers = [await send(stage.api)]
    if not stage.container.db.on_sqlite:
        async with another_process(stage) as other:
            answers.append(await send(other))
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_in_use")
        assert int(answer.headers["retry-after"]) >= 1
    go_on.set()
    made = (await first).json()["id"]
    assert (await send(stage.api)).json()["id"] == made
    assert await imports(stage) == [made]


@pytest.mark.parametrize("content", [b"", b"email\n", b"email,email\na,b\n", b'email\n"x\n'])
async def test_a_request_that_was_refused_does_not_use_the_key_up(stage: Stage, content: bytes):
    """The mended file may go under the same key."""
    assert (await send(stage.api, content)).status_code == 422
    assert (await send(stage.api)).status_code == 202
    assert len(await imports(stage)) == 1


async def test_an_upload_that_broke_off_gives_its_key_back(stage: Stage):
    """The caller who comes again is not told to wait."""

    async def breaks_off() -> AsyncIterator[bytes]:
        yield LEADS[:10]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await send(stage.api, breaks_off())
    assert (await send(stage.api)).status_code == 202


async def test_many_retries_at_once_make_one_import(stage: Stage):
    """Each is told the same import, or to wait."""
    others = [] if stage.container.db.on_sqlite else [another_process(stage) for _ in range(2)]
    apis = [stage.api] + [await other.__aenter__() for other in others]
    answers = await asyncio.gather(*[send(apis[n % len(apis)]) for n in range(12)])
    assert {answer.status_code for answer in answers} <= {202, 409}
    made = {answer.json()["id"] for answer in answers if answer.status_code == 202}
    assert list(made) == await imports(stage)
    for other in others:
        await other.__aexit__(None, None, None)


@pytest.mark.parametrize("point", ["begun", "part_stored", "accepted"])
async def test_a_process_that_dies_in_mid_request_does_not_keep_the_key(
    database_url: str, clock: SteppedClock, point: str
):
    """Once its import is committed it is that import's; before, it is free again after two minutes."""

    def dies(hit: str) -> None:
        if hit == point:
            raise Killed

    async with staged(database_url, clock, part_bytes=1_000) as stage:
        content = leads(60)
        object.__setattr__(stage.container.intake, "hit", dies)
        with pytest.MonkeyPatch.context() as dead, pytest.raises(Killed):
            dead.setattr(Cleanup, "take_back", nothing)  # the dead tidy nothing up
            await send(stage.api, content)
        async with fresh(stage.container, clock) as api:
            answer = await send(api, content)
            if point == "accepted":
                assert answer.headers["idempotency-replayed"] == "true"
                return
            assert answer.status_code == 409
            clock.step(120)
            assert (await send(api, content)).status_code == 202


async def nothing(*_: object) -> None:
    pass


@asynccontextmanager
async def fresh(container: Container, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    """The API, started anew."""
    again = build_container(container.settings, now=clock, http=container.http)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(again)), base_url="http://127.0.0.1") as api:
        yield api
    await again.db.close()


async def test_an_upload_that_was_taken_for_dead_makes_no_second_import(stage: Stage):
    """It stalled, its caller came again, and then it went on."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    stalled = asyncio.create_task(send(stage.api, held_up(begun, go_on)))
    await begun.wait()
    stage.clock.step(121)
    second = await send(stage.api)
    assert second.status_code == 202
    go_on.set()
    late = await stalled
    assert (late.status_code, late.json()["code"]) == (409, "idempotency_key_in_use")
    assert await imports(stage) == [second.json()["id"]]


async def test_a_key_is_kept_thirty_days(stage: Stage):
    """After that it is a new one."""
    first = (await send(stage.api)).json()["id"]
    stage.clock.step(29 * 86_400)
    await stage.maintenance.run_once()
    assert (await send(stage.api)).json()["id"] == first
    stage.clock.step(86_400)
    second = await send(stage.api)
    assert (second.json()["id"] != first, "idempotency-replayed" in second.headers) == (True, False)


async def test_each_client_has_keys_of_its_own(database_url: str, clock: SteppedClock):
    """Two services may count alike."""
    async with staged(database_url, clock, auth="on") as stage:
        made = []
        for client in ("crm-sync", "web-shop"):
            _, key = await stage.container.keys.create(client, [Scope.SUBMIT])
            made.append((await send(stage.api, headers={"Authorization": f"Bearer {key}"})).json())
        assert [item["client"] for item in made] == ["crm-sync", "web-shop"]
        assert made[0]["id"] != made[1]["id"]


async def test_a_retry_takes_a_key_too(stage: Stage):
    """Asked for twice, the failed rows go once."""
    first = await stage.created(LEADS_WITH_TROUBLE)
    await stage.run()
    answers = [await stage.api.post(f"/v1/imports/{first}/retry-failures", headers=KEY) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert answers[1].headers["idempotency-replayed"] == "true"


@pytest.mark.one_database
async def test_a_form_sent_again_needs_no_room(database_url: str, clock: SteppedClock):
    """Its first made the backlog full; also where somebody else's rows are sent again."""
    async with staged(database_url, clock, auth="on") as stage:
        ours, desk = [
            {
                "Authorization": f"Bearer {(await stage.container.keys.create(client, [scope]))[1]}",
                "Idempotency-Key": f"{client}'s",
            }
            for client, scope in (("crm", Scope.SUBMIT), ("desk", Scope.OPERATE))
        ]
        form = {"file": ("leads.csv", LEADS_WITH_TROUBLE)}
        made = (await stage.api.post("/v1/imports", files=form, headers=ours)).json()["id"]

        async def finished() -> bool:
            told = await stage.api.get(f"/v1/imports/{made}", headers=ours)
            return bool(told.json()["finished_at"])

        await stage.run(until=finished)
        path = f"/v1/imports/{made}/retry-failures"
        mended = (await stage.api.post(path, files=form, headers=desk)).json()["id"]
        object.__setattr__(stage.container.capacity, "backlog_parts", 1)
        again = [
            await stage.api.post("/v1/imports", files=form, headers=ours),
            await stage.api.post(path, files=form, headers=desk),
        ]
        assert [answer.headers.get("idempotency-replayed") for answer in again] == ["true", "true"]
        assert [answer.json()["id"] for answer in again] == [made, mended]
        async with in_order(stage.container) as (api, log):
            new = await api.post("/v1/imports", files=form, headers=ours | {"Idempotency-Key": "another"})
        assert (new.status_code, log[0]) == (429, "answer")


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_key_that_is_none_is_refused(stage: Stage, key: str):
    """By the name of its header."""
    answer = await send(stage.api, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
