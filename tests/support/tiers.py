"""Which parameters of a test stand for the others in `make test`."""

from collections.abc import Iterable
from typing import Any

import pytest


def chosen(values: Iterable[Any], *here: Any) -> list[Any]:
    """All of them as parameters: those named `here` are in `make test`, the others in `make endure`."""
    known = list(values)
    assert [one for one in here if one not in known] == [], "to be here it has to be there"
    return [one if one in here else endured(one) for one in known]


def endured(value: Any, *, both: bool = False) -> Any:
    """A parameter of `make endure`, on SQLite or on `both` databases; a tuple gives several arguments."""
    marks = [pytest.mark.endure, pytest.mark.both_databases] if both else [pytest.mark.endure]
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=marks)
