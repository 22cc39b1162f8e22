"""`sluice jobs` against a running service."""

import json
import re

from tests.cli.conftest import Run
from tests.cli.test_actions import submitted
from tests.support import patience
from tests.support.processes import Service


def test_jobs_are_shown_newest_first_and_by_their_state(sluice: Run, served: Service):
    """A table for people, what the API answers for scripts. An instance that is left out is `default`."""
    import_id = submitted(sluice, served, "-", "--wait")
    (part,) = patience.get(f"{served.url}/v1/imports/{import_id}/parts").json()["items"]
    found = sluice("jobs", "--json", URL=served.url)
    assert found.returncode == 0, found.stderr
    page = json.loads(found.stdout)
    assert part["batch_id"] in [job["batch_id"] for job in page["items"]]
    assert page.keys() == {"items", "next_page_token"}
    shown = sluice("jobs", "default", "--state", "complete", URL=served.url)
    assert shown.returncode == 0, shown.stderr
    assert re.search(rf"^ *\d+ +{part['batch_id']} +complete +lead ", shown.stdout, re.MULTILINE)
    failed = json.loads(sluice("jobs", "default", "--state", "failed", "--json", URL=served.url).stdout)["items"]
    assert {job["state"] for job in failed} <= {"failed"}


def test_an_instance_that_there_is_not_is_told_in_a_sentence(sluice: Run, served: Service):
    """Exit code 1, and nothing on standard output."""
    result = sluice("jobs", "nowhere", URL=served.url)
    assert (result.returncode, result.stdout) == (1, "")
    assert "There is no instance 'nowhere'." in result.stderr
