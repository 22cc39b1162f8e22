"""What others wrote, made fit for a terminal.

A caller's label, Marketo's message or a cell of a file may hold characters that are no letters but orders: to move the
cursor, to write the clipboard, to turn the direction of a line. Shown as they are, they could fake what the operator
reads. So they are shown as they would be written in a program: `\\x1b`, `\\u202e`, `\\n`.
"""

import unicodedata
from typing import Any

ORDERS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # controls (C0, C1), format (direction), half a character, line ends
JOINERS = frozenset("\u200c\u200d")  # of Persian words, and of emoji: they order nothing


def harmless(text: str, *, keep: str = "") -> str:
    """A text in which every character that orders something is written out, those to `keep` apart."""
    if is_harmless(text):
        return text
    return "".join([_written_out(letter) if _orders(letter) and letter not in keep else letter for letter in text])


def is_harmless(text: str) -> bool:
    return (text.isascii() and text.isprintable()) or not any(map(_orders, text))


def harmless_json(value: Any) -> Any:
    """The same for each text in what was read as JSON, the names in it too."""
    match value:
        case str():
            return harmless(value)
        case list():
            return [harmless_json(item) for item in value]
        case dict():
            return {harmless(name): harmless_json(item) for name, item in value.items()}
        case _:
            return value


def _orders(letter: str) -> bool:
    return unicodedata.category(letter) in ORDERS and letter not in JOINERS


def _written_out(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
