"""Which parameters a request has: names that are not known, and names that are given twice."""

import difflib
from collections.abc import Iterable

from app.domain.errors import MOST_ERRORS, BadParameter, Detail, in_one_sentence, quoted

NAME_CHARACTERS = 255
NEAREST_FOR = 10  # of the names that are not known get the nearest that is


def only(given: Iterable[str], known: Iterable[str]) -> list[Detail]:
    """A complaint for each name that is not known; the first few with the nearest one that is."""
    known = list(known)
    listed = f"Known: {', '.join(known)}." if known else "This takes no parameters."
    strange = [name for name in dict.fromkeys(given) if name not in known]
    told = strange[:MOST_ERRORS]
    meant = [_meant(name, known) or listed for name in told[:NEAREST_FOR]]
    meant += [listed] * (len(told) - len(meant))
    complaints = [
        Detail(f"there is no parameter {quoted(name)}. {what}", field=name[:NAME_CHARACTERS])
        for name, what in zip(told, meant, strict=True)
    ]
    return complaints + [Detail(listed)] * (len(strange) - len(told))  # are counted, and not told


def _meant(name: str, known: list[str]) -> str | None:
    """To compare two names takes a time that goes with both their lengths."""
    near = difflib.get_close_matches(name, known, 1) if len(name) <= NAME_CHARACTERS else []
    return f"Did you mean {near[0]!r}?" if near else None


def refuse(details: list[Detail]) -> None:
    """Errors: BadParameter, where there is anything to complain of."""
    if details:
        raise BadParameter(in_one_sentence(details), details=tuple(details))


def merged(query: Iterable[tuple[str, str]], fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Query and form fields as one. Errors: BadParameter where a name has two different values."""
    found: dict[str, str] = {}
    for name, value in [*query, *fields]:
        if found.setdefault(name, value) != value:
            twice = f"is given twice, as {quoted(found[name])} and as {quoted(value)}; send it once"
            refuse([Detail(twice, field=name[:NAME_CHARACTERS])])
    return found
