"""How long the service waits for what, and why: all of it in one module. Durations are seconds, times are aware UTC."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

MARKETO_DAY = ZoneInfo("America/Chicago")  # quotas reset at 12:00 AM "CST". Adobe, "REST API", read 2026-08
STANDARD_DAY = timezone(timedelta(hours=-6))  # CST to the letter: in summer its midnight is an hour later

AGAIN_SHARE = 0.25  # share of the time that something is late after which it is asked for again
BEAT_SECONDS = 1  # between two beats of a worker's metronome by which `sluice health` sees that steps get their turn
BACKLOG_KEPT_SECONDS = 1  # how long the count of waiting parts is cached; what this process accepts is added to it
BACKLOG_RETRY_SECONDS = 60  # Retry-After for a caller that met a full backlog
BULKHEAD_WAIT_SECONDS = 5.0  # a request that waits behind others of its client is handled after this time in any case
CLOCK_DOUBT_SECONDS = 60  # a change of the machine's clock is followed once it has lasted this long
CLOCK_LOOK_SECONDS = 1  # between two checks of the machine's clock: they cost nothing
CLOCK_QUESTION_SECONDS = 10  # between two checks of the database's clock
CLOCK_TOLERANCE_SECONDS = 1.0  # a difference between clocks that is followed without an event
CLOCK_TOLD_SECONDS = 3600  # how long the verdict says that a clock was set
CLOCK_TRIP_SECONDS = 0.5  # a query for the database's time that took longer is not exact enough to use
CLAIM_GRACE_SECONDS = 30  # what a claim may take beside the upload itself before it counts as lost
BLOCKED_RETRY_SECONDS = 60  # how often an instance is tried again whose credentials or rights fail
CROWDED_LOG_SECONDS = 60.0  # between two log lines that say that the limit of connections is reached
CROWDED_RETRY_SECONDS = 5  # Retry-After for a caller for whom there was no connection
DENIALS = 3  # how often in a row Marketo has to deny knowing a job until a person should look: one may be an error
DENIED_RETRY_SECONDS = 300  # how long a part that met missing rights lets other parts try first
CONCURRENCY_PAUSE_SECONDS = 2  # after 615: other calls end soon
DESCRIBE_AGE_SECONDS = 86_400  # how long a description is used. Adobe, "Best practices", read 2026-08
DESCRIBE_AGAIN_SECONDS = 60  # a header is refused only by a description that is no older than this: a field may be new
DESCRIBE_WAIT_SECONDS = 10  # how long an upload waits for a describe call at most
DATABASE_RETRY_SECONDS = 5  # Retry-After for a caller that met an unreachable database
FOREIGN_SLOTS_SECONDS = 60  # how long one 1016 is relied on to tell the external slots; doubled for each in a row
FOREIGN_SLOTS_MOST_SECONDS = 600
FOREIGN_QUEUE_SECONDS = 15  # the same while Marketo has no job of ours: until then nothing at all flows
FOREIGN_QUEUE_MOST_SECONDS = 60
FORECAST_LATE_SECONDS = 60.0  # result files that are later than this may be late by any time: no estimate is given
FORGOTTEN_SECONDS = 3600  # a job that Marketo denies knowing for this long is taken to be gone
GAP_SECONDS = 86_400  # without a heartbeat from any worker for this long, nobody knows how much time has really passed
HEAD_SECONDS = 10.0  # how long a request's head may take, from the connection or its first byte on
HEARTBEAT_SECONDS = 15.0  # of silence in a stream of events until a heartbeat is sent: proxies hang up after 30 to 60
IDLE_SECONDS = 45  # an importer without a job of ours for this long, while a part could go, is reported
IDEMPOTENCY_KEPT_SECONDS = 30 * 86_400  # how long an Idempotency-Key is remembered
IDEMPOTENT_UPLOAD_IDLE_SECONDS = 120  # an upload with an idempotency key has ended if it is silent for this long
HELD_KEY_RETRY_SECONDS = (1, 5)  # Retry-After (least, most) while the first request with the key runs
INSIST_SECONDS = (0.2, 0.5, 1, 2, 5)  # between tries to record what Marketo answered; the last one is repeated
KEY_LOOK_SECONDS = 1  # between two looks at an API key in the database, however many requests and streams use it
KEY_USE_SECONDS = 60  # resolution of a key's last use: a commit costs more than most calls
LATE_FILE_SECONDS = 3600  # how long a result file is waited for that Marketo should have and does not
LINE_END_SECONDS = 300  # how long a result file is asked for again that has every row, but no line end behind the last
LINGER_SECONDS = 30.0  # how long the rest of a refused body is read at most
LINGER_SILENCE_SECONDS = 2.0  # a caller that sends no more of a refused body is reading, or is gone
MISSED_LEASES = 1.5  # leases without a heartbeat after which a worker counts as gone: another may drive after one
MONITOR_SECONDS = 10.0  # between two runs of the checks of /v1/status, so that the log tells of them within a minute
NEXT_LOOK_MOST_SECONDS = 60  # Retry-After at most, however far off the end of an import is
NEXT_LOOK_SECONDS = 5  # Retry-After at least: polls bring nothing newer in less time
NEWS_RETRY_SECONDS = 2.0  # between two tries to reach the database that sends notifications
NEWS_TOGETHER_SECONDS = 0.02  # notifications within this time are delivered together
INSTANCE_KNOWN_SECONDS = 1  # what the answer to a new import says of its instance is no older
OUTLOOK_KEPT_SECONDS = 5  # how long the summed backlog is cached: it may be a hundred thousand parts
PROBE_KEPT_SECONDS = 1  # how long a health probe's result is cached: anybody may ask, and each probe is a commit
PROBE_SECONDS = 5  # a health probe that takes longer has failed
REFUSED_SECONDS = 5.0  # how long a caller has to read why its request's head was refused
REVIEW_SECONDS = 7 * 86_400  # how long an import under review can be released, before it is cancelled
RESULT_RETENTION_SECONDS = 7 * 86_400  # Marketo forgets a job after seven days. Adobe, "Bulk lead import"
RECONNECT_SECONDS = (1, 5)  # (least, most) after which a broken stream is opened again: not all of them at once
STANDSTILL_SECONDS = 15  # a worker whose metronome has had no beat for this long is frozen: steps have no turn any more
STREAM_RETRY_SECONDS = 15  # Retry-After for a caller that has too many streams open
STREAM_SECONDS = 3600.0  # after which a stream of events is closed, so that its reader is authenticated again
UNAUTHENTICATED_FORM_SECONDS = 60.0  # how long a form may take whose sender is named only inside it
STOPPING_RETRY_SECONDS = 5  # Retry-After for a caller that met a stopping process: another one is soon there
SCHEMA_LOOK_SECONDS = 5  # how long a process may go on after another one has upgraded its database
RETENTION_DOUBT_SECONDS = 86_400  # how long after a clock was set retention erases no more than is plausible
SWEEP_TICKS = 5  # recovery measures in minutes: every fifth tick is soon enough
TIDY_SECONDS = 600.0  # between two runs of maintenance: retention is counted in days
TOKEN_FRESH_SECONDS = 1800  # how long an access token of ours is still valid at least when it is given out again
STREAM_TOKEN_SECONDS = 60  # how long a stream token opens its stream: long enough to begin, and no longer in a URL
TOKEN_OLD_SECONDS = 86_400  # how long an expired access token is remembered as expired
TOKEN_WAITS_SECONDS = (1, 2, 5)  # between requests for a token while Marketo returns the one that expires soon
UNSENT_SECONDS = 30.0  # between two checks whether a caller reads its answer at the least rate
UNTOLD_SECONDS = 30.0  # after which subscribers look for changes that no notification told them of
UPLOAD_RETRY_SECONDS = 5  # Retry-After for a caller for whose upload there was no place
UPLOAD_WAIT_SECONDS = 10.0  # how long an upload waits for a place before it is refused
UPLOAD_IDLE_SECONDS = 3600  # an upload without a new part for this long has broken off
WAKE_SECONDS = 0.1  # between two wake-ups of the submit tick: a burst of imports is handled together
WAIT_ANSWERED_SECONDS = 50.0  # when a waiting request is answered at the latest: proxies hang up at 60
WAIT_MOST_SECONDS = 60.0  # how long one request may ask to wait for the end of an import
WEBHOOK_HOLD_MOST_SECONDS = 60  # how long an endpoint that answers nothing is left alone at most
WEBHOOK_LOOKUP_SECONDS = 3.0  # how long the address of a new endpoint is looked up
WEBHOOK_OFF_SECONDS = 3 * 86_400 - 600  # without one success, before an endpoint is switched off: the last try counts
WEBHOOK_SECRET_SECONDS = 86_400  # how long an endpoint's former secret signs too
WEBHOOK_TRIES_SECONDS = 3 * 86_400  # how long a delivery is tried
WEBHOOK_TRY_SECONDS = 10.0  # how long one try may take
WEBHOOK_WAKE_SECONDS = 0.25  # between two looks for deliveries: what comes within it is read together
WEBHOOK_WAITS_SECONDS = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Between the tries of a delivery; the last is repeated. Standard Webhooks, "Retry schedule", read 2026-11."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The waits that follow from the settings."""

    upload_seconds: float
    settle_seconds: float
    retry_base_seconds: float
    retry_max_seconds: float
    poll_min_seconds: float
    poll_max_seconds: float
    window_seconds: float

    @property
    def claim_seconds(self) -> float:
        """After this time a submission without a recorded answer counts as lost.

        It allows for two uploads, as a token that expires makes the client send the part twice.
        """
        return 2 * self.upload_seconds + CLAIM_GRACE_SECONDS

    def claim_deadline(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.claim_seconds)

    def settled(self, now: datetime, queue_seconds: float = 0.0) -> datetime:
        """When a job whose answer was lost, if it exists, must have ended: later where it had to queue for long."""
        return now + timedelta(seconds=max(self.settle_seconds, 2 * queue_seconds))

    def retry(self, now: datetime, attempts: int, *, chance: float) -> datetime:
        """Exponential back-off with full jitter; `chance` in [0, 1) is the caller's random number."""
        ceiling = min(self.retry_max_seconds, self.retry_base_seconds * 2 ** min(attempts, 32))
        return now + timedelta(seconds=max(0.1 * self.retry_base_seconds, chance * ceiling))

    def next_poll(self, now: datetime, expected_seconds: float | None = None) -> datetime:
        """When to ask for a job's status again: when it should be done, within Marketo's recommended range."""
        due_seconds = self.poll_min_seconds if expected_seconds is None else expected_seconds
        return now + timedelta(seconds=min(self.poll_max_seconds, max(self.poll_min_seconds, due_seconds)))

    def look_again(self, now: datetime, since: datetime) -> datetime:
        """When to ask again for something that is late: soon at first, then less and less often."""
        late_seconds = AGAIN_SHARE * (now - since).total_seconds()
        return now + timedelta(seconds=max(self.poll_min_seconds, min(late_seconds, self.retry_max_seconds)))


def marketo_day(now: datetime) -> date:
    """The date in US Central time: Marketo counts calls by these days."""
    return now.astimezone(MARKETO_DAY).date()


def quota_reset(now: datetime) -> datetime:
    """The next midnight in US Central time."""
    return _midnight_after(now, MARKETO_DAY)


def quota_again(now: datetime) -> datetime:
    """When to try again after Marketo has called its quota used up.

    At the next midnight; in summer also at that of standard time, an hour later: Adobe writes CST, and may mean it.
    """
    return min(_midnight_after(now, zone) for zone in (MARKETO_DAY, STANDARD_DAY))


def _midnight_after(now: datetime, zone: tzinfo) -> datetime:
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).astimezone(now.tzinfo)


def after(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)


UNPLACED_SECONDS = 86_400
"""For so long parts are not bundled of whose bundles rows came back that could be anybody's."""
