"""What a route asks for."""

from typing import Annotated

from fastapi import Depends, Request

from app.container import House
from app.store.attention import Judgement


async def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


TheHouse = Annotated[House, Depends(_house)]

SMALL_BODY_BYTES = 1 << 16
"""Of a JSON body, which is read whole."""


def judgement(house: House) -> Judgement:
    return Judgement(now=house.now(), stuck_seconds=house.settings.stuck_seconds)
