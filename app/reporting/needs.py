"""What needs a person: imports, instances and checks that do not get on by themselves, each with a sentence.

What can be done about it is decided by whoever shows it (app/pages/deeds.py), by what the caller may do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.imports import AttentionCode, Import
from app.domain.instances import InstanceState
from app.domain.parts import Part
from app.reporting.checks import Check, Level
from app.reporting.instances import InstanceView

REMEDIES = {
    "database": "Bring the database back; nothing that was accepted is lost meanwhile.",
    "worker": "Start a worker: `sluice serve`, or `sluice serve --role worker`.",
    "ticks": "Look at the worker's log; restart it if a step does not come to its end.",
    "parts": "It is tried again by itself. Look at the last error, and mend its cause.",
    "flow": "Look at the worker's log: a part could go, and does not.",
    "quota": "Wait for the day to end, or raise DAILY_CALLS of this instance if Marketo allows more.",
    "backlog": "Let the queue drain, or raise SLUICE_BACKLOG_PARTS.",
    "disk": "Make room on the database's disk.",
    "temporary_files": "Make room on the disk for temporary files.",
    "connections": "Raise the database's limit of connections, or run fewer processes.",
    "clock": "Look at how this machine keeps its time.",
    "retention": "Set the clock right, so that what is old can be erased.",
    "webhooks": "Mend the receiver, then switch the endpoint on again.",
    "instance": "Configure it again, or cancel its imports.",
}
"""What to do about a check that is not well, by the first word of its name."""
SHOWN_BY_ITSELF = ("attention",)  # checks whose every finding is a need of its own


class NeedKind(StrEnum):
    ATTENTION = "attention"  # an unfinished import that does not get on
    FAILED = "failed"  # an import that failed lately, and was not sent again
    INSTANCE = "instance"  # an instance to which nothing is sent
    CHECK = "check"  # anything else that the verdict finds


@dataclass(frozen=True, slots=True)
class Need:
    kind: NeedKind
    sentence: str
    since: datetime | None = None
    remedy: str | None = None  # what to do, where no deed of ours would do it
    import_: Import | None = None
    parts: Sequence[Part] = ()  # of the import: those that a person may decide about
    instance: InstanceView | None = None
    check: Check | None = None


def of_import(import_: Import, parts: Sequence[Part]) -> Need:
    """An unfinished import that needs attention."""
    assert import_.attention is not None, "it is read because it has some"
    return Need(
        NeedKind.ATTENTION, import_.attention.message, import_.attention.since, import_=import_, parts=tuple(parts)
    )


def is_of_its_own(import_: Import) -> bool:
    """Whether an import's attention is more than its instance's, which is told of once for all of them."""
    return import_.attention is not None and import_.attention.code is not AttentionCode.INSTANCE_BLOCKED


def of_failed(import_: Import) -> Need:
    message = import_.error.message if import_.error else "It failed."
    return Need(NeedKind.FAILED, message, import_.finished_at, import_=import_)


def of_instances(views: Sequence[InstanceView]) -> Iterator[Need]:
    """Instances to which nothing is sent: a person has paused them, or has to mend something. Not what time heals."""
    for view in views:
        match view.condition:
            case InstanceState.PAUSED:
                by = f" by {view.instance.paused_by}" if view.instance.paused_by else ""
                why = f": {view.reason}" if view.reason else "."
                yield Need(NeedKind.INSTANCE, f"Paused{by}{why}", view.instance.paused_at, instance=view)
            case InstanceState.BLOCKED:
                sentence = f"Marketo refuses: {view.reason or 'the credentials or the rights'}"
                remedy = "Mend the user's rights or the credentials in Marketo, then let it try."
                yield Need(NeedKind.INSTANCE, sentence, view.instance.blocked_at, remedy, instance=view)


def of_checks(checks: Sequence[Check], views: Sequence[InstanceView]) -> Iterator[Need]:
    """All other checks that are not well. What an instance's state says already is not said again."""
    told = {f"instance:{view.instance.name}" for view in views}
    for check in checks:
        word = check.name.partition(":")[0]
        if check.status is not Level.OK and word not in SHOWN_BY_ITSELF and check.name not in told:
            yield Need(NeedKind.CHECK, check.detail, remedy=REMEDIES.get(word), check=check)
