"""Rekey: bring all that is stored to what SLUICE_ENCRYPTION_KEYS says now, while the service works.

With another first key, data keys are wrapped anew, and what they sealed stays as it is. What is in the clear is sealed;
with `clear` in the first place, what is sealed is opened. It can be stopped at any time, and begun again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from app.clock import Clock
from app.store import data_keys, rekeying
from app.store.blobs import Corrupt
from app.store.database import Database
from app.store.rekeying import STAGES, Stage

SLICE_SECONDS = 1.0  # of work between two words about it
DAMAGED_TOLD = 20  # in each slice


class Place(NamedTuple):
    """How far it has got."""

    stage: str = next(iter(STAGES))
    after: int = 0  # the last row of the stage that was looked at


@dataclass(slots=True)
class Slice:
    """What was done in a slice."""

    following: Place | None = None  # where the next one begins; None: this was the last
    changed: dict[str, int] = field(default_factory=dict)  # rows, by table
    damaged: int = 0
    damaged_first: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Keys:
    """Fingerprints of keys."""

    first: str | None  # that writes; None: what is new is written in the clear
    needed: list[str]  # without which something that is stored cannot be read
    may_go: list[str]  # that are configured, and nothing needs


@dataclass(frozen=True, slots=True)
class Rekey:
    db: Database
    now: Clock

    async def work(self, place: Place) -> Slice:
        """About SLICE_SECONDS of work from this place on, in many short transactions."""
        done = Slice(following=place)
        until = self.now.monotonic() + SLICE_SECONDS
        while done.following and self.now.monotonic() < until:
            done.following = await self._step(done.following, done)
        return done

    async def _step(self, place: Place, done: Slice) -> Place | None:
        stage = STAGES[place.stage]
        async with self.db.read() as tx:
            ids = await rekeying.next_ids(tx, stage, after=place.after, seals=self.db.vault.seals)
        if not ids:
            names = list(STAGES)
            rest = names[names.index(place.stage) + 1 :]
            return Place(rest[0]) if rest else None
        try:
            await self._change(stage, ids, done)
        except Corrupt:  # all but what is damaged
            for row_id in ids:
                try:
                    await self._change(stage, [row_id], done)
                except Corrupt as damage:
                    done.damaged += 1
                    done.damaged_first = [*done.damaged_first, str(damage)][:DAMAGED_TOLD]
        return Place(place.stage, ids[-1])

    async def _change(self, stage: Stage, ids: Sequence[int], done: Slice) -> None:
        async with self.db.write() as tx:
            changed = await stage.work(tx, ids)
        name = stage.table.name
        done.changed[name] = done.changed.get(name, 0) + changed

    async def keys(self) -> Keys:
        async with self.db.read() as tx:
            needed = await data_keys.needed(tx)
        ring = self.db.vault.keyring
        first = ring.first.fingerprint if ring.first else None
        return Keys(first, sorted(needed), sorted(ring.keys.keys() - needed - {first}))


def as_json(done: Slice, keys: Keys) -> dict[str, Any]:
    """What is said over the owner's socket."""
    return {**asdict(done), "keys": asdict(keys)}


def place_of(told: Mapping[str, str]) -> Place:
    """As the socket's query has it. Errors: KeyError, ValueError."""
    return Place(told["stage"], int(told["after"]))
