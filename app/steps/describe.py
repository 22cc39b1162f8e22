"""Describe: what Marketo says of an object's fields. Asked once a day; no reason to refuse, nor to wait for long."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from app.clock import Clock
from app.domain.answers import Description, NoWord
from app.domain.imports import CustomObject, Leads, ProgramMembers, Target
from app.domain.patience import DESCRIBE_AGAIN_SECONDS, DESCRIBE_AGE_SECONDS, DESCRIBE_WAIT_SECONDS
from app.marketo.client import Marketo
from app.store import descriptions, tallies
from app.store.database import Database

log = structlog.get_logger()


@dataclass(slots=True)
class Describe:
    """Knows the fields of one instance's objects."""

    instance: str
    db: Database
    marketo: Marketo
    now: Clock
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    _known: dict[str, tuple[Description, datetime]] = field(default_factory=dict)
    _asked_at: dict[str, datetime] = field(default_factory=dict)

    async def fields_of(self, target: Target, *, no_older_seconds: float = DESCRIBE_AGE_SECONDS) -> Description | None:
        """The newest description there is, asked for anew where it is older than that.

        None where nobody has ever been told. Network: at most one describe, and that not twice in a minute.
        """
        name, old = object_of(target), self.now() - timedelta(seconds=no_older_seconds)
        if not self._is_since(old, name):
            async with self._one_at_a_time:
                if not self._is_since(old, name):
                    await self._remember(name)
                if not self._is_since(old, name):
                    await self._ask(target)
        known = self._known.get(name)
        return known[0] if known else None

    def _is_since(self, moment: datetime, name: str) -> bool:
        return name in self._known and self._known[name][1] > moment

    async def _remember(self, name: str) -> None:
        """Another process may have asked."""
        async with self.db.read() as tx:
            found = await descriptions.get(tx, self.instance, name)
        if found:
            self._known[name] = found

    async def _ask(self, target: Target) -> None:
        name, at = object_of(target), self.now()
        if name in self._asked_at and self._asked_at[name] + timedelta(seconds=DESCRIBE_AGAIN_SECONDS) > at:
            return
        self._asked_at[name] = at
        try:
            async with asyncio.timeout(DESCRIBE_WAIT_SECONDS):
                said = await self.marketo.describe(target)
        except TimeoutError:
            said = NoWord(f"no answer within {DESCRIBE_WAIT_SECONDS} seconds")
        async with self.marketo.answers.handed_on() as answers, self.db.write() as tx:
            tallies.add_answers(tx, self.instance, answers)
            if isinstance(said, Description):
                await descriptions.keep(tx, self.instance, name, said, at=at)
        if isinstance(said, Description):
            self._known[name] = said, at
        else:
            log.warning("no description", instance=self.instance, object=name, why=said.why)


def object_of(target: Target) -> str:
    """The name that a description is kept by."""
    match target:
        case Leads():
            return "lead"
        case CustomObject(object_name=name):
            return f"custom_object:{name.lower()}"
        case ProgramMembers():
            return "program_member"
