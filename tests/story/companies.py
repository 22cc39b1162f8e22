"""A fourth object type, as its module in app/domain/objects would be; and what the simulator has to know of it.

Marketo has no bulk import of companies: this one differs from the three real types in all that a type declares.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from app.domain.objects import OBJECT_TYPES, Parameter, Target, ValueKind
from app.simulator import bulk, marketo, params, routes
from app.simulator.calls import Call
from app.simulator.rules import Rules
from app.simulator.schema import Field, Schema, by_lower_name
from app.simulator.targets import Target as SimulatedTarget

COLUMN = "company_region"
"""The column that a migration would add for the type's parameter."""


@dataclass(frozen=True, slots=True)
class Companies(Target):
    company_region: Annotated[
        str, Parameter(ValueKind.TEXT, "the region of the companies", at_marketo="region", example="EMEA")
    ]

    object_type: ClassVar = "company"
    plural: ClassVar = "companies"
    create_path: ClassVar = "/bulk/v1/companies/import.json"
    status_path: ClassVar = "/bulk/v1/companies/import/{batchId}/state.json"
    batch_path: ClassVar = "/bulk/v1/companies/import/{batchId}"
    describe_paths: ClassVar = ("/rest/v1/companies/describe.json",)
    objects_path: ClassVar = None
    row_count_field: ClassVar = "numOfCompaniesProcessed"
    dedupe_fields_are_described: ClassVar = False
    column_case_matters: ClassVar = True
    sample: ClassVar = "companies.csv"
    example_file: ClassVar = "externalCompanyId,company\r\nC-1,Example\r\n"

    @property
    def key_columns(self) -> tuple[str, ...]:
        return ("externalCompanyId",)

    @property
    def record_kind(self) -> str:
        return "companies"


def register() -> None:
    """As an entry in OBJECT_TYPES would: before the rest of the service is imported."""
    OBJECT_TYPES[Companies.object_type] = Companies


FIELDS = (
    Field("externalCompanyId", "External Company Id"),
    Field("company", "Company"),
    Field("staff", "Staff", "integer"),
)
ROUTES = (
    ("POST", Companies.create_path, "create"),
    ("GET", "/bulk/v1/companies/import/{batch}/state.json", "status"),
    ("GET", "/bulk/v1/companies/import/{batch}/failures.json", "failures"),
    ("GET", "/bulk/v1/companies/import/{batch}/warnings.json", "warnings"),
    ("GET", Companies.describe_paths[0], "describe"),
)


def teach_simulator() -> None:
    """Its paths, its parameter, its fields, and how it counts."""
    routes.ROUTES += tuple(routes._route(method, path, endpoint, "company") for method, path, endpoint in ROUTES)
    type_of, read_target, look_up = marketo._type, params.read_target, marketo.Marketo._look_up
    status_entry = bulk._status_entry

    def with_companies(object_type: str, name: str | None, call: Call, schema: Schema, rules: Rules) -> Any:
        if object_type != "company":
            return read_target(object_type, name, call, schema, rules)
        if params.param(call, "region", rules) != "EMEA":
            raise params.Refusal("1002", "Missing value for the required parameter 'region'")
        _, delimiter = read_target("lead", None, call, schema, rules)
        fields = by_lower_name(FIELDS)
        return SimulatedTarget("company", "company", ("externalCompanyId",), fields, "reject"), delimiter

    def look_up_companies(self: marketo.Marketo, route: routes.Route, name: str, call: Call, now: float) -> Any:
        if route.view != "company":
            return look_up(self, route, name, call, now)
        fields = [{"name": one.name, "displayName": one.display_name, "dataType": one.type} for one in FIELDS]
        return self.envelopes.success(now, [{"name": "company", "fields": fields}])

    def entry_of_companies(job: bulk.Job, counts: tuple[int, int, int]) -> dict[str, Any]:
        entry = status_entry(job, counts)
        if job.target and job.target.object_type == "company" and "numOfLeadsProcessed" in entry:
            entry["numOfCompaniesProcessed"] = entry.pop("numOfLeadsProcessed")
        return entry

    marketo._type = lambda route: "company" if route.view == "company" else type_of(route)
    bulk.read_target = with_companies
    marketo.Marketo._look_up = look_up_companies
    bulk._status_entry = entry_of_companies
