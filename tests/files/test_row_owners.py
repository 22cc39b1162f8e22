"""EACH_ITS_OWN: each row of a job's result file goes to the part that it is of."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.files.result_matching import match_rows
from app.files.row_owners import OwnRows, owners, split_rows
from app.files.sent_rows import NOWHERE, Sent

HEADER = b"email,Name\n"


def places(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def split(content: bytes, *texts: bytes) -> tuple[list[OwnRows], OwnRows]:
    """A result file of a job with these parts, of which each text is the records."""
    sent = Sent([HEADER + text for text in texts], ",", ("email", "Name"), ("email",))
    return split_rows(match_rows(content, sent), [text.count(b"\n") for text in texts])


def told(rows: OwnRows) -> list[tuple[int, str]]:
    return [(row.place, row.reason) for row in rows]


def test_a_row_of_the_job_is_of_the_part_in_which_it_stands():
    """Its row within that part is counted from 0; what has no place is of no part."""
    parts, rows = owners(places(0, 2, 3, NOWHERE, 5, 4), [3, 0, 1, 2])
    assert parts.tolist() == [0, 0, 2, NOWHERE, 3, 3]
    assert rows.tolist() == [0, 2, 0, NOWHERE, 1, 0]


def test_without_rows_there_are_no_owners():
    """Whatever the job has; and a job without parts has no rows."""
    for sizes in ([2, 3], []):
        assert [found.tolist() for found in owners(places(), sizes)] == [[], []]
        assert [found.tolist() for found in owners(places(NOWHERE), sizes)] == [[NOWHERE], [NOWHERE]]


def test_EACH_ITS_OWN_rows_go_to_their_parts_in_the_order_of_the_file():
    """Also where a part's last record has no line end; and a part of which no row came back gets none."""
    content = b"email,Name,Reason\nd@x,Dee,r3\na@x,Ann,r0\nc@x,Cy,r2\n"
    sent = Sent(
        [HEADER + b"a@x,Ann\nb@x,Bo", HEADER + b"e@x,Ed\n", HEADER + b"c@x,Cy\nd@x,Dee"],
        ",",
        ("email", "Name"),
        ("email",),
    )
    own, rest = split_rows(match_rows(content, sent), [2, 1, 2])
    assert [told(rows) for rows in own] == [[(0, "r0")], [], [(1, "r3"), (0, "r2")]]
    assert next(iter(own[2])).values == ["d@x", "Dee"]
    assert told(rest) == []


def test_EACH_ITS_OWN_a_row_that_cannot_be_matched_or_read_is_of_no_part():
    """It is kept, with its own bytes; lines that belong together are one row."""
    own, rest = split(b"email,Name,Reason\nz@x,Zed,r9\na@x,Ann,r0\nx\ny\n", b"a@x,Ann\n", b"b@x,Bo\n")
    assert [told(rows) for rows in own] == [[(0, "r0")], []]
    assert [(row.place, row.reason, row.text) for row in rest] == [(NOWHERE, "r9", None), (NOWHERE, "", "x\ny")]
    assert len(rest) == 2


def test_NOT_A_GUESS_equal_rows_of_two_parts_are_sure_only_if_all_came_back_for_one_reason():
    """Nobody can tell whose a single one is, nor whose reason is whose."""
    parts = (b"twice@x,Ann\na@x,Ann\n", b"twice@x,Ann\n")
    own, rest = split(b"email,Name,Reason\ntwice@x,Ann,no\ntwice@x,Ann,no\n", *parts)
    assert [told(rows) for rows in own] == [[(0, "no")], [(0, "no")]]
    own, rest = split(b"email,Name,Reason\ntwice@x,Ann,no\ntwice@x,Ann,why\n", *parts)
    assert ([told(rows) for rows in own], len(rest)) == ([[], []], 2)
    own, rest = split(b"email,Name,Reason\ntwice@x,Ann,no\n", *parts)
    assert ([told(rows) for rows in own], len(rest)) == ([[], []], 1)


@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=8),
    strangers=st.integers(0, 3),
    shuffle=st.randoms(use_true_random=False),
)
def test_EACH_ITS_OWN_every_row_comes_to_its_part_and_row_whichever_come_back(
    sizes: list[int], strangers: int, shuffle: random.Random
):
    """In whatever order; the sums are those of the file, and strangers are of no part."""
    rows = [(part, row) for part, size in enumerate(sizes) for row in range(size)]
    back = [row for row in rows if shuffle.random() < 0.5]
    shuffle.shuffle(back)
    lines = [f"p{part}r{row}@x,N,{part}/{row}\n" for part, row in back]
    for stranger in range(strangers):
        lines.insert(shuffle.randint(0, len(lines)), f"s{stranger}@z,Z,none\n")
    content = "".join(["email,Name,Reason\n", *lines]).encode()
    texts = ["".join(f"p{part}r{row}@x,N\n" for row in range(size)).encode() for part, size in enumerate(sizes)]
    own, rest = split(content, *texts)
    for part, found in enumerate(own):
        assert told(found) == [(row, f"{part}/{row}") for owner, row in back if owner == part]
        assert len(found) == len(told(found))
    assert told(rest) == [(NOWHERE, "none")] * strangers
    assert sum(map(len, own)) + len(rest) == len(lines)
