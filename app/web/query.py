"""Reads one query parameter of a request that has few."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from app.domain.errors import BadParameter, Detail
from app.web.parameter_names import refuse

Value = TypeVar("Value")


def read_parameter(parameters: Mapping[str, str], name: str, read: Callable[[str], Value]) -> Value | None:
    """The value of a parameter; None where it is not given. `read` raises ValueError. Errors: BadParameter."""
    text = parameters.get(name)
    if text is None:
        return None
    try:
        return read(text)
    except ValueError as mistake:
        refuse([Detail(str(mistake), field=name)])
        raise


def bad_parameter(name: str, message: str) -> BadParameter:
    """The error for a parameter whose value cannot be, for a reason of whoever reads it."""
    return BadParameter(f"{name}: {message}", details=(Detail(message, field=name),))
