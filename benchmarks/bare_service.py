"""A baseline: what FastAPI and SQLAlchemy alone cost. It stores a body with one INSERT, and reads one with a SELECT.

`python -m benchmarks.bare_service PORT URL` on the same Python, server, engine and database as the service.
"""

import asyncio
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, event, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.store.database import driver_url

TABLE = Table("bare_file", MetaData(), Column("id", Integer, primary_key=True), Column("blob", LargeBinary))


def engine_for(url: str) -> AsyncEngine:
    """SQLite has one connection that writes, and syncs each commit to disk, as in the service."""
    address = driver_url(url, asynchronous=True)
    if not url.startswith("sqlite"):
        return create_async_engine(address, pool_size=10, max_overflow=0)
    engine = create_async_engine(address, pool_size=1, max_overflow=0, pool_timeout=60)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(line: Any, _: Any) -> None:
        cursor = line.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def app_for(engine: AsyncEngine) -> FastAPI:
    app = FastAPI()

    @app.get("/livez")
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/files", status_code=202)
    async def create(request: Request) -> dict[str, Any]:
        body = await request.body()
        async with engine.begin() as tx:
            made = await tx.execute(insert(TABLE).returning(TABLE.c.id), {"blob": body})
            return {"id": made.scalar_one(), "bytes": len(body)}

    @app.get("/files/{file_id}")
    async def read(file_id: int) -> dict[str, Any]:
        async with engine.connect() as tx:
            row = (await tx.execute(select(TABLE).where(TABLE.c.id == file_id))).one()
        return {"id": row.id, "bytes": len(row.blob)}

    return app


async def make_table(engine: AsyncEngine) -> None:
    async with engine.begin() as tx:
        await tx.run_sync(TABLE.metadata.create_all)
    await engine.dispose()


if __name__ == "__main__":
    port, url = sys.argv[1:]
    asyncio.run(make_table(engine_for(url)))
    uvicorn.run(app_for(engine_for(url)), port=int(port), log_level="error", access_log=False)
