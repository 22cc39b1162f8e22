"""What a visitor may do about one import, as it stands: each deed says in numbers what it will do."""

from collections.abc import Iterator, Sequence
from datetime import UTC

from app.domain.api_keys import Scope
from app.domain.imports import FINISHED, HIGHEST_PRIORITY, LABEL_CHARACTERS, AttentionCode, Import
from app.domain.lifecycle import AT_MARKETO, TABLE, Move, PartState
from app.domain.parts import Part
from app.pages.deeds import Input, Offer, of_parts, once, retry
from app.pages.formats import plural, size
from app.pages.visitors import Visitor
from app.reporting.import_details import ImportDetails

DECIDED = frozenset({AttentionCode.UNCONFIRMED, AttentionCode.UNKNOWN_AT_MARKETO, AttentionCode.STUCK})
"""When a person may end what Marketo has, or may have: nothing more may be expected of it."""


def offers_of(details: ImportDetails, visitor: Visitor) -> list[Offer]:
    """What is offered, the most urgent first."""
    import_ = details.import_
    offers: list[Offer] = []
    if visitor.may(Scope.OPERATE) and import_.attention and import_.attention.code in DECIDED:
        offers += _decisions(import_, [view.part for view in details.parts])
    if not visitor.caller.decides_for(import_.request.client):
        return offers
    if import_.review_until:
        return [*offers, release(import_), discard(import_)]
    if import_.rows.failed and not import_.results_erased_at and not details.file_erased_at:
        offers.append(retry_rejected(import_, details.last_retry))
    if import_.status in FINISHED:
        left = import_.parts[PartState.FAILED] + import_.parts[PartState.CANCELLED]
        if left and not details.file_erased_at:
            offers.append(retry(import_, last_retry=details.last_retry))
        if not (details.file_erased_at and import_.results_erased_at):
            offers.append(erase(import_))
    elif import_.parts[PartState.WAITING]:
        offers += [cancel(import_), change(import_, visitor)]
    return offers


def release(import_: Import) -> Offer:
    return Offer(
        label="Send…",
        action=f"/imports/{import_.id}/release",
        tells=f"{plural(import_.rows.total, 'row')} in {plural(import_.parts[PartState.WAITING], 'part')} go to "
        "Marketo, in their turn.",
        confirm=f"Send {plural(import_.rows.total, 'row')}",
    )


def discard(import_: Import) -> Offer:
    return Offer(
        label="Discard…",
        action=f"/imports/{import_.id}/cancel",
        tells=f"Nothing of it is sent: {plural(import_.rows.total, 'row')} are cancelled. The file stays here for a "
        "while, and can be sent again.",
        confirm="Discard this file",
        fields={"as": "discarded"},
        is_grave=True,
    )


def cancel(import_: Import) -> Offer:
    waiting = import_.parts[PartState.WAITING]
    there = sum(import_.parts[state] for state in AT_MARKETO | {PartState.COLLECTING})
    rows = plural(import_.remaining.waiting_rows, "row")
    goes_on = f" {plural(there, 'part')} at Marketo will finish: Marketo cannot cancel." if there else ""
    return Offer(
        label="Cancel…",
        action=f"/imports/{import_.id}/cancel",
        tells=f"{plural(waiting, 'part')} with {rows} {'is' if waiting == 1 else 'are'} not sent any more.{goes_on}",
        confirm=f"Cancel {rows}",
        is_grave=True,
    )


def change(import_: Import, visitor: Visitor) -> Offer:
    """Its priority, its label, and the time before which it is not to go."""
    request = import_.request
    highest = max(request.priority, min(HIGHEST_PRIORITY, visitor.caller.max_priority))
    not_before = f"{request.not_before.astimezone(UTC):%Y-%m-%dT%H:%M:%S}" if request.not_before else ""
    priorities = [(str(number), _priority_words(number)) for number in range(highest, -1, -1)]
    return Offer(
        label="Change…",
        action=f"/imports/{import_.id}/change",
        tells=f"It goes for {plural(import_.parts[PartState.WAITING], 'part')} with "
        f"{plural(import_.remaining.waiting_rows, 'row')} that wait. What Marketo has stays as it is.",
        confirm="Change it",
        inputs=(
            Input("priority", "Priority", str(request.priority), choices=priorities),
            Input("not_before", "Not before (UTC)", not_before, "datetime-local", hint="Empty: as soon as it may."),
            Input("label", "Label", request.label or "", most=LABEL_CHARACTERS),
        ),
    )


def _priority_words(number: int) -> str:
    return {9: "9 (highest)", 5: "5 (usual)", 0: "0 (lowest)"}.get(number, str(number))


def retry_rejected(import_: Import, last_retry: int) -> Offer:
    rows = plural(import_.rows.failed, "row")
    more = "" if import_.status in FINISHED else " Rows that are rejected later are not among them."
    return Offer(
        label="Retry rejected…",
        action=f"/imports/{import_.id}/retry-rejected",
        tells=f"A new import is made of the {rows} that Marketo rejected, as they were uploaded. That helps where the "
        f"cause was mended in Marketo. Where the rows are wrong, mend them below.{more}",
        confirm=f"Send {rows} again",
        fields={"once": once(import_, last_retry)},
    )


def erase(import_: Import) -> Offer:
    return Offer(
        label="Erase…",
        action=f"/imports/{import_.id}/erase",
        tells=f"{what_goes(import_)} You are asked once more.",
        confirm="Go on",
        asks_again=True,
    )


def what_goes(import_: Import) -> str:
    results = [
        plural(count, what)
        for count, what in ((import_.rows.failed, "rejected row"), (import_.rows.warned, "row with a remark"))
        if count
    ]
    kept = f", {' and '.join(results)}" if results else ""
    return (
        f"The file with its {plural(import_.rows.total, 'row')} ({size(import_.file.size_bytes)}){kept} go for good. "
        "Its counts and its history stay. What is in Marketo stays there."
    )


def _decisions(import_: Import, parts: Sequence[Part]) -> Iterator[Offer]:
    """Send again, say that it arrived, give up."""
    open_parts = [part for part in parts if part.state in TABLE[Move.GIVE_UP].sources]
    if not open_parts:
        return
    again, *rest = of_parts(import_, open_parts)
    yield again
    unconfirmed = [part for part in open_parts if part.state is PartState.UNCONFIRMED]
    if unconfirmed:
        yield _arrived(import_, unconfirmed[0])
    yield from rest


def _arrived(import_: Import, part: Part) -> Offer:
    return Offer(
        label="It arrived…",
        action=f"/imports/{import_.id}/arrived",
        tells=f"Part {part.number} with {plural(part.rows.total, 'row')} is followed as the job that you name. "
        "Whoever can see Marketo's bulk imports can tell its number.",
        confirm="Follow this job",
        fields={"part": str(part.number)},
        inputs=(Input("batch_id", "Marketo’s job (batch id)", type="number", is_required=True),),
    )
