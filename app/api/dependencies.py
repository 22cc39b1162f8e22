"""What a route asks for."""

from typing import Annotated

from fastapi import Depends, Request

from app.container import Container
from app.store.attention import AttentionCriteria


async def _container(request: Request) -> Container:
    container: Container = request.app.state.container
    return container


TheContainer = Annotated[Container, Depends(_container)]

SMALL_BODY_BYTES = 1 << 16
"""Of a JSON body, which is read whole."""


def attention_criteria(container: Container) -> AttentionCriteria:
    return AttentionCriteria(now=container.now(), stuck_seconds=container.settings.stuck_seconds)
