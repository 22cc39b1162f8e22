"""A job: what one POST gives to Marketo. It holds the slot and the batch id; the rows are those of its parts."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.lifecycle import JobState
from app.domain.parts import Failure, Rows, TryError


@dataclass(frozen=True, slots=True)
class Job:
    id: int
    instance: str
    state: JobState
    state_since: datetime
    object_type: str
    parts: int  # how many it has the rows of
    imports: int  # of how many imports they are
    rows: Rows  # as Marketo counted them
    size_bytes: int  # of its parts' files together
    slot: int | None
    batch_id: int | None
    attempts: int  # submissions of its parts; those that Marketo turned away for back-pressure are not counted
    due_at: datetime | None  # when something is next to be done about it; what that is depends on the state
    message: str | None  # Marketo's message in its record of the job
    error: Failure | None
    silent_since: datetime | None  # since when Marketo denies knowing it
    denials: int  # how often in a row Marketo has denied it
    last_error: TryError | None  # of the last call about it that did not go through
    failing_since: datetime | None  # since when no call has gone through; None: the last one did
    counted: bool  # whether Marketo has said how many rows it imported
    results_missing: bool
    results_late: str | None  # the result file that is asked for again, and why: "failures:html"
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def tried_at(self) -> datetime | None:
        """When the last call about it was made that did not go through."""
        return self.last_error.at if self.last_error else None
