"""Whether a part overlaps one of many, without comparing it with each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.parts import ConflictScope
from app.scheduling.touched_records import TouchedRecords, shared_keys


def scope(import_id: int = 1, *, kind: str = "lead", fields: str = "email", deferred: bool = False) -> ConflictScope:
    return ConflictScope(import_id, kind, fields, None, deferred)


def touched(*parts: tuple[ConflictScope, list[int] | None]) -> TouchedRecords:
    records = TouchedRecords()
    for part_scope, keys in parts:
        records.add(part_scope, keys)
    return records


def test_nothing_overlaps_no_parts():
    """Not even a part of which nobody knows the keys."""
    assert not TouchedRecords().overlap(scope(fields=""), None)


def test_parts_of_different_kinds_never_overlap():
    """A lead is no car."""
    assert not touched((scope(kind="car", fields=""), None)).overlap(scope(2), [1])


@pytest.mark.parametrize(("first", "second"), [("email", "id"), ("", "email"), ("email", ""), ("", "")])
def test_parts_with_different_or_unknown_key_fields_always_overlap(first: str, second: str):
    """An email in one and an id in the other may belong to one lead."""
    assert touched((scope(fields=first), [1])).overlap(scope(2, fields=second), [2])


def test_a_shared_key_is_an_overlap():
    """Of parts of two imports, whichever of the parts before has it."""
    records = touched((scope(1), [1, 2]), (scope(2), [3]))
    assert [records.overlap(scope(3), [key]) for key in range(1, 5)] == [True, True, True, False]


def test_parts_of_one_import_overlap_only_where_one_has_deferred_duplicates():
    """The file is cut so that the others share no key; that is also so where nobody knows the keys."""
    assert not touched((scope(1), None)).overlap(scope(1), None)
    assert not touched((scope(1), [1])).overlap(scope(1), [1])
    assert touched((scope(1, deferred=True), [1])).overlap(scope(1), [1])
    assert touched((scope(1), [1])).overlap(scope(1, deferred=True), [1])
    assert touched((scope(1, deferred=True), None)).overlap(scope(1), [2])
    assert touched((scope(1), [1]), (scope(2), [1])).overlap(scope(1), [1])


def test_unknown_keys_overlap_all_of_another_import():
    """What nobody knows may be anything."""
    assert touched((scope(1), [1])).overlap(scope(2), None)
    assert touched((scope(1), None)).overlap(scope(2), [1])
    assert touched((scope(1), None)).overlap(scope(2), [])


@given(st.lists(st.one_of(st.none(), st.sets(st.integers(1, 9), max_size=4)), max_size=6))
def test_of_each_parts_keys_those_are_given_that_another_part_has(parts: list[set[int] | None]):
    """The others can meet nothing."""
    found = shared_keys(None if keys is None else np.array(sorted(keys), np.uint64) for keys in parts)
    for index, (keys, theirs) in enumerate(zip(parts, found, strict=True)):
        others = set().union(*(other for at, other in enumerate(parts) if other is not None and at != index))
        assert (theirs is None) == (keys is None)
        assert theirs is None or sorted(theirs) == sorted((keys or set()) & others)
