"""One sentence that says whether work flows and, if not, why and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.instances import InstanceState
from app.reporting.checks import Level
from app.reporting.instances import InstanceView
from app.reporting.needs import Need, NeedKind
from app.reporting.verdict import Verdict


class Mood(StrEnum):
    FLOWS = "flows"
    NEEDS_YOU = "needs_you"
    STANDS = "stands"


@dataclass(frozen=True, slots=True)
class Headline:
    """`work` and `trouble` are sentences; `finish_at` completes `work`, where it is known when all will be done."""

    mood: Mood
    work: str
    finish_at: datetime | None = None
    trouble: str | None = None


def headline(
    verdict: Verdict, needs: Sequence[Need], *, queued: int, importing: int, finish_at: datetime | None
) -> Headline:
    """The headline of everything. `queued` and `importing`: imports that have not finished."""
    down = [check for check in verdict.checks if check.status is Level.DOWN]
    if down:
        return Headline(Mood.STANDS, "Work does not flow.", trouble=f"{_first_upper(down[0].detail)}.")
    standing = [view for view in verdict.instances if view.condition is not InstanceState.RUNNING]
    if standing and len(standing) == len(verdict.instances):
        mood = Mood.NEEDS_YOU if any(need.kind is NeedKind.INSTANCE for need in needs) else Mood.STANDS
        names = ", ".join(view.instance.name for view in standing)
        return Headline(mood, f"Nothing is sent to Marketo: {names} {_is_are(standing)}.", trouble=_count(needs))
    work = of_work(queued, importing)
    if standing:
        names = ", ".join(view.instance.name for view in standing)
        work = f"Nothing is sent to {names}; all else flows."
    if needs:
        return Headline(Mood.NEEDS_YOU, work, finish_at if queued and not standing else None, _count(needs))
    if standing:
        return Headline(Mood.STANDS, work, trouble="It goes on by itself.")
    return Headline(Mood.FLOWS, work, finish_at if queued else None)


def of_work(queued: int, importing: int) -> str:
    """What there is to do: for everybody's imports, or for one client's."""
    if not queued and not importing:
        return "Nothing waits, and nothing is being imported."
    if not queued:
        return f"Work is flowing: {_imports(importing)} being imported, none waits."
    return f"Work is flowing. {_imports(queued, verb=False)} {'waits' if queued == 1 else 'wait'}."


def _imports(count: int, *, verb: bool = True) -> str:
    noun = "import" if count == 1 else "imports"
    return f"{count:,} {noun}".replace(",", "\u202f") + ((" is" if count == 1 else " are") if verb else "")


def _is_are(standing: Sequence[object]) -> str:
    return "stands still" if len(standing) == 1 else "stand still"


def _count(needs: Sequence[Need]) -> str | None:
    if not needs:
        return None
    return "One thing needs you." if len(needs) == 1 else f"{len(needs)} things need you."


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def of_instance(view: InstanceView, needs: Sequence[Need], *, finish_at: datetime | None) -> Headline:
    """The headline of one instance. `needs`: what there needs a person, beside its own state."""
    name, waiting = view.instance.name, view.queue.waiting_parts
    match view.condition:
        case InstanceState.PAUSED:
            by = f" by {view.instance.paused_by}" if view.instance.paused_by else ""
            why = f": {view.reason}" if view.reason else "."
            return Headline(Mood.NEEDS_YOU, f"Nothing is sent to {name}: it is paused.", trouble=f"Paused{by}{why}")
        case InstanceState.BLOCKED:
            refused = f"Marketo refuses: {view.reason or 'the credentials or the rights'}"
            trouble = f"{refused}. Mend the user's rights or the credentials there, then let it try."
            return Headline(Mood.NEEDS_YOU, f"Nothing is sent to {name}: Marketo refuses it.", trouble=trouble)
        case InstanceState.BACKING_OFF:
            trouble = f"{_first_upper(view.reason or 'Marketo asked for a pause')}. It goes on by itself."
            return Headline(Mood.STANDS, f"Nothing is sent to {name} for the moment.", trouble=trouble)
        case InstanceState.RUNNING:
            work = f"Work flows to {name}." if waiting or view.slots_used else f"{name} runs, and has nothing to do."
            if waiting:
                work += f" {waiting:,} {'part waits' if waiting == 1 else 'parts wait'}.".replace(",", "\u202f")
            return Headline(Mood.NEEDS_YOU if needs else Mood.FLOWS, work, finish_at, _count(needs))
