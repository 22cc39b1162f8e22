"""Marketo's paths on one screen: method, path, what the report and the faults call the endpoint, what answers it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Endpoint = Literal["identity", "create", "status", "failures", "warnings", "describe", "lookup", "stats", "unknown"]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: re.Pattern[str]
    endpoint: Endpoint
    view: str


def _route(method: str, path: str, endpoint: Endpoint, view: str) -> Route:
    pattern = re.escape(path).replace(r"\{", "{").replace(r"\}", "}")
    return Route(method, re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/.]+)", pattern)), endpoint, view)


# Traps: the lead status has no /status; members' status and files have no program id; bulk has no /rest before it.
ROUTES = (
    _route("GET", "/identity/oauth/token", "identity", "token"),
    _route("POST", "/identity/oauth/token", "identity", "token"),
    _route("POST", "/bulk/v1/leads.json", "create", "lead"),
    _route("GET", "/bulk/v1/leads/batch/{batch}.json", "status", "lead"),
    _route("GET", "/bulk/v1/leads/batch/{batch}/failures.json", "failures", "lead"),
    _route("GET", "/bulk/v1/leads/batch/{batch}/warnings.json", "warnings", "lead"),
    _route("POST", "/bulk/v1/customobjects/{name}/import.json", "create", "custom_object"),
    _route("GET", "/bulk/v1/customobjects/{name}/import/{batch}/status.json", "status", "custom_object"),
    _route("GET", "/bulk/v1/customobjects/{name}/import/{batch}/failures.json", "failures", "custom_object"),
    _route("GET", "/bulk/v1/customobjects/{name}/import/{batch}/warnings.json", "warnings", "custom_object"),
    _route("POST", "/bulk/v1/program/{name}/members/import.json", "create", "program_member"),
    _route("GET", "/bulk/v1/program/members/import/{batch}/status.json", "status", "program_member"),
    _route("GET", "/bulk/v1/program/members/import/{batch}/failures.json", "failures", "program_member"),
    _route("GET", "/bulk/v1/program/members/import/{batch}/warnings.json", "warnings", "program_member"),
    _route("GET", "/rest/v1/leads/describe.json", "describe", "leads"),
    _route("GET", "/rest/v1/leads/describe2.json", "describe", "leads2"),
    _route("GET", "/rest/v1/customobjects.json", "describe", "custom_objects"),
    _route("GET", "/rest/v1/customobjects/{name}/describe.json", "describe", "custom_object"),
    _route("GET", "/rest/v1/programs/members/describe.json", "describe", "members"),
    _route("GET", "/rest/v1/program/members/describe.json", "describe", "members"),
    _route("GET", "/rest/v1/leads/partitions.json", "lookup", "partitions"),
    _route("GET", "/rest/v1/lists.json", "lookup", "lists"),
    _route("GET", "/rest/v1/lists/{name}.json", "lookup", "list"),
    _route("GET", "/rest/v1/lists/{name}/leads.json", "lookup", "list_members"),
    _route("GET", "/rest/asset/v1/staticList/{name}.json", "lookup", "list"),
    _route("GET", "/rest/asset/v1/program/{name}.json", "lookup", "program"),
    _route("GET", "/rest/asset/v1/channels.json", "lookup", "channels"),
    _route("GET", "/rest/asset/v1/channel/byName.json", "lookup", "channel"),
    _route("GET", "/rest/v1/stats/usage.json", "stats", "usage"),
    _route("GET", "/rest/v1/stats/usage/last7days.json", "stats", "usage_week"),
    _route("GET", "/rest/v1/stats/errors.json", "stats", "errors"),
    _route("GET", "/rest/v1/stats/errors/last7days.json", "stats", "errors_week"),
)
_NOWHERE = Route("", re.compile(""), "unknown", "610")
_WRONG_METHOD = Route("", re.compile(""), "unknown", "605")


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route and what its path names; for a path or method that Marketo lacks, one whose view is the error code."""
    plain = _without_dots(path)
    here = [(route, match) for route in ROUTES if (match := route.path.fullmatch(plain))]
    for route, match in here:
        if route.method == method:
            return route, match.groupdict()
    return (_WRONG_METHOD if here else _NOWHERE), {}


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4. A client that lives on `/rest` asks for `/rest/../bulk/v1/...`, and sends it like that."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[max(1, len(segments) - 1) :]  # the first is what stands before the first slash
        elif segment != ".":
            segments.append(segment)
    return "/".join(segments)
