"""Leads: people, found by a lookup field."""

from app.domain.objects import Leads, ProgramMembers
from app.domain.objects.leads import LOOKUP_FIELDS


def test_leads_are_found_by_email_unless_another_field_is_named():
    """It is the column that a file must have."""
    assert Leads().key_columns == ("email",)
    assert Leads(lookup_field="sfdcLeadId").key_columns == ("sfdcLeadId",)
    assert Leads.parameters()["lookup_field"].other_fields == LOOKUP_FIELDS
    assert {"id", "cookies", "sfdcleadid"} <= LOOKUP_FIELDS


def test_leads_and_the_members_of_programs_are_the_same_people():
    """So their imports may meet at a record. Leads alone join a list, which takes one import at a time (1019)."""
    members = ProgramMembers(program_id=1, program_member_status="On List")
    assert Leads().record_kind == members.record_kind
    assert members.key_columns == ("email",)
    assert (Leads(list_id=3).busy_list_id, Leads().busy_list_id, members.busy_list_id) == (3, None, None)


def test_a_lead_has_no_name_of_an_object():
    """There is one kind of them, kept under the word of the API."""
    assert Leads().object_name_at_marketo is None
    assert Leads().described_as == "lead"
    assert Leads().with_dedupe_fields(("id",)) == Leads()
