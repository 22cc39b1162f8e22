"""How long real processes are waited for."""

import os

import pytest

from tests.support import patience
from tests.support.patience import Deadline, wait_until


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    """Sets how many processes want each core."""

    def is_(wanted: float) -> None:
        monkeypatch.setattr(os, "cpu_count", lambda: 2)
        monkeypatch.setattr(os, "getloadavg", lambda: (2 * wanted, 0.0, 0.0))

    return is_


@pytest.mark.parametrize(("wanted", "seconds"), [(0, 60), (1, 60), (4.5, 270), (10, 600), (50, 600)])
def test_a_busy_machine_gets_as_many_times_longer_up_to_ten(load, wanted: float, seconds: float):
    """A minute where there is a core for everybody: what hangs is told soon."""
    load(wanted)
    assert patience.seconds() == pytest.approx(seconds)


def test_a_load_that_rises_while_one_waits_counts_and_one_that_falls_takes_nothing_back(
    load, monkeypatch: pytest.MonkeyPatch
):
    """The time that was lost is lost."""
    now = [1000.0]
    monkeypatch.setattr(patience.time, "monotonic", lambda: now[0])
    load(0)
    deadline = Deadline()
    now[0] += 59
    assert not deadline.is_over()
    load(3)
    now[0] += 100
    assert not deadline.is_over()
    load(0)
    assert not deadline.is_over()
    now[0] += 30
    assert deadline.is_over()


def test_what_never_comes_is_named(load, monkeypatch: pytest.MonkeyPatch):
    """With how long it was waited for."""
    load(0)
    moments = iter(range(0, 1000, 30))
    monkeypatch.setattr(patience.time, "monotonic", lambda: float(next(moments)))
    monkeypatch.setattr(patience.time, "sleep", lambda _: None)
    with pytest.raises(AssertionError, match="waited 60 s for: the bus"):
        wait_until(lambda: False, lambda: "the bus")
