"""Operation ids: the names that functions get in a client that is generated from the document."""

from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute


def operation_id(route: APIRoute) -> str:
    """The route's first tag and its name, as `imports_create`."""
    return "_".join([*map(str, route.tags[:1]), route.name])


class Router(APIRouter):
    """A router that names its operations so."""

    def __init__(self, **options: Any) -> None:
        super().__init__(generate_unique_id_function=operation_id, **options)
