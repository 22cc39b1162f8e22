"""Forms: their parts, their bounds, and what is refused of them."""

import pytest

from tests.api.bad_files import BAD_FILES
from tests.api.problem_answers import is_problem
from tests.story.files import LEADS
from tests.support.stage import Stage


@pytest.mark.parametrize("name", BAD_FILES)
async def test_a_form_is_checked_like_a_raw_body(stage: Stage, name: str):
    """Multipart is another envelope around the same rules."""
    content, status, code, _ = BAD_FILES[name]
    answer = await stage.api.post("/v1/imports", files={"file": ("leads.csv", content)})
    is_problem(answer, status, code)
    assert await stage.holds_nothing()


async def test_a_form_without_a_file_says_how_to_name_it(stage: Stage):
    """The commonest mistake with forms."""
    answer = await stage.api.post("/v1/imports", files={"upload": ("a.csv", LEADS)})
    problem = is_problem(answer, 422, "no_file")
    assert "`file`" in problem["detail"]
    assert await stage.holds_nothing()


async def test_a_form_with_two_files_is_refused(stage: Stage):
    """One of them would be lost."""
    answer = await stage.api.post("/v1/imports", files=[("file", ("a.csv", LEADS)), ("file", ("b.csv", LEADS))])
    assert "two parts named `file`" in is_problem(answer, 422, "two_files")["detail"]
    assert await stage.holds_nothing()


async def test_a_form_cannot_be_compressed(stage: Stage):
    """What may be is said."""
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Encoding": "gzip"}
    answer = await stage.api.post("/v1/imports", content=b"", headers=headers)
    assert "Send the file raw" in is_problem(answer, 415, "unsupported_media")["detail"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({f"x{n}": "" for n in range(64)}, "there is no parameter 'x0'"),
        ({f"x{n}": "" for n in range(65)}, "The form has more than 64 fields."),
        ({"label": "x" * 65_536}, "is longer than 200 characters"),
        ({"label": "x" * 65_537}, "The field 'label' is longer than 65536 bytes."),
    ],
)
async def test_a_form_s_fields_are_bounded(stage: Stage, fields: dict[str, str], says: str):
    """They are held in memory: 64 of them, of 64 KiB each."""
    answer = await stage.api.post("/v1/imports", data=fields, files={"file": ("a.csv", LEADS)})
    assert says in is_problem(answer, 422, "invalid_parameter")["detail"]
    assert await stage.holds_nothing()


@pytest.mark.parametrize("boundary", ["x" * 5000, "", '"'])
async def test_a_form_whose_boundary_is_none_is_refused(stage: Stage, boundary: str):
    """Whatever its header says."""
    answer = await stage.api.post(
        "/v1/imports", content=LEADS, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )
    is_problem(answer, 400, "broken_upload")


async def test_a_form_that_breaks_off_leaves_nothing(stage: Stage):
    """Without its last boundary nobody can know whether the file was whole."""
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + LEADS
    answer = await stage.api.post(
        "/v1/imports", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    is_problem(answer, 400, "broken_upload")
    assert await stage.holds_nothing()


@pytest.mark.parametrize("name", ["größe.csv", "名簿.csv", "a\U0001f600.csv", "\xff"])
async def test_a_form_s_names_may_be_of_any_alphabet(stage: Stage, name: str):
    """Browsers and curl send them as UTF-8."""
    answer = await stage.api.post("/v1/imports", files={"file": (name, LEADS)})
    assert answer.status_code == 202, answer.text
    assert answer.json()["file"]["name"] == name
    answer = await stage.api.post("/v1/imports", files={"file": ("a.csv", LEADS)}, data={name: "1"})
    problem = is_problem(answer, 422, "invalid_parameter")
    assert problem["errors"][0]["field"] == name
