"""How Marketo answered our calls, counted until a transaction writes it down."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from app.marketo.codes import CODES
from app.marketo.reply import Reply

NONE = "none"  # no whole answer came
OTHER = "other"  # codes that nobody here knows are one: Marketo may invent any number of them


class Answered(NamedTuple):
    call: str
    code: str


class Answers:
    def __init__(self) -> None:
        self._counted: Counter[Answered] = Counter()

    def count(self, call: str, reply: Reply | None) -> None:
        """By Marketo's code, or by the HTTP status where the body has none."""
        if reply is None or not reply.whole:
            code = NONE
        elif reply.error is None:
            code = str(reply.status)
        else:
            code = reply.error.code if reply.error.code in CODES else OTHER
        self._counted[Answered(call, code)] += 1

    @asynccontextmanager
    async def handed_on(self) -> AsyncIterator[Mapping[Answered, int]]:
        """What was counted since the last time; kept for the next time where writing it down fails."""
        counted, self._counted = self._counted, Counter()
        try:
            yield counted
        except BaseException:
            self._counted += counted
            raise
