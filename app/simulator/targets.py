"""What the rows of one import become, and the row rules that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from app.simulator.schema import Field, Link

ObjectType = Literal["lead", "custom_object", "program_member"]


@dataclass(frozen=True, slots=True)
class Target:
    """`table` is where records go, `key_fields` is how one is found; `fields` by lower-cased name."""

    object_type: ObjectType
    table: str
    key_fields: tuple[str, ...]
    fields: Mapping[str, Field]
    unknown_header: Literal["reject", "ignore"]
    links: tuple[Link, ...] = ()
    update_only: bool = False
    list_id: int | None = None
    partition: str | None = None
    program_id: int | None = None
    program_status: str | None = None
    member_fields: frozenset[str] = frozenset()

    @property
    def object_name(self) -> str | None:
        return self.table if self.object_type == "custom_object" else None
