"""Who may call."""

import pytest

from tests.support.stage import Stage


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8000"}, 200),
        ({"Host": "[::1]:8000"}, 200),
        ({"Host": "127.0.0.1", "Origin": "http://127.0.0.1:8000"}, 200),
        ({"Host": "sluice.example.com"}, 403),
        ({"Host": "127.0.0.1.example.com"}, 403),
        ({"Host": "10.0.0.1"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Origin": "https://evil.example.com"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_without_keys_only_this_machine_is_answered_and_no_other_site_s_page(
    stage: Stage, headers: dict[str, str], status: int
):
    """A page may send forms to loopback, and give itself a name that resolves there."""
    answer = await stage.api.get("/v1/imports", headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "forbidden"
        assert answer.headers["content-type"] == "application/problem+json"
