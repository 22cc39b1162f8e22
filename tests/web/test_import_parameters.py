"""The names of an import's parameters."""

from app.web.import_parameters import KNOWN, OF_TYPE


def test_every_parameter_is_named_once_and_one_of_an_object_type_says_of_which():
    assert len(KNOWN) == len(set(KNOWN))
    assert (OF_TYPE["list_id"], OF_TYPE["program_id"]) == ("lead", "program_member")
    assert set(OF_TYPE) < set(KNOWN)
