"""Schema watch: a process whose database was upgraded under it writes nothing more."""

import asyncio
from dataclasses import dataclass
from typing import NoReturn

import structlog

from app.domain.timeouts import SCHEMA_LOOK_SECONDS
from app.store import schema
from app.store.database import AWAY, Database, cause

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SchemaWatch:
    db: Database
    needed: str

    async def run(self) -> NoReturn:
        """Look now and then, until cancelled."""
        while True:
            try:
                await self.look()
            except AWAY as away:
                log.debug("the schema cannot be looked at", error=cause(away))
            await asyncio.sleep(SCHEMA_LOOK_SECONDS)

    async def look(self) -> None:
        """Refuse every write while the schema is another version's. Errors: AWAY."""
        async with self.db.read() as tx:
            why = schema.refusal(await schema.revision(tx), self.needed)
        if why and not self.db.refused:
            log.error("the database was upgraded or downgraded: nothing is written", why=why)
        if self.db.refused and not why:
            log.warning("the schema is right again")
        self.db.refused = why
