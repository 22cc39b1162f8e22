"""Custom objects: an instance's own, found by their dedupe fields."""

import pytest

from app.domain.errors import BadParameter
from app.domain.objects import CustomObject


def test_each_object_has_records_of_its_own_whatever_the_case_of_its_name():
    """Marketo is not particular about it."""
    assert CustomObject("Car_C").record_kind == CustomObject("car_c").record_kind == "custom_object:car_c"
    assert CustomObject("Car_C").described_as == "custom_object:car_c"
    assert CustomObject("Car_C").object_name_at_marketo == "Car_C"


def test_dedupe_fields_that_are_left_out_are_those_that_marketo_describes():
    """In Marketo's spelling, also where the caller gave them in another one."""
    assert CustomObject("car_c").key_columns == ()
    assert CustomObject("car_c").with_dedupe_fields(("vin", "make")).key_columns == ("vin", "make")
    assert CustomObject("car_c", ("MAKE", "vin")).with_dedupe_fields(("vin", "make")).key_columns == ("vin", "make")
    assert CustomObject("car_c", ("vin",)).with_dedupe_fields(()).key_columns == ("vin",)


def test_other_dedupe_fields_than_marketos_are_refused_with_the_right_ones():
    """Marketo would find other records than the caller meant."""
    with pytest.raises(BadParameter) as refused:
        CustomObject("car_c", ("make",)).with_dedupe_fields(("vin",))
    assert "finds records of car_c by vin" in refused.value.message
    assert [detail.field for detail in refused.value.details] == ["dedupe_fields"]
