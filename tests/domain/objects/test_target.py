"""What every object type answers, by what it declares."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import pytest

from app.domain.objects import (
    OBJECT_TYPES,
    CustomObject,
    Leads,
    Parameter,
    ProgramMembers,
    Target,
    ValueKind,
    default_object_type,
    fields_of,
    target_of,
    target_parameters,
)


@dataclass(frozen=True, slots=True)
class Ships(Leads):
    """An object type that is leads but for its parameters."""

    fleet: Annotated[int, Parameter(ValueKind.MARKETO_ID, "the fleet", in_path="fleetId", example=7)] = 1
    flag: Annotated[str | None, Parameter(ValueKind.TEXT, "the flag")] = None
    object_type: ClassVar = "ship"


def test_a_parameter_is_read_off_its_field():
    """Its name and its default are the field's."""
    fleet = Ships.parameters()["fleet"]
    assert (fleet.name, fleet.default, fleet.required, fleet.in_path) == ("fleet", 1, False, "fleetId")
    program = ProgramMembers.parameters()["program_id"]
    assert (program.name, program.default, program.required) == ("program_id", None, True)


def test_values_go_into_the_paths_that_name_them():
    """As texts, by their names there."""
    assert Ships(fleet=3).path_values() == {"fleetId": "3"}
    assert Ships(fleet=3).parameter_values()["fleet"] == 3
    assert Ships.example() == Ships(fleet=7)


@pytest.mark.parametrize(
    "target",
    [
        Leads(lookup_field="id", list_id=3, partition_name="Europe"),
        CustomObject("car_c", ("vin", "make")),
        CustomObject("car_c"),
        ProgramMembers(program_id=1001, program_member_status="On List"),
    ],
    ids=repr,
)
def test_a_target_comes_back_from_the_values_of_all_types(target: Target):
    """Those of other types are None, and so is a list of names that has none."""
    values = fields_of(target)
    assert values.keys() == target_parameters().keys()
    assert all(value is None for name, value in values.items() if name not in target.parameters())
    assert target_of(target.object_type, values) == target


def test_the_key_fields_of_a_target_are_one_text_whatever_their_order_and_case():
    """Parts are compared by it."""
    assert (
        CustomObject("car_c", ("Vin", "make")).key_fields
        == CustomObject("car_c", ("MAKE", "vin")).key_fields
        == "make,vin"
    )
    assert CustomObject("car_c").key_fields == ""


def test_leads_are_meant_where_a_request_names_no_type():
    """The types and their words are those of the contract."""
    assert default_object_type() == "lead"
    assert list(OBJECT_TYPES) == ["lead", "custom_object", "program_member"]
