"""Data at rest: with SLUICE_ENCRYPTION_KEYS no cell of a file can be read in the database, and all works as without."""

import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from app.cli.database import opened
from app.cli.startup import CannotStart
from app.encryption.errors import MissingKey
from app.operations.integrity import Condition, Integrity
from app.store.tables import data_key, part_file
from app.web import uploads
from tests.story.files import leads
from tests.support.clock import SteppedClock
from tests.support.keys import FIRST, SECOND, give_keys, stored_bytes, vault
from tests.support.stage import Stage, stage_settings, staged
from tests.support.tiers import chosen

pytestmark = pytest.mark.both_databases
MARKER = b"zq7mark"
FILE = (
    b"email,firstName,lastName,leadScore\n"
    b"zq7mark-a@example.com,zq7markAnn,zq7markAsh,1\n"
    b"zq7mark-b@example.com,zq7markBob,zq7markBeech,zq7markmany\n"  # failed: not an integer
    b"zq7mark-not-an-address,zq7markCid,zq7markCedar,3\n"  # warned
)


@pytest.fixture
async def stage(database_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    async with staged(database_url, clock, encryption_keys=FIRST) as found:
        yield found


async def imported(stage: Stage, content: bytes = FILE, **parameters: Any) -> int:
    import_id = await stage.created(content, **parameters)
    await stage.run()
    return import_id


async def told(stage: Stage, import_id: int) -> dict[str, Any]:
    """All that a caller can read of its results."""
    path = f"/v1/imports/{import_id}"
    names = ("failures.csv", "warnings.csv", "failures/reasons", "warnings/reasons", "failures", "warnings")
    answers = {name: await stage.api.get(f"{path}/{name}", headers={"Accept": "*/*"}) for name in names}
    assert all(answer.status_code == 200 for answer in answers.values())
    return {name: answer.text.replace(path, "") for name, answer in answers.items()}


@pytest.mark.parametrize("keys", [None, FIRST], ids=["in the clear", "sealed"])
async def test_no_cell_lies_readable_in_the_database(database_url: str, clock: SteppedClock, keys: str | None):
    """Rows, results, reasons and our own remarks, while it waits and once it is done; in the clear they are found."""
    async with staged(database_url, clock, encryption_keys=keys) as stage:
        import_id = await stage.created(FILE, preflight="rows")
        assert (MARKER in await stored_bytes(stage.container.db)) is (keys is None)
        await stage.run()
        summary = await stage.read(import_id)
        assert (summary["status"], summary["rows"]["failed"]) == ("complete", 1)
        assert (MARKER in await stored_bytes(stage.container.db)) is (keys is None)


async def test_what_is_told_is_the_same_with_keys_and_without(database_url: str, clock: SteppedClock):
    """Failures, warnings and their reasons, and the rows with one of these."""
    answers = []
    for keys in (None, FIRST):
        async with staged(database_url, clock, encryption_keys=keys) as stage:
            answers.append(await told(stage, await imported(stage, preflight="rows")))
    assert answers[0] == answers[1]
    assert MARKER.decode() in answers[0]["failures.csv"]


@pytest.mark.parametrize("keys", [None, FIRST], ids=["in the clear", "sealed"])
async def test_a_large_form_is_not_readable_where_it_waits_either(
    database_url: str, clock: SteppedClock, keys: str | None, monkeypatch: pytest.MonkeyPatch
):
    """A form's file goes through a temporary file; it is stored as it was sent."""
    written: list[bytes] = []

    class Watched(tempfile.SpooledTemporaryFile):  # type: ignore[type-arg]
        def write(self, content: bytes) -> int:
            written.append(content)
            return super().write(content)

    monkeypatch.setattr(uploads.tempfile, "SpooledTemporaryFile", Watched)
    async with staged(database_url, clock, encryption_keys=keys) as stage:
        rows = b"".join(b"p%d@example.com,zq7mark%d\n" % (n, n) for n in range(20_000))
        answer = await stage.api.post("/v1/imports", files={"file": ("a.csv", b"email,firstName\n" + rows)})
        assert (answer.status_code, answer.json()["rows"]["total"]) == (202, 20_000)
        assert sum(map(len, written)) > len(rows)
        assert (MARKER in b"".join(written)) is (keys is None)
        assert answer.json()["file"]["sha256"] == hashlib.sha256(b"email,firstName\n" + rows).hexdigest()


async def test_a_file_of_many_parts_and_its_retries_go_as_without(stage: Stage):
    """Each part by itself, the rows that failed once more, and the corrected ones in their place."""
    object.__setattr__(stage.container.intake.limits, "part_bytes", 1000)
    import_id = await imported(stage, FILE + leads(100).partition(b"\n")[2].replace(b"\n", b",x,1\n"))
    assert len(await stage.parts(import_id)) > 3
    again = await stage.api.post(f"/v1/imports/{import_id}/retry-failures")
    assert again.status_code == 202
    await stage.run()
    retried = await stage.read(again.json()["id"])
    assert (retried["status"], retried["rows"]["failed"]) == ("complete", 1)
    assert MARKER in (await stage.api.get(f"/v1/imports/{retried['id']}/failures.csv")).content


@pytest.mark.parametrize("before", chosen(["", FIRST, f"clear,{FIRST}"], ""), ids=["clear", "sealed", "clear first"])
@pytest.mark.parametrize(
    "after", chosen([FIRST, f"{SECOND},{FIRST}", f"clear,{FIRST}"], FIRST), ids=["sealed", "another", "clear"]
)
async def test_ONE_KEY_AT_A_TIME_parts_from_before_and_after_a_change_of_keys_wait_for_each_other(
    database_url: str, clock: SteppedClock, before: str, after: str
):
    """One of them is at Marketo, in whichever form; a third one, with other records, waits for nobody."""
    async with staged(database_url, clock, encryption_keys=before or None) as stage:
        await stage.created(leads(3))
        await stage.beat()
        give_keys(stage.container.db, *after.split(","))
        second, other = await stage.created(leads(3, start=2)), await stage.created(leads(3, start=50))
        await stage.beat()
        (part,), (free,) = await stage.parts(second), await stage.parts(other)
        assert (part["state"], part["waiting_for"]) == ("waiting", "same_records")
        assert free["state"] != "waiting"
        assert len(stage.posted) == 2
        await stage.run()
        assert len(stage.posted) == 3


async def test_parts_of_both_forms_share_a_job(database_url: str, clock: SteppedClock):
    """EACH_ITS_OWN: each import's rows are sealed by its own data key, the job's files by the job's."""
    async with staged(database_url, clock, bundle_seconds=20) as stage:
        fillers = [await stage.created(leads(1, start=start)) for start in (900, 901)]
        await stage.beat()
        first = await stage.created(FILE)
        give_keys(stage.container.db, FIRST)
        second = await stage.created(FILE.replace(MARKER, b"other"))
        await stage.run()
        assert [(await stage.parts(each))[0]["bundled_with"] for each in (*fillers, first, second)] == [0, 0, 1, 1]
        assert MARKER in (await stage.api.get(f"/v1/imports/{first}/failures.csv")).content
        assert b"other" in (await stage.api.get(f"/v1/imports/{second}/failures.csv")).content
        assert (await stage.api.delete(f"/v1/imports/{first}")).status_code == 204
        assert await owners(stage) == [(second, None, "file"), (second, None, "results")]
        assert b"other" in (await stage.api.get(f"/v1/imports/{second}/failures.csv")).content


async def owners(stage: Stage) -> list[Any]:
    """Whose data keys there are."""
    async with stage.container.db.read() as tx:
        rows = await tx.execute(
            select(data_key.c.import_id, data_key.c.job_id, data_key.c.content).order_by(data_key.c.id)
        )
        return [tuple(row) for row in rows]


async def test_an_erasure_takes_the_data_keys_first(stage: Stage):
    """The uploaded rows' and the results', with the job's; those of another import stay."""
    erased, kept = await imported(stage), await imported(stage, FILE.replace(MARKER, b"other"))
    assert len(await owners(stage)) == 6
    assert (await stage.api.delete(f"/v1/imports/{erased}")).status_code == 204
    left = await owners(stage)
    assert [owner for owner, _, _ in left if owner] == [kept, kept]
    assert len(left) == 3
    assert b"other" in (await stage.api.get(f"/v1/imports/{kept}/failures.csv")).content


@pytest.mark.parametrize(
    "damage", [delete(data_key), update(data_key).values(wrapped=bytes(60))], ids=["gone", "changed"]
)
async def test_a_data_key_that_is_lost_without_an_erasure_is_damage(stage: Stage, damage: Any):
    """The part is not sent, and the check finds it. Of an erased import it is none."""
    import_id = await stage.created(FILE)
    async with stage.container.db.write() as tx:
        await tx.execute(damage)
    found = [finding.condition async for finding in Integrity(stage.container.db).look()]
    assert found == [Condition.CORRUPT, Condition.CORRUPT]
    await stage.run()
    assert (await stage.read(import_id))["error"]["code"] == "corrupt"
    assert stage.posted == []


async def test_the_files_of_two_parts_cannot_change_places(stage: Stage):
    """Whoever can write the database can make a checksum, and no seal."""
    first, second = await stage.created(leads(3)), await stage.created(leads(3, start=50))
    async with stage.container.db.write() as tx:
        rows = (await tx.execute(select(part_file).order_by(part_file.c.part_id))).all()
        for row, other in zip(rows, reversed(rows), strict=True):
            values = {"blob": other.blob, "checksum": other.checksum}
            await tx.execute(update(part_file).where(part_file.c.part_id == row.part_id).values(values))
    found = [(f.table, f.condition) async for f in Integrity(stage.container.db).look()]
    assert found[:2] == [("part_file", Condition.CORRUPT)] * 2
    assert found[2:] == [("part_keys", Condition.WHOLE)] * 2
    await stage.run()
    assert [(await stage.read(each))["error"]["code"] for each in (first, second)] == ["corrupt", "corrupt"]
    assert stage.posted == []


async def test_without_the_key_nothing_fails_and_everything_waits_until_it_is_back(stage: Stage):
    """The process says which key it lacks; no part is taken for damaged."""
    done, waiting = await imported(stage), await stage.created(leads(3))
    give_keys(stage.container.db, SECOND)
    answer = await stage.api.get(f"/v1/imports/{done}/failures.csv")
    assert (answer.status_code, answer.json()["code"]) == (503, "key_missing")
    fingerprint = vault(FIRST).keyring.first.fingerprint
    ready = await stage.api.get("/readyz")
    assert (ready.status_code, fingerprint in ready.text) == (503, True)
    integrity = Integrity(stage.container.db)
    assert {finding.condition async for finding in integrity.look()} == {Condition.WHOLE}  # by their checksums
    assert fingerprint in (await integrity.complaints())[0]
    for _ in range(3):
        with suppress(MissingKey):
            await stage.beat()
        stage.clock.step(5)
    assert (await stage.read(waiting))["status"] != "failed"
    assert len(stage.posted) == 1
    give_keys(stage.container.db, SECOND, FIRST)
    await stage.run()
    assert (await stage.read(waiting))["status"] == "complete"
    assert (await stage.api.get("/readyz")).status_code == 200


@pytest.mark.parametrize("keys", [(), (SECOND,)], ids=["none", "another"])
async def test_a_start_without_a_key_that_is_needed_is_refused(stage: Stage, database_url: str, keys: tuple[str, ...]):
    """With a sentence that says which one; with it, in whichever place, it starts."""
    await imported(stage)
    fingerprint = vault(FIRST).keyring.first.fingerprint
    settings = stage_settings(database_url, encryption_keys=",".join(keys) or None)
    with pytest.raises(CannotStart, match=f"needs the key {fingerprint}"):
        async with opened(settings):
            raise AssertionError
    async with opened(stage_settings(database_url, encryption_keys=",".join([*keys, FIRST]))):
        pass
