"""What only the database's owner may ask for is nobody else's, whatever key they have."""

import httpx

from tests.support.stage import Stage


async def test_no_caller_of_the_api_reaches_what_is_the_owner_s(stage: Stage):
    """There is no such path, for whoever does not come by the owner's socket."""
    answer = await stage.api.post("/owner/restored", params={"since": "2026-11-23T03:00:00Z"})
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert answer.json()["code"] == "not_found"
