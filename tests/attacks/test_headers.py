"""Headers written to be slow to read: each within the bounds of a head, and costing little more than an honest one."""

import codecs
import encodings

import httpx
import pytest
from starlette.requests import Request

from app.api.middleware.request_bounds import RequestBounds
from app.files import codec_registry
from app.files.charsets import is_same
from app.web.header_fields import file_name_in, options_of
from app.web.negotiation import preferred
from tests.support.growth import calls

MOST_BYTES = 8_190  # of one header
MANY_CALLS = 3_000  # of functions; an honest header takes some dozens
HOSTILE = [";", '";', '\\";', 'a="b";', 'a=";', "a,", ";,", "a;q=1,", 'a;"', "*0=a;", "filename*0*=%41;", '"']


def full_of(what: str, begun: str = "") -> str:
    return (begun + what * MOST_BYTES)[:MOST_BYTES]


@pytest.mark.parametrize("what", HOSTILE)
def test_no_accept_takes_long(what: str):
    """8 MB of it stood everybody still for seven seconds."""
    request = Request({"type": "http", "headers": [(b"accept", full_of(what).encode())]})
    assert calls(lambda: preferred(request, "application/json", "text/csv")) < MANY_CALLS


@pytest.mark.parametrize("what", HOSTILE)
def test_no_content_type_takes_long(what: str):
    assert calls(lambda: options_of(full_of(what, "text/csv;"))) < MANY_CALLS


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("begun", ["attachment;", 'attachment; "'])
def test_no_content_disposition_takes_long(what: str, begun: str):
    assert calls(lambda: file_name_in(full_of(what, begun))) < MANY_CALLS


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename=leads.csv", "leads.csv"),
        ('attachment; filename="a;b.csv"', "a;b.csv"),
        ("attachment; filename*=UTF-8''%e2%82%ac.csv", "€.csv"),
        ("attachment; filename*=iso-8859-1'en'%A3.csv", "£.csv"),
        ("attachment; filename*=idna''xn--a", None),
        ("attachment; filename*=no-such-charset''a", None),
        (f"attachment; filename*{'9' * 5_000}=a", None),
        (";" * 17 + "filename=a", None),
        ("attachment", None),
    ],
)
def test_a_files_name_is_read_all_the_same(disposition: str, name: str | None):
    """In the two charsets that a header may have, and no other."""
    assert file_name_in(disposition) == name


def test_charsets_that_are_asked_for_are_not_kept():
    """Python keeps each name for ever: with 32 KB of them in each request, a gigabyte in a minute."""
    before = len(encodings._cache)
    for number in range(100):
        assert codec_registry.find(f"utf-{number}-{'x' * 1_000}") is None
        assert codec_registry.find("utf" + "-" * number + "8").name == "utf-8"
        assert not is_same(f"x{number}", f"y{number}")
    assert len(encodings._cache) == before


@pytest.mark.parametrize("name", ["UTF-8", "latin1", "windows-1252", "Shift_JIS", "macintosh", "utf 16 le", "866"])
def test_every_spelling_of_a_charset_is_known_as_python_knows_it(name: str):
    found = codec_registry.find(name)
    assert found is not None
    assert found.name == codecs.lookup(name).name


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", ".", "..", "aliases", "__init__", "x" * 10_000])
def test_what_is_no_charset_is_none(name: str):
    assert codec_registry.find(name) is None


async def test_a_cookie_with_backslashes_is_not_handed_to_pythons_parser():
    """It takes a quarter of a second for 8 KB of them, key or no key; other cookies come through."""
    seen = []

    async def noting(scope, receive, send):
        seen.append(scope["headers"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(RequestBounds(noting)), base_url="http://127.0.0.1"
    ) as api:
        await api.get("/livez", headers={"Cookie": 'a="\\"\\""; b=c', "X-Path": "C:\\leads"})
    assert (b"cookie", b'a="_"_""; b=c') in seen[0]
    assert (b"x-path", b"C:\\leads") in seen[0]
