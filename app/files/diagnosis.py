"""Finds everything that is wrong with a refused file, as far as its beginning shows, so that all of it is reported.

A caller who corrects one mistake must not meet the next one. So where the file has another charset or another separator
than declared, the rest is checked as if that had been corrected. Nothing is ever sent by such a guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.domain.answers import Description
from app.domain.column_maps import kept, mapping_mistakes
from app.domain.errors import BadFile
from app.domain.file_mistakes import Mistake, mistakes_of
from app.domain.formats import Format
from app.domain.header_mistakes import NOTHING, field_mistakes, key_mistakes, name_mistakes
from app.domain.imports import Request
from app.files import codec_registry
from app.files.charsets import advice, is_same, lacks_its_mark, readings, told_by_bytes
from app.files.corrected_file import without_ours
from app.files.delimiters import first_record, format_of, separator_mistake, separator_of
from app.files.file_kinds import kind_of
from app.files.header import columns_in
from app.files.preamble import without_beginning
from app.files.records import RecordScanner
from app.files.transcoding import converter

WINDOW_BYTES = 1 << 12  # before and after bytes that are not in the charset, used to guess the real one
NO_LINE_ENDS = (
    "There is no line end in the file: all of it is one line. `curl -d` takes line ends out; send the file with "
    "`--data-binary @FILE`, or with `-T FILE -X POST`."
)


@dataclass(frozen=True, slots=True)
class Sample:
    """The beginning of a file, in the file's own charset."""

    text: bytes
    whole: bool  # whether this is all of the file


@dataclass(slots=True)
class Diagnosis:
    """The mistakes, in the order in which they are to be corrected; and what the file seems to be."""

    charset: str
    format: Format | None  # None: it has a separator that Marketo does not take
    columns: tuple[str, ...] = ()  # by the names under which they go to Marketo
    source_columns: tuple[str, ...] = ()  # by their names in the file
    mistakes: list[Mistake] = field(default_factory=list)


def diagnose(
    sample: Sample,
    request: Request,
    *,
    fields: Description | None = None,
    names: Description | None = None,
    corrected: bool = False,
) -> Diagnosis:
    """All mistakes in a file's beginning. Heavy: run it in a thread.

    `fields`: Marketo's fields, with which the header is compared; None: it is not. `names`: fields to suggest names
    from. `corrected`: it may be a corrected failures file of ours, whose extra columns are no mistakes.
    """
    diagnosis = Diagnosis(request.charset, request.format)
    if message := kind_of(sample.text):
        diagnosis.mistakes.append(Mistake("not_delimited", message))
        return diagnosis
    text, misread = _text(sample, request.charset)
    keys, described = request.target.key_columns, names or fields or NOTHING
    separator = _separator(text, request.format, keys, described)
    diagnosis.columns = columns_in(first_record(text, separator), separator) if text else ()
    if misread:
        diagnosis.charset = misread.likeliest or diagnosis.charset
        diagnosis.mistakes.append(misread.mistake(separator, diagnosis.columns))
    if separator != request.format.delimiter:
        diagnosis.format = format_of(separator)
        diagnosis.mistakes.append(separator_mistake(separator, request.format.delimiter))
    if sample.whole and text and not (b"\n" in text or b"\r" in text):
        diagnosis.mistakes.append(Mistake("no_rows", NO_LINE_ENDS))
        return diagnosis
    if corrected:
        diagnosis.columns = without_ours(diagnosis.columns)
    diagnosis.source_columns = diagnosis.columns
    if column_map := request.column_map:
        mistakes = mapping_mistakes(diagnosis.columns, column_map, keys, corrected=corrected)
        diagnosis.mistakes += mistakes if diagnosis.columns else []
        diagnosis.columns = kept(diagnosis.columns, column_map)
    elif diagnosis.columns:
        diagnosis.mistakes += name_mistakes(diagnosis.columns) + key_mistakes(diagnosis.columns, keys, described)
    if fields and diagnosis.columns:
        diagnosis.mistakes += field_mistakes(diagnosis.columns, request.target, fields)
    if sample.whole:
        diagnosis.mistakes += _at_the_end(text, separator)
    return diagnosis


def everything(refused: BadFile, diagnosis: Diagnosis) -> list[Mistake]:
    """The mistakes of the diagnosis, and the mistake that the file was refused for where that stands further on."""
    if refused.code == "not_delimited":
        return mistakes_of(refused)
    codes = {mistake.code for mistake in diagnosis.mistakes}
    return diagnosis.mistakes + [mistake for mistake in mistakes_of(refused) if mistake.code not in codes]


@dataclass(frozen=True, slots=True)
class _Misread:
    """Bytes that are not in the declared charset, and the good text before them."""

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
    """The sample in UTF-8: from its real charset, where the bytes show that it is not the declared one."""
    text, bad_at = converter(declared)(sample.text, sample.whole)
    real_charset = told_by_bytes(sample.text)
    if bad_at is None and b"\0" not in text and (real_charset is None or _agree(declared, real_charset, sample.text)):
        return without_beginning(text)[0], None
    window = b"" if bad_at is None else sample.text[max(0, bad_at - WINDOW_BYTES) : bad_at + WINDOW_BYTES]
    remedy, likeliest = advice(declared, readings(sample.text, window))
    code, what = "bad_bytes", f"bytes that are not {declared}"
    if b"\0" in text or (bad_at is None and real_charset is None):
        code, what = "nul_byte", "a NUL byte"
        remedy, likeliest = (remedy, likeliest) if real_charset else ("Take it out.", None)
    elif lacks_its_mark(declared, sample.text):
        what = f"no byte order mark, which {declared} begins with"
    good = without_beginning(text.partition(b"\0")[0])[0]
    real = _decoded(sample.text, likeliest or declared).replace("\0", "").encode()
    return without_beginning(real)[0], _Misread(good, code, what, remedy, likeliest)


def _agree(declared: str, real_charset: str, begun: bytes) -> bool:
    """Whether the declared charset may be the one that the bytes show."""
    if is_same(declared, real_charset) or (is_same(declared, "utf-8-sig") and real_charset == "utf-8"):
        return True
    return _decoded(begun[:4], declared).startswith("\ufeff")  # utf-16-le for utf-16, where the mark says so


def _decoded(text: bytes, charset: str) -> str:
    codec = codec_registry.find(charset)
    assert codec, "it was read before"
    return codec.decode(text, "replace")[0]


def _separator(text: bytes, format: Format, keys: Sequence[str], names: Description) -> str:  # noqa: A002
    """The separator that the file really has."""
    declared, real = format.delimiter, separator_of(text)
    columns = columns_in(first_record(text, declared), declared) if text else ()
    if real is None or real == declared:
        return declared
    missing = len(key_mistakes(columns, keys, names))
    if len(columns) > 1 and missing <= len(key_mistakes(columns_in(first_record(text, real), real), keys, names)):
        return declared
    return real


def _at_the_end(text: bytes, separator: str) -> list[Mistake]:
    """Mistakes that show only at the end of the file."""
    scanner = RecordScanner(separator)
    try:
        scanner.feed(text)
        scanner.finish()
    except BadFile as unclosed:
        return mistakes_of(unclosed)
    if scanner.records == 1:
        return [Mistake("no_rows", "The file has a header and no rows. There is nothing to import.")]
    return []
