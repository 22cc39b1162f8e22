"""Which parameters a request has: names that are not known, and names that are given twice."""

import difflib
from collections.abc import Iterable

from app.domain.errors import MOST_ERRORS, BadParameter, Detail, in_one_sentence, quoted

NAME_CHARACTERS = 255
NEAREST_FOR = 10  # of the names that are not known get the nearest that is


def only(names: Iterable[str], known_names: Iterable[str]) -> list[Detail]:
    """A complaint for each name that is not known; the first few with the nearest one that is."""
    known_names = list(known_names)
    listed = f"Known: {', '.join(known_names)}." if known_names else "This takes no parameters."
    unknown = [name for name in dict.fromkeys(names) if name not in known_names]
    shown = unknown[:MOST_ERRORS]
    hints = [_meant(name, known_names) or listed for name in shown[:NEAREST_FOR]]
    hints += [listed] * (len(shown) - len(hints))
    complaints = [
        Detail(f"there is no parameter {quoted(name)}. {hint}", field=name[:NAME_CHARACTERS])
        for name, hint in zip(shown, hints, strict=True)
    ]
    return complaints + [Detail(listed)] * (len(unknown) - len(shown))  # are counted, and not told


def _meant(name: str, known_names: list[str]) -> str | None:
    """To compare two names takes a time that goes with both their lengths."""
    nearest = difflib.get_close_matches(name, known_names, 1) if len(name) <= NAME_CHARACTERS else []
    return f"Did you mean {nearest[0]!r}?" if nearest else None


def refuse(details: list[Detail]) -> None:
    """Errors: BadParameter, where there is anything to complain of."""
    if details:
        raise BadParameter(in_one_sentence(details), details=tuple(details))


def merged(query: Iterable[tuple[str, str]], fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Query and form fields as one. Errors: BadParameter where a name has two different values."""
    parameters: dict[str, str] = {}
    for name, value in [*query, *fields]:
        if parameters.setdefault(name, value) != value:
            message = f"is given twice, as {quoted(parameters[name])} and as {quoted(value)}; send it once"
            refuse([Detail(message, field=name[:NAME_CHARACTERS])])
    return parameters
