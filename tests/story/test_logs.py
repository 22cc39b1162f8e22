"""The log of whole lives: one line for each move, and nothing of a file or a secret in any."""

import httpx

from app.domain.api_keys import Scope
from app.simulator import Fault, Rules
from tests.support.clock import SteppedClock
from tests.support.logged import Log, log
from tests.support.stage import Stage, staged

__all__ = ["log"]
CELLS = (
    "canary-first@example.com",
    "canary-second@example.com",
    "not-a-score-canary",
    "Zoë-Canary",
    "canary-no-address",
)
FILE = (
    f"email,firstName,lastName,leadScore\n{CELLS[0]},{CELLS[3]},A,1\n{CELLS[1]},B,B,{CELLS[2]}\n{CELLS[4]},C,C,3\n"
).encode()


async def test_each_move_is_one_line_that_says_of_what(stage: Stage, log: Log):
    """Import, part, batch id, client and instance; what led to another state and to which."""
    import_id = await stage.created(FILE, label="nightly")
    await stage.run()
    about = {"import_id": import_id, "part": 1, "instance": "default", "client": "local", "level": "info"}
    moves = log.lines("claim", "accept", "start", "finish", "collect")
    assert [(line["event"], line["state"], line.get("batch_id")) for line in moves] == [
        ("claim", "submitting", None),
        ("accept", "queued", 1001),
        ("finish", "collecting", 1001),
        ("collect", "complete", 1001),
    ]
    assert all(about.items() <= line.items() for line in moves)
    assert [line["event"] for line in log.lines("accepted", "finished")] == ["accepted", "finished"]
    made = log.lines("accepted")[0]["request_id"]
    assert len(made) == 32
    assert {line["request_id"] for line in [*moves, *log.lines("finished")]} == {made}, "the request that made it"


async def test_a_move_that_is_rolled_back_is_no_line(stage: Stage, log: Log):
    """The lease was lost before the answer could be recorded: the claim happened, the acceptance did not."""
    await stage.created(FILE)

    async def taken(_request: httpx.Request, _response: httpx.Response) -> None:
        if stage.posted:
            stage.transport.after_request = None
            await stage.crash()
            stage.clock.step(31)
            await stage.take_lease()

    stage.transport.after_request = taken
    old, lease = stage.instance_worker, stage.lease
    await old.submit.run_once(lease)
    assert [line["event"] for line in log.lines("claim", "accept", "lose")] == ["claim", "lose"]


async def test_a_person_s_decision_is_logged_with_the_request_that_made_it(stage: Stage, log: Log):
    """Cancelled over the API, by whom, and as which request."""
    import_id = await stage.created(FILE)
    await stage.api.post(f"/v1/imports/{import_id}/cancel", headers={"X-Request-Id": "stop-it"})
    (line,) = log.lines("cancel")
    assert (line["import_id"], line["part"], line["by"], line["request_id"]) == (import_id, 1, "local", "stop-it")


async def test_SECRETS_STAY_IN_and_no_cell_is_in_any_log_line_or_event(
    database_url: str, clock: SteppedClock, log: Log
):
    """Lives with all kinds of trouble, told down to `debug`: refusals, lost answers, bad keys, bad files."""
    async with staged(database_url, clock, auth="on") as stage:
        _, key = await stage.container.keys.create("crm", [Scope.SUBMIT, Scope.OPERATE], expires_at=None)
        stage.api.headers["Authorization"] = f"Bearer {key}"
        for trouble in ("lost_response", "json_error:1003", "json_error:713", "html_502", "garbled_file"):
            stage.simulator.order(Fault(trouble))
            await stage.created(FILE)
            await stage.run(seconds=120, beats=100)
        torn = FILE + b'"canary-unclosed@example.com,A'
        assert (await stage.create(torn)).status_code == 422
        assert (await stage.create(FILE + b"\xff\xfe-canary\n")).status_code == 422
        assert (await stage.create(FILE, label="canary-label", bogus="canary-parameter")).status_code == 422
        await stage.api.get("/v1/imports?label=canary-query")
        await stage.api.get("/v1/imports", headers={"Authorization": "Bearer slc_0123456789ab_canarysecret"})
        listed = (await stage.api.get("/v1/imports")).json()["items"]
        events = [(await stage.api.get(one["links"]["events"])).text for one in listed]
        failures = [(await stage.api.get(one["links"]["failures"])).text for one in listed]
    assert any(CELLS[2] in text for text in failures), "the canaries went the whole way"
    assert len(log.lines("claim")) >= 5
    rules = Rules()
    tokens = {request.headers["authorization"].removeprefix("Bearer ") for request in stage.posted}
    secrets = (key, key.rpartition("_")[2], rules.client_secret, "canarysecret", *tokens)
    for text in (log.text, *events):
        assert "canary" not in text.lower()
        assert [secret for secret in secrets if secret in text] == []
