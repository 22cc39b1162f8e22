"""Everything that is wrong with a file, as far as its beginning shows: for whoever hears that it is refused.

Who mends one mistake must not meet the next one. So where the file is in another charset, or separated by something
else, the rest is looked at as if that had been said already. Nothing is ever sent by such a guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.domain.answers import Description
from app.domain.errors import BadFile
from app.domain.file_mistakes import Mistake, mistakes_of
from app.domain.header_mistakes import NOTHING, field_mistakes, key_mistakes, name_mistakes
from app.domain.imports import Format, Request
from app.files import codec_registry
from app.files.charsets import advice, is_same, lacks_its_mark, readings, told_by_bytes
from app.files.corrected_file import without_ours
from app.files.delimiters import first_record, format_of, separator_mistake, separator_of
from app.files.file_kinds import kind_of
from app.files.header import columns_in
from app.files.preamble import without_beginning
from app.files.records import RecordScanner
from app.files.transcoding import converter

WINDOW_BYTES = 1 << 12  # before and behind bytes that are not in the charset
NO_LINE_ENDS = (
    "There is no line end in the file: all of it is one line. `curl -d` takes line ends out; send the file with "
    "`--data-binary @FILE`, or with `-T FILE -X POST`."
)


@dataclass(frozen=True, slots=True)
class Sample:
    """How a file begins, before its charset is undone."""

    text: bytes
    whole: bool  # it is all of the file


@dataclass(slots=True)
class Diagnosis:
    """What was found, in the order in which it is to be mended; and what the file seems to be."""

    charset: str
    format: Format | None  # None: separated by what Marketo does not take
    columns: tuple[str, ...] = ()
    mistakes: list[Mistake] = field(default_factory=list)


def diagnose(
    sample: Sample,
    request: Request,
    *,
    fields: Description | None = None,
    names: Description | None = None,
    corrected: bool = False,
) -> Diagnosis:
    """All mistakes that a file's beginning has. Heavy: run it in a thread.

    `fields`: Marketo's, that the header is held against; None: it is not. `names`: of fields, to suggest one.
    `corrected`: it may be a failures file of ours, whose columns are no mistakes.
    """
    found = Diagnosis(request.charset, request.format)
    if told := kind_of(sample.text):
        found.mistakes.append(Mistake("not_delimited", told))
        return found
    text, misread = _text(sample, request.charset)
    keys, known = request.target.key_columns, names or fields or NOTHING
    separator = _separator(text, request.format, keys, known)
    found.columns = columns_in(first_record(text, separator), separator) if text else ()
    if misread:
        found.charset = misread.likeliest or found.charset
        found.mistakes.append(misread.mistake(separator, found.columns))
    if separator != request.format.delimiter:
        found.format = format_of(separator)
        found.mistakes.append(separator_mistake(separator, request.format.delimiter))
    if sample.whole and text and not (b"\n" in text or b"\r" in text):
        found.mistakes.append(Mistake("no_rows", NO_LINE_ENDS))
        return found
    if corrected:
        found.columns = without_ours(found.columns)
    if found.columns:
        found.mistakes += name_mistakes(found.columns) + key_mistakes(found.columns, keys, known)
    if fields and found.columns:
        found.mistakes += field_mistakes(found.columns, request.target, fields)
    if sample.whole:
        found.mistakes += _at_the_end(text, separator)
    return found


def everything(refused: BadFile, diagnosis: Diagnosis) -> list[Mistake]:
    """The diagnosis, and what stopped the file where that came later than the beginning."""
    if refused.code == "not_delimited":
        return mistakes_of(refused)
    known = {one.code for one in diagnosis.mistakes}
    return diagnosis.mistakes + [one for one in mistakes_of(refused) if one.code not in known]


@dataclass(frozen=True, slots=True)
class _Misread:
    """Bytes that are not what was said, behind a text that is good."""

    good: bytes
    code: str
    what: str
    remedy: str
    likeliest: str | None  # charset

    def mistake(self, separator: str, columns: Sequence[str]) -> Mistake:
        scanner = RecordScanner(separator)
        scanner.feed(self.good)
        row, column = scanner.place
        name = columns[column - 1] if row and column <= len(columns) else None
        where = f"{f'Row {row}' if row else 'The header'}, column {column}{f' ({name})' if name else ''}"
        say = f"charset={self.likeliest}" if self.likeliest else ""
        return Mistake(self.code, f"{where} holds {self.what}. {self.remedy}", field=name, row=row, say=say)


def _text(sample: Sample, declared: str) -> tuple[bytes, _Misread | None]:
    """The sample in UTF-8: by its real charset, where the bytes show that it is another than was said."""
    text, bad_at = converter(declared)(sample.text, sample.whole)
    told = told_by_bytes(sample.text)
    if bad_at is None and b"\0" not in text and (told is None or _agree(declared, told, sample.text)):
        return without_beginning(text)[0], None
    window = b"" if bad_at is None else sample.text[max(0, bad_at - WINDOW_BYTES) : bad_at + WINDOW_BYTES]
    remedy, likeliest = advice(declared, readings(sample.text, window))
    code, what = "bad_bytes", f"bytes that are not {declared}"
    if b"\0" in text or (bad_at is None and told is None):
        code, what = "nul_byte", "a NUL byte"
        remedy, likeliest = (remedy, likeliest) if told else ("Take it out.", None)
    elif lacks_its_mark(declared, sample.text):
        what = f"no byte order mark, which {declared} begins with"
    good = without_beginning(text.partition(b"\0")[0])[0]
    real = _decoded(sample.text, likeliest or declared).replace("\0", "").encode()
    return without_beginning(real)[0], _Misread(good, code, what, remedy, likeliest)


def _agree(declared: str, told: str, begun: bytes) -> bool:
    """Whether a charset that was named can be the one that the bytes show."""
    if is_same(declared, told) or (is_same(declared, "utf-8-sig") and told == "utf-8"):
        return True
    return _decoded(begun[:4], declared).startswith("\ufeff")  # utf-16-le for utf-16, where the mark says so


def _decoded(text: bytes, charset: str) -> str:
    codec = codec_registry.find(charset)
    assert codec, "it was read before"
    return codec.decode(text, "replace")[0]


def _separator(text: bytes, format: Format, keys: Sequence[str], names: Description) -> str:  # noqa: A002
    """What the cells are really separated by."""
    declared, real = format.delimiter, separator_of(text)
    columns = columns_in(first_record(text, declared), declared) if text else ()
    if real is None or real == declared:
        return declared
    missing = len(key_mistakes(columns, keys, names))
    if len(columns) > 1 and missing <= len(key_mistakes(columns_in(first_record(text, real), real), keys, names)):
        return declared
    return real


def _at_the_end(text: bytes, separator: str) -> list[Mistake]:
    """What is seen only where the file has ended."""
    scanner = RecordScanner(separator)
    try:
        scanner.feed(text)
        scanner.finish()
    except BadFile as unclosed:
        return mistakes_of(unclosed)
    if scanner.records == 1:
        return [Mistake("no_rows", "The file has a header and no rows. There is nothing to import.")]
    return []
