"""Options that stand for one parameter together."""

import json

import pytest
import typer

from app.cli.import_options import column_map


def test_map_and_skip_make_one_parameter():
    """A column's name may have the sign itself: the last one parts it from the field. None of both is no parameter."""
    made = column_map(["Email Address=email", "A=B=firstName"], ["Id", "Größe"])
    assert made is not None
    assert json.loads(made) == {"Email Address": "email", "A=B": "firstName", "Id": None, "Größe": None}
    assert column_map(None, []) is None


@pytest.mark.parametrize(
    ("mapped", "skipped", "says"),
    [
        (["email"], [], "write COLUMN=field"),
        (["=email"], [], "write COLUMN=field"),
        (["a="], [], "write COLUMN=field"),
        (["a=b"], ["a"], "'a' is named twice"),
        (["a=b", "a=c"], [], "'a' is named twice"),
        ([], ["a", "a"], "'a' is named twice"),
    ],
)
def test_what_says_nothing_or_two_things_is_bad_usage(mapped: list[str], skipped: list[str], says: str):
    with pytest.raises(typer.BadParameter, match=says):
        column_map(mapped, skipped)
