"""Failpoints: named places between two effects, at each of which the process may die.

In service nothing happens there. A test passes a function that raises at one of them, and then checks that recovery
puts everything right.
"""

from collections.abc import Callable
from enum import StrEnum


class Failpoint(StrEnum):
    BEGUN = "begun"  # intake: an upload is begun, and no part of it is stored
    PART_STORED = "part_stored"  # intake: a part of an upload is stored, and the import is not accepted
    ACCEPTED = "accepted"  # intake: the import is accepted, and the caller has no answer
    DESCRIBED = "described"  # describe: Marketo has told an object's fields, and nobody has kept them
    MADE_DUE = "made_due"  # schedule: parts whose time has come stand in line
    LET_WAIT = "let_wait"  # schedule: a part is to wait for another
    CLAIMED = "claimed"  # schedule: the claim is on disk, and nothing was sent
    SENDING = "sending"  # submit: the body is on its way, and its end was not sent
    ANSWERED = "answered"  # submit: Marketo has answered, and nobody has written that down
    SUBMITTED = "submitted"  # submit: the answer is on disk
    ASKED = "asked"  # poll: a status is known, and nobody has written it down
    MOVED = "moved"  # poll: the move is on disk
    FETCHED = "fetched"  # collect: the result files are here, and nothing of them is stored
    PUT_OFF = "put_off"  # collect: result files that are not to be had are asked for later
    ROWS_FORGOTTEN = "rows_forgotten"  # collect: what was stored of the part's results is gone, and nothing is there
    ROWS_KEPT = "rows_kept"  # collect: some result rows are stored, and the part is not complete
    COLLECTED = "collected"  # collect: everything is on disk
    TAKEN_OVER = "taken_over"  # recovery: the lease is ours, and nobody has looked what its last holder left
    SET_FREE = "set_free"  # recovery: no part waits for one that has ended
    JUDGED_LOST = "judged_lost"  # recovery: a claim is called lost
    SENT_BACK = "sent_back"  # recovery: an unconfirmed part is to be sent again
    DECIDED = "decided"  # operations: what a person decided is on disk, and nobody was told
    LEAVING = "leaving"  # worker: the last calls are done, and the leases are not given up


FailpointHit = Callable[[Failpoint], None]


def no_op(_: Failpoint) -> None:
    """What a failpoint does in service: nothing."""
