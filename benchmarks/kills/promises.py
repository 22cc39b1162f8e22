"""What must be true when everything is over: held against the journal, the simulator and the database.

The rules are written down here anew; nothing of them is asked of the service.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import create_engine, text

from app.files.compression import unpacked
from app.store.database import driver_url
from tests.support.lifecycle import MOVES

Place = tuple[int, int]  # (import, number of the part)


@dataclass(frozen=True, slots=True)
class Part:
    state: str
    rows: list[str]  # each with a value that no other row has


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime
    type: str
    import_id: int
    part: int | None


@dataclass(slots=True)
class Found:
    """What the database holds, read when nobody serves it any more."""

    turns: dict[int, int] = field(default_factory=dict)  # import → its place in the order of acceptance
    parts: dict[Place, Part] = field(default_factory=dict)
    jobs: dict[int, list[Place]] = field(default_factory=lambda: defaultdict(list))  # the last of each part
    events: list[Event] = field(default_factory=list)

    @classmethod
    def read(cls, url: str) -> "Found":
        engine, found = create_engine(driver_url(url, asynchronous=False)), cls()
        with engine.connect() as tx:
            for row in tx.execute(
                text(
                    "SELECT import_id, number, state, turn, job_id, blob FROM part JOIN part_file ON part_id = part.id"
                    " WHERE state IS NOT NULL"
                )
            ):
                lines = b"".join(unpacked(bytes(row.blob))).decode().splitlines()
                place = (row.import_id, row.number)
                found.turns[row.import_id] = row.turn
                found.parts[place] = Part(row.state, lines[1:])
                found.jobs[row.job_id].append(place)
            history = "SELECT at, type, import_id, part_number FROM event WHERE import_id IS NOT NULL ORDER BY id"
            for at, *rest in tx.execute(text(history)):
                found.events.append(Event(datetime.fromisoformat(at) if isinstance(at, str) else at, *rest))
        engine.dispose()
        return found

    def counted(self, *types: str) -> Counter[Place]:
        """How often each part had such an event: `lose` where nobody knew whether Marketo has it, `separate` where its
        job was refused or failed for all that was in it.
        """
        happened = [event for event in self.events if event.type in types]
        return Counter((event.import_id, event.part) for event in happened if event.part is not None)


@dataclass(frozen=True, slots=True)
class Aftermath:
    journal: list[dict[str, Any]]
    imports: list[dict[str, Any]]  # as the API lists them
    report: dict[str, Any]  # the simulator's
    records: list[dict[str, Any]]  # its leads
    carried: list[list[str]]  # the rows of each job that it was given
    found: Found

    def broken(self) -> Iterator[str]:
        """Each promise that was not kept, in a sentence."""
        yield from self._accepted_and_lost()
        yield from self._wrong_or_half()
        yield from self._out_of_order()
        yield from self._wrong_records()
        yield from self._limits()
        yield from self._sent_too_often()
        yield from self._off_the_path()

    def _imports(self) -> dict[int, dict[str, Any]]:
        """By the number of the upload."""
        return {int(one["label"].split()[1]): one for one in self.imports}

    def _rows(self) -> dict[int, list[tuple[str, str, bool]]]:
        return {line["upload"]: line["rows"] for line in self.journal if line["word"] == "intent"}

    def _accepted_and_lost(self) -> Iterator[str]:
        known = self._imports()
        for line in self.journal:
            if line["word"] == "accepted" and known.get(line["upload"], {}).get("id") != line["id"]:
                yield f"upload {line['upload']} was accepted as import {line['id']} and is not there"

    def _wrong_or_half(self) -> Iterator[str]:
        """Answered or not, what is there is there whole and once, and counted right."""
        rows = self._rows()
        for label, count in Counter(one["label"] for one in self.imports).items():
            if count > 1:
                yield f"{label} was sent once and is there {count} times"
        for number, one in self._imports().items():
            good = sum(row[2] for row in rows[number])
            total = len(rows[number])
            right = {"total": total, "imported": good, "failed": total - good, "warned": 0, "pending": 0}
            if one["status"] != "complete" or one["rows"] != right or one["attention"]:
                yield f"import {one['id']} is {one['status']} with {one['rows']}, {one['attention']}; right is {right}"

    def _out_of_order(self) -> Iterator[str]:
        """Whoever had an answer before another began to send comes first."""
        known, latest = self._imports(), 0
        for line in self.journal:
            turn = self.found.turns.get(known.get(line["upload"], {}).get("id", 0), 0)
            if line["word"] == "accepted":
                latest = max(latest, turn)
            if line["word"] == "intent" and turn and turn < latest:
                yield f"upload {line['upload']} has turn {turn}, and turn {latest} had its answer before that began"

    def _wrong_records(self) -> Iterator[str]:
        """Each record is there once, with the value of the last row, in the order of acceptance, that was good."""
        rows, wins = self._rows(), {}
        in_order = sorted(self._imports().items(), key=lambda known: self.found.turns.get(known[1]["id"], 0))
        for number, _ in in_order:
            wins |= {email: value for email, value, good in rows[number] if good}
        held = {record["email"]: record["firstName"] for record in self.records}
        if len(held) != len(self.records):
            twice = Counter(record["email"] for record in self.records)
            yield f"records are there twice: {[email for email, count in twice.items() if count > 1][:10]}"
        wrong = {email for email in wins.keys() | held.keys() if wins.get(email) != held.get(email)}
        for email in sorted(wrong)[:10]:
            yield f"{email} has {held.get(email)}, and {wins.get(email)} was accepted last ({len(wrong)} such records)"

    def _limits(self) -> Iterator[str]:
        for name, most in (("most_outstanding", 10), ("most_importing", 2)):
            if self.report[name] > most:
                yield f"{name} was {self.report[name]}, and may be {most}"
        for code in ("606", "607", "615", "1016"):
            if count := self.report["errors"].get(code):
                yield f"Marketo answered {count} times with {code}"

    def _sent_too_often(self) -> Iterator[str]:
        """A part comes to Marketo whole and once; once more each time that nobody could know, or that it goes alone."""
        again = self.found.counted("lose", "separate")
        came = Counter(row for job in self.carried for row in job)
        for place, part in self.found.parts.items():
            times = {came.pop(row, 0) for row in part.rows}
            if len(times) != 1:
                yield f"rows of part {place} came to Marketo {sorted(times)} times: not always all of them"
            elif max(times) > 1 + again[place]:
                yield f"part {place} came to Marketo {max(times)} times, and was lost or separated {again[place]} times"
            elif not max(times):
                yield f"part {place} never came to Marketo"
        if came:
            yield f"Marketo got {len(came)} rows that are of no part of an accepted import: {list(came)[:3]}"

    def _off_the_path(self) -> Iterator[str]:
        """The history of each part is a path through the table of its life, and leads to where it stands."""
        states = dict.fromkeys(self.found.parts, "waiting")
        for event in self.found.events:
            if event.part is None:
                continue
            place = (event.import_id, event.part)
            sources, target = MOVES.get(event.type, (set(), ""))
            if states[place] not in sources:
                yield f"part {place}: {event.type} from {states[place]}"
            states[place] = target
        for place, state in states.items():
            if state != "complete" or self.found.parts[place].state != "complete":
                yield f"part {place} is {self.found.parts[place].state} at the end, and {state} by its history"
