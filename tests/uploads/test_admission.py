"""Who may upload, and who gives way: places, memory, and turns."""

import asyncio

import pytest

from app.domain.errors import BrokenUpload, TooManyRequests
from app.uploads import admission
from app.uploads.admission import Admission, Place
from app.uploads.fair_limit import FairLimit

MB = 1 << 20


def made(most: int = 4, client_most: int = 2, memory_bytes: int = 10 * MB) -> Admission:
    return Admission(FairLimit(most, client_most), memory_bytes)


open_places: list[object] = []  # or their contexts would end with their last name


async def placed(found: Admission, *clients: str) -> list[Place]:
    """A place for each, kept."""
    contexts = [found.place(client) for client in clients]
    open_places.extend(contexts)
    return [await context.__aenter__() for context in contexts]


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has to wait for a place gets none."""
    monkeypatch.setattr(admission, "UPLOAD_WAIT_SECONDS", 0)


@pytest.mark.usefixtures("no_patience")
@pytest.mark.parametrize(
    ("clients", "code"), [(("a", "a"), "client_uploads_full"), (("b", "b", "c", "c"), "uploads_full")]
)
async def test_a_client_has_its_places_and_all_have_theirs(clients: tuple[str, ...], code: str):
    """The answer says which of the two are taken, and when to come back."""
    found = made()
    await placed(found, *clients)
    with pytest.raises(TooManyRequests) as refused:
        async with found.place("a"):
            pass
    assert refused.value.code == code
    assert refused.value.retry_after_seconds == 5


async def test_who_waits_gets_the_next_place_and_whoever_leaves_gives_it_back():
    found = made(most=1)
    async with found.place("a"):
        waiting = asyncio.create_task(found.place("b").__aenter__())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
    assert (await waiting).client == "b"


@pytest.mark.usefixtures("no_patience")
async def test_few_of_a_client_may_wait(monkeypatch: pytest.MonkeyPatch):
    """Each holds what has come of its body already."""
    monkeypatch.setattr(admission, "WAITING", 0)
    monkeypatch.setattr(admission, "UPLOAD_WAIT_SECONDS", 1000)
    found = made(client_most=1)
    await placed(found, "a")
    with pytest.raises(TooManyRequests):
        async with found.place("a"):
            pass


async def test_where_all_hold_too_much_those_store_that_free_most_by_it():
    """Just as many as are needed; nobody has to end."""
    found = made()
    small, large, middle = await placed(found, "a", "a", "b")
    small.note(2 * MB, 1 * MB)
    large.note(7 * MB, 1 * MB)
    assert not large.must_store
    middle.note(4 * MB, 1 * MB)
    assert [place.must_store for place in (small, large, middle)] == [False, True, False]
    assert not any(place.must_end for place in (small, large, middle))


async def test_what_cannot_be_stored_ends_the_upload_that_holds_most_and_no_other():
    """A record of megabytes that never ends."""
    found = made()
    honest, hostile, other = await placed(found, "a", "b", "b")
    honest.note(3 * MB, 1 * MB)
    hostile.note(9 * MB, 9 * MB)
    other.note(1 * MB, 1 * MB)
    assert [place.must_end for place in (honest, hostile, other)] == [False, True, False]
    honest.check()
    with pytest.raises(TooManyRequests) as refused:
        hostile.check()
    assert refused.value.code == "uploads_full"


async def test_parts_on_their_way_into_the_database_count_and_nobody_has_to_end_for_them():
    """They go by themselves; meanwhile others store what they have."""
    found = made()
    first, second = await placed(found, "a", "b")
    first.first_awaits_more = False
    first.moves(12 * MB)
    second.note(2 * MB, 1 * MB)
    assert second.must_store
    assert not first.must_end
    assert not second.must_end
    first.moved()
    assert first.memory_bytes == 0


async def test_a_first_part_that_waits_for_more_is_stored_where_others_need_its_memory():
    """It may be the whole file, or not: that can be seen later, too."""
    found = made()
    first, second = await placed(found, "a", "b")
    first.moves(9 * MB)
    second.note(3 * MB, 3 * MB)
    assert first.must_store
    assert not second.must_store
    first.first_awaits_more = False
    waiting = asyncio.create_task(first.room())
    await asyncio.sleep(0)
    assert not waiting.done(), "and no more is made before that is done"
    first.moved()
    await asyncio.wait_for(waiting, 10)


async def test_who_has_two_parts_to_store_makes_no_third_while_all_hold_too_much():
    """Of two the first one may wait for the second; of three, nothing does."""
    found = made()
    (place,) = await placed(found, "a")
    place.moves(6 * MB)
    await asyncio.wait_for(place.room(), 10)
    place.moves(6 * MB)
    waiting = asyncio.create_task(place.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    place.moved()
    await asyncio.wait_for(waiting, 10)


async def test_memory_is_given_back_with_the_place():
    found = made()
    async with found.place("a") as first:
        first.note(9 * MB, 9 * MB)
    (second,) = await placed(found, "a")
    second.note(9 * MB, 9 * MB)
    assert not second.must_end


async def test_who_waits_for_its_caller_is_woken():
    """It would not see otherwise that it has to give way."""
    found = made()
    (place,) = await placed(found, "a")

    place.waking = asyncio.get_running_loop().create_future()
    place.note(11 * MB, 11 * MB)
    assert place.waking.done()
    assert place.must_end


async def test_nobody_works_for_a_caller_that_has_gone():
    found = made()
    (place,) = await placed(found, "a")
    place.check()
    place.is_gone = True
    with pytest.raises(BrokenUpload):
        place.check()


async def test_the_work_is_shared_by_client_not_by_upload():
    """Two at once; whoever has one upload is not behind whoever has ten."""
    found = made()
    served: list[str] = []

    async def works(client: str) -> None:
        async with Place(client, found).turn():
            served.append(client)
            await asyncio.sleep(0)

    await asyncio.gather(*[works("a") for _ in range(10)], works("b"))
    assert served.index("b") <= 3


async def test_strangers_have_four_places_and_do_not_wait():
    """Forms of whom nobody knows yet who sends them."""
    found = made()
    contexts = [found.unauthenticated_place() for _ in range(4)]
    for context in contexts:
        await context.__aenter__()
    with pytest.raises(TooManyRequests) as refused:
        async with found.unauthenticated_place():
            pass
    assert refused.value.code == "uploads_full"
    await contexts[0].__aexit__(None, None, None)
    async with found.unauthenticated_place():
        assert found.limit.taken == 0
