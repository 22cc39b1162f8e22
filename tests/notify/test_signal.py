"""A signal: somebody sends it, somebody waits for it."""

from app.notify.signal import Signal


async def test_signals_that_come_before_anybody_waits_are_one():
    """It is not lost, and it is not heard twice."""
    signal = Signal()
    signal.send()
    signal.send()
    assert await signal.wait()
    assert not await signal.wait(within_seconds=0)
