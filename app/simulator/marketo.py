"""Marketo itself, without faults: the checks every call passes, in their order, and the view it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from app.simulator.answers import Answer, Envelopes, Refusal, page
from app.simulator.bulk import Bulk
from app.simulator.calls import Call
from app.simulator.limits import Limits
from app.simulator.lookups import Lookups
from app.simulator.multipart import Form, is_multipart, read_form
from app.simulator.params import whole
from app.simulator.routes import Route
from app.simulator.rules import Rules
from app.simulator.targets import ObjectType
from app.simulator.tokens import Tokens

_API_USER = "api@example.com"


@dataclass(frozen=True, slots=True)
class Marketo:
    """One instance: it takes calls, and passes them on to what answers them."""

    rules: Rules
    tokens: Tokens
    limits: Limits
    envelopes: Envelopes
    lookups: Lookups
    bulk: Bulk

    def answer(self, route: Route, names: dict[str, str], call: Call, now: float) -> tuple[Answer, float | None]:
        """Marketo's order of checks: token, calls, size, form, and then what the endpoint checks."""
        admitted_at: float | None = None
        try:
            if call.uri_bytes > self.rules.uri_bytes:
                return page(414, "414 Request-URI Too Large"), None
            if route.endpoint == "identity":
                return self._identity(call, now), None
            form, broken = self._read_form(call)
            call.fields = form.fields
            self.tokens.check(self._token(call), now)
            self.limits.admit(now)
            admitted_at = now
            if call.too_large:
                return page(413, "413 Request Entity Too Large"), admitted_at
            if route.endpoint == "create" and broken is not None:
                raise broken
            return self._view(route, names, call, form, now), admitted_at
        except Refusal as refusal:
            return self.envelopes.error(now, refusal.code, refusal.message), admitted_at

    def _read_form(self, call: Call) -> tuple[Form, Refusal | None]:
        if call.too_large:
            return Form(), None
        try:
            return read_form(call.content_type, call.body), None
        except Refusal as refusal:
            return Form(), refusal

    def _token(self, call: Call) -> str | None:
        """From the header; from the query or a form field too while the rules accept it there."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            return token.strip()
        if self.rules.access_token_param == "deny":  # noqa: S105  no password
            return None
        return call.query.get("access_token") or call.fields.get("access_token")

    def _identity(self, call: Call, now: float) -> Answer:
        parameters = dict(call.query)
        if call.method == "POST" and not is_multipart(call.content_type):
            parameters = {**dict(parse_qsl(call.body.decode("latin-1"))), **parameters}
        return self.tokens.issue(
            parameters.get("client_id"), parameters.get("client_secret"), parameters.get("grant_type"), now
        )

    def _view(self, route: Route, names: dict[str, str], call: Call, form: Form, now: float) -> Answer:
        match route.endpoint:
            case "create":
                return self.bulk.create(_type(route), names.get("name"), call, form, now)
            case "status":
                return self.bulk.status(_type(route), names.get("name"), _batch(names), now)
            case "failures" | "warnings" as kind:
                return self.bulk.file(kind, _type(route), names.get("name"), _batch(names), now)
            case "describe" | "lookup":
                return self._look_up(route, names.get("name", ""), call, now)
            case "stats":
                return self._stats(route.view, now)
            case _:
                raise Refusal(route.view)

    def _look_up(self, route: Route, name: str, call: Call, now: float) -> Answer:
        look, query = self.lookups, call.query
        more: dict[str, Any] = {}
        match route.endpoint, route.view:
            case _, "leads":
                result = look.describe_leads()
            case _, "leads2":
                result = look.describe_leads2()
            case _, "custom_objects":
                result = look.custom_objects(query.get("names"))
            case _, "custom_object":
                result = look.describe_custom_object(name)
            case _, "members":
                result = look.describe_members()
            case _, "partitions":
                result = look.partitions()
            case _, "lists":
                result = look.static_lists(query.get("id"), query.get("name"))
            case _, "list":
                result = look.static_list(name)
            case _, "list_members":
                result, more = look.list_members(name, query.get("batchSize"), query.get("nextPageToken"))
            case _, "program":
                result = look.program(name)
            case _, "channel":
                result = look.channels(query.get("name", ""))
            case _:
                result = look.channels()
        return self.envelopes.success(now, result, **more)

    def _stats(self, view: str, now: float) -> Answer:
        days = 7 if view.endswith("_week") else 1
        if view.startswith("usage"):
            return self.envelopes.success(now, self.limits.usage(now, days, _API_USER))
        return self.envelopes.success(now, self.limits.errors(now, days))


def _type(route: Route) -> ObjectType:
    match route.view:
        case "custom_object" | "program_member" as view:
            return view
        case _:
            return "lead"


def _batch(names: dict[str, str]) -> int:
    number = whole(names["batch"])
    if number is None:
        raise Refusal("1001", f"Invalid value '{names['batch']}'. Required of type 'Integer'")
    return number
