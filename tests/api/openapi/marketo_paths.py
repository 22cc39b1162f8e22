"""The operations of the published document that are Marketo's own paths."""

from collections.abc import Iterator
from typing import Any

from app.api.openapi.answers import operations


def marketo_operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation) of each."""
    for method, path, operation in operations(document):
        if operation["tags"] == ["marketo"]:
            yield method, path, operation
