"""What may be changed of an import that still waits."""

import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from app.api.openapi import examples
from app.api.parameters import TIME
from app.domain.imports import HIGHEST_PRIORITY, LABEL_CHARACTERS
from app.web.parameter_values import moment, plain_text


def _moment(value: object) -> datetime:
    return moment(value if isinstance(value, str) else json.dumps(value))


def _without_defaults(schema: dict[str, Any]) -> None:
    """A client that is generated would send a default, and so change what nobody named."""
    for form in schema["properties"].values():
        form.pop("default", None)
    schema["examples"] = [examples.IMPORT_CHANGE]


class ImportChange(BaseModel):
    """What is named is changed; all else stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_defaults)

    priority: Annotated[int, Field(strict=True, ge=0, le=HIGHEST_PRIORITY)] = 5
    not_before: Annotated[datetime, BeforeValidator(_moment), WithJsonSchema(TIME)] | None = None
    """null: it may go at its turn."""
    label: Annotated[str, Field(max_length=LABEL_CHARACTERS), AfterValidator(plain_text)] | None = None
    """null: it has none."""

    @property
    def named(self) -> dict[str, Any]:
        """The values of the fields that the body has. A label of no letters is none, as everywhere."""
        values = {name: getattr(self, name) for name in self.model_fields_set}
        return values | ({"label": values["label"] or None} if "label" in values else {})
