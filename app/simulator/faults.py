"""The faults one can order, and what an order says."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

from app.simulator.result_files import CHANGES

Place = Literal["identity", "create", "status", "failures", "warnings", "any"]
Stage = Literal["call", "job", "status", "file"]

PLACES = ("identity", "create", "status", "failures", "warnings", "any")

# Every fault: what it strikes (a call as it arrives, a job as it is created, a status or a file as it is answered),
# the endpoints where it can, its own one first.
_CALLS = ("any", "identity", "create", "status", "failures", "warnings")
_FILES = ("failures", "warnings", "any")
FAULTS: dict[str, tuple[Stage, tuple[str, ...]]] = {
    "lost_response": ("call", ("create", *_CALLS)),
    "lost_request": ("call", ("create", *_CALLS)),
    "half_body": ("call", _CALLS),
    "html_502": ("call", _CALLS),
    "html_200": ("call", _CALLS),
    "bad_json": ("call", _CALLS),
    "empty_body": ("call", _CALLS),
    "http_500": ("call", _CALLS),
    "json_error": ("call", _CALLS),
    "executed_then": ("call", ("create", *_CALLS)),
    "hang": ("call", _CALLS),
    "token_dies": ("call", ("any", "create", "status", "failures", "warnings")),
    "expires_in_zero": ("call", ("identity",)),
    "slow_queue": ("job", ("create",)),
    "stuck_importing": ("job", ("create",)),
    "job_failed": ("job", ("create",)),
    "all_failed": ("job", ("create",)),
    "failed_in_answer": ("job", ("create",)),
    "forget_batch": ("status", ("status",)),
    "status_backwards": ("status", ("status",)),
    "wrong_counts": ("status", ("status",)),
    "json_error_on_file": ("file", _FILES),
    "late_file": ("file", _FILES),
    "garbled_file": ("file", _FILES),
    "unquoted_file": ("file", _FILES),
    "changed_file": ("file", _FILES),
    "odd_bytes_file": ("file", _FILES),
    "stray_quote_file": ("file", _FILES),
    "cut_off_file": ("file", _FILES),
    "html_file": ("file", _FILES),
    "json_file": ("file", _FILES),
    "missing_file": ("file", _FILES),
}
_NEEDS_CODE = ("json_error", "executed_then")
_TAKES_CODE = (*_NEEDS_CODE, "json_error_on_file")
_NUMBERS: dict[str, type[int | float]] = {"nth": int, "times": int, "probability": float, "seconds": float}


@dataclass(frozen=True, slots=True)
class Fault:
    """An order: which fault, where, when.

    When: `nth` matching call counted from the order on, or each with `probability`, or else the next one.
    `times`: how often at most (default 1; without limit for a probability, and with `once=False`).
    `seconds`: how long, for `hang` (real seconds) and `slow_queue` (simulated ones).
    """

    name: str
    on: str | None = None
    nth: int | None = None
    probability: float | None = None
    once: bool = True
    times: int | None = None
    seconds: float | None = None
    message: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in FAULTS:
            raise ValueError(f"unknown fault {self.name!r}; there are: {', '.join(FAULTS)}")
        if self.on is not None and self.on not in FAULTS[self.kind][1]:
            allowed = ", ".join(dict.fromkeys(FAULTS[self.kind][1]))
            raise ValueError(f"{self.kind} cannot strike on {self.on!r}; it can on: {allowed}")
        self._check_code()
        if self.kind == "changed_file" and self.message is not None:
            unknown = {name.strip() for name in self.message.split(",")} - set(CHANGES)
            if unknown:
                raise ValueError(f"{self.name}: message names changes, some of {', '.join(CHANGES)}")
        if self.nth is not None and self.probability is not None:
            raise ValueError("give nth or probability, not both")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError("probability is between 0 and 1")
        if (self.nth is not None and self.nth < 1) or (self.times is not None and self.times < 1):
            raise ValueError("nth and times are 1 or more")
        if self.seconds is not None and not 0 <= self.seconds < 1e9:
            raise ValueError("seconds cannot be below 0")

    def _check_code(self) -> None:
        code = self.code
        if code is None and self.kind in _NEEDS_CODE:
            raise ValueError(f"{self.kind} needs a code, as in {self.kind}:611")
        if code is not None and (self.kind not in _TAKES_CODE or not re.fullmatch(r"\d{3,4}", code)):
            raise ValueError(f"{self.name!r}: a code of three or four digits goes with {', '.join(_TAKES_CODE)}")

    @property
    def kind(self) -> str:
        return self.name.partition(":")[0]

    @property
    def code(self) -> str | None:
        return self.name.partition(":")[2] or None

    @property
    def stage(self) -> Stage:
        return FAULTS[self.kind][0]

    @property
    def place(self) -> str:
        return self.on or FAULTS[self.kind][1][0]

    @property
    def limit(self) -> int | None:
        """How often it may strike; None: no limit."""
        if self.times is not None:
            return self.times
        return None if self.probability is not None or not self.once else 1

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name, value in {**asdict(self), "on": self.place}.items() if value is not None}


def parse_fault(text: str) -> Fault:
    """An order in one line: `lost_response:create:nth=2`, `json_error:611:status:probability=0.1`."""
    name, *words = text.strip().split(":")
    if words and words[0].isdigit():
        name = f"{name}:{words.pop(0)}"
    fields: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            fields["on"] = word
        elif key == "message":
            fields[key] = value
        elif key == "once":
            fields[key] = value.lower() in ("1", "true", "yes")
        elif key in _NUMBERS:
            try:
                fields[key] = _NUMBERS[key](value)
            except ValueError:
                raise ValueError(f"{text!r}: {key} must be a number") from None
        else:
            raise ValueError(f"{text!r}: {key} is not one of nth, times, probability, seconds, once, message")
    return Fault(name, **fields)


def fault_from_json(order: object) -> Fault:
    """An order as JSON: a line as in `parse_fault`, or an object with Fault's fields."""
    if isinstance(order, str):
        return parse_fault(order)
    if not isinstance(order, dict) or not isinstance(order.get("name"), str):
        raise ValueError('a fault is a line such as "lost_response:create:nth=2" or an object with a "name"')  # noqa: TRY004  the caller's value is wrong, not our argument
    kinds: dict[str, tuple[type, ...]] = {
        "name": (str,), "on": (str,), "nth": (int,), "times": (int,), "probability": (int, float),
        "seconds": (int, float), "once": (bool,), "message": (str,),
    }  # fmt: skip
    for key, value in order.items():
        if key not in kinds:
            raise ValueError(f"{key!r} is not one of {', '.join(kinds)}")
        if not isinstance(value, kinds[key]) or (isinstance(value, bool) and key != "once"):
            raise ValueError(f"{key!r} has a value of the wrong kind")
    return Fault(**order)
