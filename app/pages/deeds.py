"""What a visitor may do about what needs a person: each deed says in numbers what it will do, before it is done.

The routes that do them are those of the page that they belong to (import_.py, instances.py).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.api_keys import Scope
from app.domain.imports import Import
from app.domain.instances import InstanceState
from app.domain.lifecycle import TABLE, JobState, Move, PartState
from app.domain.parts import Part
from app.pages.formats import plural
from app.pages.visitors import Visitor
from app.reporting.instance_details import ListedJob
from app.reporting.needs import Need, NeedKind


@dataclass(frozen=True, slots=True)
class Offer:
    """A deed that is offered: a button that opens what it will do, and the form that does it."""

    label: str
    action: str  # the path that its form is sent to
    tells: str  # what will happen
    confirm: str  # on the button that does it
    fields: Mapping[str, str] = field(default_factory=dict)
    asks_reason: bool = False
    is_grave: bool = False  # it cannot be undone
    inputs: Sequence["Input"] = ()  # what is to be filled in
    asks_again: bool = False  # its form leads to a page that asks once more, and does nothing by itself


@dataclass(frozen=True, slots=True)
class Input:
    """A field of a deed's form, with what it is filled in with at first."""

    name: str
    label: str
    value: str = ""
    type: str = "text"
    choices: Sequence[tuple[str, str]] = ()  # (value, words) of a list to choose from
    hint: str | None = None
    most: int | None = None  # characters
    is_required: bool = False


def offers_for(need: Need, visitor: Visitor) -> list[Offer]:
    """What this visitor may do about it."""
    match need.kind:
        case NeedKind.ATTENTION if need.import_ and need.parts and visitor.may(Scope.OPERATE):
            return list(of_parts(need.import_, need.parts))
        case NeedKind.FAILED if need.import_ and visitor.caller.decides_for(need.import_.request.client):
            return [retry(need.import_)]
        case NeedKind.INSTANCE if need.instance and visitor.may(Scope.OPERATE):
            return [resume(need.instance.instance.name, need.instance.condition)]
        case _:
            return []


def retry(import_: Import, *, last_retry: int = 0) -> Offer:
    """The rows of failed and cancelled parts once more. `last_retry`: the last import that was made of its rows."""
    rows = plural(import_.rows.pending, "row")
    return Offer(
        label="Retry…",
        action=f"/imports/{import_.id}/retry",
        tells=f"A new import is made of the {rows} that Marketo has not processed. What it has is left alone.",
        confirm=f"Send {rows} again",
        fields={"once": once(import_, last_retry)},
    )


def once(import_: Import, last_retry: int) -> str:
    """Makes one import of a form that is sent twice: the same until it is finished otherwise, or was sent again."""
    state = f"{import_.id} {import_.finished_at} {import_.rows} {last_retry}"
    return hashlib.blake2b(state.encode(), digest_size=8).hexdigest()


def resume(name: str, condition: InstanceState) -> Offer:
    is_paused = condition is InstanceState.PAUSED
    tells = "What waits goes to Marketo again, in its turn." if is_paused else "It is tried at once."
    return Offer(
        label="Resume…" if is_paused else "Try again…",
        action=f"/instances/{name}/resume",
        tells=tells,
        confirm="Resume" if is_paused else "Try again now",
    )


def pause(name: str, *, at_marketo: int) -> Offer:
    followed = f"{plural(at_marketo, 'job')} at Marketo will finish." if at_marketo else "Nothing is at Marketo now."
    return Offer(
        label="Pause…",
        action=f"/instances/{name}/pause",
        tells=f"Nothing new is sent to {name} until somebody resumes it. {followed}",
        confirm="Pause",
        asks_reason=True,
    )


def offers_for_job(listed: ListedJob) -> list[Offer]:
    """What may be done about a job that does not come to its end by itself."""
    job = listed.job
    if listed.trouble is None or PartState(job.state) not in TABLE[Move.GIVE_UP].sources:
        return []
    path, rows = f"/instances/{job.instance}/jobs/{job.id}", plural(job.rows.pending, "row")
    of_all = f" It goes for all {plural(job.imports, 'import')} in the job." if job.imports > 1 else ""
    offers = []
    if job.state is JobState.UNCONFIRMED:
        offers += [
            Offer(
                label="Send again…",
                action=f"{path}/send-again",
                tells=f"{rows} go to Marketo once more. If the first submission arrived after all, "
                f"they are imported twice.{of_all}",
                confirm=f"Send {rows} again",
                is_grave=True,
            ),
            Offer(
                label="It is there…",
                action=f"{path}/accepted",
                tells=f"You have found the job in Marketo: it is followed to its end there.{of_all}",
                confirm="Follow it",
                inputs=[Input("batch_id", "Its number in Marketo (batch id)", type="number", is_required=True)],
            ),
        ]
    offers.append(
        Offer(
            label="Give it up…",
            action=f"{path}/give-up",
            tells=f"The job counts as failed, with {rows}; its place is free, and what waits behind it may go. "
            f"Marketo may still import the rows.{of_all}",
            confirm="Give up this job",
            is_grave=True,
        )
    )
    return offers


def of_parts(import_: Import, parts: Sequence[Part]) -> Iterator[Offer]:
    """Send again what is unconfirmed, and give up all of these parts, which Marketo has, or may have."""
    unconfirmed = [part for part in parts if part.state is PartState.UNCONFIRMED]
    if unconfirmed:
        rows = plural(sum(part.rows.total for part in unconfirmed), "row")
        yield Offer(
            label="Send again…",
            action=f"/imports/{import_.id}/send-again",
            tells=f"{plural(len(unconfirmed), 'part')} with {rows} goes to Marketo once more. If the first one arrived "
            f"after all, these rows are imported twice.{_with_others(unconfirmed)}",
            confirm=f"Send {rows} again",
            is_grave=True,
        )
    rows = plural(sum(part.rows.pending for part in parts), "row")
    yield Offer(
        label="Give it up…",
        action=f"/imports/{import_.id}/give-up",
        tells=f"{plural(len(parts), 'part')} at Marketo with {rows} counts as failed, and what waits behind may go. "
        f"Marketo may still import the rows.{_with_others(parts)}",
        confirm=f"Give up {plural(len(parts), 'part')}",
        is_grave=True,
    )


def _with_others(parts: Sequence[Part]) -> str:
    """A job is decided as a whole."""
    others = sum(part.bundled_with or 0 for part in parts)
    return f" It goes for {plural(others, 'other import')} in the same job, too." if others else ""
