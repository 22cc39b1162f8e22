"""A simulator as a value: calls in, answers out, without HTTP."""

import json

from app.simulator import Fault, Rules, Simulator
from app.simulator import simulator as simulator_module
from app.simulator.calls import Call
from app.simulator.params import whole

CREATE = "/bulk/v1/leads.json"


def token_of(simulator: Simulator) -> str:
    query = {"grant_type": "client_credentials", "client_id": "sluice-demo", "client_secret": "sluice-demo-secret"}
    answer, _ = simulator.handle(Call("GET", "/identity/oauth/token", query, {}))
    return str(json.loads(answer.body)["access_token"])


def create(simulator: Simulator, token: str) -> dict[str, object]:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nemail\na@x.com\n\r\n--b--'
    headers = {"authorization": f"Bearer {token}", "content-type": "multipart/form-data; boundary=b"}
    simulator.arrive(CREATE)
    answer, admitted_at = simulator.handle(Call("POST", CREATE, {}, headers, body))
    simulator.leave(CREATE, answer, admitted_at)
    return dict(json.loads(answer.body))


def test_a_call_is_answered_counted_and_reported():
    """The report has what happened so far, ready for JSON."""
    simulator = Simulator(now=lambda: 1_794_852_000.0)
    assert create(simulator, token_of(simulator))["success"]
    report = json.loads(json.dumps(simulator.report()))
    assert report["calls"] == {"identity": 1, "create": 1}
    assert (report["errors"], len(report["jobs"]), report["most_outstanding"]) == ({}, 1, 1)
    assert (report["most_calls_at_once"], report["most_calls_in_window"]) == (1, 1)


def test_time_goes_on_by_the_clock_and_on_order():
    """A job that has had its time is imported; its records are there."""
    at = [1_794_852_000.0]
    simulator = Simulator(Rules(job_seconds=10), now=lambda: at[0])
    create(simulator, token_of(simulator))
    assert simulator.records("lead") == []
    simulator.advance(60)
    assert [record["email"] for record in simulator.records("lead")] == ["a@x.com"]


def test_orders_are_pending_until_they_strike_or_are_called_off():
    """A fault that strikes first leaves the call undone."""
    simulator = Simulator()
    simulator.order(Fault("lost_request"))
    simulator.order(Fault("hang", nth=9))
    assert [order["name"] for order in simulator.pending()] == ["lost_request", "hang"]
    token = token_of(simulator)
    simulator.handle(Call("POST", CREATE, {}, {"authorization": f"Bearer {token}"}))
    assert simulator.report()["jobs"] == []
    assert [order["name"] for order in simulator.pending()] == ["hang"]
    simulator.call_off()
    assert simulator.pending() == []


def test_others_take_places_and_a_reset_gives_everything_back():
    """The clock keeps its time."""
    simulator = Simulator(now=lambda: 1_794_852_000.0)
    assert simulator.occupy(12, seconds=60) == 10
    simulator.advance(5)
    simulator.reset()
    report = simulator.report()
    assert (report["now"], report["most_outstanding"], report["calls"]) == (1_794_852_005.0, 0, {})


def test_the_members_of_a_list_are_leads():
    """A list that nobody joined has none."""
    assert Simulator().list_members(1) == []


def test_a_restart_gives_out_neither_its_old_tokens_nor_its_old_batch_ids():
    """A client that goes on asking about a job of before must not get a stranger's; a reset is a restart."""
    first, second = Simulator(Rules(seed=None)), Simulator(Rules(seed=None))
    tokens = {token_of(first), token_of(second)}
    answers = [create(first, token_of(first)), create(second, token_of(second))]
    first.reset()
    tokens.add(token_of(first))
    answers.append(create(first, token_of(first)))
    batches = {answer["result"][0]["batchId"] for answer in answers}  # type: ignore[index]
    assert (len(tokens), len(batches)) == (3, 3)
    assert all(0 < batch < 2**31 for batch in batches)


def test_with_a_seed_a_start_is_as_the_one_before():
    """So that a test can be run again."""
    simulators = [Simulator(Rules(seed=7)) for _ in range(2)]
    assert len({token_of(simulator) for simulator in simulators}) == 1
    assert [create(simulator, token_of(simulator))["result"][0]["batchId"] for simulator in simulators] == [1001, 1001]  # type: ignore[index]


def test_every_batch_id_of_any_start_can_be_asked_for():
    """Also those of the highest start: its paths read so many digits and no more."""
    highest = simulator_module._FIRST_BATCH + simulator_module._BATCHES * (simulator_module._STARTS - 1)
    assert whole(str(highest + 1_000_000)) is not None
