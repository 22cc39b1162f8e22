"""Settings in, the whole service out: the only place that constructs."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx

import migrations
from app.clock import Clock
from app.domain.failpoints import Reached, in_service
from app.domain.timeouts import CLOCK_LOOK_SECONDS, CLOCK_QUESTION_SECONDS, Patience
from app.fair import FairLimit
from app.files.examination import Limits
from app.marketo.client import Marketo
from app.marketo.multipart import envelope_bytes
from app.marketo.rate_limit import Sleep
from app.notify.pending import Outbox
from app.notify.pg_notify import Notices
from app.notify.subscriptions import Changes
from app.notify.wakeup import Wake
from app.settings import InstanceSettings, Settings
from app.steps.admission import Admission
from app.steps.backlog import BacklogCount
from app.steps.collect import Collect
from app.steps.crew import Crew
from app.steps.describe import Describe
from app.steps.desk import Desk
from app.steps.driver import Driver
from app.steps.erase import Erase, Retention
from app.steps.examine import Examine
from app.steps.follow import Follow
from app.steps.intake import Intake
from app.steps.judge import Judge
from app.steps.keys import Keys
from app.steps.once import Once
from app.steps.poll import Poll
from app.steps.retry import Retry
from app.steps.schema_watch import SchemaWatch
from app.steps.submit import Submit
from app.steps.sweep import Sweep
from app.steps.timekeeping import Timekeeper
from app.steps.undo import Undo
from app.steps.watch import Watch
from app.store.database import LOG_LIMIT_BYTES, Database


@dataclass(frozen=True, slots=True)
class House:
    """What a process has. A worker hires a crew for each instance on top of it."""

    settings: Settings
    db: Database
    now: Clock
    timekeeper: Timekeeper
    sleep: Sleep
    wake: Wake
    changes: Changes
    notices: Notices
    reached: Reached
    chance: Callable[[], float]
    admission: Admission
    http: httpx.AsyncClient
    marketo: Mapping[str, Marketo]  # by instance: one token and one call allowance for whoever asks in this process
    intake: Intake
    examine: Examine
    retry: Retry
    desk: Desk
    erase: Erase
    undo: Undo
    schema_watch: SchemaWatch
    keys: Keys
    follow: Follow

    async def close(self) -> None:
        await self.http.aclose()
        await self.db.close()


def furnish(
    settings: Settings,
    *,
    now: Clock | None = None,
    sleep: Sleep = asyncio.sleep,
    http: httpx.AsyncClient | None = None,
    reached: Reached = in_service,
    chance: Callable[[], float] = random.random,
    db: Database | None = None,
) -> House:
    """Build the service from its settings. Nothing is opened and nobody is called yet.

    `now`, `sleep`, `http`, `reached`, `chance` and `db` are seams: tests give their own.
    """
    now = now or Clock(by_database=not settings.on_sqlite)
    outbox = Outbox()
    client_uploads = settings.client_uploads if settings.auth == "on" else settings.uploads
    admission = Admission(FairLimit(settings.uploads, client_uploads))
    wake, changes = Wake(outbox), Changes(outbox)
    db = db or Database(settings.database_url, told=changes.made, log_limit_bytes=_log_limit_bytes(settings))
    http = http or _http_client(settings)
    marketo = marketos(settings, http, now=now, sleep=sleep)
    describe = {
        name: Describe(instance=name, db=db, marketo=one, now=now, reached=reached) for name, one in marketo.items()
    }
    undo = Undo(db, now, settings.disk_floor_bytes)
    intake = Intake(
        db=db,
        now=now,
        wake=wake,
        describe=describe,
        part_bytes=settings.part_bytes,
        max_file_bytes=settings.max_file_bytes,
        backlog_parts=settings.backlog_parts,
        client_backlog_parts=settings.client_backlog_parts if settings.auth == "on" else settings.backlog_parts,
        disk_floor_bytes=settings.disk_floor_bytes,
        admission=admission,
        once=Once(db=db, now=now, undo=undo),
        undo=undo,
        revision=migrations.head(),
        backlog=BacklogCount(db=db, now=now),
        reached=reached,
    )
    desk = Desk(db=db, now=now, wake=wake, reached=reached)
    return House(
        settings=settings,
        db=db,
        now=now,
        timekeeper=Timekeeper(db, now, _clock_look_seconds(settings)),
        sleep=sleep,
        wake=wake,
        changes=changes,
        notices=Notices(db, wake, changes, outbox),
        reached=reached,
        chance=chance,
        admission=admission,
        http=http,
        marketo=marketo,
        intake=intake,
        examine=Examine(describe, Limits(settings.part_bytes - envelope_bytes(), settings.max_file_bytes)),
        retry=Retry(db=db, intake=intake),
        desk=desk,
        erase=Erase(db=db, now=now, retention=retention_from(settings)),
        undo=undo,
        schema_watch=SchemaWatch(db, migrations.head()),
        keys=Keys(db=db, now=now),
        follow=Follow(db, changes),
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


def marketos(settings: Settings, http: httpx.AsyncClient, *, now: Clock, sleep: Sleep) -> Mapping[str, Marketo]:
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


def hire(house: House, name: str) -> Crew:
    """The steps that drive one instance."""
    settings, instance, marketo = house.settings, house.settings.instances[name], house.marketo[name]
    watch = Watch(
        importers=instance.max_importing,
        poll_min_seconds=settings.poll_min_seconds,
        poll_max_seconds=settings.poll_max_seconds,
    )
    driver = Driver(
        db=house.db,
        marketo=marketo,
        now=house.now,
        sleep=house.sleep,
        chance=house.chance,
        patience=patience_from(settings, instance),
        watch=watch,
        max_queued=instance.max_queued,
        reached=house.reached,
    )
    crew = Crew(
        submit=Submit(driver, Judge(driver)),
        poll=Poll(driver, house.wake),
        collect=Collect(driver),
        sweep=Sweep(driver, house.erase, house.undo, settings.stuck_seconds),
        allowance=marketo.allowance,
        watch=watch,
        max_queued=instance.max_queued,
    )
    house.timekeeper.moved.append(crew.move_times)
    return crew


def patience_from(settings: Settings, instance: InstanceSettings) -> Patience:
    return Patience(
        upload_seconds=settings.upload_timeout_seconds,
        settle_seconds=settings.unconfirmed_settle_seconds,
        retry_base_seconds=settings.retry_base_seconds,
        retry_max_seconds=settings.retry_max_seconds,
        poll_min_seconds=settings.poll_min_seconds,
        poll_max_seconds=settings.poll_max_seconds,
        window_seconds=instance.window_seconds,
    )


def retention_from(settings: Settings) -> Retention:
    return Retention(settings.file_retention_days, settings.result_retention_days, settings.history_retention_days)
