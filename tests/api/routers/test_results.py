"""Failed and warned rows: as pages, and as a file."""

from tests.api.problem_answers import is_problem
from tests.story.files import LEADS
from tests.support.stage import Stage


async def test_the_paging_of_a_file_is_looked_at_too(stage: Stage):
    """A typing error must not go unnoticed, though a file has no pages."""
    import_id = await stage.created(LEADS)
    answer = await stage.api.get(f"/v1/imports/{import_id}/failures", params={"page_size": "201"})
    is_problem(answer, 422, "invalid_parameter")


async def test_results_page_as_json_in_source_order(stage: Stage):
    """Every failed row once, by pages."""
    content = b"email,leadScore\n" + b"".join(b"p%d@example.com,many\n" % n for n in range(25))
    import_id = await stage.created(content)
    await stage.run()
    rows: list[int] = []
    token = None
    while True:
        parameters = {"page_size": 10} | ({"page_token": token} if token else {})
        answer = await stage.api.get(
            f"/v1/imports/{import_id}/failures", params=parameters, headers={"Accept": "application/json"}
        )
        body = answer.json()
        rows += [row["source_row"] for row in body["items"]]
        token = body["next_page_token"]
        if not token:
            break
    assert rows == list(range(1, 26))
