"""Which parts may not be at Marketo together."""

import pytest

from app.domain.conflicts import overlap_of
from app.domain.objects import CustomObject, Leads, ProgramMembers
from app.domain.parts import ConflictScope

EMAIL, LOOKUP_ID = Leads(), Leads(lookup_field="id")
MEMBERS = ProgramMembers(1001, "On List")
CAR, BOAT, ANY_CAR = CustomObject("car_c", ("vin",)), CustomObject("boat_c", ("vin",)), CustomObject("car_c")


def conflict_scope(target, import_id: int = 1, *, aside: bool = False) -> ConflictScope:
    return ConflictScope(import_id, target.record_kind, target.key_fields, target.busy_list_id, aside)


@pytest.mark.parametrize(
    ("one", "other", "when"),
    [
        (EMAIL, EMAIL, "by_key"),
        (EMAIL, Leads(lookup_field="EMAIL"), "by_key"),
        (EMAIL, MEMBERS, "by_key"),
        (EMAIL, LOOKUP_ID, "always"),
        (LOOKUP_ID, MEMBERS, "always"),
        (LOOKUP_ID, LOOKUP_ID, "by_key"),
        (EMAIL, CAR, "never"),
        (CAR, BOAT, "never"),
        (CAR, CustomObject("CAR_C", ("VIN",)), "by_key"),
        (CAR, ANY_CAR, "always"),
        (ANY_CAR, ANY_CAR, "always"),
        (CustomObject("car_c", ("a", "b")), CustomObject("car_c", ("b", "a")), "by_key"),
        (Leads(list_id=1), Leads(list_id=1), "always"),
        (Leads(list_id=1), Leads(list_id=2), "by_key"),
        (Leads(list_id=1), EMAIL, "by_key"),
    ],
)
def test_parts_of_two_imports_meet_by_what_they_touch(one, other, when: str):
    """People are one kind of record, however they come; a list takes one import at a time."""
    assert overlap_of(conflict_scope(one), conflict_scope(other, 2)) == when
    assert overlap_of(conflict_scope(other, 2), conflict_scope(one)) == when


@pytest.mark.parametrize(
    ("target", "aside", "when"),
    [
        (EMAIL, (False, False), "never"),
        (EMAIL, (False, True), "by_key"),
        (EMAIL, (True, True), "by_key"),
        (ANY_CAR, (False, False), "always"),
        (Leads(list_id=1), (False, False), "always"),
    ],
)
def test_parts_of_one_import_share_no_key_unless_they_were_set_aside(target, aside: tuple[bool, bool], when: str):
    """That is what setting aside is for."""
    one, other = (conflict_scope(target, aside=flag) for flag in aside)
    assert overlap_of(one, other) == when
