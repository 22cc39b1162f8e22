"""Where webhooks may point: never to this machine or to what only this machine should see, unless it is named."""

import pytest

from app.webhooks.addresses import AddressRefused, AddressRules, look_up

SPECIAL = [
    *("127.0.0.1", "127.8.9.10", "0.0.0.0", "::1", "::"),
    *("169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0"),
    *("224.0.0.1", "255.255.255.255", "ff02::1"),
    *("100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "64:ff9b::7f00:1"),
]


@pytest.mark.parametrize("address", SPECIAL)
def test_loopback_link_local_multicast_and_metadata_are_refused(address: str):
    """In whatever form they are written, and also where everything else is named."""
    assert not AddressRules.of("default").allow(address)
    assert not AddressRules.of("0.0.0.0/0,::/0").allow(address)
    assert not AddressRules.of("default,10.0.0.0/8").allow(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "10.1.2.3", "192.168.1.1", "fd00::1", "2606:2800::1"])
def test_every_other_address_is_allowed_also_inside_a_companys_network(address: str):
    """Receivers are other services of the same company, mostly."""
    assert AddressRules.of("default").allow(address)


def test_what_is_named_is_allowed_and_without_the_word_default_nothing_else():
    """A network within loopback names loopback; one that only contains it does not."""
    rules = AddressRules.of("10.0.0.0/8,127.0.0.0/8")
    assert [rules.allow(each) for each in ("10.1.2.3", "127.0.0.1", "::ffff:10.1.2.3", "93.184.215.14", "::1")] == [
        *(True, True, True, False, False)
    ]
    assert AddressRules.of("default,::1/128").allow("::1")


def test_one_address_that_is_refused_is_enough():
    """Any of them might be connected to."""
    with pytest.raises(AddressRefused, match=r"hooks\.example\.com has the address 127\.0\.0\.1"):
        AddressRules.of("default").check("hooks.example.com", ["93.184.215.14", "127.0.0.1"])


async def test_a_literal_address_is_looked_up_as_the_system_reads_it():
    """An odd spelling is checked as what it means."""
    assert list(await look_up("2130706433", 80)) == ["127.0.0.1"]
    assert list(await look_up("::1", 80)) == ["::1"]
