"""An import's history in sentences: each event with what its facts say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.events import WARNED, Occurrence
from app.domain.lifecycle import Move
from app.pages.formats import plural, size, word
from app.store.events import Event

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    at: datetime
    part: int | None
    sentence: str
    import_id: int | None  # that the sentence is about, beside this one
    is_bad: bool  # work did not flow, or a part came to a bad end


def tell(event: Event) -> Told:
    sentence = SENTENCES.get(event.type)
    facts = {name: value for name, value in event.data.items() if value is not None}
    other = facts.get("as_import")
    is_bad = event.type in {str(kind) for kind in WARNED}
    return Told(
        event.at,
        event.part,
        sentence(facts) if sentence else f"{word(event.type).capitalize()}.",
        other if isinstance(other, int) else None,
        is_bad,
    )


def _by(facts: Facts, sentence: str) -> str:
    """A sentence about what somebody did, with who it was."""
    by = facts.get("by")
    return f"{sentence} by {by}." if by else f"{sentence}."


def _why(facts: Facts, sentence: str) -> str:
    why = " ".join(str(facts[name]) for name in ("code", "why") if name in facts)
    return f"{sentence}: {why}." if why else f"{sentence}."


def _rows(facts: Facts) -> str:
    count = facts.get("rows")
    return plural(count, "row") if isinstance(count, int) else "rows"


def _accepted(facts: Facts) -> str:
    count = facts.get("bytes")
    return f"Accepted: {_rows(facts)}{f', {size(count)}' if isinstance(count, int) else ''}."


def _changed(facts: Facts) -> str:
    changes = [
        f"{word(name)} from {_value(change.get('from'))} to {_value(change.get('to'))}"
        for name, change in facts.items()
        if isinstance(change, dict)
    ]
    return _by(facts, f"Changed: {', '.join(changes)}")


def _value(value: Any) -> str:
    return "none" if value is None else str(value)


def _claimed(facts: Facts) -> str:
    others = facts.get("bundled_with")
    together = f" together with {plural(others, 'other import')}" if isinstance(others, int) and others else ""
    return f"Goes to Marketo{together}."


def _accepted_by_marketo(facts: Facts) -> str:
    batch = facts.get("batch_id")
    return f"Marketo accepted it as job {batch}." if batch else "Marketo accepted it."


def _erased(facts: Facts) -> str:
    what = facts.get("what")
    return _by(facts, f"Erased: {' and '.join(map(str, what)) if isinstance(what, list) and what else 'its rows'}")


def _restored(facts: Facts) -> str:
    """Said by somebody; what it is about is the time between."""
    made = f" that was made at {facts['since']}" if "since" in facts else ""
    return f"The database is a back-up{made}: what became of it since then is not known, and a person has to decide."


def _finished(facts: Facts) -> str:
    return f"Finished: {word(facts['status'])}." if "status" in facts else "Finished."


SENTENCES: Mapping[str, Callable[[Facts], str]] = {
    Occurrence.ACCEPTED: _accepted,
    Occurrence.PREFLIGHT: lambda facts: f"Held against Marketo's fields: {_rows(facts)} will have a remark.",
    Occurrence.RAGGED: lambda facts: f"{_rows(facts)} have more or fewer cells than the header; they go as they are.",
    Occurrence.RELEASED: lambda facts: _by(facts, "Released from its review"),
    Occurrence.REVIEW_EXPIRED: lambda _: "Nobody released it in time: it is cancelled.",
    Occurrence.RESTORED: _restored,
    Occurrence.CANCEL_REQUESTED: lambda facts: _by(facts, "Cancelled"),
    Occurrence.CHANGED: _changed,
    Occurrence.RESULTS_LATE: lambda _: "A result file cannot be had yet; it is asked for again.",
    Occurrence.UNPLACED: lambda facts: f"{_rows(facts).capitalize()} of a result file cannot be matched with its own.",
    Occurrence.RETRIED: lambda facts: _by(facts, "Rows of it were sent again"),
    Occurrence.ERASED: _erased,
    Occurrence.UNANSWERED: lambda facts: _why(facts, "Marketo gives no usable answer; it is asked again"),
    Occurrence.UNKNOWN_AT_MARKETO: lambda _: "Marketo denies knowing its job.",
    Occurrence.STUCK: lambda _: "It has been at Marketo for far longer than usual.",
    Occurrence.FINISHED: _finished,
    Move.CLAIM: _claimed,
    Move.ACCEPT: _accepted_by_marketo,
    Move.TURN_AWAY: lambda facts: _why(facts, "Marketo turned it away for now"),
    Move.REFUSE: lambda facts: _why(facts, "Marketo refused it for good"),
    Move.LOSE: lambda facts: _why(facts, "Marketo's answer was lost"),
    Move.RESUBMIT: lambda facts: _by(facts, "It is to be sent again, as decided"),
    Move.SEPARATE: lambda facts: _why(facts, "The job with others did not go through; it goes again alone"),
    Move.START: lambda _: "Marketo began with it.",
    Move.FINISH: lambda _: "Marketo is done with it.",
    Move.FAIL: lambda facts: _why(facts, "Marketo failed it"),
    Move.GIVE_UP: lambda facts: _by(facts, "Given up"),
    Move.COLLECT: lambda _: "What became of its rows is known.",
    Move.CANCEL: lambda facts: _by(facts, "Not sent: cancelled"),
    Move.ABANDON: lambda facts: _why(facts, "Not sent: its import can no longer succeed"),
    Move.FORGET: lambda _: "Marketo knows its job no more.",
}
