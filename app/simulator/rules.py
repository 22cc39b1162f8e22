"""What the simulated Marketo allows, how fast it works, and how it behaves where nobody knows how Marketo behaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Rules:
    """Every number and switch. Durations are simulated seconds: `speed` of them pass in a real one."""

    # Who may come in.
    client_id: str = "sluice-demo"
    client_secret: str = "sluice-demo-secret"  # noqa: S105  a stand-in, published in the docs
    token_seconds: int = 3600  # Adobe, "Authentication", read 2026-08

    # The queue. Adobe, "Bulk import", Limits, read 2026-08
    importers: int = 2  # jobs imported at once
    places: int = 10  # jobs in the queue, those importing included

    # Calls. Adobe, "REST API", Limits, and "Error codes" 606/607/615, read 2026-08
    calls_per_window: int = 100
    window_seconds: float = 20.0  # sliding
    concurrent_calls: int = 10
    daily_calls: int = 50_000  # until midnight US Central

    # Sizes and ages. Adobe, "Bulk import", Limits, and "Bulk lead import", read 2026-08
    body_megabytes: int = 10  # of an import's whole request body; beyond it HTTP 413
    uri_bytes: int = 8192  # beyond it HTTP 414
    result_seconds: float = 7 * 86_400.0  # how long a batch id lives, counted from its creation

    # How jobs get on.
    progress: Literal["clock", "polls"] = "clock"
    rows_per_second: float = 5000.0
    job_seconds: float = 2.0  # on top, for each job
    polls_per_job: int = 2  # with progress="polls": the status call that finds an importing job finished
    speed: float = 1.0  # simulated seconds in a real one; for the machine's clock only
    seed: int | None = 0  # of all that is left to chance; None: other tokens, batch ids and faults at each start

    # What nobody knows about Marketo: the default is the guess that is harder on the client, or the likelier one.
    queue: Literal["shared", "per_type"] = "shared"  # do leads, custom objects and members share one queue?
    megabyte_bytes: Literal[1_000_000, 1_048_576] = 1_000_000
    unknown_lead_header: Literal["reject", "ignore"] = "reject"  # 1006; members of programs too
    unknown_object_header: Literal["reject", "ignore"] = "ignore"
    header_only: Literal["complete", "reject"] = "complete"  # a file without rows: Complete with 0, or 1003
    blank_cell: Literal["clear", "keep"] = "clear"  # what an empty cell does to the record's value
    repeated_key: Literal["last_wins", "fail_later"] = "last_wins"  # the same key twice in one file
    several_matches: Literal["fail", "update_newest"] = "fail"  # a lead's key fits several records
    unresolved_link: Literal["fail", "ignore"] = "fail"  # a custom object's link field without its parent
    no_file: Literal["404", "empty"] = "404"  # leads and members; for custom objects 404 is documented
    unknown_batch_code: Literal["1013", "610"] = "1013"
    access_token_param: Literal["accept", "deny"] = "accept"  # noqa: S105  in the query or a form field
    param_precedence: Literal["query", "form"] = "query"
    rejected_calls_count: bool = False  # does a call turned away with 606, 607 or 615 count towards 606?
    partition_required: bool = False  # 1009 when an import of leads names none
    drop_empty_lookup_column: bool = True  # seen: a trailing lookup column without a value leaves the failures file

    # The instance.
    lead_fields: tuple[str, ...] = ()  # further custom fields: "name" or "name:type"
    custom_objects: tuple[str, ...] = ()  # further objects: "tire_c:serial:serial,brand,size"; dedupe fields second
    keep_records: bool = True  # off: rows are checked and counted, not remembered
    keep_jobs: bool = False  # on: what each job carried, and why rows failed, is remembered beyond its end

    def __post_init__(self) -> None:
        for name in (
            "importers",
            "places",
            "calls_per_window",
            "concurrent_calls",
            "rows_per_second",
            "speed",
        ):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0")
        for name in ("window_seconds", "token_seconds", "polls_per_job", "body_megabytes", "result_seconds"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0")
        if self.job_seconds < 0 or self.daily_calls < 0:
            raise ValueError("job_seconds and daily_calls cannot be below 0")
        if self.importers > self.places:
            raise ValueError("importers cannot be above places, which include them")

    @property
    def body_bytes(self) -> int:
        return self.body_megabytes * self.megabyte_bytes
