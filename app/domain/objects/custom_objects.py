"""Custom objects: an instance's own, each with an API name, found by its dedupe fields.

Adobe, "Bulk custom object import", read 2026-08.
"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self

from app.domain.errors import BadParameter, Detail
from app.domain.objects.parameters import Parameter, ValueKind
from app.domain.objects.target import Target


@dataclass(frozen=True, slots=True)
class CustomObject(Target):
    object_name: Annotated[
        str,
        Parameter(ValueKind.API_NAME, "the object's API name, such as `car_c`", in_path="name", example="car_c"),
    ]
    dedupe_fields: Annotated[
        tuple[str, ...],
        Parameter(ValueKind.API_NAMES, "comma-separated; asked of Marketo, at most once a day, when left out"),
    ] = ()

    object_type: ClassVar = "custom_object"
    plural: ClassVar = "custom objects"
    create_path: ClassVar = "/bulk/v1/customobjects/{name}/import.json"
    status_path: ClassVar = "/bulk/v1/customobjects/{name}/import/{batchId}/status.json"
    batch_path: ClassVar = "/bulk/v1/customobjects/{name}/import/{batchId}"
    describe_paths: ClassVar = ("/rest/v1/customobjects/{name}/describe.json",)
    objects_path: ClassVar = "/rest/v1/customobjects.json"
    row_count_field: ClassVar = "numOfObjectsProcessed"
    dedupe_fields_are_described: ClassVar = True
    column_case_matters: ClassVar = True
    sample: ClassVar = "cars.ssv"
    example_file: ClassVar = "vin,make,model\r\nWBA3A5C57CF256651,bmw,320\r\n"

    @property
    def key_columns(self) -> tuple[str, ...]:
        return self.dedupe_fields

    @property
    def record_kind(self) -> str:
        return f"custom_object:{self.object_name.lower()}"

    @property
    def object_name_at_marketo(self) -> str:
        return self.object_name

    @property
    def described_as(self) -> str:
        return self.record_kind

    def with_dedupe_fields(self, described: tuple[str, ...]) -> Self:
        if not described:
            return self
        if self.dedupe_fields and _lower(self.dedupe_fields) != _lower(described):
            message = f"Marketo finds records of {self.object_name} by {', '.join(described)}. Say so, or leave it out."
            raise BadParameter(message, details=(Detail(message, field="dedupe_fields"),))
        return replace(self, dedupe_fields=described)


def _lower(names: tuple[str, ...]) -> set[str]:
    return {name.lower() for name in names}
