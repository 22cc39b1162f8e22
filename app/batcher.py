"""Serves together what is asked for together, as databases commit in groups.

Nobody waits for company: what is asked for while nothing is being served is served at once, and all that comes
meanwhile is the next batch.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class _Asked(NamedTuple, Generic[Request, Answer]):
    request: Request
    answer: asyncio.Future[Answer]

    def fail(self, mistake: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(mistake)


class Batch(Generic[Request, Answer]):
    """Requests that are served together, in the order in which they came."""

    def __init__(self, asked: Sequence[_Asked[Request, Answer]]) -> None:
        self._asked = asked
        self.requests = [each.request for each in asked]

    @property
    def is_wanted(self) -> bool:
        """False once nobody waits for any of the answers any more."""
        return any(not each.answer.done() for each in self._asked)

    def settle(self, answers: Sequence[Answer | Exception]) -> None:
        """Give each its answer, or its error."""
        for each, answer in zip(self._asked, answers, strict=True):
            if isinstance(answer, BaseException):
                each.fail(answer)
            elif not each.answer.done():
                each.answer.set_result(answer)

    def fail(self, mistake: BaseException) -> None:
        """Give all of them the same error."""
        for each in self._asked:
            each.fail(mistake)


@dataclass(slots=True, eq=False)
class Batcher(Generic[Request, Answer]):
    """`serve`: the answers to a batch, one for each request; an error among them is that of its own request alone.

    An error that `serve` raises is everybody's in that batch. `most`: requests in one batch.
    """

    serve: Callable[[Batch[Request, Answer]], Awaitable[Sequence[Answer | Exception]]]
    most: int = 1_000
    _pending: list[_Asked[Request, Answer]] = field(default_factory=list, init=False)
    _serving: asyncio.Task[None] | None = field(default=None, init=False)

    async def ask(self, request: Request) -> Answer:
        """Its answer. Whoever is cancelled here leaves the others' batch as it is. Errors: those of `serve`."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pending.append(_Asked(request, answer))
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve_pending(), context=Context())  # it is no asker's alone
        return await answer

    async def _serve_pending(self) -> None:
        while self._pending:
            batch = Batch([each for each in self._pending[: self.most] if not each.answer.done()])
            del self._pending[: self.most]
            try:
                if batch.requests:
                    batch.settle(await self.serve(batch))
            except BaseException as mistake:  # whoever waits for it has to hear of it
                batch.fail(mistake)
                if isinstance(mistake, asyncio.CancelledError):
                    raise
