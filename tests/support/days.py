"""Databases of a day, for the pages: an empty one, a busy one, a broken one. Rows are put in as they stand.

Names are as people and programs write them: long ones, right-to-left ones, and such as are an attack on whoever shows
them without care (HOSTILE).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.throughput import ThroughputModel
from app.domain.timeouts import marketo_day
from app.store import instances
from app.store.database import Database
from app.store.tables import (
    api_key,
    event,
    import_,
    instance,
    job,
    part,
    result_reason,
    result_row,
    webhook,
    webhook_delivery,
)

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE import; --",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe \u2066bidi",
    "javascript:alert(1)",
    "</title></style></textarea>",
    "&lt;b&gt; &amp;amp;",
)
"""Texts that would do harm on a page that believes them."""
LONG = "Quarterly re-engagement of everybody who came to the spring events, " * 3
RIGHT_TO_LEFT = "קמפיין אביב לידים.csv"
ROWS_PER_SECOND = 5_000
SCORES = ["leadScore is not a whole number"] * 14
DAYS = ("empty", "busy", "broken")


@dataclass
class Day:
    """Writes the rows of a day that ends at `at`, within one transaction."""

    tx: AsyncConnection
    at: datetime
    names: Sequence[str] = ()
    accepted: int = 0
    slot: int = field(default=0)

    def ago(self, **time: float) -> datetime:
        return self.at - timedelta(**time)

    async def add_import(self, status: str, *, rows: int, sent_at: datetime, **values: Any) -> int:
        """An import as its row stands; its parts come by `add_part`."""
        self.accepted += 1
        file_name = values.pop("file_name", f"leads-{self.accepted}.csv")
        finished_at = values.pop("finished_at", None)
        row = {
            "instance": "default",
            "client": "crm-sync",
            "object_type": "lead",
            "lookup_field": "email",
            "format": "csv",
            "charset": "utf-8",
            "priority": 5,
            "preflight": "header",
            "on_unconfirmed": "resubmit",
            "file_name": file_name,
            "file_bytes": rows * 90,
            "file_sha256": "00" * 32,
            "columns": ["email", "firstName", "leadScore"],
            "rows": rows,
            "status": status,
            "touched_at": sent_at,
            "created_at": sent_at,
            "started_at": None if status == "queued" else sent_at + timedelta(seconds=4),
            "finished_at": finished_at,
        }
        added = await self.tx.execute(insert(import_).returning(import_.c.id), row | values)
        return int(added.scalar_one())

    async def add_part(self, import_id: int, state: str, *, rows: int, number: int = 1, **values: Any) -> int:
        row = {
            "import_id": import_id,
            "number": number,
            "instance": values.pop("instance", "default"),
            "priority": 5,
            "state": state,
            "turn": import_id,
            "client": values.pop("client", "crm-sync"),
            "space": "lead",
            "key_fields": "email",
            "first_row": 1 + (number - 1) * rows,
            "rows": rows,
            "bytes": rows * 90,
            "state_since": values.pop("state_since", self.ago(minutes=2)),
        }
        added = await self.tx.execute(insert(part).returning(part.c.id), row | values)
        return int(added.scalar_one())

    async def add_job(self, state: str, part_ids: Sequence[int], *, rows: int, imports: int = 1, **values: Any) -> int:
        """A job with these parts, which get its state's columns as the store writes them."""
        holds_slot = state in {"submitting", "unconfirmed", "queued", "importing"}
        self.slot += holds_slot
        row = {
            "instance": "default",
            "state": state,
            "state_since": self.ago(minutes=2),
            "slot": self.slot if holds_slot else None,
            "object_type": "lead",
            "parts": len(part_ids),
            "imports": imports,
            "rows": rows,
            "bytes": rows * 90,
            "batch_id": None if state in {"submitting", "unconfirmed"} else 1200 + self.slot,
            "attempts": 1,
            "submitted_at": self.ago(minutes=3),
        } | values
        added = await self.tx.execute(insert(job).returning(job.c.id), row)
        job_id = int(added.scalar_one())
        shared = {name: row[name] for name in ("batch_id", "submitted_at", "state_since") if name in row}
        shared |= {name: row[name] for name in ("started_at", "denials", "silent_since") if name in row}
        of_parts = part.c.id.in_(part_ids)
        await self.tx.execute(
            update(part).where(of_parts).values(shared | {"job_id": job_id, "bundled_with": imports - 1})
        )
        return job_id

    async def tell(self, import_id: int, type_: str, at: datetime, *, part: int | None = None, **data: Any) -> None:
        """An event in the history of an import."""
        place = {"import_id": import_id, "instance": "default", "part_number": part}
        await self.tx.execute(insert(event), place | {"type": type_, "at": at, "data": data})

    async def set_instance(self, name: str, **values: Any) -> None:
        await self.tx.execute(update(instance).where(instance.c.name == name).values(values))

    async def worker_shows_itself(self, name: str) -> None:
        """As if one drove the instance for the whole test: with what it has learnt, and the calls it has made."""
        throughput = ThroughputModel()
        for rows in (20_000, 60_000, 110_000):
            throughput = throughput.observe(rows, 3 + rows / ROWS_PER_SECOND)
        await self.set_instance(
            name,
            worker="sluice-worker-1:4711",
            heartbeat_at=self.at + timedelta(hours=1),
            lease_until=self.at + timedelta(hours=1),
            pace=asdict(throughput),
            calls_day=str(marketo_day(self.at)),
            calls_today=812,
            calls_last_window=7,
            calls_at=self.at + timedelta(minutes=5),
        )


async def seed(db: Database, day: str, at: datetime) -> None:
    """Fill an empty database with a day: one of DAYS."""
    async with db.write() as tx:
        await instances.ensure(tx, ["default", "eu-west"] if day != "empty" else ["default"])
        written = Day(tx, at)
        await written.worker_shows_itself("default")
        if day != "empty":
            await written.worker_shows_itself("eu-west")
            await _history(written, failures=day == "broken")
            await (_busy if day == "busy" else _broken)(written)
            await _told_and_watched(written, broken=day == "broken")


async def _history(day: Day, *, failures: bool) -> None:
    """What ended in the last 24 hours: more by day than by night."""
    for hours in range(23, 0, -1):
        weight = 1 + (hours * 7) % 5 + (6 if 6 <= hours <= 14 else 0)
        for _ in range(weight // 2 or 1):
            rows, rejected = 30_000 * weight, weight * (37 if failures else 3)
            started, ended = day.ago(hours=hours, minutes=20), day.ago(hours=hours - 0.2, minutes=14 - weight)
            import_id = await day.add_import(
                "complete", rows=rows, sent_at=started - timedelta(minutes=2), finished_at=ended,
                imported=rows - rejected, failed=rejected,
            )  # fmt: skip
            part_id = await day.add_part(
                import_id, "complete", rows=rows, imported=rows - rejected, failed=rejected, finished_at=ended
            )
            await day.add_job(
                "complete", [part_id], rows=rows, imported=rows - rejected, failed=rejected, counted=True,
                started_at=started, finished_at=ended,
            )  # fmt: skip


async def _at_marketo(day: Day, *, also_second: bool = True) -> int:
    """Two importing, one of them for many imports, and some behind them. The id of the first part there."""
    first = await day.add_import("importing", rows=350_000, sent_at=day.ago(minutes=6), label="nightly")
    one = await day.add_part(first, "importing", rows=110_000)
    await day.add_job("importing", [one], rows=110_000, started_at=day.ago(seconds=17))
    await day.tell(first, "accepted", day.ago(minutes=6), rows=350_000, bytes=31_457_280)
    for number in (1, 2, 3):
        await day.tell(first, "claim", day.ago(minutes=3, seconds=2), part=number)
        await day.tell(
            first, "accept", day.ago(minutes=3), part=number, batch_id=1_200 + number + (also_second and number > 1)
        )
    await day.tell(first, "start", day.ago(seconds=17), part=1, batch_id=1_201)
    if also_second:
        await _second(day)
    for number in (2, 3):
        another = await day.add_part(first, "queued", rows=110_000, number=number)
        await day.add_job("queued", [another], rows=110_000)
    small = [await day.add_import("importing", rows=55, sent_at=day.ago(minutes=4), client="erp") for _ in range(42)]
    together = [await day.add_part(each, "queued", rows=55, client="erp") for each in small]
    await day.add_job("queued", together, rows=2_310, imports=42)
    return one


async def _second(day: Day) -> None:
    second = await day.add_import("importing", rows=110_000, sent_at=day.ago(minutes=5), file_name=RIGHT_TO_LEFT)
    two = await day.add_part(second, "importing", rows=110_000)
    await day.add_job("importing", [two], rows=110_000, started_at=day.ago(seconds=5))


async def _busy(day: Day) -> None:
    await _at_marketo(day)
    await day.set_instance("default", foreign_slots=2, foreign_until=day.at + timedelta(hours=1))
    for number in range(12):
        rows = 80_000 + 9_000 * number
        name = {3: "cars.ssv", 5: LONG, 7: RIGHT_TO_LEFT}.get(number, f"contacts-{number}.csv")
        waiting = await day.add_import("queued", rows=rows, sent_at=day.ago(seconds=86 - number), file_name=name)
        await day.add_part(waiting, "waiting", rows=rows)
    await add_reviewed(day, 52_310, file_name="Frühjahrsmesse.csv", column_map={"Lead Score": "leadScore"}, odd=SCORES)
    await add_reviewed(day, 1, file_name=RIGHT_TO_LEFT)


async def _broken(day: Day) -> None:
    """A blocked instance, a stuck job, a lost answer, a failed import, 10,000 rejected rows; and hostile names."""
    first = await _at_marketo(day, also_second=False)
    stuck = await day.add_import("importing", rows=90_000, sent_at=day.ago(hours=9), label="overnight")
    since = day.ago(hours=7)
    held = await day.add_part(stuck, "importing", rows=90_000, state_since=since)
    await day.add_job(
        "importing", [held], rows=90_000, state_since=since, started_at=since, denials=3, silent_since=since
    )
    lost = await day.add_import("importing", rows=4_000, sent_at=day.ago(minutes=40), label=HOSTILE[0])
    gone = await day.add_part(lost, "unconfirmed", rows=4_000, due_at=day.at + timedelta(minutes=9))
    await day.add_job("unconfirmed", [gone], rows=4_000)
    failed = await day.add_import(
        "failed", rows=700, sent_at=day.ago(hours=3), finished_at=day.ago(hours=2), file_name=LONG,
        error_code="refused", error_message=f"Marketo refused the file: {HOSTILE[1]}", error_marketo_code="1003",
    )  # fmt: skip
    await day.add_part(failed, "failed", rows=700, error_code="refused", error_message=HOSTILE[1])
    await _told(day, failed, stuck, lost)
    await _many_parts(day, behind=first)
    await _sent_again(day, await _rejected(day))
    column_map = {HOSTILE[0]: "firstName", HOSTILE[3]: "leadScore", HOSTILE[1]: None}
    odd = [f"firstName {text}; the row {text}" for text in HOSTILE]
    await add_reviewed(day, 4_000, file_name=HOSTILE[1], label=HOSTILE[6], column_map=column_map, odd=odd)
    await add_reviewed(day, 90, file_name=LONG)
    await day.set_instance(
        "eu-west", blocked_at=day.ago(minutes=50), blocked_reason=f"603: Access denied {HOSTILE[2]}", worker="w2"
    )
    for name in HOSTILE[3:]:
        waiting = await day.add_import(
            "queued", rows=10, sent_at=day.ago(minutes=30), label=name, file_name=name, instance="eu-west", client=name
        )
        await day.add_part(waiting, "waiting", rows=10, instance="eu-west", client=name)


async def _told_and_watched(day: Day, *, broken: bool) -> None:
    """What befell the instances, who may call, and who is told: with hostile names on a broken day."""
    names = HOSTILE if broken else ("nightly sync", "the CRM")
    facts: list[tuple[str, str, dict[str, Any]]] = [
        ("default", "paused", {"by": "anna", "reason": "spring cleaning in Marketo"}),
        ("default", "resumed", {"by": "anna"}),
        ("default", "rate_limited", {"reason": "606: max rate limit exceeded"}),
        ("default", "recovered", {"what": "rate_limited"}),
    ]
    if broken:
        facts += [
            ("eu-west", "blocked", {"call": "token", "code": "603", "reason": f"Access denied {name}"})
            for name in names
        ]
    for number, (name, type_, data) in enumerate(facts):
        row = {"at": day.ago(hours=9 - number * 0.5), "instance": name, "type": type_, "data": data}
        await day.tx.execute(insert(event), row)
    clients = ["crm-sync", "erp", *(name for name in names if name.isprintable())]
    for number, client in enumerate(clients):
        row = {
            "id": f"{number:012x}", "client": client, "scopes": "submit" if number else "submit read",
            "secret_sha256": "00" * 32, "created_at": day.ago(days=30), "max_priority": 9 - number % 3,
            "last_used_at": day.ago(minutes=3 * number) if number % 3 != 2 else None,
            "expires_at": day.at + timedelta(days=20) if number % 2 else None,
        }  # fmt: skip
        await day.tx.execute(insert(api_key), row)
    for number, text in enumerate(names):
        is_off = broken and number % 2 == 1
        row = {
            "client": None if number % 2 else "crm-sync", "url": f"https://example.com/hooks/{number}",
            "description": text, "events": ["import.finished", "instance.state"], "secret": "whsec_x",
            "enabled": not is_off, "off_at": day.ago(hours=2) if is_off else None,
            "off_reason": "failing" if is_off else None, "created_at": day.ago(days=9),
            "failing_since": day.ago(minutes=20) if broken and number == 2 else None,
        }  # fmt: skip
        webhook_id = (await day.tx.execute(insert(webhook).returning(webhook.c.id), row)).scalar_one()
        await _deliveries(day, webhook_id, text, broken=broken)


async def _deliveries(day: Day, webhook_id: int, text: str, *, broken: bool) -> None:
    for number in range(4):
        waits, fails = broken and number == 3, broken and number == 2
        state = "waiting" if waits else "failed" if fails else "delivered"
        row = {
            "webhook_id": webhook_id, "message_id": f"msg_{webhook_id}_{number}", "event": "instance.state",
            "instance": "default", "subject": "instance:default", "at": day.ago(minutes=90 - 20 * number),
            "state": state, "waiting_since": day.ago(minutes=90), "attempts": 1 + number * broken,
            "last_status": 500 if waits or fails else 204,
            "last_error": f"the receiver answered {text}"[:200] if waits or fails else None,
            "next_attempt_at": day.at + timedelta(minutes=4) if waits else None,
        }  # fmt: skip
        await day.tx.execute(insert(webhook_delivery), row)


async def add_reviewed(day: Day, rows: int, *, odd: Sequence[str] = (), **values: Any) -> int:
    """An import that waits for a person's word. `odd`: what the pre-flight says of its first rows."""
    import_id = await day.add_import(
        "queued", rows=rows, sent_at=day.ago(minutes=11), review_until=day.at + timedelta(days=6), **values
    )
    await day.add_part(import_id, "waiting", rows=rows, turn=None)
    remarks = [
        {
            "import_id": import_id, "kind": "warnings", "part_number": 0, "position": number, "source_row": number,
            "reason": f"Pre-flight: {what}", "reason_start": f"Pre-flight: {what}"[:64],
            "cells": f'["person{number}@example.com", "<b>Ann</b>", "many"]',
        }
        for number, what in enumerate(odd, 1)
    ]  # fmt: skip
    first = {each["reason"]: each["position"] for each in reversed(remarks)}
    of_import = {"import_id": import_id, "kind": "warnings", "part_number": 0}
    counts = [
        of_import | {"reason": reason, "first_position": at, "rows": sum(each["reason"] == reason for each in remarks)}
        for reason, at in first.items()
    ]
    if remarks:
        await day.tx.execute(insert(result_row), remarks)
        await day.tx.execute(insert(result_reason), counts)
    return import_id


async def _told(day: Day, failed: int, stuck: int, lost: int) -> None:
    """What the histories of these say: tries that did not go through, and who did what."""
    await day.tell(failed, "accepted", day.ago(hours=3), rows=700, bytes=63_000)
    await day.tell(failed, "changed", day.ago(hours=3), by=HOSTILE[1], label={"from": None, "to": HOSTILE[0]})
    await day.tell(failed, "turn_away", day.ago(hours=2, minutes=30), part=1, code="1029")
    await day.tell(failed, "refuse", day.ago(hours=2), part=1, code="1003")
    await day.tell(failed, "finished", day.ago(hours=2), status="failed")
    await day.tell(stuck, "accepted", day.ago(hours=9), rows=90_000, bytes=8_100_000)
    await day.tell(stuck, "accept", day.ago(hours=7, minutes=2), part=1, batch_id=1_204)
    await day.tell(stuck, "start", day.ago(hours=7), part=1)
    await day.tell(stuck, "stuck", day.ago(hours=1), part=1)
    await day.tell(lost, "lose", day.ago(minutes=2), part=1, why=f"ReadTimeout {HOSTILE[2]}")


async def _many_parts(day: Day, *, behind: int) -> None:
    """An import of a hundred parts: most of them done, the others waiting, the next one for that part."""
    large = await day.add_import("importing", rows=10_000_000, sent_at=day.ago(hours=2), label="everybody")
    for number in range(1, 101):
        sent, ended = day.ago(minutes=110 - number), day.ago(minutes=108 - number)
        if number <= 60:
            times = {"submitted_at": sent, "started_at": sent, "finished_at": ended}
            await day.add_part(large, "complete", rows=100_000, number=number, imported=99_990, failed=10, **times)
        else:
            waits = {"waits_for": behind, "waits_since": day.ago(minutes=14)} if number == 61 else {}
            await day.add_part(large, "waiting", rows=100_000, number=number, **waits)
    await day.tx.execute(update(import_).where(import_.c.id == large).values(imported=5_999_400, failed=600))


async def _sent_again(day: Day, of: int) -> None:
    """A retry of an import, and one of that."""
    for minutes, rejected in ((20, 40), (10, 0)):
        of = await day.add_import(
            "complete", rows=200, sent_at=day.ago(minutes=minutes), finished_at=day.ago(minutes=minutes - 5),
            imported=200 - rejected, failed=rejected, retry_of=of, label="spring fair",
        )  # fmt: skip
        times = {"submitted_at": day.ago(minutes=minutes - 1), "finished_at": day.ago(minutes=minutes - 5)}
        await day.add_part(of, "complete", rows=200, imported=200 - rejected, failed=rejected, **times)


async def _rejected(day: Day, rows: int = 10_000) -> int:
    """An import of which Marketo rejected many rows, for a few reasons."""
    import_id = await day.add_import(
        "complete", rows=rows * 2, sent_at=day.ago(minutes=50), finished_at=day.ago(minutes=30), imported=rows,
        failed=rows, label="spring fair",
    )  # fmt: skip
    await day.add_part(
        import_id, "complete", rows=rows * 2, imported=rows, failed=rows, finished_at=day.ago(minutes=30)
    )
    reasons = ("Invalid data type in field Lead Score", "Value for lookup field 'email' not found", HOSTILE[0])
    rejected: list[dict[str, Any]] = []
    of_import = {"import_id": import_id, "kind": "failures", "part_number": 1}
    for number in range(1, rows + 1):
        reason, cells = reasons[number % 3], f'["person{number}@example.com", "<b>Ann</b>", "many"]'
        place = {"position": number, "part_row": number - 1, "source_row": number}
        rejected.append(of_import | place | {"reason": reason, "reason_start": reason[:64], "cells": cells})
    await day.tx.execute(insert(result_row), rejected)
    counts = [{"reason": each, "rows": rows // 3, "first_position": at} for at, each in enumerate(reasons, 1)]
    await day.tx.execute(insert(result_reason), [of_import | each for each in counts])
    return import_id
