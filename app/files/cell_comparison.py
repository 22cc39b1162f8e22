"""Whether a cell of a result file may be one that was sent, though it was changed on the way.

Seen in public reports: lower case, blanks collapsed, no-break spaces, another Unicode normal form, a question mark for
a letter, cut off, `null` for an empty cell, `42.0` for `42`, a date written in another way. Most of these leave no
trace in a cell's loose form. The others, a mark for letters, a cut and a date, need both cells to be looked at.
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
    """A row's cells without blanks around them, and with one kind of line end: nobody changes more by writing it anew.

    No cell holds what joins them, or it is none of ours.
    """
    form = "\0".join(cells)
    if " \0" in form or "\0 " in form or form[:1] == " " or form[-1:] == " ":
        form = "\0".join([cell.strip(" ") for cell in cells])
    return one_line_end(form)


def one_line_end(cell: str) -> str:
    return cell.replace("\r\n", "\n").replace("\r", "\n") if "\r" in cell else cell


def loose_form(cell: str) -> str:
    """A cell in the one form that stands for all that it may have been changed to, but for marks, cuts and dates."""
    text = cell.lower() if cell.isascii() else _decomposed(cell)
    if not text.isalnum():
        text = " ".join(text.replace('"', "").replace("\0", UNKNOWN_LETTER).split())
        if "." in text:
            text = _shortest(text)
    return "" if text == NULL else text


def may_be(given: str, sent: str) -> bool:
    """Whether Marketo may have given back one cell for the other. Both in their loose form."""
    if given == sent:
        return True
    if not given:
        return False
    return begins_like(given, sent or NULL) or is_same_date(given, sent)


def begins_like(given: str, sent: str) -> bool:
    """Whether `sent` begins with what was given, where a question mark stands for any letters."""
    first, *following = given.split(UNKNOWN_LETTER)
    if not sent.startswith(first):
        return False
    at = len(first)
    for piece in following:
        at = sent.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def is_same_date(given: str, sent: str) -> bool:
    """Whether one is a date and the other could be it: how dates are written anew, nobody knows."""
    return (is_date(given) and has_digit(sent)) or (is_date(sent) and has_digit(given))


def is_date(text: str) -> bool:
    return DATE.search(text) is not None


def has_digit(text: str) -> bool:
    return DIGIT.search(text) is not None


def certain_beginning(given: str) -> str:
    """With what each cell begins that may have been given back so, dates apart."""
    return given.partition(UNKNOWN_LETTER)[0]


def _decomposed(cell: str) -> str:
    """In small base letters: without accents, and without characters that show nothing."""
    letters = unicodedata.normalize("NFKD", cell.translate(NOT_TEXT))
    shown = "".join([one for one in letters if unicodedata.category(one) not in SHOW_NOTHING])
    return unicodedata.normalize("NFKD", shown.casefold())


def _shortest(text: str) -> str:
    """A number without zeros, or nothing, behind its point."""
    found = DECIMAL.fullmatch(text)
    if found is None:
        return text
    whole, fraction = found.group(1), found.group(2).rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole
