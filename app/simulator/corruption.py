"""What a fault makes of an answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.simulator.answers import JSON_TYPE, Answer, Envelopes, page
from app.simulator.faults import Fault
from app.simulator.tokens import Tokens

# Faults that strike before the call is done: nothing of it happens. With all others it has happened.
UNTOUCHED = frozenset({"lost_request", "html_502", "html_200", "http_500", "json_error"})
_GATEWAY_CODES = ("413", "500", "502", "503", "504")
_HANG_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Corruption:
    tokens: Tokens
    envelopes: Envelopes

    def corrupt(self, fault: Fault, answer: Answer, now: float) -> Answer:
        """The answer after the fault. An answer that breaks off has no code: nobody saw one."""
        match fault.kind:
            case "lost_response" | "lost_request":
                return replace(answer, cut_at=0)
            case "half_body":
                return replace(answer, cut_at=len(answer.body) // 2)
            case "html_502":
                return page(502, "502 Bad Gateway")
            case "http_500":
                return page(500, "500 Internal Server Error")
            case "html_200":
                return page(200, "Scheduled maintenance")
            case "bad_json":
                return replace(answer, body=answer.body[: len(answer.body) // 2], content_type=JSON_TYPE)
            case "empty_body":
                return replace(answer, body=b"")
            case "hang":
                return replace(answer, delay_seconds=_HANG_SECONDS if fault.seconds is None else fault.seconds)
            case "expires_in_zero":
                return self.tokens.dying(answer, now)
            case "json_error" | "executed_then":
                return self._error(fault, now)
            case _:
                return answer

    def _error(self, fault: Fault, now: float) -> Answer:
        code = fault.code or "611"
        if code in _GATEWAY_CODES:
            return page(int(code), f"{code} from the gateway")
        return self.envelopes.error(now, code, fault.message)
