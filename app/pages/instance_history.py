"""What befell an instance, as sentences for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.events import Occurrence
from app.pages.formats import plural, word
from app.store.events import Event

REFUSALS = {
    Occurrence.BLOCKED: "Marketo refuses the credentials or the rights",
    Occurrence.UNREACHABLE: "Marketo gives no answer",
    Occurrence.RATE_LIMITED: "The calls of Marketo's window are used up",
    Occurrence.QUOTA_USED_UP: "The calls of the day are used up",
    Occurrence.QUEUE_FULL: "Jobs of other programs fill Marketo's queue",
}
OVER = {
    Occurrence.UNREACHABLE: "Marketo answers again.",
    Occurrence.RATE_LIMITED: "Marketo takes calls again.",
    Occurrence.QUOTA_USED_UP: "A new day's calls have begun.",
    Occurrence.QUEUE_FULL: "There is room in Marketo's queue again.",
}
SHAPES = {
    Occurrence.PAUSED: "needs-you",
    Occurrence.RESUMED: "done",
    Occurrence.UNBLOCKED: "done",
    Occurrence.RECOVERED: "done",
    Occurrence.FORGOTTEN: "stopped",
    Occurrence.DEGRADED: "needs-you",
    **dict.fromkeys(REFUSALS, "failed"),
}
"""The shape beside each sentence."""


@dataclass(frozen=True, slots=True)
class Told:
    """A line of the history."""

    event: Event
    sentence: str
    shape: str
    until: datetime | None  # until when it is thought to last


def tell(event: Event) -> Told:
    until = event.data.get("until")
    return Told(event, sentence_of(event), _shape_of(event), datetime.fromisoformat(until) if until else None)


def _shape_of(event: Event) -> str:
    return SHAPES.get(Occurrence(event.type), "waiting") if event.type in set(Occurrence) else "waiting"


def sentence_of(event: Event) -> str:
    """One sentence, with who did it and why, where somebody did."""
    facts: Mapping[str, Any] = event.data
    by = f" by {facts['by']}" if facts.get("by") else ""
    because = facts.get("reason") or facts.get("detail")
    match event.type:
        case Occurrence.PAUSED:
            return f"Paused{by}: {because}" if because else f"Paused{by}."
        case Occurrence.RESUMED:
            return f"Resumed{by}."
        case Occurrence.UNBLOCKED:
            return "Marketo takes the credentials again."
        case Occurrence.RECOVERED:
            what = str(facts.get("what", ""))
            return OVER[Occurrence(what)] if what in OVER else f"The check {word(what)} is well again."
        case Occurrence.DEGRADED:
            return f"The check {word(facts.get('check', ''))} is not well: {because}"
        case Occurrence.FORGOTTEN:
            return f"{plural(int(facts.get('imports', 0)), 'import')} past their retention were erased{by}."
        case refusal if refusal in REFUSALS:
            sentence = REFUSALS[Occurrence(refusal)]
            return f"{sentence}: {because}" if because else f"{sentence}."
        case other:
            return word(other).capitalize() + "."
