"""Change: a person gives what still waits another priority, another label, or a time before which it is not to go."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.clock import Clock, rfc3339
from app.domain.api_keys import Caller
from app.domain.errors import BadParameter, Detail, NotFound, WrongState
from app.domain.events import Occurrence
from app.domain.failpoints import Failpoint, FailpointHit
from app.notify.wakeup import Wakeup
from app.store import events, import_queries, imports, part_queries, parts
from app.store.database import Database


@dataclass(frozen=True, slots=True)
class Change:
    """The event says who asked, and what each was before."""

    db: Database
    now: Clock
    wakeup: Wakeup
    hit: FailpointHit

    async def run(self, import_id: int, wanted: Mapping[str, Any], *, by: Caller) -> None:
        """Set `priority`, `not_before` and `label`, those that are named; what is so already stays without an event.

        Errors: NotFound; WrongState nothing_waits; BadParameter priority_too_high, above the highest of the caller's
        key.
        """
        if wanted.get("priority", 0) > by.max_priority:
            message = f"this key may give a priority from 0 to {by.max_priority}, and not {wanted['priority']}"
            details = (Detail(message, field="priority"),)
            raise BadParameter(f"priority: {message}", code="priority_too_high", details=details)
        at = self.now()
        async with self.db.write() as tx:
            lock = await imports.lock(tx, import_id)
            import_ = await import_queries.get_summary(tx, import_id)
            if lock is None or import_ is None:
                raise NotFound(f"There is no import {import_id}.")
            if not await part_queries.waiting_of(tx, import_id):
                message = f"Import {import_id} is {import_.status}, and nothing of it waits any more."
                raise WrongState(message, code="nothing_waits")
            before = {name: getattr(import_.request, name) for name in wanted}
            changes = {name: value for name, value in wanted.items() if value != before[name]}
            if not changes:
                return
            await imports.change(tx, lock, changes)
            if "priority" in changes:
                await parts.set_priority(tx, lock, changes["priority"])
            if "not_before" in changes:
                await parts.put_off(tx, lock, changes["not_before"], at=at)
            facts: dict[str, Any] = {
                name: {"from": _told(before[name]), "to": _told(value)} for name, value in changes.items()
            }
            await events.append_of(tx, lock, Occurrence.CHANGED, at=at, by=by.client, **facts)
        self.hit(Failpoint.DECIDED)
        self.wakeup.send()


def _told(value: Any) -> Any:
    """A value as an event holds it."""
    return rfc3339(value) if isinstance(value, datetime) else value
