"""Every error code of Marketo, and what it means for the request.

Match on the code, never on the message: messages vary by endpoint and year.
Source: Adobe, "Error codes", read 2026-08, and what shipping clients observed for imports.
"""

import logging
from dataclasses import dataclass
from typing import assert_never

from app.domain.answers import Answer, OutcomeUnknown, QueryFailed, Refused, RejectionReason, TurnedAway

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Away:
    """The request was not executed; the same request may be accepted later."""

    rejection_reason: RejectionReason
    whole_instance: bool = True  # every other call has to wait as well


@dataclass(frozen=True, slots=True)
class Never:
    """The request was not executed, and the same request never will be."""

    whole_import: bool


@dataclass(frozen=True, slots=True)
class Unclear:
    """Marketo itself does not know whether the request was executed."""


Meaning = Away | Never | Unclear

BLOCKED = Away(RejectionReason.BLOCKED)
DENIED = Away(RejectionReason.DENIED)
UNAVAILABLE = Away(RejectionReason.UNAVAILABLE)
TRANSIENT = Away(RejectionReason.TRANSIENT, whole_instance=False)
REQUEST = Never(whole_import=True)  # the fault is in the header, the parameters or the subscription
RECORDS = Never(whole_import=False)  # the fault is in the rows of this part
UNCLEAR = Unclear()

CODES: dict[str, Meaning] = {
    "500": UNCLEAR,  # Internal Server error
    "502": UNCLEAR,  # Bad Gateway: likely a timeout
    "600": BLOCKED,  # Empty access token
    "601": BLOCKED,  # Access token invalid: here only once a renewal has not helped
    "602": BLOCKED,  # Access token expired: likewise
    "603": DENIED,  # Access denied: the role's rights, or the IP allowlist
    "604": UNCLEAR,  # Request time-out
    "605": REQUEST,  # HTTP Method not supported
    "606": Away(RejectionReason.RATE_LIMIT),  # Max rate limit '100' exceeded with in '20' secs
    "607": Away(RejectionReason.DAILY_QUOTA),  # Daily quota '50000' reached
    "608": UNAVAILABLE,  # API Temporarily Unavailable
    "609": REQUEST,  # Invalid JSON
    "610": REQUEST,  # Requested resource not found
    "611": UNCLEAR,  # System error: all unhandled exceptions
    "612": REQUEST,  # Invalid Content Type
    "613": REQUEST,  # Invalid Multipart Request
    "614": UNAVAILABLE,  # Invalid Subscription: "usually temporary inaccessibility"
    "615": Away(RejectionReason.CONCURRENCY),  # Concurrent access limit '10' reached
    "616": REQUEST,  # Invalid subscription type
    "701": REQUEST,  # %s cannot be blank
    "702": REQUEST,  # No data found for a given search scenario
    "703": REQUEST,  # The feature is not enabled for the subscription
    "704": REQUEST,  # Invalid date format
    "709": RECORDS,  # Business Rule Violation
    "710": REQUEST,  # Parent Folder Not Found
    "711": REQUEST,  # Incompatible Folder Type
    "712": RECORDS,  # Merge to person Account operation is invalid
    "713": TRANSIENT,  # Transient Error: "wait and retry"
    "714": REQUEST,  # Unable to find the default record type
    "718": RECORDS,  # ExternalSalesPersonID not found
    "719": TRANSIENT,  # Lock wait timeout exception
    "1001": REQUEST,  # Invalid value '%s'. Required of type '%s'
    "1002": REQUEST,  # Missing value for the required parameter '%s'
    "1003": RECORDS,  # Invalid data; `Empty file` on imports
    "1004": RECORDS,  # Lead not found
    "1005": RECORDS,  # Lead already exists
    "1006": REQUEST,  # Field '%s' not found; `Header field 'email' not found` on imports
    "1007": RECORDS,  # Multiple leads match the lookup criteria
    "1008": REQUEST,  # Access denied to partition '%s'
    "1009": REQUEST,  # Partition name must be specified
    "1010": REQUEST,  # Partition update not allowed
    "1011": REQUEST,  # Field '%s' not supported: a bad lookupField, say
    "1012": RECORDS,  # Invalid cookie value '%s'
    "1013": REQUEST,  # Object not found; `Static list not found` on imports
    "1014": RECORDS,  # Failed to create Object
    "1015": RECORDS,  # Lead not in list
    "1016": Away(RejectionReason.QUEUE_FULL, whole_instance=False),  # Too many imports: the queue holds 10
    "1017": RECORDS,  # Object already exists
    "1018": REQUEST,  # CRM Enabled
    "1019": Away(RejectionReason.LIST_BUSY, whole_instance=False),  # Import in progress, into the same list
    "1020": RECORDS,  # Too many clones to program
    "1021": RECORDS,  # Company update not allowed
    "1022": RECORDS,  # Object in use
    "1025": REQUEST,  # Program status not found
    "1026": REQUEST,  # Custom object not enabled
    "1027": REQUEST,  # Max Activity Type Limit Reached
    "1028": REQUEST,  # Max field limit reached
    "1029": RECORDS,  # Too many jobs in queue: of the extract queue, never of the import queue
    "1035": REQUEST,  # Unsupported filter type
    "1036": RECORDS,  # Duplicate object found in input
    "1037": RECORDS,  # Lead was skipped
    "1042": REQUEST,  # Invalid runAt date
    "1048": REQUEST,  # Custom Object Discard Draft Failed
    "1049": RECORDS,  # Failed to Create Activity
    "1076": RECORDS,  # Merge Leads: four ways to fail
    "1077": RECORDS,
    "1078": RECORDS,
    "1079": RECORDS,
}

TOKEN_DIED = frozenset({"601", "602"})
"""Codes of an expired token: the request was not executed, and will be with a new token."""

UNKNOWN_JOB = frozenset({"404", "610", "702", "1013"})
"""Codes that a status query may get when Marketo has no such job. Adobe does not document which of them."""

UNKNOWN_OBJECT = "1013"
"""The code of a describe call for an object that does not exist."""

HTTP: dict[int, Meaning] = {
    301: BLOCKED,  # the endpoint is elsewhere: a person must mend base_url
    307: BLOCKED,
    308: BLOCKED,
    401: BLOCKED,
    403: DENIED,
    404: REQUEST,
    405: REQUEST,
    408: TRANSIENT,  # RFC 9110: the server never had the whole request
    413: RECORDS,  # this part is too large
    414: REQUEST,
    415: REQUEST,
    429: Away(RejectionReason.RATE_LIMIT),
}


def answer_to_submission(code: str, message: str) -> Answer:
    """The outcome of a submission that was answered with this code."""
    return _answer(_meaning(code), code, message)


def query_failure(code: str, message: str) -> QueryFailed:
    """The outcome of a query that was answered with this code: it never says anything about the part."""
    return _query_failure(_meaning(code), code, f"Marketo said {code}: {message}")


def answer_to_http(status: int) -> Answer:
    """The outcome of a submission that was answered with this HTTP status and without a code of Marketo's."""
    return _answer(_http_meaning(status), str(status), f"HTTP {status}")


def query_failure_of_http(status: int) -> QueryFailed:
    """The outcome of a query that was answered with this HTTP status and without a code of Marketo's."""
    return _query_failure(_http_meaning(status), str(status), f"HTTP {status}")


def _answer(meaning: Meaning, code: str, message: str) -> Answer:
    match meaning:
        case Away(rejection_reason=rejection_reason):
            return TurnedAway(rejection_reason, code, message)
        case Never(whole_import=whole_import):
            return Refused(code, message, whole_import)
        case Unclear():
            return OutcomeUnknown(f"Marketo answered {code}")
        case _:
            assert_never(meaning)


def _query_failure(meaning: Meaning, code: str, why: str) -> QueryFailed:
    match meaning:
        case Away(rejection_reason=rejection_reason, whole_instance=True):
            return QueryFailed(why, code, rejection_reason)
        case _:
            return QueryFailed(why, code)


def _meaning(code: str) -> Meaning:
    """What a code means. An unknown code counts as a refusal: to stop is cheaper than to repeat for ever."""
    meaning = CODES.get(code)
    if meaning is not None:
        return meaning
    if len(code) == 3 and code.isdecimal() and code.startswith("5"):
        return UNCLEAR
    logger.error("Marketo answered with a code that nobody here knows: %.40r. It counts as a refusal.", code)
    return RECORDS


def _http_meaning(status: int) -> Meaning:
    meaning = HTTP.get(status)
    if meaning is not None:
        return meaning
    return RECORDS if 400 <= status < 500 else UNCLEAR
