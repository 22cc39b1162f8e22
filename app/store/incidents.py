"""Incidents of an instance, and the last error that a call of its met: JSON in the instance's row.

Whoever writes here holds that row, or is the first statement of its transaction to take it.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain import incidents
from app.domain.incidents import CallError, Incident, Incidents
from app.store.tables import instance
from app.store.transaction import Transaction


async def note_error(tx: Transaction, name: str, error: CallError) -> None:
    """Keep what the last call met that did not go through."""
    await tx.execute(update(instance).where(instance.c.name == name).values(last_error=_kept(error)))


async def meet(
    tx: Transaction, name: str, kind: str, *, at: datetime, reason: str | None, of_submissions: bool = False
) -> bool:
    """Note that something keeps work from flowing, now or still. True where the history is to be told of it."""
    earlier_incidents = await _of(tx, name)
    going_on, is_to_be_told = incidents.begin_or_continue(
        earlier_incidents.get(kind), at=at, reason=reason, of_submissions=of_submissions
    )
    await _keep(tx, name, {**earlier_incidents, kind: going_on})
    return is_to_be_told


async def end(tx: Transaction, name: str, kind: str) -> datetime | None:
    """Note that it is over. Since when it was, where the history is to be told of its end."""
    earlier_incidents = await _of(tx, name)
    if kind not in earlier_incidents or earlier_incidents[kind].since is None:
        return None
    ended, is_to_be_told = incidents.end(earlier_incidents[kind])
    await _keep(tx, name, {**earlier_incidents, kind: ended})
    return earlier_incidents[kind].since if is_to_be_told else None


def as_error(kept: Mapping[str, Any] | None) -> CallError | None:
    return CallError(**_read(kept)) if kept else None


def as_incidents(kept: Mapping[str, Mapping[str, Any]] | None) -> Incidents:
    return {kind: Incident(**_read(incident)) for kind, incident in (kept or {}).items()}


def moved(kept: Mapping[str, Mapping[str, Any]] | None, seconds: float) -> dict[str, dict[str, Any]] | None:
    """The clock was set: what of a row's JSON is timed, so many seconds on."""
    if kept is None:
        return None
    step = timedelta(seconds=seconds)
    return {
        kind: {**incident, **{name: (at + step).isoformat() for name, at in _times(incident)}}
        for kind, incident in kept.items()
    }


async def _of(tx: AsyncConnection, name: str) -> Incidents:
    """As they stand after all that this transaction did."""
    kept = (await tx.execute(select(instance.c.incidents).where(instance.c.name == name))).scalar_one()
    return as_incidents(kept)


async def _keep(tx: Transaction, name: str, values: Incidents) -> None:
    kept = {kind: _kept(incident) for kind, incident in values.items()}
    await tx.execute(update(instance).where(instance.c.name == name).values(incidents=kept))


def _kept(value: CallError | Incident) -> dict[str, Any]:
    return {name: field.isoformat() if isinstance(field, datetime) else field for name, field in asdict(value).items()}


def _read(kept: Mapping[str, Any]) -> dict[str, Any]:
    """With the times that JSON made texts of."""
    return {**kept, **dict(_times(kept))}


def _times(kept: Mapping[str, Any]) -> list[tuple[str, datetime]]:
    return [(name, datetime.fromisoformat(kept[name])) for name in ("at", "since", "told_at") if kept.get(name)]
