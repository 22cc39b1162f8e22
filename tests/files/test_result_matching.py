"""Marketo's rows brought back to those that were sent."""

import csv
import io
import re
import unicodedata

import pytest

from app.files.result_matching import match_rows
from app.files.result_sheet import GarbledResult
from app.files.sent_rows import Sent

PART = b'email,Name,city\na@x,Ann,Oslo\nb@x,"Bo, ""B""",Rome\nc@x,"C\r\nC",Bern\n'
COLUMNS = ("email", "Name", "city")


def match(result, part=PART, *, columns=COLUMNS, keys=("email",), delimiter=","):
    texts = [part] if isinstance(part, bytes) else part
    return match_rows(result, Sent(texts, delimiter, columns, keys))


def places(result, part=PART, **said):
    """(row of the job from 0 or None, reason) of each row of a result."""
    return [(None if row.place < 0 else row.place, row.reason) for row in match(result, part, **said)]


@pytest.mark.parametrize(
    "result",
    [
        b'email,Name,city,Reason\r\nc@x,"C\nC",Bern,3\r\na@x,Ann,Oslo,1\r\n',
        b'"email","Name","city","Reason"\n"c@x","C\r\nC","Bern","3"\n"a@x","Ann","Oslo","1"\n',
        b'\xef\xbb\xbfName,city,Reason\n"C\nC",Bern,3\nAnn,Oslo,1\n',
        b"CITY,EMAIL,Reason\nBern,c@x,3\nOslo,a@x,1\n",
        b"city, email ,Id,Reason\n Bern ,c@x,77,3\n\nOslo,a@x,78,1\n",
    ],
    ids=["shuffled", "requoted", "lookup column dropped", "columns in another order", "with one more column"],
)
def test_a_row_finds_its_source_for_all_of_marketo_s_habits(result):
    """Order, quoting, line ends and columns are Marketo's own."""
    assert places(result) == [(2, "3"), (0, "1")]


def test_a_job_of_several_files_is_one():
    """Their rows are counted through, and each has its own bytes."""
    result = b"email,Name,city,Reason\ne@x,Eve,Pisa,5\nc@x,C\nC,Bern,3\n"
    rows = list(match(result, [PART, b"email,Name,city\r\nd@x,Dee,Nice\r\ne@x,Eve,Pisa"]))
    assert [(row.place, row.reason, list(row.values)) for row in rows] == [
        (4, "5", ["e@x", "Eve", "Pisa"]),
        (2, "3", ["c@x", "C\r\nC", "Bern"]),
    ]


NO_KEY = b"Name,city,email\nBenji,Rome,\nBenji,Rome,benji@x\nAnn,Oslo,a@x\n"
NAMES = ("Name", "city", "email")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("Value for lookup field 'email' not found", 0), ("missing.dedupe.fields", 0), ("Invalid data", None)],
)
def test_a_row_whose_lookup_column_marketo_left_out_is_one_without_a_key(reason, expected):
    """The reason says so; any other reason leaves both rows that look alike in doubt."""
    result = f"Name,city,Import Failure Reason\nBenji,Rome,{reason}\n".encode()
    assert places(result, NO_KEY, columns=NAMES) == [(expected, reason)]


BLANK = "Value for lookup field 'email' not found"


def test_a_short_row_has_its_trailing_blanks_cut_off_where_that_is_all_it_can_be():
    """No row of the job can come in pieces, and only one is what is left with empty cells behind it."""
    result = f"Name,city,email,Import Failure Reason\nBenji,Rome,{BLANK}\nAnn,Oslo,a@x,bad\n".encode()
    assert places(result, NO_KEY, columns=NAMES) == [(0, BLANK), (2, "bad")]


@pytest.mark.parametrize(
    ("broken", "reason", "expected"),
    [
        (b'"Lee\nds",Rome,l@x\n', BLANK, 0),  # Marketo says that the key is empty, and it is
        (b'"Lee\nds",Rome,l@x\n', "bad", None),  # it may be the end of another row
        (b"Leeds,Rome,l@x\n", "bad", 0),  # of none: no row of the job comes in pieces
    ],
)
def test_a_short_row_is_not_read_where_it_may_be_a_piece_of_another(broken, reason, expected):
    """A line of two cells may be one with an empty third, or what stands behind a line end in a cell."""
    result = f"Name,city,email,Import Failure Reason\nAnn,Oslo,a@x,bad\nBenji,Rome,{reason}\n".encode()
    found = list(match(result, NO_KEY + broken, columns=NAMES))
    assert found[0].place == 2
    if expected is None:
        assert (found[1].place, found[1].text, set(found[1].values)) == (-1, f"Benji,Rome,{reason}", {None})
    else:
        assert (found[1].place, found[1].reason) == (expected, reason)


def test_a_reason_with_a_delimiter_in_it_is_one_reason():
    """Nobody knows whether Marketo quotes it."""
    assert places(b"email,Name,city,Reason\na@x,Ann,Oslo,bad, and worse\n") == [(0, "bad, and worse")]


def test_a_delimiter_that_may_be_a_cells_or_the_reasons_is_nobodys():
    """One row is `b`, with a reason that begins `c`; another is `b,c`. Which of them is it?"""
    part = b'key,Name\nk@x,b\nk@x,"b,c"\n'
    (row,) = match(b"key,Name,Reason\nk@x,b,c,bad\n", part, columns=("key", "Name"), keys=())
    assert (row.place, row.text) == (-1, "k@x,b,c,bad")


def test_a_placed_row_has_all_the_values_of_its_source():
    """Also those that the result lacks."""
    [row] = match(b"Name,Reason\nAnn,bad\n")
    assert (row.place, row.reason, list(row.values), row.text) == (0, "bad", ["a@x", "Ann", "Oslo"], None)


def test_a_row_that_is_not_in_the_part_is_given_as_it_is():
    """What nobody knows is None."""
    [row] = match(b"Name,Reason\nEve,bad\n")
    assert (row.place, row.reason, list(row.values), row.text) == (-1, "bad", [None, "Eve", None], None)


TWINS = b"email,Name\na@x,Ann\nb@x,Ann\nc@x,Cy\n"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (b"Name,Reason\nAnn,bad\nCy,bad\n", [(None, "bad"), (2, "bad")]),
        (b"Name,Reason\nAnn,bad\nAnn,bad\n", [(0, "bad"), (1, "bad")]),
        (b"Name,Reason\nAnn,bad\nAnn,worse\n", [(None, "bad"), (None, "worse")]),
        (b"Name,Reason\nAnn,bad\nAnn,bad\nAnn,bad\n", [(None, "bad")] * 3),
    ],
    ids=["one of two", "both, for one reason", "both, for two reasons", "more than there are"],
)
def test_rows_that_look_alike_are_never_guessed(result, expected):
    """They are placed only where every way to place them is the same."""
    assert places(result, TWINS, columns=("email", "Name")) == expected


@pytest.mark.parametrize(
    "result",
    [
        b"",
        b"\n\n",
        b'"email,Reason\na@x,b',
        b" <html><body>Sorry</body></html>",
        b'{"requestId": "1#2", "success": true, "email": ["x"]}\n',
        b"email\na@x\n",
        b"one,Reason\nx,bad\n",
    ],
)
def test_what_is_no_result_file_is_garbled(result):
    """An error page, an envelope, half a header, or somebody else's columns."""
    with pytest.raises(GarbledResult):
        match(result)


# What the field has seen: a row comes back with other values than were sent
CHANGES = {
    "lower case": str.lower,
    "cut off": lambda cell: cell[: max(1, len(cell) * 2 // 3)],
    "blanks collapsed": lambda cell: re.sub(" +", " ", cell),
    "a no-break space": lambda cell: cell.replace(" ", "\u00a0"),
    "another normal form": lambda cell: unicodedata.normalize("NFD", cell),
    "a question mark for a letter": lambda cell: "".join(one if one.isascii() else "?" for one in cell),
    "null for an empty cell": lambda cell: cell or "null",
    "a decimal": lambda cell: f"{cell}.0" if cell.isdigit() else cell,
    "a date written anew": lambda cell: re.sub(r"(\d{4})-(\d\d)-(\d\d)", r"\2/\3/\1", cell),
}
CHANGED_COLUMNS = ("email", "Name", "city", "born", "score", "note")
PEOPLE = [
    ["ann@x", "Ann  Lee", "Oslo", "1980-02-01", "42", ""],
    ["bo@x", "Bo Brand", "Málaga", "1981-11-30", "7", "likes  tea"],
    ["cy@x", "Cy Zoë", "Malmö", "1980-02-01", "42", ""],
    ["cy@y", "CY ZOË", "Malmö", "1980-02-01", "420", ""],
]


def written(rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


@pytest.mark.parametrize("how", CHANGES)
def test_a_changed_value_does_not_lose_its_row(how):
    """The key is unique, so the row is found, whatever became of the other cells; and the uploaded values are shown."""
    changed = [[row[0], *map(CHANGES[how], row[1:]), f"r{n}"] for n, row in enumerate(PEOPLE)]
    result = written([[*CHANGED_COLUMNS, "Reason"], *reversed(changed)])
    found = list(match(result, written([CHANGED_COLUMNS, *PEOPLE]), columns=CHANGED_COLUMNS))
    assert [(row.place, row.reason) for row in found] == [(3, "r3"), (2, "r2"), (1, "r1"), (0, "r0")]
    assert [list(row.values) for row in reversed(found)] == PEOPLE


@pytest.mark.parametrize("how", CHANGES)
def test_a_changed_row_whose_key_was_changed_too_is_found_by_what_still_agrees(how):
    """As long as no other row can have become what came back."""
    changed = [*map(CHANGES[how], PEOPLE[1]), "bad"]
    result = written([[*CHANGED_COLUMNS, "Reason"], ["b?@x", *changed[1:]]])
    assert places(result, written([CHANGED_COLUMNS, *PEOPLE]), columns=CHANGED_COLUMNS) == [(1, "bad")]


def test_values_that_agree_with_two_rows_place_none():
    """Both may have been sent: one was cut off, or the other was not."""
    part = b"email,Name\nann@x,Lee\nanna@x,Leeds\n"
    assert places(b"email,Name,R\nan?@x,Lee,bad\n", part, columns=("email", "Name")) == [(None, "bad")]


def test_a_key_that_was_cut_off_to_anothers_is_no_key():
    """All other values say whose row it was: what says two things places nothing."""
    part = b"email,Name,city\nann@x.com,Ann,Oslo\nann@x.co,Bob,Rome\n"
    assert places(b"email,Name,city,R\nann@x.co,Ann,Oslo,bad\n", part) == [(None, "bad")]
    assert places(b"email,Name,city,R\nann@x.co,Bob,Rome,bad\n", part) == [(1, "bad")]


def test_rows_of_one_key_are_told_apart_by_their_other_values():
    """As far as these agree with one row alone."""
    part = b"email,Name,city\na@x,Ann,Oslo\na@x,Bea,Rome\na@x,Bea,Bern\n"
    result = b"email,Name,city,R\nA@x,ann,oslo,1\nA@x,BEA,Bern,2\nA@x,B,R,3\nA@x,B,?,4\n"
    assert places(result, part) == [(0, "1"), (2, "2"), (1, "3"), (None, "4")]


def test_a_row_that_two_rows_claim_is_neithers():
    """Each row is in a result file once: one of the two must be another's."""
    assert places(b"email,Name,city,R\na@x,Zed,Bonn,1\na@x,Yan,Kiel,2\n") == [(None, "1"), (None, "2")]
    assert places(b"email,Name,city,R\na@x,Zed,Bonn,1\na@x,ann,OSLO,2\n") == [(None, "1"), (0, "2")]


def test_a_broken_row_is_put_together_again():
    """Its cells hold line ends, delimiters and quotes, and it came without quotes around them."""
    result = b'email,Name,city,R\nc@x,C\nC,Bern,3\na@x,Ann,Oslo,1\nb@x,Bo, "B",Rome,2\n'
    assert places(result) == [(2, "3"), (0, "1"), (1, "2")]
    assert list(next(iter(match(result))).values) == ["c@x", "C\r\nC", "Bern"]


def test_a_broken_row_whose_values_were_changed_is_found_by_its_key():
    """Line by line, each cell may be its own."""
    part = b'city,Name,email,born\nRome,"Lee, ""Ltd""\nLeeds",l@x,1980-02-01\nRome,"Ann\nLtd",a@x,1980-02-01\n'
    columns = ("city", "Name", "email", "born")
    result = b"city,Name,email,born,R\nROME,lee, ltd\nL?eds,l@x,1/2/80,bad\nRome,Ann\nL,A@x,,worse\n"
    found = list(match(result, part, columns=columns))
    assert (found[0].place, found[0].reason) == (0, "bad")
    assert (found[1].place, found[1].text) == (-1, "Rome,Ann\nL,A@x,,worse"), "a date is not emptied"


def test_equal_rows_that_are_broken_are_both_found_where_they_came_back_for_one_reason():
    """Which of them a result row is about makes no difference then: all of their cells are the same."""
    part = b'email,Name\na@x,"Ann\nLee"\na@x,"Ann\nLee"\n'
    result = b"email,Name,Reason\na@x,Ann\nLee,no\na@x,Ann\nLee,no\n"
    assert places(result, part, columns=("email", "Name")) == [(0, "no"), (1, "no")]


def test_a_broken_row_without_a_key_that_tells_is_not_put_together():
    """Nobody can know whose the pieces are; they are kept as they came, and no cell is shown as another's."""
    result = b"email,Name,city,R\nz@x,C\nD,Bern,3\na@x,Ann,Oslo,1\n"
    first, second = match(result)
    assert (first.place, first.text, list(first.values), first.line) == (-1, "z@x,C\nD,Bern,3", [None] * 3, 2)
    assert (second.place, second.line) == (0, 4)
    assert match(result).unplaced == [2]


def test_a_row_that_stands_in_the_cell_of_another_is_not_taken_for_it():
    """Somebody pasted it there. What comes without quotes begins as the one and goes on as the other."""
    part = b'email,Name,city\na@x,"see:\nb@x,Bo,Rome",Oslo\nb@x,Bo,Rome\n'
    assert places(b"email,Name,city,R\na@x,see:\nb@x,Bo,Rome,Oslo,1\n", part) == [(0, "1")]
    assert places(b"email,Name,city,R\nb@x,Bo,Rome,2\na@x,see:\nb@x,Bo,Rome,Oslo,1\n", part) == [(1, "2"), (0, "1")]
    doubtful = list(match(b"email,Name,city,R\nq@x,zz:\nb@x,Bo,Rome,Oslo,1\n", part))
    assert [row.place for row in doubtful] == [-1]


@pytest.mark.parametrize(
    "line",
    [
        b'a@x,"Ann,Oslo,1',
        b'a@x,Ann",Oslo,1',
        b'"a@x,Ann,Oslo,1',
        b'a@x,"Ann"x,Oslo,1',
        b'a@x,Ann,"Oslo,1',
        b'a@x,A"nn,Oslo,1',
    ],
)
def test_a_stray_quote_spoils_no_other_row_and_not_even_its_own(line):
    """Wherever it opens, closes, or stands."""
    result = b'email,Name,city,R\n%s\nb@x,"Bo, ""B""",Rome,2\nc@x,"C\nC",Bern,3\n' % line
    assert places(result) == [(0, "1"), (1, "2"), (2, "3")]


def test_two_stray_quotes_take_no_rows_between_them_along():
    """One opens, one closes some lines later: what lies between is no cell, for the row's own has one line."""
    part = PART + b"d@x,Dee,Nice\ne@x,Eve,Pisa\n"
    result = b'email,Name,city,R\na@x,"Ann,Oslo,1\nd@x,Dee,Nice,4\ne@x,Eve",Pisa,5\n'
    assert places(result, part) == [(0, "1"), (3, "4"), (4, "5")]


def test_a_byte_that_is_no_utf_8_spoils_no_row():
    """Read as Latin-1 it is what was sent; where it is another character set's, the key still tells."""
    part = "email,Name\nö@x,Jörg\nb@x,Łukasz\nc@x,Cy\n".encode()
    result = b"email,Name,R\n\xf6@x,J\xf6rg,1\nb@x,\xa3ukasz,2\nc@x,Cy,\xff\n"
    found = list(match(result, part, columns=("email", "Name")))
    assert [row.place for row in found] == [0, 1, 2]
    assert list(found[0].values) == ["ö@x", "Jörg"]


def test_bytes_of_what_cannot_be_read_are_kept():
    """As they came, to be written out again."""
    (row,) = match(b"email,Name,city,R\n\xff\xfe,\xe9\n")
    assert row.text is not None
    assert row.text.encode("utf-8", "surrogateescape") == b"\xff\xfe,\xe9"


@pytest.mark.parametrize(
    ("result", "cut_off"),
    [
        (b"email,Name,city,R\na@x,Ann,Oslo,1\n", False),
        (b"email,Name,city,R\na@x,Ann,Oslo,1", False),
        (b"email,Name,city,R\na@x,Ann,Oslo,1\nb@x,Bo", True),
        (b'email,Name,city,R\na@x,Ann,Oslo,1\nb@x,"Bo, ""B"', True),
        (b"email,Name,city", True),
        (b"email,Name,city,R\n", False),
    ],
)
def test_a_file_that_ends_in_the_middle_is_known(result, cut_off):
    """Its last line has no end, and is no row that was sent."""
    assert match(result).is_cut_off is cut_off


def many(count, *, quoted=False):
    name = '"N, {0:03}"' if quoted else "N {0:03}"
    return [f"p{n}@x,{name.format(n % 997)},Town {n % 1009:04}" for n in range(count)]


@pytest.mark.parametrize("how", ["twins", "changed", "unquoted", "stray quotes", "damaged keys", "one key"])
def test_nothing_takes_quadratic_time(how):
    """Thousands of rows of the worst kinds; with every two of them compared it would take half an hour."""
    count = 8_000
    rows = many(count, quoted=how in {"unquoted", "stray quotes"})
    match how:
        case "twins":
            rows = ["x@x,N,T"] * count
            back = rows
        case "changed":
            back = [row.upper() for row in rows]
        case "unquoted":
            back = [row.replace('"', "") for row in rows]
        case "stray quotes":
            back = [row.replace('"', "").replace(",Town", ',"Town') for row in rows]
        case "damaged keys":
            back = ["?" + row[1:] for row in rows]
        case "one key":
            rows = ["x@x" + row[row.index(",") :] for row in rows]
            back = [row.lower() for row in rows]
    text = "\n".join(["email,Name,city", *rows, ""]).encode()
    result = "\n".join(["email,Name,city,R", *(f"{row},bad" for row in back), ""]).encode()
    found = [row for row, _ in places(result, text)]
    assert found == list(range(count))


def test_a_storm_of_quotes_ends_soon():
    """Each opens, none closes, and rows of the job have hundreds of lines."""
    long = "line\n" * 300
    rows = [f'p{n}@x,"{long}end",T' for n in range(30)] + [f"q{n}@x,N,T" for n in range(8_000)]
    text = "\n".join(["email,Name,city", *rows, ""]).encode()
    lines = "".join(f'q{n}@x,"N,T,bad\n' for n in range(8_000))
    found = [row for row, _ in places(b"email,Name,city,R\n" + lines.encode(), text)]
    assert found == list(range(30, 8_030))
