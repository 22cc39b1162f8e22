"""Fair shares: clients of equal priority share Marketo by rows, so that a thousand parts of one do not delay another.

What has risen by its waiting, though its priority is lower, takes a turn of its own (app/domain/ageing.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.domain.ageing import SHARE

NONE = -1  # is lower than any priority


@dataclass(slots=True)
class FairShare:
    """How many rows went for each client, counted only while it has something waiting."""

    rows: dict[str, int] = field(default_factory=dict)

    def in_order(self, clients: Iterable[str]) -> list[str]:
        """The clients in the order of their turns: first the one of which the fewest rows were sent.

        A newcomer begins level with whoever is least served, and goes behind it: else one newcomer after the other
        could go before somebody who waits.
        """
        waiting = list(clients)
        before = self.rows
        level = min((before[client] for client in waiting if client in before), default=0)
        self.rows = {client: before.get(client, level) for client in waiting}
        return sorted(waiting, key=lambda client: (self.rows[client], client not in before))

    def took(self, client: str, rows: int) -> None:
        self.rows[client] = self.rows.get(client, 0) + rows


@dataclass(slots=True)
class AgedShare:
    """When it is the turn of what has risen, and among it, whose.

    It is once three jobs in a row, of the highest priority that came meanwhile, went before it. So an import that is
    more urgent than what went lately goes at once, and what keeps coming does not go for ever.
    """

    turns: FairShare = field(default_factory=FairShare)
    priority: int = NONE  # the highest that a job of this row had
    jobs: int = 0  # in this row

    def are_next(self, priority: int) -> bool:
        """`priority`: the highest that could go now."""
        if priority > self.priority:
            self.priority, self.jobs = priority, 0
        return self.jobs >= SHARE - 1

    def were_passed(self) -> None:
        """A part was sent because of its priority."""
        self.jobs += 1

    def took(self, client: str, rows: int) -> None:
        """A part was sent because of its age."""
        self.turns.took(client, rows)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Count from the beginning again: no part has risen, or one of them was just sent."""
        self.priority, self.jobs = NONE, 0
