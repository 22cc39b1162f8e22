"""What the form of the list asks for."""

import pytest

from app.domain.errors import BadParameter
from app.domain.imports import ImportStatus
from app.pages.filter_form import WORDS, read_form
from app.web.import_filters import NAMES


def test_an_empty_field_asks_for_nothing():
    form = read_form("/imports", dict.fromkeys(NAMES, " "))
    assert not form.values
    assert not form.chips
    assert not form.has_more


def test_everything_that_the_api_filters_is_a_field():
    assert set(WORDS) == set(NAMES)
    query = {"status": "failed", "instance": "eu", "object_type": "lead", "client": "crm", "label": "a & b"}
    form = read_form(
        "/imports", query | {"file_name": "le", "attention": "true", "created_after": "2026-11-23T10:00:00Z"}
    )
    assert form.filters.status is ImportStatus.FAILED
    assert form.filters.attention is True
    assert form.has_more
    assert len(form.chips) == 8


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("2026-11-23", "2026-11-23T00:00:00+00:00"),
        ("2026-11-23T10:05", "2026-11-23T10:05:00+00:00"),
        ("2026-11-23T10:05:09", "2026-11-23T10:05:09+00:00"),
        ("2026-11-23T10:05:09+01:00", "2026-11-23T09:05:09+00:00"),
    ],
)
def test_a_time_is_read_as_a_browser_sends_it_and_given_back_so(typed: str, read: str):
    form = read_form("/imports", {"created_after": typed})
    assert form.filters.created_after
    assert form.filters.created_after.isoformat() == read
    assert form.values["created_after"] == read.removesuffix("+00:00")


def test_each_filter_is_left_out_by_a_link_that_keeps_the_others():
    form = read_form("/imports", {"status": "queued", "label": "a&b=c"})
    assert [chip.without for chip in form.chips] == ["/imports?label=a%26b%3Dc", "/imports?status=queued"]


def test_what_cannot_be_read_is_refused():
    with pytest.raises(BadParameter):
        read_form("/imports", {"created_after": "yesterday"})
