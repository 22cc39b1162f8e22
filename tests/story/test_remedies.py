"""Every refusal says what to do, and who does it to the letter gets a 202: no word leads to another refusal."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable

import pytest

from app.files.compression import zstd
from tests.files.test_file_kinds import KINDS
from tests.story.test_ugly import FOLDER
from tests.support.clock import SteppedClock
from tests.support.obedient import Attempt
from tests.support.stage import Stage, staged
from tests.support.tiers import chosen

LEADS = b"email,firstName\nann@example.com,Ann\nbob@example.com,Bob\n"
ZOE = "email,firstName,company\nzoë@example.com,Zoë,Müller & Söhne\njosé@example.com,José,Käse\n"
GERMAN = "Email Address;First Name;Company Name\r\nzoe@example.com;Zoë;Müller & Söhne\r\n".encode("cp1252")
CURLED = LEADS.replace(b"\n", b"")  # as `curl -d @leads.csv` sends it
JSON = json.dumps([{"email": "ann@example.com", "firstName": "Ann"}]).encode()


def separated(separator: str) -> bytes:
    return LEADS.replace(b",", separator.encode())


REFUSED: dict[str, tuple[Callable[[], Attempt], int]] = {  # what is sent: (how, the status of the first answer)
    "a German Excel file": (lambda: Attempt(GERMAN), 422),
    "a German Excel file in a form": (lambda: Attempt(GERMAN, form=True), 422),
    "cp1252 with commas": (lambda: Attempt(ZOE.encode("cp1252")), 422),
    "from a Macintosh": (lambda: Attempt(ZOE.encode("mac_roman")), 422),
    "Excel's Unicode text": (lambda: Attempt(ZOE.replace(",", "\t").encode("utf-16")), 422),
    "Excel's Unicode text without its mark": (lambda: Attempt(ZOE.replace(",", "\t").encode("utf-16-le")), 422),
    "UTF-16 that is declared and has no mark": (
        lambda: Attempt(ZOE.encode("utf-16-be"), parameters={"charset": "utf-16"}),
        422,
    ),
    "UTF-8 that is declared as UTF-16": (lambda: Attempt(ZOE.encode(), parameters={"charset": "utf-16"}), 422),
    "UTF-8 that is declared as ASCII": (lambda: Attempt(ZOE.encode(), parameters={"charset": "ascii"}), 422),
    "semicolons": (lambda: Attempt(separated(";")), 422),
    "tabs": (lambda: Attempt(separated("\t")), 422),
    "commas in place of semicolons": (lambda: Attempt(LEADS, parameters={"format": "ssv"}), 422),
    "a line that names the separator": (lambda: Attempt(b"sep=;\r\n" + separated(";")), 422),
    "pipes": (lambda: Attempt(separated("|"), as_csv=LEADS), 422),
    "Hive's separator": (lambda: Attempt(separated("\x01"), as_csv=LEADS), 422),
    "JSON": (lambda: Attempt(JSON, as_csv=LEADS), 422),
    "JSON by its media type": (lambda: Attempt(JSON, as_csv=LEADS, headers={"Content-Type": "application/json"}), 415),
    "curl -d with a media type": (lambda: Attempt(CURLED, as_csv=LEADS), 422),
    "curl -d as it is": (
        lambda: Attempt(CURLED, as_csv=LEADS, headers={"Content-Type": "application/x-www-form-urlencoded"}),
        415,
    ),
    "a key column with an invisible letter": (lambda: Attempt(LEADS.replace(b"email", "e\u200bmail".encode())), 422),
    "a key column with a Cyrillic letter": (lambda: Attempt(LEADS.replace(b"email", "еmail".encode())), 422),
    "a key column by its display name": (lambda: Attempt(LEADS.replace(b"email", b"Email Address")), 422),
    "display names everywhere": (
        lambda: Attempt(b"Email Address,First Name,Company Name\na@example.com,A,Co\n"),
        422,
    ),
    "a lookup field by its display name": (
        lambda: Attempt(LEADS, parameters={"lookup_field": "Email Address"}),
        422,
    ),
    "fields that Marketo does not have, or lets nobody write": (
        lambda: Attempt(b"email,zzz,createdAt,qqq\na@example.com,1,2,3\n"),
        422,
    ),
    "columns without a name and columns that are doubled": (
        lambda: Attempt(b"email,,First Name,EMAIL,\na@example.com,,A,b@example.com,\n"),
        422,
    ),
    "a NUL byte": (lambda: Attempt(LEADS.replace(b"Ann", b"A\0nn")), 422),
    "a gzip that is not said": (lambda: Attempt(gzip.compress(LEADS)), 422),
    "a zstd that is not said": (lambda: Attempt(zstd.compress(LEADS)), 422),
    "a gzip by its media type": (
        lambda: Attempt(gzip.compress(LEADS), headers={"Content-Type": "application/gzip"}),
        415,
    ),
    "a gzip in a form that says so of itself": (
        lambda: Attempt(gzip.compress(LEADS), form=True, headers={"Content-Encoding": "gzip"}),
        415,
    ),
    "bzip2": (lambda: Attempt(bz2.compress(LEADS)), 422),
    "xz": (lambda: Attempt(lzma.compress(LEADS)), 422),
    "bzip2 in a form": (lambda: Attempt(bz2.compress(LEADS), form=True), 422),
    "a large part under another name": (
        lambda: Attempt(LEADS + b"x@example.com,X\n" * 9_000, form=True, part="csv"),
        422,
    ),
    "a small part under another name": (lambda: Attempt(LEADS, form=True, part="upload"), 422),
    "a piece of a file": (
        lambda: Attempt(LEADS, headers={"Content-Type": "text/csv", "Content-Range": "bytes 0-9/99"}),
        400,
    ),
    **{
        kind: (lambda begun=begun: Attempt(begun, as_csv=LEADS), 422)
        for kind, (begun, _, _) in KINDS.items()
        if kind not in {"gzip", "zstd", "bzip2", "xz"}
    },
}


@pytest.fixture
async def stage(sqlite_url: str, clock: SteppedClock):
    async with staged(sqlite_url, clock) as found:
        yield found


@pytest.mark.parametrize("what", chosen(REFUSED, *list(REFUSED)[::3]))
async def test_whoever_does_what_a_refusal_says_is_taken(stage: Stage, what: str):
    """In one step, whatever is wrong: one answer names all of it."""
    made, status = REFUSED[what]
    attempt = made()
    answer = await attempt.send(stage.api)
    assert answer.status_code == status, answer.text
    attempt.obey(answer.json())
    again = await attempt.send(stage.api)
    assert again.status_code == 202, (answer.json()["detail"], again.text)


TAKEN: dict[str, Callable[[], Attempt]] = {
    "a gzip in a form": lambda: Attempt(gzip.compress(LEADS), form=True),
    "a zstd in a form": lambda: Attempt(zstd.compress(LEADS), form=True),
    "a gzip that is said": lambda: Attempt(
        gzip.compress(LEADS), headers={"Content-Type": "text/csv", "Content-Encoding": "gzip"}
    ),
    "a separator line of the right separator": lambda: Attempt(
        b"sep=;\r\n" + separated(";"), parameters={"format": "ssv"}
    ),
    "UTF-16 whose name says the order, with a mark all the same": lambda: Attempt(
        ZOE.encode("utf-16"), parameters={"charset": "utf-16-le"}
    ),
}


@pytest.mark.parametrize("what", TAKEN)
async def test_what_can_be_understood_is_not_refused(stage: Stage, what: str):
    """There is nothing to say about it."""
    answer = await TAKEN[what]().send(stage.api)
    assert answer.status_code == 202, answer.text
    assert answer.json()["file"]["rows"] == 2


@pytest.mark.parametrize("name", ["excel-european.csv", "excel-unicode-text.tsv", "semicolons.csv", "tabs.csv"])
async def test_the_ugly_files_are_taken_after_one_answer_too(stage: Stage, name: str):
    """Sent without a word about them."""
    attempt = Attempt((FOLDER / name).read_bytes())
    answer = await attempt.send(stage.api)
    assert answer.status_code == 422, answer.text
    attempt.obey(answer.json())
    again = await attempt.send(stage.api)
    assert again.status_code == 202, (answer.json()["detail"], again.text)


async def test_the_same_words_help_on_marketos_paths(stage: Stage):
    """Its parameters have our names there, for those that say how a file is to be read."""
    form = {"files": {"file": ("a.csv", GERMAN)}}
    told = (await stage.api.post("/bulk/v1/leads.json", **form)).json()
    assert told["success"] is False
    attempt = Attempt(GERMAN, form=True, path="/bulk/v1/leads.json")
    attempt.obey({"detail": told["errors"][0]["message"]})
    assert (await attempt.send(stage.api)).json()["success"]


async def test_a_file_that_is_refused_leaves_nothing(stage: Stage):
    """However much was looked at."""
    for made, _ in REFUSED.values():
        await made().send(stage.api)
    assert await stage.holds_nothing()
