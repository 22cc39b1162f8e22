"""What charset a file may be in: by its bytes where they leave no doubt, else a suggestion with what it would read."""

import pytest

from app.files.charsets import advice, readings, told_by_bytes

TEXTS = {  # charset: (a small file, a word as it should be read)
    "cp1252": ("E-Mail;Vorname;Firma\nzoe@example.com;Zoë;Müller & Söhne\njose@example.com;José;Käse für €5\n", "Zoë"),
    "cp1250": ("email,imie,miasto\na@example.com,Łukasz,Łódź\nb@example.com,Małgorzata,Kraków\n", "Łukasz"),
    "cp1251": ("email,имя\na@example.com,Иван Петров\nb@example.com,Мария Смирнова\n", "имя"),
    "mac_roman": ("email,prenom,ville\na@example.com,Jérôme,Besançon\nb@example.com,Zoé,Orléans\n", "Jérôme"),
    "cp850": ("email,prenom,ville\na@example.com,Jérôme,Besançon\nb@example.com,Zoé,Orléans\n", "Jérôme"),
    "koi8_r": ("email,имя\na@example.com,Иван Петров\nb@example.com,Мария Смирнова\n", "имя"),
    "cp932": ("email,名前\na@example.com,山田太郎\nb@example.com,鈴木花子\n", "名前"),
    "euc_jp": ("email,名前\na@example.com,山田太郎\nb@example.com,鈴木花子\n", "名前"),
    "gb18030": ("email,姓名\na@example.com,王小明\nb@example.com,李四\n", "姓名"),
    "big5": ("email,姓名\na@example.com,王小明\nb@example.com,李四\n", "姓名"),
}


@pytest.mark.parametrize("rows", [1, 2_000], ids=["a small file", "a large one"])
@pytest.mark.parametrize("charset", TEXTS)
def test_a_charset_is_suggested_with_a_word_as_it_would_be_read(charset: str, rows: int):
    """So that whoever knows the file sees at once whether it is the right one."""
    text, word = TEXTS[charset]
    likeliest = readings(text.encode(charset) * rows)[0]
    assert (likeliest.charset, likeliest.word) == (charset, word)


def test_typographic_signs_alone_speak_for_windows():
    """Dashes, quotes and apostrophes of an English text."""
    text = "email,company\na@example.com,Acme – “quoted” it’s\n".encode("cp1252")
    assert readings(text)[0].charset == "cp1252"


@pytest.mark.parametrize(
    ("charset", "told"),
    [
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("utf-32-le", "utf-32-le"),
        ("utf-32-be", "utf-32-be"),
        ("utf-8", None),
        ("cp1252", None),
    ],
)
def test_marks_and_nuls_leave_no_doubt(charset: str, told: str | None):
    """Whether or not there is a byte order mark."""
    assert told_by_bytes("email,firstName\nzoe@example.com,Zoë\n".encode(charset)) == told


def test_a_few_nuls_say_nothing():
    """They may be a program's own mistake."""
    assert told_by_bytes(b"email,firstName\na@example.com,A\0\nb\0@example.com,B\n") is None


def test_a_file_that_is_utf8_but_for_a_few_bytes_is_utf8():
    """It is damaged, and no other charset would mend it."""
    text = "email,name\na@x,Zoë\nb@x,José\n".encode() + b"c@x,M\xfcller\n"
    assert [item.charset for item in readings(text)] == ["utf-8"]
    told, charset = advice("utf-8", readings(text))
    assert "damaged" in told
    assert charset is None


def test_of_plain_ascii_nobody_can_tell():
    """And where nothing is known, nothing is suggested."""
    assert readings(b"email,name\na@x,A\n") == []
    assert advice("utf-16", []) == ("Name the file's real charset with `charset`.", None)


def test_the_advice_names_the_parameter_and_the_other_readings():
    """A person has to choose, so a person has to see."""
    told, charset = advice("utf-8", readings("a@x,Jiří Dvořák\nb@x,Šárka Černá\n".encode("cp1250")))
    assert charset in {"cp1250", "cp1252"}
    assert f"`charset={charset}`" in told
    assert "Jiří" in told


@pytest.mark.parametrize("junk", [bytes(range(256)) * 4_000, b"\xff" * 10**6, b"\xe9" * 100 + b"," * 10**6, b"\x80\n"])
def test_nonsense_gets_no_more_than_a_suggestion(junk: bytes):
    """Whatever the bytes, and however many."""
    assert len(readings(junk)) <= 3
