"""The parameters of a create call, in Marketo's order."""

import pytest

from app.simulator.answers import Refusal
from app.simulator.calls import Call
from app.simulator.params import find_program, param, read_target, whole
from app.simulator.rules import Rules
from app.simulator.schema import build_schema

SCHEMA = build_schema(Rules())


def call(fields: dict[str, str] | None = None, **query: str) -> Call:
    return Call("POST", "/", query, {}, fields=fields or {})


def test_a_parameter_may_stand_in_the_query_or_in_the_form():
    """Which of them counts is a rule; an empty one is none."""
    both = call({"format": "tsv", "a": "1"}, format="csv", a="")
    assert param(both, "format", Rules()) == "csv"
    assert param(both, "format", Rules(param_precedence="form")) == "tsv"
    assert param(both, "a", Rules()) == "1"
    assert param(both, "b", Rules()) is None


@pytest.mark.parametrize(
    ("object_type", "name", "query", "code"),
    [
        ("lead", None, {"format": "xls"}, "1001"),
        ("lead", None, {"lookupField": "company"}, "1011"),
        ("lead", None, {"partitionName": "Mars"}, "1008"),
        ("lead", None, {"listId": "x"}, "1001"),
        ("lead", None, {"listId": "99"}, "1013"),
        ("custom_object", "boat_c", {}, "1013"),
        ("program_member", "77", {"programMemberStatus": "On List"}, "1013"),
        ("program_member", "1001", {}, "1002"),
        ("program_member", "1001", {"programMemberStatus": "Nobody"}, "1025"),
    ],
)
def test_each_parameter_that_is_wrong_has_its_code(object_type, name, query: dict[str, str], code: str):
    """As the real one has been seen to refuse it, or as Adobe's pages say."""
    with pytest.raises(Refusal) as refused:
        read_target(object_type, name, call(**query), SCHEMA, Rules())
    assert refused.value.code == code


def test_a_target_says_what_its_rows_become():
    """And by what a record is found."""
    leads, comma = read_target("lead", None, call(listId="1", partitionName="Europe"), SCHEMA, Rules())
    assert (leads.table, leads.key_fields, leads.list_id, leads.partition, comma) == (
        "lead",
        ("email",),
        1,
        "Europe",
        ",",
    )
    by_id, tab = read_target("lead", None, call(lookupField="id", format="TSV"), SCHEMA, Rules())
    assert (by_id.update_only, tab) == (True, "\t")
    cars, _ = read_target("custom_object", "CAR_C", call(), SCHEMA, Rules())
    assert (cars.table, cars.object_name, cars.key_fields) == ("car_c", "car_c", ("vin",))
    members, _ = read_target("program_member", "1001", call(programMemberStatus="On List"), SCHEMA, Rules())
    assert (members.program_id, members.program_status, members.key_fields) == (1001, "On List", ("email",))


def test_a_partition_must_be_named_only_where_the_rules_say_so():
    """1009."""
    with pytest.raises(Refusal) as refused:
        read_target("lead", None, call(), SCHEMA, Rules(partition_required=True))
    assert refused.value.code == "1009"


def test_an_id_is_a_number_of_up_to_nine_digits():
    """Nothing else that Python would take for one."""
    assert whole("123456789") == 123456789
    assert [whole(text) for text in ("", "-1", "1.0", "1234567890", "²", " 1")] == [None] * 6
    assert find_program("1001", SCHEMA).id == 1001
