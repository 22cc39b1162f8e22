"""What every refusal of the API looks like."""

from typing import Any


def is_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem in an answer, with all the fields that every problem has."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"/problems/{code.replace('_', '-')}"
    assert body["title"]
    assert body["instance"].startswith("/")
    return body
