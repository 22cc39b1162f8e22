"""The metronome: calls deeds again and again, each in its rhythm, by the event loop's clock, which nobody can set."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.bell import Bell

Deed = Callable[[], Awaitable[object]]


@dataclass(slots=True, repr=False)
class _Beat:
    seconds: float
    deed: Deed
    called: Bell = field(default_factory=Bell)


@dataclass(slots=True, repr=False)
class Metronome:
    """What a deed raises ends its beat: a deed that may fail has to see to it itself."""

    _beats: dict[str, _Beat] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _ending: bool = False

    def every(self, seconds: float, name: str, deed: Deed) -> None:
        """Call it now, and then so many seconds after it was last called; if it takes longer, once it is done."""
        beat = self._beats[name] = _Beat(seconds, deed)
        task = asyncio.create_task(self._go_on(beat), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def call(self, name: str) -> None:
        """Have a beat come at once, or as soon as the one under way has ended."""
        self._beats[name].called.ring()

    def end(self) -> None:
        """Begin nothing more. What is under way goes on."""
        self._ending = True
        for beat in self._beats.values():
            beat.called.ring()

    async def ended(self, *, within_seconds: float) -> bool:
        """Wait for what is under way. False when the time is up first."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_seconds)
        return not self._tasks

    async def _go_on(self, beat: _Beat) -> None:
        time = asyncio.get_running_loop().time
        while not self._ending:
            began = time()
            await beat.deed()
            await beat.called.heard(within_seconds=max(0.0, began + beat.seconds - time()))
