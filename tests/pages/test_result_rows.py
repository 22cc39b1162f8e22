"""Rejected rows: shown, downloaded, mended and sent again."""

import csv
import html
import io
import re

import pytest

from app.domain.api_keys import Scope
from tests.pages.conftest import Browser
from tests.story.files import LEADS, LEADS_WITH_TROUBLE
from tests.support.stage import Stage

BOUNDARY = "a-boundary"


async def troubled(stage: Stage, **parameters: str) -> int:
    number = await stage.created(LEADS_WITH_TROUBLE, **parameters)
    await stage.run()
    return number


def fields(page: str) -> list[tuple[str, str]]:
    """What a browser would send of the table, unchanged."""
    form = page.partition('class="mend"')[2].partition("</form>")[0]
    found = []
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r' name="([^"]*)"', tag), re.search(r' value="([^"]*)"', tag)
        assert name
        if 'type="checkbox"' not in tag or " checked" in tag:
            found.append((name[1], html.unescape(value[1]) if value else ""))
    return found


async def test_rows_stand_under_the_files_own_columns_with_the_wrong_cell_marked(open_browser: Browser):
    number = await troubled(open_browser.stage)
    page = (await open_browser.get(f"/imports/{number}/failures")).text
    assert "2 rows of import 1 were rejected." in page
    assert '<th scope="col"><bdi>leadScore</bdi></th>' in page
    assert '<td class="wrong"><bdi>many</bdi></td>' in page
    (reason,) = [each for each in re.findall(r'failures\?reason=([^"]+)"', page) if "field" in each.lower()][:1]
    filtered = (await open_browser.get(f"/imports/{number}/failures?reason={reason}")).text
    assert filtered.count('<th scope="row"') == 1
    assert "No row is like this." in (await open_browser.get(f"/imports/{number}/failures?reason=none")).text


async def test_a_page_of_rows_follows_the_other(open_browser: Browser):
    number = await troubled(open_browser.stage)
    first = (await open_browser.get(f"/imports/{number}/failures?page_size=1")).text
    older = re.search(r'href="([^"]+)" rel="next"', first)
    assert older
    second = (await open_browser.get(older[1].replace("&amp;", "&"))).text
    rows = [re.findall(r'<th scope="row" class="num">(\d+)', page) for page in (first, second)]
    assert rows == [["2"], ["4"]]
    assert 'rel="next"' not in second


async def test_the_file_is_what_the_api_gives_and_excel_knows_it_for_utf_8(open_browser: Browser):
    number = await troubled(open_browser.stage)
    for kind in ("failures", "warnings"):
        answer = await open_browser.get(f"/imports/{number}/{kind}.csv?bom=true")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"] == f'attachment; filename="{kind}-{number}.csv"'
        of_api = await open_browser.stage.api.get(f"/v1/imports/{number}/{kind}.csv")
        assert answer.content == b"\xef\xbb\xbf" + of_api.content
        assert answer.headers["cache-control"] == "no-store"


async def test_a_file_is_for_who_may_see_the_import(browser: Browser):
    assert (await browser.get("/imports/1/failures.csv")).headers["location"].startswith("/sign-in?next=")
    await browser.sign_in(Scope.SUBMIT, client="another")
    assert (await browser.get("/imports/1/failures.csv")).status_code == 404


async def test_mended_rows_are_sent_with_their_numbers_and_are_imported(open_browser: Browser):
    """The whole way by forms: the table, one cell mended, one row left out; sent twice, it is one import."""
    stage = open_browser.stage
    number = await troubled(stage)
    page = (await open_browser.get(f"/imports/{number}/mend")).text
    assert "Mend 2 rejected rows" in page
    assert 'aria-label="leadScore, row 2" aria-description=' in page
    form = [(name, "2" if value == "many" else value) for name, value in fields(page)]
    form.remove(("send", "1"))
    answers = [await open_browser.post(f"/imports/{number}/mend", form) for _ in range(2)]
    new = number + 1
    assert {answer.headers["location"] for answer in answers} == {f"/imports/{new}?did=mended&of={new}"}
    await stage.run()
    read = await stage.read(new)
    assert (read["status"], read["rows"]["total"], read["rows"]["imported"]) == ("complete", 1, 1)
    assert read["retry_of"] == number


async def test_what_is_still_wrong_is_said_and_no_typing_is_lost(open_browser: Browser):
    stage = open_browser.stage
    number = await troubled(stage)
    page = (await open_browser.get(f"/imports/{number}/mend")).text
    form = [(name, "still wrong" if value == "many" else value) for name, value in fields(page) if name != "send"]
    answer = await open_browser.post(f"/imports/{number}/mend", form)
    assert answer.status_code == 422
    assert "No row is ticked to be sent." in answer.text
    assert 'value="still wrong"' in answer.text


@pytest.mark.parametrize("text", ["row=1&why=x", "row=1", "c0=1&c1=2"])
async def test_a_table_that_was_not_offered_is_refused(open_browser: Browser, text: str):
    number = await troubled(open_browser.stage)
    pairs = [tuple(pair.split("=")) for pair in text.split("&")]
    assert (await open_browser.post(f"/imports/{number}/mend", pairs)).status_code == 422


async def test_an_import_without_rejected_rows_has_nothing_to_mend(open_browser: Browser):
    number = await open_browser.stage.created(LEADS)
    await open_browser.stage.run()
    assert "There is nothing to mend here." in (await open_browser.get(f"/imports/{number}/mend")).text


async def dropped(browser: Browser, number: int, content: bytes, **fields: str) -> "tuple[int, str]":
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="mended.csv"\r\n\r\n'.encode()
    body = b"".join([*parts, head, content, f"\r\n--{BOUNDARY}--\r\n".encode()])
    headers = browser.headers | {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = await browser.client.post(f"/imports/{number}/corrected", content=body, headers=headers)
    return answer.status_code, answer.headers.get("location", answer.text)


async def test_the_downloaded_file_is_dropped_back_in_as_excel_saves_it(open_browser: Browser):
    """Semicolons and a Windows charset; our own columns may stay in it."""
    stage = open_browser.stage
    number = await troubled(stage)
    assert "Drop a corrected file" in (await open_browser.get(f"/imports/{number}/corrected")).text
    file = (await open_browser.get(f"/imports/{number}/failures.csv?bom=true")).content.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(file, newline="")))
    rows[1][1], rows[1][3], rows[2][0] = "Zoë", "7", "dot@example.com"
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(rows)
    status, location = await dropped(
        open_browser, number, text.getvalue().encode("cp1252"), charset="windows-1252", format="ssv"
    )
    assert (status, location) == (303, f"/imports/{number + 1}?did=corrected&of={number + 1}")
    await stage.run()
    assert (await stage.read(number + 1))["rows"]["imported"] == 2


async def test_a_dropped_file_that_cannot_be_imported_is_told_beside_the_form(open_browser: Browser):
    number = await troubled(open_browser.stage)
    status, page = await dropped(open_browser, number, b"nothing,that,fits\n1,2,3\n")
    assert status == 422
    assert "It was not sent" in page
    assert 'type="file"' in page
    status, page = await dropped(open_browser, number, LEADS, format="xls")
    assert status == 422


async def test_a_file_is_not_dropped_from_elsewhere_nor_without_the_token(browser: Browser):
    await browser.sign_in(Scope.ADMIN)
    status, _ = await dropped(browser, 1, LEADS)
    assert status == 403
