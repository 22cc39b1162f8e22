"""ETags: one that is known is not answered with the same again."""

import asyncio
import re
from typing import Any

import pytest

from app.api.schemas.imports import Import
from app.web.conditional import etag
from tests.api.watching import get, watched
from tests.story.files import LEADS, leads
from tests.support.stage import Stage


async def test_who_knows_the_import_is_not_sent_it_again(stage: Stage):
    """304 without a body, and with what a 200 would have said in its head (RFC 9110, 15.4.5)."""
    import_id = await stage.created(LEADS)
    first = await get(stage, import_id)
    tag = first.headers["ETag"]
    assert re.fullmatch(r'W/"[\x21\x23-\x7e]+"', tag)
    again = await get(stage, import_id, tag)
    assert (again.status_code, again.content) == (304, b"")
    for name in ("ETag", "Cache-Control", "Retry-After"):
        assert again.headers[name] == first.headers[name]


@pytest.mark.parametrize(
    ("known", "status"),
    [
        (["{}"], 304),
        (["{strong}"], 304),
        (['"another", {}'], 304),
        (['W/"another"', "{}"], 304),
        (['"a,b",W/"",{}'], 304),
        (["*"], 304),
        (['"another"'], 200),
        (['W/"another"'], 200),
        (["{bare}"], 200),
        ([""], 200),
    ],
)
async def test_tags_are_compared_as_the_rfc_has_it(stage: Stage, known: list[str], status: int):
    """If-None-Match compares weakly; a tag without its quotes is none."""
    import_id = await stage.created(LEADS)
    tag = (await get(stage, import_id)).headers["ETag"]
    strong = tag.removeprefix("W/")
    sent = [item.format(tag, strong=strong, bare=strong.strip('"')) for item in known]
    assert (await get(stage, import_id, *sent)).status_code == status


async def test_a_wait_with_a_known_tag_ends_in_a_304_or_the_finished_import(stage: Stage):
    """Nothing happened: 304. It ended: 200, with another tag."""
    import_id = await stage.created(LEADS)
    tag = (await get(stage, import_id)).headers["ETag"]
    assert (await get(stage, import_id, tag, wait="0.01")).status_code == 304
    waiting = asyncio.create_task(get(stage, import_id, tag, wait=60))
    await watched(stage)
    await stage.run()
    answer = await waiting
    assert answer.json()["status"] == "complete"
    assert answer.headers["ETag"] != tag
    assert (await get(stage, import_id, answer.headers["ETag"], wait=60)).status_code == 304


async def test_the_tag_changes_if_and_only_if_the_import_does(stage: Stage):
    """From its acceptance to its end: two answers have the same tag where they say the same, and else not."""
    import_id = await stage.created(leads(60))
    seen: list[tuple[dict[str, Any], str]] = []
    while not seen or seen[-1][0]["status"] != "complete":
        for _ in range(2):
            answer = await get(stage, import_id)
            seen.append((answer.json(), answer.headers["ETag"]))
        await stage.beat()
        stage.clock.step(5)
    assert len({tag for _, tag in seen}) >= 3, "accepted, at Marketo, complete"
    for one, its in seen:
        for other, others in seen:
            assert (one == other) == (its == others)


async def test_the_tags_of_two_imports_differ(stage: Stage):
    """Also of the same file."""
    one, other = [(await get(stage, await stage.created(LEADS))).headers["ETag"] for _ in range(2)]
    assert one != other


async def test_a_forecast_alone_makes_no_other_tag(stage: Stage):
    """It moves with the clock: that is what makes the tag a weak one."""
    shown = Import.model_validate(await stage.read(await stage.created(LEADS)))
    later = shown.model_copy(update={"estimated_finish_at": stage.clock()})
    other = shown.model_copy(update={"label": "another"})
    tag = etag(shown, exclude={"estimated_finish_at"})
    assert etag(later, exclude={"estimated_finish_at"}) == tag
    assert etag(other, exclude={"estimated_finish_at"}) != tag
