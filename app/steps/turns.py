"""Turns: clients of equal priority share Marketo by rows, so that nobody's thousand parts go before another's one."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Turns:
    """How many rows went for each client, counted only while it has something waiting."""

    rows: dict[str, int] = field(default_factory=dict)

    def in_order(self, clients: Iterable[str]) -> list[str]:
        """Who is next: the one for whom the fewest rows went. A newcomer begins level with whoever is least served."""
        waiting = list(clients)
        level = min((self.rows[client] for client in waiting if client in self.rows), default=0)
        self.rows = {client: self.rows.get(client, level) for client in waiting}
        return sorted(waiting, key=lambda client: self.rows[client])

    def took(self, client: str, rows: int) -> None:
        self.rows[client] = self.rows.get(client, 0) + rows
