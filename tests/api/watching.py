"""Requests that wait for an import, or know it already."""

import asyncio
from typing import Any

import httpx

from tests.support.listener import SOON_SECONDS
from tests.support.stage import Stage


async def watched(stage: Stage, count: int = 1) -> None:
    """Wait until so many watch."""
    async with asyncio.timeout(SOON_SECONDS):
        while sum(map(len, stage.container.subscriptions.subscribers.values())) != count:
            await asyncio.sleep(0)


async def get(stage: Stage, import_id: int, *known: str, **parameters: Any) -> httpx.Response:
    headers = [("If-None-Match", tag) for tag in known]
    async with asyncio.timeout(SOON_SECONDS):
        return await stage.api.get(f"/v1/imports/{import_id}", params=parameters, headers=headers)
