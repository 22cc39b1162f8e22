"""Column maps: what each column becomes, and all that may be wrong with a map."""

import pytest

from app.domain.column_maps import ColumnMap, kept, map_mistakes, mapped, mapping_mistakes, source_names

COLUMNS = ("Id", "Email Address", "First", "city")
MAP: ColumnMap = {"email address": "email", "First": " firstName ", "ID": None}


def test_a_column_gets_its_field_or_goes_under_its_own_name():
    """Case does not count, nor do blanks around a field's name."""
    assert mapped(COLUMNS, MAP) == [None, "email", "firstName", "city"]
    assert kept(COLUMNS, MAP) == ("email", "firstName", "city")
    assert mapped(COLUMNS, {}) == list(COLUMNS)


def test_the_way_back_leads_to_the_names_in_the_file():
    """As the map spells them."""
    assert source_names(("email", "firstName", "city"), MAP) == ("email address", "First", "city")
    assert source_names(("email", "city"), None) == ("email", "city")


def test_a_good_map_has_no_mistakes():
    """By itself, and for a file that has its columns and the key."""
    assert map_mistakes(MAP) == []
    assert mapping_mistakes(COLUMNS, MAP, ("email",)) == []


@pytest.mark.parametrize(
    ("column_map", "count"),
    [
        ({"a": ""}, 1),
        ({"a": " "}, 1),
        ({"a": "x" * 256}, 1),
        ({"a": "email", "b": "EMAIL "}, 1),
        ({"a": "x", "A ": None}, 1),
        ({"a": "", "b": "email", "c": "email", "B": "other"}, 3),
        ({"a": None, "b": None}, 0),
    ],
)
def test_what_is_wrong_with_a_map_whatever_the_file(column_map: ColumnMap, count: int):
    """All of it."""
    assert len(map_mistakes(column_map)) == count


@pytest.mark.parametrize(
    ("column_map", "codes"),
    [
        ({"Emial Address": "email"}, ["unknown_column", "missing_column"]),
        ({"Email Address": "city"}, ["duplicate_column", "missing_column"]),
        ({"Email Address": None}, ["missing_column"]),
        (dict.fromkeys(COLUMNS), ["missing_column", "missing_column"]),
        (
            {"x": "a", "First": "city", "Email Address": "email"},
            ["unknown_column", "duplicate_column"],
        ),
    ],
)
def test_what_is_wrong_with_a_header_by_its_map(column_map: ColumnMap, codes: list[str]):
    """The key is looked for among Marketo's names."""
    assert [mistake.code for mistake in mapping_mistakes(COLUMNS, column_map, ("email",))] == codes


def test_an_unknown_column_is_told_with_the_one_that_was_probably_meant():
    """And with those that there are."""
    (mistake, _) = mapping_mistakes(COLUMNS, {"Email Adress": "email"}, ("email",))
    assert "'Email Adress'" in mistake.message
    assert "found: Id, Email Address, First, city." in mistake.message
    assert "Did you mean 'Email Address'?" in mistake.message


def test_a_mended_failures_file_lacks_what_was_left_out():
    """It was never kept, so the file cannot have it; a column that is mapped it does have."""
    columns = ("Email Address", "First", "city")
    assert mapping_mistakes(columns, MAP, ("email",), corrected=True) == []
    assert [mistake.code for mistake in mapping_mistakes(columns, MAP, ("email",))] == ["unknown_column"]
    assert len(mapping_mistakes(columns, MAP | {"gone": "x"}, ("email",), corrected=True)) == 1
