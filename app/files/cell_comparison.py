"""Compares a cell of a result file with a cell that was sent, allowing for the changes that Marketo makes.

Public reports show these changes: lower case, collapsed blanks, no-break spaces, another Unicode normal form, a
question mark for a letter, a cell that is cut off, `null` for an empty cell, `42.0` for `42`, a date in another form.
Most of them disappear in the loose form of both cells. Question marks, cuts and dates need a comparison of both cells.
"""

import re
import unicodedata
from collections.abc import Sequence

UNKNOWN_LETTER = "?"
NULL = "null"
SHOW_NOTHING = frozenset({"Mn", "Mc", "Me", "Cf"})  # Unicode categories: accents, and marks of format
NOT_TEXT = {0xFFFD: UNKNOWN_LETTER} | dict.fromkeys(range(0xDC80, 0xDD00), UNKNOWN_LETTER)
"""The replacement character, and bytes that are no UTF-8 as Python's `surrogateescape` keeps them."""
DECIMAL = re.compile(r"([+-]?+[0-9]++)\.([0-9]*+)")
DATE = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}")
DIGIT = re.compile(r"[0-9]")


def exact_form(cells: Sequence[str]) -> str:
    """A row's cells without blanks around them and with one kind of line end, as one text.

    Two rows with the same exact form differ at most in what any program changes that writes a file anew. The cells are
    joined by NUL, which no cell that was sent holds.
    """
    return exact_form_of("\0".join(cells))


def exact_form_of(text: str) -> str:
    """The same for cells that are joined by NUL already."""
    if " \0" in text or "\0 " in text or text[:1] == " " or text[-1:] == " ":
        text = "\0".join([cell.strip(" ") for cell in text.split("\0")])
    return one_line_end(text)


def one_line_end(cell: str) -> str:
    return cell.replace("\r\n", "\n").replace("\r", "\n") if "\r" in cell else cell


def loose_form(cell: str) -> str:
    """A form that a cell shares with all that Marketo may change it to, except question marks, cuts and dates."""
    text = cell.lower() if cell.isascii() else _decomposed(cell)
    if not text.isalnum():
        text = " ".join(text.replace('"', "").replace("\0", UNKNOWN_LETTER).split())
        if "." in text:
            text = _shortest(text)
    return "" if text == NULL else text


def may_be(returned: str, sent: str) -> bool:
    """Whether Marketo may have changed the sent cell to the returned one. Both in their loose form."""
    if returned == sent:
        return True
    if not returned:
        return False
    return begins_like(returned, sent or NULL) or is_same_date(returned, sent)


def begins_like(returned: str, sent: str) -> bool:
    """Whether `sent` begins with `returned`, where a question mark in `returned` stands for any letters."""
    first, *following = returned.split(UNKNOWN_LETTER)
    if not sent.startswith(first):
        return False
    at = len(first)
    for piece in following:
        at = sent.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def is_same_date(returned: str, sent: str) -> bool:
    """Whether one is a date and the other one may be the same date: it is not known how Marketo writes dates."""
    return (is_date(returned) and has_digit(sent)) or (is_date(sent) and has_digit(returned))


def is_date(text: str) -> bool:
    return DATE.search(text) is not None


def has_digit(text: str) -> bool:
    return DIGIT.search(text) is not None


def certain_beginning(returned: str) -> str:
    """What every cell begins with that Marketo may have changed to this one, except dates."""
    return returned.partition(UNKNOWN_LETTER)[0]


def _decomposed(cell: str) -> str:
    """The cell in lower-case base letters, without accents and invisible characters."""
    letters = unicodedata.normalize("NFKD", cell.translate(NOT_TEXT))
    visible = "".join([letter for letter in letters if unicodedata.category(letter) not in SHOW_NOTHING])
    return unicodedata.normalize("NFKD", visible.casefold())


def _shortest(text: str) -> str:
    """A decimal number without the zeros at its end, and without its point if only zeros follow."""
    number = DECIMAL.fullmatch(text)
    if number is None:
        return text
    whole, fraction = number.group(1), number.group(2).rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole
