"""How values are written for people: the filters of the templates. Numbers are grouped by a narrow no-break space."""

from datetime import UTC, datetime

from markupsafe import Markup, escape

from app.files.result_files import shown

NARROW_SPACE = "\u202f"
MINUTE, HOUR, DAY = 60, 3600, 86_400
STATES = {
    "waiting": "waiting",
    "queued": "waiting",
    "submitting": "at-marketo",
    "importing": "at-marketo",
    "collecting": "at-marketo",
    "complete": "done",
    "running": "done",
    "delivered": "done",
    "unconfirmed": "needs-you",
    "attention": "needs-you",
    "paused": "needs-you",
    "backing_off": "waiting",
    "blocked": "failed",
    "failed": "failed",
    "cancelled": "stopped",
}
"""The shape that a state of an import, a part, a job, an instance or a delivery is shown by, beside its word."""

WAITS = {
    "slot": "Its turn, or a free place at Marketo",
    "same_records": "Another part with the same records",
    "review": "Somebody has to release it",
    "not_before": "The time that its sender named",
    "instance_paused": "The instance is paused",
    "instance_blocked": "Marketo refuses the instance",
    "rate_limit": "Marketo's calls of this window are used up",
    "daily_quota": "The calls of this day are used up",
    "retry": "Marketo turned it away; it is tried again",
}
"""Why a part waits, by the API's `waiting_for`."""
TROUBLES = {
    "unconfirmed": "Marketo's answer to the submission was lost: nobody can know whether the job is there. "
    "Look for it in Marketo, then decide.",
    "denied": "Marketo says that it knows no such job. It is asked again by itself; nothing more may come of it.",
    "stuck": "It has been so for far longer than usual, and holds its place. "
    "If Marketo shows that it will not end, give it up.",
}
"""What keeps a job from its end (reporting/instance_details.py), and what to do."""


def number(value: float) -> str:
    """`1 400 000`; a fraction with one digit."""
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return text.replace(",", NARROW_SPACE)


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2 300 rows`."""
    return f"{number(count)} {one if count == 1 else many or f'{one}s'}"


def short_number(value: int) -> str:
    """`940`, `2.3 k`, `1.4 M`: for places where a long number has no room."""
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:.3g}{NARROW_SPACE}{unit}"
    return str(value)


def size(value: int) -> str:
    """Bytes in the unit that people read: `31.5 MB`."""
    for unit_bytes, unit in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if value >= unit_bytes:
            return f"{value / unit_bytes:.3g}{NARROW_SPACE}{unit}"
    return f"{value}{NARROW_SPACE}B"


def percent(share: float) -> str:
    """Rounded down, so that 100 % means all of it; and something is never 0 %."""
    whole = int(share * 100)
    return f"under 1{NARROW_SPACE}%" if share > 0 and whole == 0 else f"{whole}{NARROW_SPACE}%"


def duration(seconds: float) -> str:
    """In the two units that matter: `4 min`, `2 h 5 min`, `3 d 4 h`."""
    whole = max(0, round(seconds))
    if whole < MINUTE:
        return f"{whole}{NARROW_SPACE}s"
    if whole < HOUR:
        return f"{whole // MINUTE}{NARROW_SPACE}min"
    if whole < DAY:
        return _two(whole, HOUR, "h", MINUTE, "min")
    return _two(whole, DAY, "d", HOUR, "h")


def _two(seconds: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    first, rest = divmod(seconds, large)
    text = f"{first}{NARROW_SPACE}{large_unit}"
    return f"{text} {rest // small}{NARROW_SPACE}{small_unit}" if rest // small else text


def relative(at: datetime, now: datetime) -> str:
    """`2 min ago`, `in 3 h`, `just now`."""
    seconds = (at - now).total_seconds()
    if abs(seconds) < 5:
        return "just now"
    return f"in {duration(seconds)}" if seconds > 0 else f"{duration(-seconds)} ago"


def exact(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(at: datetime, now: datetime) -> Markup:
    """A time in relative words, the exact one on hover. The browser renews the words (static/times.js)."""
    return _time(at, relative(at, now), "relative")


def since(at: datetime, now: datetime) -> Markup:
    """How long it has been so: `14 min`."""
    return _time(at, duration((now - at).total_seconds()), "duration")


def clock(at: datetime, now: datetime) -> Markup:
    """A time of day: `14:20 UTC`, with its date where that is not today's. The browser writes it in its own zone."""
    is_today = at.astimezone(UTC).date() == now.astimezone(UTC).date()
    return _time(at, f"{at.astimezone(UTC):{'%H:%M' if is_today else '%d %b %H:%M'}} UTC", "clock")


def _time(at: datetime, text: str, kind: str) -> Markup:
    written = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}" data-as="{}" title="{}">{}</time>').format(written, kind, exact(at), text)


def word(state: object) -> str:
    """A state or a code as people read it: `backing off`."""
    return str(state).replace("_", " ")


def readable(text: str) -> str:
    """Somebody's text as a page can hold it: NULs and bytes that are no UTF-8 become a replacement character.

    It is `closed`, too.
    """
    return closed(shown(text))


def code_marks(text: str) -> Markup:
    """A sentence of ours in which `words between backticks` are code."""
    pieces = [escape(piece) for piece in text.split("`")]
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if index % 2 else piece for index, piece in enumerate(pieces)
    )


def closed(text: object) -> str:
    """A text that others wrote, for a `<bdi>`: no direction that it begins goes on behind it.

    An isolate that a text opens and does not close would take the end of the `<bdi>` for its own. Unicode, UAX 9.
    """
    written = str(text)
    opened = sum(written.count(mark) for mark in "\u2066\u2067\u2068")
    return written + "\u2069" * max(0, opened)


FILTERS = {
    each.__name__: each
    for each in (
        number,
        plural,
        short_number,
        size,
        percent,
        duration,
        ago,
        since,
        clock,
        exact,
        word,
        readable,
        code_marks,
        closed,
    )
}
