"""What is done to a result file on order."""

import pytest

from app.simulator.result_files import CHANGES, corrupt_file

FILE = b'email,name,Import Failure Reason\na@x.com,"Zo\xc3\xab, B",no\nb@x.com,Bob  B,no\n'


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        ("unquoted_file", FILE.replace(b'"', b"")),
        ("stray_quote_file", FILE.replace(b"a@x.com,", b'a@x.com,"', 1)),
        ("odd_bytes_file", FILE.replace(b"\xc3\xab", b"\xeb")),
        ("cut_off_file", FILE[: -len(b"Bob  B,no\n") + 1]),
        ("late_file", FILE),
    ],
)
def test_a_kind_changes_what_its_name_says(kind: str, result: bytes):
    """And nothing else of the file."""
    assert corrupt_file(kind, FILE, ("email",), None) == result


def test_another_page_comes_in_the_files_place():
    """HTML, JSON, or something that is neither."""
    assert corrupt_file("html_file", FILE, (), None).startswith(b"<html>")
    assert corrupt_file("json_file", FILE, (), None).startswith(b'{"requestId"')
    assert b"\xff\xfe\0<html>" in corrupt_file("garbled_file", FILE, (), None)


def test_bytes_are_odd_also_where_no_letter_could_be_written_in_latin_1():
    """The header stays as it is."""
    plain = b"email,Import Failure Reason\na,no\n"
    assert corrupt_file("odd_bytes_file", plain, (), None) == b"email,Import Failure Reason\na\xe9,no\n"


@pytest.mark.parametrize(
    ("change", "cell"),
    [
        ("lower_case", "bob  b"),
        ("blanks", "Bob B"),
        ("no_break_space", "Bob\u00a0\u00a0B"),
        ("cut", "Bob "),
        ("null", "Bob  B"),
    ],
)
def test_one_change_goes_over_all_cells_but_the_reasons(change: str, cell: str):
    """A key too, where the change is named."""
    changed = corrupt_file("changed_file", FILE, ("email",), change).decode()
    assert changed.splitlines()[2].split(",")[1] == cell
    assert changed.splitlines()[2].endswith(",no")


def test_a_key_keeps_what_it_is_found_by_where_all_changes_go_over_the_cells():
    """Its letters, that is; their case may change."""
    changed = corrupt_file("changed_file", FILE, ("EMAIL",), None).decode().lower()
    assert [line.split(",")[0] for line in changed.splitlines()] == ["email", "a@x.com", "b@x.com"]
    assert "null" in CHANGES
