"""Operation ids: the names that functions get in a client that is generated from the document."""

from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute


def operation_id(route: APIRoute) -> str:
    """The name of the route's function in camelCase, as `createImport`."""
    first, *others = route.name.split("_")
    return first + "".join(word.title() for word in others)


class Router(APIRouter):
    """A router that names its operations so."""

    def __init__(self, **options: Any) -> None:
        super().__init__(generate_unique_id_function=operation_id, **options)
