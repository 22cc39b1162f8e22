"""Aligns text without quotes with a row that was sent, allowing for changed cells and cells that are cut off."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.files.cell_comparison import loose_form, may_be


@dataclass(frozen=True, slots=True)
class Token:
    """The text between two delimiters or line ends of a result file."""

    text: str  # in its loose form
    line: int
    cell: int  # 0 is the first of its line
    ends_line: bool


def tokens_of(lines: Sequence[str], begin: int, end: int, delimiter: str) -> list[Token]:
    tokens: list[Token] = []
    for line in range(begin, min(end, len(lines))):
        texts = lines[line].split(delimiter)
        last = len(texts) - 1
        tokens += [Token(loose_form(text), line, cell, cell == last) for cell, text in enumerate(texts)]
    return tokens


def reason_of(cells: Sequence[str], tokens: Sequence[Token], delimiter: str) -> Token | None:
    """The token with the reason: it follows the tokens of this row and is the last of its line. None if they differ.

    `cells` have line ends of one kind. If there are several ways to align them, the one with the most lines is taken.
    """
    reached = {0}
    for cell in cells:
        ways = [_pieces(cell, delimiter)] + ([_pieces(cell.replace("\n", " "), delimiter)] if "\n" in cell else [])
        reached = {end for begin in reached for way in ways for end in _ends(way, tokens, begin)}
        if not reached:
            return None
    ends = [end for end in reached if end < len(tokens) and tokens[end].ends_line]
    return tokens[max(ends)] if ends else None


def _pieces(cell: str, delimiter: str) -> list[tuple[str, bool]]:
    """(each text between delimiters and line ends of a cell, whether a line end follows it)."""
    pieces: list[tuple[str, bool]] = []
    for line in cell.split("\n"):
        *before, last = [loose_form(text) for text in line.split(delimiter)]
        pieces += [*((text, False) for text in before), (last, True)]
    return [*pieces[:-1], (pieces[-1][0], False)]


def _ends(cell: Sequence[tuple[str, bool]], tokens: Sequence[Token], begin: int) -> Iterator[int]:
    """The tokens before which a cell that begins at `begin` may end: as a whole, or cut off."""
    for at, (own, line_ends) in enumerate(cell):
        token = tokens[begin + at] if begin + at < len(tokens) else None
        if token is None:
            return
        fits = may_be(token.text, own)
        if not token.ends_line and (fits or (at and not token.text)):
            yield begin + at + 1
        if not fits or token.ends_line != line_ends:
            return
