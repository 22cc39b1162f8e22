"""Clients of equal priority take turns."""

from app.scheduling.fair_share import AgedShare, FairShare


def served(turns: FairShare, *clients: str, rows: int = 10, times: int = 1) -> list[str]:
    order = []
    for _ in range(times):
        order.append(turns.in_order(clients)[0])
        turns.took(order[-1], rows)
    return order


def test_two_clients_take_turns():
    """However many parts each has."""
    assert served(FairShare(), "a", "b", times=6) == ["a", "b"] * 3


def test_turns_are_by_rows():
    """Ten small parts weigh as much as a large one."""
    turns = FairShare()
    turns.in_order(["a", "b"])
    turns.took("a", 100)
    assert served(turns, "a", "b", rows=10, times=11) == ["b"] * 10 + ["a"]


def test_a_newcomer_goes_at_once_but_gets_no_arrears():
    """Who was away has not been saving up."""
    turns = FairShare()
    served(turns, "a", times=50)
    assert served(turns, "a", "b", times=4).count("b") == 2
    served(turns, "b", times=50)
    assert served(turns, "a", "b", times=4).count("a") == 2


def test_newcomers_one_after_the_other_do_not_go_before_who_waits():
    """Each begins level with whoever is least served: behind it, or that one might never go."""
    turns, order = FairShare(), []
    for n in range(10):
        waiting = [f"a{n % 2}", "z"]  # one small import of either, whenever a place is free
        order.append(turns.in_order(waiting)[0])
        turns.took(order[-1], 10)
    assert order.count("z") >= 4


def row(elders: AgedShare, *priorities: int) -> str:
    """What goes while jobs of these priorities could: `e` by its age, `p` by its priority."""
    gone = ""
    for priority in priorities:
        if elders.are_next(priority):
            elders.took("old", 10)
            gone += "e"
        else:
            elders.were_passed()
            gone += "p"
    return gone


def test_what_has_risen_gets_one_job_of_four():
    """However long the row of the others is."""
    assert row(AgedShare(), *[9] * 12) == "pppepppepppe"


def test_what_is_more_urgent_than_all_that_went_lately_goes_at_once():
    """An import of high priority behind a backlog that is a day old: three of its parts before one of that."""
    elders = AgedShare()
    assert row(elders, 5, 5, 5) == "ppp"
    assert row(elders, 9, 9, 9, 9, 5) == "pppep"


def test_priorities_that_rise_by_turns_hold_nobody_up():
    """Only one that is higher than all before it in the row begins a new row: nine times at most."""
    assert "e" in row(AgedShare(), *[8, 9] * 4)
    assert row(AgedShare(), *range(10)).count("e") == 0
    assert row(AgedShare(), *range(10), *[0, 9] * 4).index("e") == 12


def test_where_nobody_has_risen_the_row_begins_anew():
    """It costs a look for every few jobs, and no job."""
    elders = AgedShare()
    assert row(elders, 9, 9, 9) == "ppp"
    assert elders.are_next(9)
    elders.begin_anew()
    assert row(elders, 9, 9, 9) == "ppp"
