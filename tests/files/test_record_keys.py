"""One digest for all that Marketo might take for one key, and for nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.files.record_keys import as_bytes, digests_of, distinct, from_bytes
from app.files.records import RecordScanner, line


def digest(*cells: str, raw: bool = False) -> int | None:
    """Of a key in one row that stands among others; None where it has none."""
    text = f"{cells[0]}\n".encode() if raw else line(cells, ",")
    records = RecordScanner(",").feed(b"first@example.com" + b"," * (len(cells) - 1) + b"\n" + text + b"zz" * 9 + b"\n")
    return int(digests_of(records, range(len(cells)))[1]) or None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann@example.com", "ANN@Example.Com"),
        ("ann@example.com", "  ann@example.com\t"),
        ("ann@example.com", "ann@example.com\u00a0"),
        ("7", "007"),
        ("7", "+7"),
        ("0", "000"),
        ("josé", "JOSE"),
        ("straße", "STRASSE"),
        ("ﬁn", "fin"),
        ("x" * 64, "X" * 64),
        ("x" * 100, " " + "X" * 100),
        ("[`{", "[`{"),
        ("ann@x", " " * 200 + "ann@x" + "\t" * 300),
        ("é@x", "\x01é@x\x02"),
        ("e@x", "\x01e@x\x02"),
        ("é" * 40, "e" * 40),
    ],
)
def test_what_marketo_might_take_for_equal_has_one_digest(one: str, other: str):
    """Case, blanks around it, accents, zeros ahead of a number."""
    assert digest(one) == digest(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a", "b"),
        ("ab", "a"),
        ("a" * 8, "a" * 9),
        ("7", "70"),
        ("x" * 64, "x" * 65),
        ("x" * 65, "x" * 66),
        ("a@", "a`"),
    ],
)
def test_what_differs_has_two(one: str, other: str):
    """Or rows would wait for each other without need."""
    assert digest(one) != digest(other)


@pytest.mark.parametrize(
    ("raw", "value"),
    [('"ann@x"', "ann@x"), ('" ann@x "', "ann@x"), ('"a""b"', 'a"b'), ('"ann"@x', "ann@x"), ("'ann@x'", "'ann@x'")],
)
def test_how_a_cell_is_quoted_makes_no_difference(raw: str, value: str):
    """The key is the value, not its spelling."""
    assert digest(raw, raw=True) == digest(value)


@pytest.mark.parametrize("cells", [("",), (" \t",), ("", " ")])
def test_a_key_without_any_value_is_none(cells: tuple[str, ...]):
    """Marketo fails such a row; it meets nobody."""
    assert digest(*cells) is None


def test_a_key_of_several_columns_is_all_of_them_in_their_order():
    """As a custom object with two dedupe fields has it."""
    assert digest("a", "b") == digest("A", "b ")
    assert len({digest("a", "b"), digest("b", "a"), digest("ab", ""), digest("", "ab"), digest("a", "")}) == 5


def test_a_row_too_short_to_have_the_column_has_no_key():
    """Whatever stands in the next row."""
    records = RecordScanner(",").feed(b"a,b\nc\nd,e\n")
    assert (digests_of(records, [1]) != 0).tolist() == [True, False, True]


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=80))
def test_a_key_has_the_same_digest_wherever_it_stands(key: str):
    """The neighbours' lengths, the case and the quotes play no part."""
    alone = digests_of(RecordScanner(",").feed(line([key], ",") * 2), [0])
    assert digest(key) == (int(alone[0]) or None if len(alone) else None)
    if len(key.upper().lower()) == len(key) and key.isascii():
        assert digest(key) == digest(key.upper())


def test_digests_do_not_change_between_versions():
    """They are kept in the database: a worker of another version compares them."""
    assert digest("ann@example.com") == 0x0ABDE970DC01FCDD


def test_keys_are_kept_sorted_and_once():
    """As they are compared."""
    records = RecordScanner(",").feed(b"a\nb\na\nA\n")
    kept = distinct(digests_of(records, [0]))
    assert len(kept) == 2
    assert from_bytes(as_bytes(kept)).tolist() == sorted(kept.tolist())
    assert len(distinct(kept[:0])) == 0
