"""What an import's history tells beside the moves of its parts."""

from enum import StrEnum

from app.domain.lifecycle import Move


class Occurrence(StrEnum):
    ACCEPTED = "accepted"  # the file is committed to disk, the caller has the 202
    PREFLIGHT = "preflight"  # every cell was held against Marketo's fields, and some rows will be remarked upon
    RAGGED = "ragged"  # rows whose number of cells is not the header's; they are sent as they are
    CANCEL_REQUESTED = "cancel_requested"  # a person asked for it; parts at Marketo run to their end first
    RETRIED = "retried"  # rows of it were sent again, as another import
    ERASED = "erased"  # its file or its results are gone, by a person's wish or by age
    FINISHED = "finished"  # its last part has ended
    PAUSED = "paused"  # a person stopped the instance
    RESUMED = "resumed"  # a person let it go on
    BLOCKED = "blocked"  # Marketo refuses the instance's credentials or rights
    UNBLOCKED = "unblocked"  # Marketo takes them again
    FORGOTTEN = "forgotten"  # imports whose history was over are gone


EventType = Move | Occurrence

OF_INSTANCES = frozenset(
    {Occurrence.PAUSED, Occurrence.RESUMED, Occurrence.BLOCKED, Occurrence.UNBLOCKED, Occurrence.FORGOTTEN}
)
"""Stand in the history of an instance, and in no import's."""

OF_IMPORTS: tuple[EventType, ...] = (*(one for one in Occurrence if one not in OF_INSTANCES), *Move)
