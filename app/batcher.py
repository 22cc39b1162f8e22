"""Serves together what is asked for together, as databases commit in groups.

Nobody waits for company: what is asked for while nothing is being served is served at once, and all that comes
meanwhile is the next batch.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class _Asked(NamedTuple, Generic[Request, Answer]):
    request: Request
    answer: asyncio.Future[Answer]


class Batch(Generic[Request, Answer]):
    """Requests that are served together, in the order in which they came."""

    def __init__(self, asked: Sequence[_Asked[Request, Answer]]) -> None:
        self._asked = asked
        self.requests = [each.request for each in asked]

    @property
    def is_wanted(self) -> bool:
        """False once nobody waits for any of the answers any more."""
        return any(not each.answer.done() for each in self._asked)

    def settle(self, answers: Sequence[Answer] | BaseException) -> None:
        """Give each its answer, or all of them the same error."""
        if isinstance(answers, BaseException):
            for each in self._asked:
                if not each.answer.done():
                    each.answer.set_exception(answers)
            return
        for each, answer in zip(self._asked, answers, strict=True):
            if not each.answer.done():
                each.answer.set_result(answer)


@dataclass(slots=True, eq=False)
class Batcher(Generic[Request, Answer]):
    """`serve`: the answers to a batch, one for each request. An error that it raises is everybody's in that batch."""

    serve: Callable[[Batch[Request, Answer]], Awaitable[Sequence[Answer]]]
    _pending: list[_Asked[Request, Answer]] = field(default_factory=list, init=False)
    _serving: asyncio.Task[None] | None = field(default=None, init=False)

    async def ask(self, request: Request) -> Answer:
        """Its answer. Whoever is cancelled here leaves the others' batch as it is. Errors: those of `serve`."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pending.append(_Asked(request, answer))
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve_pending())
        return await answer

    async def _serve_pending(self) -> None:
        while self._pending:
            batch, self._pending = Batch(self._pending), []
            try:
                batch.settle(await self.serve(batch))
            except asyncio.CancelledError:
                batch.settle(asyncio.CancelledError())
                raise
            except Exception as mistake:  # noqa: BLE001  # whoever waits for it has to hear of it
                batch.settle(mistake)
