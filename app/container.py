"""The container: builds, from the settings, everything that a process shares. Nothing else constructs these objects.

The module is long because it is one list of what there is; it makes no decision but what the settings say.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypedDict, Unpack

import httpx

import migrations
from app.clock import Clock
from app.domain.failpoints import FailpointHit, no_op
from app.domain.timeouts import CLOCK_LOOK_SECONDS, CLOCK_QUESTION_SECONDS
from app.encryption.vault import build_vault
from app.files.examination import Limits
from app.marketo.client import Marketo
from app.marketo.multipart import envelope_bytes
from app.marketo.rate_limit import Sleep
from app.notify.pending import PendingNotifications
from app.notify.signal import Signal
from app.notify.subscriptions import Subscriptions
from app.notify.wakeup import Wakeup
from app.operations.api_keys import ApiKeys
from app.operations.cancel import Cancel
from app.operations.change import Change
from app.operations.check_file import CheckFile
from app.operations.erase import Erase, Retention
from app.operations.pause import Pause, Resume
from app.operations.rekey import Rekey
from app.operations.release import Release
from app.operations.resolve import Resolve
from app.operations.restored import Restored
from app.operations.retry import Retry
from app.operations.sessions import Sessions
from app.operations.stream_tokens import StreamTokens
from app.operations.webhooks import Webhooks
from app.pipeline.finish import finish
from app.pipeline.intake import Intake
from app.reporting.clients import ClientReader
from app.reporting.estimates import CompletionEstimates
from app.reporting.follow import Follow
from app.reporting.health import DatabaseProbe
from app.reporting.import_details import DetailReader
from app.reporting.import_list import ListReader
from app.reporting.imports import ImportReader
from app.reporting.instance_details import InstanceDetailReader
from app.reporting.instances import InstanceReader
from app.reporting.jobs import JobReader
from app.reporting.metrics import MetricReader
from app.reporting.monitor import Monitor
from app.reporting.overview import OverviewReader
from app.reporting.parts import PartReader
from app.reporting.queues import QueueReader
from app.reporting.reports import Reports
from app.reporting.result_export import ResultExport
from app.reporting.reviews import ReviewReader
from app.reporting.verdict import VerdictReader
from app.scheduling.timekeeper import Timekeeper
from app.settings import Settings
from app.store.database import LOG_LIMIT_BYTES, Database
from app.store.pg_notify import PgNotify
from app.store.schema_watch import SchemaWatch
from app.tracing import NO_TRACER, Tracer
from app.uploads.admission import Admission
from app.uploads.backlog_count import BacklogCount
from app.uploads.capacity import Capacity
from app.uploads.cleanup import Cleanup
from app.uploads.descriptions import Describe
from app.uploads.fair_limit import FairLimit
from app.uploads.idempotency import Idempotency
from app.uploads.incoming import FileLimits
from app.uploads.whole_files import WholeFiles
from app.webhooks.addresses import AddressRules, Lookup, look_up


@dataclass(frozen=True, slots=True)
class Container:
    """What a process has. A worker builds the steps of each instance from it (app/worker/instance_worker.py)."""

    settings: Settings
    tracer: Tracer
    db: Database
    now: Clock
    timekeeper: Timekeeper
    sleep: Sleep
    wakeup: Wakeup
    subscriptions: Subscriptions
    pg_notify: PgNotify
    hit: FailpointHit
    chance: Callable[[], float]
    admission: Admission
    capacity: Capacity
    http: httpx.AsyncClient
    marketo: Mapping[str, Marketo]  # by instance: one token and one call allowance for whoever asks in this process
    intake: Intake
    examine: CheckFile
    retry: Retry
    cancel: Cancel
    release: Release
    change: Change
    resolve: Resolve
    pause: Pause
    resume: Resume
    restored: Restored
    rekey: Rekey
    erase: Erase
    cleanup: Cleanup
    schema_watch: SchemaWatch
    keys: ApiKeys
    webhooks: Webhooks
    stream_tokens: StreamTokens
    sessions: Sessions
    follow: Follow
    reports: Reports

    async def close(self) -> None:
        await self.http.aclose()
        await self.db.close()
        await self.tracer.close()


class Seams(TypedDict, total=False):
    """What tests put in the place of the real thing; `tracer` is also given where traces are on."""

    tracer: Tracer
    now: Clock
    sleep: Sleep
    http: httpx.AsyncClient
    hit: FailpointHit
    chance: Callable[[], float]
    db: Database
    lookup: Lookup


# Longer than forty lines, since it makes no decision: it is the list of what there is, in the order of who needs whom.
def build_container(settings: Settings, **seams: Unpack[Seams]) -> Container:
    """Build the service from its settings. Nothing is opened and nobody is called yet."""
    sleep, hit = seams.get("sleep", asyncio.sleep), seams.get("hit", no_op)
    tracer = seams.get("tracer", NO_TRACER)
    now = seams.get("now") or Clock(by_database=not settings.on_sqlite)
    pending = PendingNotifications()
    client_uploads = settings.client_uploads if settings.auth == "on" else settings.uploads
    admission = Admission(FairLimit(settings.uploads, client_uploads))
    wakeup, subscriptions = Wakeup(pending), Subscriptions(pending)
    webhook_wakeup = Signal()
    db = seams.get("db") or Database(
        settings.database_url,
        notify=subscriptions.publish,
        finish=finish,
        wake_sender=webhook_wakeup.send,
        log_limit_bytes=_log_limit_bytes(settings),
        vault=build_vault(settings.encryption_keys.get_secret_value() if settings.encryption_keys else None),
    )
    for engine in db.engines:
        tracer.watch_database(engine)
    http = seams.get("http") or _http_client(settings)
    tracer.watch_http(http)
    marketo = build_marketo_clients(settings, http, now=now, sleep=sleep)
    describe = {
        name: Describe(instance=name, db=db, marketo=client, now=now, hit=hit) for name, client in marketo.items()
    }
    cleanup = Cleanup(db, now, settings.disk_floor_bytes)
    idempotency = Idempotency(db=db, now=now, cleanup=cleanup)
    capacity = Capacity(
        db=db,
        backlog=BacklogCount(db=db, now=now),
        idempotency=idempotency,
        backlog_parts=settings.backlog_parts,
        client_backlog_parts=settings.client_backlog_parts if settings.auth == "on" else settings.backlog_parts,
        disk_floor_bytes=settings.disk_floor_bytes,
    )
    intake = Intake(
        db=db,
        now=now,
        wakeup=wakeup,
        describe=describe,
        limits=FileLimits(settings.part_bytes, settings.max_file_bytes),
        capacity=capacity,
        admission=admission,
        idempotency=idempotency,
        cleanup=cleanup,
        whole_files=WholeFiles(db, now, idempotency, migrations.head(), tracer),
        revision=migrations.head(),
        hit=hit,
    )
    timekeeper = Timekeeper(db, now, _clock_look_seconds(settings))
    erase = Erase(db=db, now=now, retention=retention_from(settings))
    keys = ApiKeys(db=db, now=now)
    return Container(
        settings=settings,
        tracer=tracer,
        db=db,
        now=now,
        timekeeper=timekeeper,
        sleep=sleep,
        wakeup=wakeup,
        subscriptions=subscriptions,
        pg_notify=PgNotify(db, wakeup, subscriptions, pending, settings.tick_seconds),
        hit=hit,
        chance=seams.get("chance", random.random),
        admission=admission,
        capacity=capacity,
        http=http,
        marketo=marketo,
        intake=intake,
        examine=CheckFile(describe, Limits(settings.part_bytes - envelope_bytes(), settings.max_file_bytes)),
        retry=Retry(db=db, intake=intake),
        cancel=Cancel(db=db, now=now, hit=hit),
        release=Release(db=db, now=now, wakeup=wakeup, hit=hit),
        change=Change(db=db, now=now, wakeup=wakeup, hit=hit),
        resolve=Resolve(db=db, now=now, wakeup=wakeup, hit=hit),
        pause=Pause(db=db, now=now, hit=hit),
        resume=Resume(db=db, now=now, wakeup=wakeup, hit=hit),
        restored=Restored(db, now),
        rekey=Rekey(db, now),
        erase=erase,
        cleanup=cleanup,
        schema_watch=SchemaWatch(db, migrations.head()),
        keys=keys,
        webhooks=Webhooks(
            db=db,
            now=now,
            rules=AddressRules.of(settings.webhook_networks),
            lookup=seams.get("lookup", look_up),
            takes_http=settings.webhook_http == "on",
            wakeup=webhook_wakeup,
        ),
        stream_tokens=StreamTokens(db, now),
        sessions=Sessions(db, now, keys, settings.session_seconds),
        follow=Follow(db, subscriptions),
        reports=_build_reports(settings, db, now, sleep, timekeeper, erase),
    )


def _build_reports(
    settings: Settings, db: Database, now: Clock, sleep: Sleep, timekeeper: Timekeeper, erase: Erase
) -> Reports:
    """What is told of the work, to whoever asks."""
    instances = InstanceReader(db, now, settings.instances, QueueReader.of(db, now))
    estimates = CompletionEstimates.of(db, now, settings.instances, settings.lease_seconds)
    probe = DatabaseProbe(db, now, migrations.head())
    verdict = VerdictReader(settings, db, now, timekeeper, probe, instances, erase.refusal)
    overview = OverviewReader(db, now, verdict, estimates, settings.stuck_seconds)
    imports = ImportReader(db, now, settings.stuck_seconds, estimates)
    parts, results, jobs = PartReader(db, now), ResultExport(db), JobReader(db, estimates)
    return Reports(
        imports=imports,
        lists=ListReader(db, now, imports),
        details=DetailReader(db, now, imports, parts, results),
        parts=parts,
        jobs=jobs,
        results=results,
        reviews=ReviewReader(db, now, settings.stuck_seconds),
        instances=instances,
        health=probe,
        verdict=verdict,
        overview=overview,
        metrics=MetricReader(db, now, instances),
        monitor=Monitor(db, now, sleep, verdict, settings.instances.keys()),
        instance_details=InstanceDetailReader(db, now, overview, jobs, estimates),
        clients=ClientReader(db),
    )


def _clock_look_seconds(settings: Settings) -> float:
    """Often enough that a lease does not end meanwhile."""
    return CLOCK_LOOK_SECONDS if settings.on_sqlite else min(CLOCK_QUESTION_SECONDS, settings.lease_seconds / 3)


def _log_limit_bytes(settings: Settings) -> int:
    """SQLite's log is to stay well within the room that is kept free for it."""
    return min(LOG_LIMIT_BYTES, settings.disk_floor_bytes // 4 or LOG_LIMIT_BYTES)


def _http_client(settings: Settings) -> httpx.AsyncClient:
    """One pool of connections for all instances; timeouts are given call by call."""
    calls = sum(instance.concurrent_calls for instance in settings.instances.values())
    limits = httpx.Limits(max_connections=calls + 2, max_keepalive_connections=calls)
    return httpx.AsyncClient(limits=limits, timeout=settings.call_timeout_seconds, follow_redirects=False)


def build_marketo_clients(
    settings: Settings, http: httpx.AsyncClient, *, now: Clock, sleep: Sleep
) -> Mapping[str, Marketo]:
    """By instance. Each keeps a token and counts the calls of this process."""
    return {
        name: Marketo(
            instance,
            http,
            now=now,
            sleep=sleep,
            call_timeout_seconds=settings.call_timeout_seconds,
            upload_timeout_seconds=settings.upload_timeout_seconds,
        )
        for name, instance in settings.instances.items()
    }


def retention_from(settings: Settings) -> Retention:
    return Retention(settings.file_retention_days, settings.result_retention_days, settings.history_retention_days)
