"""The pages of instances, by what they say and do."""

import re
from collections.abc import Awaitable, Callable

import pytest

from app.domain.api_keys import Scope
from app.simulator.fault_injection import Fault
from tests.pages.conftest import Browser, refuse_hostile
from tests.pages.test_overview import sentence
from tests.story.files import LEADS, leads
from tests.support.days import seed
from tests.support.stage import Stage

LISTS = ("queue", "jobs", "history")


async def at_unconfirmed(stage: Stage) -> int:
    """An import whose submission's answer was lost."""
    stage.simulator.order(Fault("lost_response", on="create"))
    import_id = await stage.created(LEADS, on_unconfirmed="hold")

    async def is_unconfirmed() -> bool:
        return (await stage.parts(import_id))[0]["state"] == "unconfirmed"

    await stage.run(until=is_unconfirmed, beats=20)
    return import_id


async def job_of(browser: Browser) -> int:
    """The number of the one job that is offered to be decided about."""
    page = (await browser.get("/instances/default")).text
    found = re.search(r'action="/instances/default/jobs/(\d+)/give-up"', page)
    assert found, "it is offered"
    return int(found[1])


async def test_the_list_says_whether_all_run_and_each_number_is_a_link(day_browser: Browser):
    await seed(day_browser.stage.container.db, "busy", day_browser.stage.clock())
    page = (await day_browser.get("/instances")).text
    assert sentence(page) == "All 2 instances run."
    assert '<a href="/instances/default/queue">12 parts</a>' in page
    assert '<a href="/instances/default#places">5 of 10</a>' in page
    assert '<a href="/instances/default#calls">812</a>' in page


async def test_one_page_has_places_queue_jobs_speed_calls_and_history(day_browser: Browser):
    """What waits is shown from its beginning, with a link to all of it."""
    stage = day_browser.stage
    await seed(stage.container.db, "busy", stage.clock())
    await stage.container.pause.run("default", reason="Spring <b>cleaning</b>", by="an operator")
    await stage.container.resume.run("default", by="another operator")
    page = (await day_browser.get("/instances/default")).text
    assert sentence(page).startswith("Work flows to default. 12 parts wait.")
    assert len(re.findall(r'class="place taken importing"', page)) == 2
    assert page.count("Its turn, or a free place at Marketo") == 10
    assert 'href="/instances/default/queue">All that waits' in page
    assert "An importer takes" in page
    assert "812" in page
    assert "Paused by an operator: Spring &lt;b&gt;cleaning&lt;/b&gt;" in page
    assert "Resumed by another operator." in page
    assert 'action="/instances/default/pause"' in page


@pytest.mark.parametrize("path", ["", *[f"/{name}" for name in LISTS]])
async def test_nothing_hostile_is_believed(hostile: Callable[[str], Awaitable[str]], path: str):
    for name in ("default", "eu-west"):
        await hostile(f"/instances/{name}{path}")
    await hostile("/instances")


async def test_who_wrote_a_hostile_reason_is_shown_it_as_text(day_browser: Browser):
    """By the history, too."""
    stage = day_browser.stage
    await stage.container.pause.run("eu-west", reason="<script>alert(1)</script>", by="<script>alert(1)</script>")
    for path in ("/", "/instances", "/instances/eu-west", "/instances/eu-west/history"):
        page = (await day_browser.get(path)).text
        assert "&lt;script&gt;alert(1)" in page
        refuse_hostile(page)


async def test_the_queue_is_paged_in_the_order_of_acceptance(open_browser: Browser):
    stage = open_browser.stage
    for start in range(100, 100 + 55 * 10, 10):
        await stage.created(leads(3, start=start))
    await stage.container.pause.run("default", reason=None, by="me")
    page = (await open_browser.get("/instances/default/queue")).text
    assert "The instance is paused" in page
    following = re.search(r'href="(/instances/default/queue\?page_token=[^"]+)"', page)
    assert following
    rest = (await open_browser.get(following[1])).text
    numbers = [re.findall(r'<th scope="row"><a href="/imports/(\d+)">', text) for text in (page, rest)]
    assert len(numbers[0]) == 50
    assert numbers[1]
    assert sorted(numbers[0] + numbers[1], key=int) == numbers[0] + numbers[1], "each once, in the order of acceptance"
    assert 'href="/instances/default/queue">The first in line' in rest


async def test_a_part_that_waits_for_the_same_records_names_who_goes_first(open_browser: Browser):
    stage = open_browser.stage
    first, second = await stage.created(LEADS), await stage.created(LEADS)
    await stage.beat()
    assert (await stage.parts(second))[0]["waiting_for"] == "same_records"
    page = (await open_browser.get("/instances/default")).text
    assert "Another part with the same records" in page
    assert f'<a href="/imports/{first}">{first}·1</a> goes first' in page


@pytest.mark.parametrize(
    ("deed", "form", "said", "state"),
    [
        ("give-up", {}, "The job was given up", "failed"),
        ("send-again", {}, "waits again", "waiting"),
        ("accepted", {"batch_id": "4711"}, "is followed to its end", "queued"),
    ],
)
async def test_an_unconfirmed_job_is_decided_on_its_instance_s_page(
    open_browser: Browser, deed: str, form: dict[str, str], said: str, state: str
):
    stage = open_browser.stage
    import_id = await at_unconfirmed(stage)
    page = (await open_browser.get("/instances/default")).text
    assert "the submission was lost" in page
    job_id = await job_of(open_browser)
    path = f"/instances/default/jobs/{job_id}/{deed}"
    done = await open_browser.post(path, form | {"back": "/instances/default"})
    assert done.status_code == 303, done.text
    assert said in (await open_browser.get(done.headers["location"])).text
    assert (await stage.parts(import_id))[0]["state"] == state
    late = await open_browser.post(path, form)
    assert late.status_code == 409, "each is a sentence where it comes too late"
    assert "<h1>" in late.text


@pytest.mark.parametrize("number", ["", "x", "0", "-1", "9" * 30, "<b>"])
async def test_a_batch_id_that_is_no_number_is_refused_with_a_sentence(open_browser: Browser, number: str):
    await at_unconfirmed(open_browser.stage)
    job_id = await job_of(open_browser)
    answer = await open_browser.post(f"/instances/default/jobs/{job_id}/accepted", {"batch_id": number})
    assert answer.status_code == 422
    assert "is not a whole number" in answer.text


async def test_a_stuck_job_can_be_given_up_and_one_that_is_well_is_not_offered(day_browser: Browser):
    await seed(day_browser.stage.container.db, "broken", day_browser.stage.clock())
    page = (await day_browser.get("/instances/default")).text
    jobs = re.findall(r'<li class="job(.*?)</li>', page, re.DOTALL)
    troubled = [job for job in jobs if job.startswith(" troubled")]
    assert len(troubled) == 2
    assert sum("Give it up…" in job for job in troubled) == 2
    assert not any("Give it up…" in job for job in jobs if job not in troubled)


async def test_a_job_of_another_instance_is_not_found(day_browser: Browser):
    await seed(day_browser.stage.container.db, "broken", day_browser.stage.clock())
    for path in ("/instances/eu-west/jobs/1/give-up", "/instances/default/jobs/99999/give-up"):
        answer = await day_browser.post(path, {})
        assert answer.status_code == 404
    assert (await day_browser.post("/instances/default/jobs/x/give-up", {})).status_code == 404


async def test_an_instance_is_found_in_either_case_by_pages_and_deeds(open_browser: Browser):
    """As in the API."""
    assert (await open_browser.get("/instances/DEFAULT")).status_code == 200
    for name in LISTS:
        assert (await open_browser.get(f"/instances/Default/{name}")).status_code == 200
    assert (await open_browser.post("/instances/Default/pause", {"reason": "x"})).status_code == 303
    assert "it is paused" in (await open_browser.get("/instances/default")).text
    assert (await open_browser.post("/instances/DEFAULT/resume", {})).status_code == 303
    for path in ("/instances/nobody", "/instances/nobody/queue", "/instances/nobody/jobs", "/instances/nobody/history"):
        assert (await open_browser.get(path)).status_code == 404
    assert (await open_browser.post("/instances/nobody/pause", {})).status_code == 404


async def test_a_client_that_may_only_submit_sees_state_and_reason(browser: Browser):
    """Not whose jobs Marketo has, nor what others have waiting."""
    await seed(browser.stage.container.db, "busy", browser.stage.clock())
    await browser.stage.container.pause.run("default", reason="cleaning", by="somebody")
    await browser.sign_in(Scope.SUBMIT)
    for path in ("/instances", "/instances/default"):
        page = (await browser.get(path)).text
        assert "paused" in page
        assert "cleaning" in page
        assert "somebody" not in page
        assert "parts" not in page
        assert "/pause" not in page
    for name in LISTS:
        assert (await browser.get(f"/instances/default/{name}")).status_code == 403


async def test_who_may_only_read_is_offered_no_deed_and_refused_each(browser: Browser):
    await browser.sign_in(Scope.READ)
    page = (await browser.get("/instances/default")).text
    assert 'action="/instances' not in page
    form = {"csrf": await browser.csrf()}
    for path in ("pause", "resume", "jobs/1/give-up", "jobs/1/send-again", "jobs/1/accepted"):
        assert (await browser.post(f"/instances/default/{path}", form)).status_code == 403


@pytest.mark.parametrize("query", ["page_token=nonsense", "page_token=WzEsMiwzXQ", "state=asleep"])
async def test_an_address_that_means_nothing_is_answered_with_a_sentence(open_browser: Browser, query: str):
    assert (await open_browser.get(f"/instances/default/jobs?{query}")).status_code == 422


async def test_jobs_are_listed_by_state(day_browser: Browser):
    await seed(day_browser.stage.container.db, "busy", day_browser.stage.clock())
    page = (await day_browser.get("/instances/default/jobs?state=importing")).text
    assert page.count('<th scope="row">') == 2
    assert '<option value="importing" selected>' in page
    everything = (await day_browser.get("/instances/default/jobs")).text
    assert "page_token=" in everything
