"""The parts of an import, and its history."""

from tests.api.problem_answers import is_problem
from tests.story.files import LEADS
from tests.support.stage import Stage


async def test_the_history_comes_in_pages_the_oldest_first(stage: Stage):
    """Every event once; the last page names no other."""
    import_id = await stage.created(LEADS)
    await stage.run()
    path, types, token = f"/v1/imports/{import_id}/events", [], None
    while True:
        page = (await stage.api.get(path, params={"page_size": 2} | ({"page_token": token} if token else {}))).json()
        types += [event["type"] for event in page["items"]]
        if not (token := page["next_page_token"]):
            break
        assert len(page["items"]) == 2
    assert types == await stage.events(import_id)
    assert (types[0], types[-1]) == ("accepted", "finished")


async def test_a_stream_that_has_nothing_more_to_say_need_not_be_opened(stage: Stage):
    """204, once the last event is known and the import is finished."""
    import_id = await stage.created(LEADS)
    await stage.run()
    path = f"/v1/imports/{import_id}/events"
    last = (await stage.api.get(path)).json()["items"][-1]["id"]
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(last)}
    answer = await stage.api.get(path, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")


async def test_all_parts_are_on_one_page(stage: Stage):
    """In their order; the next page is none."""
    import_id = await stage.created(LEADS)
    page = (await stage.api.get(f"/v1/imports/{import_id}/parts")).json()
    assert [part["number"] for part in page["items"]] == [1]
    assert page["next_page_token"] is None


async def test_an_import_that_there_is_not_has_neither(stage: Stage):
    """404."""
    for noun in ("parts", "events"):
        is_problem(await stage.api.get(f"/v1/imports/7/{noun}"), 404, "not_found")
