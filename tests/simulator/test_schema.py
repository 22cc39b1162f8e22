"""What the simulated instance knows by name."""

from __future__ import annotations

import pytest

from app.simulator import Rules, Simulator
from tests.simulator.conftest import Bench


def test_further_fields_and_objects_can_be_had(bench: Bench) -> None:
    sim = Simulator(Rules(lead_fields=("accountTier", "seats:integer"), custom_objects=("tire_c:serial:brand,size",)))
    added = {field.name: (field.display_name, field.type) for field in sim.schema.lead if field.custom}
    assert added["accountTier"] == ("Account Tier", "string")
    assert added["seats"] == ("Seats", "integer")
    assert [field.name for field in sim.schema.objects["tire_c"].fields] == ["serial", "brand", "size"]
    for wrong in ({"lead_fields": ("a b",)}, {"custom_objects": ("tire_c",)}):
        with pytest.raises(ValueError, match="write"):
            Simulator(Rules(**wrong))
