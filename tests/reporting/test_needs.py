"""What needs a person."""

from app.reporting import checks, needs
from app.reporting.checks import Check, Level
from app.reporting.needs import NeedKind
from tests.reporting.views import NOW, view


def test_a_paused_instance_says_who_and_why():
    (need,) = needs.of_instances([view(paused_at=NOW, paused_by="ann", paused_reason="cleaning")])
    assert (need.kind, need.sentence, need.since) == (NeedKind.INSTANCE, "Paused by ann: cleaning", NOW)
    (need,) = needs.of_instances([view(paused_at=NOW)])
    assert need.sentence == "Paused."


def test_a_blocked_instance_says_what_to_mend_and_one_that_backs_off_needs_nobody():
    (need,) = needs.of_instances([view(blocked_at=NOW, blocked_reason="603: Access denied")])
    assert need.sentence == "Marketo refuses: 603: Access denied"
    assert need.remedy
    assert list(needs.of_instances([view(hold_until=NOW.replace(hour=13)), view()])) == []


def test_a_check_that_is_not_well_is_a_need_with_its_remedy_unless_it_is_told_otherwise():
    found = [
        Check("disk", Level.DEGRADED, "12 bytes free"),
        Check("flow:default", Level.OK, "flows"),
        Check("attention", Level.DEGRADED, "imports 4"),
        Check("instance:default", Level.DEGRADED, "paused"),
        Check("instance:gone", Level.DEGRADED, "not configured"),
    ]
    told = list(needs.of_checks(found, [view()]))
    assert [need.check.name for need in told if need.check] == ["disk", "instance:gone"]
    assert all(need.remedy for need in told)


def test_every_check_that_there_is_has_a_remedy():
    """By the first word of its name; `attention` is shown import by import."""
    words = {name.removeprefix("check_") for name in vars(checks) if name.startswith("check_")}
    said = {"workers": "worker", "conditions": "instance", "unconfigured_instances": "instance", "quotas": "quota"}
    said |= {"storage": "disk"}
    assert {said.get(word, word) for word in words} - {"attention"} <= needs.REMEDIES.keys()
