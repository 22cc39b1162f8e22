"""/metrics: what Prometheus is given."""

from app.domain.api_keys import Scope
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged


async def key(stage: Stage, *scopes: Scope, client: str = "crm-sync") -> str:
    return (await stage.container.keys.create(client, scopes))[1]


def bearing(written: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {written}"}


async def test_metrics_can_be_made_to_ask_for_a_key(database_url: str, clock: SteppedClock):
    """By a setting; the probes never do."""
    async with staged(database_url, clock, auth="on", metrics_auth="on") as stage:
        reader, submitter = await key(stage, Scope.READ), await key(stage, Scope.SUBMIT)
        asked = [await stage.api.get("/metrics", headers=h) for h in ({}, bearing(submitter), bearing(reader))]
        assert [answer.status_code for answer in asked] == [401, 403, 200]
        assert (await stage.api.get("/livez")).status_code == 200


async def test_a_series_has_its_kind_its_labels_and_its_meaning(stage: Stage):
    """In Prometheus's text format; a counter ends in `_total`, and a histogram has its buckets."""
    await stage.created(b"email\na@example.com\n")
    await stage.run()
    answer = await stage.api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert "# TYPE sluice_slots_used gauge" in lines
    assert 'sluice_slots_used{marketo_instance="default"} 0.0' in lines
    assert "# TYPE sluice_rows_total counter" in lines
    assert 'sluice_rows_total{marketo_instance="default",outcome="imported"} 1.0' in lines
    assert 'sluice_import_duration_seconds_count{marketo_instance="default"} 1.0' in lines
    assert any(line.startswith('sluice_build_info{version="') for line in lines)
