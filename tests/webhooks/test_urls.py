"""Which URLs an endpoint may have."""

import pytest

from app.domain.errors import BadParameter
from app.webhooks.addresses import AddressRules
from app.webhooks.urls import check_address, check_url


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example.com/", "ftp://hooks.example.com/", "hooks.example.com", "", "https://", "https:///x"),
        *("https://ann:secret@hooks.example.com/", "https://hooks.example.com/#part", "https://hooks.example.com:0/"),
        *("https://hooks.example.com:99999/", "https://hooks.example.com/a b", "https://[::1", "https://a\x00b/"),
        "https://hooks.example.com/" + "x" * 2_000,
    ],
)
def test_what_is_no_plain_https_url_is_refused_with_the_reason(url: str):
    """At once, and about the field."""
    with pytest.raises(BadParameter, match="is not a URL that webhooks can point to") as refused:
        check_url(url, takes_http=False)
    assert [detail.field for detail in refused.value.details] == ["url"]


def test_http_is_taken_where_the_setting_says_so():
    """And https always, with a path and a query."""
    assert check_url("http://hooks.example.com/", takes_http=True)
    assert check_url("https://hooks.example.com:8443/a?b=c", takes_http=False).port == 8443


async def test_a_host_whose_address_is_refused_is_refused_and_one_that_nobody_knows_is_taken():
    """The address is checked again at each try."""

    async def known(*_: object) -> list[str]:
        return ["169.254.169.254"]

    async def unknown(*_: object) -> list[str]:
        raise OSError("Name or service not known")

    url, rules = check_url("https://hooks.example.com/", takes_http=False), AddressRules.of("default")
    with pytest.raises(BadParameter, match="SLUICE_WEBHOOK_NETWORKS") as refused:
        await check_address(url, rules, known)
    assert refused.value.code == "webhook_address_refused"
    await check_address(url, rules, unknown)
