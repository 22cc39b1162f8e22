"""The vault: data keys and secrets by the keys that are configured."""

import subprocess
import sys

import pytest

from app.encryption.errors import BrokenSeal, MissingKey
from app.encryption.keyring import read_keys
from app.encryption.vault import Vault, build_vault, sealed_by, what_is_missing
from tests.support.keys import FIRST, SECOND, vault

OF_FIRST = read_keys(FIRST).first.fingerprint  # type: ignore[union-attr]


def test_a_data_key_opens_by_every_key_that_wrapped_it():
    """The one that is first now need not be that one; wrapped again, the new one alone does."""
    key, stored = vault(FIRST).new_data_key("owner")
    both = vault(SECOND, FIRST)
    assert both.open_data_key(stored, "owner") == key
    again = both.wrap(key, "owner")
    assert vault(SECOND).open_data_key(again, "owner") == key
    with pytest.raises(BrokenSeal):
        both.open_data_key(stored, "another owner")


@pytest.mark.parametrize("other", [Vault(), vault(SECOND)], ids=["none", "another"])
def test_a_missing_key_is_named_with_what_to_do(other: Vault):
    """By its fingerprint."""
    _, stored = vault(FIRST).new_data_key("owner")
    with pytest.raises(MissingKey, match=f"needs the key {OF_FIRST}.* Put it back, behind the first one"):
        other.open_data_key(stored, "owner")
    with pytest.raises(MissingKey, match=OF_FIRST):
        other.open_secret(vault(FIRST).seal_secret("whsec_a"))


def test_secrets_are_sealed_by_the_first_key_and_stay_clear_without():
    """What was stored before opens as it is."""
    sealed = vault(FIRST, SECOND).seal_secret("whsec_a")
    assert "whsec_a" not in sealed
    assert sealed_by(sealed) == OF_FIRST
    assert vault(SECOND, FIRST).open_secret(sealed) == "whsec_a"
    assert vault(FIRST).open_secret("whsec_a") == Vault().seal_secret("whsec_a") == "whsec_a"
    assert vault("clear", FIRST).seal_secret("whsec_a") == "whsec_a"
    assert sealed_by("whsec_a") is None
    with pytest.raises(BrokenSeal):
        vault(FIRST).open_secret(sealed[:-4])


def test_whether_it_seals_and_opens():
    """Three ways to be configured."""
    kinds = [build_vault(None), vault("clear", FIRST), vault(FIRST)]
    assert [(each.seals, each.opens) for each in kinds] == [(False, False), (False, True), (True, True)]


def test_several_missing_keys_are_told_together():
    """In one sentence."""
    assert "the keys a, b, and this process was not given them" in what_is_missing(["a", "b"])


def test_without_keys_the_library_of_ciphers_is_not_loaded():
    """Off, it costs nothing: neither the container nor the settings load it."""
    look = (
        "import sys, app.container, app.cli.server; print(any(name.startswith('cryptography') for name in sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
