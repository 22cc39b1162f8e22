"""Schema watch: a process whose database got a schema that it cannot work with writes nothing more."""

import asyncio
from dataclasses import dataclass
from typing import NoReturn

import structlog

from app.domain.timeouts import SCHEMA_LOOK_SECONDS
from app.store import schema
from app.store.database import AWAY, Database, cause

log = structlog.get_logger()


@dataclass(slots=True)
class SchemaWatch:
    db: Database
    needed: str
    _revision: str | None = None  # at the last look

    async def run(self) -> NoReturn:
        """Look now and then, until cancelled."""
        while True:
            try:
                await self.look()
            except AWAY as away:
                log.debug("the schema cannot be looked at", error=cause(away))
            await asyncio.sleep(SCHEMA_LOOK_SECONDS)

    async def look(self) -> None:
        """Refuse every write while the schema is one that this version cannot work with. Errors: AWAY."""
        async with self.db.read() as tx:
            revision, why = await schema.revision(tx), await schema.why_not(tx, self.needed)
        if why and not self.db.refused:
            log.error("the database was upgraded or downgraded: nothing is written", why=why)
        if self.db.refused and not why:
            log.warning("the schema is right again")
        if not why and revision != self.needed and revision != self._revision:
            log.info("the schema is newer than this version, which works with it", schema=revision, knows=self.needed)
        self.db.refused, self._revision = why, revision
