"""Every wait of the service, in one module: how long, and why. Durations are seconds; moments are aware UTC."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

MARKETO_DAY = ZoneInfo("America/Chicago")  # quotas reset at 12:00 AM "CST". Adobe, "REST API", read 2026-08
STANDARD_DAY = timezone(timedelta(hours=-6))  # CST to the letter: in summer its midnight is an hour later

AGAIN_SHARE = 0.25  # of the time that something is late: when to ask for it again
BACKLOG_KEPT_SECONDS = 1  # what waits is counted once in this time, and what is accepted here added
BACKLOG_RETRY_SECONDS = 60  # when a caller that met a full backlog may come back
BULKHEAD_WAIT_SECONDS = 5.0  # a request behind others of its client is worked on after so long whatever they do
CLOCK_DOUBT_SECONDS = 60  # a machine's clock that was set is followed once it has stayed so for that long
CLOCK_LOOK_SECONDS = 1  # between two looks at the machine's clock: they cost nothing
CLOCK_QUESTION_SECONDS = 10  # and at the database's
CLOCK_TOLERANCE_SECONDS = 1.0  # a difference that is followed without a word
CLOCK_TOLD_SECONDS = 3600  # how long the verdict says that a clock was set
CLOCK_TRIP_SECONDS = 0.5  # a question to the database that took longer says too little about the time
CLAIM_GRACE_SECONDS = 30  # what a claim may take beside the upload itself before it counts as lost
BLOCKED_RETRY_SECONDS = 60  # an instance whose credentials or rights fail is tried again now and then
CROWDED_LOG_SECONDS = 60.0  # between two log lines that say that the limit of connections is reached
CROWDED_RETRY_SECONDS = 5  # when a caller for whom there was no connection may come back
DENIALS = 3  # of a job, in a row, after which a person should look: one may be a slip
DENIED_RETRY_SECONDS = 300  # a part that met missing rights lets others try first
CONCURRENCY_PAUSE_SECONDS = 2  # 615: other calls end soon
DESCRIBE_AGE_SECONDS = 86_400  # a day or more is what Adobe advises ("Best practices", read 2026-08)
DESCRIBE_AGAIN_SECONDS = 60  # before a header is refused, what is known may be no older: a field may be new
DESCRIBE_WAIT_SECONDS = 10  # what an upload waits for a describe at most
DATABASE_RETRY_SECONDS = 5  # when a caller that met no database may come back
FOREIGN_SLOTS_SECONDS = 60  # how long one 1016 counts as knowledge of the slots that others hold; doubled with each
FOREIGN_SLOTS_MOST_SECONDS = 600
FOREIGN_QUEUE_SECONDS = 15  # the same where nothing of ours is there: until then nothing at all would flow
FOREIGN_QUEUE_MOST_SECONDS = 60
FORECAST_LATE_SECONDS = 60.0  # result files that are not here after so long may be late by any time
FORGOTTEN_SECONDS = 3600  # a job that Marketo denies knowing for this long is no longer there
GAP_SECONDS = 86_400  # without a sign of life from any worker: nobody can know how much time has passed
HEAD_SECONDS = 10.0  # in which a request's head has to be there, from the connection or its first byte on
HEARTBEAT_SECONDS = 15.0  # of silence in a stream of events: proxies hang up after 30 to 60
IDLE_SECONDS = 45  # an importer that has had nothing from us for so long, while a part could go, is a trouble
IDEMPOTENCY_KEPT_SECONDS = 30 * 86_400  # what an Idempotency-Key stands for
IDEMPOTENT_UPLOAD_IDLE_SECONDS = 120  # an upload that holds a key and brought nothing for this long is gone
HELD_KEY_RETRY_SECONDS = (1, 5)  # when a caller may come back whose first request with the same key still runs
INSIST_SECONDS = (0.2, 0.5, 1, 2, 5)  # between tries to record what Marketo answered; the last again and again
KEY_LOOK_SECONDS = 1  # between two looks at whether a key still opens, however many streams ask
KEY_USE_SECONDS = 60  # how exactly the last use of a key is known: a commit costs more than most calls
LATE_FILE_SECONDS = 3600  # a result file that Marketo announced and does not have is waited for this long
LINE_END_SECONDS = 300  # a result file with every row, and no line end behind the last, is asked for again for so long
LINGER_SECONDS = 30.0  # what is left of a body that was refused is taken in no longer than that
LINGER_SILENCE_SECONDS = 2.0  # of a caller that sends no more of it: it is reading, or gone
MISSED_LEASES = 1.5  # without a sign of life, after which a worker counts as gone: another may drive after one
MONITOR_SECONDS = 10.0  # between two looks at the checks of /v1/status, so that the log tells of them within a minute
NEXT_LOOK_MOST_SECONDS = 60  # however far off its end is thought to be
NEXT_LOOK_SECONDS = 5  # when a caller should ask for an import again: Marketo's news is no fresher
NEWS_RETRY_SECONDS = 2.0  # between two tries to reach the database that news are heard from
NEWS_TOGETHER_SECONDS = 0.02  # news within so long are told at once
OUTLOOK_KEPT_SECONDS = 5  # what waits changes little in this time, and there may be a hundred thousand parts to sum
PROBE_KEPT_SECONDS = 1  # anybody may ask, and each probe is a commit
PROBE_SECONDS = 5  # a probe that takes longer has failed
REFUSED_SECONDS = 5.0  # in which a caller can read why its request's head was refused
RESULT_RETENTION_SECONDS = 7 * 86_400  # Marketo forgets a job after seven days. Adobe, "Bulk lead import"
RECONNECT_SECONDS = (1, 5)  # a stream that broke is opened again after that long: not all of them at once
STREAM_RETRY_SECONDS = 15  # when a caller may come back who has too many streams open
STREAM_SECONDS = 3600.0  # a stream of events is ended now and then, so that whoever reads on is let in anew
STRANGER_SECONDS = 60.0  # in which a form has to be there whose sender is known from inside only
STOPPING_RETRY_SECONDS = 5  # when a caller that met a stopping process may come back: another one is soon there
SCHEMA_LOOK_SECONDS = 5  # how long a process may go on when its database was upgraded under it
RETENTION_DOUBT_SECONDS = 86_400  # for a day after the clock was set, retention erases no more than is plausible
SWEEP_TICKS = 5  # sweeps judge by minutes: every fifth tick is soon enough
TIDY_SECONDS = 600.0  # retention is counted in days
TOKEN_FRESH_SECONDS = 1800  # that a token of ours lives at least when it is given out again
TOKEN_OLD_SECONDS = 86_400  # how long it is known of an expired one that it was one
TOKEN_WAITS_SECONDS = (1, 2, 5)  # between two requests for a token that is not the dying one
UNSENT_SECONDS = 30.0  # between two looks at whether an answer is taken at its least rate
UNTOLD_SECONDS = 30.0  # a change that nobody was told of is found by those who watch at the latest after so long
UPLOAD_RETRY_SECONDS = 5  # when a caller may come back for whose upload there was no place
UPLOAD_WAIT_SECONDS = 10.0  # for a place, before it is told so
UPLOAD_IDLE_SECONDS = 3600  # an upload without a new part for this long was broken off
WAKE_SECONDS = 0.1  # between two wakings of the submit tick: a burst of imports is looked at together
WAIT_ANSWERED_SECONDS = 50.0  # when a wait is answered at the latest: proxies hang up at 60, and it would be lost
WAIT_MOST_SECONDS = 60.0  # what one request may ask to wait for the end of an import


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The waits that the settings decide."""

    upload_seconds: float
    settle_seconds: float
    retry_base_seconds: float
    retry_max_seconds: float
    poll_min_seconds: float
    poll_max_seconds: float
    window_seconds: float

    @property
    def claim_seconds(self) -> float:
        """After these a submission that was not recorded counts as lost. A token that dies makes it two uploads."""
        return 2 * self.upload_seconds + CLAIM_GRACE_SECONDS

    def claim_deadline(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.claim_seconds)

    def settled(self, now: datetime, queue_seconds: float = 0.0) -> datetime:
        """When a possible job behind a lost answer has had its time to finish: more where it had to queue for long."""
        return now + timedelta(seconds=max(self.settle_seconds, 2 * queue_seconds))

    def retry(self, now: datetime, attempts: int, *, chance: float) -> datetime:
        """Exponential back-off with full jitter; `chance` in [0, 1) is the caller's random number."""
        ceiling = min(self.retry_max_seconds, self.retry_base_seconds * 2 ** min(attempts, 32))
        return now + timedelta(seconds=max(0.1 * self.retry_base_seconds, chance * ceiling))

    def next_poll(self, now: datetime, expected_seconds: float | None = None) -> datetime:
        """When to ask for a job's status again: when it should be done, within Marketo's recommended range."""
        wanted = self.poll_min_seconds if expected_seconds is None else expected_seconds
        return now + timedelta(seconds=min(self.poll_max_seconds, max(self.poll_min_seconds, wanted)))

    def look_again(self, now: datetime, since: datetime) -> datetime:
        """When to ask again for what is not there yet: soon at first, and the longer it is late, the less often."""
        late_seconds = AGAIN_SHARE * (now - since).total_seconds()
        return now + timedelta(seconds=max(self.poll_min_seconds, min(late_seconds, self.retry_max_seconds)))

    def after_window(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.window_seconds)


def marketo_day(now: datetime) -> date:
    """The date in US Central time, which calls are counted by."""
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
