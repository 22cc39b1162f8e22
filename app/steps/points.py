"""Crash points: the places between two effects, each by its name. A process may die at any of them.

In service nothing happens there. A test gives a function of its own, makes it die at one of them, and looks whether
what comes after puts everything right.
"""

from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    BEGUN = "begun"  # intake: an upload is begun, and no part of it is stored
    PART_STORED = "part_stored"  # intake: a part of an upload is stored, and the import is not accepted
    ACCEPTED = "accepted"  # intake: the import is accepted, and the caller has no answer
    CLAIMED = "claimed"  # submit: the claim is on disk, and nothing was sent
    ANSWERED = "answered"  # submit: Marketo has answered, and nobody has written that down
    SUBMITTED = "submitted"  # submit: the answer is on disk
    ASKED = "asked"  # poll: a status is known, and nobody has written it down
    MOVED = "moved"  # poll: the move is on disk
    FETCHED = "fetched"  # collect: the result files are here, and nothing of them is stored
    ROWS_KEPT = "rows_kept"  # collect: some result rows are stored, and the part is not complete
    COLLECTED = "collected"  # collect: everything is on disk
    JUDGED_LOST = "judged_lost"  # sweep: a claim is called lost
    SENT_BACK = "sent_back"  # sweep: an unconfirmed part is to be sent again


Reached = Callable[[Point], None]


def in_service(_: Point) -> None:
    """Nothing happens."""
