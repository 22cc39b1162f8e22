"""Header and cells held against Marketo's describe."""

import pytest

from app.domain.answers import Description, Field
from app.domain.objects import CustomObject, Leads, ProgramMembers
from app.domain.preflight import complaint, header_mistakes

DESCRIBED = Description(
    (
        Field("id", "Id", "integer", writable=False),
        Field("email", "Email Address", "email"),
        Field("firstName", "First Name"),
        Field("leadScore", "Lead Score", "integer"),
        Field("createdAt", "Created At", "datetime", writable=False),
    )
)


def mistakes(*columns, target=None, described=DESCRIBED):
    return {d.field: d.message for d in header_mistakes(columns, described, target or Leads())}


def test_a_header_of_known_fields_has_no_mistakes():
    """In any case, as Marketo is lax about that for people."""
    assert mistakes("email", "FIRSTNAME", "leadScore") == {}
    assert mistakes("email", "firstname", target=ProgramMembers(1, "On List")) == {}


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        ("First Name", "'firstName'"),
        ("first_name", "'firstName'"),
        ("fistName", "'firstName'"),
        ("Lead Score", "'leadScore'"),
        ("firstNаme", "another alphabet"),  # the a is Cyrillic
        ("first\u200bName", "cannot be seen"),
    ],
)
def test_an_unknown_field_is_named_with_the_nearest_right_one(column: str, meant: str):
    """By its display name too, and letter by letter where the eye would be deceived."""
    told = mistakes("email", column)[column]
    assert "no field" in told
    assert meant in told
    assert "Did you mean" in told


def test_a_field_that_is_like_no_other_is_just_unknown():
    """No guess is better than a bad one."""
    assert mistakes("email", "zzz") == {"zzz": "Marketo has no field 'zzz'."}


def test_a_read_only_field_is_named():
    """Marketo would reject the rows, or leave the column out."""
    assert "nobody write" in mistakes("email", "createdAt")["createdAt"]


def test_the_lookup_column_may_be_one_that_nobody_writes_or_sees():
    """`id` updates, `cookies` is in no describe."""
    assert mistakes("id", "email", target=Leads(lookup_field="id")) == {}
    assert mistakes("cookies", "email", target=Leads(lookup_field="cookies")) == {}
    assert "id" in mistakes("id", "email")


def test_a_custom_object_s_fields_are_taken_by_the_letter():
    """A column that Marketo does not know is left out there without a word."""
    described = Description((Field("vin"), Field("color")), ("vin",))
    target = CustomObject("car_c", ("vin",))
    assert mistakes("vin", "color", target=target, described=described) == {}
    assert "'color'" in mistakes("vin", "Color", target=target, described=described)["Color"]


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (Field("n", type="integer"), ["7", "-7", "+7"], ["7.0", "x", "1e3", "٧"]),
        (Field("n", type="score"), ["7"], ["TEXT_VALUE_IN_INTEGER_FIELD"]),
        (Field("n", type="float"), ["7", "7.5", ".5", "-1e3"], ["7,5", "x"]),
        (Field("n", type="boolean"), ["true", "False"], ["yes", "1"]),
        (Field("n", type="date"), ["2026-11-23"], ["23.11.2026", "2026-13-01", "20261123", "2026-W48-1"]),
        (Field("n", type="datetime"), ["2026-11-23T10:00:00-05:00", "2026-11-23"], ["noon"]),
        (Field("n", type="email"), ["a@example.com"], ["a", "a@b", "é@example.com", "a b@example.com"]),
        (Field("n", type="text"), ["é" * 15_000], ["é" * 15_001]),
        (Field("n", type="string", length=3), ["abc", "ééé"], ["abcd"]),
        (Field("n", type="reference"), ["anything"], []),
    ],
)
def test_a_cell_is_held_against_its_field_s_type_and_length(field: Field, good: list[str], bad: list[str]):
    """What Marketo would reject or remark upon; a blank cell is never wrong."""
    assert [cell for cell in ["", *good] if complaint(field, cell)] == []
    assert [cell for cell in bad if complaint(field, cell)] == bad
    assert all(complaint(field, cell).startswith("n is ") for cell in bad)
