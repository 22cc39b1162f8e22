"""The checks that every call passes, in Marketo's order."""

import json

import pytest

from app.simulator import Rules, Simulator
from app.simulator.calls import Call

STATUS = "/bulk/v1/leads/batch/1.json"


def answered(call: Call, rules: Rules | None = None) -> tuple[int, str | None]:
    """(HTTP status, code) of the answer to a call."""
    answer, _ = Simulator(rules or Rules(), now=lambda: 1_794_852_000.0).handle(call)
    return answer.status, answer.code


def logged_in(method: str, path: str, **more: object) -> tuple[int, str | None, bool]:
    """(HTTP status, code, whether it was counted) of a call with a good token."""
    simulator = Simulator(now=lambda: 1_794_852_000.0)
    query = {"grant_type": "client_credentials", "client_id": "sluice-demo", "client_secret": "sluice-demo-secret"}
    token = json.loads(simulator.handle(Call("GET", "/identity/oauth/token", query, {}))[0].body)["access_token"]
    call = Call(method, path, {}, {"authorization": f"Bearer {token}"}, **more)  # type: ignore[arg-type]
    answer, admitted_at = simulator.handle(call)
    return answer.status, answer.code, admitted_at is not None


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "code", "counted"),
    [
        ("GET", STATUS, {}, 200, "1013", True),
        ("GET", "/bulk/v1/leads/batch/abc.json", {}, 200, "1001", True),
        ("GET", "/nowhere", {}, 200, "610", True),
        ("DELETE", STATUS, {}, 200, "605", True),
        ("POST", "/bulk/v1/leads.json", {}, 200, "612", True),
        ("POST", "/bulk/v1/leads.json", {"too_large": True}, 413, "413", True),
        ("GET", STATUS, {"uri_bytes": 9000}, 414, "414", False),
        ("GET", "/rest/v1/lists.json", {}, 200, None, True),
    ],
)
def test_a_call_with_a_token_comes_as_far_as_it_is_right(
    method: str, path: str, more: dict[str, object], status: int, code: str | None, counted: bool
):
    """What is turned away before Marketo counts it costs nothing of the allowance."""
    assert logged_in(method, path, **more) == (status, code, counted)


def test_without_a_token_nothing_is_looked_at():
    """Whatever else is wrong with the call, but for its length."""
    assert answered(Call("POST", "/bulk/v1/leads.json", {}, {}, too_large=True)) == (200, "600")
    assert answered(Call("GET", STATUS, {}, {"authorization": "Basic x"})) == (200, "600")
    assert answered(Call("GET", STATUS, {}, {"authorization": "Bearer made-up"})) == (200, "601")
    assert answered(Call("GET", STATUS, {}, {}, uri_bytes=9000)) == (414, "414")


def test_a_token_may_stand_in_the_query_unless_the_rules_deny_it():
    """Marketo has announced that it will."""
    call = Call("GET", STATUS, {"access_token": "made-up"}, {})
    assert answered(call) == (200, "601")
    assert answered(call, Rules(access_token_param="deny")) == (200, "600")
