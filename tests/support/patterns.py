"""Whether a regular expression can backtrack: read off its own syntax, not tried on some texts.

It cannot where every loop knows from the next character alone whether it goes on: what it repeats and what may follow
begin with different characters; or where it never gives anything back (`*+`, `++`, an atomic group). Then a match takes
no more steps than the text has characters, times a constant.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from re import _constants as op, _parser as parser  # type: ignore[attr-defined]  # isort: skip

BEYOND = 256  # stands for every character behind Latin-1
EVERY = frozenset(range(BEYOND + 1))
FEW = 200  # times at most: a loop of one character with so few rounds is no danger
Chars = frozenset[int]


def backtracks(pattern: "re.Pattern[Any]") -> list[str]:
    """What in it may give back what it took, and take it otherwise; empty where nothing can."""
    return list(_found(list(parser.parse(pattern.pattern, pattern.flags)), frozenset(), pattern.flags, looped=False))


def _found(items: Sequence[Any], follow: Chars, flags: int, *, looped: bool) -> Iterator[str]:
    for at, (code, what) in enumerate(items):
        rest, may_be_empty = _first(items[at + 1 :], flags)
        behind = rest | follow if may_be_empty else rest
        yield from _of_item(code, what, behind, flags, looped=looped)


def _of_item(code: Any, what: Any, behind: Chars, flags: int, *, looped: bool) -> Iterator[str]:
    if code in (op.MAX_REPEAT, op.MIN_REPEAT):
        least, most, inner = what
        begin, may_be_empty = _first(inner, flags)
        many = most is op.MAXREPEAT or most > FEW or len(inner) > 1
        if many and most != 1 and (may_be_empty or begin & behind):
            yield f"a loop of {inner} from {least} to {most} cannot tell where it ends"
        yield from _found(inner, behind | (begin if most != 1 else frozenset()), flags, looped=looped or most != 1)
    elif code is op.POSSESSIVE_REPEAT:
        yield from _found(what[2], _first(what[2], flags)[0], flags, looped=True)
    elif code is op.BRANCH:
        begun: set[int] = set()
        for choice in what[1]:
            begin, may_be_empty = _first(choice, flags)
            begin = begin | behind if may_be_empty else begin
            if looped and begun & begin:
                yield f"two choices of {what} in a loop begin alike"
            begun |= begin
            yield from _found(choice, behind, flags, looped=looped)
    elif code in (op.ATOMIC_GROUP, op.ASSERT, op.ASSERT_NOT):
        yield from _found(what if code is op.ATOMIC_GROUP else what[-1], frozenset(), flags, looped=looped)
    elif code is op.SUBPATTERN:
        yield from _found(what[-1], behind, flags, looped=looped)
    elif code not in (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY, op.AT):
        yield f"{code} is not known to be safe"


def _first(items: Sequence[Any], flags: int) -> tuple[Chars, bool]:
    """(with which characters it may begin, whether it may be empty)."""
    begin: Chars = frozenset()
    for code, what in items:
        chars, may_be_empty = _first_of(code, what, flags)
        begin |= chars
        if not may_be_empty:
            return begin, False
    return begin, True


def _first_of(code: Any, what: Any, flags: int) -> tuple[Chars, bool]:
    if code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        begin, may_be_empty = _first(what[2], flags)
        return begin, may_be_empty or what[0] == 0
    if code is op.BRANCH:
        choices = [_first(choice, flags) for choice in what[1]]
        return frozenset().union(*[begin for begin, _ in choices]), any(empty for _, empty in choices)
    if code in (op.SUBPATTERN, op.ATOMIC_GROUP):
        return _first(what if code is op.ATOMIC_GROUP else what[-1], flags)
    if code in (op.AT, op.ASSERT, op.ASSERT_NOT):
        return frozenset(), True
    return _chars(code, what, flags), False


def _chars(code: Any, what: Any, flags: int) -> Chars:
    match code:
        case op.LITERAL:
            return _cased({min(what, BEYOND)}, flags)
        case op.NOT_LITERAL:
            return EVERY - {what}
        case op.IN:
            negated = what[0][0] is op.NEGATE
            members = frozenset().union(*[_chars(*one, flags) for one in (what[1:] if negated else what)])
            return (EVERY - members) | {BEYOND} if negated else members
        case op.RANGE:
            return _cased(set(range(min(what[0], BEYOND), min(what[1], BEYOND) + 1)), flags)
        case op.CATEGORY:
            name = {op.CATEGORY_DIGIT: r"\d", op.CATEGORY_SPACE: r"\s", op.CATEGORY_WORD: r"\w"}[what]
            return frozenset(n for n in range(BEYOND) if re.fullmatch(name, chr(n))) | {BEYOND}
        case _:
            return EVERY


def _cased(found: set[int], flags: int) -> Chars:
    if not flags & re.IGNORECASE:
        return frozenset(found)
    return frozenset(
        found | {ord(other) for n in found for other in (chr(n).lower(), chr(n).upper()) if len(other) == 1}
    )
