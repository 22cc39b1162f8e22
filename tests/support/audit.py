"""The audit: what must hold of the books and of Marketo at any moment, and what when everything has ended.

It reads the tables as they are and the simulators' reports, and trusts nothing that the service says of itself.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

from sqlalchemy import Row, select

from app.clock import rfc3339
from app.domain.lifecycle import TABLE, Move, PartState
from app.files.compression import unpacked
from app.simulator import Simulator
from app.store.database import Database
from app.store.tables import event, import_, job, part, part_file, result_row
from tests.support.carried import Cargo, Content, SentJob, keys_of, sent_jobs

PLACES = 10
IMPORTERS = 2
FINISHED = {"complete", "failed", "cancelled"}
AT_MARKETO = {"submitting", "unconfirmed", "queued", "importing"}
ENDED = {"complete", "failed", "cancelled"}
IN_DOUBT = {"lose", "forget"}  # events after which nobody knows whether Marketo has the part, or has it no more

MOVES = frozenset(Move)
SEPARATED = "separate"  # the event after which each part of a job goes again, alone: Marketo imported none of it

Reasons = Counter[tuple[tuple[str, ...] | None, str]]  # (a row, why it failed or was warned of)


@dataclass(frozen=True)
class Books:
    """All that stands in the database, at one moment."""

    imports: Mapping[int, Row[Any]]  # accepted ones
    parts: Sequence[Row[Any]]  # theirs
    jobs: Sequence[Row[Any]]
    events: Sequence[Row[Any]]
    results: Mapping[tuple[int, int, str], Reasons]  # (import, part's number, kind) → rows stored

    @cached_property
    def told(self) -> Mapping[tuple[int, int], list[str]]:
        """The moves of each part, by (import, number)."""
        found: dict[tuple[int, int], list[str]] = defaultdict(list)
        for line in self.events:
            if line.part_number is not None and line.type in MOVES:
                found[line.import_id, line.part_number].append(line.type)
        return found

    @cached_property
    def accepted_as(self) -> Mapping[tuple[str, int], set[tuple[int, int]]]:
        """By instance and batch id: the parts, as (import, number), that Marketo accepted with it, by their history."""
        found: dict[tuple[str, int], set[tuple[int, int]]] = defaultdict(set)
        for line in self.events:
            if line.type == "accept":
                found[line.instance, line.data["batch_id"]].add((line.import_id, line.part_number))
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
        _nobody_pays_for_another(books)
        for name, simulator in self.marketos.items():
            report = simulator.report()
            assert report["most_own_outstanding"] <= PLACES, f"SLOTS_NOT_OVERSOLD {name}: {report}"
            assert report["most_importing"] <= IMPORTERS, f"{name}: {report}"
            ours = [found for found in books.parts if found.instance == name]
            sent = self.sent(name, books)
            self._jobs_have_what_the_books_say(name, ours, books, sent)
            self._nothing_goes_twice(ours, books, sent)
            self._no_two_share_a_key(ours, sent)
        return books

    def sent(self, name: str, books: Books) -> list[SentJob]:
        """What Marketo has, or had, of an instance's parts."""
        mine = [found.id for found in books.parts if found.instance == name]
        return sent_jobs(self.marketos[name], [self.contents[part_id].rows for part_id in mine])

    def cargoes_of(self, job_id: int, books: Books) -> list[Cargo]:
        """The rows of the parts that the books say are in a job, in their order."""
        mine = [found for found in books.parts if found.job_id == job_id]
        return [self.contents[found.id].rows for found in sorted(mine, key=_place)]

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
            self._each_has_its_own(ours, books, self.sent(name, books))
            for table in ("lead", "car_c"):
                _no_record_is_there_twice(name, table, simulator)
                self._rows_are_there(table, ours, books, simulator)
        return books

    async def _read(self) -> Books:
        async with self.db.read() as tx:
            imports = {row.id: row for row in await tx.execute(select(import_).where(import_.c.status.is_not(None)))}
            parts = (await tx.execute(select(part).where(part.c.state.is_not(None)).order_by(part.c.id))).all()
            jobs = (await tx.execute(select(job).order_by(job.c.id))).all()
            events = (await tx.execute(select(event).order_by(event.c.id))).all()
            stored = (await tx.execute(select(result_row))).all()
            new = [row.id for row in parts if row.id not in self.contents]
            for row in (await tx.execute(select(part_file).where(part_file.c.part_id.in_(new)))) if new else ():
                self.contents[row.part_id] = Content(b"".join(unpacked(bytes(row.blob))))
        return Books(imports, parts, jobs, events, self._results(parts, stored))

    def _results(self, parts: Sequence[Row[Any]], stored: Sequence[Row[Any]]) -> Mapping[tuple[int, int, str], Reasons]:
        contents = {(found.import_id, found.number): self.contents[found.id] for found in parts}
        results: dict[tuple[int, int, str], Reasons] = defaultdict(Counter)
        for line in stored:
            content = contents[line.import_id, line.part_number]
            row = None if line.part_row is None else content.rows[line.part_row]
            results[line.import_id, line.part_number, line.kind][row, line.reason] += 1
        return results

    def _history_only_grows(self, books: Books) -> None:
        now = [(line.id, line.at, line.type, line.import_id, line.part_number) for line in books.events]
        assert now[: len(self.seen)] == self.seen, "an event has changed, or is gone"
        self.seen = now

    def _jobs_have_what_the_books_say(
        self, name: str, ours: Sequence[Row[Any]], books: Books, sent: Sequence[SentJob]
    ) -> None:
        """A job of which we know the batch id has the rows of its parts, whole, in the order of acceptance."""
        by_place = {(found.import_id, found.number): found for found in ours}
        for batch in sent:
            if places := books.accepted_as.get((name, batch.batch_id)):
                mine = sorted((by_place[place] for place in places), key=_place)
                cargoes = [self.contents[found.id].rows for found in mine]
                assert batch.cargoes == cargoes, (
                    f"batch {batch.batch_id} of {name} has not the rows of {sorted(places)}"
                )

    def _nothing_goes_twice(self, ours: Sequence[Row[Any]], books: Books, sent: Sequence[SentJob]) -> None:
        """A part's jobs at Marketo are one more, at most, than the times when nobody could know.

        And one more for each time that its job failed as a whole: such a job imported nothing.
        """
        doubts: Counter[Cargo] = Counter()
        separated: Counter[Cargo] = Counter()
        for found in ours:
            told, cargo = books.told[found.import_id, found.number], self.contents[found.id].rows
            doubts[cargo] += 1 + sum(type_ in IN_DOUBT for type_ in told)
            separated[cargo] += told.count(SEPARATED)
        all_jobs = Counter(cargo for batch in sent for cargo in batch.cargoes)
        imported = Counter(cargo for batch in sent if batch.has_imported for cargo in batch.cargoes)
        for cargo, times in all_jobs.items():
            may_be = doubts[cargo] + separated[cargo]
            assert times <= may_be, f"NEVER_TWICE_BY_ACCIDENT: {cargo[:2]}: {times} jobs, {may_be} may be"
        for cargo, times in imported.items():
            assert times <= doubts[cargo], f"NEVER_TWICE_BY_ACCIDENT: {cargo[:2]}: imported {times} times"

    def _no_two_share_a_key(self, ours: Sequence[Row[Any]], sent: Sequence[SentJob]) -> None:
        """Neither jobs side by side, nor the parts of one job."""
        kinds = {self.contents[found.id].rows: found.space for found in ours}
        for batch in sent:
            assert len({kinds[cargo] for cargo in batch.cargoes}) <= 1, (
                f"batch {batch.batch_id} has records of two kinds"
            )
            keys = Counter(key for piece in batch.pieces for key in keys_of(piece.cargo))
            twice = [key for key, times in keys.items() if times > 1]
            assert not twice, f"ONE_KEY_AT_A_TIME: parts of batch {batch.batch_id} share {twice[:3]}"
        for one, other in combinations(sent, 2):
            if one.is_beside(other):
                both = f"ONE_KEY_AT_A_TIME: batches {one.batch_id} and {other.batch_id} are at Marketo at once"
                assert one.list_id is None or one.list_id != other.list_id, f"{both}, for one list"
                is_one_kind = kinds[one.cargoes[0]] == kinds[other.cargoes[0]]
                shared = one.keys & other.keys if is_one_kind else frozenset()
                assert not shared, f"{both}, and share {sorted(shared)[:3]}"

    def _each_has_its_own(self, ours: Sequence[Row[Any]], books: Books, sent: Sequence[SentJob]) -> None:
        """EACH_ITS_OWN: with a part that is complete, what Marketo said of its rows is stored, by row and reason."""
        by_batch = {batch.batch_id: batch for batch in sent}
        for found in ours:
            if found.state != "complete" or found.results_missing:
                continue
            batch, cargo = by_batch[found.batch_id], self.contents[found.id].rows
            piece = next(piece for piece in batch.pieces if piece.cargo == cargo)
            for kind, reasons in (("failures", batch.failures), ("warnings", batch.warnings)):
                rows = enumerate(cargo, start=piece.first)
                theirs = Counter((row, reasons[index]) for index, row in rows if index in reasons)
                kept = books.results.get((found.import_id, found.number, kind), Counter())
                assert kept == theirs, f"EACH_ITS_OWN: part {found.id} has {kind} {kept}, and Marketo gave {theirs}"
            assert found.failed == sum(
                index in batch.failures for index in range(piece.first, piece.first + len(cargo))
            )
            was_alone = len(batch.pieces) == 1
            assert was_alone or not batch.failed_for_one_reason, f"NO_SHARED_BLAME: part {found.id} failed with others"

    def _rows_are_there(self, table: str, ours: Sequence[Row[Any]], books: Books, simulator: Simulator) -> None:
        """Each row of a complete part is a record; and the last row of a key, in order of acceptance, has won."""
        key, column = {"lead": ("email", "firstName"), "car_c": ("vin", "make")}[table]
        records = {str(record[key]).lower(): record for record in simulator.records(table) if record.get(key)}
        mine = [found for found in ours if (books.imports[found.import_id].object_type == "lead") == (table == "lead")]
        last: dict[str, str] = {}
        unclear: set[str] = set()
        for found in sorted(mine, key=_place):
            content, owner = self.contents[found.id], books.imports[found.import_id]
            if found.state != "complete" or found.failed or found.results_missing or owner.not_before:
                unclear |= content.keys
            elif found.state == "complete":
                lost = content.keys - records.keys()
                assert not lost, f"part {found.id} is complete, and Marketo has no {sorted(lost)[:3]}"
            values = content.header.index(column)
            last |= {row[0].lower(): row[values] for row in content.rows if row[0]}
        for name, value in last.items():
            if name not in unclear:
                found_value = records[name][column]
                assert found_value == value, f"{name} is {found_value}, and the last row says {value}"


def _place(found: Row[Any]) -> tuple[int, int]:
    """Its place in the order of acceptance."""
    return found.turn, found.number


def nothing_went_before_its_time(books: Books) -> None:
    """By the history of each import, which also tells of each time that a person named another time.

    Only where no clock was set: else what is its time is not what it was.
    """
    until: dict[int, str | None] = {}
    for line in reversed(books.events):  # what held before the first change stands in it
        if line.type == "changed" and "not_before" in line.data:
            until[line.import_id] = line.data["not_before"]["from"]
    for line in books.events:
        if line.import_id not in books.imports:
            continue
        if line.type == "changed" and "not_before" in line.data:
            until[line.import_id] = line.data["not_before"]["to"]
        elif line.type == "claim":
            named = books.imports[line.import_id].not_before
            before = until.get(line.import_id, rfc3339(named) if named else None)
            assert before is None or rfc3339(line.at) >= before, f"import {line.import_id} went before {before}"


def _state_is_what_its_history_says(found: Row[Any], books: Books) -> None:
    state = PartState.WAITING
    for type_ in books.told[found.import_id, found.number]:
        edge = TABLE[Move(type_)]
        assert state in edge.sources, f"part {found.id}: {type_} from {state}"
        state = edge.target
    assert state == found.state, f"part {found.id} is {found.state}, its history says {state}"


def _results_are_stored(found: Row[Any], books: Books) -> None:
    if found.state == "complete" and not found.results_missing:
        for kind, counted in (("failures", found.failed), ("warnings", found.warned)):
            kept = books.results.get((found.import_id, found.number, kind), Counter()).total()
            assert kept == counted, f"RESULTS_BEFORE_DONE: part {found.id} counts {counted} {kind}, {kept} are stored"


def _nobody_pays_for_another(books: Books) -> None:
    """NO_SHARED_BLAME: what fails was alone in its job, or had gone with one that was alone and met the same."""
    jobs = {found.id: found for found in books.jobs}
    failed = [found for found in books.parts if found.state == "failed"]
    for found in failed:
        told = books.told[found.import_id, found.number]
        if told[-1] == "abandon":
            code = found.error_marketo_code
            alike = [other for other in failed if other.job_id is not None and other.error_marketo_code == code]
            went_with = [
                other
                for other in alike
                if other.import_id == found.import_id
                or (found.separated_from is not None and other.separated_from == found.separated_from)
            ]
            assert went_with, f"NO_SHARED_BLAME: part {found.id} was never refused, and nothing of its kind was"
        else:
            assert jobs[found.job_id].parts == 1, f"NO_SHARED_BLAME: part {found.id} failed in a job with others"


def _slots_are_held_by_those_at_marketo(books: Books) -> None:
    held: dict[str, list[int]] = defaultdict(list)
    jobs = {found.id: found for found in books.jobs}
    for found in books.parts:
        assert (found.job_id is not None) or found.state not in {*AT_MARKETO, "collecting", "complete"}
        assert found.job_id is None or jobs[found.job_id].state == found.state, f"part {found.id} is {found.state}"
        assert (found.batch_id is not None) or found.state not in {"queued", "importing", "collecting", "complete"}
    for found in books.jobs:
        assert (found.slot is not None) == (found.state in AT_MARKETO), f"job {found.id}: {found.state}, {found.slot}"
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
