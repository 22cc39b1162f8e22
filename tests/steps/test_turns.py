"""Clients of equal priority take turns."""

from app.steps.turns import Turns


def served(turns: Turns, *clients: str, rows: int = 10, times: int = 1) -> list[str]:
    order = []
    for _ in range(times):
        order.append(turns.in_order(clients)[0])
        turns.took(order[-1], rows)
    return order


def test_two_clients_take_turns():
    """However many parts each has."""
    assert served(Turns(), "a", "b", times=6) == ["a", "b"] * 3


def test_turns_are_by_rows():
    """Ten small parts weigh as much as a large one."""
    turns = Turns()
    turns.in_order(["a", "b"])
    turns.took("a", 100)
    assert served(turns, "a", "b", rows=10, times=11) == ["b"] * 10 + ["a"]


def test_a_newcomer_goes_at_once_but_gets_no_arrears():
    """Who was away has not been saving up."""
    turns = Turns()
    served(turns, "a", times=50)
    assert served(turns, "a", "b", times=4).count("b") == 2
    served(turns, "b", times=50)
    assert served(turns, "a", "b", times=4).count("a") == 2
