"""The records of the simulated instance."""

from app.simulator.records import Records, Table, key_of


def test_a_record_is_found_by_any_fields_whatever_their_case():
    """Oldest first; blanks around a value do not count, and nothing is like an empty value."""
    table = Table("lead")
    first = table.insert({"email": "Ada@example.com ", "company": None})
    second = table.insert({"email": "ada@example.com", "company": ""})
    assert table.find(("email",), ("ada@example.com",)) == [first, second]
    assert table.find(("company", "email"), ("", "ada@example.com")) == [first, second]
    assert table.find(("email",), ("bob@example.com",)) == []
    assert key_of({"a": 7, "b": True}, ("b", "a", "c")) == ("true", "7", "")


def test_an_index_that_exists_follows_each_change():
    """A record is found by its new value and no more by its old one."""
    table = Table("lead")
    table.find(("email",), ("x",))
    number = table.insert({"email": "old", "company": "c"})
    table.update(number, {"email": "new"})
    table.update(number, {"company": "d"})
    assert table.find(("email",), ("old",)) == []
    assert table.find(("email",), ("new",)) == [number]
    assert table.records[number] == {"email": "new", "company": "d"}


def test_what_is_told_of_records_changes_nothing_of_them():
    """They are copies; a table begins when it is first asked for."""
    records = Records()
    records.table("lead").insert({"email": "a"})
    records.all("lead")[0]["email"] = "changed"
    assert records.all("lead") == [{"email": "a"}]
    assert records.all("car_c") == []
    records.add_to_list(3, 1)
    records.add_to_list(3, 1)
    assert list(records.list_members[3]) == [1]
