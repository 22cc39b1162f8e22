"""Faults on order: keeps the orders, decides which one strikes, notes what struck."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.simulator.faults import Fault, Stage


@dataclass(slots=True)
class _Order:
    fault: Fault
    seen: int = 0  # matching calls since the order
    struck: int = 0

    @property
    def used_up(self) -> bool:
        limit = self.fault.limit
        return limit is not None and self.struck >= limit


class FaultInjector:
    """The orders in the sequence they were given. Of several that are due at once, the first strikes."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._orders: list[_Order] = []
        self.struck: list[dict[str, Any]] = []

    def order(self, fault: Fault) -> None:
        self._orders.append(_Order(fault))

    def clear(self) -> None:
        self._orders.clear()

    def pending(self) -> list[dict[str, Any]]:
        return [{**o.fault.as_dict(), "struck": o.struck} for o in self._orders if not o.used_up]

    def pick(self, stage: Stage, endpoint: str, at: float, **about: object) -> Fault | None:
        """The fault that strikes here, if one does. Every order that fits counts the call."""
        due = [order for order in self._fitting(stage, endpoint) if self._is_due(order)]
        if not due:
            return None
        first = due[0]
        first.struck += 1
        note = {"fault": first.fault.name, "on": endpoint, "call": first.seen, "at": at, **about}
        self.struck.append(note)
        return first.fault

    def _fitting(self, stage: Stage, endpoint: str) -> Iterator[_Order]:
        for order in self._orders:
            fault = order.fault
            if fault.stage != stage or order.used_up or fault.place not in ("any", endpoint):
                continue
            if fault.kind == "token_dies" and endpoint == "identity":
                continue
            yield order

    def _is_due(self, order: _Order) -> bool:
        order.seen += 1
        if order.fault.nth is not None:
            return order.seen >= order.fault.nth
        if order.fault.probability is not None:
            return self._chance.random() < order.fault.probability
        return True
