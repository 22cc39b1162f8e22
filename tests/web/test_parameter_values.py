"""How the text of a parameter is read."""

from datetime import UTC, datetime

import pytest

from app.domain.formats import Format
from app.web.parameter_values import (
    api_name,
    api_names,
    column_map,
    moment,
    object_type_named,
    one_of,
    plain_text,
    shown_name,
    string_pairs,
    whole_number,
    yes_or_no,
)
from tests.story.files import LEADS
from tests.support.stage import Stage


@pytest.mark.parametrize(
    "written",
    ["2026-11-23T11:00:00+01:00", "2026-11-23t10:00:00z", "2026-11-23T10:00:00.000Z", "2026-11-23T10:00:00-00:00"],
)
async def test_a_time_is_what_rfc_3339_says_it_is(stage: Stage, written: str):
    """With its offset; it is given back in UTC."""
    import_id = await stage.created(LEADS, not_before=written)
    assert (await stage.read(import_id))["not_before"] == "2026-11-23T10:00:00.000Z"


def test_words_are_read_in_either_case():
    """And those that there are are told."""
    assert object_type_named("Custom_Object") == "custom_object"
    assert one_of(Format, "TSV") is Format.TSV
    with pytest.raises(ValueError, match="'xls' is not one of csv, tsv, ssv"):
        one_of(Format, "xls")
    with pytest.raises(ValueError, match="'car' is not one of lead, custom_object, program_member"):
        object_type_named("car")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-23T10:00:00Z", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23t12:00:00.25+02:00", datetime(2026, 11, 23, 10, 0, 0, 250_000, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_into_utc(text: str, at: datetime):
    """Fractions of a second too."""
    assert moment(text) == at
    assert moment(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2026-11-23T10:00:00", "with an offset"),
        ("2026-02-30T10:00:00Z", "with an offset"),
        ("1969-12-31T23:59:59Z", "with an offset"),
        ("9999-01-01T00:00:00Z", "with an offset"),
        ("2026-11-23", "with an offset"),
        ("2026-11-23T10:00:00 02:00", "write \\+ as %2B"),
        ("2026-11-23T10:00:00." + "0" * 5_000 + "Z", "with an offset"),
    ],
)
def test_what_is_no_moment_is_told_how_one_is_written(text: str, says: str):
    """A plus sign in a query becomes a blank: the commonest mistake has its own words."""
    with pytest.raises(ValueError, match=says):
        moment(text)


def test_a_number_is_whole_and_within_its_bounds():
    """Digits alone."""
    assert whole_number("7", least=1, most=9) == 7
    for text in ("0", "10", "-1", "1.0", "1e0", "x", "", "²", "9" * 5_000):
        with pytest.raises(ValueError, match="whole number from 1 to 9"):
            whole_number(text, least=1, most=9)


def test_an_api_name_can_become_part_of_a_path():
    """Letters, digits, underscores and hyphens; blanks around it do not count."""
    assert api_name(" car_c ") == "car_c"
    assert api_names("vin, make ,") == ("vin", "make")
    for text in ("", "a b", "../x", "ä", "-a", "a/b", "a%2F"):
        with pytest.raises(ValueError, match="is no API name"):
            api_name(text)
    with pytest.raises(ValueError, match="longer than 255"):
        api_name("x" * 256)


def test_names_of_people_may_have_any_letters_but_no_controls():
    """They are shown on terminals."""
    assert shown_name(" Öffentlich (EU) ") == "Öffentlich (EU)"
    with pytest.raises(ValueError, match="control character"):
        shown_name("a\x1b[2J")


def test_texts_are_those_that_every_database_can_hold():
    """Up to their length in characters."""
    assert plain_text("ä" * 3, most=3) == "äää"
    for text, says in (("ä" * 4, "longer than 3"), ("a\0", "NUL"), ("\ud800", "half a character")):
        with pytest.raises(ValueError, match=says):
            plain_text(text, most=3)


@pytest.mark.parametrize("text", ["", "[]", "1", "null", "{", '{"a": 1}', '{"a": null}', '{"a": {}}'])
def test_metadata_is_a_json_object_of_strings(text: str):
    """With so many pairs at most, each of which can be stored."""
    assert string_pairs('{"run": "7"}', most=1) == {"run": "7"}
    with pytest.raises(ValueError, match="JSON object of strings"):
        string_pairs(text, most=1)
    with pytest.raises(ValueError, match="more than 1 pairs"):
        string_pairs('{"a": "1", "b": "2"}', most=1)
    with pytest.raises(ValueError, match="NUL"):
        string_pairs('{"a\\u0000": "1"}', most=1)


def test_a_column_map_names_fields_or_null():
    """Within its length, which bounds what a list of imports has to hold."""
    assert column_map(' {"Email": "email", "Id": null}', most_characters=99) == {"Email": "email", "Id": None}
    for text in (
        "[]",
        "5",
        '"a"',
        "{",
        '{"a": 5}',
        '{"a": "x", "a": "y"}',
        '{"a": "x", "b": "X"}',
        '{"a\\u0000": "x"}',
    ):
        with pytest.raises(ValueError, match=r"\w"):
            column_map(text, most_characters=99)
    with pytest.raises(ValueError, match="longer than 5 characters"):
        column_map('{"a": null}', most_characters=5)


def test_yes_or_no_is_true_or_false():
    """Nothing else: whoever writes `1` may mean something else."""
    assert (yes_or_no("true"), yes_or_no("false"), yes_or_no("True")) == (True, False, True)
    for text in ("1", "t", "yes", ""):
        with pytest.raises(ValueError, match="neither true nor false"):
            yes_or_no(text)
