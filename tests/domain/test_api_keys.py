"""What an API key lets its client do."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.api_keys import EVERYBODY, ApiKey, Caller, Scope, in_order, read, written

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("scopes", "may", "sees_others", "decides_for_others", "decides_for_its_own"),
    [
        ({"submit"}, {"submit"}, False, False, True),
        ({"read"}, {"read"}, True, False, False),
        ({"operate"}, {"operate", "read"}, True, True, True),
        ({"admin"}, {"admin", "operate", "read", "submit"}, True, True, True),
        ({"submit", "read"}, {"submit", "read"}, True, False, True),
        (set(), set(), False, False, False),
    ],
)
def test_a_caller_may_do_what_its_scopes_say(
    scopes: set[str], may: set[str], sees_others: bool, decides_for_others: bool, decides_for_its_own: bool
):
    """`operate` includes `read`, and `admin` everything."""
    caller = Caller("crm", frozenset(map(Scope, scopes)))
    assert {scope for scope in Scope if caller.may(scope)} == may
    assert caller.sees("shop") is sees_others
    assert caller.decides_for("shop") is decides_for_others
    assert caller.decides_for("crm") is decides_for_its_own


def test_without_keys_everybody_may_do_everything():
    """With any priority."""
    assert all(EVERYBODY.may(scope) for scope in Scope)
    assert EVERYBODY.max_priority == 9


@pytest.mark.parametrize(
    ("expires_at", "revoked_at", "opens"),
    [
        (None, None, True),
        (NOON + timedelta(seconds=1), None, True),
        (NOON, None, False),
        (None, NOON, False),
        (NOON + timedelta(days=1), NOON - timedelta(days=1), False),
    ],
)
def test_a_key_opens_until_it_expires_or_is_revoked(
    expires_at: datetime | None, revoked_at: datetime | None, opens: bool
):
    """At its very second it has expired."""
    key = ApiKey("k", "crm", frozenset({Scope.SUBMIT}), "hash", NOON, expires_at, revoked_at, max_priority=3)
    assert key.opens(NOON) is opens
    assert key.caller == Caller("crm", frozenset({Scope.SUBMIT}), 3)


def test_a_key_is_read_as_it_was_written():
    """A secret may hold the sign that separates."""
    assert read(written("abc", "de_f")) == ("abc", "de_f")
    assert written("abc", "def") == "slc_abc_def"


@pytest.mark.parametrize("text", ["", "slc", "slc_", "slc_abc", "slc_abc_", "slc__def", "xyz_abc_def", "abc_def"])
def test_what_is_no_key_is_none(text: str):
    """So that nothing is looked up for it."""
    assert read(text) is None


def test_scopes_are_told_in_one_order_and_each_once():
    """However they were given."""
    assert in_order([Scope.OPERATE, Scope.SUBMIT, Scope.OPERATE]) == [Scope.SUBMIT, Scope.OPERATE]
