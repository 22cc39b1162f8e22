"""PostgreSQL fails over to a standby in step with it, while files come in: nothing that was answered is lost."""

from collections import Counter
from pathlib import Path

import psycopg
import pytest

from tests.story.files import leads
from tests.story.test_processes import MARKETO, QUICK, event_types, under_way, uploading
from tests.support import patience
from tests.support.processes import Service, service, simulator, wait_until
from tests.support.standby import Pair, pair

PATIENT = QUICK | {"LEASE_SECONDS": 600}  # who drives goes on driving: it is the database that is away


def is_taken(api: Service) -> bool:
    """Whether a file is taken in; if it is not, the answer says when to come again."""
    answer = patience.post(f"{api.url}/v1/imports", content=leads(3), headers={"Content-Type": "text/csv"})
    assert answer.status_code in {202, 503}, answer.text
    assert answer.status_code == 202 or int(answer.headers["Retry-After"]) > 0
    return bool(answer.status_code == 202)


def imports_of(url: str) -> set[int]:
    with psycopg.connect(url) as line:
        return {number for (number,) in line.execute("SELECT id FROM import").fetchall()}


def live_through(servers: Pair, api: Service, answers: list[tuple[int | None, int]]) -> None:
    """A moment in which the server takes no writes, then its end, and the standby in its place."""
    wait_until(lambda: len(answers) >= 3, "files to be taken in")
    servers.set("default_transaction_read_only", "on")
    wait_until(lambda: not is_taken(api), "writes to be refused")
    servers.set("default_transaction_read_only", "off")
    wait_until(lambda: is_taken(api), "files to be taken in again")
    so_far = len(answers)
    wait_until(lambda: [code for code, _ in answers[so_far:]].count(202) >= 3, "more of them")
    servers.fail_over()
    so_far = len(answers)
    wait_until(lambda: [code for code, _ in answers[so_far:]].count(202) >= 3, "the standby to take files")


@pytest.mark.both_databases
@pytest.mark.endure(minutes=3)
def test_nothing_that_was_answered_is_lost_in_a_failover(tmp_path: Path):
    """Nor in a moment in which the server takes no writes; both are waited out, and all is sent once."""
    with (
        pair() as servers,
        simulator(MARKETO) as (marketo, played),
        service(tmp_path, servers.url, marketo, role="api", **PATIENT) as api,
        service(tmp_path, servers.url, marketo, role="worker", **PATIENT),
    ):
        with uploading([api], pause_seconds=0.5) as answers:
            live_through(servers, api, answers)
        assert {code for code, _ in answers} <= {202, 503}
        accepted = [import_id for code, import_id in answers if code == 202]
        assert set(accepted) <= imports_of(servers.standby_url)
        wait_until(lambda: not under_way(api), "all of them to be complete")
        types = event_types(api, accepted)
        assert (types["collect"], types["lose"], types["fail"]) == (len(accepted), 0, 0)
        emails = Counter(record["email"] for record in played.records("lead"))
        assert emails.keys() >= {
            f"p{3 * n + k}@example.com" for n, (code, _) in enumerate(answers) if code == 202 for k in range(3)
        }
