"""Bundling changes when rows go, and nothing else: what becomes of an import is what would become of it alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.simulator import Rules
from tests.properties.test_state_machine import emptied
from tests.support.audit import Audit
from tests.support.clock import SteppedClock
from tests.support.stage import Stage, staged

EMAILS = ("p{}@example.com", "p{}@example.com", "p{}@example.com", "no-address-{}", "")
SCORES = ("1", "2", "many", "")
HEADERS = ("email,firstName,leadScore", "email,leadScore,firstName")
CARS = {"object_type": "custom_object", "object_name": "car_c", "dedupe_fields": "vin"}


@dataclass(frozen=True)
class File:
    """What a caller sends, and how."""

    rows: tuple[tuple[int, str, str], ...]  # (the person, the form of its email, its score)
    header: str = HEADERS[0]
    parameters: tuple[tuple[str, Any], ...] = ()
    beats: int = 0  # how often the worker comes by before the next file

    def content(self, number: int) -> bytes:
        """`number`: of the file; no two have the same values."""
        cars = dict(self.parameters).get("object_type") == "custom_object"
        columns = ["vin", "make", "year"] if cars else self.header.split(",")
        lines = [",".join(columns)]
        for index, (person, email, score) in enumerate(self.rows):
            value = {"email": email.format(person), "vin": f"v{person}" if email else "", "leadScore": score}
            value |= {"firstName": f"f{number}r{index}", "make": f"f{number}r{index}", "year": score}
            lines.append(",".join(value[column] for column in columns))
        return "\n".join([*lines, ""]).encode()


def files() -> st.SearchStrategy[list[File]]:
    """Most are alike: many small ones, for lists and for none, of people whom others have, too."""
    row = st.tuples(st.integers(0, 30), st.sampled_from(EMAILS), st.sampled_from(SCORES))
    target = st.sampled_from([{}, {}, {}, {"list_id": 1}, {"list_id": 1}, {"list_id": 2}, CARS])
    way = st.fixed_dictionaries(
        {},
        optional={
            "priority": st.sampled_from([0, 9]),
            "on_unconfirmed": st.just("hold"),
            "bundle": st.just("never"),
        },
    )
    parameters = st.builds(lambda target, way: tuple(sorted((target | way).items())), target, st.just({}) | way)
    file = st.builds(
        File,
        rows=st.lists(row, min_size=1, max_size=4).map(tuple) | st.lists(row, min_size=20, max_size=60).map(tuple),
        header=st.sampled_from([HEADERS[0], HEADERS[0], HEADERS[1]]),
        parameters=parameters,
        beats=st.sampled_from([0, 0, 0, 0, 1, 2]),
    )
    return st.lists(file, min_size=2, max_size=14)


MANY_ALIKE = [File(((n, EMAILS[0], SCORES[n % 3]), (n + 30, EMAILS[3], "1"))) for n in range(12)]
THE_SAME_PEOPLE = [File(((n % 3, EMAILS[0], "1"), (7, EMAILS[0], "many"), (n % 3, EMAILS[0], "2"))) for n in range(8)]


@dataclass
class Outcome:
    imports: list[dict[str, Any]]
    records: dict[str, Any]
    jobs: int


async def outcome(url: str, sent: Sequence[File], bundle_seconds: float) -> Outcome:
    await emptied(url)
    knobs: dict[str, Any] = {"part_bytes": 1000, "bundle_seconds": bundle_seconds}
    async with staged(url, SteppedClock(), rules=Rules(keep_jobs=True, custom_objects=()), **knobs) as stage:
        made = []
        for number, file in enumerate(sent):
            made.append(await stage.created(file.content(number), preflight="off", **dict(file.parameters)))
            for _ in range(file.beats):
                await stage.beat()
                stage.clock.step(1)
        await stage.run()
        audit = Audit(stage.container.db, {"default": stage.simulator})
        await audit.close_the_books(made)
        imports = [await _told(stage, import_id) for import_id in made]
        return Outcome(imports, _records(stage), len(stage.simulator.report()["jobs"]))


async def _told(stage: Stage, import_id: int) -> dict[str, Any]:
    told = await stage.read(import_id)
    rows = {}
    for kind in ("failures", "warnings"):
        path, accept = f"/v1/imports/{import_id}/{kind}", {"Accept": "application/json"}
        items = (await stage.api.get(path, params={"page_size": 200}, headers=accept)).json()["items"]
        rows[kind] = [(item["source_row"], item["reason"], item["values"]) for item in items]
    return {name: told[name] for name in ("status", "rows", "attention", "error")} | rows


def _records(stage: Stage) -> dict[str, Any]:
    """What Marketo has in the end: of each record the values that came last, and who is in which list."""
    leads = {record["email"]: record for record in stage.simulator.records("lead")}
    cars = {record["vin"]: record for record in stage.simulator.records("car_c")}
    return {
        "leads": {key: (record.get("firstName"), record.get("leadScore")) for key, record in leads.items()},
        "cars": {key: (record.get("make"), record.get("year")) for key, record in cars.items()},
        "lists": [{lead["email"] for lead in stage.simulator.list_members(list_id)} for list_id in (1, 2)],
    }


def both_ways(url: str, sent: Sequence[File]) -> tuple[Outcome, Outcome]:
    with asyncio.Runner() as runner:
        return runner.run(outcome(url, sent, 0)), runner.run(outcome(url, sent, 20))


@pytest.mark.endure(minutes=3)
def test_bundling_changes_nothing_of_what_becomes_of_an_import(sqlite_url: str):
    """Same rows imported, failed and warned, with the same reasons; and the same records at Marketo in the end."""
    check(sqlite_url, 150)


@pytest.mark.endure(minutes=2)
def test_bundling_changes_nothing_on_postgresql_either(postgres_url: str):
    check(postgres_url, 50)


def check(url: str, examples: int) -> None:
    @settings(max_examples=examples)
    @given(sent=files())
    @example(sent=MANY_ALIKE)
    @example(sent=THE_SAME_PEOPLE)
    def the_same(sent: list[File]) -> None:
        hold(*both_ways(url, sent))

    the_same()


def hold(alone: Outcome, together: Outcome) -> None:
    assert together.imports == alone.imports
    assert together.records == alone.records
    assert together.jobs <= alone.jobs


@pytest.mark.parametrize(("sent", "alone_jobs", "together_jobs"), [(MANY_ALIKE, 12, 3), (THE_SAME_PEOPLE, 8, 8)])
def test_files_that_are_bundled_become_what_they_would_have_alone(
    sqlite_url: str, sent: Sequence[File], alone_jobs: int, together_jobs: int
):
    """Some are bundled, or the property would show nothing; files that share a record go one after the other."""
    alone, together = both_ways(sqlite_url, sent)
    hold(alone, together)
    assert alone.jobs == alone_jobs
    assert together.jobs <= together_jobs
