"""The audit: what must hold of the books and of Marketo at any moment, and what when everything has ended.

It reads the tables as they are and the simulators' reports, and trusts nothing that the service says of itself.
"""

import csv
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

from sqlalchemy import Row, func, select

from app.domain.lifecycle import TABLE, Move, State
from app.files.compression import unpacked
from app.simulator import Simulator
from app.store.database import Database
from app.store.tables import event, import_, part, part_file, result_row

PLACES = 10
IMPORTERS = 2
FINISHED = {"complete", "failed", "cancelled"}
AT_MARKETO = {"submitting", "unconfirmed", "queued", "importing"}
ENDED = {"complete", "failed", "cancelled"}
IN_DOUBT = {"lose", "forget"}  # events after which nobody knows whether Marketo has the part, or has it no more

MOVES = frozenset(Move)


@dataclass(frozen=True)
class Content:
    """A part's file. A row's key stands in its first column."""

    raw: bytes

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()

    @cached_property
    def rows(self) -> list[list[str]]:
        first = self.raw.split(b"\n", 1)[0].decode()
        delimiter = next((sign for sign in ";\t" if sign in first), ",")
        return list(csv.reader(io.StringIO(self.raw.decode()), delimiter=delimiter))[1:]

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(row[0].strip().lower() for row in self.rows)


@dataclass(frozen=True)
class Books:
    """All that stands in the database, at one moment."""

    imports: Mapping[int, Row[Any]]  # accepted ones
    parts: Sequence[Row[Any]]  # theirs
    events: Sequence[Row[Any]]
    results: Mapping[tuple[int, int, str], int]  # (import, part's number, kind) → rows stored

    @cached_property
    def told(self) -> Mapping[tuple[int, int], list[str]]:
        """The moves of each part, by (import, number)."""
        found: dict[tuple[int, int], list[str]] = defaultdict(list)
        for line in self.events:
            if line.part_number is not None and line.type in MOVES:
                found[line.import_id, line.part_number].append(line.type)
        return found


@dataclass
class Audit:
    db: Database
    marketos: Mapping[str, Simulator]  # by instance
    contents: dict[int, Content] = field(default_factory=dict)  # by part
    seen: list[tuple[Any, ...]] = field(default_factory=list)  # events, at the last look

    async def look(self) -> Books:
        """Read everything, and hold it against what must be true at any moment."""
        books = await self._read()
        self._history_only_grows(books)
        for found in books.parts:
            _state_is_what_its_history_says(found, books)
            _results_are_stored(found, books)
        _slots_are_held_by_those_at_marketo(books)
        _sums_add_up(books)
        for name, simulator in self.marketos.items():
            report = simulator.report()
            assert report["most_own_outstanding"] <= PLACES, f"SLOTS_NOT_OVERSOLD {name}: {report}"
            assert report["most_importing"] <= IMPORTERS, f"{name}: {report}"
            ours = [found for found in books.parts if found.instance == name]
            self._nothing_goes_twice(ours, books, report["jobs"])
            self._no_two_share_a_key(ours, books, report["jobs"], report["now"])
        return books

    async def close_the_books(self, accepted: Iterable[int]) -> Books:
        """Everything has ended: nothing is lost, nothing is stuck, nothing is there twice."""
        books = await self.look()
        for import_id in accepted:
            assert import_id in books.imports, f"SAFE_ACK: import {import_id} was accepted and is lost"
        for owner in books.imports.values():
            assert owner.status in FINISHED, f"import {owner.id} is stuck: {owner.status}"
            ends = [line for line in books.events if line.import_id == owner.id and line.type == "finished"]
            assert len(ends) == 1, f"import {owner.id} has finished {len(ends)} times"
            assert owner.finished_at is not None
            assert owner.status != "failed" or owner.error_code, f"import {owner.id} failed and does not say why"
        for found in books.parts:
            assert found.state in ENDED, f"part {found.id} is stuck: {found.state}"
            if found.state == "complete" and not found.results_missing:
                assert found.imported + found.failed == found.rows, f"part {found.id} lost rows: {found}"
        for name, simulator in self.marketos.items():
            ours = [found for found in books.parts if found.instance == name]
            for table in ("lead", "car_c"):
                _no_record_is_there_twice(name, table, simulator)
                self._rows_are_there(table, ours, books, simulator)
        return books

    async def _read(self) -> Books:
        async with self.db.read() as tx:
            imports = {row.id: row for row in await tx.execute(select(import_).where(import_.c.status.is_not(None)))}
            parts = (await tx.execute(select(part).where(part.c.state.is_not(None)).order_by(part.c.id))).all()
            events = (await tx.execute(select(event).order_by(event.c.id))).all()
            counted = await tx.execute(
                select(result_row.c.import_id, result_row.c.part_number, result_row.c.kind, func.count()).group_by(
                    result_row.c.import_id, result_row.c.part_number, result_row.c.kind
                )
            )
            results = {(row[0], row[1], row[2]): row[3] for row in counted}
            new = [row.id for row in parts if row.id not in self.contents]
            for row in (await tx.execute(select(part_file).where(part_file.c.part_id.in_(new)))) if new else ():
                self.contents[row.part_id] = Content(b"".join(unpacked(bytes(row.blob))))
        return Books(imports, parts, events, results)

    def _history_only_grows(self, books: Books) -> None:
        now = [(line.id, line.at, line.type, line.import_id, line.part_number) for line in books.events]
        assert now[: len(self.seen)] == self.seen, "an event has changed, or is gone"
        self.seen = now

    def _nothing_goes_twice(self, ours: Sequence[Row[Any]], books: Books, jobs: Sequence[Any]) -> None:
        """A part's jobs at Marketo are one more, at most, than the times when nobody could know."""
        allowed: Counter[str] = Counter()
        for found in ours:
            doubts = sum(type_ in IN_DOUBT for type_ in books.told[found.import_id, found.number])
            allowed[self.contents[found.id].sha256] += 1 + doubts
        sent = Counter(job["sha256"] for job in jobs)
        for sha256, times in sent.items():
            assert times <= allowed[sha256], f"NEVER_TWICE_BY_ACCIDENT: {times} jobs, {allowed[sha256]} may be"

    def _no_two_share_a_key(self, ours: Sequence[Row[Any]], books: Books, jobs: Sequence[Any], now: float) -> None:
        by_sha = {self.contents[found.id].sha256: found for found in ours}
        spans = [(job["queued_at"], now if job["finished_at"] is None else job["finished_at"], job) for job in jobs]
        for (one_from, one_to, one), (other_from, other_to, other) in combinations(spans, 2):
            if one_from < other_to and other_from < one_to:
                there, also = by_sha[one["sha256"]], by_sha[other["sha256"]]
                a_list = one["list_id"] is not None and one["list_id"] == other["list_id"]
                keys = self.contents[there.id].keys & self.contents[also.id].keys
                shared = keys if there.space == also.space else frozenset()
                both = f"ONE_KEY_AT_A_TIME: parts {there.id} and {also.id} are at Marketo at once"
                assert not a_list, f"{both}, for one list"
                assert not shared, f"{both}, and share {sorted(shared)[:3]}"

    def _rows_are_there(self, table: str, ours: Sequence[Row[Any]], books: Books, simulator: Simulator) -> None:
        """Each row of a complete part is a record; and the last row of a key, in order of acceptance, has won."""
        key = {"lead": "email", "car_c": "vin"}[table]
        records = {str(record[key]).lower(): record for record in simulator.records(table) if record.get(key)}
        mine = [found for found in ours if (books.imports[found.import_id].object_type == "lead") == (table == "lead")]
        last: dict[str, str] = {}
        unclear: set[str] = set()
        for found in sorted(mine, key=lambda row: (row.turn, row.number)):
            content, owner = self.contents[found.id], books.imports[found.import_id]
            if found.state != "complete" or found.failed or found.results_missing or owner.not_before:
                unclear |= content.keys
            elif found.state == "complete":
                lost = content.keys - records.keys()
                assert not lost, f"part {found.id} is complete, and Marketo has no {sorted(lost)[:3]}"
            for row in content.rows:
                last[row[0].lower()] = row[1]
        for name, value in last.items():
            if name not in unclear:
                found_value = records[name][{"lead": "firstName", "car_c": "make"}[table]]
                assert found_value == value, f"{name} is {found_value}, and the last row says {value}"


def _state_is_what_its_history_says(found: Row[Any], books: Books) -> None:
    state = State.WAITING
    for type_ in books.told[found.import_id, found.number]:
        edge = TABLE[Move(type_)]
        assert state in edge.sources, f"part {found.id}: {type_} from {state}"
        state = edge.target
    assert state == found.state, f"part {found.id} is {found.state}, its history says {state}"


def _results_are_stored(found: Row[Any], books: Books) -> None:
    if found.state == "complete" and not found.results_missing:
        for kind, counted in (("failures", found.failed), ("warnings", found.warned)):
            kept = books.results.get((found.import_id, found.number, kind), 0)
            assert kept == counted, f"RESULTS_BEFORE_DONE: part {found.id} counts {counted} {kind}, {kept} are stored"


def _slots_are_held_by_those_at_marketo(books: Books) -> None:
    held: dict[str, list[int]] = defaultdict(list)
    for found in books.parts:
        assert (found.slot is not None) == (found.state in AT_MARKETO), f"part {found.id}: {found.state}, {found.slot}"
        assert (found.batch_id is not None) or found.state not in {"queued", "importing", "collecting", "complete"}
        if found.slot is not None:
            held[found.instance].append(found.slot)
    for name, slots in held.items():
        assert len(slots) == len(set(slots)) <= PLACES, f"SLOTS_NOT_OVERSOLD {name}: {slots}"


def _sums_add_up(books: Books) -> None:
    for owner in books.imports.values():
        mine = [found for found in books.parts if found.import_id == owner.id]
        assert sum(found.rows for found in mine) == owner.rows, f"import {owner.id}: rows are lost"
        for name in ("imported", "failed", "warned"):
            assert getattr(owner, name) == sum(getattr(found, name) for found in mine), f"import {owner.id}: {name}"
        assert owner.imported + owner.failed <= owner.rows
        assert (owner.finished_at is not None) == (owner.status in FINISHED)


def _no_record_is_there_twice(name: str, table: str, simulator: Simulator) -> None:
    key = {"lead": "email", "car_c": "vin"}[table]
    twice = [
        found
        for found, times in Counter(str(record.get(key)).lower() for record in simulator.records(table)).items()
        if times > 1
    ]
    assert not twice, f"{name}: duplicate records in {table}: {twice[:3]}"
