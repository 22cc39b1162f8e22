"""The published document: what it says of the routes, and that docs/api.md says the same."""

import ast
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from app.api.app import routed
from app.api.openapi.answers import operations
from app.domain import errors
from app.domain.problems import PROBLEMS
from app.settings import exactly
from app.web.import_filters import NAMES
from app.web.paging import PARAMETERS
from tests.api.test_api_keys import ROUTES
from tests.story.files import LEADS
from tests.support.clock import SteppedClock
from tests.support.processes import ROOT
from tests.support.stage import Stage, staged

PROBLEM = "application/problem+json"
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
FILES = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
KINDS = {kind.__name__: kind for kind in (errors.CallerError, *errors.CallerError.__subclasses__())}
OF_FILES = {"Content-Digest", "Content-Disposition", "Content-Encoding"}
TOKEN = "/identity/oauth/token"
OF_NO_OPERATION = {"method_not_allowed"}  # it is what every other method of a path is answered


@pytest.fixture
async def stage(sqlite_url: str, clock: SteppedClock) -> AsyncIterator[Stage]:
    """One database is enough: no answer here comes from it alone."""
    async with staged(sqlite_url, clock) as found:
        yield found


def given_codes() -> Iterator[tuple[str, str | None, str]]:
    """(code, the kind of error that it is given to, where) of each place in the service that names one."""
    for path in sorted((ROOT / "app").rglob("*.py")):
        if path.is_relative_to(ROOT / "app" / "simulator"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield from ((code, node.func.id, f"{path.name}:{node.lineno}") for code in codes_of(node))


def codes_of(call: ast.Call) -> Iterator[str]:
    assert isinstance(call.func, ast.Name)
    values = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    if call.func.id in {"Unreadable", "Mistake"}:
        values += call.args[:1]
    if call.func.id in {*KINDS, "problem", "Unreadable", "Mistake"}:
        yield from (value.value for value in values if isinstance(value, ast.Constant))


def codes_in(document: dict[str, Any]) -> set[str]:
    return {
        code
        for _, _, operation in operations(document)
        for response in operation["responses"].values()
        for code in response.get("content", {}).get(PROBLEM, {}).get("examples", {})
    }


def ours(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    return ((method, path, one) for method, path, one in operations(document) if one["tags"] != ["marketo"])


def test_every_code_that_is_given_has_a_page_and_its_status():
    """A new one without an entry in domain/problems.py is red."""
    found = list(given_codes())
    assert {"bad_bytes", "nothing_to_retry", "client_backlog_full", "internal_error"} <= {code for code, _, _ in found}
    for code, kind, where in found:
        assert code in PROBLEMS, f"{where}: {code} has no page"
        if kind in KINDS:
            assert PROBLEMS[code].status == KINDS[kind].status, where
    for kind in KINDS.values():
        assert PROBLEMS[kind.code].status == kind.status


def test_every_page_is_of_a_code_that_is_given():
    """None is left behind when its code goes."""
    given = {code for code, _, _ in given_codes()} | {kind.code for kind in KINDS.values()}
    assert PROBLEMS.keys() - given == {"content_too_large", "method_not_allowed"}  # the framework's, by its status


def test_every_code_is_an_answer_of_some_operation(document: dict[str, Any]):
    """And the document names none that there is not."""
    assert codes_in(document) == PROBLEMS.keys() - OF_NO_OPERATION


def test_just_the_guarded_operations_ask_for_a_key(document: dict[str, Any]):
    """The table of test_keys.py says which those are; each says that it is 401 without one."""
    asking = {(method, path) for method, path, operation in ours(document) if "security" in operation}
    assert asking == set(ROUTES)
    for method, path, operation in ours(document):
        assert ("401" in operation["responses"]) == ((method, path) in ROUTES)


def test_a_service_without_keys_says_so():
    """Nothing asks for a key, and anything may be refused to who is not on this machine."""
    document = routed(exactly(auth="off", instances={})).openapi()
    assert "securitySchemes" not in document["components"]
    for _, path, operation in operations(document):
        assert "security" not in operation, path
        assert "401" not in operation["responses"] or path == TOKEN, path
        assert ("403" in operation["responses"]) != (operation["tags"] == ["marketo"]), path


def test_metrics_ask_for_a_key_where_the_setting_says_so():
    """They are not guarded as the others are."""
    document = routed(exactly(auth="on", metrics_auth="on", instances={})).openapi()
    assert {"401", "403"} <= document["paths"]["/metrics"]["get"]["responses"].keys()
    assert document["paths"]["/metrics"]["get"]["security"]


def test_every_error_is_a_problem(document: dict[str, Any]):
    """One schema for all of them, plainly referred to; an answer names its codes in words, with an example of each.

    But for /readyz, which says in the same form whether it is ready.
    """
    examples = document["components"]["examples"]
    for _, path, operation in ours(document):
        for status, response in operation["responses"].items():
            if status >= "400" and (path, status) != ("/readyz", "503"):
                assert list(response["content"]) == [PROBLEM], (path, status)
                media = response["content"][PROBLEM]
                assert media["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert media["examples"].keys() == set(re.findall(r"`(\w+)`: ", response["description"]))
                assert {examples[code]["value"]["status"] for code in media["examples"]} == {int(status)}
    assert "HTTPValidationError" not in str(document)


@pytest.mark.parametrize(
    ("method", "path", "names"),
    [
        ("post", "/v1/imports", {"Idempotency-Key", *OF_FILES}),
        ("post", "/v1/checks", OF_FILES),
        ("post", "/v1/imports/{import_id}/retry", {"Idempotency-Key"}),
        ("post", "/v1/imports/{import_id}/retry-failures", {"Idempotency-Key", *OF_FILES}),
        ("get", "/v1/imports/{import_id}", {"If-None-Match"}),
        ("get", "/v1/imports/{import_id}/events", {"Last-Event-ID"}),
    ],
)
def test_the_headers_that_count_are_declared(document: dict[str, Any], method: str, path: str, names: set[str]):
    """Those of the API's page."""
    declared = document["paths"][path][method]["parameters"]
    assert {item["name"] for item in declared if item["in"] == "header"} == names


@pytest.mark.parametrize(
    ("path", "types"),
    [
        ("failures", {"application/json", "text/csv", "text/tab-separated-values"}),
        ("warnings", {"application/json", "text/csv", "text/tab-separated-values"}),
        ("failures.csv", {"text/csv", "text/tab-separated-values"}),
        ("warnings.csv", {"text/csv", "text/tab-separated-values"}),
        ("failures/reasons", {"application/json"}),
        ("events", {"application/json", "text/event-stream"}),
    ],
)
def test_other_media_types_are_declared(document: dict[str, Any], path: str, types: set[str]):
    """Whatever the Accept header may ask for."""
    answer = document["paths"][f"/v1/imports/{{import_id}}/{path}"]["get"]["responses"]["200"]
    assert set(answer["content"]) == types


def test_the_words_are_those_of_the_contract(document: dict[str, Any]):
    """Written anew, for callers build on them."""
    schemas = document["components"]["schemas"]
    assert set(schemas["ImportStatus"]["enum"]) == {"queued", "importing", "complete", "failed", "cancelled"}
    assert set(schemas["PartState"]["enum"]) == {
        *("waiting", "submitting", "unconfirmed", "queued", "importing", "collecting", "complete", "failed"),
        "cancelled",
    }
    assert set(schemas["WaitingFor"]["enum"]) == {
        *("slot", "same_records", "not_before", "instance_paused", "instance_blocked", "rate_limit", "daily_quota"),
        *("retry", "review"),
    }
    assert set(schemas["AttentionCode"]["enum"]) == {
        *("unconfirmed", "stuck", "unknown_at_marketo", "instance_blocked", "results_missing"),
    }
    assert set(schemas["InstanceState"]["enum"]) == {"running", "paused", "blocked", "backing_off"}


def test_schemas_and_operations_have_the_names_that_generated_clients_are_written_against(document: dict[str, Any]):
    """Written anew: another name breaks whoever has generated a client."""
    assert document["components"]["schemas"].keys() >= {
        *("Import", "Part", "Job", "Instance", "InstanceSummary", "Event", "InstanceEvent", "ResultRow", "Problem"),
        *("ImportPage", "PartPage", "JobPage", "InstancePage", "EventPage", "InstanceEventPage", "ResultRowPage"),
        *("ImportStatus", "PartState", "JobState", "InstanceState", "WaitingFor", "AttentionCode", "ObjectType"),
        *("Webhook", "WebhookWithSecret", "WebhookPage", "WebhookDelivery", "WebhookDeliveryPage", "WebhookEvent"),
        *("EventType", "InstanceEventType", "HealthStatus", "OnUnconfirmed", "Format", "FileCheck", "ServiceStatus"),
    }
    assert {operation["operationId"] for _, _, operation in ours(document)} == {
        *("createImport", "listImports", "getImport", "eraseImport", "cancelImport", "retryImport", "retryFailures"),
        *("changeImport", "releaseImport"),
        *("checkFile", "listParts", "resolvePart", "listEvents", "listFailures", "listWarnings"),
        *("downloadFailures", "downloadWarnings", "listFailureReasons", "listWarningReasons", "createStreamToken"),
        *("listInstances", "getInstance", "pauseInstance", "resumeInstance", "listJobs", "listInstanceEvents"),
        *("listKeys", "createKey", "revokeKey"),
        *("listWebhooks", "createWebhook", "getWebhook", "updateWebhook", "deleteWebhook", "rotateWebhookSecret"),
        *("testWebhook", "listWebhookDeliveries", "redeliverWebhookDelivery"),
        *("getStatus", "getLiveness", "getReadiness", "getMetrics", "listProblems", "getProblem"),
    }


def test_no_name_tells_of_how_the_service_is_written(document: dict[str, Any]):
    """No suffix of a Python class; a summary is a sentence, and no two operations share one."""
    names = document["components"]["schemas"].keys()
    assert not [name for name in names if name.endswith(("Out", "Pages", "-Input", "-Output")) or "_" in name]
    shown = [(operation["operationId"], operation["summary"]) for _, _, operation in ours(document)]
    assert len({summary for _, summary in shown}) == len(shown)
    for name, summary in shown:
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)+", name), name
        assert re.fullmatch(r"[A-Z][a-z]+ [^A-Z].*[^.]", summary), summary
        assert summary != re.sub(r"([A-Z])", r" \1", name).title()


def test_every_event_type_is_on_the_page_and_in_the_document(document: dict[str, Any]):
    """Both ways."""
    published = set(document["components"]["schemas"]["EventType"]["enum"])
    assert published == set(re.findall(r"`(\w+)`(?=[,| ])", section("event-types")))
    of_instances = set(document["components"]["schemas"]["InstanceEventType"]["enum"])
    assert of_instances == set(re.findall(r"^\| `(\w+)` \|", section("instance-event-types"), re.MULTILINE))


async def test_a_parameter_that_is_left_out_has_the_default_that_is_published(stage: Stage, document: dict[str, Any]):
    """As far as the import tells."""
    shown = await stage.read(await stage.created(LEADS))
    declared = document["paths"]["/v1/imports"]["post"]["parameters"]
    told = {item["name"]: re.search(r"Default: `(.+)`\.$", item.get("description", "")) for item in declared}
    defaults = {name: int(found[1]) if name == "priority" else found[1] for name, found in told.items() if found}
    assert defaults == {
        "object_type": "lead",
        "instance": "default",
        "format": "csv",
        "charset": "utf-8",
        "lookup_field": "email",
        "priority": 5,
        "preflight": "header",
        "on_unconfirmed": "resubmit",
        "bundle": "auto",
        "review": "false",
    }
    assert {name: shown[name] for name in defaults.keys() & shown.keys()} == {
        name: value for name, value in defaults.items() if name in shown
    }


def test_a_form_takes_what_the_query_takes(document: dict[str, Any]):
    """And the file. So does a check, and `sample` beside it."""
    create, check = (document["paths"][path]["post"] for path in ("/v1/imports", "/v1/checks"))
    assert create["requestBody"]["content"]["multipart/form-data"]["schema"] == {
        "$ref": "#/components/schemas/ImportForm"
    }
    schemas = document["components"]["schemas"]
    of_check, fields = (schemas[name]["properties"].keys() for name in ("FileCheckForm", "ImportForm"))
    assert of_check - {"file"} == {item["name"] for item in check["parameters"] if item["in"] == "query"}
    assert of_check - fields == {"sample"}
    assert fields - {"file"} == {item["name"] for item in create["parameters"] if item["in"] == "query"}


def test_the_list_s_filters_are_those_that_it_knows(document: dict[str, Any]):
    """Both ways: an unknown one is refused."""
    declared = document["paths"]["/v1/imports"]["get"]["parameters"]
    assert {item["name"] for item in declared} == {*NAMES, *PARAMETERS}


def test_every_link_leads_to_an_operation(document: dict[str, Any]):
    """And gives it a parameter that it has."""
    known = {operation["operationId"]: operation for _, _, operation in operations(document)}
    links = [
        link
        for operation in known.values()
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    ]
    assert {"getImport", "cancelImport", "resolvePart", "listFailures"} <= {link["operationId"] for link in links}
    for link in links:
        assert link["parameters"].keys() <= {item["name"] for item in known[link["operationId"]]["parameters"]}


def test_every_request_that_the_page_tells_of_is_there(document: dict[str, Any]):
    """By its method and path; the table of all requests on the page is generated."""
    there = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path, _ in operations(document)}
    told = {
        (method, re.sub(r"\{\w+\}|\b42\b", "{}", path.rstrip("/") if path != "/problems/" else path))
        for method, path in re.findall(r"`(GET|POST|DELETE|PUT|PATCH) (/[\w/{}.-]*)", API)
    }
    assert len(told) > 15
    assert told - there == set()


def test_every_code_that_the_pages_tell_of_is_one():
    """In prose, and in the generated table."""
    told = set(re.findall(r"\b(?:400|401|403|404|409|413|415|422|429|503|507)\b[^`|.\n]{0,3}`([a-z_]+)`", API + FILES))
    assert {"idempotency_key_reused", "unsupported_charset", "invalid_header"} <= told
    assert told <= PROBLEMS.keys()


async def test_the_page_of_the_api_needs_nothing_from_elsewhere(stage: Stage):
    """It works without the internet, and only for this machine where no keys are asked for."""
    page = await stage.api.get("/docs")
    assert page.status_code == 200
    parts = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(parts) >= 2
    for part in parts:
        assert part.startswith("/"), part
        assert (await stage.api.get(part)).status_code == 200, part
    assert "url: '/openapi.json'" in page.text
    for path in ("/docs", "/openapi.json", "/problems/"):
        assert (await stage.api.get(path, headers={"Host": "sluice.example.com"})).status_code == 403


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/imports", "GET, HEAD, POST"),
        ("/v1/checks", "POST"),
        ("/v1/imports/1", "DELETE, GET, HEAD, PATCH"),
        ("/v1/imports/1/cancel", "POST"),
        ("/livez", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_allowed_is_told_all_that_are(stage: Stage, path: str, allowed: str):
    """Not only those of the first route that has the path."""
    answer = await stage.api.put(path)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == allowed


def section(name: str) -> str:
    """A generated section of the API's page."""
    found = re.search(rf"<!-- generated: {name} -->\n(.*?)<!-- end: {name} -->", API, re.DOTALL)
    assert found
    return found[1]


async def test_the_openapi_document_is_served(stage: Stage):
    """With every path of the contract that exists."""
    paths = (await stage.api.get("/openapi.json")).json()["paths"]
    assert {"/v1/imports", "/v1/imports/{import_id}", "/v1/imports/{import_id}/failures", "/v1/status"} <= paths.keys()
