"""What is wrong with a header, all of it at once."""

import pytest

from app.domain.answers import Description, Field
from app.domain.header_mistakes import field_mistakes, key_mistakes, name_mistakes
from app.domain.objects import CustomObject, Leads

DESCRIBED = Description(
    (
        Field("email", "Email Address", "email"),
        Field("firstName", "First Name"),
        Field("accountKey", "Account Key"),
        Field("createdAt", "Created At", "datetime", writable=False),
    )
)


def test_all_names_that_are_none_or_doubled_are_told_at_once():
    """Not one after the other."""
    told = name_mistakes(["email", "", "a", "A", "", "Email", "A"])
    assert [(item.code, item.field) for item in told] == [
        ("blank_column", "2"),
        ("blank_column", "5"),
        ("duplicate_column", "email"),
        ("duplicate_column", "a"),
    ]


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ("Email Address", "Rename 'Email Address' to 'email'."),
        ("e\u200bmail", "Rename 'e\\u200bmail' to 'email'. It has letters of another alphabet, or some that"),
        ("еmail", "Rename 'еmail' to 'email'. It has letters of another alphabet"),  # the first letter is Cyrillic
        ("E-Mail-Adresse", "Rename 'E-Mail-Adresse' to 'email'."),
        ("e_mail", "Rename 'e_mail' to 'email'."),
    ],
)
def test_a_missing_key_names_the_column_that_is_meant(column: str, says: str):
    """A display name, a letter that cannot be seen: "missing; found: email" would help nobody."""
    (mistake,) = key_mistakes(["firstName", column], ["email"], DESCRIBED)
    assert (mistake.code, mistake.field) == ("missing_column", "email")
    assert says in mistake.message
    assert field_mistakes(["firstName", column], Leads(), DESCRIBED) == []  # it is told once


def test_a_missing_key_is_found_without_a_description_too():
    """Marketo cannot always be asked."""
    (mistake,) = key_mistakes(["\ufeffemail"], ["email"])
    assert "to 'email'" in mistake.message


def test_a_missing_key_that_nothing_stands_for_is_to_be_added():
    """And what was found is listed, as much of it as a person reads."""
    (mistake,) = key_mistakes([f"x{n}" for n in range(50)], ["vin"])
    assert mistake.message.endswith("x19 and 30 more. Add it.")


def test_header_and_key_are_told_together():
    """Whoever mends the one must not meet the other."""
    columns = ["Email Address", "First Name", "shoeSize", "createdAt"]
    told = [*key_mistakes(columns, ["email"], DESCRIBED), *field_mistakes(columns, Leads(), DESCRIBED)]
    assert [(item.code, item.field) for item in told] == [
        ("missing_column", "email"),
        ("invalid_header", "First Name"),
        ("invalid_header", "shoeSize"),
        ("invalid_header", "createdAt"),
    ]
    assert "Did you mean 'firstName'?" in told[1].message


@pytest.mark.parametrize(
    ("lookup", "columns", "say", "says"),
    [
        ("Email Address", ["email"], "lookup_field=email", "Say `lookup_field=email`."),
        ("Account Key", ["Account Key"], "lookup_field=accountKey", "Call the column 'accountKey', too."),
        ("zzz", ["zzz"], "", "Name one that it has with `lookup_field`."),
    ],
)
def test_a_lookup_field_that_is_none_names_the_right_one(lookup: str, columns: list[str], say: str, says: str):
    """Marketo would refuse every part of the file for it."""
    told = [item for item in field_mistakes(columns, Leads(lookup), DESCRIBED) if item.field == "lookup_field"]
    assert [item.say for item in told] == [say]
    assert says in told[0].message


@pytest.mark.parametrize("lookup", ["email", "EMAIL", "accountKey", "id", "cookies", "sfdcLeadId"])
def test_a_lookup_field_that_marketo_has_is_none_of_ours_to_refuse(lookup: str):
    """Some of them are in no describe."""
    assert field_mistakes([lookup], Leads(lookup), DESCRIBED) == []


def test_a_custom_objects_key_is_meant_by_its_display_name_too():
    """By the describe of the object."""
    described = Description((Field("vin", "VIN Number"), Field("color")), ("vin",))
    (mistake,) = key_mistakes(["VIN Number", "color"], ["vin"], described)
    assert "Rename 'VIN Number' to 'vin'." in mistake.message
    assert field_mistakes(["VIN Number", "color"], CustomObject("car_c", ("vin",)), described) == []


@pytest.mark.parametrize("length", [300, 100_000, 5_000_000])
def test_a_name_without_end_is_looked_at_no_longer_than_a_name_can_be(length: int):
    """What is said of it is short, too."""
    (mistake,) = key_mistakes(["x" * length], ["email"], DESCRIBED)
    (other,) = field_mistakes(["x" * length, "email"], Leads(), DESCRIBED)
    assert len(mistake.message) < 300
    assert len(other.message) < 300
