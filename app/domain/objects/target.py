"""What an object type has to say. Whoever needs to know how types differ asks here; nobody asks which type it is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from functools import cache
from typing import Any, ClassVar, Self, get_type_hints

from app.domain.objects.parameters import Parameter


class Target(ABC):
    """What the rows of one import become. A subclass is an object type, its fields are the type's parameters."""

    __slots__ = ()

    object_type: ClassVar[str]  # the word of our API
    plural: ClassVar[str]  # in a sentence

    # Marketo's paths. Braces hold `batchId`, or the name that a parameter has there (`in_path`).
    create_path: ClassVar[str]
    status_path: ClassVar[str]
    batch_path: ClassVar[str]  # the files of a job stand below it: /failures.json, /warnings.json
    describe_paths: ClassVar[tuple[str, ...]]  # the fields of all of these, together, may stand in a file's header
    objects_path: ClassVar[str | None]  # lists the objects of this type by their API names; None: there is just one

    row_count_field: ClassVar[str]  # of the rows that Marketo imported, in its record of a job
    dedupe_fields_are_described: ClassVar[bool]  # the record key is what describe says, not what the caller says
    column_case_matters: ClassVar[bool]  # whether Marketo takes a column's name only in the case that describe has

    sample: ClassVar[str]  # a file of docs/samples that the demo imports
    example_file: ClassVar[str]  # two lines of CSV, for the API's documentation

    @property
    @abstractmethod
    def key_columns(self) -> tuple[str, ...]:
        """The columns without which Marketo cannot find a record. Empty: only Marketo knows (its describe)."""

    @property
    @abstractmethod
    def record_kind(self) -> str:
        """Which of Marketo's records the rows change. Types may share one: then they may meet at a record."""

    @property
    def key_fields(self) -> str:
        """The key columns as one text, whatever their order and case."""
        return ",".join(sorted(name.lower() for name in self.key_columns))

    @property
    def busy_list_id(self) -> int | None:
        """The static list that the rows join: it takes one import at a time (1019)."""
        return None

    @property
    def object_name_at_marketo(self) -> str | None:
        """The API name of the object, where a type has many of them."""
        return None

    @property
    def described_as(self) -> str:
        """The name by which Marketo's description of the object is kept."""
        return self.object_type

    def with_dedupe_fields(self, described: tuple[str, ...]) -> Self:
        """The target with the record key that describe tells. Errors: BadParameter, where the caller said another."""
        del described
        return self

    @classmethod
    def parameters(cls) -> Mapping[str, Parameter]:
        """By their names in our API, in the order of the fields."""
        return _parameters(cls)

    def parameter_values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.parameters()}

    def path_values(self) -> dict[str, str]:
        """The values that stand in the type's path templates, by their names there."""
        return {p.in_path: str(getattr(self, name)) for name, p in self.parameters().items() if p.in_path}

    @classmethod
    def example(cls) -> Self:
        """A target as the documentation shows it."""
        return cls(**{name: p.example for name, p in cls.parameters().items() if p.example is not None})


@cache
def _parameters(object_type: type[Target]) -> Mapping[str, Parameter]:
    annotations = get_type_hints(object_type, include_extras=True)
    parameters = {}
    for field in fields(object_type):  # type: ignore[arg-type]  # every subclass is a dataclass
        (declared,) = annotations[field.name].__metadata__
        is_required = field.default is MISSING
        default = None if is_required else field.default
        parameters[field.name] = replace(declared, name=field.name, default=default, required=is_required)
    return parameters
