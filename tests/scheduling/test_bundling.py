"""Which waiting parts ride along with a leader, and how much one job may have."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.conflicts import Overlap, overlap_of
from app.domain.parts import ConflictScope
from app.domain.throughput import ThroughputModel
from app.scheduling.bundling import QueuedPart, Room, most_rows, riders

ROOMY = Room(size_bytes=10_000_000, rows=math.inf, parts=1000, header_bytes=0)


def queued(
    part_id: int,
    keys: Sequence[int] | None = None,
    *,
    import_id: int | None = None,
    list_id: int | None = None,
    kind: str = "lead",
    key_fields: str = "email",
    deferred: bool = False,
    **facts: Any,
) -> QueuedPart:
    """A part that may ride along; its keys are shared with no other part unless they are given."""
    digests = np.array(sorted([1000 + part_id] if keys is None else keys), np.uint64)
    scope = ConflictScope(import_id or part_id, kind, key_fields, list_id, deferred)
    given_facts = {"rows": 3, "size_bytes": 100, "is_alike": True, "may_go": True} | facts
    return QueuedPart(part_id, (part_id, 1), scope, **{"keys": digests, **given_facts})


def ids(parts: Sequence[QueuedPart]) -> list[int]:
    return [part.id for part in parts]


def bundle(leader: QueuedPart, *waiting: QueuedPart, there: Sequence[QueuedPart] = (), room: Room = ROOMY) -> list[int]:
    return ids(riders(leader, waiting, there, room))


def test_alike_parts_that_wait_go_together_in_the_order_of_acceptance():
    """Whether the leader is among them or not, and wherever it stands."""
    first, second, third = queued(1), queued(2), queued(3)
    assert bundle(second, first, second, third) == [1, 2, 3]
    assert bundle(third, first, second) == [1, 2, 3]
    assert bundle(first) == [1]


@pytest.mark.parametrize("facts", [{"is_alike": False}, {"may_go": False}, {"blocked_by": 99}])
def test_a_part_that_is_unlike_or_waits_for_something_else_stays(facts: dict[str, Any]):
    """For a part that is not in the bundle, for a pause, for a later time."""
    assert bundle(queued(1), queued(2, **facts), queued(3)) == [1, 3]


def test_a_part_that_waits_for_another_part_of_the_bundle_goes_with_it():
    """As parts of one list do; but not behind a part that stays."""
    in_list = [queued(n, list_id=7, blocked_by=n - 1 if n > 1 else None) for n in range(1, 5)]
    assert bundle(*in_list) == [1, 2, 3, 4]
    in_list[1] = replace(in_list[1], may_go=False)
    assert bundle(*in_list) == [1], "the third waits for the second"


def test_ONE_KEY_AT_A_TIME_no_two_parts_of_a_job_share_a_record_key():
    """A key that the leader or another rider has, of the same list or of none, before the leader or behind it."""
    assert bundle(queued(1, [5]), queued(2, [6]), queued(3, [5]), queued(4, [6, 7]), queued(5, [8])) == [1, 2, 5]
    assert bundle(queued(1, [5], list_id=7), queued(2, [5], list_id=7), queued(3, [6])) == [1, 3]
    assert bundle(queued(2, [5]), queued(1, [5], has_claim=False), queued(3, [6])) == [2, 3]


def test_ONE_KEY_AT_A_TIME_nothing_overtakes_what_it_overlaps():
    """What stays goes before all behind it that change the same records, whatever it stays for."""
    for why in ({"is_alike": False}, {"may_go": False}, {"blocked_by": 99}, {"rows": 5000}):
        room = replace(ROOMY, rows=1000)
        assert bundle(queued(1), queued(2, [5], **why), queued(3, [5]), queued(4), room=room) == [1, 4]
    passed_over = [queued(2, [5, 1]), queued(3, [5, 6]), queued(4, [6])]
    assert bundle(queued(1, [1]), *passed_over) == [1], "each of these waits for the one before it"


def test_ONE_KEY_AT_A_TIME_a_rider_overlaps_nothing_at_marketo():
    """Not by a key, and not by a list."""
    assert bundle(queued(9), queued(1, [5]), queued(2, [6]), there=[queued(3, [5])]) == [2, 9]
    assert bundle(queued(9), queued(1), there=[queued(3, key_fields="id")]) == [9]
    in_list = [queued(n, list_id=7) for n in range(1, 4)]
    assert bundle(*in_list[:2], there=in_list[2:]) == [1]


def test_parts_for_one_list_go_together_but_overtake_no_part_for_it():
    """Marketo imports into a list one job at a time."""
    assert bundle(*(queued(n, list_id=7) for n in range(1, 61))) == list(range(1, 61))
    other_columns = queued(2, list_id=7, is_alike=False)
    assert bundle(queued(1, list_id=7), other_columns, queued(3, list_id=7)) == [1]


def test_a_part_that_is_not_to_go_yet_has_nothing_to_say():
    """Until its time has come it goes before nobody."""
    assert bundle(queued(1), queued(2, [5], may_go=False, has_claim=False), queued(3, [5])) == [1, 3]


def test_parts_whose_keys_nobody_knows_go_alone():
    """What nobody knows may be anything; but parts of one import share no key, however it was cut."""
    unknown = [replace(queued(n, import_id=n), keys=None) for n in range(1, 4)]
    assert bundle(*unknown) == [1]
    assert bundle(queued(9), *unknown) == [9]
    assert bundle(*(queued(n, key_fields="") for n in range(1, 4))) == [1]
    of_one = [replace(queued(n, import_id=1), keys=None) for n in range(1, 4)]
    assert bundle(*of_one) == [1, 2, 3]
    assert bundle(of_one[0], replace(queued(2, import_id=1, deferred=True), keys=None)) == [1]


def test_a_part_that_does_not_fit_is_passed_over_for_smaller_ones():
    """By its rows and by its bytes; and a job that is full takes nothing."""
    sizes = [queued(n, rows=rows, size_bytes=10 * rows) for n, rows in enumerate([10, 50, 20, 200, 20], 1)]
    assert bundle(*sizes, room=replace(ROOMY, rows=100)) == [1, 2, 3, 5]
    assert bundle(*sizes, room=replace(ROOMY, size_bytes=500)) == [1, 3, 5]
    assert bundle(*sizes, room=replace(ROOMY, rows=60)) == [1, 2]
    assert bundle(*sizes, room=replace(ROOMY, rows=5)) == [1]
    assert bundle(*sizes, room=replace(ROOMY, rows=0)) == [1]
    assert bundle(*sizes, room=replace(ROOMY, parts=2)) == [1, 2]


def test_FITS_the_header_counts_once_and_a_missing_line_end_is_thought_of():
    """Of each further part its records, and two bytes for the line end of the one before it."""
    parts = [queued(n, size_bytes=100) for n in range(1, 5)]
    assert bundle(*parts, room=replace(ROOMY, header_bytes=60, size_bytes=100 + 2 * 42)) == [1, 2, 3]
    assert bundle(*parts, room=replace(ROOMY, header_bytes=60, size_bytes=100 + 2 * 42 - 1)) == [1, 2]


TWO_SECONDS_AND_A_ROW_A_MILLISECOND = ThroughputModel().observe(1000, 3).observe(9000, 11)


def rows_of(bundle_seconds: float = 20, alike_rows: int = 10**9, importers: int = 2, jobs_there: int = 1) -> int:
    return most_rows(
        TWO_SECONDS_AND_A_ROW_A_MILLISECOND,
        bundle_seconds=bundle_seconds,
        alike_rows=alike_rows,
        importers=importers,
        jobs_there=jobs_there,
    )


def test_a_job_has_as_many_rows_as_marketo_is_thought_to_work_on_for_the_time():
    """On its rows: a Marketo that is slow with any job is where bundling helps most. With zero nothing rides along."""
    assert rows_of() == pytest.approx(20_000, abs=1)
    assert rows_of(bundle_seconds=1) == pytest.approx(1000, abs=1)
    assert rows_of(bundle_seconds=0) == 0


def test_a_job_has_no_more_rows_than_a_part_may_have():
    """However fast Marketo is: what came back of a job is matched in memory."""
    assert rows_of(bundle_seconds=10_000) == 500_000


def test_a_job_has_few_rows_until_it_is_known_how_fast_marketo_is():
    """A hundred thousand would do, as is assumed; where a row takes a hundred times as long, urgent ones would wait."""
    few = most_rows(ThroughputModel(), bundle_seconds=20, alike_rows=10**9, importers=2, jobs_there=2)
    assert few == 200
    slow = ThroughputModel().observe(2_000, 40)
    assert most_rows(slow, bundle_seconds=20, alike_rows=10**9, importers=2, jobs_there=2) <= 1_100


def test_each_idle_importer_gets_an_equal_share():
    """Five hundred small files for two of them are two jobs; beside a busy one they are one."""
    assert rows_of(alike_rows=1500, jobs_there=0) == 750
    assert rows_of(alike_rows=1501, jobs_there=0) == 751
    assert rows_of(alike_rows=1500, jobs_there=1) == rows_of(alike_rows=1500, jobs_there=2) == 1500
    assert rows_of(alike_rows=1500, jobs_there=7) == 1500


MOSTLY = st.sampled_from([True] * 15 + [False])


def random_part(draw: Any, part_id: int, alike: dict[str, Any]) -> QueuedPart:
    """A part that mostly may ride along. `alike`: the scope of those that are alike."""
    is_alike = draw(MOSTLY)
    other_scope = {
        "list_id": draw(st.sampled_from([None, 7, 8])),
        "key_fields": draw(st.sampled_from(["email", "email", "id"])),
        "kind": draw(st.sampled_from(["lead", "car"])),
    }
    part = queued(
        part_id,
        draw(st.sets(st.integers(1, 60), min_size=1, max_size=3)),
        import_id=draw(st.integers(1, 12)),
        deferred=not draw(MOSTLY),
        is_alike=is_alike,
        may_go=draw(MOSTLY),
        blocked_by=None if draw(MOSTLY) else draw(st.integers(1, part_id)),
        has_claim=draw(MOSTLY),
        rows=draw(st.integers(1, 9)),
        size_bytes=draw(st.integers(20, 90)),
        **(alike if is_alike else other_scope),
    )
    return part if draw(MOSTLY) else replace(part, keys=None)


@st.composite
def parts_of_instance(draw: Any) -> tuple[QueuedPart, list[QueuedPart], list[QueuedPart], Room]:
    """(leader, waiting parts, parts at Marketo, room); the leader overlaps nothing that goes before it."""
    alike = {"list_id": draw(st.sampled_from([None, 7])), "key_fields": "email" if draw(MOSTLY) else ""}
    everybody = [random_part(draw, part_id, alike) for part_id in range(1, draw(st.integers(4, 14)))]
    there = [] if alike["list_id"] else everybody[: draw(st.integers(0, 2))]
    waiting = everybody[len(there) :]
    may_lead = [
        part
        for part in waiting
        if part.is_alike
        and not any(overlap(part, other) for other in there)
        and not any(overlap(part, other) for other in waiting if other.has_claim and other.place < part.place)
    ]
    if not may_lead:
        return queued(1), [], [], ROOMY
    leader = draw(st.sampled_from(may_lead))
    waiting = [part for part in waiting if part is not leader or draw(st.booleans())]
    size_bytes, rows, parts = st.integers(20, 900), st.integers(1, 90), st.integers(1, 13)
    room = [draw(limit) if draw(st.booleans()) else 1000 for limit in (size_bytes, rows, parts)]
    return leader, waiting, there, Room(*room, header_bytes=15)


def overlap(part: QueuedPart, other: QueuedPart, *, in_one_job: bool = False) -> bool:
    """Whether two parts may change the same records, said pair by pair. In one job a list does not matter."""
    one, another = part.conflict_scope, other.conflict_scope
    if in_one_job:
        one, another = replace(one, list_id=None), replace(another, list_id=None)
    match overlap_of(one, another):
        case Overlap.NEVER:
            return False
        case Overlap.ALWAYS:
            return True
        case Overlap.BY_KEY:
            if part.keys is None or other.keys is None:
                return True
            return not set(part.keys.tolist()).isdisjoint(other.keys.tolist())


def size_of(parts: Sequence[QueuedPart]) -> int:
    """The header once, and behind every part but the last perhaps a line end."""
    return 15 + sum(part.size_bytes - 15 for part in parts) + 2 * (len(parts) - 1)


def pairwise(
    leader: QueuedPart, waiting: Sequence[QueuedPart], there: Sequence[QueuedPart], room: Room
) -> list[QueuedPart]:
    """The rules, said again part by part."""
    members, first = [leader], list(there)
    for part in waiting:
        if part.id == leader.id:
            continue
        together = [*members, part]
        fits = (
            len(together) <= room.parts
            and sum(member.rows for member in together) <= room.rows
            and size_of(together) <= room.size_bytes
        )
        is_free = part.blocked_by is None or part.blocked_by in ids(members)
        alone = any(overlap(part, member, in_one_job=True) for member in members)
        waits = any(overlap(part, other) for other in first)
        if part.is_alike and part.may_go and is_free and fits and not alone and not waits:
            members.append(part)
        elif part.has_claim:
            first.append(part)
    return sorted(members, key=lambda member: member.place)


@given(parts_of_instance())
def test_a_job_is_as_the_rules_say_part_by_part(made: tuple[QueuedPart, list[QueuedPart], list[QueuedPart], Room]):
    """So whatever is left out has one of the stated reasons, and nothing else keeps a part."""
    assert ids(riders(*made)) == ids(pairwise(*made))


@given(parts_of_instance())
def test_ONE_KEY_AT_A_TIME_holds_for_any_parts(made: tuple[QueuedPart, list[QueuedPart], list[QueuedPart], Room]):
    """No two parts of a job overlap, but for their list; none overlaps what is at Marketo or goes before it."""
    leader, waiting, there, room = made
    job = riders(*made)
    assert leader in job
    assert [part.place for part in job] == sorted({part.place for part in job})
    for part in job:
        assert not any(overlap(part, other, in_one_job=True) for other in job if other is not part)
        assert not any(overlap(part, other) for other in there)
        before = [other for other in waiting if other.place < part.place and other.has_claim and other not in job]
        assert not any(overlap(part, other) for other in before)
    if len(job) > 1:
        assert len(job) <= room.parts
        assert sum(part.rows for part in job) <= room.rows
        assert size_of(job) <= room.size_bytes


@given(parts_of_instance(), st.integers(0, 13), st.booleans())
def test_parts_that_overlap_nothing_change_nothing(
    made: tuple[QueuedPart, list[QueuedPart], list[QueuedPart], Room], at: int, is_there: bool
):
    """Wherever they stand in the queue, or at Marketo."""
    leader, waiting, there, room = made
    stranger = replace(queued(at, [500], kind="boat", is_alike=False), id=500, place=(at, 2))
    with_stranger = sorted([*waiting, stranger], key=lambda part: part.place)
    found = (
        riders(leader, waiting, [*there, stranger], room) if is_there else riders(leader, with_stranger, there, room)
    )
    assert ids(found) == ids(riders(*made))
