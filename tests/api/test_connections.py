"""The open connections of a process: who makes room for whom."""

from dataclasses import dataclass, field

from app.api.connections import Connections
from tests.support.logged import Log, log

__all__ = ["log"]


@dataclass(eq=False)
class Caller:
    """A connection as `Connections` knows it."""

    has_known_caller: bool = False
    is_crowded: bool = False
    is_ended: bool = False
    looked_at: list[float] = field(default_factory=list)

    def end(self) -> None:
        self.is_ended = True

    def end_if_overdue(self, now: float) -> None:
        self.looked_at.append(now)


def opened(connections: Connections, *callers: Caller, now: float = 0.0) -> None:
    for caller in callers:
        connections.add(caller, now)


def test_at_the_limit_the_oldest_without_a_known_caller_makes_room():
    """One that works for a known caller stays."""
    known, old, young, new = Caller(has_known_caller=True), Caller(), Caller(), Caller()
    connections = Connections(3)
    opened(connections, known, old, young, new)
    assert [caller.is_ended for caller in (known, old, young, new)] == [False, True, False, False]
    assert not new.is_crowded


def test_a_connection_with_another_request_is_the_youngest_again():
    """Its caller is not known yet."""
    first, second, third = Caller(), Caller(), Caller()
    connections = Connections(2)
    opened(connections, first, second)
    connections.renew(first)
    opened(connections, third)
    assert (first.is_ended, second.is_ended) == (False, True)


def test_where_all_work_for_known_callers_a_new_one_is_crowded():
    """64 of these may be there, for health checks; then the oldest of them goes."""
    connections = Connections(1)
    known, crowded = Caller(has_known_caller=True), [Caller() for _ in range(65)]
    opened(connections, known, *crowded)
    assert not known.is_ended
    assert all(caller.is_crowded for caller in crowded)
    assert [caller.is_ended for caller in crowded] == [True] + [False] * 64


def test_one_that_goes_leaves_its_place():
    """To whoever comes next."""
    connections = Connections(1)
    first, second = Caller(has_known_caller=True), Caller()
    opened(connections, first)
    connections.remove(first)
    opened(connections, second)
    assert not second.is_crowded
    connections.end_overdue(7.0)
    assert (first.looked_at, second.looked_at) == ([], [7.0])


def test_a_full_house_is_logged_once_in_a_while(log: Log):
    """And not with each connection."""
    connections = Connections(1)
    for now in (0.0, 1.0, 10_000.0):
        opened(connections, Caller(has_known_caller=True), now=now)
    assert [line["limit"] for line in log.lines("the limit of connections is reached")] == [1, 1]
