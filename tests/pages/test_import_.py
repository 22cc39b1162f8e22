"""What is done about an import."""

from app.simulator.fault_injection import Fault
from tests.pages.conftest import Browser
from tests.story.files import LEADS


async def test_what_is_unconfirmed_is_sent_again(open_browser: Browser):
    """By a form; Marketo gets the rows once more, and the import ends well."""
    stage = open_browser.stage
    stage.simulator.order(Fault("lost_request", on="create"))
    import_id = await stage.created(LEADS)

    async def unconfirmed() -> bool:
        return (await stage.parts(import_id))[0]["state"] == "unconfirmed"

    await stage.run(until=unconfirmed, beats=20)
    done = await open_browser.post(f"/imports/{import_id}/send-again", {"back": f"/imports/{import_id}"})
    assert done.headers["location"] == f"/imports/{import_id}?did=sent_again&of={import_id}"
    assert "waits again" in (await open_browser.get(done.headers["location"])).text
    await stage.run()
    assert (await stage.read(import_id))["status"] == "complete"


async def test_an_import_that_there_is_not_is_no_fault(open_browser: Browser):
    for deed in ("give-up", "send-again", "retry"):
        for number in ("7", "0", "x", "9" * 400):
            assert (await open_browser.post(f"/imports/{number}/{deed}", {})).status_code == 404
