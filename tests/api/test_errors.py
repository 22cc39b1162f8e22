"""Every error is a problem that says what to do."""

import pytest

from tests.api.problem_answers import is_problem
from tests.support.stage import Stage


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code", "word"),
    [
        (b'{"reason": "x"', "application/json", 422, "invalid_parameter", "The body is no JSON (at character 14)."),
        (b"\xff", "application/json", 400, "bad_request", "body"),
        (b'{"reason": "x"}', "text/plain", 415, "unsupported_media", "Content-Type: application/json"),
        (b'{"reason": "x"}', "application/x-www-form-urlencoded", 415, "unsupported_media", "application/json"),
        (b'"x"', "application/json", 422, "invalid_parameter", "dictionary"),
    ],
)
async def test_a_body_that_should_be_json_and_is_not_is_told_so(
    stage: Stage, content: bytes, media_type: str, status: int, code: str, word: str
):
    """No field is to blame for that."""
    headers = {"Content-Type": media_type}
    answer = await stage.api.post("/v1/instances/default/pause", content=content, headers=headers)
    problem = is_problem(answer, status, code)
    assert word in problem["detail"]
    assert not any("field" in error for error in problem.get("errors", []))


async def test_a_json_body_that_goes_on_and_on_is_refused(stage: Stage):
    """It would be held in memory whole."""
    answer = await stage.api.post("/v1/instances/default/pause", content=b'{"reason": "' + b"x" * 100_000)
    assert is_problem(answer, 413, "content_too_large")["detail"]

    async def chunks():
        for _ in range(10):
            yield b" " * 10_000

    answer = await stage.api.post("/v1/instances/default/pause", content=chunks())
    is_problem(answer, 413, "content_too_large")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/imports/999", 404, "not_found"),
        ("GET", "/v1/imports/zero", 404, "not_found"),
        ("GET", "/v1/imports/99999999999999999999", 404, "not_found"),
        ("GET", "/v1/imports/999/failures", 404, "not_found"),
        ("POST", "/v1/imports/999/cancel", 404, "not_found"),
        ("GET", "/v1/instances/nowhere", 404, "not_found"),
        ("POST", "/v1/instances/nowhere/pause", 404, "not_found"),
        ("GET", "/v2/imports", 404, "not_found"),
        ("PUT", "/v1/imports", 405, "method_not_allowed"),
        ("GET", "/v1/imports?page_size=0", 422, "invalid_parameter"),
        ("GET", "/v1/imports?page_size=201", 422, "invalid_parameter"),
        ("GET", "/v1/imports?page_token=nonsense", 422, "invalid_parameter"),
        ("GET", "/v1/imports?status=done", 422, "invalid_parameter"),
        ("GET", "/v1/imports?created_after=yesterday", 422, "invalid_parameter"),
        ("GET", "/v1/imports?attention=maybe", 422, "invalid_parameter"),
        ("GET", "/v1/imports?label=%00", 422, "invalid_parameter"),
        ("GET", "/v1/imports?created_after=0001-01-01T00:00:00%2B14:00", 422, "invalid_parameter"),
        ("GET", "/v1/imports?colour=red", 422, "invalid_parameter"),
    ],
)
async def test_every_error_is_a_problem_document(stage: Stage, method: str, path: str, status: int, code: str):
    """Also what the framework says by itself."""
    problem = is_problem(await stage.api.request(method, path), status, code)
    assert problem["detail"]
