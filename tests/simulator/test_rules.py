"""Which rules a simulator can have."""

from __future__ import annotations

import pytest

from app.simulator import Rules


@pytest.mark.parametrize("wrong", [{"speed": 0}, {"importers": 11}, {"job_seconds": -1}, {"window_seconds": 0}])
def test_rules_that_cannot_be_are_refused(wrong) -> None:
    with pytest.raises(ValueError):
        Rules(**wrong)
