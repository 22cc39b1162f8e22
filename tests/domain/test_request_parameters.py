"""How a parameter of every import is declared."""

from dataclasses import dataclass
from typing import Annotated

from app.domain.imports import REQUEST_PARAMETERS
from app.domain.request_parameters import RequestParameter, Text, WholeNumber, declared_parameters


@dataclass(frozen=True)
class Order:
    number: int
    size: Annotated[int, RequestParameter(WholeNumber(1, 9), "how many")] = 3
    note: Annotated[str | None, RequestParameter(Text(20), "for people")] = None
    other: Annotated[int, "no declaration"] = 7


def test_the_annotation_of_a_field_is_the_parameter_and_its_default_the_parameters():
    """In the order of the fields; a field without a declaration is none."""
    assert declared_parameters(Order) == {
        "size": RequestParameter(WholeNumber(1, 9), "how many", default=3),
        "note": RequestParameter(Text(20), "for people", default=None),
    }
    assert list(declared_parameters(Order)) == ["size", "note"]


def test_the_parameters_of_every_import_are_those_of_the_contract():
    """With their defaults."""
    assert {name: parameter.default for name, parameter in REQUEST_PARAMETERS.items()} == {
        "instance": "default",
        "format": "csv",
        "charset": "utf-8",
        "priority": 5,
        "not_before": None,
        "on_unconfirmed": "resubmit",
        "bundle": "auto",
        "preflight": "header",
        "label": None,
        "metadata": None,
        "column_map": None,
        "review": False,
    }
