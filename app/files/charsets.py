"""Guesses the charset of a file, as a suggestion for its sender. No file is ever read by a guess."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

from charset_normalizer import from_bytes

from app.files.codec_registry import find

LOOKED_AT_BYTES = 1 << 15  # enough for a guess, which then takes milliseconds
MOST_WORDS = 300  # with letters beyond ASCII that are tried
WORD_BYTES = 200  # anything longer is not taken for a word
LIKELY = (  # what spreadsheets and databases write, the commonest first
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257",
    "mac_roman", "cp850", "koi8_r", "cp932", "euc_jp", "gb18030", "big5", "cp949",
)  # fmt: skip
LATIN = frozenset({"cp1252", "cp1250", "cp1254", "cp1257", "mac_roman", "cp850"})
WINDOWS = frozenset(name for name in LIKELY if name.startswith("cp125"))
PUNCTUATION = frozenset("–—‘’‚“”„…€£§°ªº«»®©™·•\xa0")  # beyond ASCII, and usual in any text
APOSTROPHE = 0x92  # in all of Windows' charsets: the only one of their signs that stands within a word
MOST_READINGS = 3
CHAOS = 6.0  # percent; two charsets whose chaos differs by less read a text equally well
SHOWN_LETTERS = 40
NUL_SHARE = 0.4  # if more of every fourth byte than this are NULs, the charset puts them there

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as the next one does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NULS = {  # which of each four bytes are NULs, in a text that is mostly ASCII
    (False, True, True, True): "utf-32-le",
    (True, True, True, False): "utf-32-be",
    (False, True, False, True): "utf-16-le",
    (True, False, True, False): "utf-16-be",
}
BETWEEN_WORDS = bytes.maketrans(b',;\t"\r\n', b"      ")  # none of these is half a letter in any charset


@dataclass(frozen=True, slots=True)
class Reading:
    """A charset, and what the first word beyond ASCII is in it."""

    charset: str
    word: str


def told_by_bytes(begun: bytes) -> str | None:
    """The charset that a file's byte order mark, or the places of its NULs, show without doubt; else None."""
    for bom, charset in BOMS:
        if begun.startswith(bom):
            return charset
    sample = begun[: len(begun[:LOOKED_AT_BYTES]) // 4 * 4]
    if b"\0" not in sample:
        return None
    fourth = len(sample) // 4
    first, second, third, last = (sample[at::4].count(0) > NUL_SHARE * fourth for at in range(4))
    return NULS.get((first, second, third, last))


def lacks_its_mark(charset: str, begun: bytes) -> bool:
    """Whether the charset needs a byte order mark, and the file has none."""
    return any(is_same(charset, marked) for marked in ("utf-16", "utf-32")) and not any(
        begun.startswith(bom) for bom, marked in BOMS if is_same(charset, marked)
    )


def readings(begun: bytes, *further: bytes) -> list[Reading]:
    """The likely charsets, the likeliest first, each with what it makes of one word. Empty: no guess is possible.

    `begun` is the file's beginning, `further` are samples from later in the file. If most words are UTF-8, only UTF-8
    is given.
    """
    if (certain := told_by_bytes(begun)) is not None:
        return [Reading(certain, _shown(begun[:WORD_BYTES].decode(certain, "replace").lstrip("\ufeff")))]
    words = [word for text in (begun, *further) for word in _odd_words(text[:LOOKED_AT_BYTES])]
    utf8 = [word for word in words if _can_be(word, "utf-8")]
    if words and len(utf8) * 2 >= len(words):
        return [Reading("utf-8", _shown(utf8[0].decode()))]
    by_word: dict[str, Reading] = {}  # charsets that read the word alike are one suggestion
    for charset in _ranked(words):
        word = _shown(words[0].decode(charset))
        by_word.setdefault(word, Reading(charset, word))
    return list(by_word.values())[:MOST_READINGS]


def advice(declared: str, guesses: Sequence[Reading]) -> tuple[str, str | None]:
    """(what to do about bytes that are not in the declared charset, the charset to declare instead)."""
    if not guesses:
        return "Name the file's real charset with `charset`.", None
    likeliest, *others = guesses
    if is_same(likeliest.charset, declared):
        return f"The rest of it is {declared}: the bytes are damaged there. Mend the row, or leave it out.", None
    alternatives = f" ({', '.join(f'{guess.charset}: {guess.word!r}' for guess in others)})" if others else ""
    sentence = f"It looks like {likeliest.charset}, which makes {likeliest.word!r} of it{alternatives}."
    return f"{sentence} Say so with `charset={likeliest.charset}`.", likeliest.charset


def is_same(charset: str, other: str) -> bool:
    """Whether two names are of one charset."""
    names = [codec.name if (codec := find(name)) else name.lower() for name in (charset, other)]
    return names[0] == names[1]


def _odd_words(text: bytes) -> list[bytes]:
    """The words with letters beyond ASCII, each once: only these depend on the charset."""
    words = text.translate(BETWEEN_WORDS).split(b" ")
    odd = list(dict.fromkeys(word for word in words if len(word) <= WORD_BYTES and not word.isascii()))
    if len(odd) > 1 and odd[-1] == words[-1]:
        odd.pop()  # it may be cut off
    return odd[:MOST_WORDS]


def _ranked(words: Sequence[bytes]) -> list[str]:
    """The charsets in which all of the words can be read, the one that makes the best text of them first."""
    whole = b" ".join(words)
    candidates = [charset for charset in _plausible(words) if _can_be(whole, charset)]
    if not candidates:
        return []
    chaos: dict[str, float] = {}
    for match in from_bytes(whole, cp_isolation=candidates, threshold=0.5):
        chaos |= dict.fromkeys([match.encoding, *match.could_be_from_charset], match.percent_chaos)

    def badness(charset: str) -> tuple[int, int]:
        return int((chaos[charset] + 100 * _signs(whole.decode(charset))) // CHAOS), LIKELY.index(charset)

    return sorted((charset for charset in candidates if charset in chaos), key=badness)


def _plausible(words: Sequence[bytes]) -> list[str]:
    """The LIKELY charsets that the bytes do not speak against.

    Words of nothing but letters beyond ASCII are in no Latin alphabet. In Windows' charsets the bytes below 0xA0 are
    signs, which hardly stand within a word.
    """
    foreign = sum(len(word) > 2 and not any(byte < 0x80 for byte in word) for word in words) * 2 > len(words)
    inside = [byte for word in words for byte in word[1:-1] if byte >= 0x80 and byte != APOSTROPHE]
    signs_inside = sum(byte < 0xA0 for byte in inside) * 2 > len(inside)
    return [name for name in LIKELY if not (foreign and name in LATIN) and not (signs_inside and name in WINDOWS)]


def _signs(text: str) -> float:
    """The share of characters beyond ASCII that are neither letters nor usual punctuation."""
    odd = [letter for letter in text if not letter.isascii()]
    return sum(not letter.isalpha() and letter not in PUNCTUATION for letter in odd) / max(1, len(odd))


def _can_be(text: bytes, charset: str) -> bool:
    try:
        text.decode(charset)
    except UnicodeError:
        return False
    return True


def _shown(word: str) -> str:
    """The word for a sentence: one line of it, shortened, unprintable characters replaced."""
    first = word.split("\n", maxsplit=1)[0].strip()
    seen = first.replace("\t", " ")
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in seen)[:SHOWN_LETTERS]
