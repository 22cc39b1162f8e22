"""The stage, for every test here."""

from tests.support.fixtures import stage

__all__ = ["stage"]
