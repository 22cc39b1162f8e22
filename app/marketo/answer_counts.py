"""Counts how Marketo answered our calls, until a transaction stores the counts."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from app.marketo.codes import CODES
from app.marketo.reply import Reply

NONE = "none"  # there was no complete answer
OTHER = "other"  # all codes that are not in CODES are counted together: Marketo may invent any number of them


class Answered(NamedTuple):
    call: str
    code: str


class Answers:
    def __init__(self) -> None:
        self._counted: Counter[Answered] = Counter()

    def count(self, call: str, reply: Reply | None) -> None:
        """Count an answer by Marketo's code, or by the HTTP status where the body has no code."""
        if reply is None or not reply.whole:
            code = NONE
        elif reply.error is None:
            code = str(reply.status)
        else:
            code = reply.error.code if reply.error.code in CODES else OTHER
        self._counted[Answered(call, code)] += 1

    @asynccontextmanager
    async def handed_on(self) -> AsyncIterator[Mapping[Answered, int]]:
        """The counts since the last time, to be stored. If that fails, they are kept for the next time."""
        counted, self._counted = self._counted, Counter()
        try:
            yield counted
        except BaseException:
            self._counted += counted
            raise
