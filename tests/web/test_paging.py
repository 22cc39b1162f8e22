"""Pages: their size, and the token of the next one."""

import base64

import pytest

from app.domain.errors import BadParameter
from app.web.paging import PageRequest, place, read_page_request, size, token


def test_a_token_leads_to_its_place():
    """It is opaque to callers, and fits a URL as it is."""
    for numbers in ((7,), (1, -5), (2**63 - 1, 0, -(2**63))):
        assert place(token(numbers), len(numbers)) == numbers
    assert "=" not in token((1, 2))
    assert place(None, 1) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "[1]", token((1, 2)), token((2**63,)), token((-(2**63) - 1,)), "ä", "W" * 5),
        *(base64.urlsafe_b64encode(content).decode() for content in (b"{}", b"1", b'["1"]', b"[1.0]", b"[true]")),
    ],
)
def test_what_is_no_token_of_this_list_is_refused(text: str):
    """Another list's too: its place has more numbers."""
    with pytest.raises(BadParameter) as refused:
        place(text, 1)
    assert [detail.field for detail in refused.value.details] == ["page_token"]
    assert "begin without one" in refused.value.message


@pytest.mark.parametrize("text", ["0", "201", "-1", "x", "", "1.0"])
def test_a_page_has_1_to_200_rows(text: str):
    """50 where nothing is asked for."""
    assert [size(None), size("1"), size("200")] == [50, 1, 200]
    with pytest.raises(BadParameter) as refused:
        size(text)
    assert [detail.field for detail in refused.value.details] == ["page_size"]


def test_one_row_more_than_the_page_has_tells_that_another_follows():
    """The token is the place of the page's last row."""
    page_request = read_page_request({"page_size": "2", "page_token": token((9,))}, 1)
    assert page_request == PageRequest(2, (9,))
    assert page_request.size_and_more == 3
    assert page_request.cut([5, 6, 7], lambda row: [row]) == ([5, 6], token((6,)))
    assert page_request.cut([5, 6], lambda row: [row]) == ([5, 6], None)
    assert page_request.cut([], lambda row: [row]) == ([], None)
