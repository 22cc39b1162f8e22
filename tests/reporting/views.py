"""An instance at one moment, made by hand."""

from datetime import UTC, datetime
from typing import Any

from app.domain.instances import Instance
from app.domain.lifecycle import JobState, PartState
from app.reporting.instances import InstanceView
from app.settings import InstanceSettings
from app.store.queue_summary import QueueSummary

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SETTINGS = {"base_url": "https://me:secret@marketo.example.com/rest", "client_id": "id", "client_secret": "secret"}


def view(
    *,
    parts: dict[str, int] | None = None,
    jobs: dict[str, int] | None = None,
    any_may_go: bool = False,
    any_to_try: bool = False,
    **instance: Any,
) -> InstanceView:
    """The instance `default` with so many parts and jobs in each state, and these fields of its row."""
    return InstanceView(
        settings=InstanceSettings.model_validate(SETTINGS),
        instance=Instance("default", **instance),
        queue=QueueSummary(
            parts={PartState(state): count for state, count in (parts or {}).items()},
            jobs={JobState(state): count for state, count in (jobs or {}).items()},
        ),
        any_may_go=any_may_go,
        any_to_try=any_to_try,
        rows_per_second=None,
        now=NOW,
    )
