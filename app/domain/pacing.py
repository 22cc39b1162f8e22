"""How many parts to keep at Marketo: enough that its importers never wait for us, and never more than fit."""

ASSUMED_ROWS_PER_SECOND = 5_000.0  # until finished parts have taught better; too high errs towards keeping more there
HORIZON_LOOKS = 3  # looks at the queue for which there should be work at Marketo


def room(
    *,
    slots_used: int,
    slots_of_others: int,
    rows_there: int,
    max_queued: int,
    max_importing: int,
    rows_per_second: float | None,
    poll_min_seconds: float,
) -> int:
    """How many more parts may go to Marketo now.

    Always: no more than the free slots. Beyond a full house for the importers and as many behind them, only while
    the rows there would be done before we have looked a few times: what waits here can still be cancelled, paused
    or overtaken; what waits there cannot.
    """
    free = max_queued - slots_of_others - slots_used
    if free <= 0:
        return 0
    if slots_used < 2 * max_importing:
        return free
    seconds_of_work = rows_there / (rows_per_second or ASSUMED_ROWS_PER_SECOND) / max_importing
    return free if seconds_of_work < HORIZON_LOOKS * poll_min_seconds else 0


def expected_seconds(rows_left: int, rows_per_second: float | None) -> float | None:
    """When the head of Marketo's queue should be done; None while nothing is known."""
    return rows_left / rows_per_second if rows_per_second else None


class Pace:
    """How fast one of Marketo's importers takes rows, learnt from the parts that it finished."""

    WEIGHT = 0.3  # of the newest part: a handful of parts outweigh the past

    def __init__(self) -> None:
        self.rows_per_second: float | None = None

    def observe(self, rows: int, seconds: float) -> None:
        if seconds <= 0 or rows <= 0:
            return
        seen = rows / seconds
        known = self.rows_per_second
        self.rows_per_second = seen if known is None else known + self.WEIGHT * (seen - known)
