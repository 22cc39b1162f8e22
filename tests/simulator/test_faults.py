"""What an order of a fault says, and which orders make no sense."""

from __future__ import annotations

import pytest

from app.simulator import Fault, parse_fault
from app.simulator.faults import FAULTS


def test_an_order_in_one_line() -> None:
    assert parse_fault("lost_response:create:nth=2") == Fault("lost_response", on="create", nth=2)
    assert parse_fault("json_error:611:status:probability=0.1") == Fault("json_error:611", "status", probability=0.1)
    assert parse_fault("hang:seconds=3:times=2") == Fault("hang", seconds=3.0, times=2)
    assert parse_fault("job_failed:message=Out of order").message == "Out of order"
    assert parse_fault("http_500:once=false") == Fault("http_500", once=False)


@pytest.mark.parametrize(
    "line",
    [
        "nope", "json_error", "json_error:abc", "hang:611", "garbled_file:create", "late_file:nth=two", "hang:nth=0",
        "hang:nth=1:probability=0.5", "hang:probability=2", "hang:when=now", "hang:seconds=-1", "hang:seconds=nan", "",
    ],
)  # fmt: skip
def test_orders_that_make_no_sense(line: str) -> None:
    with pytest.raises(ValueError):
        parse_fault(line)


def test_every_fault_can_be_ordered_by_its_name_alone() -> None:
    for name in FAULTS:
        code = ":611" if name in ("json_error", "executed_then") else ""
        assert Fault(name + code).place in FAULTS[name][1]
    assert len(FAULTS) == 32
