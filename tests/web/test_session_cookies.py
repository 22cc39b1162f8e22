"""Where a request comes from, and the token of a session's forms."""

import pytest
from starlette.datastructures import Headers

from app.web.session_cookies import csrf_token, is_csrf_token, is_from_our_pages


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "https://sluice.example.com"}, False),
        ({"sec-fetch-site": "same-origin", "origin": "https://another.name"}, True),
        ({"origin": "https://sluice.example.com"}, True),
        ({"origin": "https://SLUICE.example.com"}, True),
        ({"origin": "https://sluice.example.com:8443"}, False),
        ({"origin": "https://sluice.example.com.evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "https://[::1"}, False),
    ],
)
def test_only_pages_of_this_host_are_ours(headers: dict[str, str], is_ours: bool):
    """`Sec-Fetch-Site` goes before `Origin`: behind a proxy the host may have another name."""
    assert is_from_our_pages(Headers({"host": "sluice.example.com"} | headers)) == is_ours


def test_a_token_is_its_sessions_and_no_others():
    assert is_csrf_token(csrf_token("a" * 64), "a" * 64)
    assert not is_csrf_token(csrf_token("a" * 64), "b" * 64)
    assert not is_csrf_token("\ud800", "a" * 64)
    assert "a" * 8 not in csrf_token("a" * 64)
