"""Text of others made safe for a terminal.

A caller's label, Marketo's message or a cell of a file may hold control characters: they move the cursor, write the
clipboard or turn the direction of a line. Shown as they are, they could fake what the operator reads. So they are shown
as they would be written in a program: `\\x1b`, `\\u202e`, `\\n`.
"""

import unicodedata
from typing import Any

CONTROL_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Of Unicode: controls (C0, C1), format (direction), half a character, line ends."""
JOINERS = frozenset("\u200c\u200d")  # join letters of Persian words, and emoji: they control nothing


def harmless(text: str, *, keep: str = "") -> str:
    """The text with every control character escaped, except those in `keep`."""
    if is_harmless(text):
        return text
    return "".join([_escape(letter) if _is_control(letter) and letter not in keep else letter for letter in text])


def is_harmless(text: str) -> bool:
    return (text.isascii() and text.isprintable()) or not any(map(_is_control, text))


def harmless_json(value: Any) -> Any:
    """The same for each text in a JSON value, including the names in it."""
    match value:
        case str():
            return harmless(value)
        case list():
            return [harmless_json(item) for item in value]
        case dict():
            return {harmless(name): harmless_json(item) for name, item in value.items()}
        case _:
            return value


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in CONTROL_CATEGORIES and letter not in JOINERS


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
