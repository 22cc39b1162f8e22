"""The wakeup: something new is there to be done, in this process or in another."""

from app.notify.wakeup import Wakeup


async def test_something_to_do_is_told_here_and_to_the_others_and_hearsay_only_here():
    """Or two processes would tell each other for ever."""
    wakeup = Wakeup()
    wakeup.send()
    assert await wakeup.wait(within_seconds=0)
    assert wakeup.pending.take().rung
    wakeup.receive()
    assert await wakeup.wait(within_seconds=0)
    assert not wakeup.pending.take().rung
