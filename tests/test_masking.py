"""URLs as they may be shown: without what opens something."""

import pytest

from app.masking import masked_database_url, masked_url
from app.settings import exactly, sources


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hush-hush@db.example.com/sluice", "postgresql://me:***@db.example.com/sluice"),
        ("postgres://:hush-hush@db.example.com:5432/sluice", "postgres://:***@db.example.com:5432/sluice"),
        ("postgresql://me:a:b/c?hush-hush@db.example.com/sluice", "postgresql://me:***@db.example.com/sluice"),
        (
            "postgresql://me@db.example.com/sluice?sslpassword=hush-hush&sslmode=require&password=hush-hush",
            "postgresql://me@db.example.com/sluice?sslpassword=***&sslmode=require&password=***",
        ),
        ("postgresql:///sluice?SSLPassword=hush-hush@x", "postgresql:///sluice?SSLPassword=***"),
        ("postgresql:///sluice?oauth_client_secret=hush-hush", "postgresql:///sluice?oauth_client_secret=***"),
        ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db"),
    ],
)
def test_a_database_url_is_shown_without_what_opens_it(url: str, shown: str):
    """And with all that whoever runs the service looks for."""
    assert masked_database_url(url) == shown
    assert dict(row[:2] for row in sources(exactly(database_url=url)))["SLUICE_DATABASE_URL"] == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://marketo.example.com", "https://marketo.example.com"),
        ("https://me:hush-hush@marketo.example.com:8443/a", "https://***@marketo.example.com:8443/a"),
        ("https://hush-hush@marketo.example.com", "https://***@marketo.example.com"),
        (
            "https://marketo.example.com/?access_token=hush-hush&a=1",
            "https://marketo.example.com/?access_token=***&a=1",
        ),
        ("/v1/imports/1/events?stream_token=hush-hush", "/v1/imports/1/events?stream_token=***"),
        ("https://[hush-hush", "***"),
    ],
)
def test_a_url_of_the_web_is_shown_without_its_user_info(url: str, shown: str):
    """A name alone may be a token."""
    assert masked_url(url) == shown
